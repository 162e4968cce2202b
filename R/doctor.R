#' What tandemlab runs on, and how to repair it
#'
#' Says which Python and which R were chosen and why, where was looked, which versions there are,
#' whether both parts of tandemlab start and fit each other, whether the folder of a workspace can
#' do what is needed, and what to do about each thing that is wrong. `tandemlab doctor` gives the
#' same report in a shell.
#'
#' @section Which Python:
#' A session of R has one Python: one that runs already is used, and if another one was asked for, a
#' warning says so. Otherwise the first of these decides:
#' 1. [use_tandemlab_python()], 2. the option `tandemlab.python`, 3. the variable
#'   `TANDEMLAB_PYTHON`: they were meant for tandemlab;
#' 4. the variable `RETICULATE_PYTHON`, 5. `reticulate::use_python()` and its kin: they were meant
#'   for this session;
#' 6. the environment that was activated before R was started (`VIRTUAL_ENV`, `CONDA_PREFIX`);
#' 7. the `.venv` beside the workspace in use or above it, 8. the `.venv` of the working directory
#'   or above it: they belong to the project;
#' 9. the environment that [install_tandemlab()] made for the user.
#'
#' What 1 to 5 name is used, or is an error. What 6 to 9 find is passed over where tandemlab is not
#' installed, so that an environment for something else is not in the way.
#'
#' Environments that reticulate 1.41 and newer makes for one session (`reticulate::py_require()`,
#' `RETICULATE_PYTHON=managed`) are never asked for, since jobs, services and the next session would
#' not find them. One that runs already is used as any other: it needs tandemlab, so require
#' `"tandemlab[frames]"` (or the path of its sources) before Python starts.
#'
#' @section Which R:
#' Scripts that R submits run with the same R and its libraries. Where Python starts R, it is the
#' `Rscript` of the call's argument, of the variable `TANDEMLAB_RSCRIPT`, of the file
#' `tandemlab.json` in Python's environment (which `tools/bootstrap` and [install_tandemlab()]
#' write, with R's libraries), of `R_HOME`, or on the search path, in this order.
#'
#' @param workspace A workspace, or its path, whose folder is tried. By default the one that
#'   `config.json` in the working directory or above leads to, if there is one.
#' @return A `tandemlab_doctor`: a list with `ok` (logical), `python` and `python_why` (path, and
#'   what named it; `NULL` for none), `r` and `r_why`, `workspace` (path, or `NULL`), `versions` (a
#'   named character vector; `NA` for what is not installed), `places` (a data frame with
#'   `language`, `place`, `path` and `exists`) and `findings` (a data frame with `problem` and
#'   `repair`, one row for each thing that is wrong).
#' @examples
#' tandemlab_doctor()
#' @export
tandemlab_doctor <- function(workspace = NULL) {
  if (is_string(workspace)) {
    workspace <- workspace_at(arg_path(workspace))
  }
  workspace <- arg_optional(workspace, arg_workspace)
  places <- look_for_python()
  found <- find_python(places)
  findings <- c(list(reticulate_problem()), python_problems(found))
  if (core_is_started()) {
    report <- call_core("doctor.examine", workspace = workspace_to_try(workspace))
    report$python <- found$path
    report$python_why <- found$why
  } else {
    report <- report_without_core(found)
  }
  session_versions <- versions_of_session()
  report$versions <- unlist(lapply(report$versions, function(version) {
    if (is.null(version)) NA_character_ else version
  }))
  report$versions[names(session_versions)] <- session_versions
  r_places <- report$places[report$places$language == "r", ]
  report$places <- plain_rows(rbind(places_table(places), r_places))
  report$findings <- plain_rows(rbind(findings_table(findings), report$findings))
  report$ok <- nrow(report$findings) == 0
  structure(report, class = "tandemlab_doctor")
}

report_without_core <- function(found) {
  packages <- c("Python", "tandemlab (Python)", "numpy", "pandas", "pyarrow", "polars", "rpy2")
  list(
    ok = FALSE,
    python = found$path,
    python_why = found$why,
    r = file.path(R.home("bin"), "Rscript"),
    r_why = "the R of this session",
    workspace = NULL,
    versions = structure(vector("list", length(packages)), names = packages),
    places = places_table(list()),
    findings = findings_table(list())
  )
}

