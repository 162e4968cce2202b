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
  at <- as.POSIXct(c("2026-01-01", NA), tz = "UTC")
  x <- data.frame(x = c(1, 2), i = 1:2, f = factor(c("a", "b")), at = at)
  frame <- as_python_frame(x, "pandas")
  reticulate::py_run_string("
import gc

def write(frame):
    gc.collect()  # times and codes lie in memory that Arrow has let go
    frame.loc[0, 'x'] = 99.0
    frame.loc[0, 'i'] = 99
    frame.loc[0, 'f'] = 'b'
    frame.loc[1, 'at'] = frame['at'][0]
", local = FALSE, convert = FALSE)$write(frame)
  expect_identical(x, data.frame(x = c(1, 2), i = 1:2, f = factor(c("a", "b")), at = at))
  y <- x
  y[] <- list(c(99, 2), c(99L, 2L), x$f[c(2, 2)], at[c(1, 1)])
  expect_identical(as_r_frame(frame), y)
})

test_that("factors of any number of levels have the codes that pandas gives them", {
  skip_without_pyarrow(c("pyarrow", "pandas"))
  for (n in c(0, 1, 126, 127, 128, 32766, 32767)) {
    levels <- sprintf("level %d", seq_len(n))
    x <- data.frame(f = factor(c(NA, rev(levels)), levels))
    frame <- as_python_frame(x, "pandas")
    check_identical(as_r_frame(frame), x, n)
    of_pandas <- reticulate::py_run_string("
def of_pandas(frame):
    import pandas as pd
    codes = frame['f'].array.codes
    wanted = pd.Categorical.from_codes(codes.astype('int64'), dtype=frame['f'].dtype).codes
    return codes.dtype == wanted.dtype
")$of_pandas
    expect_true(of_pandas(frame), label = n)
  }
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

# Columns of n values of all kinds that come back identical.
column_makers <- list(
  logical = function(n) sample(c(TRUE, FALSE, NA), n, TRUE),
  integer = function(n) sample(c(-5:5, NA, .Machine$integer.max), n, TRUE),
  double = function(n) sample(c(rnorm(5), NA, NaN, Inf, -0, 5e-324), n, TRUE),
  text = function(n) sample(c("a", "", "\u00e9\U1F600", "longer than eight bytes", NA), n, TRUE),
  factor = function(n) {
    factor(sample(c("x", "y", NA), n, TRUE), c("y", "x", "z"), ordered = sample(2, 1) == 1)
  },
  na_level = function(n) addNA(factor(sample(c("x", "y", NA), n, TRUE), c("y", "x"))),
  date = function(n) structure(sample(c(-1e5:1e5, NA), n, TRUE) + 0, class = "Date"),
  integer_date = function(n) structure(sample(c(-99:99, NA), n, TRUE), class = "Date"),
  instant = function(n) {
    structure(sample(c(runif(5, 1e8, 4e9), -1.5, NA), n, TRUE),
      class = c("POSIXct", "POSIXt"), tzone = sample(c("", "UTC", "Asia/Kathmandu"), 1)
    )
  },
  clock = function(n) {
    structure(sample(c(-1e9, 0.25, NA), n, TRUE),
      class = c("POSIXct", "POSIXt"), tzone = "UTC", tandemlab_clock = TRUE
    )
  },
  span = function(n) {
    as.difftime(sample(c(-3:3 / 4, NA), n, TRUE), units = sample(c("mins", "weeks"), 1))
  },
  integer64 = function(n) bit64::as.integer64(sample(c("9007199254740993", "-1", NA), n, TRUE)),
  complex = function(n) complex(real = sample(c(1, NaN), n, TRUE), imaginary = rnorm(n)),
  raw = function(n) as.raw(sample(0:255, n, TRUE)),
  labelled = function(n) {
    structure(sample(c(1, 2, NA), n, TRUE), labels = c(no = 1, yes = 2), class = "haven_labelled")
  },
  matrix = function(n) cbind(p = rnorm(n), q = sample(c(1.5, NA), n, TRUE)),
  array = function(n) array(sample(5L, n, TRUE)),
  list = function(n) list_of(n, function(size) sample(c(1.5, NA), size, TRUE)),
  list_of_lists = function(n) list_of(n, function(size) list_of(size, seq_len)),
  list_of_frames = function(n) {
    makers <- column_makers[sample(of_one_type, 2)]
    list_of(n, function(size) frame_of(list(a = makers[[1]](size), b = makers[[2]](size)), size))
  },
  frame = function(n) random_frame(n, nested = TRUE)
)
flat <- setdiff(names(column_makers), c("list_of_frames", "frame"))
# Whose attributes are not drawn: elements of a list must have the same.
of_one_type <- c("logical", "integer", "text", "na_level", "date", "clock", "labelled", "complex")

# Some elements are NULL, but not all: then R knows no type.
list_of <- function(n, make) {
  lapply(seq_len(n), function(i) if (i == 1 || sample(4, 1) > 1) make(i %% 4))
}

frame_of <- function(columns, n) {
  structure(columns, class = "data.frame", row.names = .set_row_names(n))
}

random_frame <- function(n = sample(c(0, 1, 7, 64, 65, 200), 1), nested = FALSE) {
  makers <- column_makers[if (nested) flat else names(column_makers)]
  if (!requireNamespace("bit64", quietly = TRUE)) makers$integer64 <- NULL
  columns <- lapply(sample(makers, sample(if (nested) 3 else 6, 1)), function(make) {
    column <- make(n)
    if (sample(6, 1) == 1 && is.atomic(column)) attr(column, "label") <- "a label"
    column
  })
  names(columns) <- sample(c("a", "b", "a", "", "\u00fc", "long name"), length(columns), TRUE)
  frame_of(columns, n)
}

# Frames of a seed that is printed when one fails; the variable FRAMES_SEED repeats it, and is that
# of all tests where pytest runs them.
each_generated <- function(count, check) {
  first <- as.integer(Sys.getenv("FRAMES_SEED", sample.int(1e8, 1)))
  for (seed in seq(first, length.out = count)) {
    withr::with_seed(seed, check(random_frame(), sprintf("the frame of FRAMES_SEED=%d", seed)))
  }
}

test_that("generated frames come back identical through memory and files", {
  withr::local_timezone("Asia/Kolkata")
  each_generated(100, function(x, label) {
    check_identical(in_memory(x), x, label)
    form <- sample(frame_file_forms, 1)[[1]]
    check_identical(in_file(x, form[[1]], form[[2]]), x, label)
  })
  succeed()
})

test_that("generated frames come back identical from Arrow, pandas and Python's files", {
  skip_without_pyarrow(c("pyarrow", "pandas"))
  files <- reticulate::import("tandemlab.bridge", convert = FALSE)
  path <- withr::local_tempfile(fileext = ".arrow")
  each_generated(30, function(x, label) {
    names(x) <- sprintf("x%d", seq_along(x)) # pandas finds tags by the columns' names
    for (as in c("arrow", "pandas")) {
      frame <- as_python_frame(x, as)
      check_identical(as_r_frame(frame), x, paste(label, as))
      files$write_frame(frame, path)
      check_identical(read_frame(path), x, paste(label, as, "file"))
    }
  })
  succeed()
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
  context <- list(
    notes = new_notes(), share = TRUE, keeps_tags = TRUE, as_pandas = FALSE, depth = 0
  )
  plan <- root_plan(x, context)
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
