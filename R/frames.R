#' Data frames between R and Python
#'
#' `as_python_frame()` gives Python a data frame, `as_r_frame()` takes one from Python. Both cross
#' by the Arrow C stream interface: types, missing values, factor levels, time zones and units stay
#' what they are, at the speed of memory. numpy is not involved, and pandas is imported only where
#' it is asked for.
#'
#' What R knows and Arrow does not (that a Date is stored as integer, units of a difftime, value
#' labels, row names, tibble or data.table) travels as a tag in the metadata, and in `attrs` of a
#' pandas frame, so that a frame that comes back is identical. polars keeps no tags; a warning names
#' the columns that lose something there. What cannot cross is an error, or a warning of class
#' `tandemlab_warning_frame`, with the column's name.
#'
#' @section What becomes what:
#' | R | Arrow | pandas |
#' |---|---|---|
#' | logical | bool | `boolean` |
#' | integer | int32 | `Int32` |
#' | double | double; `NA` is null, `NaN` a value | `float64` |
#' | integer64 | int64 | `Int64` |
#' | character | utf8 | `str` |
#' | factor, ordered | dictionary | `category` |
#' | Date | date32 | `date32[pyarrow]` |
#' | POSIXct | timestamp with zone, in µs, or ns where needed | `datetime64` |
#' | difftime, hms | duration, time64 | `timedelta64`, `time64[pyarrow]` |
#' | raw, list of raw | uint8, binary | `uint8`, `binary[pyarrow]` |
#' | list of one type, matrix | list, fixed-size list | `list[pyarrow]` |
#' | data frame as a column, complex | struct | `struct[pyarrow]` |
#'
#' The way back is the same. What else Python has:
#'
#' - 64-bit integers are doubles, unless R sent them as integer64; see `int64`.
#' - A clock time without a zone is POSIXct in UTC with the attribute `tandemlab_clock`, and goes
#'   back without a zone.
#' - A zone that is a fixed distance from UTC, `+05:30` in Arrow, is `<+0530>-05:30` in R, where the
#'   sign counts the other way (`?timezones`), and goes back as it came. A POSIXlt column becomes
#'   POSIXct, with a message.
#' - The index of a pandas frame is the row names where these can hold it: unique texts, or unique
#'   whole numbers other than 1, 2, 3 … Any other (times, repeated or missing labels, several
#'   levels, one with a name) becomes columns. The attribute `tandemlab_index` of the data frame has
#'   the names of these columns, those that had none in pandas under the name `unnamed`, and makes
#'   them the index again on their way back: `attr(x, "tandemlab_index") <- "when"` asks for that.
#'
#' @section What is refused:
#' Towards Python: columns that are functions, environments, calls, S4 objects or records of vctrs,
#' lists of several types or with attributes of their own, strings that are no valid text, infinite
#' dates and times, factors with damaged codes. Towards R: decimals and maps (unless `decimal` and
#' `map` say what they become), unions, intervals and other types that R does not have, text with a
#' NUL, numbers beyond the type that R would give them, columns of Python objects of several types.
#' The error has the class `tandemlab_error_invalid_input` and the column's name.
#'
#' @section Shared memory:
#' Doubles, integers and integer64 are not copied on their way to Arrow: Python reads R's memory,
#' and R keeps it until Python lets go. R's own functions copy before they change such a vector.
#' `:=` of data.table does not, so data tables are copied.
#'
#' @param x For `as_python_frame()` a data frame; for `as_r_frame()` a Python object: a pandas or
#'   polars DataFrame, a pyarrow Table, RecordBatch or reader, or anything with the method
#'   `__arrow_c_stream__`.
#' @param as The library of the result: `"arrow"` (a pyarrow Table), `"pandas"` or `"polars"`.
#' @param copy Whether to copy what could be shared.
#' @param int64 What 64-bit integers, the usual ones of Python, become: `"double"`, where a number
#'   beyond 2^53 is an error, or `"integer64"` of the package bit64, which holds all but which many
#'   functions, `lm()` among them, mistake for other numbers. What R itself sent as integer64 is
#'   integer64 again, whatever is asked for.
#' @param decimal What decimal numbers become: `"error"` refuses them, `"double"` rounds, and
#'   `"character"` keeps every digit.
#' @param map What maps become: `"error"` refuses them, `"list"` makes a list of data frames with
#'   the columns `key` and `value`.
#' @param lazy Whether text columns of 1,024 rows and more may wait, and as many levels of factors:
#'   their strings are checked when they cross, and made when R first asks for them. Until then R
#'   keeps Arrow's memory. Making R's strings is most of the time that text takes, so a column that
#'   is not used costs little, and one that is used costs no more than with `FALSE`, which makes all
#'   strings at once.
#' @return `as_python_frame()`: a Python object. `as_r_frame()`: a data frame, or the tibble or
#'   data.table that it was.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("pyarrow")
#' trips <- data.frame(
#'   from = factor(c("Bern", "Ulm"), levels = c("Ulm", "Bern", "Graz")),
#'   at = as.POSIXct(c("2026-03-29 01:30", NA), tz = "Europe/Berlin"),
#'   km = c(NA, 42L)
#' )
#' table <- as_python_frame(trips)
#' table$schema
#' identical(as_r_frame(table), trips)
#' @export
as_python_frame <- function(x, as = c("arrow", "pandas", "polars"),
                            copy = inherits(x, "data.table")) {
  as <- match.arg(as)
  if (!is.data.frame(x)) {
    abort_argument("x", "a data frame", x, "data.frame(x = ...) makes one.")
  }
  copy <- isTRUE(copy)
  bridge <- start_bridge()
  stream <- export_frame(x, share = !copy, receiver = as)
  from_bridge(bridge$read(.Call(C_arrow_address, stream), as))
}

