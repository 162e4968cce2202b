# From Arrow to R: a plan for src/arrow_import.cpp, and then the classes and attributes.

import_frame <- function(stream, options, notices = list()) {
  notes <- new_notes()
  for (notice in notices) {
    note(notes, notice$reason, notice$column, notice$detail)
  }
  force(stream) # an error in making it is not one of ours
  whole <- FALSE
  on.exit(if (!whole) .Call(C_arrow_release, stream))
  schema <- answer_value(.Call(C_arrow_schema, stream))
  if (schema$format != "+s") {
    abort_input(
      "That is one column, not a frame.",
      "Make a frame of it first: x$to_frame() in polars and pandas."
    )
  }
  field <- import_field(schema, "", options)
  answer <- .Call(C_arrow_import, stream, field$plan)
  raw <- answer_value(answer)
  whole <- TRUE
  note_native(notes, answer)
  frame <- finish_root(field, raw, notes)
  tell_notes(notes)
  frame
}

# list(kind, plan, tag, where, format, ordered, children): a field and what R makes of it.
import_field <- function(schema, where, options) {
  tag <- decode_tag(schema$tag)
  as_bytes <- identical(schema$extension, "arrow.bool8") && schema$format == "c"
  if (!is.null(schema$extension) && !as_bytes) {
    abort_import(where, sprintf("R has no place for the type '%s'", schema$extension))
  }
  kind <- if (!is.null(schema$dictionary)) {
    "factor"
  } else if (as_bytes) {
    "logical"
  } else {
    import_kind(schema, tag, where, options)
  }
  inner <- if (is.null(schema$dictionary)) schema$children else list(schema$dictionary)
  children <- lapply(inner, function(child) {
    named <- kind == "frame" && nzchar(where)
    below <- if (kind != "frame") where else paste0(if (named) paste0(where, "$"), child$name)
    # Elements of lists are needed at once.
    options$lazy <- options$lazy && kind %in% c("frame", "factor")
    import_field(child, below, options)
  })
  scale <- if (kind == "duration") unit_seconds(tag$units)
  if (is.null(scale) || is.na(scale)) scale <- 1
  list(
    kind = kind, tag = tag, where = where, format = schema$format, ordered = schema$ordered,
    name = schema$name, children = children,
    plan = list(
      if (kind == "text" && options$lazy) "lazy_text" else kind,
      lapply(children, function(child) child$plan), as.double(scale)
    )
  )
}

import_kind <- function(schema, tag, where, options) {
  format <- schema$format
  kind <- exact_kinds[format]
  if (!is.na(kind)) {
    if (format == "C" && identical(tag$type, "raw")) kind <- "raw"
    return(unname(kind))
  }
  if (format %in% c("l", "L")) {
    return(int64_kind(identical(tag$kind, "integer64"), where, options$int64))
  }
  if (startsWith(format, "d:")) {
    if (options$decimal == "error") {
      abort_import(
        where, "R has no decimal numbers",
        "decimal = \"double\" rounds, decimal = \"character\" keeps every digit."
      )
    }
    return(c(double = "decimal_double", character = "decimal_text")[[options$decimal]])
  }
  if (format == "+m") {
    if (options$map == "error") {
      abort_import(where, "R has no maps", "map = \"list\" makes lists of frames.")
    }
    return("list")
  }
  known <- startsWith(format, names(stems))
  if (!any(known)) {
    abort_import(where, sprintf("R has no place for Arrow's type '%s'", format))
  }
  stems[known][[1]]
}

# What R itself wrote as integer64 comes back as such; any other becomes what is asked for.
int64_kind <- function(of_r, where, wanted) {
  if (wanted == "double" && !of_r) {
    return("double")
  }
  there <- requireNamespace("bit64", quietly = TRUE)
  if (wanted == "integer64" && !there) {
    abort_tandemlab(
      "missing_dependency",
      sprintf("Column '%s' holds 64-bit integers, which need the R package bit64.", where),
      "install.packages(\"bit64\"), or use int64 = \"double\"."
    )
  }
  if (there) "integer64" else "double"
}

