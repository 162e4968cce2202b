# Streams that lie, break off or are dead: an error each time, never a crash.

import_stream <- function(stream, int64 = "double") {
  import_frame(stream, list(
    int64 = int64, decimal = "error", map = "error", lazy = TRUE
  ))
}

# Streams of pyarrow's arrays with single fields of their structures overwritten.
hostile <- function() {
  reticulate::py_run_string("
import ctypes
import pyarrow as pa

PLACES = dict(length=0, null_count=1, offset=2, n_buffers=3, n_children=4, buffers=5, children=6,
              dictionary=7)
SCHEMA = dict(format=0, name=1, flags=3, n_children=4, children=5, dictionary=6)

def words(address, count):
    return (ctypes.c_int64 * count).from_address(address)

alive = globals().get('alive', [])  # R may release a stream long after its test

class Lying:
    '''One batch of a table whose structures are changed before R sees them.'''

    def __init__(self, table, path, field, value, schema=False):
        self.batch, self.change = table.to_batches()[0], (path, field, value, schema)

    def __arrow_c_stream__(self, requested_schema=None):
        reader = pa.RecordBatchReader.from_batches(self.batch.schema, [self.batch])
        capsule = reader.__arrow_c_stream__()
        get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
            ('PyCapsule_GetPointer', ctypes.pythonapi))
        stream = words(get(capsule, b'arrow_array_stream'), 5)
        path, field, value, in_schema = self.change
        slot = 0 if in_schema else 1
        call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        real, release_at = call(stream[slot]), 7 if in_schema else 8
        def changed(owner, out):
            code = real(owner, out)
            target = words(out, 9)
            if target[release_at] != 0:
                honest_end(out, release_at, self.lie(target))
            return code
        wrapped = call(changed)
        alive.extend([self, real, wrapped, capsule])
        stream[slot] = ctypes.cast(wrapped, ctypes.c_void_p).value
        return capsule

    def lie(self, target):
        path, field, value, in_schema = self.change
        for step in path:
            children = target[5 if in_schema else 6]
            at = target[6 if in_schema else 7] if step < 0 else words(children, step + 1)[step]
            target = words(at, 9)
        if field in (SCHEMA if in_schema else PLACES):
            place = (SCHEMA if in_schema else PLACES)[field]
        elif field.startswith('buffer'):
            target, place = words(target[5], 3), int(field[6:])
        else:
            which, place = map(int, field[5:].split('_'))
            target = (ctypes.c_int32 * (place + 1)).from_address(words(target[5], 3)[which])
        truth, target[place] = target[place], value
        return target, place, truth

def honest_end(out, release_at, undo):
    # The producer takes back what it gave, without the lie.
    target, place, truth = undo
    end = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    top = ctypes.addressof(target) == out
    real = end(words(out, 9)[release_at])
    def release(pointer):
        whole = words(pointer, 9)
        (whole if top else target)[place] = truth
        real(pointer)
        whole[release_at] = 0
    wrapped = end(release)
    alive.extend([real, wrapped])
    words(out, 9)[release_at] = ctypes.cast(wrapped, ctypes.c_void_p).value

def lying(column, path, field, value, schema=False):
    columns = dict(
        number=pa.array([1, 2, None], pa.int32()), text=pa.array(['a', None, 'bc']),
        listed=pa.array([[1], None, [2, 3]], pa.list_(pa.int32())),
        fixed=pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2)),
        coded=pa.array(['a', 'b', 'a']).dictionary_encode(),
        view=pa.array(['much longer than twelve bytes'], pa.string_view()),
        nested=pa.array([{'a': 1}], pa.struct([('a', pa.int32())])),
    )
    sink = pa.BufferOutputStream()
    table = pa.table({'x': columns[column]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    # a copy of its own, which a test may scribble on
    copied = pa.ipc.open_stream(pa.py_buffer(bytearray(sink.getvalue().to_pybytes()))).read_all()
    return Lying(copied, [int(step) for step in path], field, int(value), schema)

def address_of(text):
    text = ctypes.create_string_buffer(text.encode('latin-1'))
    alive.append(text)
    return ctypes.addressof(text)

def breaking(rows, why='the disk is gone', batches=1):
    schema = pa.schema([('x', pa.float64())])
    def generate():
        for _ in range(batches):
            yield pa.record_batch([pa.array([1.0] * rows)], schema)
        raise ValueError(why)
    return pa.RecordBatchReader.from_batches(schema, generate())

class Silent:
    '''A stream that fails at once, or in the middle, and does not say why.'''

    def __init__(self, at_once):
        self.at_once = at_once

    def __arrow_c_stream__(self, requested_schema=None):
        capsule = breaking(3).__arrow_c_stream__()
        get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
            ('PyCapsule_GetPointer', ctypes.pythonapi))
        stream = words(get(capsule, b'arrow_array_stream'), 5)
        fail = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda a, b: 5)
        say = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda owner: None)
        alive.extend([capsule, fail, say])
        stream[0 if self.at_once else 1] = ctypes.cast(fail, ctypes.c_void_p).value
        stream[2] = ctypes.cast(say, ctypes.c_void_p).value
        return capsule