#' @rdname as_python_frame
#' @export
as_r_frame <- function(x, int64 = c("double", "integer64"),
                       decimal = c("error", "double", "character"), map = c("error", "list"),
                       lazy = TRUE) {
  options <- list(
    int64 = match.arg(int64), decimal = match.arg(decimal), map = match.arg(map),
    lazy = isTRUE(lazy)
  )
  if (is.data.frame(x)) {
    return(x)
  }
  if (!inherits(x, "python.builtin.object")) {
    abort_argument("x", "a data frame of Python", x)
  }
  if (reticulate::py_is_null_xptr(x)) {
    abort_input(
      "`x` was an object of Python in another session, and is gone.",
      "Make it anew; between sessions frames go by files, see write_frame()."
    )
  }
  bridge <- start_bridge()
  stream <- .Call(C_arrow_stream)
  answer <- from_bridge(bridge$write(x, .Call(C_arrow_address, stream)))
  notices <- reticulate::py_to_r(answer)
  if (notices == "[]") {
    return(import_frame(stream, options))
  }
  import_frame(stream, options, jsonlite::fromJSON(notices, simplifyVector = FALSE))
}

# tandemlab.bridge, which needs neither the store nor what lies above it.
start_bridge <- function() {
  if (is.null(session$bridge)) {
    python <- choose_python()
    module <- tryCatch(
      reticulate::import("tandemlab.bridge", convert = FALSE),
      error = function(problem) abort_no_core(conditionMessage(problem), python)
    )
    # Looking an attribute up takes reticulate longer than the call of a small frame.
    session$bridge <- list(read = module$read, write = module$write)
  }
  session$bridge
}

# Errors that the bridge raises on purpose, as R's own.
from_bridge <- function(answer) {
  tryCatch(answer, error = function(problem) {
    text <- sub("^Error in [^\n]*: *", "", conditionMessage(problem))
    pattern <- "^(?:[a-z_]+[.])*(InvalidInput|MissingDependency): "
    if (!grepl(pattern, text, perl = TRUE)) {
      stop(problem)
    }
    code <- c(InvalidInput = "invalid_input", MissingDependency = "missing_dependency")
    kind <- regmatches(text, regexec(pattern, text, perl = TRUE))[[1]][[2]]
    lines <- strsplit(sub(pattern, "", text, perl = TRUE), "\n", fixed = TRUE)[[1]]
    hint <- grep("^Hint: ", lines, value = TRUE)
    abort_tandemlab(
      code[[kind]], lines[[1]], if (length(hint) > 0) sub("^Hint: ", "", hint[[1]]) else ""
    )
  })
}

