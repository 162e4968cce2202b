# Arguments are checked and converted by declared type, never by length. Each helper says what is
# accepted and names the argument in its error.

abort_argument <- function(arg, must, x, hint = "") {
  abort_input(
    sprintf("`%s` must be %s, not %s.", arg, must, describe(x)),
    hint,
    list(argument = arg)
  )
}

# Refuse arguments among `...` that nobody knows, such as misspelt ones.
check_argument_names <- function(given, known) {
  unknown <- setdiff(given, known)
  if (length(unknown) > 0) {
    abort_input(
      sprintf("There is no argument '%s'.", unknown[[1]]),
      nearest_hint(unknown[[1]], known, "Arguments are"),
      list(argument = unknown[[1]])
    )
  }
}

# The known word that was most likely meant, or all of them.
nearest_hint <- function(word, known, otherwise) {
  if (length(known) == 0) {
    return(sprintf("%s none.", otherwise))
  }
  containing <- known[vapply(strsplit(known, "_", fixed = TRUE), function(x) word %in% x, NA)]
  distances <- utils::adist(word, known)[1, ]
  near <- known[which.min(distances)]
  if (length(containing) == 1) {
    sprintf("Did you mean '%s'?", containing)
  } else if (min(distances) <= max(nchar(c(word, near))) * 0.4) {
    sprintf("Did you mean '%s'?", near)
  } else {
    sprintf("%s %s.", otherwise, toString(known))
  }
}

# What a value is, for people.
describe <- function(x) {
  if (is.null(x)) {
    return("NULL")
  }
  if (is.object(x)) {
    return(sprintf("an object of class <%s>", class(x)[[1]]))
  }
  if (is.function(x) || is.environment(x) || is.language(x)) {
    return(sprintf("of type %s", typeof(x)))
  }
  if (is.atomic(x) && length(x) == 1) {
    if (is.na(x)) {
      return("missing (NA)")
    }
    return(sprintf("the %s %s", scalar_noun(x), encodeString(format(x), quote = quote_for(x))))
  }
  sprintf("a %s of length %d", if (is.list(x)) "list" else scalar_noun(x), length(x))
}

quote_for <- function(x) if (is.character(x)) "\"" else ""

scalar_noun <- function(x) {
  switch(typeof(x),
    character = "string",
    logical = "logical value",
    integer = ,
    double = "number",
    typeof(x)
  )
}

is_string <- function(x) is.character(x) && length(x) == 1 && !is.na(x)

arg_string <- function(x, arg = deparse1(substitute(x)), empty = FALSE) {
  force(arg)
  refuse_secret(x, arg)
  if (!is_string(x) || (!empty && !nzchar(x))) {
    abort_argument(arg, if (empty) "a single string" else "a single, non-empty string", x)
  }
  as.character(unclass(x))
}

# Several strings; a list in requests, so that one string stays a list of one.
arg_strings <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (is.list(x) && all(vapply(x, is_string, NA))) {
    x <- unlist(x)
  }
  if (!is.null(x) && (!is.character(x) || anyNA(x))) {
    abort_argument(arg, "strings without NA", x)
  }
  as.list(unname(as.character(x)))
}

arg_flag <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (!is.logical(x) || length(x) != 1 || is.na(x)) {
    abort_argument(arg, "TRUE or FALSE", x)
  }
  as.vector(x)
}

arg_count <- function(x, arg = deparse1(substitute(x)), least = 0L, most = .Machine$integer.max) {
  force(arg)
  fits <- is.numeric(x) && !is.object(x) && length(x) == 1 && is.finite(x) &&
    x == trunc(x) && x >= least && x <= most
  if (!fits) {
    end <- if (most == .Machine$integer.max) "on" else sprintf("to %d", most)
    abort_argument(arg, sprintf("a whole number from %d %s", least, end), x)
  }
  as.integer(x)
}

arg_number <- function(x, arg = deparse1(substitute(x)), least = -Inf) {
  force(arg)
  fits <- is.numeric(x) && !is.object(x) && length(x) == 1 && is.finite(x) && x >= least
  if (!fits) {
    must <- if (is.finite(least)) sprintf("a number, at least %s", format(least)) else "a number"
    abort_argument(arg, must, x)
  }
  as.double(x)
}

arg_positive <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (arg_number(x, arg) <= 0) abort_argument(arg, "a number above 0", x)
  as.double(x)
}

# A value, or the parameter of a pipeline that stands for it.
arg_or_parameter <- function(x, check, ..., arg = deparse1(substitute(x))) {
  force(arg)
  if (is_parameter(x)) x else check(x, arg = arg, ...)
}

