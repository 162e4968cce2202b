# What tandemlab.bridge calls in an R that rpy2 runs inside Python's process. Frames cross by the
# address of an Arrow stream, other values by the text of R/values.R. Each call gives
# list(value, problem, warnings, messages); what R has to say is text, so that Python raises and
# warns in its own way.

embedded <- function(code) {
  seen <- new.env(parent = emptyenv())
  seen$warnings <- list()
  messages <- character()
  problem <- NULL
  value <- tryCatch(
    listening(seen, function(text) messages <<- c(messages, text), code),
    error = function(condition) {
      problem <<- embedded_problem(condition, seen)
      NULL
    }
  )
  warned <- if (length(seen$warnings) > 0) write_value(shown_warnings(seen), scalars = TRUE)
  list(value, problem, warned, messages)
}

# Our own errors by their code; what went wrong beyond that is an error of R code.
embedded_problem <- function(problem, seen) {
  if (!inherits(problem, "tandemlab_error")) {
    return(problem_form(problem, seen))
  }
  said <- list(
    kind = "tandemlab", code = problem$code, message = valid_text(without_hint(problem)),
    hint = valid_text(problem$hint)
  )
  write_value(said, scalars = TRUE)
}

without_hint <- function(problem) {
  text <- conditionMessage(problem)
  at <- if (nzchar(problem$hint)) regexpr(problem$hint, text, fixed = TRUE) else -1
  if (at > 0) sub("\n\\S+ $", "", substr(text, 1, at - 1)) else text
}

embedded_version <- function() package_version_text()

# A stream for Python to fill, and its address.
embedded_open <- function() with_address(.Call(C_arrow_stream))

with_address <- function(stream) list(stream, .Call(C_arrow_address, stream))

embedded_take <- function(stream, notices, int64, decimal, map, lazy) {
  embedded({
    options <- list(
      int64 = arg_choice(int64, c("double", "integer64")),
      decimal = arg_choice(decimal, c("error", "double", "character")),
      map = arg_choice(map, c("error", "list")), lazy = lazy
    )
    import_frame(stream, options, jsonlite::fromJSON(notices, simplifyVector = FALSE))
  })
}

# A stream that holds the frame, and its address. rpy2 writes to R's vectors in place, so that they
# are copied unless the receiver copies them itself: pandas does, but for nested frames.
embedded_give <- function(x, library, copy) {
  embedded({
    copied <- library == "pandas" && !any(vapply(x, is.data.frame, NA))
    share <- !inherits(x, "data.table") && (!copy || copied)
    with_address(export_frame(x, share = share, receiver = library))
  })
}

embedded_read <- function(text, names, frames) {
  embedded(read_value(text, function(name) frames[[match(name, names)]]))
}

# The text of a value, and the data frames in it by the numbers that stand for them there.
embedded_write <- function(x) {
  embedded({
    frames <- list()
    text <- write_value(x, what = "The value", frame = function(frame) {
      frames[[length(frames) + 1]] <<- frame
      as.character(length(frames))
    })
    list(text, frames)
  })
}
