#' Sweeps
#'
#' A sweep runs a script, or a command, many times with different hyper-parameters, for
#' [submit_experiment()]. Each trial is a child run with its hyper-parameters as arguments,
#' `--NAME VALUE`, behind those that the configuration has; `${hyperparameters.NAME}` in its
#' arguments or its command puts a value elsewhere. The script logs the primary metric with
#' [log_metric_to_run()], as often as it likes; the best value of each trial counts.
#'
#' In a [hyperdrive_step()] a [pipeline_parameter()] may stand for numbers, options and limits.
#'
#' A configuration is plain data: the same document that Python's `HyperDriveConfig` builds and YAML
#' files hold.
#'
#' @param hyperparameter_sampling What is searched, and how: [random_parameter_sampling()] or a
#'   sibling.
#' @param primary_metric_name The metric that trials log.
#' @param primary_metric_goal,goal `"maximize"` or `"minimize"`, in either case.
#' @param max_total_runs Trials in all; `NULL` for as many as a grid, or another space of only so
#'   many combinations, has.
#' @param max_concurrent_runs Trials at once; `NULL` for as many as the target has room for.
#' @param max_duration_minutes After so long no trial begins, and those that run are stopped.
#' @param policy Which trials are ended early: [bandit_policy()] or a sibling; `NULL` for none.
#' @param estimator,run_config What runs, one of them: an [estimator()] or a [script_run_config()].
#' @param stop_grace_seconds How long a trial that is stopped may take to end by itself
#'   ([run_should_stop()]) before it is ended.
#' @param resume_from A run of an earlier sweep of the same metric, or a list of them, whose results
#'   the sampling starts from.
#' @param resume_child_runs A trial of an earlier sweep, or a list of them, whose hyper-parameters
#'   are tried first.
#' @param name,description Of the sweep, for its file.
#' @param path A YAML file; paths in it are relative to the file.
#' @param config A `tandemlab_hyperdrive_config`.
#' @return `hyperdrive_config()` and `load_hyperdrive_config()`: a `tandemlab_hyperdrive_config`.
#'   `save_hyperdrive_config()`: the path, invisibly. `primary_metric_goal()`: the goal, as a
#'   string.
#' @section Errors:
#' `tandemlab_error_invalid_input` for what cannot be used; a file's message has the line and key of
#' each mistake.
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' dir.create(source)
#' writeLines(c(
#'   "library(tandemlab)",
#'   "x <- as.numeric(commandArgs(TRUE)[[2]])",
#'   "log_metric_to_run('score', -(x - 2)^2)"
#' ), file.path(source, "trial.R"))
#' config <- hyperdrive_config(
#'   grid_parameter_sampling(list(x = choice(c(1, 2)))), "score", "maximize",
#'   run_config = script_run_config(source, "trial.R")
#' )
#' run <- submit_experiment(experiment(temp_workspace(), "demo"), config)
#' wait_for_run_completion(run)
#' get_child_runs_sorted_by_primary_metric(run)
#' get_run_params(get_best_run_by_primary_metric(run))
#' @export
hyperdrive_config <- function(hyperparameter_sampling, primary_metric_name, primary_metric_goal,
                              max_total_runs = NULL, max_concurrent_runs = NULL,
                              max_duration_minutes = 10080, policy = NULL, estimator = NULL,
                              run_config = NULL, stop_grace_seconds = 30, resume_from = NULL,
                              resume_child_runs = NULL, name = NULL, description = NULL) {
  if (is.null(estimator) == is.null(run_config)) {
    abort_input(
      "A sweep runs one `run_config` or `estimator`.",
      "hyperdrive_config(..., run_config = script_run_config(...))"
    )
  }
  runs <- if (is.null(run_config)) estimator else run_config
  if (!inherits(runs, "tandemlab_script_run_config")) {
    abort_argument("run_config", "a script_run_config() or an estimator()", runs)
  }
  if (!inherits(hyperparameter_sampling, "tandemlab_sampling")) {
    abort_argument(
      "hyperparameter_sampling", "such as random_parameter_sampling()", hyperparameter_sampling
    )
  }
  if (!is.null(policy) && !inherits(policy, "tandemlab_policy")) {
    abort_argument("policy", "such as bandit_policy()", policy)
  }
  minutes <- arg_or_parameter(max_duration_minutes, arg_positive)
  trials <- or_parameter(arg_count, least = 1L, most = 10000L)
  grace <- arg_or_parameter(stop_grace_seconds, arg_number, least = 0)
  document <- drop_null(list(
    name = arg_optional(name, arg_string),
    description = arg_optional(description, arg_string),
    hyperparameter_sampling = hyperparameter_sampling$document,
    primary_metric_name = arg_string(primary_metric_name),
    primary_metric_goal = goal_word(primary_metric_goal),
    max_total_runs = arg_optional(max_total_runs, trials),
    max_concurrent_runs = arg_optional(max_concurrent_runs, trials),
    max_duration_minutes = if (!identical(minutes, 10080)) minutes,
    stop_grace_seconds = if (!identical(grace, 30)) grace,
    policy = if (!is.null(policy)) policy$document
  ))
  new_sweep(runs, document, run_ids(resume_from), run_ids(resume_child_runs))
}

