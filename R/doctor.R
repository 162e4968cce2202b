#' What tandemlab runs on, and how to repair it
#'
#' Says which Python was chosen and why, whether the Python part starts and fits this package, and
#' what to do about each thing that is wrong.
#'
#' @return A `tandemlab_doctor`: a list with `ok` (logical), `python` (path, or `NULL`), `why` (what
#'   named it), `versions` (a named character vector), `places` (a data frame of the places looked
#'   at, in order) and `findings` (a data frame with `problem` and `repair`, one row for each thing
#'   that is wrong).
#' @examples
#' tandemlab_doctor()
#' @export
tandemlab_doctor <- function() {
  found <- find_python()
  places <- python_places()
  problem <- if (is.null(found)) list(no_python) else python_problem(found)
  findings <- Filter(Negate(is.null), c(list(reticulate_problem()), problem))
  structure(
    list(
      ok = length(findings) == 0,
      python = found$path,
      why = found$why,
      versions = doctor_versions(),
      places = places,
      findings = data.frame(
        problem = vapply(findings, function(finding) finding$problem, ""),
        repair = vapply(findings, function(finding) finding$repair, "")
      )
    ),
    class = "tandemlab_doctor"
  )
}

finding <- function(problem, repair) list(problem = problem, repair = repair)

no_python <- finding(
  "No Python was found.",
  paste(
    "Make one with `python3 -m venv .venv && .venv/bin/pip install tandemlab` in the project,",
    "or set TANDEMLAB_PYTHON to the path of one."
  )
)

reticulate_problem <- function() {
  if (!requireNamespace("reticulate", quietly = TRUE)) {
    finding(
      "The R package reticulate is not installed.",
      "install.packages(\"reticulate\"), or on Debian: apt install r-cran-reticulate"
    )
  }
}

# A list with what is wrong with the chosen Python; empty if it works.
python_problem <- function(found) {
  if (!file.exists(found$path)) {
    return(list(finding(
      sprintf("%s names %s, which is not there.", capitalize(found$why), found$path),
      "Correct it, or remove it so that the next place is looked at."
    )))
  }
  tryCatch(
    {
      start_core()
      list()
    },
    tandemlab_error_version_mismatch = function(problem) {
      list(finding(problem$message, problem$hint))
    },
    tandemlab_error = function(problem) list(import_problem(found$path, problem)),
    error = function(problem) list(import_problem(found$path, problem))
  )
}

import_problem <- function(path, problem) {
  reason <- problem$details$reason
  if (is.null(reason)) {
    reason <- problem$message
  }
  missing <- grepl("No module named", reason)
  finding(
    sprintf("%s cannot start tandemlab: %s", path, first_line(reason)),
    if (missing && !identical(path, running_python())) {
      sprintf("Install it there: %s -m pip install tandemlab", path)
    } else if (missing) {
      paste(
        "Restart R and call tandemlab_is_ready() before anything else starts Python,",
        sprintf("or install it there: %s -m pip install tandemlab", path)
      )
    } else {
      "Restart R; a session keeps the Python that it started with."
    }
  )
}

doctor_versions <- function() {
  version <- function(package) as.character(utils::packageVersion(package))
  versions <- c(R = as.character(getRversion()), tandemlab = package_version_text())
  if (requireNamespace("reticulate", quietly = TRUE)) {
    versions[["reticulate"]] <- version("reticulate")
  }
  if (core_is_started()) {
    versions[["Python"]] <- as.character(reticulate::py_config()$version)
    versions[["tandemlab (Python)"]] <- call_core("version")
  }
  versions
}

python_places <- function() {
  paths <- lapply(python_sources, function(source) source())
  given <- vapply(paths, function(path) if (is.null(path)) NA_character_ else path, "")
  data.frame(
    place = names(python_sources), path = unname(given),
    exists = !is.na(given) & file.exists(given), row.names = NULL
  )
}

#' @export
format.tandemlab_doctor <- function(x, ...) {
  state <- if (x$ok) "tandemlab is ready." else "tandemlab can log, and nothing else."
  python <- if (is.null(x$python)) "none" else sprintf("%s (%s)", x$python, x$why)
  places <- sprintf(
    "  %d. %s: %s", seq_len(nrow(x$places)), x$places$place,
    ifelse(is.na(x$places$path), "-", x$places$path)
  )
  c(
    state,
    sprintf("Python: %s", python),
    sprintf("Versions: %s", toString(paste(names(x$versions), x$versions))),
    "Looked at, in this order:", places,
    if (nrow(x$findings) > 0) {
      paste0("Problem: ", x$findings$problem, "\n  Repair: ", x$findings$repair)
    }
  )
}

#' @export
print.tandemlab_doctor <- function(x, ...) {
  writeLines(format(x))
  invisible(x)
}
