#' Compare two runs
#'
#' Side by side are metrics (the newest value of each), parameters, tags, properties, status and
#' duration, the interpreter, the machine and the state of git; for the packages that were installed
#' what was added, removed and changed, and for each file of the source a unified diff.
#'
#' @param left The `tandemlab_run` that is compared with.
#' @param right The `tandemlab_run` that differs from it; it may be of another workspace.
#' @param x A `tandemlab_comparison`.
#' @param row.names,optional,... Ignored.
#' @return A `tandemlab_comparison`, which prints what differs: a list of `left` and `right` (the
#'   runs as EXPERIMENT/NUMBER), `packages` (a data frame of `package`, `left`, `right` and
#'   `change`; `NULL` unless both runs were submitted and have ended) and `code` (a data frame of
#'   `path`, `change` and `diff`; `NULL` unless the source of both was kept). `as.data.frame()`
#'   gives a row for each value, also for those that are the same: `group`, `name`, `left`, `right`
#'   (strings, `NA` where a run has nothing) and `differs`.
#' @examplesIf tandemlab_is_ready()
#' exp <- experiment(temp_workspace(), "demo")
#' runs <- lapply(3:4, function(depth) {
#'   run <- start_logging_run(exp)
#'   log_param_to_run("depth", depth, run)
#'   log_metric_to_run("auc", depth / 5, run)
#'   complete_run(run)
#' })
#' comparison <- compare_runs(runs[[1]], runs[[2]])
#' comparison
#' subset(as.data.frame(comparison), differs & group == "params")
#' @export
compare_runs <- function(left, right) {
  left <- arg_run(left)
  right <- arg_run(right)
  found <- call_run(
    left, "run.compare",
    other_workspace = .subset2(right, "workspace"), other = .subset2(right, "id")
  )
  structure(found, class = "tandemlab_comparison")
}

#' @rdname compare_runs
#' @export
as.data.frame.tandemlab_comparison <- function(x, row.names = NULL, optional = FALSE, ...) {
  table <- x$table
  for (name in c("group", "name", "left", "right")) {
    table[[name]] <- as.character(table[[name]])
  }
  table
}

#' @export
format.tandemlab_comparison <- function(x, ...) x$text

#' @export
print.tandemlab_comparison <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}
