# What each column becomes in Arrow: a plan of nodes that src/arrow_export.cpp carries out.

# A stream that holds the frame, for a library of Python. polars forgets metadata; pandas has codes
# in as few bytes as will do, a byte for each truth, and counts the bytes of text in 64 bits, and
# gets them so.
export_frame <- function(x, share = TRUE, receiver = "arrow") {
  notes <- new_notes()
  context <- list(
    notes = notes, share = share, keeps_tags = receiver != "polars",
    as_pandas = receiver == "pandas", depth = 0
  )
  answer <- .Call(C_arrow_export, root_plan(x, context), l10n_info()[["UTF-8"]])
  stream <- answer_value(answer)
  note_native(notes, answer)
  tell_notes(notes)
  stream
}

# The parts in the order that C++ knows.
node <- function(kind, x, rows = length(x), extra = NULL, children = NULL) {
  list(kind, "", x, NULL, children, as.double(rows), extra)
}

named_node <- function(node, name) {
  node[[2]] <- name
  node
}

tagged_node <- function(node, tag) {
  if (length(tag) > 0) {
    node[[4]] <- to_json(c(list(kind = node[[1]]), tag))
  }
  node
}

row_names_column <- "__index_level_0__"

root_plan <- function(x, context) {
  columns <- frame_columns(x, "", context)
  tag <- list()
  if (has_row_names(x)) {
    if (row_names_column %in% names(x)) {
      abort_input(sprintf("A frame with row names cannot have a column '%s'.", row_names_column))
    }
    index <- column_plan(attr(x, "row.names"), row_names_column, context)
    columns <- c(columns, list(named_node(index, row_names_column)))
    tag$row_names <- row_names_column
    if (!context$keeps_tags) note(context$notes, "row_names_column", row_names_column)
  }
  class <- setdiff(oldClass(x), "data.frame")
  rest <- frame_attributes(x, context)
  if (any(c("grouped_df", "rowwise_df") %in% class)) {
    note(context$notes, "groups", toString(setdiff(names(rest$groups), ".rows")))
    class <- setdiff(class, c("grouped_df", "rowwise_df"))
    rest$groups <- NULL
  }
  if (length(class) > 0) {
    tag$class <- as.list(c(class, "data.frame"))
  }
  if (!is.null(rest$tandemlab_index)) {
    index <- rest$tandemlab_index
    tag$index <- as.list(as.vector(index))
    tag$unnamed <- as.list(as.vector(index[names(index) == "unnamed"]))
    rest$tandemlab_index <- NULL
  }
  rest <- encode_attributes(rest, "", context$notes)
  if (length(rest) > 0) {
    tag$attributes <- rest
  }
  plain <- c("tbl_df", "tbl", "data.table")
  if (!context$keeps_tags && (length(rest) > 0 || length(setdiff(class, plain)) > 0)) {
    note(context$notes, "untagged", "")
  }
  tagged_node(node("frame", NULL, .row_names_info(x, 2L), children = columns), tag)
}

# Row names that say more than the number of the row.
has_row_names <- function(x) {
  if (is.character(.row_names_info(x, 0L))) {
    return(TRUE)
  }
  if (.row_names_info(x) <= 0) {
    return(FALSE)
  }
  names <- attr(x, "row.names")
  !identical(names, seq_along(names))
}

# What a data frame carries beside its columns. Keys and indices say something about the order of
# rows, which Python may change.
frame_attributes <- function(x, context) {
  rest <- attributes(x)
  rest[c("names", "row.names", "class", ".internal.selfref")] <- NULL
  if (inherits(x, "data.table") && any(c("sorted", "index") %in% names(rest))) {
    index <- sub("^__", "", names(attributes(rest$index)))
    for (column in union(rest$sorted, index)) note(context$notes, "key", column)
    rest[c("sorted", "index")] <- NULL
  }
  rest
}

