#' A script to run
#'
#' A script of R (`.R`) or Python (`.py`) with its folder, arguments and compute target, for
#' [submit_experiment()].
#'
#' @param source_directory Folder that is kept with the run and copied to where it runs. What
#'   `.tandemignore`, `.amlignore` or `.gitignore` in it names stays behind.
#' @param script Path of the script inside that folder.
#' @param arguments A list of command line arguments. A named element `data = "x.csv"` becomes
#'   `--data x.csv`, a vector several values, `TRUE` the bare flag `--data`, and `FALSE` or `NULL`
#'   nothing; an unnamed element is passed as it is. Numbers are written without a superfluous
#'   decimal point (`3`, `0.1`), unnamed logical values as the script's language has them.
#' @param compute_target Name of the target; `"local"` is this machine.
#' @param ... Not used; makes sure that what follows is named.
#' @param environment_variables Variables for the script: a named list.
#' @param interpreter Program that runs the script; `NULL` means this R's `Rscript`, with this
#'   session's library paths, or the Python of tandemlab.
#' @param max_run_duration_seconds The script is stopped and the run fails after so long; `NULL` for
#'   no limit.
#' @param environment Packages that the script needs: an [r_environment()], [python_environment()]
#'   or [read_environment()], built before the script starts; `NULL` for what the interpreter has.
#' @return A `tandemlab_script_run_config`: plain data.
#' @examples
#' script_run_config(".", "train.R", arguments = list(data = "x.csv", seed = 1, verbose = TRUE))
#' @export
script_run_config <- function(source_directory, script, arguments = NULL, compute_target = "local",
                              ..., environment_variables = NULL, interpreter = NULL,
                              max_run_duration_seconds = NULL, environment = NULL) {
  check_no_dots(...)
  structure(
    list(
      source_directory = arg_path(source_directory),
      script = arg_string(script),
      arguments = arg_arguments(arguments),
      compute_target = arg_string(compute_target),
      environment_variables = arg_text_map(environment_variables),
      interpreter = arg_optional(interpreter, arg_string),
      max_run_duration_seconds = arg_optional(max_run_duration_seconds, arg_number),
      environment = arg_optional(environment, arg_environment)
    ),
    class = "tandemlab_script_run_config"
  )
}

# Arguments in the core's form: a list of words, and of named lists for flags.
arg_arguments <- function(x, arg = "arguments") {
  if (is.null(x)) {
    return(list())
  }
  if (!is.list(x) && !is.atomic(x)) {
    abort_argument(arg, "a list or a vector", x)
  }
  x <- as.list(x)
  keys <- if (is.null(names(x))) rep("", length(x)) else names(x)
  words <- Map(
    function(value, key) {
      where <- if (nzchar(key)) sprintf("%s$%s", arg, key) else arg
      if (nzchar(key)) {
        structure(list(argument_values(value, where)), names = key)
      } else {
        argument_word(value, where)
      }
    },
    x, keys
  )
  unname(words)
}

argument_values <- function(value, where) {
  if (is.null(value)) {
    return(NULL)
  }
  if (length(value) == 1 && !is.list(value)) {
    return(argument_word(value, where))
  }
  lapply(as.list(unname(value)), argument_word, where = where)
}

argument_word <- function(value, where) {
  refuse_secret(value, where)
  if (!is.atomic(value) || length(value) != 1 || is.na(value) && !is.nan(value)) {
    abort_argument(where, "strings, numbers or logical values without NA", value)
  }
  if (is.object(value)) as.character(value) else value[[1]]
}

# What the core's ScriptRunConfig takes.
config_arguments <- function(config) {
  if (!inherits(config, "tandemlab_script_run_config")) {
    abort_argument("config", "a script_run_config()", config)
  }
  config <- unclass(config)
  if (grepl("[.][rR]$", config$script) && is.null(config$interpreter)) {
    if (is.null(config$environment$r$rscript)) {
      config$interpreter <- file.path(R.home("bin"), "Rscript")
    }
    if (is.null(config$environment_variables[["R_LIBS"]])) {
      config$environment_variables[["R_LIBS"]] <- paste(.libPaths(), collapse = ":")
    }
  }
  config
}

#' @export
format.tandemlab_script_run_config <- function(x, ...) {
  sprintf("<script %s in %s on %s>", x$script, x$source_directory, x$compute_target)
}

#' @export
print.tandemlab_script_run_config <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  for (word in x$arguments) {
    text <- if (is.list(word)) sprintf("%s: %s", names(word), toString(word[[1]])) else format(word)
    cat("  ", text, "\n", sep = "")
  }
  invisible(x)
}
