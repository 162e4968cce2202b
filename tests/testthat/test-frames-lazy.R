# Text that becomes R's strings when it is asked for.

lazy_frame <- function(x, ...) in_memory(data.frame(x = x), ...)

texts <- function(n = 5000L) {
  x <- sprintf("text %d \u00e9", seq_len(n))
  x[c(2, n - 1)] <- NA
  x[3] <- ""
  x
}

inspected <- function(x) utils::capture.output(.Internal(inspect(x)))[[1]]
expect_waiting <- function(x) testthat::expect_match(inspected(x), "[0-9] of [0-9]+ made")
expect_made <- function(x) testthat::expect_match(inspected(x), "all made|STRSXP.*\\(len=")

test_that("strings are made when they are asked for, and all at once when many are", {
  x <- texts()
  y <- lazy_frame(x)$x
  expect_waiting(y)
  expect_identical(length(y), length(x))
  expect_identical(y[[5]], x[[5]])
  expect_identical(y[c(1:4, NA, 9999, 4999)], x[c(1:4, NA, 9999, 4999)])
  expect_identical(y[c(5000.5, 0, 3)], x[c(5000.5, 0, 3)])
  expect_identical(y[-(1:4990)], x[-(1:4990)])
  expect_identical(head(y), head(x))
  expect_waiting(y)
  expect_identical(y, x)
  expect_made(y)
  expect_identical(y[4000:4100], x[4000:4100])
})

test_that("lazy = FALSE and short columns make strings at once", {
  expect_made(lazy_frame(texts(), lazy = FALSE)$x)
  expect_made(lazy_frame(texts(100L))$x)
  expect_identical(lazy_frame(texts(100L))$x, texts(100L))
})