frame_columns <- function(x, path, context) {
  names <- names(x)
  if (anyNA(names)) {
    abort_input("A column's name is missing (NA).", "Name it: names(x) <- make.names(names(x)).")
  }
  rows <- .row_names_info(x, 2L)
  names <- as.character(names)
  valid <- validUTF8(names) & Encoding(names) != "bytes"
  native <- Encoding(names) == "unknown"
  valid[native] <- !is.na(iconv(names[native], "", "UTF-8"))
  valid[Encoding(names) == "latin1"] <- TRUE
  if (!all(valid)) {
    abort_input(
      sprintf("The name of column %d is not valid UTF-8.", which(!valid)[[1]]),
      "Give its encoding: names(x) <- iconv(names(x), from = \"latin1\", to = \"UTF-8\")."
    )
  }
  names <- enc2utf8(names)
  context$depth <- context$depth + 1
  if (context$depth > 30) {
    abort_input(sprintf("Column '%s' is nested too deeply (more than 30 levels).", path))
  }
  lapply(seq_along(names), function(i) {
    column <- .subset2(x, i)
    where <- paste0(path, names[[i]])
    if (is.null(column) || !(is.atomic(column) || is.list(column))) {
      abort_no_place(column, where)
    }
    if (NROW(column) != rows) {
      abort_input(sprintf(
        "Column '%s' has %.0f values where the frame has %.0f rows.", where, NROW(column), rows
      ), "The frame is damaged; make it anew with data.frame().")
    }
    named_node(column_plan(column, where, context), names[[i]])
  })
}

# Plans one column: what it becomes, and a tag where that alone would not come back identical. An
# array of one dimension is a vector that is tagged.
column_plan <- function(x, where, context) {
  given <- attributes(x)
  if (is.null(given)) {
    return(bare_plan(x, where, context))
  }
  if (inherits(x, "POSIXlt")) {
    note(context$notes, "posixlt", where)
    return(column_plan(as.POSIXct(x), where, context))
  }
  if (length(given$dim) == 1) {
    if (!is.null(given$dimnames)) note(context$notes, "names", where)
    dim(x) <- NULL
    given <- attributes(x)
    tag <- list(dim = list())
  } else {
    tag <- NULL
  }
  made <- class_plan(x, given, where, context)
  tag <- c(tag, made$tag)
  rest <- without_names(x, given, where, context)
  if (!same_attributes(rest, made$default)) {
    rest$levels <- if (made$node[[1]] != "factor") rest$levels
    tag$attributes <- encode_attributes(rest, where, context$notes)
    # No attributes at all is something to remember, too.
    if (length(tag$attributes) == 0) tag$attributes <- empty_map()
  }
  if (!is.null(tag) && !context$keeps_tags) {
    note(context$notes, "untagged", where)
  }
  tagged_node(made$node, tag)
}

# What lies within a column is Arrow's in pandas, too.
inner_context <- function(context) {
  context$as_pandas <- FALSE
  context
}

same_attributes <- function(a, b) {
  length(a) == length(b) &&
    (length(a) == 0 || (setequal(names(a), names(b)) && identical(a, b[names(a)])))
}

# Names of elements and rows would stay behind when Python sorts or filters.
without_names <- function(x, given, where, context) {
  if (!is.null(given$names) && !is.data.frame(x)) {
    note(context$notes, "names", where)
    given$names <- NULL
  }
  if (is.data.frame(x)) {
    if (has_row_names(x)) note(context$notes, "names", where)
    given <- frame_attributes(x, context)
    given$class <- oldClass(x)
  }
  if (!is.null(given$dim)) {
    dims <- given$dimnames
    if (!is.null(dims[[1]])) {
      note(context$notes, "names", where)
      dims[1] <- list(NULL)
      given$dimnames <- if (!all(vapply(dims, is.null, NA)) || !is.null(names(dims))) dims
    }
    given$dim <- NULL
  }
  given
}

