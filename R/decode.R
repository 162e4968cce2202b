# Answers of the core as R values; tandemlab.r_interface lists the forms.

decode <- function(x) {
  if (!is.list(x)) {
    return(x)
  }
  form <- names(x)
  if (is.null(form)) {
    return(lapply(x, decode))
  }
  switch(form[[1]],
    "$map" = decode_map(x[[1]]),
    "$vector" = decode_vector(x[[1]]),
    "$frame" = decode_frame(x[[1]]),
    "$float" = decode_float(x[[1]])
  )
}

decode_map <- function(pairs) {
  values <- lapply(pairs, function(pair) decode(pair[[2]]))
  structure(values, names = vapply(pairs, function(pair) pair[[1]], ""))
}

decode_float <- function(word) switch(word, nan = NaN, inf = Inf, "-inf" = -Inf)

decode_vector <- function(x) {
  values <- x$values
  if (x$type == "list") {
    return(lapply(values, decode))
  }
  values[lengths(values) == 0] <- NA
  flat <- unlist(values, use.names = FALSE)
  switch(x$type,
    logical = as.logical(flat),
    integer = as.integer(flat),
    character = as.character(flat),
    integer64 = as_big_integers(as.character(flat)),
    time = structure(as.double(flat), class = c("POSIXct", "POSIXt"), tzone = "UTC"),
    double = put_places(as.double(flat), x)
  )
}

put_places <- function(values, x) {
  for (word in intersect(c("nan", "inf", "-inf"), names(x))) {
    values[unlist(x[[word]])] <- decode_float(word)
  }
  values
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

decode_frame <- function(columns) {
  values <- lapply(columns, decode_vector)
  names(values) <- vapply(columns, function(column) column$name, "")
  rows <- if (length(values) > 0) length(values[[1]]) else 0L
  structure(values, class = "data.frame", row.names = .set_row_names(rows))
}
