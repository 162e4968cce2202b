test_that("a metric is one line with seq, time, kind, name and value", {
  directory <- local_job()
  log_metric_to_run("loss", 0.5, step = 3)
  head <- "^[{]\"seq\":1,\"time\":[0-9]{16},"
  rest <- "\"kind\":\"metric\",\"name\":\"loss\",\"value\":0.5,\"step\":3[}]$"
  expect_match(last_line(directory), paste0(head, rest))
})

test_that("the run of a job is marked as having news", {
  directory <- local_job()
  log_metric_to_run("loss", 0.5)
  expect_true(file.exists(file.path(directory, "..", "..", "live", basename(directory))))
})

scalars <- list(
  list(3, "3.0"), list(0.1, "0.1"), list(-0, "-0.0"), list(1e22, "1e+22"),
  list(5e-324, "5e-324"), list(.Machine$double.xmax, "1.7976931348623157e+308"),
  list(3L, "3"), list(TRUE, "true"), list(NA, "null"), list(NA_integer_, "null"),
  list(NA_real_, "null"), list(NA_character_, "null"), list(NaN, "{\"float\":\"nan\"}"),
  list(Inf, "{\"float\":\"inf\"}"), list(-Inf, "{\"float\":\"-inf\"}"), list("glm", "\"glm\""),
  list("a\"b\\c\n\u00fc\u0001", "\"a\\\"b\\\\c\\n\u00fc\\u0001\""),
  list(c(Accuracy = 0.5), "0.5"), list(factor("b", c("a", "b")), "\"b\""),
  list(as.Date("2024-02-29"), "\"2024-02-29\""), list(as.Date(NA), "null"),
  list(as.POSIXct(0.25, origin = "1970-01-01"), "\"1970-01-01T00:00:00.250000+00:00\""),
  list(as.POSIXct(-1, origin = "1970-01-01"), "\"1969-12-31T23:59:59+00:00\""),
  list(
    as.POSIXct(4378147200.979237, origin = "1970-01-01"),
    "\"2108-09-27T00:00:00.979237+00:00\""
  )
)
for (case in scalars) {
  test_that(sprintf("the scalar %s is written as %s", deparse1(case[[1]]), case[[2]]), {
    directory <- local_job()
    log_metric_to_run("x", case[[1]])
    line <- last_line(directory)
    Encoding(line) <- "UTF-8"
    expect_identical(sub("^.*\"value\":(.*)[}]$", "\\1", line), case[[2]])
  })
}

test_that("a 64-bit integer is exact", {
  skip_if_not_installed("bit64")
  directory <- local_job()
  log_metric_to_run("x", bit64::as.integer64("9007199254740993"))
  expect_match(last_line(directory), "\"value\":9007199254740993}", fixed = TRUE)
})

test_that("random doubles read back to the same bits", {
  directory <- local_job()
  values <- c(runif(500), 10^runif(500, -300, 300))
  log_list_to_run("x", values)
  expect_identical(as.numeric(unlist(last_value(directory))), values)
})

test_that("Latin-1 text arrives as UTF-8", {
  directory <- local_job()
  text <- "\xfc"
  Encoding(text) <- "latin1"
  log_metric_to_run("x", text)
  expect_identical(last_value(directory), "\u00fc")
})

test_that("bytes that are no text are refused", {
  local_job()
  expect_error(log_metric_to_run("x", "\xff\xfe"), class = "tandemlab_error_invalid_input")
  expect_error(log_metric_to_run("\xff", 1), class = "tandemlab_error_invalid_input")
})

test_that("NULL is refused, and NA recommended", {
  local_job()
  expect_error(log_metric_to_run("x", NULL), "NA", class = "tandemlab_error_invalid_input")
})

test_that("several values are refused, and log_list_to_run recommended", {
  local_job()
  expect_error(log_metric_to_run("x", 1:3), "log_list_to_run", class = "tandemlab_error")
  expect_error(log_metric_to_run("x", numeric()), class = "tandemlab_error_invalid_input")
})

test_that("a type that cannot be logged is named by its class", {
  directory <- local_job()
  expect_error(log_metric_to_run("x", lm(mpg ~ wt, mtcars)), "<lm>")
  expect_error(log_metric_to_run("x", mean), "<closure>")
  expect_error(log_metric_to_run("x", 1i), "<complex>")
  expect_error(log_metric_to_run("x", as.difftime(1, units = "secs")), "as.numeric")
  expect_false(dir.exists(file.path(directory, "spool")))
})

test_that("names that cannot be names are refused", {
  local_job()
  for (name in list("", " ", "a\nb", strrep("x", 251), NA_character_, c("a", "b"), 1, NULL)) {
    expect_error(log_metric_to_run(name, 1), class = "tandemlab_error_invalid_input")
  }
  expect_no_error(log_metric_to_run(strrep("\u00fc", 250), 1))
})