# The same, as a check for `arg_optional()`.
or_parameter <- function(check, ...) function(x, arg) arg_or_parameter(x, check, ..., arg = arg)

arg_choice <- function(x, choices, arg = deparse1(substitute(x))) {
  force(arg)
  if (!is_string(x) || !x %in% choices) {
    abort_argument(arg, paste("one of", paste0("\"", choices, "\"", collapse = ", ")), x)
  }
  x
}

# A path as text, with `~` and relative parts resolved against this session's working directory.
# A path, or the URL of a workspace at a server.
arg_address <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  text <- arg_string(x, arg)
  if (is_url(text)) text else absolute_path(text)
}

# A URL of any kind, or a path.
arg_artifacts <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  text <- arg_string(x, arg)
  if (grepl("://", text, fixed = TRUE)) text else absolute_path(text)
}

is_url <- function(text) grepl("^https?://", text)

arg_path <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  absolute_path(arg_string(x, arg))
}

absolute_path <- function(path) {
  path <- path.expand(enc2utf8(path))
  if (!startsWith(path, "/")) {
    path <- file.path(getwd(), path)
  }
  normalizePath(path, mustWork = FALSE)
}

# Names to texts: tags, properties, environment variables. Numbers and logical values are written
# as R prints them; NA stands for a tag without a value.
arg_text_map <- function(x, arg = deparse1(substitute(x)), missing_values = FALSE) {
  force(arg)
  if (length(x) == 0) {
    return(empty_map())
  }
  x <- as.list(x)
  keys <- names(x)
  if (is.null(keys) || anyNA(keys) || !all(nzchar(keys)) || anyDuplicated(keys)) {
    abort_argument(arg, "a named list or vector with distinct names", x)
  }
  for (key in keys) {
    x[key] <- list(map_text(x[[key]], sprintf("%s$%s", arg, key), missing_values))
  }
  x
}

map_text <- function(value, arg, missing_values) {
  refuse_secret(value, arg)
  if (missing_values && (is.null(value) || identical(is.na(value), TRUE))) {
    return(NULL)
  }
  single <- is.atomic(value) && length(value) == 1 && !is.na(value)
  if (!single) {
    abort_argument(arg, "a single string, number or logical value", value)
  }
  format_scalar(value)
}

# A value as a person would type it: 3, not 3.0 or 3e+00; 0.1; TRUE.
format_scalar <- function(x) {
  if (is.factor(x)) {
    return(as.character(x))
  }
  if (is.double(x) && !is.object(x)) {
    return(format_double(x))
  }
  as.character(x)
}

# The shortest decimal that reads back as the same double; whole numbers up to 2^53 in full.
format_double <- function(x) {
  if (!is.finite(x)) {
    return(as.character(x))
  }
  if (x == trunc(x) && abs(x) <= 2^53) {
    return(sprintf("%.0f", x))
  }
  for (digits in c(15L, 16L, 17L)) {
    text <- formatC(x, digits = digits, format = "g", width = 1)
    if (as.numeric(text) == x) {
      break
    }
  }
  text
}

# One value that can be recorded: dates, times and factors as text.
arg_scalar <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (inherits(x, "POSIXt")) {
    x <- format(x, "%Y-%m-%dT%H:%M:%OS6Z", tz = "UTC")
  } else if (inherits(x, c("Date", "factor"))) {
    x <- as.character(x)
  }
  if (!is.atomic(x) || length(x) != 1) {
    abort_argument(arg, "a single number, string or logical value", x)
  }
  unname(x)
}

# What a parameter of a pipeline may be: a scalar, or a list of plain values.
arg_parameter <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (is.list(x) && !is.object(x)) unname(x) else arg_scalar(x, arg)
}

arg_scalar_map <- function(x, arg = deparse1(substitute(x)), each = arg_scalar) {
  force(arg)
  x <- as.list(x)
  keys <- names(x)
  if (length(x) > 0 && (is.null(keys) || !all(nzchar(keys)) || anyDuplicated(keys))) {
    abort_argument(arg, "a named list or vector with distinct names", x)
  }
  if (length(x) == 0) {
    return(empty_map())
  }
  stats::setNames(
    lapply(keys, function(key) each(x[[key]], sprintf("%s$%s", arg, key))), keys
  )
}

empty_map <- function() structure(list(), names = character())

# NULL stays NULL, anything else must pass `check`.
arg_optional <- function(x, check, ..., arg = deparse1(substitute(x))) {
  force(arg)
  if (is.null(x)) NULL else check(x, arg = arg, ...)
}
