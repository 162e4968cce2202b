#' An experiment
#'
#' A named folder of runs in a workspace, created when it is not there.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param name A single string: letters of any script, digits, spaces and punctuation except
#'   slashes, at most 128 characters.
#' @return A `tandemlab_experiment`.
#' @examplesIf tandemlab_is_ready()
#' experiment(temp_workspace(), "accidents")
#' @export
experiment <- function(workspace, name) {
  path <- .subset2(arg_workspace(workspace), "path")
  name <- call_core("experiment.ensure", workspace = path, experiment = arg_string(name))
  new_experiment(name, path)
}

#' List experiments
#'
#' @param workspace A `tandemlab_workspace`.
#' @return A named list of `tandemlab_experiment`s, without those that are archived.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' experiment(ws, "accidents")
#' names(list_experiments(ws))
#' @export
list_experiments <- function(workspace) {
  path <- .subset2(arg_workspace(workspace), "path")
  names <- call_core("experiment.list", workspace = path)
  structure(lapply(names, new_experiment, workspace = path), names = names)
}

call_experiment <- function(experiment, call, ...) {
  call_core(
    call,
    workspace = .subset2(experiment, "workspace"), experiment = .subset2(experiment, "name"), ...
  )
}

#' Archive an experiment
#'
#' An archived experiment is left out of lists; its runs stay.
#'
#' @param experiment A `tandemlab_experiment`.
#' @return `experiment`, invisibly.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' exp <- archive_experiment(experiment(ws, "old"))
#' length(list_experiments(ws))
#' reactivate_experiment(exp)
#' @export
archive_experiment <- function(experiment) {
  exp <- arg_experiment(experiment)
  call_experiment(exp, "experiment.archive", archived = TRUE)
  invisible(exp)
}

#' @rdname archive_experiment
#' @export
reactivate_experiment <- function(experiment) {
  exp <- arg_experiment(experiment)
  call_experiment(exp, "experiment.archive", archived = FALSE)
  invisible(exp)
}

#' Submit a script, a sweep or a pipeline as a run
#'
#' Keeps a copy of the source folder with the run, queues it on its compute target and returns
#' without waiting. The run goes on when this R session ends.
#'
#' @param experiment A `tandemlab_experiment`.
#' @param config What to run: a [script_run_config()], an [estimator()], a [pipeline()], a
#'   [hyperdrive_config()] or an [automl_config()].
#' @param tags First tags: a named list of strings (`NA` for a tag without a value).
#' @param pipeline_parameters Values beside the defaults of a pipeline's parameters, a named list.
#' @param continue_on_step_failure Whether steps of a pipeline that do not need the failed one go
#'   on; else the first failure ends all.
#' @param regenerate_outputs Whether all steps of a pipeline run, also those for which what an equal
#'   step has made before would do.
#' @return A `tandemlab_run`.
#' @section Errors:
#' `tandemlab_error_invalid_input` for a folder, script, target or interpreter that cannot be used;
#' then no run was made.
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' dir.create(source)
#' writeLines("cat('hello\\n')", file.path(source, "hello.R"))
#' exp <- experiment(temp_workspace(), "demo")
#' run <- submit_experiment(exp, script_run_config(source, "hello.R"))
#' wait_for_run_completion(run, show_output = TRUE)
#' @export
submit_experiment <- function(experiment, config, tags = NULL, pipeline_parameters = NULL,
                              continue_on_step_failure = FALSE, regenerate_outputs = FALSE) {
  exp <- arg_experiment(experiment)
  if (inherits(config, "tandemlab_published_pipeline")) {
    goes_on <- if (!missing(continue_on_step_failure)) continue_on_step_failure
    return(submit_published_pipeline(
      config, .subset2(exp, "name"), pipeline_parameters, goes_on, regenerate_outputs, tags
    ))
  }
  if (inherits(config, "tandemlab_pipeline")) {
    handle <- call_experiment(
      exp, "pipeline.submit",
      document = submitted_document(config),
      tags = arg_text_map(tags, missing_values = TRUE),
      pipeline_parameters = arg_scalar_map(pipeline_parameters, each = arg_parameter),
      continue_on_step_failure = arg_flag(continue_on_step_failure),
      regenerate_outputs = arg_flag(regenerate_outputs)
    )
    return(run_from(handle, exp))
  }
  if (inherits(config, "tandemlab_automl_config")) {
    return(submit_automl(config, exp, tags))
  }
  if (inherits(config, "tandemlab_hyperdrive_config")) {
    return(submit_sweep(exp, config, tags))
  }
  handle <- call_experiment(
    exp, "experiment.submit",
    config = config_arguments(config), tags = arg_text_map(tags, missing_values = TRUE)
  )
  run_from(handle, exp)
}

