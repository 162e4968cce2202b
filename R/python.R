# Which Python: one resolver, the same for every call and for tandemlab_doctor().

# Each way to name a Python, in order: the path that it gives (NULL if it gives none). A session has
# one Python, so that one that runs already comes first.
python_sources <- list(
  "Python that already runs in this session" = function() running_python(),
  "the option tandemlab.python" = function() getOption("tandemlab.python"),
  "the variable TANDEMLAB_PYTHON" = function() variable("TANDEMLAB_PYTHON"),
  "the variable RETICULATE_PYTHON" = function() variable("RETICULATE_PYTHON"),
  "the project's .venv" = function() project_python(getwd()),
  "the environment that tandemlab made for this user" = function() {
    existing(venv_python(user_environment()))
  }
)

# The first source that names a Python: list(path, why), or NULL when reticulate is to choose.
find_python <- function() {
  if (core_is_started()) {
    return(session$python)
  }
  for (why in names(python_sources)) {
    path <- python_sources[[why]]()
    if (!is.null(path)) {
      return(list(path = path, why = why))
    }
  }
  NULL
}

# Tell reticulate, unless Python runs already: a session has one Python, whoever started it.
choose_python <- function() {
  found <- find_python()
  if (is.null(found)) {
    abort_tandemlab(
      "missing_dependency",
      "No Python with tandemlab was found.",
      paste(
        "Set TANDEMLAB_PYTHON to one, or make a .venv in the project.",
        "tandemlab_doctor() lists where was looked."
      )
    )
  }
  if (is.null(running_python())) {
    if (!file.exists(found$path)) {
      abort_tandemlab(
        "missing_dependency",
        sprintf("%s names %s, which is not there.", capitalize(found$why), found$path),
        "Correct it, or see tandemlab_doctor().",
        list(path = found$path)
      )
    }
    reticulate::use_python(found$path, required = TRUE)
  }
  found
}

variable <- function(name) {
  value <- Sys.getenv(name)
  if (nzchar(value) && value != "managed") value else NULL
}

existing <- function(path) if (file.exists(path)) path else NULL

# The Python of this process, found without starting one.
running_python <- function() {
  if (isNamespaceLoaded("reticulate") && reticulate::py_available(initialize = FALSE)) {
    reticulate::py_config()$python
  }
}

venv_python <- function(folder) file.path(folder, "bin", "python")

user_environment <- function() file.path(tools::R_user_dir("tandemlab", "data"), "venv")

# `.venv` of a folder or the nearest folder above it that has one.
project_python <- function(folder) {
  repeat {
    path <- venv_python(file.path(folder, ".venv"))
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