test_that("a step must be a whole number", {
  directory <- local_job()
  for (step in list(1.5, NA, "1", c(1, 2), Inf)) {
    expect_error(log_metric_to_run("x", 1, step = step), class = "tandemlab_error_invalid_input")
  }
  log_metric_to_run("x", 1, step = 1e15)
  expect_match(last_line(directory), "\"step\":1000000000000000}", fixed = TRUE)
})

test_that("one name serves one kind of metric", {
  local_job()
  log_metric_to_run("x", 1)
  log_list_to_run("x", 1:2)
  expect_error(log_row_to_run("x", a = 1), "series", class = "tandemlab_error_invalid_input")
})

test_that("a refused event leaves no gap in seq", {
  directory <- local_job()
  log_metric_to_run("x", 1)
  try(log_metric_to_run("x", mean), silent = TRUE)
  log_metric_to_run("x", 2)
  expect_identical(vapply(read_spool(directory), `[[`, 0L, "seq"), 1:2)
})

test_that("lists of scalars keep the type of each", {
  directory <- local_job()
  log_list_to_run("x", list(1L, "a", TRUE, NULL_free = NA), description = "mixed")
  expect_identical(last_value(directory), list(1L, "a", TRUE, NULL))
  expect_error(log_list_to_run("x", list(1, 2:3)), class = "tandemlab_error_invalid_input")
})

test_that("rows take named columns or one list, also a column called run", {
  directory <- local_job()
  log_row_to_run("fit", epoch = 1L, r = 0.5)
  expect_identical(last_value(directory), list(epoch = 1L, r = 0.5))
  log_row_to_run("fit", list(run = 1L))
  expect_identical(last_value(directory), list(run = 1L))
  expect_error(log_row_to_run("fit", 1, 2), "no name")
  expect_error(log_row_to_run("fit"), "no columns")
})

test_that("data frames, tibbles and lists of columns become tables", {
  directory <- local_job()
  frame <- data.frame(n = 1:2, f = factor(c("u", NA)), d = as.Date("2024-01-01") + 0:1)
  expected <- list(n = list(1L, 2L), f = list("u", NULL), d = list("2024-01-01", "2024-01-02"))
  log_table_to_run("t", frame)
  expect_identical(last_value(directory), expected)
  log_table_to_run("t", as.list(frame))
  expect_identical(last_value(directory), expected)
  skip_if_not_installed("tibble")
  log_table_to_run("t", tibble::as_tibble(frame))
  expect_identical(last_value(directory), expected)
})

test_that("a table that is none is refused and names the column", {
  local_job()
  expect_error(log_table_to_run("t", list(a = 1:2, b = 1:3)), "'b'.*3 values")
  expect_error(log_table_to_run("t", list(a = list(1, 2))), "'a'.*<list>")
  expect_error(log_table_to_run("t", data.frame(a = 1)[0]), "no columns")
  expect_error(log_table_to_run("t", list(a = 1, a = 2)), "several columns")
  expect_error(log_table_to_run("t", list(a = matrix(1:4, 2))), "matrix")
  expect_error(log_table_to_run("t", 1:3), class = "tandemlab_error_invalid_input")
})

test_that("a forked child writes a file of its own", {
  skip_on_os("windows")
  directory <- local_job()
  log_metric_to_run("x", 1)
  parallel::mclapply(1:2, function(i) log_metric_to_run("x", i), mc.cores = 2)
  log_metric_to_run("x", 2)
  files <- list.files(file.path(directory, "spool"), full.names = TRUE)
  expect_length(files, 3)
  expect_setequal(lengths(lapply(files, readLines)), c(1, 1, 2))
})

test_that("a run whose folder is gone is a storage error", {
  directory <- local_job()
  log_metric_to_run("x", 1)
  unlink(directory, recursive = TRUE)
  expect_error(log_metric_to_run("x", 2), class = "tandemlab_error_storage_error")
})

test_that("many runs can be logged to in turn", {
  workspace <- withr::local_tempdir()
  runs <- lapply(1:100, function(i) {
    run <- new_run(sprintf("demo_%d", i), workspace, "demo")
    dir.create(run$directory, recursive = TRUE)
    run
  })
  for (round in 1:2) {
    for (run in runs) log_metric_to_run("round", round, run)
  }
  logged <- vapply(runs, function(run) length(read_spool(run$directory)), 0L)
  expect_identical(logged, rep(2L, 100))
  expect_length(list.files(file.path(runs[[1]]$directory, "spool")), 1)
})