# list(node, default, tag): the attributes that the import gives without a tag.
class_plan <- function(x, given, where, context) {
  # What is S4 keeps its meaning in slots, and a record keeps one vector for each of its fields.
  if (isS4(x) || inherits(x, "vctrs_rcrd")) {
    abort_no_place(x, where)
  }
  if (is.data.frame(x)) {
    children <- frame_columns(x, paste0(where, "$"), inner_context(context))
    made <- node("frame", NULL, .row_names_info(x, 2L), children = children)
    return(list(node = made, default = list(class = "data.frame")))
  }
  if (!is.null(given$dim)) {
    return(array_plan(x, given, where, context))
  }
  if (is.factor(x) && typeof(x) == "integer" && is.character(given$levels)) {
    return(factor_plan(x, given, where, context))
  }
  if (is.numeric(unclass(x))) {
    for (class in names(number_plans)) {
      if (class %in% given$class) {
        return(number_plans[[class]](x, given, where, context))
      }
    }
  }
  bare <- x
  attributes(bare) <- NULL
  if ((is.object(x) && !is.atomic(bare) && !is.list(bare)) || length(bare) != NROW(x)) {
    abort_no_place(x, where)
  }
  list(node = bare_plan(bare, where, context), default = NULL, tag = bare_tag(bare))
}

bare_tag <- function(x) if (is.raw(x) || is.complex(x)) list(type = typeof(x))

stripped <- function(x) {
  attributes(x) <- NULL
  as.double(x)
}

storage_tag <- function(x) if (is.integer(x)) list(type = "integer")

number_plans <- list(
  Date = function(x, given, where, context) {
    list(
      node = node("date", stripped(x)), default = list(class = "Date"), tag = storage_tag(x)
    )
  },
  POSIXct = function(x, given, where, context) {
    zone <- given$tzone[1]
    if (is.null(zone) || is.na(zone) || !nzchar(zone)) {
      zone <- "UTC"
    }
    clock <- isTRUE(given$tandemlab_clock)
    list(
      node = node("timestamp", stripped(x), extra = if (clock) "" else zone_for_arrow(zone)),
      default = c(
        list(class = c("POSIXct", "POSIXt"), tzone = if (clock) "UTC" else zone),
        if (clock) list(tandemlab_clock = TRUE)
      ),
      tag = storage_tag(x)
    )
  },
  hms = function(x, given, where, context) {
    bare <- stripped(x)
    if (!identical(given$units, "secs") || !all(is.na(bare) | (bare >= 0 & bare < 86400))) {
      return(number_plans$difftime(x, given, where, context))
    }
    list(
      node = node("time", bare), default = list(class = c("hms", "difftime"), units = "secs"),
      tag = storage_tag(x)
    )
  },
  difftime = function(x, given, where, context) {
    scale <- unit_seconds(given$units)
    if (is.na(scale)) {
      abort_input(
        sprintf("Column '%s' is a difftime in unknown units.", where),
        "units(x) <- \"secs\" sets them."
      )
    }
    tag <- storage_tag(x)
    if (given$units != "secs") tag$units <- given$units
    list(
      node = node("duration", stripped(x), extra = scale),
      default = list(class = "difftime", units = "secs"), tag = tag
    )
  },
  integer64 = function(x, given, where, context) {
    if (!is.double(x)) {
      abort_no_place(x, where)
    }
    # The column itself is shared, so that its memory is protected as long as Python needs it.
    list(
      node = node("integer64", x, extra = context$share), default = list(class = "integer64"),
      tag = list(type = "integer64")
    )
  }
)

# Arrow writes a fixed distance from UTC as +05:30, R (as POSIX has it) as <+0530>-05:30.
zone_for_arrow <- function(zone) {
  enc2utf8(sub("^<([+-])(\\d{2})(\\d{2})>[+-]\\2:\\3$", "\\1\\2:\\3", zone))
}

zone_for_r <- function(zone) {
  parts <- regmatches(zone, regexec("^([+-])(\\d{2}):(\\d{2})$", zone))[[1]]
  if (length(parts) == 0) {
    return(zone)
  }
  opposite <- if (parts[[2]] == "+") "-" else "+"
  sprintf("<%s%s%s>%s%s:%s", parts[[2]], parts[[3]], parts[[4]], opposite, parts[[3]], parts[[4]])
}

