# Rscript r_session.R TESTS REPLIES: crosses frames on request, for r_session.py. A request is one
# line of JSON on the standard input, its reply one on the named pipe REPLIES. Frames of Python come
# and go as pickles.

arguments <- commandArgs(trailingOnly = TRUE)
tests <- arguments[[1]]
replies <- fifo(arguments[[2]], "w", blocking = TRUE)
requests <- file("stdin", "r")

suppressMessages(library(tandemlab))
helpers <- new.env(parent = asNamespace("tandemlab"))
sys.source(file.path(tests, "testthat", "helper-frames.R"), helpers)
start <- get("start_bridge", asNamespace("tandemlab"))
invisible(start())
values <- reticulate::import_from_path(
  "values", file.path(tests, "conformance", "frames"),
  convert = FALSE
)

said <- function(seen) {
  list(error = seen$error, warning = I(seen$warning), message = I(seen$message))
}

expected <- function(code, whole) {
  if (is.null(code)) NULL else list(value = helpers$evaluate(code), whole = isTRUE(whole))
}

is_expected <- function(frame, wanted) {
  if (is.null(wanted)) {
    return(NULL)
  }
  identical(if (wanted$whole) frame else frame$x, wanted$value)
}

operations <- list(
  has = function(request) list(has = requireNamespace(request$package, quietly = TRUE)),
  # A frame of R's to Python.
  give = function(request) {
    seen <- helpers$observe(as_python_frame(helpers$case_frame(request$case), request$library))
    if (is.null(seen$error)) values$dump(seen$value, request$path)
    said(seen)
  },
  # A frame of Python's to R, and to Python again; whether R has got what `wanted` says.
  take = function(request) {
    value <- if (is.null(request$code)) {
      values$load(request$path)
    } else {
      values$case_value(request$code)
    }
    take <- function(...) as_r_frame(value, ...)
    seen <- helpers$observe(do.call(take, as.list(request$options)))
    answer <- said(seen)
    if (is.null(seen$error)) {
      answer$as_wanted <- is_expected(seen$value, expected(request$wanted, request$whole))
      answer$got <- paste(deparse(seen$value), collapse = " ")
      again <- helpers$observe(as_python_frame(seen$value, request$library))
      answer$back <- said(again)
      if (is.null(again$error)) values$dump(again$value, request$path)
    }
    answer
  }
)

repeat {
  line <- readLines(requests, n = 1)
  if (length(line) == 0) break
  request <- jsonlite::fromJSON(line, simplifyVector = FALSE)
  answer <- tryCatch(
    operations[[request$operation]](request),
    error = function(problem) list(broken = conditionMessage(problem))
  )
  json <- jsonlite::toJSON(answer, auto_unbox = TRUE, null = "null")
  writeLines(enc2utf8(as.character(json)), replies, useBytes = TRUE)
}
