#' Plot runs
#'
#' @description
#' `plot(run)` draws what a run has logged: a panel for each series of numbers, table, chart and
#' image. Series whose names have the same last part (`train/loss`, `val/loss`) share a panel. A
#' table's numeric columns are lines over its first column where that increases, else over its rows.
#' Values that were logged once are shown if they are named, or if there is nothing else.
#'
#' `plot_run_details(run)` draws all of that beside the facts of the run: status, times, tags and
#' the values that were logged once.
#'
#' `plot(experiment)` compares runs: a panel for each metric, with the newest value of each run over
#' its number, or with the histories of the runs as lines.
#'
#' These draw with base graphics, and need no other package. With the package ggplot2
#' `ggplot2::autoplot()` of a run or an experiment gives the same lines as a `ggplot`, in facets, to
#' be changed as any other; of a single chart (`metrics = "confusion"`) it gives that chart, and of
#' a sweep (`kind = "history"`) one of the pictures of [plot_sweep()].
#'
#' @param x,object A `tandemlab_run` or a `tandemlab_experiment`.
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param metrics Names of the metrics to draw; `NULL` for all.
#' @param over What values are drawn over: `"step"`, `"time"` (since the run began), `"index"`
#'   (1, 2, 3 ...), or `"auto"`: steps where all points of a panel have one, else the index. For
#'   experiments also `"run"`, the default: the number of the run.
#' @param kind Of a sweep, what to draw of its trials: `"history"`, `"parallel"` or `"importance"`,
#'   as [plot_sweep()] does; `NULL` for what the run itself has logged.
#' @param limit So many of the newest runs that have logged numbers; children are left out.
#' @param ... For `plot()` graphical parameters, as for [graphics::par()]; else not used.
#' @return `plot()` and `plot_run_details()`: the panels, invisibly: a list of named lists with
#'   `kind` (`"lines"`, `"dots"`, `"matrix"`, `"bars"`, `"image"`, `"facts"`), `title`, and what was
#'   drawn. `autoplot()`: a `ggplot`.
#' @section Errors:
#' `tandemlab_error_not_found` when there is no metric of a name, or nothing to draw.
#' @examplesIf tandemlab_is_ready()
#' exp <- experiment(temp_workspace(), "demo")
#' run <- start_logging_run(exp)
#' for (epoch in 1:9) {
#'   log_metric_to_run("train/loss", exp(-epoch / 3), run, step = epoch)
#'   log_metric_to_run("val/loss", exp(-epoch / 4), run, step = epoch)
#' }
#' log_metric_to_run("auc", 0.87, run)
#' plot(run)
#' plot_run_details(run)
#' complete_run(run)
#' plot(exp, "auc")
#' @export
plot_run_details <- function(run, ...) {
  panels <- call_run(
    arg_run(run), "run.panels",
    metrics = list(), over = "auto", details = TRUE
  )
  draw_panels(panels, ...)
}

#' @rdname plot_run_details
#' @export
plot.tandemlab_run <- function(x, metrics = NULL, over = "auto", ...) {
  draw_panels(run_panels(x, metrics, over), ...)
}

#' @rdname plot_run_details
#' @export
plot.tandemlab_experiment <- function(x, metrics = NULL, over = "run", limit = 20, ...) {
  draw_panels(experiment_panels(x, metrics, over, limit), ...)
}

#' @rdname plot_run_details
#' @method autoplot tandemlab_run
#' @rawNamespace S3method(ggplot2::autoplot, tandemlab_run)
autoplot.tandemlab_run <- function(object, metrics = NULL, over = "auto", kind = NULL, ...) {
  check_no_dots(...)
  if (is.null(kind)) {
    return(panels_ggplot(run_panels(object, metrics, over)))
  }
  if (!is.null(metrics)) {
    abort_input("A picture of a sweep's trials takes no metrics.", "Leave out `metrics` or `kind`.")
  }
  panels_ggplot(sweep_panels(object, arg_choice(kind, sweep_pictures)))
}

#' @rdname plot_run_details
#' @method autoplot tandemlab_experiment
#' @rawNamespace S3method(ggplot2::autoplot, tandemlab_experiment)
autoplot.tandemlab_experiment <- function(object, metrics = NULL, over = "run", limit = 20, ...) {
  check_no_dots(...)
  panels_ggplot(experiment_panels(object, metrics, over, limit))
}

run_panels <- function(run, metrics, over) {
  call_run(
    run, "run.panels",
    metrics = arg_strings(metrics), over = arg_string(over), details = FALSE
  )
}

experiment_panels <- function(experiment, metrics, over, limit) {
  call_experiment(
    experiment, "experiment.panels",
    metrics = arg_strings(metrics), over = arg_string(over), limit = arg_count(limit, least = 1L)
  )
}

# Base graphics

