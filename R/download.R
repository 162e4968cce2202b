#' Files of a run
#'
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @return Names of the run's files, sorted. What a script leaves in `outputs/` and `logs/` is among
#'   them once it has ended.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' upload_files_to_run("data/cars.csv", write_cars <- {
#'   path <- tempfile()
#'   write.csv(mtcars, path)
#'   path
#' }, run)
#' get_run_file_names(run)
#' complete_run(run)
#' @export
get_run_file_names <- function(run) {
  call_run(arg_run(run), "run.files")
}

#' Download files of a run
#'
#' @param run A `tandemlab_run`.
#' @param name Name of a file of the run.
#' @param output_file_path File or folder to write to; `NULL` means the name's last part in the
#'   working directory.
#' @param prefix Only files whose names start with it; `NULL` for all.
#' @param output_directory Where the files go, under their names; `NULL` means the working
#'   directory.
#' @param output_paths Exact local paths instead, one for each file in the order of
#'   [get_run_file_names()].
#' @param append_prefix Whether `prefix` stays part of the local paths.
#' @return Local paths, invisibly.
#' @section Errors:
#' `tandemlab_error_not_found` when the run has no file of that name. Existing local files are
#' replaced.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' source <- tempfile()
#' saveRDS(mtcars, source)
#' upload_files_to_run("outputs/cars.rds", source, run)
#' download_file_from_run(run, "outputs/cars.rds", tempfile())
#' download_files_from_run(run, "outputs/", tempdir())
#' complete_run(run)
#' @export
download_file_from_run <- function(run, name, output_file_path = NULL) {
  run <- arg_run(run)
  name <- arg_string(name)
  path <- if (is.null(output_file_path)) {
    file.path(getwd(), basename(name))
  } else {
    arg_path(output_file_path)
  }
  invisible(call_run(run, "run.download", name = name, path = path))
}

#' @rdname download_file_from_run
#' @export
download_files_from_run <- function(run, prefix = NULL, output_directory = NULL,
                                    output_paths = NULL, append_prefix = TRUE) {
  run <- arg_run(run)
  paths <- arg_optional(output_paths, arg_strings)
  invisible(call_run(
    run, "run.download_all",
    prefix = arg_optional(prefix, arg_string),
    directory = if (is.null(output_directory)) getwd() else arg_path(output_directory),
    paths = if (!is.null(paths)) lapply(paths, absolute_path),
    append_prefix = arg_flag(append_prefix)
  ))
}

#' Restore the source of a run
#'
#' Copies the files that a run was made from, as they were when it was submitted.
#'
#' @param run A `tandemlab_run`.
#' @param path A folder that is empty or not there.
#' @return `path`, invisibly.
#' @section Errors:
#' `tandemlab_error_not_found` when no source was kept with the run,
#' `tandemlab_error_already_exists` when the folder holds something.
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile()
#' dir.create(source)
#' writeLines("cat('hello')", file.path(source, "hello.R"))
#' exp <- experiment(temp_workspace(), "demo")
#' run <- start_logging_run(exp, snapshot_directory = source)
#' list.files(restore_run_snapshot(run, tempfile()))
#' complete_run(run)
#' @export
restore_run_snapshot <- function(run, path) {
  run <- arg_run(run)
  invisible(call_run(run, "run.restore_snapshot", path = arg_path(path)))
}
