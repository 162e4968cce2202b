#' Log a metric
#'
#' Logs one scalar; the same name again makes a series. The value is kept even if the process is
#' killed the moment after. Logging needs no Python and takes a few microseconds.
#'
#' @param name Name of the metric: a single string of 1 to 250 characters. One name serves one kind
#'   of metric in a run.
#' @param value A number, string, logical value, factor, date or time of length one. A name on it
#'   is ignored. `NA` is a missing value; `NaN` and infinite numbers are kept.
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param step Optional whole number: the epoch or iteration that the value belongs to.
#' @param description Optional text, kept with the metric.
#' @return `NULL`, invisibly.
#' @section Errors:
#' `tandemlab_error_invalid_input` for a value that is not a scalar or a name that was used for
#' another kind of metric; `tandemlab_error_storage_error` when it could not be stored, for example
#' on a full disk. Then nothing was stored.
#' @examples
#' owd <- setwd(tempdir())
#' run <- suppressWarnings(get_current_run())
#' log_metric_to_run("loss", 0.5, run, step = 1)
#' log_metric_to_run("loss", 0.25, run, step = 2)
#' log_metric_to_run("method", "glm", run)
#' setwd(owd)
#' @export
log_metric_to_run <- function(name, value, run = NULL, step = NULL, description = NULL) {
  problem <- .Call(C_log_metric, run_directory(run), name, value, step, description)
  if (!is.null(problem)) {
    refuse_event(problem, name, value)
  }
  invisible(NULL)
}

#' Log several values at once
#'
#' Appends all values to the series of that name: one event, so all of them are stored or none.
#'
#' @inheritParams log_metric_to_run
#' @param value A vector, or a list of scalars.
#' @param description Optional text, kept with the metric.
#' @return `NULL`, invisibly.
#' @examples
#' owd <- setwd(tempdir())
#' run <- suppressWarnings(get_current_run())
#' log_list_to_run("quantiles", quantile(mtcars$mpg), run = run)
#' setwd(owd)
#' @export
log_list_to_run <- function(name, value, description = "", run = NULL) {
  problem <- .Call(C_log_list, run_directory(run), name, value, description)
  if (!is.null(problem)) {
    refuse_event(problem, name, value, what = "list")
  }
  invisible(NULL)
}

#' Log a row of a table
#'
#' Repeated calls with the same name build a table. A column that a row lacks is missing there.
#'
#' @inheritParams log_metric_to_run
#' @param ... The columns: named scalars, such as `epoch = 1, loss = 0.5`; or a single list or data
#'   frame with one row.
#' @param description Optional text, kept with the table.
#' @return `NULL`, invisibly.
#' @examples
#' owd <- setwd(tempdir())
#' run <- suppressWarnings(get_current_run())
#' for (epoch in 1:3) log_row_to_run("fit", epoch = epoch, loss = 1 / epoch, run = run)
#' setwd(owd)
#' @export
log_row_to_run <- function(name, ..., description = "", run = NULL) {
  row <- list(...)
  if (length(row) == 1 && is.null(names(row)) && is.list(row[[1]])) {
    row <- as.list(row[[1]])
  }
  problem <- .Call(C_log_row, run_directory(run), name, row, description)
  if (!is.null(problem)) {
    refuse_event(problem, name, row)
  }
  invisible(NULL)
}

#' Log a table
#'
#' Appends the rows of a data frame to the table of that name: one event, so all of them are stored
#' or none. Row names are not kept.
#'
#' @inheritParams log_metric_to_run
#' @param value A data frame, a tibble, or a named list of vectors of equal length. Columns may be
#'   logical, integer (also 64 bit), double or character; factors are kept as their labels, dates
#'   and times as ISO 8601 text (times in UTC).
#' @param description Optional text, kept with the table.
#' @return `NULL`, invisibly.
#' @examples
#' owd <- setwd(tempdir())
#' run <- suppressWarnings(get_current_run())
#' log_table_to_run("cars", head(mtcars), run = run)
#' setwd(owd)
#' @export
log_table_to_run <- function(name, value, description = "", run = NULL) {
  if (!is.list(value)) {
    abort_argument("value", "a data frame or a named list of columns", value)
  }
  clock <- vapply(value, inherits, NA, "POSIXlt")
  if (any(clock)) {
    value[clock] <- lapply(value[clock], as.POSIXct)
  }
  problem <- .Call(C_log_table, run_directory(run), name, unclass(value), description)
  if (!is.null(problem)) {
    refuse_event(problem, name, value, what = "table")
  }
  invisible(NULL)
}

# An event of any other kind, with a nested list as its value.
log_event <- function(run, kind, name, value = NULL, description = NULL, what = "value") {
  problem <- .Call(C_log_other, run_directory(run), kind, name, value, description)
  if (!is.null(problem)) {
    refuse_event(problem, name, value, what = what)
  }
  invisible(NULL)
}