#' Submit several scripts at once
#'
#' Starts a run of each configuration without waiting. A target with a queue of its own, such as
#' Slurm, is given those that are for it together, as one job array.
#'
#' @inheritParams submit_experiment
#' @param configs A list of [script_run_config()]s or [estimator()]s.
#' @param tags First tags of each run: a named list of strings (`NA` for a tag without a value).
#' @param max_concurrent_runs How many of them run at once on a target, at most; `NULL` for as many
#'   as it has room for. In Slurm, those that ask for different things are arrays of their own,
#'   which share the limit.
#' @return A list of `tandemlab_run`s, in the order of `configs`.
#' @section Errors:
#' `tandemlab_error_invalid_input` if one of them cannot be used; then no run was made.
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' dir.create(source)
#' writeLines("cat(commandArgs(trailingOnly = TRUE), '\\n')", file.path(source, "rate.R"))
#' configs <- lapply(c(0.1, 0.2), function(rate) {
#'   script_run_config(source, "rate.R", arguments = list(rate))
#' })
#' runs <- submit_experiments(
#'   experiment(temp_workspace(), "demo"), configs,
#'   max_concurrent_runs = 1
#' )
#' for (run in runs) wait_for_run_completion(run, show_output = FALSE)
#' @export
submit_experiments <- function(experiment, configs, tags = NULL, max_concurrent_runs = NULL) {
  exp <- arg_experiment(experiment)
  if (!is.list(configs) || inherits(configs, "tandemlab_run_config")) {
    abort_argument("configs", "a list of configurations", configs, "list(config) makes one.")
  }
  handles <- call_experiment(
    exp, "experiment.submit_all",
    configs = unname(lapply(configs, config_arguments)),
    tags = arg_text_map(tags, missing_values = TRUE),
    max_concurrent_runs = arg_optional(max_concurrent_runs, arg_count, least = 1L)
  )
  lapply(handles, run_from, owner = exp)
}

# A run of the workspace that another handle belongs to.
run_from <- function(handle, owner) {
  new_run(handle$id, .subset2(owner, "workspace"), handle$experiment, handle$directory)
}

#' Runs of an experiment
#'
#' @param experiment A `tandemlab_experiment`.
#' @param type Only runs of that type: `"script"`, `"interactive"`, `"offline"` or `"child"`.
#' @param tags Only runs with these tags: one name as a string (any value), or a named list of
#'   values (`NA` for any value).
#' @param properties Only runs with these properties: a named list of values.
#' @param status Only runs with one of these statuses, such as `"Completed"`.
#' @param include_children Whether child runs are listed beside their parents.
#' @param filter,order_by,limit,offset Which of them, in which order: see [get_runs()].
#' @return A list of `tandemlab_run`s, newest first unless sorted otherwise.
#'   `as.data.frame(experiment)` has them as rows.
#' @examplesIf tandemlab_is_ready()
#' exp <- experiment(temp_workspace(), "demo")
#' complete_run(start_logging_run(exp))
#' length(get_runs_in_experiment(exp))
#' @export
get_runs_in_experiment <- function(experiment, type = NULL, tags = NULL, properties = NULL,
                                   status = NULL, include_children = FALSE, filter = NULL,
                                   order_by = NULL, limit = NULL, offset = 0) {
  exp <- arg_experiment(experiment)
  handles <- call_experiment(
    exp, "experiment.runs",
    type = arg_optional(type, arg_string),
    tags = arg_tag_filter(tags),
    properties = arg_text_map(properties),
    status = arg_optional(status, arg_strings),
    include_children = arg_flag(include_children),
    filter = arg_filter(filter),
    order_by = arg_strings(order_by),
    limit = arg_optional(limit, arg_count),
    offset = arg_count(offset)
  )
  lapply(handles, run_from, owner = exp)
}

# One tag by name, or tags with values.
arg_tag_filter <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (is_string(x) && is.null(names(x))) x else arg_text_map(x, arg, missing_values = TRUE)
}

#' @rdname handles
#' @export
summary.tandemlab_experiment <- function(object, ...) {
  runs <- as.data.frame(object)
  structure(
    list(
      name = .subset2(object, "name"),
      statuses = table(runs$status),
      newest = utils::head(runs)
    ),
    class = "tandemlab_experiment_summary"
  )
}

#' @export
print.tandemlab_experiment_summary <- function(x, ...) {
  counts <- sprintf("%d %s", x$statuses, tolower(names(x$statuses)))
  cat(sprintf("<experiment %s>: %s\n", x$name, if (length(counts)) toString(counts) else "no runs"))
  if (nrow(x$newest) > 0) {
    metrics <- grep("^metrics\\.", names(x$newest), value = TRUE)
    shown <- c("number", "display_name", "status", metrics)
    print(x$newest[shown], row.names = FALSE)
  }
  invisible(x)
}
