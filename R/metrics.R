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

#' The history of a metric
#'
#' The points of one series, or so many of them as show its course: of a longer series the first and
#' the last point are kept, and of stretches of equal length between them the least and the greatest
#' each, so that no peak is lost (Jugel, Jerzak, Hackenbroich and Markl: M4, a
#' visualization-oriented time series data aggregation. PVLDB 7 (10), 2014).
#'
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param name The metric's name: a single string.
#' @param max_points At most so many points, at least 4; `NULL` for all.
#' @return A data frame with one row per point: `index` (1, 2, 3 in the whole series), `step` (as
#'   logged, or `NA`), `time` (`POSIXct`, UTC) and `value`.
#' @section Errors:
#' `tandemlab_error_not_found` when the run has no metric of that name,
#' `tandemlab_error_invalid_input` when it is no series.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' log_list_to_run("loss", 1 / (1:500), run = run)
#' history <- get_run_metric_history(run, "loss", max_points = 50)
#' plot(value ~ index, history, type = "l")
#' complete_run(run)
#' @export
get_run_metric_history <- function(run = NULL, name, max_points = 1000) {
  frame <- call_run(
    arg_run(run), "run.history",
    name = arg_string(name), max_points = arg_optional(max_points, arg_count, least = 4L)
  )
  typed_points(frame)
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
  typed_points(frame)
}

# Columns that may be all missing still have their own type.
typed_points <- function(frame) {
  frame$index <- as.integer(frame$index)
  frame$step <- as.numeric(frame$step)
  frame$time <- as.POSIXct(as.numeric(frame$time), origin = "1970-01-01", tz = "UTC")
  frame
}
