#' Store files in a run
#'
#' Copies local files into the run. Files of a run do not change: a name that is taken is an error.
#' Needs no Python.
#'
#' @param names Names in the run: relative paths such as `outputs/model.rds`.
#' @param paths Local paths, one for each name.
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @return `NULL`, invisibly.
#' @section Errors:
#' `tandemlab_error_invalid_input` for a name that is absolute, has `..`, `.` or empty parts,
#' backslashes or control characters, or for a path that is not a file;
#' `tandemlab_error_already_exists` for a name that is taken. All names and paths are checked before
#' the first file is copied.
#' @examples
#' owd <- setwd(tempdir())
#' run <- suppressWarnings(get_current_run())
#' saveRDS(lm(mpg ~ wt, mtcars), "model.rds")
#' upload_files_to_run("models/mpg.rds", "model.rds", run)
#' setwd(owd)
#' @export
upload_files_to_run <- function(names, paths, run = NULL) {
  names <- unlist(arg_strings(names))
  paths <- vapply(unlist(arg_strings(paths)), absolute_path, "")
  if (length(names) != length(paths)) {
    abort_input(sprintf("%d names do not fit %d paths.", length(names), length(paths)))
  }
  for (path in paths) {
    check_source(path)
  }
  directory <- run_directory(run)
  for (name in names) {
    check_file_name(name)
  }
  for (i in seq_along(names)) {
    put_file(directory, names[[i]], paths[[i]])
  }
  invisible(NULL)
}

#' Store a folder in a run
#'
#' Copies all files below a local folder into the run, under `name`. Needs no Python.
#'
#' @param name Name in the run, such as `outputs`; the files become `outputs/…`.
#' @param path Local folder.
#' @inheritParams upload_files_to_run
#' @return The names of the new files, invisibly.
#' @inheritSection upload_files_to_run Errors
#' @examples
#' owd <- setwd(tempdir())
#' run <- suppressWarnings(get_current_run())
#' dir.create("tables", showWarnings = FALSE)
#' write.csv(mtcars, "tables/cars.csv")
#' upload_folder_to_run("tables", "tables", run)
#' setwd(owd)
#' @export
upload_folder_to_run <- function(name, path, run = NULL) {
  name <- sub("/+$", "", arg_string(name))
  path <- arg_path(path)
  if (!dir.exists(path)) {
    abort_input(
      sprintf("%s is not a folder.", path), "upload_files_to_run() takes files.", list(path = path)
    )
  }
  files <- sort(list.files(path, recursive = TRUE, all.files = TRUE), method = "radix")
  names <- paste(name, files, recycle0 = TRUE, sep = "/")
  upload_files_to_run(names, file.path(path, files), run)
  invisible(names)
}

check_source <- function(path) {
  if (dir.exists(path)) {
    abort_input(
      sprintf("%s cannot be uploaded: it is a folder.", path),
      "upload_folder_to_run() takes folders.", list(path = path)
    )
  }
  if (!file.exists(path)) {
    abort_input(
      sprintf("%s cannot be uploaded: it is not there.", path), details = list(path = path)
    )
  }
}

check_file_name <- function(name) {
  problem <- .Call(C_check_file_name, name)
  if (!is.null(problem)) {
    refuse_name(problem, name)
  }
}

# Copies one file and logs it. FALSE if the name is taken and that is fine.
put_file <- function(directory, name, path, taken_ok = FALSE) {
  size <- .Call(C_put_file, directory, name, path)
  if (is.list(size)) {
    taken <- size$reason == "system" && size$detail %in% c("name the file", "make the file") &&
      grepl("File exists", .Call(C_error_text, size$number))
    if (!taken) {
      refuse_event(size, name, what = "file")
    }
    if (taken_ok) {
      return(FALSE)
    }
    abort_tandemlab(
      "already_exists", sprintf("The run has a file '%s' already.", name),
      "Files of a run do not change; use another name.", list(name = name)
    )
  }
  problem <- .Call(C_log_other, directory, "file", name, list(size = as_integer64(size)), NULL)
  if (!is.null(problem)) {
    refuse_event(problem, name, what = "file")
  }
  TRUE
}
