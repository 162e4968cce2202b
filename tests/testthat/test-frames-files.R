# Files of frames: what stays, what goes and what is refused. tests/python/bridge damages them.

test_that("a file that is written over is replaced, and nothing else is left", {
  folder <- withr::local_tempdir()
  path <- file.path(folder, "frame.arrow")
  expect_identical(expect_invisible(write_frame(data.frame(x = 1), path)), path)
  write_frame(data.frame(x = 2), path)
  expect_identical(read_frame(path), data.frame(x = 2))
  expect_identical(list.files(folder, all.files = TRUE, no.. = TRUE), "frame.arrow")
})

test_that("text that R has not asked for outlives its file", {
  x <- data.frame(x = paste("row", 1:5000))
  path <- withr::local_tempfile(fileext = ".arrow")
  write_frame(x, path)
  y <- read_frame(path)
  close(file(path, "wb"))
  expect_identical(y, x)
})

test_that("factors with more levels than a byte counts come back", {
  levels <- paste("level", 1:300)
  for (ordered in c(TRUE, FALSE)) {
    x <- data.frame(x = factor(rev(levels), levels = levels, ordered = ordered))
    expect_identical(in_file(x), x)
  }
})

test_that("a file that is cut anywhere is an error", {
  path <- withr::local_tempfile(fileext = ".arrow")
  write_frame(data.frame(x = c(1.5, NA), f = factor(c("a", "b"))), path)
  bytes <- readBin(path, "raw", file.size(path))
  for (size in seq(0, length(bytes) - 1, by = 7)) {
    writeBin(bytes[seq_len(size)], path)
    reason <- .Call(C_arrow_read_file, path, FALSE)$reason
    expect_true(reason %in% c("file_empty", "file_unknown", "file_cut"), label = size)
  }
})

test_that("a stream without its end is read with a warning", {
  path <- withr::local_tempfile(fileext = ".arrows")
  write_frame(data.frame(x = 1), path)
  writeBin(head(readBin(path, "raw", file.size(path)), -8), path)
  expect_warning(y <- read_frame(path), "no end", class = "tandemlab_warning_frame")
  expect_identical(y, data.frame(x = 1))
})

test_that("what is no file, or no frame, is refused by name", {
  folder <- withr::local_tempdir()
  text <- file.path(folder, "table.csv")
  writeLines("a,b", text)
  expect_error(read_frame(text), "table.csv.*neither", class = "tandemlab_error_invalid_input")
  expect_error(read_frame(folder), "directory", class = "tandemlab_error_storage_error")
  expect_error(read_frame("/dev/null"), "no file", class = "tandemlab_error_invalid_input")
  expect_error(read_frame(file.path(folder, "none")), class = "tandemlab_error_not_found")
  expect_error(write_frame(data.frame(), text), "[.]arrow", class = "tandemlab_error_invalid_input")
  expect_error(
    write_frame(data.frame(), file.path(folder, "missing", "a.arrow")),
    "No such file", class = "tandemlab_error_storage_error"
  )
  expect_error(write_frame(1, file.path(folder, "a.arrow")), "a data frame")
})

test_that("a codec that the package was built without is named", {
  answer <- list(reason = "file_codec", where = "", detail = "LZ4", row = 0)
  expect_error(
    file_answer(answer, "a.arrow"), "LZ4.*liblz4-dev", class = "tandemlab_error_missing_dependency"
  )
})

test_that("a full disk leaves the file as it was", {
  path <- withr::local_tempfile(fileext = ".arrow")
  write_frame(data.frame(x = 1), path)
  code <- sprintf("library(tandemlab)
    problem <- tryCatch(write_frame(data.frame(x = runif(1e6)), '%s'), error = identity)
    stopifnot(inherits(problem, 'tandemlab_error_storage_error'))", path)
  script <- withr::local_tempfile(fileext = ".R", lines = code)
  rscript <- file.path(R.home("bin"), "Rscript")
  command <- sprintf("trap '' XFSZ; ulimit -f 1000; exec %s %s", rscript, script)
  status <- withr::with_envvar(
    c(R_LIBS = paste(.libPaths(), collapse = ":")), system2("sh", c("-c", shQuote(command)))
  )
  expect_identical(status, 0L)
  expect_identical(read_frame(path), data.frame(x = 1))
  expect_length(list.files(dirname(path), "^[.]tandemlab-.*tmp$", all.files = TRUE), 0)
})

test_that("64-bit integers of Python are numbers to R's functions", {
  skip_without_pyarrow(c("pyarrow", "pandas"))
  path <- withr::local_tempfile(fileext = ".arrow")
  frame <- "__import__('pandas').DataFrame({'x': [1, 2, 3, 4], 'y': [3, 5, 7, 9]})"
  value <- reticulate::py_eval(frame, convert = FALSE)
  reticulate::import("tandemlab.bridge", convert = FALSE)$write_frame(value, path)
  for (x in list(as_r_frame(value), read_frame(path))) {
    expect_equal(unname(stats::coef(stats::lm(y ~ x, x))), c(1, 2))
  }
  expect_error(read_frame(path, int64 = "float"), "should be one of")
})

test_that("without bit64, R's own integer64 come as doubles with a warning, or not at all", {
  skip_if_not_installed("bit64")
  path <- withr::local_tempfile(fileext = ".arrow")
  large <- withr::local_tempfile(fileext = ".arrow")
  write_frame(data.frame(x = bit64::as.integer64(c(2^53, -1))), path)
  write_frame(data.frame(x = bit64::as.integer64(2^60)), large)
  # A package of which only the description is there hides the one behind it.
  hidden <- withr::local_tempdir()
  dir.create(file.path(hidden, "bit64"))
  parts <- file.path(find.package("bit64"), c("DESCRIPTION", "Meta"))
  file.copy(parts, file.path(hidden, "bit64"), recursive = TRUE)
  seen <- in_fresh_r(c(
    sprintf(".libPaths(c('%s', .libPaths()))", hidden),
    "said <- function(problem) cat('condition:', conditionMessage(problem), '\\n')",
    sprintf("x <- withCallingHandlers(read_frame('%s'), warning = function(condition) {", path),
    "  said(condition); invokeRestart('muffleWarning')",
    "})",
    "cat('value:', format(x$x, digits = 17), class(x$x), '\\n')",
    sprintf("tryCatch(read_frame('%s'), error = said)", large),
    sprintf("tryCatch(read_frame('%s', int64 = 'integer64'), error = said)", large)
  ))
  expect_match(seen, "Column 'x': the package that it needs .* [(]bit64[)]", all = FALSE)
  expect_match(seen, "value: 9007199254740992 +-1 numeric", all = FALSE)
  expect_match(seen, "Column 'x', row 1: the whole number is beyond 2\\^53", all = FALSE)
  expect_match(seen, "which need the R package bit64", all = FALSE)
})
