# A frame through the streams of the Arrow interface and back, all in R.
in_memory <- function(x, int64 = "double", decimal = "error", map = "error", lazy = TRUE,
                      ...) {
  options <- list(int64 = int64, decimal = decimal, map = map, lazy = lazy)
  import_frame(export_frame(x, ...), options)
}

# A frame through a file and back, all in R.
in_file <- function(x, extension = "arrow", compression = "none", ...) {
  path <- withr::local_tempfile(fileext = paste0(".", extension))
  write_frame(x, path, compression)
  read_frame(path, ...)
}

# Files of one frame in every form that R writes itself.
frame_file_forms <- list(
  c("arrow", "none"), c("feather", "lz4"), c("ipc", "zstd"), c("arrows", "none"), c("arrows", "lz4")
)

skip_without_pyarrow <- function(libraries = "pyarrow") {
  skip_unless_ready()
  for (library in libraries) {
    if (!reticulate::py_module_available(library)) {
      testthat::skip(sprintf("the Python package %s is not there", library))
    }
  }
}

# The cases of a file, which is read once: to find one test, all loops over cases run again.
frame_cases <- function(file) {
  path <- file.path(testthat::test_path(), "..", "conformance", "frames", file)
  if (!file.exists(path) || !requireNamespace("yaml", quietly = TRUE)) {
    return(list())
  }
  if (is.null(cases_read[[file]])) cases_read[[file]] <- yaml::read_yaml(path)
  cases_read[[file]]
}

cases_read <- new.env(parent = emptyenv())

evaluate <- function(text) {
  eval(parse(text = text, encoding = "UTF-8"), new.env(parent = globalenv()))
}

case_frame <- function(case) {
  if (!is.null(case$frame)) {
    return(evaluate(case$frame))
  }
  x <- evaluate(case$r)
  structure(list(x = x), class = "data.frame", row.names = .set_row_names(NROW(x)))
}

# What comes back: the same, or what the case says that it becomes.
expected_frame <- function(case, x) {
  if (is.null(case$becomes)) {
    return(x)
  }
  if (!is.null(case$frame)) {
    return(evaluate(case$becomes))
  }
  case_frame(list(r = case$becomes))
}

# Runs `code`; gives its value, the error's text and those of warnings and messages.
observe <- function(code) {
  seen <- list(warning = character(), message = character())
  seen$value <- withCallingHandlers(
    tryCatch(code, error = function(problem) {
      seen$error <<- conditionMessage(problem)
      NULL
    }),
    warning = function(condition) {
      seen$warning <<- c(seen$warning, conditionMessage(condition))
      invokeRestart("muffleWarning")
    },
    message = function(condition) {
      seen$message <<- c(seen$message, conditionMessage(condition))
      invokeRestart("muffleMessage")
    }
  )
  seen
}

# expect_identical() for thousands of values: testthat hears only of those that differ, since what
# it does for one expectation takes longer than a frame takes to cross.
check_identical <- function(x, y, label = NULL) {
  if (!identical(x, y)) {
    testthat::expect_identical(x, y, label = label)
  }
}

# Checks what the case says of errors, warnings and messages; whether there is a value to compare.
expect_as_said <- function(seen, case) {
  if (!is.null(case$error)) {
    testthat::expect_match(seen$error, case$error, fixed = TRUE)
    return(FALSE)
  }
  check_identical(seen$error, NULL, label = "error")
  for (what in c("warning", "message")) {
    if (is.null(case[[what]])) {
      check_identical(seen[[what]], character(), label = what)
    } else {
      testthat::expect_match(seen[[what]], case[[what]], fixed = TRUE, all = FALSE)
    }
  }
  testthat::succeed()
  TRUE
}