def rows(*counts):
    kind = pa.schema([('x', pa.null())])
    batches = [pa.record_batch([pa.nulls(count)], kind) for count in counts]
    return pa.RecordBatchReader.from_batches(kind, batches)
", local = FALSE, convert = FALSE)
}

# column, path to the array (-1: its dictionary), field, value
lies <- list(
  list("number", 0, "length", -1), list("number", 0, "offset", -1),
  list("number", 0, "offset", 2^62), list("number", 0, "length", 2^62),
  list("number", 0, "null_count", -7), list("number", 0, "n_buffers", 0),
  list("number", 0, "n_buffers", 1), list("number", 0, "buffers", 0),
  list("number", 0, "buffer1", 0), list("number", 0, "length", 2),
  list("number", c(), "length", -1), list("number", c(), "length", 2^40),
  list("number", c(), "offset", 1), list("number", c(), "n_children", 0),
  list("number", c(), "n_children", 2), list("number", c(), "children", 0),
  list("text", 0, "buffer1", 0), list("text", 0, "buffer2", 0), list("text", 0, "n_buffers", 2),
  list("text", 0, "value1_0", -1), list("text", 0, "value1_1", 2000000000),
  list("text", 0, "value1_3", 0),
  list("listed", 0, "value1_0", -5), list("listed", 0, "value1_3", 2000000000),
  list("listed", 0, "n_children", 0), list("listed", c(0, 0), "length", 1),
  list("fixed", c(0, 0), "length", 3), list("fixed", 0, "children", 0),
  list("coded", 0, "value1_1", 2), list("coded", 0, "value1_1", -1),
  list("coded", 0, "dictionary", 0), list("coded", c(0, -1), "length", -1),
  list("coded", c(0, -1), "length", 1),
  list("view", 0, "value1_2", 5), list("view", 0, "value1_2", -1),
  list("view", 0, "value1_3", 2000000000), list("view", 0, "value1_0", -4),
  list("view", 0, "value1_0", 2000000000), list("view", 0, "n_buffers", 2),
  list("nested", c(0, 0), "length", 0), list("nested", 0, "n_children", 5)
)

for (lie in lies) {
  test_that(sprintf(
    "a stream whose %s[%s] has %s = %.0f is refused",
    lie[[1]], toString(lie[[2]]), lie[[3]], lie[[4]]
  ), {
    skip_without_pyarrow()
    stream <- hostile()$lying(lie[[1]], as.list(as.integer(lie[[2]])), lie[[3]], lie[[4]])
    expect_error(as_r_frame(stream), class = "tandemlab_error_invalid_input")
  })
}

schema_lies <- list(
  list("n_children", -1), list("n_children", 3e9), list("format", 0), list("children", 0)
)

for (lie in schema_lies) {
  test_that(sprintf("a schema with %s = %.0f is refused", lie[[1]], lie[[2]]), {
    skip_without_pyarrow()
    stream <- hostile()$lying("number", list(), lie[[1]], lie[[2]], schema = TRUE)
    expect_error(as_r_frame(stream), "not well formed", class = "tandemlab_error_invalid_input")
  })
}

for (lie in list(c("number", "n_children"), c("listed", "children"))) {
  test_that(sprintf("a column whose schema has a false %s is refused", lie[[2]]), {
    skip_without_pyarrow()
    false <- if (lie[[2]] == "n_children") -1 else 0
    stream <- hostile()$lying(lie[[1]], list(0L), lie[[2]], false, schema = TRUE)
    expect_error(as_r_frame(stream), class = "tandemlab_error_invalid_input")
  })
}

test_that("a column that says that it is of another type, or of none, is refused", {
  skip_without_pyarrow()
  made <- hostile()
  formats <- c(
    "", "?", "+l", "+L", "+s", "+m", "+w:", "+w:-1", "+w:1", "w:-2", "w:99999999999", "d:", "d:0,0",
    "d:5,2,7", "tsx:UTC", "tdX", "tDx", "ttx", "u", "U", "vu", "z", "vz", "+vl", "+ud:0,1", "\xff"
  )
  for (format in formats) {
    stream <- made$lying("number", list(0L), "format", made$address_of(format), schema = TRUE)
    expect_error(
      as_r_frame(stream, decimal = "double", map = "list"),
      class = "tandemlab_error_invalid_input", label = format
    )
  }
})

