# Which Python: one resolver, the same for every call and for tandemlab_doctor(). The help page of
# tandemlab_doctor() has the order and its reasons.

# The places in order: what each is called, and how far its word goes. What was `asked` of tandemlab
# and what was `named` for reticulate hold even where they are wrong, and are an error then; what is
# only `found` is passed over if it lacks tandemlab.
python_sources <- list(
  list(place = "use_tandemlab_python()", word = "asked", path = function() session$asked),
  list(
    place = "the option tandemlab.python", word = "asked",
    path = function() python_in(getOption("tandemlab.python"))
  ),
  list(
    place = "the variable TANDEMLAB_PYTHON", word = "asked",
    path = function() python_in(variable("TANDEMLAB_PYTHON"))
  ),
  list(
    place = "Python that already runs in this session", word = "runs",
    path = function() running_python()
  ),
  list(
    place = "the variable RETICULATE_PYTHON", word = "named",
    path = function() python_in(variable("RETICULATE_PYTHON"))
  ),
  list(place = "reticulate::use_python()", word = "named", path = function() reticulate_choice()),
  list(
    place = "the activated environment", word = "found",
    path = function() activated_python()
  ),
  list(
    place = "the workspace's .venv", word = "found",
    path = function() python_above(session$near)
  ),
  list(place = "the project's .venv", word = "found", path = function() python_above(getwd())),
  list(
    place = "the environment that install_tandemlab() made", word = "found",
    path = function() user_python()
  )
)

# Every place in order, with what it names now.
look_for_python <- function() {
  lapply(python_sources, function(source) {
    source$path <- source$path()
    source
  })
}

# The Python to use: list(path, why), with `asked` and `by` if another one was asked for than the
# one that runs. NULL when no place names one.
find_python <- function(places = look_for_python()) {
  if (core_is_started()) {
    return(session$python)
  }
  named <- Filter(function(place) !is.null(place$path), places)
  pick <- function(test) Find(function(place) test(place), named)
  wanted <- pick(function(place) place$word == "asked")
  running <- pick(function(place) place$word == "runs")
  if (!is.null(running)) {
    found <- list(path = running$path, why = running$place)
    if (!is.null(wanted) && !same_python(wanted$path, running$path)) {
      found$asked <- wanted$path
      found$by <- wanted$place
    }
    return(found)
  }
  for (test in list(
    function(place) place$word == "asked", function(place) place$word == "named",
    function(place) has_tandemlab(place$path), function(place) TRUE
  )) {
    chosen <- pick(test)
    if (!is.null(chosen)) {
      return(list(path = chosen$path, why = chosen$place))
    }
  }
  NULL
}

# Start the chosen Python, or say why it cannot be. A session has one Python, whoever started it.
choose_python <- function() {
  found <- find_python()
  if (is.null(found)) {
    abort_tandemlab(
      "missing_dependency",
      "No Python with tandemlab was found.",
      paste(
        "install_tandemlab() makes one; use_tandemlab_python() names one that is there.",
        "tandemlab_doctor() lists where was looked."
      )
    )
  }
  if (!is.null(found$asked)) {
    tell_of_other_python(found)
  } else if (is.null(running_python())) {
    start_python(found)
  }
  found
}

start_python <- function(found) {
  if (!file.exists(found$path)) {
    abort_tandemlab(
      "missing_dependency", not_there(found),
      "Correct it, or see tandemlab_doctor().",
      list(path = found$path)
    )
  }
  # The variable has the last word in every version of reticulate, and keeps it from looking around.
  with_variable("RETICULATE_PYTHON", found$path, tryCatch(
    reticulate::py_config(),
    error = function(problem) abort_no_core(conditionMessage(problem), found)
  ))
  if (!reticulate::py_available(initialize = TRUE)) {
    abort_no_core("reticulate cannot start it", found)
  }
}

not_there <- function(found) {
  sprintf("%s names %s, which is not there.", capitalize(found$why), found$path)
}

tell_of_other_python <- function(found) {
  if (!identical(session$told, found$asked)) {
    session$told <- found$asked
    warn_tandemlab("python", other_python(found), other_python_repair)
  }
}

other_python <- function(found) {
  sprintf(
    "This session runs %s already, so that %s, which %s names, is not used.",
    found$path, found$asked, found$by
  )
}

other_python_repair <-
  "A session has one Python. To use the other, restart R and let tandemlab start Python first."

#' Say which Python tandemlab is to use
#'
#' It holds for this session and comes before everything else that may name a Python;
#' [tandemlab_doctor()] has the whole order. `options(tandemlab.python = )` in an `.Rprofile` or the
#' variable `TANDEMLAB_PYTHON` in an `.Renviron` do the same for every session.
#'
#' @param path A Python program, or the folder of a virtual environment. `NULL` takes the word back.
#' @return The path of the Python before, or `NULL`, invisibly. An error of class
#'   `tandemlab_error_invalid_input` if there is no Python at `path`, and
#'   `tandemlab_error_invalid_state` if the session runs another one already.
#' @examplesIf file.exists(".venv")
#' use_tandemlab_python(".venv")
#' use_tandemlab_python(NULL)
#' @export
use_tandemlab_python <- function(path) {
  before <- session$asked
  if (!is.null(path)) {
    path <- python_in(arg_string(path))
    if (!file.exists(path)) {
      abort_input(
        sprintf("There is no Python at %s.", path),
        "Give a Python program or the folder of an environment; install_tandemlab() makes one."
      )
    }
    running <- running_python()
    if (!is.null(running) && !same_python(path, running)) {
      abort_tandemlab(
        "invalid_state",
        sprintf("This session runs %s already; it cannot use %s.", running, path),
        other_python_repair
      )
    }
  }
  session$asked <- path
  invisible(before)
}

