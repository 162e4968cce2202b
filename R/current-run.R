#' The current run
#'
#' The run that code logs to when it names none: the innermost interactive run that this session
#' has open ([start_logging_run()], [with_run()]); else the run of the job that this process belongs
#' to; else, with one visible warning, an off-line run, which keeps everything in
#' `.tandemlab/offline` below the working directory (or in the user's cache where that is
#' read-only) until the R session ends. Needs no Python.
#'
#' @param allow_offline Whether to make an off-line run when there is no other.
#' @return A `tandemlab_run`.
#' @section Errors:
#' `tandemlab_error_invalid_state` when there is no run and `allow_offline` is `FALSE`.
#' @examples
#' owd <- setwd(tempdir())
#' run <- suppressWarnings(get_current_run())
#' run$id
#' setwd(owd)
#' @export
get_current_run <- function(allow_offline = TRUE) {
  arg_flag(allow_offline)
  run <- known_run()
  if (!is.null(run)) {
    return(run)
  }
  if (!allow_offline) {
    abort_tandemlab(
      "invalid_state",
      "This R session is not part of a run.",
      "Submit the script with submit_experiment(), or open a run with start_logging_run()."
    )
  }
  session$offline <- new_offline_run()
  session$offline
}

# The run that is current without making one, or NULL.
known_run <- function() {
  depth <- length(session$stack)
  if (depth > 0) {
    return(session$stack[[depth]]$run)
  }
  own <- own_run()
  if (is.null(own)) session$offline else own
}

# The run of the job that this process belongs to, from its environment.
own_run <- function() {
  variables <- Sys.getenv(
    c("TANDEMLAB_RUN_ID", "TANDEMLAB_WORKSPACE", "TANDEMLAB_EXPERIMENT", "TANDEMLAB_RUN_DIR"),
    names = FALSE
  )
  if (!nzchar(variables[[1]])) {
    return(NULL)
  }
  new_run(variables[[1]], variables[[2]], variables[[3]], variables[[4]])
}

is_own_job <- function(run) identical(Sys.getenv("TANDEMLAB_RUN_ID"), .subset2(run, "id"))

is_offline <- function(run) {
  !is.null(session$offline) && identical(.subset2(session$offline, "id"), .subset2(run, "id"))
}

# Where a logging function writes: the hot path, so the job's case is one look at the environment.
run_directory <- function(run) {
  if (is.null(run)) {
    if (length(session$stack) == 0) {
      directory <- .Call(C_job_directory)
      if (!is.null(directory)) {
        return(directory)
      }
    }
    run <- get_current_run()
  } else if (!inherits(run, "tandemlab_run")) {
    run <- arg_run(run)
  }
  .subset2(run, "directory")
}

enter_run <- function(run, outputs = NULL) {
  session$stack <- c(session$stack, list(list(run = run, outputs = outputs)))
}

# Takes a run off the stack; its entry, or NULL if it is not there.
leave_run <- function(run) {
  same <- vapply(session$stack, function(entry) identical(entry$run, run), NA)
  if (!any(same)) {
    return(NULL)
  }
  place <- max(which(same))
  entry <- session$stack[[place]]
  session$stack <- session$stack[-place]
  entry
}

# A run that is kept in a folder of its own until Python takes it in.
new_offline_run <- function() {
  workspace <- offline_workspace()
  id <- paste0("offline_", .Call(C_ulid))
  run <- new_run(id, workspace, "offline")
  directory <- .subset2(run, "directory")
  if (!dir.create(file.path(directory, "spool"), recursive = TRUE, showWarnings = FALSE)) {
    abort_tandemlab(
      "storage_error",
      sprintf("The folder of an off-line run could not be made: %s.", directory),
      "Set a working directory that you can write to, or open a run with start_logging_run()."
    )
  }
  write_text(to_json(offline_identity(id, workspace)), file.path(directory, "run.json"))
  log_status(run, "Running")
  reg.finalizer(session, end_offline_run, onexit = TRUE)
  watch_errors()
  warn_tandemlab(
    "offline",
    sprintf("No run is active: logging to the off-line run %s, kept in %s.", id, directory),
    "Submit the script with submit_experiment(), or open a run with start_logging_run()."
  )
  run
}

offline_workspace <- function() {
  here <- getwd()
  if (file.access(here, 2) == 0) {
    return(file.path(here, ".tandemlab", "offline"))
  }
  file.path(tools::R_user_dir("tandemlab", "cache"), "offline")
}

offline_identity <- function(id, workspace) {
  now <- Sys.time()
  list(
    format = 1L,
    id = id,
    experiment = "offline",
    created = micros(now),
    type = "offline",
    display_name = format(now, "offline_%Y%m%d_%H%M%S"),
    parent = NULL,
    workspace = workspace,
    context = describe_process()
  )
}

# Microseconds since 1970-01-01 UTC, to be written as an integer.
micros <- function(time) {
  as_integer64(as.numeric(time) * 1e6)
}

# Where the run comes from, under the names that the core uses.
describe_process <- function() {
  info <- Sys.info()
  list(
    host = info[["nodename"]],
    user = info[["user"]],
    pid = Sys.getpid(),
    os = paste(info[["sysname"]], info[["release"]]),
    r = as.character(getRversion()),
    tandemlab = package_version_text(),
    program = script_path(),
    directory = getwd()
  )
}

package_version_text <- function() getNamespaceInfo("tandemlab", "spec")[["version"]]

script_path <- function() {
  file <- grep("^--file=", commandArgs(), value = TRUE)
  if (length(file) == 0) "" else substring(file[[1]], 8)
}

# Under a temporary name first: readers see the whole file or none.
write_text <- function(text, path) {
  draft <- sprintf("%s.%d.tmp", path, Sys.getpid())
  writeLines(text, draft, useBytes = TRUE)
  file.rename(draft, path)
}

# The end of the R session ends the run. R does not say whether a script failed; but a message that
# came after the last top-level expression that went well is what ended it.
end_offline_run <- function(session) {
  run <- session$offline
  if (is.null(run) || !dir.exists(.subset2(run, "directory"))) {
    return(invisible())
  }
  message <- geterrmessage()
  failed <- !interactive() && !identical(message, session$error_before)
  error <- if (failed) list(message = trimws(message), code = "exception")
  log_status(run, if (failed) "Failed" else "Completed", error)
  session$offline <- NULL
}

watch_errors <- function() {
  session$error_before <- geterrmessage()
  addTaskCallback(function(...) {
    session$error_before <- geterrmessage()
    !is.null(session$offline)
  })
}

log_status <- function(run, status, error = NULL) {
  log_event(run, "status", "status", list(status = status, error = error))
}
