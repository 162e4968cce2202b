# Values in calls between R and Python, in the form that tandemlab.bridge.values specifies: what a
# value becomes hangs on its type, never on its length.

# A value as text. With `scalars`, as in requests to the core, every vector is one scalar by
# declaration, lists are arrays and named lists maps. `frame` keeps a data frame in a file and gives
# the file's name.
write_value <- function(x, scalars = FALSE, what = "value", frame = NULL) {
  text <- .Call(C_value_text, x, scalars)
  if (is.list(text) && text$reason %in% c("frame", "posixlt")) {
    text <- .Call(C_value_text, lift_frames(x, frame, what), scalars)
  }
  notice <- attr(text, "notice")
  if (is.list(text)) {
    refuse_value(text, paste0(what, notice$place))
  }
  if (!is.null(notice)) {
    tell_value_notice(notice, what)
  }
  as.vector(text)
}

# What C++ does not send itself: data frames go to files, POSIXlt become POSIXct.
lift_frames <- function(x, frame, where) {
  if (is.data.frame(x)) {
    if (is.null(frame)) {
      abort_input(sprintf("%s is a data frame, which cannot cross here.", where))
    }
    return(structure(list(frame(x)), class = "tandemlab_frame_file"))
  }
  if (inherits(x, "POSIXlt")) {
    message(sprintf("%s: POSIXlt becomes POSIXct", where))
    return(as.POSIXct(x))
  }
  if (is.list(x) && !is.object(x)) {
    steps <- if (is.null(names(x))) sprintf("[[%d]]", seq_along(x)) else paste0("$", names(x))
    x[] <- Map(function(item, step) lift_frames(item, frame, paste0(where, step)), x, steps)
  }
  x
}

refuse_value <- function(problem, where) {
  said <- value_prose[[problem$reason]](problem)
  abort_input(
    sprintf("%s cannot go to Python: %s.", where, said[[1]]),
    if (length(said) > 1) said[[2]] else "",
    list(where = where)
  )
}

value_prose <- list(
  type = function(problem) {
    kind <- problem$detail
    what <- switch(kind,
      closure = ,
      builtin = ,
      special = "it is a function",
      environment = "it is an environment",
      sprintf("it is of class <%s>", kind)
    )
    c(what, "Take the values that you need from it, such as numbers, strings and data frames.")
  },
  length = function(problem) {
    sprintf("it has %.0f values; one is needed", problem$number)
  },
  encoding = function(problem) {
    c(
      "it holds a string that is not valid UTF-8",
      "Give its encoding: iconv(x, from = \"latin1\", to = \"UTF-8\")."
    )
  },
  time = function(problem) "it holds an infinite time, or one outside the years 1 to 9999",
  factor = function(problem) {
    c("it is a factor with a level that is NA, or codes outside its levels", "Make it anew.")
  },
  units = function(problem) "it is a difftime without units",
  unnamed = function(problem) {
    c(
      sprintf("element %.0f has no name, but others have", problem$number),
      "Name all elements of a list, or none: unname(x)."
    )
  },
  list_array = function(problem) c("it is a list with dimensions", "Make it a data frame."),
  deep = function(problem) "it is nested too deeply",
  size = function(problem) c("it is too large", "Send it as a data frame or a file.")
)

tell_value_notice <- function(notice, what) {
  if (notice$fraction) {
    warn_tandemlab(
      "precision", sprintf("%s: dates with a time of day lose it.", what),
      "Use POSIXct for times."
    )
  }
  if (nzchar(notice$attribute)) {
    warn_tandemlab(
      "attributes",
      sprintf("%s: attributes that Python has no place for are dropped (%s).",
        what, notice$attribute
      )
    )
  }
}

# The value in a text of Python's; `frame` reads the data frame in a file, by the file's name.
read_value <- function(text, frame = NULL) read_form(from_json(text), frame)

# JSON as R has it: lists for arrays, named lists for objects, with doubles to the bit.
from_json <- function(text) {
  found <- .Call(C_from_json, text)
  if (is.null(found)) {
    abort_tandemlab("internal", "Python has sent a text that is no JSON.", "", list(text = text))
  }
  found[[1]]
}

read_form <- function(x, frame = NULL) {
  if (!is.list(x)) {
    return(x)
  }
  form <- names(x)
  if (is.null(form)) {
    return(lapply(x, read_form, frame))
  }
  content <- x[[1]]
  switch(form[[1]],
    "$map" = read_map(content, frame),
    "$vector" = ,
    "$scalar" = read_vector(content),
    "$frame" = read_columns(content),
    "$float" = read_float(content),
    "$bytes" = jsonlite::base64_dec(content),
    "$file" = frame(content)
  )
}

read_map <- function(pairs, frame) {
  values <- lapply(pairs, function(pair) read_form(pair[[2]], frame))
  structure(values, names = vapply(pairs, function(pair) pair[[1]], ""))
}

read_float <- function(word) switch(word, nan = NaN, inf = Inf, "-inf" = -Inf)

read_vector <- function(x) {
  values <- x$values
  if (x$type == "list") {
    return(lapply(values, read_form))
  }
  if (is.list(values)) values <- rep(NA, length(values)) # none, or NA only
  vector <- switch(x$type,
    logical = as.logical(values),
    integer = as.integer(values),
    character = texts(values),
    double = put_places(as.double(values), x),
    integer64 = as_big_integers(as.character(values)),
    date = structure(stored(values, x), class = "Date"),
    time = as_moments(values, x),
    difftime = structure(stored(values, x), class = "difftime", units = x$units),
    factor = structure(
      as.integer(values),
      levels = texts(x$levels), class = c(if (isTRUE(x$ordered)) "ordered", "factor")
    )
  )
  shape(vector, x)
}

# Strings; an array of none or of NA only is read as a list.
texts <- function(x) {
  if (is.list(x)) rep(NA_character_, length(x)) else as.character(x)
}

put_places <- function(values, x) {
  for (word in intersect(c("nan", "inf", "-inf"), names(x))) {
    values[x[[word]]] <- read_float(word)
  }
  values
}

stored <- function(values, x) {
  if (identical(x$storage, "integer")) as.integer(values) else as.double(values)
}

as_moments <- function(values, x) {
  moments <- structure(stored(values, x), class = c("POSIXct", "POSIXt"))
  attr(moments, "tzone") <- x$zone
  if (isTRUE(x$clock)) {
    attr(moments, "tandemlab_clock") <- TRUE
  }
  moments
}

shape <- function(vector, x) {
  if (!is.null(x$names)) {
    names(vector) <- texts(x$names)
  }
  if (!is.null(x$dim)) {
    dim(vector) <- as.integer(x$dim)
  }
  if (!is.null(x$dimnames)) {
    dimnames(vector) <- lapply(x$dimnames, function(names) {
      if (!is.null(names)) texts(names)
    })
  }
  vector
}

# Integers beyond 2^53: exact with bit64, else as doubles with a warning.
as_big_integers <- function(text) {
  if (requireNamespace("bit64", quietly = TRUE)) {
    return(bit64::as.integer64(text))
  }
  warn_tandemlab(
    "precision",
    "Integers beyond 2^53 were rounded to doubles.",
    "Install the package bit64 to get them exactly."
  )
  as.double(text)
}

read_columns <- function(columns) {
  values <- lapply(columns, read_vector)
  names(values) <- vapply(columns, function(column) column$name, "")
  rows <- if (length(values) > 0) length(values[[1]]) else 0L
  structure(values, class = "data.frame", row.names = .set_row_names(rows))
}
