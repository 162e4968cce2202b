#' Data frames in files that both languages read
#'
#' `write_frame()` writes a data frame to an Arrow file, `read_frame()` reads one, natively: no
#' Python, and no other package. Python's `tandemlab.bridge` has functions of the same names;
#' pandas, polars, pyarrow, DuckDB and many other programs read and write the same files. What a
#' frame written by R is in R (factor levels, time zones, units, labels, row names, tibble or
#' data.table) is in the file too, so that it comes back identical, from R and by way of Python;
#' see [as_python_frame()] for what becomes what.
#'
#' The extension chooses the format: `.arrow`, `.feather` and `.ipc` are Arrow IPC files, which
#' Python maps into memory without reading them; `.arrows` is the same as a stream, for programs
#' that want one; `.parquet` goes through Python, and needs it. A file is recognised by its first
#' bytes, whatever it is called.
#'
#' A file appears under its name when it is whole: it is written beside it under another name first.
#' What is read is checked first, so that a damaged file is an error. It is mapped into memory until
#' `read_frame()` returns; meanwhile nobody may cut it short in place. Afterwards nothing hangs on
#' the file: numbers are copied into R's vectors, and the text of lazy columns (see `lazy`) into
#' memory of its own, where it takes as much room as in the file until its strings are made.
#'
#' @param x A data frame, tibble or data.table.
#' @param path Path of the file.
#' @param compression `"none"`, `"lz4"` or `"zstd"`. Uncompressed files are read fastest.
#' @inheritParams as_r_frame
#' @return `write_frame()`: the path, invisibly. `read_frame()`: a data frame, or the tibble or
#'   data.table that it was.
#' @section Errors:
#' `tandemlab_error_invalid_input` for an unknown extension, a file that is damaged or something
#' else, and columns that have no form in Arrow or in R, with the column's name;
#' `tandemlab_error_not_found` for a file that is not there; `tandemlab_error_storage_error` where
#' the disk is full or refuses; `tandemlab_error_missing_dependency` for a codec that the package
#' was built without, and for Parquet without Python.
#' @examples
#' path <- tempfile(fileext = ".arrow")
#' trips <- data.frame(
#'   from = factor(c("Bern", "Ulm"), levels = c("Ulm", "Bern", "Graz")),
#'   at = as.POSIXct(c("2026-03-29 01:30", NA), tz = "Europe/Berlin"),
#'   km = c(NA, 42L)
#' )
#' write_frame(trips, path)
#' identical(read_frame(path), trips)
#' @export
write_frame <- function(x, path, compression = c("none", "lz4", "zstd")) {
  compression <- match.arg(compression)
  if (!is.data.frame(x)) {
    abort_argument("x", "a data frame", x, "data.frame(x = ...) makes one.")
  }
  given <- arg_string(path)
  path <- absolute_path(given)
  format <- frame_format(path)
  if (format == "parquet") {
    write_by_python(x, path, compression)
    return(invisible(given))
  }
  stream <- export_frame(x)
  codec <- c(none = -1L, lz4 = 0L, zstd = 1L)[[compression]]
  answer <- .Call(C_arrow_write_file, stream, enc2native(path), format == "stream", codec)
  .Call(C_arrow_release, stream)
  file_answer(answer, path)
  invisible(given)
}

#' @rdname write_frame
#' @export
read_frame <- function(path, int64 = c("double", "integer64"),
                       decimal = c("error", "double", "character"), map = c("error", "list"),
                       lazy = TRUE) {
  options <- list(
    int64 = match.arg(int64), decimal = match.arg(decimal), map = match.arg(map),
    lazy = isTRUE(lazy)
  )
  path <- arg_path(path)
  if (!file.exists(path)) {
    abort_tandemlab(
      "not_found", sprintf("There is no file %s.", path), "Is the path right?", list(path = path)
    )
  }
  if (file_answer(.Call(C_arrow_file_format, enc2native(path)), path) == "parquet") {
    return(do.call(as_r_frame, c(list(read_by_python(path)), options)))
  }
  answer <- .Call(C_arrow_read_file, enc2native(path), options$lazy)
  stream <- file_answer(answer, path)
  on.exit(.Call(C_arrow_release, stream))
  import_frame(stream, options, native_notices(answer))
}

frame_formats <- c(
  arrow = "file", feather = "file", ipc = "file", arrows = "stream", parquet = "parquet"
)

frame_format <- function(path) {
  extension <- tolower(tools::file_ext(path))
  if (!extension %in% names(frame_formats)) {
    abort_input(
      sprintf(
        "The format of %s is unknown: its extension is %s.", path,
        if (nzchar(extension)) sprintf("'.%s'", extension) else "missing"
      ),
      sprintf("Known are %s.", toString(paste0(".", names(frame_formats)))),
      list(path = path)
    )
  }
  frame_formats[[extension]]
}

# The value of an answer about a file, or its problem as an error.
file_answer <- function(answer, path) {
  if (identical(answer$reason, "interrupted")) {
    rlang::interrupt()
  }
  answer_value(answer, sprintf("The file %s", path))
}

write_by_python <- function(x, path, compression) {
  table <- with_python_for_parquet(as_python_frame(x))
  codec <- if (compression == "none") NULL else compression
  from_bridge(start_bridge()$write_frame(table, path, compression = codec))
}

read_by_python <- function(path) {
  with_python_for_parquet(from_bridge(start_bridge()$read_frame(path)))
}

with_python_for_parquet <- function(code) {
  tryCatch(code, tandemlab_error_missing_dependency = function(problem) {
    abort_tandemlab(
      "missing_dependency",
      paste("Parquet files need Python with tandemlab and pyarrow:", problem$message),
      "Files that end in .arrow need neither. tandemlab_doctor() tells about Python."
    )
  })
}
