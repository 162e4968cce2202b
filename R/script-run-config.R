#' A script to run
#'
#' A script of R (`.R`) or Python (`.py`), or a command, with its folder, arguments and compute
#' target, for [submit_experiment()]. It is a [run_config()] with a folder.
#'
#' @param source_directory Folder that is kept with the run and copied to where it runs. What
#'   `.tandemignore`, `.amlignore` or `.gitignore` in it names stays behind.
#' @param compute_target Name of the target; `"local"` is this machine. `NULL` is what `run_config`
#'   says, or else `"local"`.
#' @param run_config How it runs: a [run_config()] or [load_run_config()]. What is given here comes
#'   before what it says.
#' @inheritParams run_config
#' @return A `tandemlab_script_run_config`: plain data.
#' @examples
#' script_run_config(".", "train.R", arguments = list(data = "x.csv", seed = 1, verbose = TRUE))
#'
#' quick <- run_config(max_run_duration_seconds = 60)
#' script_run_config(".", "train.R", run_config = quick)
#' @export
script_run_config <- function(source_directory, script = NULL, arguments = NULL,
                              compute_target = NULL, ..., environment_variables = NULL,
                              interpreter = NULL, max_run_duration_seconds = NULL,
                              environment = NULL, command = NULL, inputs = NULL, outputs = NULL,
                              resources = NULL, distribution = NULL, spark = NULL,
                              run_config = NULL) {
  check_no_dots(...)
  source_directory <- arg_path(source_directory)
  config <- arg_optional(run_config, arg_run_config)
  given <- list(
    script = script, arguments = arguments, compute_target = compute_target,
    environment_variables = environment_variables, interpreter = interpreter,
    max_run_duration_seconds = max_run_duration_seconds, environment = environment,
    command = command, inputs = inputs, outputs = outputs, resources = resources,
    distribution = distribution, spark = spark
  )
  made <- change_config(if (is.null(config)) new_run_config(list()) else config, drop_null(given))
  config_of_script(source_directory, made)
}

config_of_script <- function(source_directory, config) {
  structure(
    c(list(source_directory = source_directory), unclass(config)),
    class = c("tandemlab_script_run_config", "tandemlab_run_config")
  )
}

# What the core's ScriptRunConfig takes.
config_arguments <- function(config) {
  if (!inherits(config, "tandemlab_script_run_config")) {
    abort_argument("config", "a script_run_config()", config)
  }
  content <- unclass(config)
  is_r <- grepl("[.][rR]$", c(content$script, ""))[1]
  config_form(with_own_r(content, is_r, is_command = is.null(content$script)))
}

# Settings that have R scripts, and commands, find this R and its libraries, unless they say
# otherwise.
with_own_r <- function(content, is_r, is_command) {
  if ((is_r || is_command) && is.null(content$interpreter)) {
    environment <- content[["environment"]]
    if (is_r && !(is.list(environment) && length(environment$r$rscript))) {
      content$interpreter <- file.path(R.home("bin"), "Rscript")
    }
    if (is.null(content$environment_variables[["R_LIBS"]])) {
      content$environment_variables[["R_LIBS"]] <- paste(.libPaths(), collapse = ":")
    }
  }
  content
}

#' @export
format.tandemlab_script_run_config <- function(x, ...) {
  sprintf("<%s in %s on %s>", what_runs(x), x$source_directory, target_of(x))
}
