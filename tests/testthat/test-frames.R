# The R objects that Python still holds, after both have let go of what they can.
kept <- function() {
  gc()
  if (tandemlab_is_ready()) reticulate::import("gc")$collect()
  .Call(C_arrow_kept)
}

test_that("doubles go to Arrow without a copy, and live as long as Python needs them", {
  skip_without_pyarrow()
  before <- kept()
  x <- data.frame(x = c(1.5, NA, 3))
  table <- as_python_frame(x)
  expect_identical(.Call(C_arrow_kept), before + 1)
  rm(x)
  gc()
  expect_identical(as_r_frame(table)$x, c(1.5, NA, 3))
  rm(table)
  expect_identical(kept(), before)
})

test_that("what R changes after the crossing stays as it was in Python", {
  skip_without_pyarrow()
  x <- data.frame(x = c(1, 2))
  table <- as_python_frame(x)
  x$x[1] <- 99
  expect_identical(as_r_frame(table)$x, c(1, 2))
})

test_that("data tables are copied, since := changes them in place", {
  skip_without_pyarrow()
  skip_if_not_installed("data.table")
  x <- data.table::data.table(x = c(1, 2))
  table <- as_python_frame(x)
  data.table::set(x, 1L, "x", 99)
  expect_identical(as_r_frame(table)$x, c(1, 2))
})

test_that("a data table that comes back can be changed in place without a warning", {
  skip_if_not_installed("data.table")
  y <- in_memory(data.table::data.table(x = 1:2))
  expect_silent(data.table::set(y, j = "z", value = 3:4))
  expect_identical(y$z, 3:4)
})

