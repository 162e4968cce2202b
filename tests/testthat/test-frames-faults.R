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
SCHEMA = dict(format=0, flags=3, n_children=4, children=5, dictionary=6)

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

def breaking(rows):
    schema = pa.schema([('x', pa.float64())])
    def batches():
        yield pa.record_batch([pa.array([1.0] * rows)], schema)
        raise ValueError('the disk is gone')
    return pa.RecordBatchReader.from_batches(schema, batches())
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

test_that("a stream that fails midway is an error with Python's words, and leaves nothing behind", {
  skip_without_pyarrow()
  expect_error(as_r_frame(hostile()$breaking(10L)), "the disk is gone")
})

test_that("a stream is read once; what is read, empty or no stream is an error", {
  stream <- export_frame(data.frame(x = 1))
  expect_identical(import_stream(stream), data.frame(x = 1))
  expect_error(import_stream(.Call(C_arrow_stream)), "not open", class = "tandemlab_error")
  for (dead in list(NULL, "140000000", 1, unserialize(serialize(stream, NULL)), new.env())) {
    expect_error(import_stream(dead), "not open", class = "tandemlab_error_invalid_input")
  }
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
