# Tags: what R knows of a column and Arrow does not, as JSON under the key "tandemlab:r". A value of
# an attribute is written with its type; doubles in hexadecimal, so that they come back to the bit.

encode_attributes <- function(attributes, where, notes) {
  encoded <- lapply(attributes, encode_value)
  lost <- vapply(encoded, is.null, NA)
  if (any(lost)) {
    note(notes, "attribute", where, toString(names(attributes)[lost]))
  }
  encoded[!lost]
}

# NULL for what has no form as text.
encode_value <- function(x) {
  values <- switch(typeof(x),
    "NULL" = list(),
    logical = as.list(as.vector(unclass(x))),
    integer = as.list(as.vector(unclass(x))),
    double = as.list(hexadecimal(as.vector(unclass(x)))),
    character = as.list(enc2utf8(as.vector(unclass(x)))),
    list = encode_elements(x),
    return(NULL)
  )
  if (is.null(values)) {
    return(NULL)
  }
  if (typeof(x) != "list") names(values) <- NULL
  rest <- encode_attributes(attributes(x), "", new_notes())
  if (length(rest) != length(attributes(x))) {
    return(NULL)
  }
  c(list(type = typeof(x), values = values), if (length(rest) > 0) list(attributes = rest))
}

encode_elements <- function(x) {
  attributes(x) <- NULL
  encoded <- lapply(x, encode_value)
  if (any(vapply(encoded, is.null, NA))) NULL else encoded
}

hexadecimal <- function(x) {
  text <- sprintf("%a", x)
  text[is.na(x)] <- vapply(x[is.na(x)], bits_text, "")
  text
}

# Kinds of NaN differ in their bits only: R's NA, the tagged ones of haven, numbers of bit64.
bits_text <- function(x) {
  bits <- paste(writeBin(x, raw(), endian = "big"), collapse = "")
  known <- c("7ff00000000007a2" = "NA", "7ff80000000007a2" = "NA", "7ff8000000000000" = "NaN")
  if (bits %in% names(known)) known[[bits]] else paste0("#", bits)
}

# Both fail with an error on anything else than what the functions above have written.
decode_attributes <- function(encoded) {
  stopifnot(is.list(encoded), length(encoded) == 0 || !is.null(names(encoded)))
  lapply(encoded, decode_value)
}

decode_value <- function(encoded) {
  values <- encoded$values
  type <- encoded$type
  stopifnot(is.list(values), is_string(type))
  x <- switch(type,
    "NULL" = NULL,
    logical = vapply(values, function(value) if (is.null(value)) NA else value, NA),
    integer = vapply(values, function(value) if (is.null(value)) NA else as.integer(value), 0L),
    double = vapply(values, decode_double, 0),
    character = vapply(values, function(value) if (is.null(value)) NA_character_ else value, ""),
    list = lapply(values, decode_value),
    stop("unknown type")
  )
  if (!is.null(encoded$attributes)) {
    attributes(x) <- decode_attributes(encoded$attributes)
  }
  x
}

decode_double <- function(text) {
  if (startsWith(text, "#")) {
    bytes <- strtoi(substring(text, 2 * 1:8, 2 * 1:8 + 1), 16L)
    return(readBin(as.raw(bytes), "double", endian = "big"))
  }
  if (text == "NA") NA_real_ else if (text == "NaN") NaN else as.numeric(text)
}

# The tag of a field, or NULL. A tag that is no such JSON is none of ours.
decode_tag <- function(text) {
  if (is.null(text)) {
    return(NULL)
  }
  tag <- tryCatch(
    jsonlite::fromJSON(text, simplifyVector = FALSE),
    error = function(problem) NULL
  )
  if (is.list(tag) && is_string(tag$kind)) tag
}