test_that("a name that is not UTF-8 is refused", {
  skip_without_pyarrow()
  made <- hostile()
  stream <- made$lying("number", list(0L), "name", made$address_of("a\u00ff"), schema = TRUE)
  expect_error(as_r_frame(stream), "not well formed", class = "tandemlab_error_invalid_input")
})

test_that("a stream that fails midway is an error with Python's words, and leaves nothing behind", {
  skip_without_pyarrow()
  memory <- reticulate::import("pyarrow", convert = FALSE)$total_allocated_bytes
  held <- function() {
    gc()
    reticulate::import("gc")$collect()
    reticulate::py_to_r(memory())
  }
  before <- held()
  expect_error(as_r_frame(hostile()$breaking(10L)), "the disk is gone")
  expect_error(as_r_frame(hostile()$breaking(10000L, "no more", 20L)), "no more")
  expect_identical(held(), before)
})

test_that("what Python says is cut between characters", {
  skip_without_pyarrow()
  made <- hostile()
  for (n in 0:2) {
    why <- paste0(strrep("x", 900 + n), strrep("\U1F600", 100))
    said <- tryCatch(as_r_frame(made$breaking(1L, why)), error = conditionMessage)
    expect_true(validUTF8(said))
    expect_match(said, "could not deliver it.*x\U1F600")
  }
})

test_that("a stream that fails without a word is an error, too", {
  skip_without_pyarrow()
  for (at_once in c(TRUE, FALSE)) {
    expect_error(as_r_frame(hostile()$Silent(at_once)), "Python could not deliver it")
  }
})

test_that("columns of 2^31 rows are refused, in one batch, in several, and by R's own vectors", {
  skip_without_pyarrow()
  made <- hostile()
  expect_error(as_r_frame(made$rows(2^31)), "more rows than a data frame can have")
  expect_error(as_r_frame(made$rows(2^30, 2^30)), "more rows than a data frame can have")
  long <- structure(list(x = seq_len(2^31)), class = "data.frame", row.names = c(NA, -5L))
  expect_error(as_python_frame(long), "2147483648 values where the frame has 5 rows")
})

test_that("a frame that a finalizer changes while it crosses is sent with old and new values", {
  skip_if_not_installed("data.table")
  old <- c("plain", iconv(sprintf("\u00e9%d", 1:5), "UTF-8", "latin1"), rep("plain", 5))
  new <- sprintf("new %d", seq_along(old))
  x <- data.table::data.table(x = old)
  context <- list(
    notes = new_notes(), share = FALSE, keeps_tags = TRUE, as_pandas = FALSE, depth = 0
  )
  plan <- root_plan(x, context)
  change <- function(gone) data.table::set(x, seq_along(new), "x", new)
  for (i in 1:2) reg.finalizer(new.env(), change)
  gctorture(TRUE)
  answer <- tryCatch(.Call(C_arrow_export, plan, TRUE), finally = gctorture(FALSE))
  y <- import_stream(answer$value)
  expect_true(all(y$x == enc2utf8(old) | y$x == new))
  expect_identical(x$x, new)
})