unit_seconds <- function(units) {
  known <- c(secs = 1, mins = 60, hours = 3600, days = 86400, weeks = 604800)
  if (is_string(units)) unname(known[units]) else NA
}

# A level that is NA has no place in a dictionary: its rows are sent as missing, which is the same
# thing as long as no other row is.
factor_plan <- function(x, given, where, context) {
  ordered <- inherits(x, "ordered")
  levels <- given$levels
  tag <- NULL
  codes <- x
  if (anyNA(levels)) {
    place <- which(is.na(levels))
    codes <- unclass(x)
    if (length(place) > 1 || anyNA(codes)) {
      abort_input(
        sprintf("Column '%s' has missing values beside a level that is NA.", where),
        "Use addNA(x), or droplevels(x, NA), so that missing values are one thing."
      )
    }
    attributes(codes) <- NULL
    codes[codes == place] <- NA
    after <- !is.na(codes) & codes > place
    codes[after] <- codes[after] - 1L
    levels <- levels[-place]
    tag <- list(na_level = place)
  }
  # polars makes its categories anew, in the order in which they come.
  if (!context$keeps_tags && (ordered || !in_order_of_appearance(codes, levels))) {
    note(context$notes, "untagged", where)
  }
  child <- named_node(node("text", levels, extra = context$as_pandas), "levels")
  if (!is.null(attributes(levels))) {
    note(context$notes, "level_names", where)
    child[[3]] <- as.vector(levels)
  }
  list(
    node = node("factor", codes, extra = c(ordered, context$as_pandas), children = list(child)),
    default = list(
      levels = given$levels, class = if (ordered) c("ordered", "factor") else "factor"
    ),
    tag = tag
  )
}

in_order_of_appearance <- function(codes, levels) {
  seen <- unique(as.integer(codes))
  identical(seen[!is.na(seen)], seq_along(levels))
}

# Arrays: each row is a list of fixed size, so their elements are sent row by row.
array_plan <- function(x, given, where, context) {
  dim <- given$dim
  width <- as.integer(prod(dim[-1]))
  if (width == 0 && !context$keeps_tags) {
    abort_input(
      sprintf("Column '%s' is a matrix without columns, which polars cannot hold.", where),
      "as = \"arrow\" and as = \"pandas\" can."
    )
  }
  inner <- x
  attributes(inner) <- NULL
  order <- seq_along(inner)
  dim(order) <- dim
  inner <- inner[as.vector(aperm(order, rev(seq_along(dim))))]
  kept <- given[setdiff(names(given), c("dim", "dimnames", "names"))]
  attributes(inner) <- kept[names(kept) != "class" | !any(c("matrix", "array") %in% given$class)]
  child <- named_node(column_plan(inner, where, inner_context(context)), "item")
  list(
    node = node("fixed", NULL, dim[[1]], extra = width, children = list(child)),
    default = attributes(inner),
    tag = if (length(dim) != 2) list(dim = as.list(dim[-1]))
  )
}

# Vectors without attributes.
bare_plan <- function(x, where, context) {
  made <- switch(typeof(x),
    logical = node("logical", x, extra = context$as_pandas),
    integer = node("integer", x, extra = context$share),
    double = node("double", x, extra = context$share),
    character = node("text", x, extra = context$as_pandas),
    raw = tagged_node(node("raw", x), list(type = "raw")),
    complex = complex_plan(x, context),
    list = list_plan(x, where, context),
    abort_no_place(x, where)
  )
  if (!context$keeps_tags && !is.null(bare_tag(x))) {
    note(context$notes, "untagged", where)
  }
  made
}

complex_plan <- function(x, context) {
  parts <- list(
    named_node(node("double", Re(x), extra = context$share), "re"),
    named_node(node("double", Im(x), extra = context$share), "im")
  )
  tagged_node(node("frame", NULL, length(x), children = parts), list(type = "complex"))
}

