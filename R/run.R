#' Get a run by its id
#'
#' @param experiment A `tandemlab_experiment`, or a `tandemlab_workspace`.
#' @param run_id The run's id: a single string.
#' @return A `tandemlab_run`.
#' @section Errors:
#' `tandemlab_error_not_found` when there is no run of that id.
#' @examplesIf tandemlab_is_ready()
#' exp <- experiment(temp_workspace(), "demo")
#' run <- start_logging_run(exp)
#' get_run(exp, run$id)
#' complete_run(run)
#' @export
get_run <- function(experiment, run_id) {
  path <- if (inherits(experiment, "tandemlab_workspace")) {
    .subset2(experiment, "path")
  } else {
    .subset2(arg_experiment(experiment), "workspace")
  }
  handle <- call_core("run.get", workspace = path, run = arg_string(run_id))
  new_run(handle$id, path, handle$experiment, handle$directory)
}

#' Open and end interactive runs
#'
#' @description
#' `start_logging_run()` opens a run in this session, which is the current run ([get_current_run()])
#' until it ends. Runs nest: the innermost is current.
#'
#' `complete_run()` ends it as Completed, `fail_run()` as Failed. Inside its own job
#' `complete_run()` changes nothing, since the script's exit status decides, and the job of
#' `fail_run()` goes on and is Failed in the end.
#'
#' `with_run()` evaluates code with a run as the current one, then completes the run; an error in
#' the code fails it and is raised again.
#'
#' @param experiment A `tandemlab_experiment`.
#' @param outputs A local folder whose files become files of the run when it ends, under the
#'   folder's name; `NULL` for none.
#' @param snapshot_directory A source folder to keep a copy of with the run; `NULL` for none.
#' @param display_name A name for people; made up if `NULL`.
#' @param run A `tandemlab_run`.
#' @param error_details Why it failed: a string, or a condition.
#' @param error_code A stable name of the kind of failure, such as `"exit"`.
#' @param code Code to evaluate.
#' @return `start_logging_run()`: a `tandemlab_run`. `complete_run()` and `fail_run()`: the run,
#'   invisibly. `with_run()`: the value of `code`.
#' @section Errors:
#' `tandemlab_error_invalid_state` for a run that has ended otherwise already.
#' @examplesIf tandemlab_is_ready()
#' exp <- experiment(temp_workspace(), "demo")
#' run <- start_logging_run(exp)
#' log_metric_to_run("accuracy", 0.9)
#' complete_run(run)
#'
#' with_run(start_logging_run(exp), {
#'   fit <- lm(mpg ~ wt, mtcars)
#'   log_metric_to_run("r_squared", summary(fit)$r.squared)
#' })
#' @export
start_logging_run <- function(experiment, outputs = NULL, snapshot_directory = NULL,
                              display_name = NULL) {
  exp <- arg_experiment(experiment)
  outputs <- arg_optional(outputs, arg_path)
  handle <- call_experiment(
    exp, "experiment.start_logging",
    snapshot_directory = arg_optional(snapshot_directory, arg_path),
    display_name = arg_optional(display_name, arg_string)
  )
  run <- run_from(handle, exp)
  enter_run(run, outputs)
  run
}

#' @rdname start_logging_run
#' @export
complete_run <- function(run) {
  run <- arg_run(run)
  if (!is_own_job(run)) {
    leave(run)
    if (is_offline(run)) {
      log_status(run, "Completed")
      session$offline <- NULL
    } else {
      call_run(run, "run.complete")
    }
    .Call(C_close_writer, .subset2(run, "directory"))
  }
  invisible(run)
}

#' @rdname start_logging_run
#' @export
fail_run <- function(run, error_details = NULL, error_code = NULL) {
  run <- arg_run(run)
  if (inherits(error_details, "condition")) {
    error_details <- conditionMessage(error_details)
  }
  message <- arg_optional(error_details, arg_string)
  code <- arg_optional(error_code, arg_string)
  leave(run)
  if (is_own_job(run) || is_offline(run)) {
    log_status(run, "Failed", list(
      message = if (is.null(message)) "The run was failed." else message,
      code = if (is.null(code)) "failed" else code
    ))
    if (is_offline(run)) {
      session$offline <- NULL
    }
  } else {
    call_run(run, "run.fail", message = message, code = code)
  }
  invisible(run)
}

# Off the stack, with the outputs that were promised at the start.
leave <- function(run) {
  entry <- leave_run(run)
  folder <- entry$outputs
  if (is.null(folder) || !dir.exists(folder)) {
    return(invisible())
  }
  directory <- .subset2(run, "directory")
  for (file in list.files(folder, recursive = TRUE, all.files = TRUE)) {
    put_file(
      directory, paste(basename(folder), file, sep = "/"), file.path(folder, file),
      taken_ok = TRUE
    )
  }
}

