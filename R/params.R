#' Parameters of a run
#'
#' Parameters are what a run was made with, such as a learning rate. The arguments of a submitted
#' script are recorded by themselves; a script records others. Recording needs no Python.
#'
#' @param name Name of the parameter: a single string of 1 to 250 characters. The same name again
#'   replaces it.
#' @param value A number, string, logical value, factor, date or time of length one.
#' @param params A named list of values.
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @return `NULL`, invisibly; `get_run_params()`: a named list.
#' @section Errors:
#' `tandemlab_error_invalid_input` for a value that is not a scalar; `tandemlab_error_storage_error`
#' when it could not be stored.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' log_param_to_run("learning_rate", 0.1)
#' log_params_to_run(list(model = "glm", folds = 5L))
#' get_run_params(run)
#' complete_run(run)
#' @export
log_param_to_run <- function(name, value, run = NULL) {
  name <- arg_string(name)
  value <- arg_scalar(value)
  log_event(run, "param", name, value)
}

#' @rdname log_param_to_run
#' @export
log_params_to_run <- function(params, run = NULL) {
  params <- arg_scalar_map(params)
  for (name in names(params)) {
    log_event(run, "param", name, params[[name]])
  }
  invisible(NULL)
}

#' @rdname log_param_to_run
#' @export
get_run_params <- function(run) {
  call_run(arg_run(run), "run.params")
}