new_sweep <- function(run_config, document, resume_from = list(), resume_child_runs = list()) {
  structure(
    list(
      run_config = run_config, document = document, resume_from = resume_from,
      resume_child_runs = resume_child_runs
    ),
    class = "tandemlab_hyperdrive_config"
  )
}

run_ids <- function(runs, arg = deparse1(substitute(runs))) {
  force(arg)
  if (inherits(runs, "tandemlab_run")) runs <- list(runs)
  lapply(unname(as.list(runs)), function(one) .subset2(arg_run(one, arg), "id"))
}

goal_word <- function(goal) {
  arg_choice(tolower(arg_string(goal, "goal")), c("maximize", "minimize"), "primary_metric_goal")
}

#' @rdname hyperdrive_config
#' @export
primary_metric_goal <- function(goal) goal_word(goal)

arg_sweep <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (!inherits(x, "tandemlab_hyperdrive_config")) {
    abort_argument(arg, "a hyperdrive_config()", x)
  }
  x
}

# The whole document; what is submitted runs scripts of R by this R.
sweep_document <- function(sweep, form = function(config) config_form(unclass(config))) {
  c(sweep$document, list(run_config = form(sweep$run_config)))
}

submit_sweep <- function(experiment, sweep, tags) {
  refuse_parameters(parameters_of(sweep$document), "the sweep", "hyperdrive_step()")
  handle <- call_experiment(
    experiment, "sweep.submit",
    document = sweep_document(sweep, config_arguments),
    tags = arg_text_map(tags, missing_values = TRUE),
    resume_from = sweep$resume_from, resume_child_runs = sweep$resume_child_runs
  )
  run_from(handle, experiment)
}

#' @rdname hyperdrive_config
#' @export
load_hyperdrive_config <- function(path) {
  found <- jsonlite::fromJSON(
    call_core("sweep.load", path = arg_path(path)),
    simplifyVector = FALSE
  )
  settings <- found$run_config
  source_directory <- arg_path(settings$source_directory)
  settings$source_directory <- NULL
  found$run_config <- NULL
  new_sweep(config_of_script(source_directory, config_from(settings)), found)
}

#' @rdname hyperdrive_config
#' @export
save_hyperdrive_config <- function(config, path) {
  document <- sweep_document(arg_sweep(config))
  refuse_parameters(parameters_of(config$document), "the sweep", "hyperdrive_step()")
  invisible(call_core("sweep.save", document = document, path = arg_path(path)))
}

#' @export
format.tandemlab_hyperdrive_config <- function(x, ...) {
  document <- x$document
  sprintf(
    "<%s sweep of %s to %s %s: %s>", document$hyperparameter_sampling$method,
    toString(names(document$hyperparameter_sampling$parameter_space)),
    document$primary_metric_goal, document$primary_metric_name, what_runs(x$run_config)
  )
}

#' @export
print.tandemlab_hyperdrive_config <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

