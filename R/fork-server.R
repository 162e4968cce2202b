# An R that has loaded tandemlab and is forked for each function step; compute/forks.py asks it, and
# compute/fork_server.py is the same for Python. A job is a session of R by itself: its global
# environment is empty, its temporary folder its own. R is given three expressions to evaluate, the
# functions below, so that warnings, errors and quit() in a job are those of a script.

the_job <- new.env(parent = emptyenv())

# Forks for requests; comes back in each job.
run_fork_server <- function(pipes = commandArgs(TRUE)) {
  requests <- as.integer(pipes[[1]])
  answers <- as.integer(pipes[[2]])
  .Call(C_fork_start, requests, answers)
  # tempdir(check = TRUE) makes a new one where this is gone: each job's own, which ends with it.
  unlink(tempdir(), recursive = TRUE)
  closed <- FALSE
  while (.Call(C_fork_wait, requests, closed)) {
    text <- .Call(C_worker_receive, requests)
    if (is.null(text)) {
      closed <- TRUE
      next
    }
    request <- jsonlite::fromJSON(text, simplifyVector = FALSE)
    pid <- .Call(C_fork_job, request$place, request$wake, requests, answers)
    if (pid == 0) {
      the_job$request <- request
      return(invisible())
    }
    .Call(C_worker_send, answers, sprintf("{\"pid\":%d}", pid))
  }
  quit(save = "no", runLast = FALSE)
}

run_forked_job <- function() {
  tempdir(check = TRUE)
  do.call(Sys.setenv, the_job$request$variables)
  sys.source(the_job$request$command[[1]], envir = globalenv())
}

# How it has ended is kept by the R that it was forked from, once it has: unless that is gone.
end_forked_job <- function() {
  .Call(C_fork_note_end, the_job$request$place, the_job$request$wake, 0L)
  quit(save = "no")
}

# The arguments of a script, also of one that is a forked job.
script_arguments <- function() {
  if (is.null(the_job$request)) commandArgs(TRUE) else unlist(the_job$request$command[-1])
}
