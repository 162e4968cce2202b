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
      check_identical(seen$value, expected_frame(case, x))
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
        check_identical(seen$value, expected_frame(case, x), label = toString(form))
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
      check_identical(reticulate::py_to_r(type$`__str__`()), case$arrow)
    }
    for (library in c("arrow", "pandas")) {
      from_python <- withr::local_tempfile(fileext = ".arrow")
      files$write_frame(files$read_frame(from_r, library), from_python, compression = "zstd")
      check_identical(read_frame(from_python), expected_frame(case, x), label = library)
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
        check_identical(as_r_frame(given$value), expected_frame(case, x), label = as)
      }
      if (as == "arrow" && !is.null(case$arrow)) {
        type <- given$value$schema$field(0L)$type
        check_identical(reticulate::py_to_r(type$`__str__`()), case$arrow)
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
    if (case$polars == "error") {
      expect_match(given$error, "polars")
      return()
    }
    check_identical(given$error, NULL)
    if (case$polars == "warning") {
      expect_match(given$warning, "polars", all = FALSE)
      return()
    }
    expect_false(any(grepl("polars", given$warning)))
    expected <- expected_frame(case, x)
    if (case$polars == "plain") {
      expected <- structure(as.list(expected), names = names(expected), class = "data.frame",
                            row.names = .set_row_names(nrow(expected)))
    }
    check_identical(as_r_frame(given$value), expected)
  })
}

python_values <- function() {
  folder <- normalizePath(file.path(test_path(), "..", "conformance", "frames"))
  reticulate::import_from_path("values", folder, convert = FALSE)
}

expect_frame <- function(frame, case) {
  if (is.null(case$frame)) {
    check_identical(frame$x, evaluate(case$r))
  } else {
    check_identical(frame, evaluate(case$frame))
  }
}

for (case in frame_cases("python.yaml")) {
  test_that(sprintf("from Python: %s", case$name), {
    skip_case(case)
    skip_without_pyarrow(c("pyarrow", "pandas", "polars", "duckdb"))
    value <- python_values()$case_value(case$python)
    take <- function(...) as_r_frame(value, ...)
    seen <- observe(do.call(take, as.list(case$options)))
    if (expect_as_said(seen, case)) {
      expect_frame(seen$value, case)
    }
  })
}

for (case in Filter(function(case) !isFALSE(case$files), frame_cases("python.yaml"))) {
  test_that(sprintf("from Python through files: %s", case$name), {
    skip_case(case)
    skip_without_pyarrow(c("pyarrow", "pandas", "polars", "duckdb"))
    values <- python_values()
    for (form in list(list("arrow", NULL), list("arrow", "lz4"), list("arrows", "zstd"))) {
      path <- withr::local_tempfile(fileext = paste0(".", form[[1]]))
      value <- values$case_value(case$python)
      seen <- observe({
        told <- from_bridge(values$written(value, path, compression = form[[2]]))
        for (text in reticulate::py_to_r(told)) warning(text)
        do.call(read_frame, c(list(path), case$options))
      })
      if (expect_as_said(seen, case)) {
        expect_frame(seen$value, case)
      }
    }
    if (identical(case$back, "equal") && inherits(value, "pandas.DataFrame")) {
      again <- reticulate::import("tandemlab.bridge", convert = FALSE)$read_frame(path, "pandas")
      check_identical(reticulate::py_to_r(values$differences(value, again)), "")
    }
  })
}