#' @rdname start_logging_run
#' @export
with_run <- function(run, code) {
  run <- arg_run(run)
  if (!identical(known_run(), run)) {
    enter_run(run)
  }
  done <- FALSE
  on.exit(if (!done) fail_run(run, failure_text(), "exception"))
  value <- withVisible(withCallingHandlers(code, error = note_failure))
  done <- TRUE
  complete_run(run)
  if (value$visible) value$value else invisible(value$value)
}

note_failure <- function(problem) session$failure <- conditionMessage(problem)

failure_text <- function() {
  text <- session$failure
  session$failure <- NULL
  if (is.null(text) || !nzchar(text)) "The code was interrupted." else text
}

# What the core knows of a run that changes.
run_record <- function(run) call_run(run, "run.record")

#' Details of a run
#'
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @return A named list: `runId`, `experiment`, `number`, `displayName`, `type`, `parent`, `target`,
#'   `status`, `createdTimeUtc`, `startTimeUtc`, `endTimeUtc` (ISO 8601 text), `exitCode`, `error`,
#'   `tags`, `properties`, `runDefinition`, `snapshotId`, `submittedBy`, `context`, `logFiles`,
#'   `directory`. What is absent is `NULL`. `get_run_details_with_logs()` has the text of each log
#'   file in `logFiles`, where `get_run_details()` has its path.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' get_run_details(run)$status
#' complete_run(run)
#' @export
get_run_details <- function(run) {
  call_run(arg_run(run), "run.details", logs = FALSE)
}

#' @rdname get_run_details
#' @export
get_run_details_with_logs <- function(run) {
  call_run(arg_run(run), "run.details", logs = TRUE)
}

#' What was installed where a run's script ran
#'
#' @param run A submitted `tandemlab_run` that has ended.
#' @return A named list: `language`, `version`, `interpreter`, and `packages`, a data frame with the
#'   columns `package` and `version`. `NULL` for a run that was not submitted.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' get_run_environment(run)
#' complete_run(run)
#' @export
get_run_environment <- function(run) {
  call_run(arg_run(run), "run.environment")
}

#' Cancel a run
#'
#' A submitted run is stopped with all its processes: they are asked to end, and killed if they do
#' not. Returns at once; [wait_for_run_completion()] waits for the end.
#'
#' @param run A `tandemlab_run`.
#' @return `run`, invisibly.
#' @section Errors:
#' `tandemlab_error_invalid_state` for a run that has ended.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' cancel_run(run)
#' run$status
#' @export
cancel_run <- function(run) {
  run <- arg_run(run)
  leave_run(run)
  call_run(run, "run.cancel")
  invisible(run)
}

#' Delete a run
#'
#' Deletes a run that has ended, with its metrics and files. There is no way back.
#'
#' @param run A `tandemlab_run`.
#' @return `NULL`, invisibly.
#' @section Errors:
#' `tandemlab_error_invalid_state` for a run that has not ended or has children.
#' @examplesIf tandemlab_is_ready()
#' exp <- experiment(temp_workspace(), "demo")
#' run <- complete_run(start_logging_run(exp))
#' delete_run(run)
#' length(get_runs_in_experiment(exp))
#' @export
delete_run <- function(run) {
  run <- arg_run(run)
  call_run(run, "run.delete")
  .Call(C_close_writer, .subset2(run, "directory"))
  invisible(NULL)
}

#' @rdname handles
#' @export
print.tandemlab_run <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  facts <- c(
    Experiment = .subset2(x, "experiment"), run_facts(x), Folder = .subset2(x, "directory")
  )
  cat(sprintf("  %-11s %s\n", paste0(names(facts), ":"), facts), sep = "")
  invisible(x)
}

# Printing inside a job or an off-line script must not start Python.
run_facts <- function(run) {
  if (is_own_job(run) || is_offline(run)) {
    return(c(Status = "Running"))
  }
  tryCatch(
    {
      record <- run_record(run)
      name <- sprintf("%s (number %d)", record$display_name, record$number)
      c(Name = name, Status = record$status)
    },
    tandemlab_error = function(problem) c(Status = paste("unknown:", first_line(problem$message)))
  )
}

#' @rdname handles
#' @export
summary.tandemlab_run <- function(object, ...) {
  record <- run_record(object)
  structure(
    list(id = .subset2(object, "id"), record = record, metrics = get_run_metrics(object)),
    class = "tandemlab_run_summary"
  )
}

#' @export
print.tandemlab_run_summary <- function(x, ...) {
  cat(sprintf("<run %s> %s\n", x$id, x$record$status))
  for (name in names(x$metrics)) {
    cat(sprintf("  %-20s %s\n", name, metric_text(x$metrics[[name]])))
  }
  invisible(x)
}

metric_text <- function(value) {
  if (is.data.frame(value)) {
    return(sprintf("table, %d rows of %s", nrow(value), toString(names(value))))
  }
  if (is.list(value) && !is.null(names(value))) {
    return(if (is.null(value$file)) value$schema_type else value$file)
  }
  if (length(value) == 1) {
    return(format(value[[1]]))
  }
  sprintf("series of %d, last %s", length(value), format(value[[length(value)]]))
}