test_that("levels are made when they are asked for, unless two are the same", {
  sorted <- sprintf("level %04d \u00e9", 1:5000)
  for (levels in list(sorted, rev(sorted), sorted[order((1:5000 * 7919) %% 5003)])) {
    x <- factor(rep(levels[c(3, 1, 5000)], 2), levels)
    for (y in list(lazy_frame(x)$x, lazy_frame(addNA(x))$x, lazy_frame(x, lazy = FALSE)$x)) {
      expect_identical(as.integer(y), as.integer(x))
    }
    y <- lazy_frame(x)$x
    expect_waiting(levels(y))
    expect_identical(y, x)
    expect_made(levels(lazy_frame(x, lazy = FALSE)$x))
    expect_identical(lazy_frame(addNA(x))$x, addNA(x))
  }
  skip_without_pyarrow()
  table <- reticulate::py_run_string("
import pyarrow as pa
def repeated(missing):
    levels = [f'c{i}' for i in range(3000)]
    levels[2999] = None if missing else 'c0'
    codes = pa.array([2999, 0, 1, None], pa.int16())
    return pa.table({'x': pa.DictionaryArray.from_arrays(codes, pa.array(levels))})
", local = FALSE, convert = FALSE)
  levels <- sprintf("c%d", 0:2998)
  expect_identical(
    as_r_frame(table$repeated(FALSE))$x, factor(c("c0", "c0", "c1", NA), levels)
  )
  expect_identical(as_r_frame(table$repeated(TRUE))$x, factor(c(NA, "c0", "c1", NA), levels))
})

test_that("levels from a file do not change with it", {
  x <- data.frame(x = factor(sprintf("l%05d", 1:5000)))
  path <- withr::local_tempfile(fileext = ".arrow")
  write_frame(x, path)
  y <- read_frame(path)
  expect_waiting(levels(y$x))
  writeBin(raw(file.size(path)), path)
  expect_identical(y, x)
})

test_that("strings that come again are the same, whatever lies between", {
  words <- c(sprintf("w%d", 1:3000), strrep(c("long ", "\u00e9"), 50), "", NA)
  x <- words[(seq_len(60000) * 7919) %% length(words) + 1]
  expect_identical(lazy_frame(x, lazy = FALSE)$x, x)
})

test_that("lazy strings can be changed, and only where they are changed", {
  x <- texts()
  y <- lazy_frame(x)$x
  z <- y
  z[7] <- "changed"
  y[[8]] <- NA
  expect_identical(z, replace(x, 7, "changed"))
  expect_identical(y, replace(x, 8, NA))
  names(y) <- seq_along(y)
  expect_identical(unname(y), replace(x, 8, NA))
})

test_that("functions of R see lazy strings as they are", {
  x <- texts()
  each <- list(
    is.na, anyNA, unique, sort, order, duplicated, nchar, toupper, factor, rev, rle,
    function(x) match("text 77 \u00e9", x), function(x) paste0(x, "!"), function(x) x == "",
    function(x) c(x, "z"), function(x) split(x, seq_along(x) %% 2), as.list, function(x) rep(x, 2),
    function(x) grepl("9", x), function(x) sapply(x, identity, USE.NAMES = FALSE), object.size,
    function(x) data.frame(x = x)[4:2, ], function(x) merge(data.frame(x = x), data.frame(x = "")),
    function(x) c(table(x)), function(x) unserialize(serialize(x, NULL))
  )
  for (work in each) {
    expect_identical(work(lazy_frame(x)$x), work(x), label = deparse(work)[[1]])
  }
  expect_false(anyNA(lazy_frame(sprintf("%d", 1:5000))$x))
})

test_that("lazy strings can be saved and read in another session's way", {
  x <- texts()
  path <- withr::local_tempfile()
  y <- lazy_frame(x)
  saveRDS(y, path)
  expect_identical(readRDS(path)$x, x)
  save(y, file = path)
  rm(y)
  load(path)
  expect_identical(y$x, x)
  expect_identical(unserialize(serialize(lazy_frame(x)$x, NULL, version = 2)), x)
})

test_that("data.table changes, groups and joins lazy strings", {
  skip_if_not_installed("data.table")
  x <- texts()
  d <- in_memory(data.table::data.table(x = x, g = rep(1:2, 2500)))
  expect_waiting(d$x)
  data.table::set(d, 1L, "x", "changed")
  expect_identical(d$x, replace(x, 1, "changed"))
  e <- in_memory(data.table::data.table(x = x))
  data.table::setkeyv(e, "x")
  expect_identical(e$x, sort(x, na.last = FALSE, method = "radix"))
})

test_that("tibbles hold lazy strings", {
  skip_if_not_installed("tibble")
  x <- texts()
  y <- in_memory(tibble::tibble(x = x))
  expect_waiting(y$x)
  expect_identical(y[10:12, ], tibble::tibble(x = x[10:12]))
  expect_identical(vctrs::vec_slice(y$x, 1:3), x[1:3])
  expect_identical(vctrs::vec_unique(y$x), unique(x))
})

test_that("forked workers read lazy strings, and the parent keeps its own", {
  skip_on_os("windows")
  x <- texts()
  y <- lazy_frame(x)$x
  gc() # connections of DuckDB that other tests left wait for threads that a fork does not have
  found <- parallel::mclapply(1:2, function(i) {
    found <- rev(y)[seq(i, length(y), 2)]
    y <<- NULL
    gc()
    found
  }, mc.cores = 2)
  expect_identical(found, lapply(1:2, function(i) rev(x)[seq(i, length(x), 2)]))
  expect_waiting(y)
  expect_identical(y, x)
})

test_that("text that R cannot hold is refused when it crosses, not when it is used", {
  skip_without_pyarrow()
  python <- reticulate::py_run_string("
import pyarrow as pa
def damaged(bad, kind, hidden):
    values = [b'good'] * 4000 + [bad] + [b'\\xc3\\xa9 and more than twelve bytes'] * 10
    offsets, bitmap = [0], bytearray()
    for value in values:
        offsets.append(offsets[-1] + len(value))
    wide = kind == 'large_string'
    import array
    buffers = [None, pa.py_buffer(array.array('q' if wide else 'i', offsets).tobytes()),
               pa.py_buffer(b''.join(values))]
    if hidden:
        bits = bytearray(b'\\xff' * 600)
        bits[500] = 0xfe
        buffers[0] = pa.py_buffer(bytes(bits))
    if kind == 'string_view':
        binary = pa.Array.from_buffers(pa.binary(), len(values), buffers)
        view = binary.cast(pa.binary_view())
        return pa.table({'x': pa.Array.from_buffers(pa.string_view(), len(view), view.buffers())})
    kind = pa.large_string() if wide else pa.string()
    return pa.table({'x': pa.Array.from_buffers(kind, len(values), buffers)})
", local = FALSE, convert = FALSE)
  bad <- list("\\xff", "a\\xc3", "\\xa9", "\\xed\\xa0\\x80", "a\\x00b", "abcdefghijkl\\x00mnopqr")
  for (kind in c("string", "large_string", "string_view")) {
    for (text in bad) {
      bytes <- reticulate::py_eval(sprintf("b'%s'", text), convert = FALSE)
      where <- paste(kind, text)
      expect_error(
        as_r_frame(python$damaged(bytes, kind, FALSE)), "Column 'x', row 4001: ",
        class = "tandemlab_error_invalid_input", label = where
      )
      found <- as_r_frame(python$damaged(bytes, kind, TRUE))$x
      expect_identical(found[4000:4002], c("good", NA, "\u00e9 and more than twelve bytes"))
      expect_identical(sum(is.na(found)), 1L)
    }
  }
})

test_that("two bytes of one character in two strings are refused", {
  skip_without_pyarrow()
  split <- reticulate::py_run_string("
import array
import pyarrow as pa
split = pa.table({'x': pa.Array.from_buffers(pa.string(), 2000, [None,
    pa.py_buffer(array.array('i', list(range(2001))).tobytes()),
    pa.py_buffer(b'a' * 1000 + b'\\xc3\\xa9' + b'b' * 998)])})
", local = FALSE, convert = FALSE)$split
  expect_error(as_r_frame(split), "row 1001: the string is not valid UTF-8")
})

test_that("Arrow's memory goes once all strings are made, or the vector is forgotten", {
  skip_without_pyarrow()
  pyarrow <- reticulate::import("pyarrow", convert = FALSE)
  held <- function() {
    gc()
    reticulate::import("gc")$collect()
    reticulate::py_to_r(pyarrow$total_allocated_bytes())
  }
  made <- reticulate::py_run_string("
import pyarrow as pa
def made(): return pa.table({'x': [f'text {i}' for i in range(100000)], 'n': range(100000)})
", local = FALSE, convert = FALSE)$made
  before <- held()
  y <- as_r_frame(made(), int64 = "double")
  some <- held() - before
  expect_gt(some, 1e6)
  expect_lt(some, 1.7e6) # not the numbers, which have been copied
  expect_identical(y$x[[100000]], "text 99999")
  expect_identical(sum(nchar(y$x)), 988890L)
  expect_identical(held(), before)
  y <- as_r_frame(made(), int64 = "double")
  rm(y)
  expect_identical(held(), before)
})

test_that("many chunks, slices, views and nested columns are lazy too", {
  skip_without_pyarrow()
  table <- reticulate::py_run_string("
import pyarrow as pa
def chunked(kind):
    parts = [pa.array([f'{i}.{j} and some more' if j else None for j in range(300 + i)], kind)
             for i in range(20)]
    whole = pa.chunked_array([part.slice(i % 7) for i, part in enumerate(parts)] + [parts[0][:0]])
    return pa.table({'x': whole})
def nested():
    values = pa.array([f'n{i}' for i in range(5000)])
    frame = pa.StructArray.from_arrays([values, values], ['a', 'b'])
    return pa.table({'d': frame.slice(10), 'x': values.slice(10)})
", local = FALSE, convert = FALSE)
  for (kind in c("string", "large_string", "string_view")) {
    type <- reticulate::py_eval(sprintf("__import__('pyarrow').%s()", kind), convert = FALSE)
    whole <- table$chunked(type)
    lazy <- as_r_frame(whole)$x
    eager <- as_r_frame(whole, lazy = FALSE)$x
    expect_waiting(lazy)
    for (i in c(1L, 300L, 301L, 3000L, length(eager))) expect_identical(lazy[[i]], eager[[i]])
    expect_identical(lazy, eager)
  }
  y <- as_r_frame(table$nested())
  expect_waiting(y$d$b)
  expect_identical(y$d$a, sprintf("n%d", 10:4999))
  expect_identical(y$x, y$d$b)
})

# tier: full
test_that("lazy strings survive garbage collection at every allocation", {
  x <- texts(1100L)
  y <- lazy_frame(x)$x
  gctorture(TRUE)
  some <- tryCatch(c(y[[4]], y[2:4], y[[1000]]), finally = gctorture(FALSE))
  expect_identical(some, x[c(4, 2:4, 1000)])
  gctorture(TRUE)
  all <- tryCatch(paste(y), finally = gctorture(FALSE))
  expect_identical(all, paste(x))
})

# In a process of its own, which ends Python before R and then at once: reticulate does not live on
# without Python.
test_that("lazy strings outlive Python", {
  skip_without_pyarrow()
  script <- withr::local_tempfile(fileext = ".R", lines = c(
    deparse(bquote({
      .libPaths(.(.libPaths()))
      options(tandemlab.python = .(find_python()$path))
    })),
    'local({
      library(tandemlab)
      x <- data.frame(x = sprintf("text %d", 1:5000))
      y <- as_r_frame(as_python_frame(x))
      python <- dyn.load(reticulate::py_config()$libpython)
      gc()
      .C(getNativeSymbolInfo("PyGILState_Ensure", python))
      .C(getNativeSymbolInfo("Py_Finalize", python))
      message(identical(y, x))
      tools::pskill(Sys.getpid(), tools::SIGKILL)
    })'
  ))
  done <- suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"), c("--vanilla", script), stdout = TRUE, stderr = TRUE
  ))
  expect_true("TRUE" %in% done)
})
