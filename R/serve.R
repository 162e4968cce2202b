# The R process behind a replica of a scoring service: it answers requests by the user's script,
# one after another. Texts go through one socket in the form of R/worker.R's; the first byte of what
# goes out is "=" or "!" (an error). What the script prints is the service's log.

# Answers requests until the service closes the channel. The first text that goes out says how
# init() went; each that comes in is the argument of one call of the function that init() gave.
serve_script <- function(channel, parent, script) {
  stopifnot(.Call(C_worker_start, channel, channel, parent))
  options(warn = 1, device = function(...) grDevices::pdf(NULL, ...))
  send <- function(text) .Call(C_worker_send, channel, text)
  run <- answer_or_problem(start_script(script))
  if (inherits(run, "problem")) {
    send(unclass(run))
    quit("no", 1L, runLast = FALSE)
  }
  send(sprintf("={\"version\":\"%s\"}", package_version_text()))
  while (!is.null(text <- .Call(C_worker_receive, channel))) {
    if (!send(score_text(run, text))) {
      break
    }
  }
}

# The function that answers, which the script's init() gives.
start_script <- function(script) {
  place <- globalenv()
  sys.source(script, place, keep.source = FALSE)
  init <- get0("init", place, mode = "function", inherits = FALSE)
  if (is.null(init)) {
    abort_input("The script has no function init(), which gives the function that answers.")
  }
  run <- user_code(init())
  if (!is.function(run)) {
    abort_input(sprintf(
      "init() must give the function that answers requests, not %s.", describe(run)
    ))
  }
  run
}

score_text <- function(run, text) {
  answer <- answer_or_problem(paste0("=", as_answer(user_code(run(text)))))
  unclass(answer)
}

# The value of code, or the text that tells of its error.
answer_or_problem <- function(code) {
  calls <- NULL
  tryCatch(
    withCallingHandlers(code, error = function(problem) calls <<- sys.calls()),
    error = function(problem) {
      message <- valid_text(conditionMessage(problem))
      call <- conditionCall(problem)
      lines <- c(
        if (is.null(call)) "Error:" else sprintf("Error in %s:", one_line(call)), message,
        if (length(inner <- traceback_lines(calls)) > 0) c("Calls:", paste0("  ", inner))
      )
      traceback <- paste(lines, collapse = "\n")
      said <- sprintf(
        "!{\"message\":%s,\"traceback\":%s}",
        write_value(message, scalars = TRUE), write_value(traceback, scalars = TRUE)
      )
      structure(said, class = "problem")
    }
  )
}

# A text as it is, anything else as JSON: data frames by rows, vectors as arrays whatever their
# length; jsonlite::unbox() makes single values of them.
as_answer <- function(value) {
  if (is.character(value) && length(value) == 1 && !is.na(value)) {
    return(enc2utf8(as.character(unclass(value))))
  }
  if (is.function(value) || is.environment(value) || is.language(value)) {
    abort_input(sprintf("The answer is %s, which JSON cannot hold.", describe(value)))
  }
  text <- plain_json(value)
  if (!is.null(text)) {
    return(text)
  }
  text <- jsonlite::toJSON(
    value,
    digits = NA, null = "null", na = "null", dataframe = "rows", POSIXt = "ISO8601", UTC = TRUE
  )
  enc2utf8(as.character(text))
}

# Vectors and named lists of them as JSON, by the package's own writer, which costs a tenth of
# jsonlite and keeps every bit of a number; NULL for what has attributes.
plain_json <- function(value) {
  if (is.logical(value) || is.numeric(value) || is.character(value)) {
    if (!is.null(attributes(value))) {
      return(NULL)
    }
    if (is.double(value)) {
      value[!is.finite(value)] <- NA
    }
    return(write_value(as.list(value), scalars = TRUE))
  }
  keys <- names(value)
  if (!is.list(value) || length(attributes(value)) != 1 || anyDuplicated(c("", keys))) {
    return(NULL)
  }
  parts <- lapply(value, plain_json)
  if (length(keys) == 0 || any(vapply(parts, is.null, NA))) {
    return(NULL)
  }
  keys <- vapply(keys, write_value, "", scalars = TRUE)
  paste0("{", paste0(keys, ":", parts, collapse = ","), "}")
}
