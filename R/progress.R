# How a run stands, while it is waited for. The output of the run goes to standard output, this to
# standard error.

no_progress <- function() {
  list2env(list(show = function(status, seconds) NULL, clear = function() NULL))
}

new_progress <- function(run, live = interactive() && cli::is_dynamic_tty(stderr())) {
  if (live) live_progress(run) else plain_progress(run)
}

# One line that is written over; it stays away from a line of output that is not finished.
live_progress <- function(run) {
  progress <- new.env()
  progress$at_start_of_line <- TRUE
  shown <- 0
  turn <- 0
  frames <- cli::get_spinner()$frames
  progress$clear <- function() {
    if (shown > 0) {
      cat("\r", strrep(" ", shown), "\r", sep = "", file = stderr())
      shown <<- 0
    }
  }
  progress$show <- function(status, seconds) {
    progress$clear()
    if (progress$at_start_of_line) {
      turn <<- turn %% length(frames) + 1
      line <- progress_text(run, frames[[turn]], status, seconds)
      line <- cli::ansi_strtrim(line, cli::console_width() - 1)
      shown <<- cli::ansi_nchar(line, "width")
      cat(line, file = stderr())
    }
  }
  progress
}

progress_text <- function(run, frame, status, seconds) {
  paste(
    cli::col_cyan(frame), sprintf("Run %s is %s", .subset2(run, "id"), status),
    cli::col_grey(clock_text(seconds))
  )
}

# 7 s, 1 min 5 s, 2 h 3 min.
clock_text <- function(seconds) {
  seconds <- floor(seconds)
  if (seconds < 60) {
    return(sprintf("%d s", as.integer(seconds)))
  }
  if (seconds < 3600) {
    return(sprintf("%d min %d s", as.integer(seconds %/% 60), as.integer(seconds %% 60)))
  }
  sprintf("%d h %d min", as.integer(seconds %/% 3600), as.integer(seconds %% 3600 %/% 60))
}

# A message for each change, for logs.
plain_progress <- function(run) {
  progress <- new.env()
  last <- ""
  progress$clear <- function() NULL
  progress$show <- function(status, seconds) {
    if (status != last) {
      last <<- status
      after <- if (seconds >= 1) sprintf(" after %s", clock_text(seconds)) else ""
      message(sprintf("Run %s is %s%s.", .subset2(run, "id"), status, after))
    }
  }
  progress
}
