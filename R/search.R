#' Find runs
#'
#' @description
#' `get_runs()` gives the runs of a workspace that a filter lets through. The filter is a text in
#' the same language as in Python and on the command line, or [run_filter()] writes it from R code.
#'
#' @section Filters:
#' Fields are `metrics.NAME` (the newest value), `params.NAME`, `tags.NAME`, `properties.NAME`,
#' `status`, `experiment`, `number`, `id`, `display_name`, `description`, `type`, `target`,
#' `parent`, `user`, `created`, `started`, `ended` (times such as `'2026-01-31 12:30'`, in UTC
#' unless they say otherwise), `duration` (seconds), `exit_code`, and `text` for all texts at once.
#' Operators are `=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `like`, `ilike`, `contains` and `is null`,
#' joined by `and`, `or`, `not` and parentheses. Names with spaces stand in backquotes.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param filter A string such as `"metrics.auc > 0.8 and params.model = 'glm'"`, or a
#'   [run_filter()]; `NULL` for all runs.
#' @param order_by Strings such as `"metrics.auc desc"`; runs without a value come last. Newest
#'   first if `NULL`, and among equals.
#' @param limit At most so many; `NULL` for all.
#' @param offset How many of the first to pass over.
#' @param include_children Whether child runs are listed beside their parents.
#' @return A list of `tandemlab_run`s. `as.data.frame(workspace, filter = )` has them as rows.
#' @section Errors:
#' `tandemlab_error_invalid_input` for a filter or an order that cannot be read; the message points
#' to where.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' with_run(start_logging_run(experiment(ws, "demo")), {
#'   log_param_to_run("model", "glm")
#'   log_metric_to_run("auc", 0.9)
#' })
#' length(get_runs(ws, "metrics.auc > 0.8 and params.model = 'glm'"))
#' length(get_runs(ws, run_filter(metrics.auc > 0.8 & params.model %in% c("glm", "gam"))))
#' @export
get_runs <- function(workspace, filter = NULL, order_by = NULL, limit = NULL, offset = 0,
                     include_children = FALSE) {
  ws <- arg_workspace(workspace)
  handles <- call_core(
    "workspace.runs",
    workspace = .subset2(ws, "path"),
    filter = arg_filter(filter),
    order_by = arg_strings(order_by),
    limit = arg_optional(limit, arg_count),
    offset = arg_count(offset),
    include_children = arg_flag(include_children)
  )
  lapply(handles, function(handle) {
    new_run(handle$id, .subset2(ws, "path"), handle$experiment)
  })
}

arg_filter <- function(filter) {
  if (inherits(filter, "tandemlab_run_filter")) {
    filter <- unclass(filter)
  }
  arg_optional(filter, arg_string)
}

#' Write a filter for runs as R code
#'
#' Fields such as `metrics.auc`, `params.model`, `tags.team` and `status` are compared by `==`,
#' `!=`, `<`, `<=`, `>`, `>=` and `%in%`, tested by `is.na()`, and joined by `&`, `|`, `!` and
#' parentheses; `startsWith()`, `endsWith()` and `grepl(text, field, fixed = TRUE)` look into texts.
#' All else is evaluated where the call stands.
#'
#' @param code The condition.
#' @return A string of class `tandemlab_run_filter`, for [get_runs()].
#' @section Errors:
#' `tandemlab_error_invalid_input` for code that has no counterpart in a filter.
#' @examples
#' best <- 0.8
#' run_filter(metrics.auc > best & params.model %in% c("glm", "gam") & !is.na(tags.team))
#' @export
run_filter <- function(code) {
  text <- filter_text(substitute(code), parent.frame())
  structure(text, class = "tandemlab_run_filter")
}

#' @export
print.tandemlab_run_filter <- function(x, ...) {
  cat("<run filter> ", unclass(x), "\n", sep = "")
  invisible(x)
}

filter_signs <- c(
  "==" = "=", "!=" = "!=", "<" = "<", "<=" = "<=", ">" = ">", ">=" = ">="
)

filter_text <- function(code, env) {
  name <- if (is.call(code) && is.name(code[[1]])) as.character(code[[1]]) else ""
  part <- function(index) filter_text(code[[index]], env)
  switch(name,
    "&" = ,
    "&&" = sprintf("(%s and %s)", part(2), part(3)),
    "|" = ,
    "||" = sprintf("(%s or %s)", part(2), part(3)),
    "!" = sprintf("not (%s)", part(2)),
    "(" = part(2),
    "%in%" = filter_in(code, env),
    is.na = sprintf("%s is null", filter_field(code[[2]])),
    startsWith = filter_like(code, "", "%", env),
    endsWith = filter_like(code, "%", "", env),
    grepl = sprintf(
      "%s contains %s", filter_field(code[[3]]), filter_value(eval(code[[2]], env))
    ),
    if (name %in% names(filter_signs)) filter_comparison(code, name, env) else filter_refused(code)
  )
}

