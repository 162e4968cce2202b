#' Have the agent come back when the machine starts
#'
#' The workspace's agent runs scripts and fires schedules. It starts when it is needed, and stays as
#' long as there are schedules that are not paused. `install_agent()` has it start with the machine,
#' too: by a unit of systemd's manager for users, or a line of the user's crontab. What was written
#' is shown, and `uninstall_agent()` takes it away again; an agent that is at work goes on.
#'
#' @param workspace A `tandemlab_workspace` in a folder of this machine.
#' @param way `"systemd"` or `"cron"`; the first that this machine has if `NULL`.
#' @return `install_agent()` and `uninstall_agent()`: a list of `way`, `place` (the unit's file, or
#'   `"crontab"`), `content` and `notes` (what is still to be done), invisibly; `NULL` if there was
#'   nothing to uninstall. `get_agent_status()`: a list of `pid` (`NULL` while there is none),
#'   `schedules` (how many are not paused) and `installation`, such a list or `NULL`.
#' @section Errors:
#' `tandemlab_error_invalid_state` if this machine has neither, or not the one that is asked for:
#' the hint has the command to run. `tandemlab_error_invalid_input` if the workspace is at a server.
#' @examplesIf tandemlab_is_ready()
#' get_agent_status(temp_workspace())
#' @export
install_agent <- function(workspace, way = NULL) {
  found <- call_core(
    "agent.install",
    workspace = .subset2(arg_workspace(workspace), "path"), way = arg_optional(way, arg_string)
  )
  if (interactive()) {
    cli::cli_inform(c("{found$place}:", "{found$content}", found$notes))
  }
  invisible(found)
}

#' @rdname install_agent
#' @export
uninstall_agent <- function(workspace) {
  invisible(call_core(
    "agent.uninstall",
    workspace = .subset2(arg_workspace(workspace), "path")
  ))
}

#' @rdname install_agent
#' @export
get_agent_status <- function(workspace) {
  call_core("agent.status", workspace = .subset2(arg_workspace(workspace), "path"))
}