plain_rows <- function(frame) {
  rownames(frame) <- NULL
  frame
}

workspace_to_try <- function(workspace) {
  if (!is.null(workspace)) {
    return(.subset2(workspace, "path"))
  }
  tryCatch(
    .subset2(load_workspace_from_config(), "path"),
    tandemlab_error = function(problem) NULL
  )
}

finding <- function(problem, repair) list(problem = problem, repair = repair)

findings_table <- function(findings) {
  findings <- Filter(Negate(is.null), findings)
  data.frame(
    problem = vapply(findings, function(finding) finding$problem, ""),
    repair = vapply(findings, function(finding) finding$repair, "")
  )
}

places_table <- function(places) {
  path <- vapply(places, function(place) {
    if (is.null(place$path)) NA_character_ else place$path
  }, "")
  data.frame(
    language = rep("python", length(places)),
    place = vapply(places, function(place) place$place, ""),
    path = path,
    exists = !is.na(path) & file.exists(path)
  )
}

reticulate_problem <- function() {
  if (!requireNamespace("reticulate", quietly = TRUE)) {
    finding(
      "The R package reticulate is not installed.",
      "install.packages(\"reticulate\"), or on Debian: apt install r-cran-reticulate"
    )
  }
}

# What is wrong with the chosen Python; nothing if the core starts there.
python_problems <- function(found) {
  if (is.null(found)) {
    return(list(finding("No Python with tandemlab was found.", "install_tandemlab() makes one.")))
  }
  other <- if (!is.null(found$asked)) list(finding(other_python(found), other_python_repair))
  suppressWarnings(
    tryCatch(
      {
        start_core()
        other
      },
      tandemlab_error = function(problem) {
        c(other, list(finding(core_message(problem), core_hint(problem, found))))
      }
    ),
    classes = "tandemlab_warning_python"
  )
}

core_message <- function(problem) sub("\n.*", "", problem$message)

core_hint <- function(problem, found) {
  reason <- problem$details$reason
  if (is.null(reason)) problem$hint else core_repair(reason, found)
}

versions_of_session <- function() {
  versions <- c(R = as.character(getRversion()), "tandemlab (R)" = package_version_text())
  if (requireNamespace("reticulate", quietly = TRUE)) {
    versions[["reticulate"]] <- as.character(utils::packageVersion("reticulate"))
  }
  versions
}

# What the doctor of the command line asks of R, as JSON: what a session that starts here would use.
doctor_view <- function() {
  places <- look_for_python()
  found <- find_python(places)
  table <- places_table(places)
  to_json(list(
    reticulate = unname(as.list(versions_of_session())$reticulate),
    python = found$path,
    tandemlab_there = installed_version(found$path),
    places = lapply(seq_len(nrow(table)), function(i) {
      row <- as.list(table[i, c("place", "path", "exists")])
      row["path"] <- list(if (is.na(row$path)) NULL else row$path)
      row
    })
  ))
}

# The version of the Python part beside a Python, by the name of its metadata; NULL if not known.
installed_version <- function(python) {
  if (!is.null(python)) {
    found <- basename(metadata_folders(python))
    if (length(found) > 0) sub("^tandemlab-(.*)[.]dist-info$", "\\1", found[[1]])
  }
}

#' @export
format.tandemlab_doctor <- function(x, ...) {
  state <- if (x$ok) {
    "tandemlab is ready."
  } else if (is.na(x$versions[["tandemlab (Python)"]])) {
    "tandemlab can log, and nothing else."
  } else {
    "tandemlab works, and something is to be repaired."
  }
  shown <- x$versions[!is.na(x$versions)]
  places <- sprintf(
    "  %s, %s: %s%s", x$places$language, x$places$place,
    ifelse(is.na(x$places$path), "-", x$places$path),
    ifelse(is.na(x$places$path) | x$places$exists, "", " (not there)")
  )
  chosen <- function(path, why) if (is.null(path)) "none" else sprintf("%s (%s)", path, why)
  c(
    state,
    sprintf("Python: %s", chosen(x$python, x$python_why)),
    sprintf("R: %s", chosen(x$r, x$r_why)),
    if (!is.null(x$workspace)) sprintf("Workspace: %s", x$workspace),
    sprintf("Versions: %s", toString(paste(names(shown), shown))),
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