# Okabe and Ito's colours, which people with colour blindness tell apart; Python draws the same.
plot_colours <- c("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333")
guide_colour <- "#7F7F7F"
most_in_legend <- 10

# mfrow first: setting it changes cex.
plot_parameters <- c("mfrow", "mar", "mgp", "tcl", "las", "cex", "bty", "fg")

draw_panels <- function(panels, ...) {
  columns <- min(3, ceiling(sqrt(length(panels))))
  old <- graphics::par(unique(c(plot_parameters, ...names())))
  on.exit(graphics::par(old))
  graphics::par(
    mfrow = c(ceiling(length(panels) / columns), columns), mar = c(3.2, 3.4, 2, 0.8),
    mgp = c(2, 0.5, 0), tcl = -0.25, las = 1, cex = 0.8, bty = "n", fg = guide_colour
  )
  if (...length() > 0) {
    graphics::par(...)
  }
  for (panel in panels) {
    painters[[panel$kind]](panel)
    graphics::title(panel$title, adj = 0, line = 0.6, cex.main = 1.1)
  }
  invisible(panels)
}

painters <- list(
  lines = function(panel) draw_lines(panel),
  dots = function(panel) draw_lines(panel),
  matrix = function(panel) draw_matrix(panel),
  bars = function(panel) draw_bars(panel),
  image = function(panel) draw_picture(panel),
  facts = function(panel) draw_facts(panel),
  shares = function(panel) draw_shares(panel),
  parallel = function(panel) draw_parallel(panel)
)

draw_lines <- function(panel) {
  spread <- unlist(lapply(panel$lines, function(line) c(line$y - half(line), line$y + half(line))))
  places <- unlist(lapply(panel$lines, `[[`, "x"))
  open_axes(panel, places, range(spread, na.rm = TRUE))
  if (panel$diagonal) {
    graphics::abline(0, 1, lty = 2, col = guide_colour)
  }
  colours <- rep_len(plot_colours, length(panel$lines))
  for (number in seq_along(panel$lines)) {
    line <- panel$lines[[number]]
    short <- length(line$x) <= 40 || sum(!is.na(line$y)) < 2
    type <- if (panel$kind == "dots" || isTRUE(line$is_dots)) "p" else if (short) "o" else "l"
    graphics::lines(line$x, line$y, type = type, pch = 20, lwd = 1.6, col = colours[[number]])
    if (length(line$errors) > 0) {
      graphics::segments(
        line$x, line$y - line$errors, line$x, line$y + line$errors,
        col = colours[[number]]
      )
    }
  }
  if (length(panel$lines) > 1) {
    are_dots <- vapply(panel$lines, function(line) isTRUE(line$is_dots), NA)
    draw_legend(vapply(panel$lines, `[[`, "", "name"), colours, panel, are_dots)
  }
}

half <- function(line) if (length(line$errors) > 0) line$errors else 0

# Names of lines; of many, the first, so that the picture is not all names.
draw_legend <- function(names, colours, panel, are_dots) {
  if (length(names) > most_in_legend) {
    more <- sprintf(" ... %d more", length(names) - most_in_legend)
    names <- names[seq_len(most_in_legend)]
    names[[most_in_legend]] <- paste0(names[[most_in_legend]], more)
  }
  graphics::legend(
    emptiest_place(panel), names,
    col = colours[seq_along(names)], lwd = 1.6, bty = "n", cex = 0.85, text.col = "black",
    lty = ifelse(are_dots, 0, 1)[seq_along(names)],
    pch = ifelse(are_dots, 20, NA)[seq_along(names)]
  )
}

# The ninth of the panel that the fewest points are in, and a corner rather than the middle.
emptiest_place <- function(panel) {
  x <- unlist(lapply(panel$lines, `[[`, "x"))
  y <- unlist(lapply(panel$lines, `[[`, "y"))
  across <- cut(x, 3, labels = c("left", "", "right"))
  up <- cut(y, 3, labels = c("bottom", "", "top"))
  places <- c("topright", "topleft", "bottomright", "bottomleft", "right", "left", "top", "bottom")
  names(which.min(table(factor(paste0(up, across), places))))
}

# Axes with a grid; whole numbers get no ticks in between.
open_axes <- function(panel, places, up) {
  whole <- all(places == round(places))
  graphics::plot.default(
    range(places), up,
    type = "n", axes = FALSE, xlab = panel$x_label, ylab = panel$y_label
  )
  at <- graphics::axTicks(1)
  at <- if (whole) unique(round(at)) else at
  graphics::abline(h = graphics::axTicks(2), v = at, col = "#E5E5E5", lwd = 0.7)
  graphics::axis(1, at, col.axis = "black")
  graphics::axis(2, col.axis = "black")
}