exact_kinds <- c(
  b = "logical", n = "logical", c = "integer", C = "integer", s = "integer", S = "integer",
  i = "integer", I = "double", e = "double", f = "double", g = "double", u = "text", U = "text",
  vu = "text", z = "binary", Z = "binary", vz = "binary", tdD = "date", tdm = "date",
  "+s" = "frame", "+l" = "list", "+L" = "list"
)

stems <- c("ts" = "timestamp", "tD" = "duration", "tt" = "time", "w:" = "binary", "+w:" = "fixed")

abort_import <- function(where, text, hint = "Convert the column in Python first.") {
  abort_tandemlab(
    "invalid_input", sprintf("%s: %s.", place_text(where), text), hint, list(column = where)
  )
}

# Classes ----------------------------------------------------------------------------------------

finish_column <- function(field, raw, notes) {
  x <- finishers[[field$kind]](field, raw, notes)
  tag <- field$tag
  if (is.null(tag)) {
    return(x)
  }
  if (tag$kind != field$kind) {
    if (tag$kind == "integer64" && field$format == "l") {
      note(notes, "package", field$where, "bit64")
    } else {
      note(notes, "changed", field$where)
    }
    return(x)
  }
  if (identical(tag$type, "integer") && is.double(x) && fits_integer(x)) {
    storage.mode(x) <- "integer"
  }
  if (identical(tag$type, "complex") && is.data.frame(x) && identical(names(x), c("re", "im"))) {
    x <- complex(real = x$re, imaginary = x$im)
  }
  if (!is.null(tag$dim) && field$kind != "fixed") {
    dim(x) <- length(x)
  }
  if (!is.null(tag$attributes)) {
    x <- tryCatch(
      restore_attributes(x, known_better(decode_attributes(tag$attributes), x, field)),
      error = function(problem) {
        note(notes, "changed", field$where)
        x
      }
    )
  }
  x
}

# Whether doubles can be stored as integers without a change.
fits_integer <- function(x) {
  bare <- as.double(unclass(x))
  all(is.na(bare) | (bare == round(bare) & abs(bare) <= .Machine$integer.max))
}

# The attributes of a tag without what Python has changed since: the zone of times, the order of
# categories.
known_better <- function(wanted, x, field) {
  if (field$kind == "timestamp") {
    zone <- wanted$tzone[1]
    sent <- if (isTRUE(wanted$tandemlab_clock)) {
      ""
    } else if (is.null(zone) || is.na(zone) || !nzchar(zone)) {
      "UTC"
    } else {
      zone_for_arrow(zone)
    }
    if (!identical(sent, substring(field$format, 5))) {
      wanted[c("tzone", "tandemlab_clock")] <- attributes(x)[c("tzone", "tandemlab_clock")]
      wanted <- wanted[!vapply(wanted, is.null, NA)]
    }
  }
  if (field$kind == "factor" && field$ordered != "ordered" %in% wanted$class) {
    wanted$class <- class(x)
  }
  wanted
}

# The attributes of the tag replace those of the type, except those that describe its size.
restore_attributes <- function(x, wanted) {
  size <- attributes(x)[c("names", "row.names", "dim", "levels")]
  attributes(x) <- c(size[!vapply(size, is.null, NA)], wanted)
  with_room(x)
}

# A data table has room for more columns, which := needs.
with_room <- function(x) {
  known <- inherits(x, "data.table") && requireNamespace("data.table", quietly = TRUE)
  if (known) data.table::setalloccol(x) else x
}

keep <- function(field, raw, notes) raw