# In a process of its own, since the limit holds for all of it.
# tier: full
test_that("where memory ends there is an error, nothing is held, and the next frame crosses", {
  skip_without_pyarrow()
  skip_if_not_installed("callr")
  skip_if_not(file.exists("/proc/self/statm"), "the size of a process is not known here")
  sanitized <- grepl("asan", Sys.getenv("LD_PRELOAD"))
  skip_if(sanitized, "the address sanitizer ends a process that has no memory left")
  found <- callr::r(function(python) {
    options(tandemlab.python = python)
    library(tandemlab)
    tandemlab_is_ready()
    memory <- reticulate::py_run_string("
import gc, resource
import pyarrow as pa

def limit(room):
    pages = int(open('/proc/self/statm').read().split()[0])
    most = pages * resource.getpagesize() + room if room else resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))

def numbers(count):
    return pa.table({'x': pa.nulls(count)})

def texts(count):
    return pa.table({'x': pa.array([f'text {i}' for i in range(count)])})

def held():
    gc.collect()
    return pa.total_allocated_bytes()
")
    # The stack counts, too: what it cannot grow into later ends in a segfault.
    deep <- function(n) if (n > 0) 1 + deep(n - 1) else 0
    deep(400)
    numbers <- memory$numbers(5000000L)
    texts <- memory$texts(600000L)
    lazy <- as_r_frame(texts)
    limited <- function(code) {
      gc()
      memory$limit(4000000L)
      on.exit(memory$limit(0L))
      tryCatch(
        {
          force(code)
          "no error"
        },
        error = function(problem) c(class(problem), as.character(conditionMessage(problem)))
      )
    }
    large <- data.frame(x = rep(c(TRUE, NA), 3e5), y = 0.5, z = "some text that is not short")
    held <- memory$held()
    said <- list(
      numbers = limited(as_r_frame(numbers)),
      texts = limited(as_r_frame(texts, lazy = FALSE)),
      lazy = limited(paste(lazy$x)),
      doubles = limited(as_python_frame(large["y"], copy = TRUE)),
      truths = limited(as_python_frame(large["x"][rep(1, 400)])),
      words = limited(as_python_frame(large["z"]))
    )
    gc()
    list(
      said = said, held = memory$held() - held,
      again = identical(as_r_frame(as_python_frame(iris)), iris),
      lazy = identical(lazy$x[599999:600000], c("text 599998", "text 599999"))
    )
  }, list(python = find_python()$path), libpath = .libPaths())
  for (way in c("numbers", "texts", "lazy")) {
    expect_match(found$said[[way]], "cannot allocate|memory", all = FALSE, label = way)
  }
  for (way in c("doubles", "truths", "words")) {
    expect_true("tandemlab_error_storage_error" %in% found$said[[way]], label = way)
    expect_match(found$said[[way]], "memory is exhausted", all = FALSE)
  }
  expect_lte(found$held, 0)
  expect_identical(found[c("again", "lazy")], list(again = TRUE, lazy = TRUE))
})

test_that("a stream is read once; what is read, empty or no stream is an error", {
  stream <- export_frame(data.frame(x = 1))
  expect_identical(import_stream(stream), data.frame(x = 1))
  expect_error(import_stream(.Call(C_arrow_stream)), "not open", class = "tandemlab_error")
  for (dead in list(NULL, "140000000", 1, unserialize(serialize(stream, NULL)), new.env())) {
    expect_error(import_stream(dead), "not open", class = "tandemlab_error_invalid_input")
  }
})

test_that("a frame of Python from another session is refused", {
  skip_without_pyarrow()
  saved <- unserialize(serialize(as_python_frame(cars), NULL))
  expect_error(as_r_frame(saved), "another session", class = "tandemlab_error_invalid_input")
})

test_that("a frame whose columns differ in length is refused with the column's name", {
  x <- structure(list(a = 1:2, b = 1:3), class = "data.frame", row.names = 1:2)
  expect_error(in_memory(x), "Column 'b' has 3 values where the frame has 2 rows")
})

test_that("frames that are nested too deeply are refused", {
  x <- data.frame(x = 1)
  for (i in 1:80) x <- structure(list(x = x), class = "data.frame", row.names = 1L)
  expect_error(in_memory(x), "nested too deeply")
})

test_that("a tag that is damaged or of something else is no error", {
  decoded <- lapply(list(NULL, "", "{", "[1]", "{\"kind\": 1}"), decode_tag)
  expect_true(all(vapply(decoded, is.null, NA)))
  x <- data.frame(x = structure(1.5, label = "a"))
  field <- import_field(
    .Call(C_arrow_schema, export_frame(x))$value, "",
    list(int64 = "double", decimal = "error", map = "error", lazy = FALSE)
  )
  notes <- new_notes()
  for (attributes in list(list(1), list(a = 1), list(a = list(type = "call", values = list())))) {
    field$children[[1]]$tag$attributes <- attributes
    expect_identical(finish_column(field$children[[1]], 1.5, notes), 1.5)
  }
  expect_identical(notes$found[[1]]$reason, "changed")
})

# In a process of its own: reticulate takes an interrupt for one of Python's next call as well.
test_that("an interrupt stops a conversion and leaves R usable", {
  skip_if_not_installed("callr")
  ready <- withr::local_tempfile()
  child <- callr::r_bg(
    function(ready) {
      tandemlab <- asNamespace("tandemlab")
      options <- list(int64 = "double", decimal = "error", map = "error", lazy = FALSE)
      across <- function(x) tandemlab$import_frame(tandemlab$export_frame(x), options)
      x <- data.frame(x = as.character(seq_len(1e6)))
      outcome <- tryCatch(
        {
          file.create(ready)
          repeat across(x)
        },
        interrupt = function(condition) "interrupted"
      )
      list(outcome = outcome, after = across(data.frame(x = "a")))
    },
    list(ready = ready),
    libpath = .libPaths()
  )
  withr::defer(child$kill())
  wait_until(function() file.exists(ready))
  child$interrupt()
  child$wait(30000)
  found <- child$get_result()
  expect_identical(found, list(outcome = "interrupted", after = data.frame(x = "a")))
})