# A confusion matrix: each cell with its count, shaded by its share of the true class.
draw_matrix <- function(panel) {
  size <- length(panel$labels)
  cells <- do.call(rbind, panel$cells)
  shares <- cells / pmax(rowSums(cells), 1)
  graphics::plot.default(
    c(0, size), c(size, 0),
    ylim = c(size, 0), type = "n", axes = FALSE, xaxs = "i", yaxs = "i",
    xlab = panel$x_label, ylab = panel$y_label
  )
  at <- expand.grid(row = seq_len(size), column = seq_len(size))
  graphics::rect(
    at$column - 1, at$row, at$column, at$row - 1,
    col = shade(as.vector(shares)), border = NA
  )
  graphics::axis(1, seq_len(size) - 0.5, panel$labels, tick = FALSE, col.axis = "black")
  graphics::axis(2, seq_len(size) - 0.5, panel$labels, tick = FALSE, col.axis = "black", las = 0)
  if (size <= 12) {
    graphics::text(
      at$column - 0.5, at$row - 0.5, format_counts(cells),
      col = ifelse(as.vector(shares) > 0.62, "white", "#222222")
    )
  }
}

shade <- function(share) {
  colours <- grDevices::colorRamp(c("#F7FBFF", "#6BAED6", "#08519C"))(share)
  grDevices::rgb(colours, maxColorValue = 255)
}

format_counts <- function(cells) formatC(as.vector(cells), digits = 7, width = 1, format = "g")

draw_bars <- function(panel) {
  edges <- panel$edges
  open_axes(panel, edges, c(0, max(panel$heights, 1)))
  graphics::rect(
    utils::head(edges, -1), 0, utils::tail(edges, -1), panel$heights,
    col = plot_colours[[1]], border = "white"
  )
}

# A bar for each label, the first on top.
draw_shares <- function(panel) {
  old <- graphics::par(mar = c(3.2, 7, 2, 0.8))
  on.exit(graphics::par(old))
  graphics::barplot(
    rev(panel$heights),
    names.arg = rev(strtrim(panel$labels, 16)), horiz = TRUE, border = NA,
    col = plot_colours[[1]], xlab = panel$x_label, col.axis = "black"
  )
}

# Lines through upright axes, the dark ones last.
draw_parallel <- function(panel) {
  places <- seq_along(panel$labels) - 1
  graphics::plot.default(
    range(places) + c(-0.3, 0.3), c(-0.05, 1.05),
    type = "n", axes = FALSE, xlab = "", ylab = ""
  )
  graphics::segments(places, 0, places, 1, col = guide_colour)
  for (line in panel$lines) {
    colour <- shade(0.2 + 0.8 * line$shade)
    graphics::lines(line$x, line$y, type = "o", pch = 20, cex = 0.5, lwd = 1.4, col = colour)
  }
  ends <- strtrim(panel$texts, 12)
  graphics::text(places, -0.05, ends[c(TRUE, FALSE)], cex = 0.8, col = "black")
  graphics::text(places, 1.05, ends[c(FALSE, TRUE)], cex = 0.8, col = "black")
  graphics::mtext(strtrim(panel$labels, 14), 1, 0.8, at = places, cex = 0.7, col = "black")
}

draw_picture <- function(panel) {
  pixels <- read_pixels(panel$file)
  if (is.null(pixels)) {
    return(draw_text(sprintf("%s cannot be shown here.", basename(panel$file))))
  }
  size <- dim(pixels)
  graphics::plot.default(
    c(0, size[[2]]), c(0, size[[1]]),
    type = "n", axes = FALSE, xlab = "", ylab = "", asp = 1
  )
  graphics::rasterImage(pixels, 0, 0, size[[2]], size[[1]])
}

# The pixels of a PNG; NULL for other images. reticulate brings the package png.
read_pixels <- function(file) {
  if (!requireNamespace("png", quietly = TRUE)) {
    return(NULL)
  }
  tryCatch(png::readPNG(file), error = function(problem) NULL)
}

draw_facts <- function(panel) {
  width <- min(24, max(nchar(panel$labels, "width"), 0))
  draw_text(paste0(
    formatC(strtrim(panel$labels, 24), width = -width), "  ", strtrim(panel$texts, 40)
  ))
}

# Lines of text from the top left, as large as fits.
draw_text <- function(lines) {
  graphics::plot.default(0:1, 0:1, type = "n", axes = FALSE, xlab = "", ylab = "")
  widest <- max(graphics::strwidth(lines, cex = 1, family = "mono"))
  cex <- min(0.95, 1 / widest, 1 / (length(lines) * 1.5 * graphics::strheight("M", cex = 1)))
  step <- 1.5 * graphics::strheight("M", cex = cex)
  graphics::text(
    0, 1 - (seq_along(lines) - 1) * step, lines,
    adj = c(0, 1), cex = cex, family = "mono", col = "black"
  )
}