finishers <- list(
  logical = keep, integer = keep, double = keep, text = keep, raw = keep, binary = keep,
  decimal_double = keep, decimal_text = keep,
  integer64 = function(field, raw, notes) {
    class(raw) <- "integer64"
    raw
  },
  date = function(field, raw, notes) {
    class(raw) <- "Date"
    raw
  },
  timestamp = function(field, raw, notes) {
    zone <- substring(field$format, 5)
    attributes(raw) <- c(
      list(class = c("POSIXct", "POSIXt"), tzone = if (nzchar(zone)) zone_for_r(zone) else "UTC"),
      if (!nzchar(zone)) list(tandemlab_clock = TRUE)
    )
    raw
  },
  duration = function(field, raw, notes) {
    units <- field$tag$units
    attributes(raw) <- list(class = "difftime", units = if (is.null(units)) "secs" else units)
    raw
  },
  time = function(field, raw, notes) {
    attributes(raw) <- list(class = c("hms", "difftime"), units = "secs")
    raw
  },
  factor = function(field, raw, notes) finish_factor(field, raw, notes),
  list = function(field, raw, notes) finish_list(field, raw, notes),
  fixed = function(field, raw, notes) finish_array(field, raw, notes),
  frame = function(field, raw, notes) finish_frame(field, raw, notes)
)

finish_factor <- function(field, raw, notes) {
  child <- field$children[[1]]
  values <- finish_column(child, raw$values, notes)
  if (length(values) == 0) {
    values <- character()
  } else if (!is.character(values)) {
    note(notes, "categories", field$where)
    values <- as.character(values)
  }
  repeated <- !raw$distinct && (anyDuplicated(values) > 0 || anyNA(values))
  place <- if (identical(field$tag$kind, "factor")) field$tag$na_level
  if (!repeated && !is.numeric(place)) {
    return(as_factor(raw$codes, values, field$ordered)) # under a name here they would be copied
  }
  codes <- raw$codes
  if (repeated) {
    levels <- unique(values[!is.na(values)])
    codes <- match(values, levels)[codes]
    values <- levels
  }
  if (is.numeric(place)) {
    place <- min(max(place, 1), length(values) + 1)
    after <- !is.na(codes) & codes >= place
    codes[after] <- codes[after] + 1L
    codes[is.na(codes)] <- as.integer(place)
    values <- append(values, NA, place - 1)
  }
  as_factor(codes, values, field$ordered)
}

as_factor <- function(codes, levels, ordered) {
  attributes(codes) <- list(
    levels = levels, class = if (ordered) c("ordered", "factor") else "factor"
  )
  codes
}

finish_list <- function(field, raw, notes) {
  values <- finish_column(field$children[[1]], raw$values, notes)
  slices(values, raw$starts, raw$sizes)
}

# The slices of a column as a list; NULL where the size is NA. They keep all attributes, which the
# methods of `[` do not.
slices <- function(values, starts, sizes) {
  if (!is.data.frame(values) && is.null(dim(values))) {
    return(.Call(C_arrow_slice, values, starts, sizes))
  }
  out <- vector("list", length(sizes))
  there <- which(!is.na(sizes))
  out[there] <- if (is.data.frame(values)) {
    slices_of_frame(values, starts[there], sizes[there])
  } else {
    Map(function(start, size) rows_of_array(values, seq.int(start, length.out = size)),
      starts[there], sizes[there],
      USE.NAMES = FALSE
    )
  }
  out
}

slices_of_frame <- function(frame, starts, sizes) {
  columns <- lapply(seq_along(frame), function(j) slices(.subset2(frame, j), starts, sizes))
  about <- attributes(frame)
  lapply(seq_along(sizes), function(i) {
    part <- lapply(columns, .subset2, i)
    about$row.names <- .set_row_names(sizes[[i]])
    attributes(part) <- about
    with_room(part)
  })
}

rows_of_array <- function(x, rows) {
  cells <- cells_of_rows(x, rows)
  about <- attributes(x)
  about$dim[[1]] <- length(rows)
  attributes(x) <- NULL
  x <- x[cells]
  attributes(x) <- about
  x
}

# The positions of whole rows in an array of any number of dimensions.
cells_of_rows <- function(x, rows) {
  cells <- array(seq_along(x), dim(x))
  arguments <- c(list(cells, rows), rep(list(TRUE), length(dim(x)) - 1), list(drop = FALSE))
  as.vector(do.call(`[`, arguments))
}