filter_refused <- function(code) {
  abort_input(
    sprintf("This cannot be part of a filter: %s.", deparse1(code)),
    "Compare fields such as metrics.auc with values; `&`, `|` and `!` join comparisons."
  )
}

filter_field <- function(code) {
  if (!is.name(code)) {
    filter_refused(code)
  }
  name <- as.character(code)
  group <- sub("[.].*$", "", name)
  if (group == name) {
    return(name)
  }
  sprintf("%s.`%s`", group, gsub("`", "``", substring(name, nchar(group) + 2), fixed = TRUE))
}

filter_comparison <- function(code, sign, env) {
  sprintf("%s %s %s", filter_field(code[[2]]), filter_signs[[sign]], {
    filter_value(eval(code[[3]], env))
  })
}

filter_in <- function(code, env) {
  values <- vapply(as.list(eval(code[[3]], env)), filter_value, "")
  sprintf("%s in (%s)", filter_field(code[[2]]), paste(values, collapse = ", "))
}

# The text is compared to the letter: its own % and _ are no patterns, so they cannot be in it.
filter_like <- function(code, before, after, env) {
  text <- eval(code[[3]], env)
  if (!is_string(text) || grepl("[%_]", text)) {
    filter_refused(code)
  }
  sprintf("%s like %s", filter_field(code[[2]]), filter_value(paste0(before, text, after)))
}

filter_value <- function(value) {
  if (inherits(value, "POSIXct")) {
    value <- format(value, "%Y-%m-%d %H:%M:%OS6+00:00", tz = "UTC")
  } else if (inherits(value, c("Date", "factor"))) {
    value <- as.character(value)
  }
  if (length(value) != 1 || !is.atomic(value) || is.na(value)) {
    abort_input(
      sprintf("A filter compares with single values, not with %s.", describe(value)),
      "Use `%in%` for several values, and `is.na()` for missing ones."
    )
  }
  if (is.character(value)) {
    return(sprintf("'%s'", gsub("'", "''", value, fixed = TRUE)))
  }
  if (is.logical(value)) tolower(value) else format_double(as.double(value))
}

#' Runs as a data frame
#'
#' @param x A workspace or an experiment.
#' @param row.names,optional Ignored.
#' @param ... Ignored.
#' @param filter,order_by,limit,offset Which runs, in which order: see [get_runs()].
#' @return A data frame with one row per run, newest first, children included: `run_id`,
#'   `experiment`, `number`, `display_name`, `status`, `type`, `target`, `parent`, the times
#'   `created`, `started` and `ended` (`POSIXct`, UTC), `duration` (seconds), and a column for the
#'   newest value of each metric (`metrics.NAME`), each parameter (`params.NAME`) and each tag
#'   (`tags.NAME`).
#' @examplesIf tandemlab_is_ready()
#' exp <- experiment(temp_workspace(), "demo")
#' with_run(start_logging_run(exp), log_metric_to_run("accuracy", 0.9))
#' as.data.frame(exp)[c("number", "status", "metrics.accuracy")]
#' nrow(as.data.frame(exp, filter = "metrics.accuracy < 0.5"))
#' @name runs_frame
NULL

#' @rdname runs_frame
#' @export
as.data.frame.tandemlab_workspace <- function(x, row.names = NULL, optional = FALSE, ...,
                                              filter = NULL, order_by = NULL, limit = NULL,
                                              offset = 0) {
  runs_frame(.subset2(x, "path"), NULL, filter, order_by, limit, offset)
}

#' @rdname runs_frame
#' @export
as.data.frame.tandemlab_experiment <- function(x, row.names = NULL, optional = FALSE, ...,
                                               filter = NULL, order_by = NULL, limit = NULL,
                                               offset = 0) {
  runs_frame(.subset2(x, "workspace"), .subset2(x, "name"), filter, order_by, limit, offset)
}

# Columns that may be all missing still have their own type.
runs_frame <- function(path, experiment, filter, order_by, limit, offset) {
  frame <- call_core(
    "experiment.table",
    workspace = path,
    experiment = experiment,
    filter = arg_filter(filter),
    order_by = arg_strings(order_by),
    limit = arg_optional(limit, arg_count),
    offset = arg_count(offset)
  )
  for (name in c("created", "started", "ended")) {
    frame[[name]] <- as.POSIXct(as.numeric(frame[[name]]), origin = "1970-01-01", tz = "UTC")
  }
  for (name in c("run_id", "experiment", "display_name", "status", "type", "target", "parent")) {
    frame[[name]] <- as.character(frame[[name]])
  }
  frame$number <- as.integer(frame$number)
  frame$duration <- as.numeric(frame$duration)
  frame
}
