# What src/ refuses, as prose. The hot path only asks whether there is something to say.

refuse_event <- function(problem, name, value = NULL, what = "value") {
  if (identical(problem$reason, "name") || identical(problem$reason, "file_name")) {
    refuse_name(problem, name)
  }
  say <- native_prose[[problem$reason]]
  problem$name <- if (is_string(name)) name else "?"
  problem$what <- what
  parts <- say(problem, value)
  abort_tandemlab(
    if (is.null(parts$code)) "invalid_input" else parts$code,
    parts$message,
    if (is.null(parts$hint)) "" else parts$hint,
    c(list(name = problem$name), parts$details)
  )
}

refuse_name <- function(problem, name) {
  shown <- if (is_string(name)) {
    encodeString(substr(iconv(name, "UTF-8", "UTF-8", sub = "byte"), 1, 60), quote = "'")
  } else {
    describe(name)
  }
  file <- problem$reason == "file_name"
  abort_input(
    sprintf(
      "%s cannot be the name of %s: %s.",
      shown, if (file) "a run's file" else "a metric, tag or property", problem$detail
    ),
    if (file) "Use a relative path such as 'outputs/model.rds'." else "",
    list(name = if (is_string(name)) name)
  )
}

native_prose <- list(
  null = function(problem, value) {
    list(
      message = sprintf("%s is NULL.", subject(problem)),
      hint = "Use NA for a missing value."
    )
  },
  length = function(problem, value) {
    list(
      message = sprintf(
        "%s has %d values; one is needed.", subject(problem), problem$number
      ),
      hint = if (problem$what == "value") {
        "Log several values with log_list_to_run(), columns with log_table_to_run()."
      }
    )
  },
  type = function(problem, value) {
    list(
      message = sprintf(
        "%s cannot be logged: it is of class <%s>.", subject(problem), problem$detail
      ),
      hint = type_hint(problem$detail, problem$what),
      details = list(type = problem$detail)
    )
  },
  encoding = function(problem, value) {
    list(
      message = sprintf(
        "%s is not valid text: it holds bytes that are not UTF-8.", subject(problem)
      ),
      hint = "Convert it first: iconv(x, from = \"latin1\", to = \"UTF-8\"), or enc2utf8(x)."
    )
  },
  time = function(problem, value) {
    list(message = sprintf("%s is a time outside the years 1 to 9999.", subject(problem)))
  },
  unnamed = function(problem, value) {
    list(
      message = sprintf("Column %d of '%s' has no name.", problem$number, problem$name),
      hint = "Name every column, as in log_row_to_run(\"fit\", epoch = 1, loss = 0.5)."
    )
  },
  repeated = function(problem, value) {
    list(message = sprintf("'%s' has several columns named '%s'.", problem$name, problem$where))
  },
  empty = function(problem, value) {
    list(message = sprintf("'%s' has no columns to log.", problem$name))
  },
  matrix = function(problem, value) {
    list(
      message = sprintf("%s is a matrix.", subject(problem)),
      hint = "Make its columns columns of the table: as.data.frame(x)."
    )
  },
  ragged = function(problem, value) {
    list(
      message = sprintf(
        "%s has %d values; the columns before it have %s.",
        subject(problem), problem$number, format(length(value[[1]]))
      ),
      hint = "All columns of a table need the same length."
    )
  },
  step = function(problem, value) {
    list(message = "`step` must be NULL or a single whole number up to 2^53.")
  },
  description = function(problem, value) {
    list(message = "`description` must be NULL or a single string in valid UTF-8.")
  },
  size = function(problem, value) {
    list(
      message = sprintf("'%s' is too large for one event.", problem$name),
      hint = "Save it to a file and use upload_files_to_run()."
    )
  },
  deep = function(problem, value) {
    list(message = sprintf("'%s' is nested too deeply.", problem$name))
  },
  shape = function(problem, value) {
    list(
      message = sprintf(
        "The metric '%s' is a %s in this run and cannot be something else as well.",
        problem$name, gsub("_", " ", problem$detail)
      ),
      hint = "Log it under another name.",
      details = list(shape = problem$detail)
    )
  },
  run = function(problem, value) {
    list(message = "The run's directory is not a single string: the handle is damaged.")
  },
  source = function(problem, value) {
    list(message = "The path of the file must be a single string.")
  },
  system = function(problem, value) system_prose(problem$detail, problem$number)
)

# "The value of 'loss'", "The column 'b' of 'fit'".
subject <- function(problem) {
  if (!is.null(problem$where)) {
    return(sprintf("The column '%s' of '%s'", problem$where, problem$name))
  }
  if (problem$what == "list" && problem$number > 0 && !identical(problem$reason, "length")) {
    return(sprintf("Element %d of '%s'", problem$number, problem$name))
  }
  sprintf("The %s of '%s'", problem$what, problem$name)
}

type_hint <- function(class, what) {
  switch(class,
    difftime = "Choose a unit: as.numeric(x, units = \"secs\").",
    data.frame = ,
    tbl_df = ,
    data.table = "Log tables with log_table_to_run().",
    table = ,
    matrix = "See log_confusion_matrix_to_run() and log_table_to_run().",
    gg = ,
    ggplot = "Log plots with log_image_to_run().",
    tandemlab_secret = "Everybody who sees the run would see the secret.",
    list = if (what == "value") {
      "Log rows with log_row_to_run(), columns with log_table_to_run()."
    } else {
      "Use numbers, strings, logical values, factors, dates or times."
    },
    "Convert it to a number, a string or a logical value first."
  )
}

# The kernel refused: `doing` says what, `number` is its errno.
system_prose <- function(doing, number) {
  why <- .Call(C_error_text, number)
  full <- grepl("No space left|quota", why)
  readonly <- grepl("Read-only|Permission denied|not permitted", why)
  list(
    code = "storage_error",
    message = sprintf("Could not %s: %s. Nothing was stored.", doing, why),
    hint = if (full) {
      "The disk is full. Free some space and repeat the call."
    } else if (readonly) {
      "The workspace cannot be written by this user."
    } else if (grepl("No such file", why)) {
      "The run's folder is gone; was the workspace moved or deleted?"
    },
    details = list(errno = number)
  )
}

# A nested list as JSON text, with doubles exact and non-finite numbers in the spool's form.
to_json <- function(value) {
  text <- .Call(C_to_json, value)
  if (is.list(text)) {
    refuse_event(text, "request", value, what = "argument")
  }
  text
}

# A whole number as a 64-bit integer (class integer64), without the package bit64.
as_integer64 <- function(x) .Call(C_as_integer64, as.double(x))