finish_array <- function(field, raw, notes) {
  child <- field$children[[1]]
  values <- finish_column(child, raw$values, notes)
  if (is.data.frame(values) || !is.null(dim(values))) {
    abort_import(field$where, "R has no arrays of frames or of arrays")
  }
  trailing <- unlist(field$tag$dim)
  if (is.null(field$tag$dim) || prod(trailing) != raw$width) trailing <- raw$width
  dim <- as.integer(c(raw$rows, trailing))
  order <- aperm(array(seq_along(values), rev(dim)), rev(seq_along(dim)))
  kept <- attributes(values)
  attributes(values) <- NULL
  values <- values[as.vector(order)]
  attributes(values) <- c(list(dim = dim), kept)
  if (!is.null(raw$missing)) {
    values <- set_missing(values, raw$missing)
    note(notes, "null_struct", field$where)
  }
  values
}

finish_frame <- function(field, raw, notes) {
  columns <- Map(function(child, column) finish_column(child, column, notes),
    field$children, raw$columns,
    USE.NAMES = FALSE
  )
  if (!is.null(raw$missing)) {
    columns <- lapply(columns, set_missing, raw$missing)
    note(notes, "null_struct", field$where)
  }
  attributes(columns) <- list(
    names = vapply(field$children, function(child) child$name, ""),
    class = "data.frame", row.names = .set_row_names(as.integer(raw$rows))
  )
  columns
}

# Rows of a column without a value. Methods of `[<-` know nothing of a tag's attributes.
set_missing <- function(x, rows) {
  about <- attributes(x)
  if (is.data.frame(x)) {
    x <- lapply(seq_along(x), function(j) set_missing(.subset2(x, j), rows))
  } else {
    missing <- if (inherits(x, "integer64")) missing_integer64() else NA
    cells <- if (is.null(dim(x))) rows else cells_of_rows(x, rows)
    attributes(x) <- NULL
    x[cells] <- if (is.list(x)) list(NULL) else missing
  }
  attributes(x) <- about
  x
}

# What bit64 takes for missing: the bits of the least 64-bit integer.
missing_integer64 <- function() readBin(as.raw(c(128, rep(0, 7))), "double", endian = "big")

# The whole frame ----------------------------------------------------------------------------------

finish_root <- function(field, raw, notes) {
  tag <- field$tag
  frame <- finish_frame(field, raw, notes)
  frame <- restore_row_names(frame, tag$row_names, notes)
  if (!is.null(tag$index)) {
    attr(frame, "tandemlab_index") <- index_names(unlist(tag$index), unlist(tag$unnamed))
  }
  if (!is.null(tag$attributes)) {
    wanted <- tryCatch(decode_attributes(tag$attributes), error = function(problem) NULL)
    for (name in setdiff(names(wanted), c("names", "row.names", "class"))) {
      attr(frame, name) <- wanted[[name]]
    }
  }
  class <- unlist(tag$class)
  if (is.character(class) && "data.frame" %in% class) {
    frame <- restore_class(frame, class, notes)
  }
  frame
}

# The columns that are the index in pandas; those that have no name there are marked.
index_names <- function(columns, unnamed) {
  if (any(columns %in% unnamed)) {
    names(columns) <- ifelse(columns %in% unnamed, "unnamed", "")
  }
  columns
}

restore_row_names <- function(frame, column, notes) {
  place <- if (is_string(column)) match(column, names(frame)) else NA
  if (is.na(place)) {
    return(frame)
  }
  names <- .subset2(frame, place)
  usable <- (is.character(names) || is.integer(names)) && !anyNA(names) && !anyDuplicated(names)
  if (!usable) {
    note(notes, "row_names", column)
    return(frame)
  }
  rows <- .row_names_info(frame, 2L)
  kept <- unclass(frame)[-place]
  attributes(kept) <- list(
    names = names(frame)[-place], class = "data.frame", row.names = .set_row_names(rows)
  )
  attr(kept, "row.names") <- names
  kept
}

restore_class <- function(frame, class, notes) {
  if ("data.table" %in% class) {
    if (!requireNamespace("data.table", quietly = TRUE)) {
      note(notes, "package", "", "data.table")
      return(frame)
    }
    class(frame) <- class
    return(with_room(frame))
  }
  class(frame) <- class
  frame
}