abort_no_place <- function(x, where) {
  abort_input(
    sprintf("Column '%s' cannot go to Python: it is %s.", where, describe(x)),
    "Columns can be vectors, factors, dates, times, lists of one type, matrices and data frames.",
    list(column = where)
  )
}

# Lists ------------------------------------------------------------------------------------------

list_plan <- function(x, where, context) {
  there <- !vapply(x, is.null, NA)
  values <- x[there]
  if (length(values) > 0 && all(vapply(values, is_bare_raw, NA))) {
    return(node("binary", x))
  }
  sizes <- rep(NA_integer_, length(x))
  sizes[there] <- vapply(values, NROW, 0L)
  child <- if (length(values) == 0) {
    node("null", NULL, 0)
  } else {
    column_plan(joined(values, where, which(there), context), where, inner_context(context))
  }
  node("list", sizes, children = list(named_node(child, "item")))
}

is_bare_raw <- function(x) is.raw(x) && is.null(attributes(x))

# The elements of a list one after another; they must be of one type, which is then that of all.
joined <- function(values, where, rows, context) {
  first <- values[[1]]
  if (is.data.frame(first)) {
    return(joined_frames(values, where, rows, context))
  }
  if (isS4(first) || !is.atomic(first) && !(is.list(first) && !is.object(first))) {
    abort_no_place(first, where)
  }
  for (i in seq_along(values)) {
    same <- typeof(values[[i]]) == typeof(first) &&
      identical(attributes(values[[i]]), attributes(first))
    if (!same || !is.null(attr(values[[i]], "dim")) || !is.null(names(values[[i]]))) {
      abort_mixed(values[[i]], first, where, rows[[i]])
    }
  }
  whole <- unlist(lapply(values, unclass), recursive = FALSE, use.names = FALSE)
  if (is.null(whole)) whole <- first
  attributes(whole) <- attributes(first)
  whole
}

joined_frames <- function(values, where, rows, context) {
  first <- values[[1]]
  about <- function(x) {
    rest <- frame_attributes(x, context)
    c(list(names = names(x), class = oldClass(x)), rest[order(names(rest))])
  }
  wanted <- about(first)
  for (i in seq_along(values)) {
    if (!is.data.frame(values[[i]]) || !identical(about(values[[i]]), wanted)) {
      abort_mixed(values[[i]], first, where, rows[[i]])
    }
    if (has_row_names(values[[i]])) note(context$notes, "names", where)
  }
  columns <- lapply(seq_along(first), function(j) {
    path <- paste0(where, "$", names(first)[[j]])
    joined(lapply(values, .subset2, j), path, rows, context)
  })
  attributes(columns) <- wanted
  attr(columns, "row.names") <- .set_row_names(sum(vapply(values, nrow, 0L)))
  columns
}

abort_mixed <- function(x, first, where, row) {
  this <- kind_text(x, first)
  that <- kind_text(first, x)
  before <- if (this == that) "" else sprintf(" where it began with %s", that)
  abort_input(
    sprintf("Column '%s', row %d: the list holds %s%s.", where, row, this, before),
    "All elements of a list column must be NULL or of one type, without names.",
    list(column = where, row = row)
  )
}

# What an element of a list is, and how it differs from another of the same type.
kind_text <- function(x, other) {
  text <- if (is.object(x)) {
    sprintf("<%s>", paste(class(x), collapse = "/"))
  } else {
    paste(typeof(x), if (is.null(dim(x))) "values" else "values in an array")
  }
  names <- union(names(attributes(x)), names(attributes(other)))
  same <- vapply(names, function(name) identical(attr(x, name), attr(other, name)), NA)
  differing <- setdiff(names[!same], c("class", "dim", "row.names", ".internal.selfref"))
  if (is.null(dim(x)) && !is.null(names(x)) && !is.data.frame(x)) {
    text <- paste(text, "with names")
  } else if (identical(class(x), class(other)) && length(differing) > 0) {
    text <- sprintf("%s of its own %s", text, toString(differing))
  }
  text
}