# What is worth saying about the columns of one crossing; each kind is said once.
new_notes <- function() {
  notes <- new.env(parent = emptyenv())
  notes$found <- list()
  notes
}

note <- function(notes, reason, column, detail = "") {
  notes$found[[length(notes$found) + 1]] <- list(reason = reason, column = column, detail = detail)
}

# Adds what C++ has noticed.
note_native <- function(notes, answer) {
  for (notice in native_notices(answer)) {
    note(notes, notice$reason, notice$column, notice$detail)
  }
}

native_notices <- function(answer) {
  lapply(rev(answer$notices), function(notice) {
    row <- if (notice[[3]] > 0) sprintf("row %.0f", notice[[3]]) else ""
    list(reason = notice[[1]], column = notice[[2]], detail = row)
  })
}

tell_notes <- function(notes) {
  reasons <- vapply(notes$found, function(found) found$reason, "")
  for (reason in unique(reasons)) {
    found <- notes$found[reasons == reason]
    columns <- unique(vapply(found, function(one) one$column, ""))
    details <- unique(vapply(found, function(one) one$detail, ""))
    prose <- note_prose[[reason]]
    text <- sprintf(prose[[1]], columns_text(columns))
    details <- details[nzchar(details)]
    if (length(details) > 0) {
      text <- sprintf("%s (%s)", text, toString(utils::head(details, 3)))
    }
    hint <- if (length(prose) > 1) prose[[2]] else ""
    if (identical(reason, "posixlt")) {
      message(text)
    } else {
      warn_tandemlab("frame", paste0(text, "."), hint)
    }
  }
}

place_text <- function(where, whole = "The frame") {
  if (!nzchar(where)) {
    whole
  } else if (where == row_names_column) {
    "The row names"
  } else {
    sprintf("Column '%s'", where)
  }
}

columns_text <- function(columns) {
  if (length(columns) == 1) {
    return(place_text(columns))
  }
  shown <- sprintf("'%s'", utils::head(columns, 5))
  more <- length(columns) - length(shown)
  text <- toString(shown)
  if (more > 0) {
    text <- sprintf("%s and %d more", text, more)
  }
  paste("Columns", text)
}

note_prose <- list(
  posixlt = "%s: POSIXlt becomes POSIXct",
  date_fraction = c("%s: dates with a time of day lose it", "Use POSIXct for times."),
  nanoseconds = "%s: times are rounded to nanoseconds",
  microseconds = "%s: times are rounded to microseconds",
  inexact_time = "%s: times have more digits than R's doubles hold, and are rounded",
  untagged = c(
    "%s: polars keeps Arrow's type only, not what R knows beside it",
    "as = \"arrow\" and as = \"pandas\" keep everything."
  ),
  attribute = "%s: attributes that cannot be sent are dropped",
  names = "%s: names of the elements or rows are dropped",
  level_names = "%s: names of the levels are dropped",
  not_a_number = "%s: NaN becomes NA, since dates and times have one kind of missing value",
  row_names_column = c(
    "%s: polars has none, so that they are the column '__index_level_0__'",
    "as = \"arrow\" and as = \"pandas\" keep them as row names."
  ),
  groups = "%s: the grouping is dropped; group again what comes back",
  key = "%s: keys and indices of the data table are dropped; set them again",
  changed = "%s: the type has changed in Python, so that R's class or attributes are lost",
  package = "%s: the package that it needs is not installed, so that its class is dropped",
  categories = "%s: categories that are not text become text",
  null_struct = "%s: rows that are missing as a whole become rows of missing values",
  row_names = "%s: not unique texts or integers, so that they stay a column",
  column_names = "%s: column names that are not text become text",
  columns_name = "%s: the name of its column axis is dropped",
  zones = "%s: times of several zones get the zone of the first",
  unended = c(
    "%s: the stream that it comes from has no end, so that rows may be missing",
    "Was the program that wrote it stopped?"
  )
)

