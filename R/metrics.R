#' Metrics of a run
#'
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param name Only this metric; `NULL` for all.
#' @param recursive Whether to give a list of run id to metrics, for this run and all below it.
#' @param populate Whether an image's content is read, into `content` (a raw vector).
#' @return A named list. A metric logged once is a scalar, a series a vector (a list if its values
#'   are of several kinds), a table a data frame, a chart its JSON object as a list, an image a list
#'   with `file`. Missing values are `NA`.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' log_metric_to_run("accuracy", 0.9, run)
#' log_list_to_run("loss", c(0.5, 0.25), run = run)
#' get_run_metrics(run)
#' complete_run(run)
#' @export
get_run_metrics <- function(run = NULL, name = NULL, recursive = FALSE, populate = FALSE) {
  run <- arg_run(run)
  found <- call_run(
    run, "run.metrics",
    name = arg_optional(name, arg_string), recursive = arg_flag(recursive)
  )
  if (arg_flag(populate)) {
    runs <- file.path(.subset2(run, "workspace"), "runs")
    found <- if (recursive) {
      Map(read_images, found, file.path(runs, names(found)))
    } else {
      read_images(found, .subset2(run, "directory"))
    }
  }
  found
}

read_images <- function(metrics, directory) {
  lapply(metrics, function(value) {
    if (identical(names(value), "file")) {
      path <- file.path(directory, "files", value$file)
      value$content <- readBin(path, "raw", file.size(path))
    }
    value
  })
}

#' The points of a run's series
#'
#' @param x A `tandemlab_run`.
#' @param row.names,optional Ignored.
#' @param ... Ignored.
#' @return A data frame with one row per logged value: `metric`, `index` (1, 2, 3 within the
#'   metric), `step` (as logged, or `NA`), `time` (`POSIXct`, UTC) and `value` (a list if the run
#'   has values of several kinds).
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' for (epoch in 1:3) log_metric_to_run("loss", 1 / epoch, run, step = epoch)
#' as.data.frame(run)[c("metric", "step", "value")]
#' complete_run(run)
#' @export
as.data.frame.tandemlab_run <- function(x, row.names = NULL, optional = FALSE, ...) {
  frame <- call_run(x, "run.points")
  frame$metric <- as.character(frame$metric)
  frame$index <- as.integer(frame$index)
  frame$step <- as.numeric(frame$step)
  frame$time <- as.POSIXct(as.numeric(frame$time), origin = "1970-01-01", tz = "UTC")
  frame
}

#' Plot the series of a run
#'
#' One panel per numeric series, values over steps (or over their order where no steps were logged).
#'
#' @param x A `tandemlab_run`.
#' @param metrics Names of the series to draw; `NULL` for all that are numeric.
#' @param ... Passed to [graphics::plot.default()].
#' @return The points drawn, as `as.data.frame(x)` gives them, invisibly.
#' @section Errors:
#' `tandemlab_error_not_found` when the run has no such numeric series.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' for (epoch in 1:9) log_metric_to_run("loss", exp(-epoch / 3), run, step = epoch)
#' plot(run)
#' complete_run(run)
#' @export
plot.tandemlab_run <- function(x, metrics = NULL, ...) {
  points <- numeric_points(as.data.frame(x))
  if (!is.null(metrics)) {
    points <- points[points$metric %in% unlist(arg_strings(metrics)), ]
  }
  series <- split(points, factor(points$metric, unique(points$metric)))
  if (length(series) == 0) {
    abort_tandemlab("not_found", sprintf("The run %s has no numeric series to plot.", x$id))
  }
  old <- graphics::par(mfrow = grDevices::n2mfrow(length(series)), mar = c(4, 4, 2, 1))
  on.exit(graphics::par(old))
  for (name in names(series)) {
    draw_series(series[[name]], name, ...)
  }
  invisible(points)
}

draw_series <- function(points, name, ..., type = "o", pch = 20, xlab = NULL, ylab = "") {
  stepped <- !anyNA(points$step)
  order <- if (stepped) order(points$step) else points$index
  across <- if (stepped) points$step[order] else points$index
  graphics::plot.default(
    across, points$value[order],
    main = name, type = type, pch = pch, ylab = ylab,
    xlab = if (!is.null(xlab)) xlab else if (stepped) "step" else "index", ...
  )
}

# The points whose values are finite numbers.
numeric_points <- function(points) {
  values <- points$value
  if (is.list(values)) {
    values <- vapply(values, function(value) if (is.numeric(value)) value else NA_real_, 0)
  }
  points$value <- if (is.numeric(values)) as.numeric(values) else rep(NA_real_, nrow(points))
  points[is.finite(points$value), ]
}