variable <- function(name) {
  value <- Sys.getenv(name)
  if (nzchar(value) && value != "managed") value else NULL
}

with_variable <- function(name, value, code) {
  before <- Sys.getenv(name, NA)
  on.exit(if (is.na(before)) Sys.unsetenv(name) else do.call(Sys.setenv, named(name, before)))
  do.call(Sys.setenv, named(name, value))
  code
}

named <- function(name, value) structure(list(value), names = name)

# A Python program by its own path, or by that of its environment. A link to the interpreter is not
# followed: it is what makes the environment.
python_in <- function(path) {
  if (is.null(path)) {
    return(NULL)
  }
  path <- path.expand(path)
  if (!startsWith(path, "/")) {
    path <- file.path(getwd(), path)
  }
  if (dir.exists(path)) environment_python(path) else path
}

environment_python <- function(folder) file.path(normalizePath(folder), "bin", "python")

existing <- function(path) if (file.exists(path)) path else NULL

# The Python of this process, found without starting one.
running_python <- function() {
  if (isNamespaceLoaded("reticulate") && reticulate::py_available(initialize = FALSE)) {
    reticulate::py_config()$python
  }
}

# What use_python(), use_virtualenv() or use_condaenv() fixed before Python started.
reticulate_choice <- function() {
  if (isNamespaceLoaded("reticulate")) {
    globals <- get0(".globals", asNamespace("reticulate"), inherits = FALSE)
    if (is.environment(globals)) globals$required_python_version
  }
}

activated_python <- function() {
  for (name in c("VIRTUAL_ENV", "CONDA_PREFIX")) {
    folder <- variable(name)
    if (!is.null(folder) && file.exists(file.path(folder, "bin", "python"))) {
      return(environment_python(folder))
    }
  }
}

user_environment <- function() file.path(tools::R_user_dir("tandemlab", "data"), "venv")

# An environment that was not finished is none.
user_python <- function() {
  folder <- user_environment()
  if (is_complete(folder)) environment_python(folder)
}

# Python in the `.venv` of a folder or of the nearest folder above it that has one.
python_above <- function(folder) {
  if (is.null(folder)) {
    return(NULL)
  }
  repeat {
    path <- file.path(folder, ".venv", "bin", "python")
    if (file.exists(path)) {
      return(path)
    }
    parent <- dirname(folder)
    if (parent == folder) {
      return(NULL)
    }
    folder <- parent
  }
}

# Whether the Python part is installed beside a Python, judged without starting it. Where an
# environment sees the packages of another one, it may well be.
has_tandemlab <- function(path) {
  settings <- file.path(dirname(dirname(path)), "pyvenv.cfg")
  shares <- file.exists(settings) &&
    any(grepl("^include-system-site-packages *= *true", readLines(settings, warn = FALSE)))
  shares || length(metadata_folders(path)) > 0
}

metadata_folders <- function(python) {
  packages <- file.path(dirname(dirname(python)), "lib", "python*", "site-packages")
  Sys.glob(file.path(packages, "tandemlab-*.dist-info"))
}

# Whether two paths are programs of one environment; asked of the programs if that is not plain.
same_python <- function(one, other) {
  prefix <- function(path) normalizePath(dirname(dirname(path)), mustWork = FALSE)
  if (prefix(one) == prefix(other)) {
    return(TRUE)
  }
  ask <- function(path) {
    if (file.exists(path)) {
      run_program(path, c("-c", "import sys; print(sys.prefix)"))
    }
  }
  answer <- ask(one)
  length(answer) == 1 && identical(answer, ask(other))
}

# The lines that a program other than R prints; the attribute "status" says how it ended, unless
# well. `stderr` as for system2().
run_program <- function(program, arguments, stderr = FALSE, env = character()) {
  suppressWarnings(tryCatch(
    system2(
      program, shQuote(arguments),
      stdout = TRUE, stderr = stderr, stdin = "/dev/null", env = c(library_path(), env)
    ),
    error = function(problem) structure(conditionMessage(problem), status = 127L)
  ))
}

# R puts folders of its own and of the system in front of LD_LIBRARY_PATH. A Python that is not the
# system's would load the system's libpython from there, and lose ssl.
library_path <- function() {
  command <- paste(
    "unset LD_LIBRARY_PATH; . \"$R_HOME/etc/ldpaths\" && printf %s \"$LD_LIBRARY_PATH\""
  )
  of_r <- suppressWarnings(system2("/bin/sh", c("-c", shQuote(command)), stdout = TRUE))
  split <- function(path) strsplit(paste0(path, ""), ":", fixed = TRUE)[[1]]
  rest <- setdiff(split(Sys.getenv("LD_LIBRARY_PATH")), c(split(of_r), ""))
  paste0("LD_LIBRARY_PATH=", shQuote(paste(rest, collapse = ":")))
}

capitalize <- function(text) paste0(toupper(substr(text, 1, 1)), substring(text, 2))

#' Is tandemlab ready for more than logging?
#'
#' Starts the Python part if it does not run yet. [tandemlab_doctor()] explains a `FALSE`.
#'
#' @return `TRUE` if workspaces and runs can be used; `FALSE` without an error otherwise.
#' @examples
#' tandemlab_is_ready()
#' @export
tandemlab_is_ready <- function() {
  tryCatch(
    {
      start_core()
      TRUE
    },
    error = function(problem) FALSE
  )
}