# Raises the problem that C++ found, if it did; gives the value.
answer_value <- function(answer, subject = "The frame") {
  if (is.null(answer$reason)) {
    return(answer$value)
  }
  where <- place_text(answer$where, subject)
  if (answer$row > 0 && answer$reason != "stream") {
    where <- sprintf("%s, row %.0f", where, answer$row)
  }
  prose <- frame_prose[[answer$reason]]
  text <- sub("{detail}", answer$detail, prose[[1]], fixed = TRUE)
  code <- frame_codes[answer$reason]
  abort_tandemlab(
    if (is.na(code)) "invalid_input" else unname(code), sprintf("%s: %s.", where, text),
    if (length(prose) > 1) prose[[2]] else "",
    list(column = answer$where, row = answer$row, reason = answer$reason)
  )
}

frame_codes <- c(
  memory = "storage_error", file_system = "storage_error", file_full = "storage_error",
  file_codec = "missing_dependency"
)

frame_prose <- list(
  memory = "memory is exhausted",
  deep = "it is nested too deeply (more than 30 levels)",
  plan = "its contents do not fit its type ({detail})",
  codes = c("the factor has codes outside its levels", "Make it anew: factor(as.character(x))."),
  levels = c(
    "the factor has two levels that are the same", "Make it anew: factor(as.character(x))."
  ),
  bytes = c(
    "the string is marked as bytes, which are no text",
    "Give its encoding: iconv(x, from = \"latin1\", to = \"UTF-8\")."
  ),
  encoding = c(
    "the string is not valid UTF-8",
    "In R, give its encoding: iconv(x, from = \"latin1\", to = \"UTF-8\")."
  ),
  nul = "the text holds a NUL character, which R's strings cannot",
  long_text = "the text is longer than R's strings can be (2^31 bytes)",
  date_range = "the date is infinite or too far away",
  time_range = "the time is infinite or too far away",
  zone = "the time zone's name is too long",
  range = c(
    "the number has no exact place in the type that R would give it",
    "Convert it in Python first, for example to float or to text."
  ),
  inexact = c(
    "the whole number is beyond 2^53, up to where doubles hold all of them",
    "int64 = \"integer64\" reads 64-bit integers exactly, by the package bit64."
  ),
  raw = c("R's raw bytes cannot be missing", "Convert the column in Python, for example to Int16."),
  code = "the category's code lies outside the dictionary",
  damaged = c("the Arrow data are damaged: {detail}", "Is the library that made them up to date?"),
  type = "R has no place for Arrow's type '{detail}'",
  stream = "Python could not deliver it: {detail}",
  dead = c("the stream is not open: it was read already, or belongs to an R that has ended"),
  long = "it has more rows than a data frame can have (2^31 - 1)",
  file_system = "{detail}",
  file_full = c("{detail}", "The disk is full. Free some space and repeat the call."),
  file_kind = "it is no file, but a device or a pipe",
  file_empty = "it is empty",
  file_unknown = c(
    "it is neither an Arrow file nor a Parquet file",
    "read.csv() and readRDS() read other kinds of tables."
  ),
  file_feather_1 = c("it is Feather of version 1", "Write it anew with a current library."),
  file_cut = c(
    "it breaks off before its end",
    "Is it still being written, or was it cut short when it was copied?"
  ),
  file_version = c(
    "it is of a version of Arrow's format that is not known here",
    "Write it anew with a current library."
  ),
  file_big_endian = c(
    "it was written on a machine of the other byte order", "Write it anew on this kind of machine."
  ),
  file_codec = c(
    "it is compressed with {detail}, which this tandemlab was built without",
    paste(
      "Install liblz4-dev and libzstd-dev (lz4-devel and libzstd-devel on Fedora), then",
      "tandemlab again; or write the file without compression."
    )
  ),
  file_delta = "its categories are of a nested type and in several parts, which R cannot join",
  file_columns = "its columns are too many for one file"
)
