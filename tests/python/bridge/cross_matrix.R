# The fidelity matrix with whatever libraries this Python has. Prints what differs, and how many
# cases crossed. The variable CROSS_MATRIX holds the folder of the tests, so that tools/sanitize can
# run this, too.

tests <- Sys.getenv("CROSS_MATRIX")
suppressMessages(library(tandemlab))
helpers <- new.env(parent = asNamespace("tandemlab"))
sys.source(file.path(tests, "testthat", "helper-frames.R"), helpers)
Sys.setenv(TZ = "America/New_York")
invisible(get("start_bridge", asNamespace("tandemlab"))())
has <- reticulate::py_module_available
bridge <- reticulate::import("tandemlab.bridge", convert = FALSE)

cases <- function(file) {
  found <- yaml::read_yaml(file.path(tests, "conformance", "frames", file))
  there <- function(case) {
    all(vapply(as.character(case$needs), requireNamespace, NA, quietly = TRUE))
  }
  Filter(there, found)
}

crossed <- different <- 0L
# The error, or a warning or message that the case does not name; "" if all is as it says.
unexpected <- function(seen, case) {
  if (!is.null(case$error)) {
    as_said <- grepl(case$error, paste(seen$error), fixed = TRUE)
    return(if (as_said) "" else paste("error:", seen$error))
  }
  said <- c(seen$error, seen$warning, seen$message)
  named <- c(case$warning, case$message)
  if (length(said) != length(named) || !all(mapply(grepl, named, said, fixed = TRUE))) {
    return(toString(said))
  }
  ""
}

report <- function(way, case, problem) {
  if (!nzchar(problem)) {
    return()
  }
  different <<- different + 1L
  cat("DIFFERENT ", way, ", ", case$name, ": ", problem, "\n", sep = "")
}

compare <- function(way, case, seen, wanted) {
  crossed <<- crossed + 1L
  problem <- unexpected(seen, case)
  if (!nzchar(problem) && is.null(case$error) && !identical(seen$value, wanted)) {
    problem <- paste(deparse(seen$value), collapse = " ")
  }
  report(way, case, problem)
}

for (case in cases("r.yaml")) {
  x <- helpers$case_frame(case)
  wanted <- if (is.null(case$error)) helpers$expected_frame(case, x)
  by_polars <- has("polars") && identical(case$polars, "identical")
  for (library in c("arrow", if (has("pandas")) "pandas", if (by_polars) "polars")) {
    seen <- helpers$observe(as_r_frame(as_python_frame(x, library)))
    compare(library, case, seen, wanted)
  }
  if (is.null(case$error)) {
    path <- tempfile(fileext = ".arrow")
    suppressMessages(suppressWarnings(write_frame(x, path)))
    seen <- helpers$observe({
      bridge$write_frame(bridge$read_frame(path), path)
      read_frame(path)
    })
    compare("files", case[names(case) == "name"], seen, wanted)
  }
}

# Without all libraries, the cases that need nothing but pyarrow, and that this pyarrow knows.
has_all <- all(vapply(c("pandas", "polars", "duckdb"), has, NA))
others <- if (has_all) "^$" else "pd[.]|np[.]|pl[.]|duckdb"
known <- Filter(function(case) !grepl(others, case$python), cases("python.yaml"))
make <- reticulate::py_run_string("
import datetime as dt
from contextlib import suppress
from decimal import Decimal as D
import pyarrow as pa

with suppress(ImportError):
    import numpy as np, pandas as pd, polars as pl, duckdb

def make(text):
    try:
        value = eval(text)
    except (AttributeError, pa.ArrowException, TypeError):
        return None
    return pa.table({'x': value}) if isinstance(value, (pa.Array, pa.ChunkedArray)) else value
", local = FALSE, convert = FALSE)$make
for (case in known) {
  value <- make(case$python)
  if (inherits(value, "python.builtin.NoneType")) next
  take <- function(...) as_r_frame(value, ...)
  seen <- helpers$observe(do.call(take, as.list(case$options)))
  if (!is.null(case$r) && is.null(seen$error)) seen$value <- seen$value$x
  compare("from Python", case, seen, helpers$evaluate(c(case$r, case$frame, "NULL")[[1]]))
}

if (!has("pandas")) {
  seen <- tryCatch(as_python_frame(cars, "pandas"), error = identity)
  cat("without pandas:", class(seen)[[1]], "\n")
}
cat("crossed", crossed, "\n")
if (different > 0) quit(status = 1)
