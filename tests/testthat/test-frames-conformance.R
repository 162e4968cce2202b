# The fidelity matrix of tests/conformance/frames, in one process and through files.

skip_case <- function(case) {
  for (package in case$needs) skip_if_not_installed(package)
  withr::local_timezone("America/New_York", .local_envir = parent.frame())
}

for (case in frame_cases("r.yaml")) {
  test_that(sprintf("from R, without Python: %s", case$name), {
    skip_case(case)
    x <- case_frame(case)
    seen <- observe(in_memory(x))
    if (expect_as_said(seen, case)) {
      expect_identical(seen$value, x)
    }
  })
}

for (case in frame_cases("r.yaml")) {
  test_that(sprintf("from R through files, without Python: %s", case$name), {
    skip_case(case)
    x <- case_frame(case)
    for (form in frame_file_forms) {
      seen <- observe(in_file(x, form[[1]], form[[2]]))
      if (expect_as_said(seen, case)) {
        expect_identical(seen$value, x, label = toString(form))
      }
    }
  })
}

for (case in frame_cases("r.yaml")) {
  test_that(sprintf("from R through files to Python and back: %s", case$name), {
    skip_case(case)
    skip_without_pyarrow(c("pyarrow", "pandas"))
    x <- case_frame(case)
    from_r <- withr::local_tempfile(fileext = ".arrow")
    if (!expect_as_said(observe(write_frame(x, from_r)), case)) {
      return()
    }
    files <- reticulate::import("tandemlab.bridge", convert = FALSE)
    table <- files$read_frame(from_r)
    table$validate(full = TRUE)
    if (!is.null(case$arrow)) {
      type <- table$schema$field(0L)$type
      expect_identical(reticulate::py_to_r(type$`__str__`()), case$arrow)
    }
    for (library in c("arrow", "pandas")) {
      from_python <- withr::local_tempfile(fileext = ".arrow")
      files$write_frame(files$read_frame(from_r, library), from_python, compression = "zstd")
      expect_identical(read_frame(from_python), x, label = library)
    }
  })
}

for (case in frame_cases("r.yaml")) {
  test_that(sprintf("from R by Arrow and pandas: %s", case$name), {
    skip_case(case)
    skip_without_pyarrow(c("pyarrow", "pandas"))
    x <- case_frame(case)
    for (as in c("arrow", "pandas")) {
      given <- observe(as_python_frame(x, as))
      if (expect_as_said(given, case)) {
        expect_identical(as_r_frame(given$value), x, label = as)
      }
      if (as == "arrow" && !is.null(case$arrow)) {
        type <- given$value$schema$field(0L)$type
        expect_identical(reticulate::py_to_r(type$`__str__`()), case$arrow)
      }
    }
  })
}

for (case in Filter(function(case) !is.null(case$polars), frame_cases("r.yaml"))) {
  test_that(sprintf("from R by polars: %s", case$name), {
    skip_case(case)
    skip_without_pyarrow("polars")
    x <- case_frame(case)
    given <- observe(as_python_frame(x, "polars"))
    expect_null(given$error)
    if (case$polars == "warning") {
      expect_match(given$warning, "'x'.*polars keeps Arrow's type only")
    } else {
      expect_identical(given$warning, character())
      expect_identical(as_r_frame(given$value), x)
    }
  })
}

python_values <- function() {
  reticulate::py_run_string("
import datetime as dt
from decimal import Decimal as D
import numpy as np
import pandas as pd
import pyarrow as pa

def case_value(text):
    value = eval(text)
    arrow = isinstance(value, (pa.Array, pa.ChunkedArray))
    return pa.table({'x': value}) if arrow else value

def written(frame, path, compression):
    import warnings
    from tandemlab.bridge import write_frame
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        write_frame(frame, path, compression=compression)
    return [str(one.message) for one in caught]

def differences(before, after):
    try:
        pd.testing.assert_frame_equal(before, after)
    except AssertionError as problem:
        return str(problem)
    return ''
", local = FALSE, convert = FALSE)
}

for (case in frame_cases("python.yaml")) {
  test_that(sprintf("from Python: %s", case$name), {
    skip_case(case)
    skip_without_pyarrow(c("pyarrow", "pandas"))
    python <- python_values()
    value <- python$case_value(case$python)
    seen <- observe(do.call(as_r_frame, c(list(value), case$options)))
    if (expect_as_said(seen, case)) {
      expect_identical(seen$value$x, evaluate(case$r))
    }
    if (identical(case$back, "equal")) {
      again <- as_python_frame(seen$value, "pandas")
      expect_identical(reticulate::py_to_r(python$differences(value, again)), "")
    } else if (!is.null(case$back)) {
      type <- as_python_frame(seen$value)$schema$field("x")$type
      expect_identical(reticulate::py_to_r(type$`__str__`()), case$back)
    }
  })
}

for (case in frame_cases("python.yaml")) {
  test_that(sprintf("from Python through files: %s", case$name), {
    skip_case(case)
    skip_without_pyarrow(c("pyarrow", "pandas"))
    python <- python_values()
    value <- python$case_value(case$python)
    for (form in list(list("arrow", NULL), list("arrow", "lz4"), list("arrows", "zstd"))) {
      path <- withr::local_tempfile(fileext = paste0(".", form[[1]]))
      seen <- observe({
        told <- from_bridge(python$written(value, path, compression = form[[2]]))
        for (text in reticulate::py_to_r(told)) warning(text)
        do.call(read_frame, c(list(path), case$options))
      })
      if (expect_as_said(seen, case)) {
        expect_identical(seen$value$x, evaluate(case$r))
      }
    }
    if (identical(case$back, "equal")) {
      again <- reticulate::import("tandemlab.bridge", convert = FALSE)$read_frame(path, "pandas")
      expect_identical(reticulate::py_to_r(python$differences(value, again)), "")
    }
  })
}