test_that("frames that Python drops on another thread are let go", {
  skip_without_pyarrow()
  before <- kept()
  holder <- reticulate::py_run_string("
import threading
held = []
def drop():
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
", local = FALSE, convert = FALSE)
  table <- as_python_frame(data.frame(a = runif(10), b = runif(10)))
  holder$held$append(table)
  rm(table)
  expect_identical(kept(), before + 2)
  holder$drop()
  expect_identical(.Call(C_arrow_kept), before)
})

test_that("a pandas frame can be written to, and R's vectors stay what they are", {
  skip_without_pyarrow(c("pyarrow", "pandas"))
  x <- data.frame(x = c(1, 2), i = 1:2)
  frame <- as_python_frame(x, "pandas")
  reticulate::py_run_string("
def write(frame):
    frame.loc[0, 'x'] = 99.0
    frame.loc[0, 'i'] = 99
", local = FALSE, convert = FALSE)$write(frame)
  expect_identical(x$x, c(1, 2))
  expect_identical(as_r_frame(frame), data.frame(x = c(99, 2), i = c(99L, 2L)))
})

test_that("a column whose type Python has changed loses its class with a warning", {
  skip_without_pyarrow(c("pyarrow", "pandas"))
  x <- data.frame(x = 1:2)
  x$x <- structure(c(1, 2), labels = c(no = 1), class = "haven_labelled")
  frame <- as_python_frame(x, "pandas")
  changed <- reticulate::py_run_string("
def change(frame):
    frame['x'] = ['a', 'b']
    return frame
", local = FALSE, convert = FALSE)$change(frame)
  expect_warning(y <- as_r_frame(changed), "'x'.*class or attributes are lost")
  expect_identical(y$x, c("a", "b"))
})

test_that("rows that Python has filtered and sorted keep their types", {
  skip_without_pyarrow(c("pyarrow", "pandas"))
  x <- data.frame(
    f = factor(c("a", "b", "c")), t = as.difftime(1:3, units = "mins"), row.names = c("u", "v", "w")
  )
  frame <- as_python_frame(x, "pandas")
  expect_identical(as_r_frame(frame$iloc[c(2L, 0L)]), x[c(3, 1), ])
})

test_that("a grouped tibble comes back without its groups, with a warning", {
  x <- structure(
    tibble::tibble(g = 1:2),
    class = c("grouped_df", "tbl_df", "tbl", "data.frame"),
    groups = data.frame(g = 1:2)
  )
  expect_warning(y <- in_memory(x), "grouping is dropped")
  expect_identical(y, tibble::tibble(g = 1:2))
})

test_that("what is no frame is refused with the argument's name", {
  expect_error(
    as_python_frame(1:3), "`x` must be a data frame",
    class = "tandemlab_error_invalid_input"
  )
  expect_error(as_r_frame("a"), "`x` must be a data frame of Python")
  expect_identical(as_r_frame(iris), iris)
})

random_column <- function(n) {
  texts <- c("a", "", "\u00e9\U1F600", "longer than eight bytes", NA)
  column <- switch(sample(10, 1),
    sample(c(TRUE, FALSE, NA), n, TRUE),
    sample(c(-5:5, NA, .Machine$integer.max), n, TRUE),
    sample(c(rnorm(5), NA, NaN, Inf, -0, 5e-324), n, TRUE),
    sample(texts, n, TRUE),
    factor(sample(c("x", "y", NA), n, TRUE), c("y", "x", "z"), ordered = sample(2, 1) == 1),
    as.Date(sample(c(-1e5:1e5, NA), n, TRUE), origin = "1970-01-01"),
    structure(sample(c(runif(5, -2e9, 4e9), NA), n, TRUE),
      class = c("POSIXct", "POSIXt"), tzone = sample(c("", "UTC", "Asia/Kathmandu"), 1)
    ),
    as.difftime(sample(c(-3:3 / 4, NA), n, TRUE), units = sample(c("mins", "weeks"), 1)),
    as.raw(sample(0:255, n, TRUE)),
    lapply(seq_len(n), function(i) if (sample(4, 1) > 1) sample(c(1.5, NA), i %% 5, TRUE))
  )
  if (sample(6, 1) == 1 && is.atomic(column)) attr(column, "label") <- "a label"
  column
}

random_frame <- function(seed) {
  set.seed(seed)
  n <- sample(c(0, 1, 7, 64, 65, 200), 1)
  columns <- lapply(seq_len(sample(6, 1)), function(i) random_column(n))
  names(columns) <- sample(c("a", "b", "a", "", "\u00fc", "long name"), length(columns), TRUE)
  structure(columns, class = "data.frame", row.names = .set_row_names(n))
}

test_that("200 generated frames come back identical", {
  withr::local_timezone("Asia/Kolkata")
  for (seed in 1:200) {
    x <- random_frame(seed)
    expect_identical(in_memory(x), x, label = sprintf("the frame of seed %d", seed))
  }
})

test_that("generated frames come back identical from Arrow and pandas", {
  skip_without_pyarrow(c("pyarrow", "pandas"))
  for (seed in 201:240) {
    x <- random_frame(seed)
    names(x) <- paste0("x", seq_along(x))
    for (as in c("arrow", "pandas")) {
      y <- as_r_frame(as_python_frame(x, as))
      expect_identical(y, x, label = sprintf("%s, seed %d", as, seed))
    }
  }
})

test_that("conversions protect what they make from the garbage collector", {
  x <- data.frame(
    a = c("u", NA, "\u00e9"), b = c(1, NA, 3), f = factor(c("p", "q", NA)), r = as.raw(1:3),
    k = as.Date(c(1, NA, 3), origin = "1970-01-01"), h = as.difftime(c(1, NA, 3), units = "mins")
  )
  x$l <- list(1:2, NULL, 3L)
  x$w <- list(as.raw(1), NULL, raw())
  x$d <- data.frame(t = as.POSIXct(c(1, 2, NA), origin = "1970-01-01", tz = "UTC"))
  x$m <- matrix(1:6, 3)
  x$z <- c(1i, NA, 2)
  plan <- root_plan(x, list(notes = new_notes(), share = TRUE, keeps_tags = TRUE, depth = 0))
  options <- list(int64 = "integer64", decimal = "error", map = "error", lazy = FALSE)
  tortured <- function(code) {
    gctorture(TRUE)
    on.exit(gctorture(FALSE))
    code
  }
  stream <- tortured(.Call(C_arrow_export, plan, TRUE))$value
  schema <- tortured(.Call(C_arrow_schema, stream))$value
  field <- import_field(schema, "", options)
  made <- tortured(.Call(C_arrow_import, stream, field$plan))$value
  expect_identical(finish_root(field, made, new_notes()), x)
})