#' The trials of a sweep
#'
#' @param hyperdrive_run The `tandemlab_run` of a sweep.
#' @param include_failed Whether trials count that failed after they had logged the metric.
#' @param include_canceled Whether trials count that were canceled, or stopped by the policy.
#' @param include_resume_from_runs Whether those of the sweeps count that it was resumed from.
#' @param top So many of the trials; 0 for all.
#' @param reverse Whether the worst come first.
#' @param discard_no_metric Whether to leave out trials without a finite value; else they come last.
#' @param kind `"history"` (the value of each trial, and the best so far), `"parallel"` (a line for
#'   each trial through its hyper-parameters, the better the darker) or `"importance"`; `NULL` for
#'   what there is to draw of all three. `ggplot2::autoplot(run, kind = "history")` gives one of
#'   them as a `ggplot`.
#' @param max_total_runs Trials in all, those that are taken over included; `NULL` for as before.
#' @param max_duration_minutes Of the new run; `NULL` for as before.
#' @param ... Graphical parameters, for [graphics::par()].
#' @return `get_best_run_by_primary_metric()`: the trial with the best value, a `tandemlab_run`;
#'   `NULL` if none has a finite one.
#'
#'   `get_child_runs_sorted_by_primary_metric()`: a data frame with a row for each trial, the best
#'   first: `run_id`, `best_primary_metric`, `status` (that of its run, or `"Stopped"` if it ended
#'   because its sweep stopped it) and a column for each hyper-parameter.
#'
#'   `get_sweep_trials()`: a data frame with a row for each trial by number: `trial`, `run_id`,
#'   `status`, `metrics.NAME` (the best value of the primary metric), `values` (how many were
#'   logged), `duration` (seconds), `reason` (why it was stopped), `error` and `params.NAME`.
#'
#'   `get_child_run_hyperparameters()` and `get_child_run_metrics()`: a named list with a named list
#'   for each trial, by the id of its run. `get_sweep_importance()`: how much of the differences
#'   between trials each hyper-parameter explains, by fANOVA, a named vector. `plot_sweep()`: what
#'   it draws, invisibly. `resume_sweep()`: another run that goes on with a sweep which has ended:
#'   it takes over the trials that completed or were stopped, and tries the others again.
#' @section Errors:
#' `tandemlab_error_invalid_input` for a run that is no sweep; `tandemlab_error_invalid_state` when
#' a sweep that is to be resumed has not ended.
#' @inherit hyperdrive_config examples
#' @export
get_best_run_by_primary_metric <- function(hyperdrive_run, include_failed = TRUE,
                                           include_canceled = TRUE,
                                           include_resume_from_runs = TRUE) {
  run <- arg_run(hyperdrive_run)
  handle <- call_run(
    run, "sweep.best",
    include_failed = arg_flag(include_failed), include_canceled = arg_flag(include_canceled),
    include_resume_from_runs = arg_flag(include_resume_from_runs)
  )
  if (is.null(handle)) NULL else run_from(handle, run)
}

#' @rdname get_best_run_by_primary_metric
#' @export
get_child_runs_sorted_by_primary_metric <- function(hyperdrive_run, top = 0L, reverse = FALSE,
                                                    discard_no_metric = FALSE) {
  call_run(
    arg_run(hyperdrive_run), "sweep.sorted",
    top = arg_count(top), reverse = arg_flag(reverse),
    discard_no_metric = arg_flag(discard_no_metric)
  )
}

#' @rdname get_best_run_by_primary_metric
#' @export
get_sweep_trials <- function(hyperdrive_run) call_run(arg_run(hyperdrive_run), "sweep.trials")

#' @rdname get_best_run_by_primary_metric
#' @export
get_child_run_hyperparameters <- function(hyperdrive_run) {
  call_run(arg_run(hyperdrive_run), "sweep.hyperparameters")
}

#' @rdname get_best_run_by_primary_metric
#' @export
get_child_run_metrics <- function(hyperdrive_run) {
  call_run(arg_run(hyperdrive_run), "sweep.metrics")
}

#' @rdname get_best_run_by_primary_metric
#' @export
get_sweep_importance <- function(hyperdrive_run) {
  call_run(arg_run(hyperdrive_run), "sweep.importance")
}

#' @rdname get_best_run_by_primary_metric
#' @export
plot_sweep <- function(hyperdrive_run, kind = NULL, ...) {
  run <- arg_run(hyperdrive_run)
  draw_panels(sweep_panels(run, arg_optional(kind, arg_choice, sweep_pictures)), ...)
}

sweep_pictures <- c("history", "parallel", "importance")

sweep_panels <- function(run, kind) call_run(run, "sweep.panels", kind = kind)

#' @rdname get_best_run_by_primary_metric
#' @export
resume_sweep <- function(hyperdrive_run, max_total_runs = NULL, max_duration_minutes = NULL) {
  run <- arg_run(hyperdrive_run)
  handle <- call_run(
    run, "sweep.resume",
    max_total_runs = arg_optional(max_total_runs, arg_count, least = 1L),
    max_duration_minutes = arg_optional(max_duration_minutes, arg_number)
  )
  run_from(handle, run)
}

#' Whether a run has been asked to end
#'
#' A sweep asks trials to end that are not worth going on with. A script that looks at this now and
#' then, such as after each epoch, can save what it has and end by itself; whoever does not is ended
#' some seconds later. Needs no Python, and costs next to nothing.
#'
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @return `TRUE` or `FALSE`.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' for (epoch in 1:3) {
#'   log_metric_to_run("loss", 1 / epoch, run)
#'   if (run_should_stop(run)) break
#' }
#' complete_run(run)
#' @export
run_should_stop <- function(run = NULL) {
  file.exists(file.path(.subset2(arg_run(run), "directory"), "job", "stop.json"))
}
