#' Create child runs
#'
#' Children belong to a run, such as the folds of a validation, and have metrics, tags and files of
#' their own. They are open until [complete_run()]; use [with_run()] to make one the current run.
#'
#' @param parent_run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param name Display name of the child; made up if `NULL`.
#' @param run_id Its id; made up if `NULL`.
#' @param count How many children.
#' @param tag_key,tag_values Instead of `count`: one child for each value, with that tag.
#' @return `create_child_run()`: a `tandemlab_run`; `create_child_runs()`: a list of them.
#' @section Errors:
#' `tandemlab_error_invalid_input` for both forms at once, or neither.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' for (child in create_child_runs(run, tag_key = "fold", tag_values = c("1", "2"))) {
#'   with_run(child, log_metric_to_run("accuracy", runif(1)))
#' }
#' complete_run(run)
#' @export
create_child_run <- function(parent_run = NULL, name = NULL, run_id = NULL) {
  parent <- arg_run(parent_run)
  handle <- call_run(
    parent, "run.child",
    name = arg_optional(name, arg_string), run_id = arg_optional(run_id, arg_string)
  )
  run_from(handle, parent)
}

#' @rdname create_child_run
#' @export
create_child_runs <- function(parent_run = NULL, count = NULL, tag_key = NULL, tag_values = NULL) {
  parent <- arg_run(parent_run)
  if (is.numeric(tag_values) || is.logical(tag_values)) {
    tag_values <- vapply(tag_values, format_scalar, "")
  }
  handles <- call_run(
    parent, "run.create_children",
    count = arg_optional(count, arg_count, least = 1L),
    tag_key = arg_optional(tag_key, arg_string),
    tag_values = arg_optional(tag_values, arg_strings)
  )
  lapply(handles, run_from, owner = parent)
}

#' Child runs
#'
#' @param parent_run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param recursive Whether to give all runs below.
#' @inheritParams get_runs_in_experiment
#' @param status Only runs with that status.
#' @return A list of `tandemlab_run`s, newest first.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' create_child_runs(run, count = 2)
#' length(get_child_runs(run))
#' complete_run(run)
#' @export
get_child_runs <- function(parent_run = NULL, recursive = FALSE, tags = NULL, properties = NULL,
                           type = NULL, status = NULL) {
  parent <- arg_run(parent_run)
  handles <- call_run(
    parent, "run.children",
    recursive = arg_flag(recursive),
    tags = arg_tag_filter(tags),
    properties = arg_text_map(properties),
    type = arg_optional(type, arg_string),
    status = arg_optional(status, arg_string)
  )
  lapply(handles, run_from, owner = parent)
}

#' Submit a script as a child of a run
#'
#' @param parent_run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @inheritParams submit_experiment
#' @return A `tandemlab_run`.
#' @inheritSection submit_experiment Errors
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' dir.create(source)
#' writeLines("cat('hello\\n')", file.path(source, "hello.R"))
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' child <- submit_child_run(run, script_run_config(source, "hello.R"))
#' wait_for_run_completion(child)
#' complete_run(run)
#' @export
submit_child_run <- function(parent_run = NULL, config, tags = NULL) {
  parent <- arg_run(parent_run)
  handle <- call_run(
    parent, "run.submit_child",
    config = config_arguments(config), tags = arg_text_map(tags, missing_values = TRUE)
  )
  run_from(handle, parent)
}
