#' Wait for a run to end
#'
#' Interrupting the wait (Escape, Ctrl-C) leaves the run alive and says so.
#'
#' @param run A `tandemlab_run`.
#' @param show_output Whether to print what the script prints, as it does; by default not while a
#'   document is knitted.
#' @param raise_on_error Whether a run that failed or was canceled is an error.
#' @param timeout_seconds How long to wait at most; `Inf` for as long as it takes.
#' @param show_progress Whether to say how the run stands: on a terminal and in RStudio in one line
#'   that lives, elsewhere in a message for each change of its status.
#' @return `run`, invisibly.
#' @section Errors:
#' `tandemlab_error_run_failed`, with the fields `run_id`, `status`, `exit_code` (negative for a
#' signal; `NULL` if there is none), `error_code` and `log_tail` (the last lines that it printed);
#' `tandemlab_error_invalid_state` when it has not ended in time. It goes on then.
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' dir.create(source)
#' writeLines("stop('not today')", file.path(source, "fail.R"))
#' exp <- experiment(temp_workspace(), "demo")
#' run <- submit_experiment(exp, script_run_config(source, "fail.R"))
#' tryCatch(
#'   wait_for_run_completion(run, show_output = FALSE),
#'   tandemlab_error_run_failed = function(problem) problem$exit_code
#' )
#' @export
wait_for_run_completion <- function(run, show_output = !is_knitting(), raise_on_error = TRUE,
                                    timeout_seconds = Inf, show_progress = show_output) {
  run <- arg_run(run)
  arg_flag(show_output)
  arg_flag(raise_on_error)
  limit <- if (identical(timeout_seconds, Inf)) Inf else arg_number(timeout_seconds, least = 0)
  progress <- if (arg_flag(show_progress)) new_progress(run) else no_progress()
  withCallingHandlers(
    follow_run(run, show_output, limit, progress),
    interrupt = function(condition) {
      progress$clear()
      message(sprintf("Stopped waiting; run %s goes on. cancel_run() ends it.", run$id))
    }
  )
  if (raise_on_error) {
    call_run(run, "run.check")
  }
  invisible(run)
}

is_knitting <- function() isTRUE(getOption("knitr.in.progress"))

follow_run <- function(run, show_output, limit, progress) {
  on.exit(progress$clear())
  start <- proc.time()[["elapsed"]]
  offset <- 0
  pause <- shortest_pause
  repeat {
    news <- call_run(run, "run.poll", offset = as_integer64(offset))
    if (show_output && nzchar(news$text)) {
      progress$clear()
      cat(news$text)
      utils::flush.console()
      progress$at_start_of_line <- endsWith(news$text, "\n")
    }
    more <- news$offset > offset
    offset <- news$offset
    waited <- proc.time()[["elapsed"]] - start
    progress$show(news$status, waited)
    if (news$ended) {
      return(invisible())
    }
    if (waited > limit) {
      abort_still_running(run, news$status, limit)
    }
    pause <- if (more) shortest_pause else min(pause * 1.5, longest_pause)
    Sys.sleep(pause)
  }
}

shortest_pause <- 0.02
longest_pause <- 0.2

abort_still_running <- function(run, status, limit) {
  abort_tandemlab(
    "invalid_state",
    sprintf("Run %s is %s after %s seconds of waiting.", run$id, status, format(limit)),
    "It goes on; wait again or cancel it.",
    list(run_id = run$id, status = status)
  )
}
