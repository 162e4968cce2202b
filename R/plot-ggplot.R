# The same panels as ggplots.

panels_ggplot <- function(panels) {
  kinds <- vapply(panels, `[[`, "", "kind")
  lined <- panels[kinds %in% c("lines", "dots") & !vapply(panels, `[[`, NA, "diagonal")]
  if (length(panels) == 1) {
    panel <- panels[[1]]
    return(switch(panel$kind,
      matrix = matrix_ggplot(panel),
      bars = bars_ggplot(panel),
      shares = shares_ggplot(panel),
      parallel = parallel_ggplot(panel),
      lines = ,
      dots = lines_ggplot(panels),
      abort_input(
        sprintf("A ggplot cannot show '%s'.", panel$title), "plot() draws it with base graphics."
      )
    ))
  }
  if (length(lined) == 0) {
    abort_input(
      "There are no histories to show in one ggplot.",
      "Name one chart in `metrics`, or use plot()."
    )
  }
  lines_ggplot(lined)
}

lines_ggplot <- function(panels) {
  .data <- rlang::.data
  frame <- do.call(rbind, lapply(panels, panel_frame))
  frame$panel <- factor(frame$panel, unique(frame$panel))
  frame$name <- factor(frame$name, unique(frame$name))
  labels <- unique(vapply(panels, `[[`, "", "x_label"))
  up <- unique(vapply(panels, `[[`, "", "y_label"))
  several <- nlevels(frame$name) > nlevels(frame$panel)
  picture <- ggplot2::ggplot(frame, ggplot2::aes(.data$x, .data$y, colour = .data$name))
  if (panels[[1]]$diagonal) {
    picture <- picture + ggplot2::geom_abline(linetype = "dashed", colour = guide_colour)
  }
  if (panels[[1]]$kind == "lines") {
    picture <- picture + ggplot2::geom_line(data = frame[!frame$is_dots, ], na.rm = TRUE)
  }
  if (any(!is.na(frame$error))) {
    picture <- picture + ggplot2::geom_linerange(
      ggplot2::aes(ymin = .data$y - .data$error, ymax = .data$y + .data$error)
    )
  }
  picture +
    ggplot2::geom_point(data = frame[frame$marked, ], size = 1, na.rm = TRUE) +
    ggplot2::facet_wrap(ggplot2::vars(.data$panel), scales = "free") +
    ggplot2::scale_colour_manual(
      values = rep_len(plot_colours, nlevels(frame$name)), limits = levels(frame$name),
      guide = if (several) "legend" else "none"
    ) +
    ggplot2::labs(x = if (length(labels) == 1) labels, y = if (nzchar(up[[1]])) up[[1]]) +
    ggplot2::labs(colour = NULL)
}

panel_frame <- function(panel) {
  do.call(rbind, lapply(panel$lines, function(line) {
    data.frame(
      panel = panel$title, name = line$name, x = line$x, y = line$y,
      error = if (length(line$errors) > 0) line$errors else NA_real_,
      marked = panel$kind == "dots" || isTRUE(line$is_dots) || length(line$x) <= 40,
      is_dots = isTRUE(line$is_dots)
    )
  }))
}

matrix_ggplot <- function(panel) {
  .data <- rlang::.data
  size <- length(panel$labels)
  cells <- do.call(rbind, panel$cells)
  frame <- expand.grid(true = seq_len(size), predicted = seq_len(size))
  frame$count <- as.vector(cells)
  frame$share <- as.vector(cells / pmax(rowSums(cells), 1))
  frame$true <- factor(panel$labels[frame$true], rev(unique(panel$labels)))
  frame$predicted <- factor(panel$labels[frame$predicted], unique(panel$labels))
  ggplot2::ggplot(frame, ggplot2::aes(.data$predicted, .data$true, fill = .data$share)) +
    ggplot2::geom_tile() +
    ggplot2::geom_text(ggplot2::aes(
      label = format_counts(.data$count), colour = .data$share > 0.62
    ), show.legend = FALSE) +
    ggplot2::scale_colour_manual(values = c("FALSE" = "#222222", "TRUE" = "white")) +
    ggplot2::scale_fill_gradientn(
      colours = c("#F7FBFF", "#6BAED6", "#08519C"), limits = c(0, 1), guide = "none"
    ) +
    ggplot2::labs(title = panel$title, x = panel$x_label, y = panel$y_label)
}

bars_ggplot <- function(panel) {
  .data <- rlang::.data
  frame <- data.frame(
    left = utils::head(panel$edges, -1), right = utils::tail(panel$edges, -1),
    height = panel$heights
  )
  ggplot2::ggplot(frame) +
    ggplot2::geom_rect(
      ggplot2::aes(xmin = .data$left, xmax = .data$right, ymin = 0, ymax = .data$height),
      fill = plot_colours[[1]], colour = "white"
    ) +
    ggplot2::labs(title = panel$title, x = panel$x_label, y = panel$y_label)
}

shares_ggplot <- function(panel) {
  .data <- rlang::.data
  frame <- data.frame(label = factor(panel$labels, rev(panel$labels)), share = panel$heights)
  ggplot2::ggplot(frame, ggplot2::aes(.data$share, .data$label)) +
    ggplot2::geom_col(fill = plot_colours[[1]]) +
    ggplot2::labs(title = panel$title, x = panel$x_label, y = NULL)
}

parallel_ggplot <- function(panel) {
  .data <- rlang::.data
  frame <- do.call(rbind, lapply(panel$lines, function(line) {
    data.frame(name = line$name, x = line$x, y = line$y, shade = line$shade)
  }))
  frame$name <- factor(frame$name, unique(frame$name)) # the dark ones are drawn last
  places <- seq_along(panel$labels) - 1
  ends <- data.frame(
    x = rep(places, each = 2), y = c(-0.05, 1.05), text = strtrim(panel$texts, 12)
  )
  ggplot2::ggplot(frame, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_line(ggplot2::aes(group = .data$name, colour = .data$shade), na.rm = TRUE) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$shade), size = 1, na.rm = TRUE) +
    ggplot2::geom_text(data = ends, ggplot2::aes(label = .data$text), size = 3) +
    ggplot2::scale_colour_gradientn(
      colours = shade(c(0.2, 0.6, 1)), limits = c(0, 1), guide = "none"
    ) +
    ggplot2::scale_x_continuous(breaks = places, labels = panel$labels, minor_breaks = NULL) +
    ggplot2::scale_y_continuous(breaks = NULL) +
    ggplot2::labs(title = panel$title, x = NULL, y = NULL)
}
