# Charts in the schemas of SDK v1: checked here, stored as one JSON object.

chart_parts <- list(
  confusion_matrix = c("class_labels", "matrix"),
  accuracy_table = c(
    "class_labels", "percentile_tables", "percentile_thresholds", "probability_tables",
    "probability_thresholds"
  ),
  residuals = c("bin_counts", "bin_edges"),
  predictions = c("bin_averages", "bin_counts", "bin_edges", "bin_errors")
)

chart_versions <- c(
  confusion_matrix = "1.0.0", accuracy_table = "1.0.1", residuals = "1.0.0", predictions = "1.0.0"
)

#' Log charts: confusion matrix, accuracy table, residuals, predictions
#'
#' @description
#' These log what a chart is drawn from, in the JSON schemas that SDK v1 defined.
#'
#' * A confusion matrix has `class_labels` (n strings) and `matrix` (n rows of n counts; rows are
#'   the true classes).
#' * An accuracy table has `probability_tables` and `percentile_tables` (class x threshold x true
#'   positives, false positives, true negatives, false negatives), `probability_thresholds`,
#'   `percentile_thresholds` and `class_labels`.
#' * Residuals have `bin_edges` (n + 1) and `bin_counts` (n).
#' * Predictions have `bin_averages`, `bin_errors`, `bin_counts` (n each) and `bin_edges` (n + 1).
#'
#' @inheritParams log_metric_to_run
#' @param value A named list with these parts, or with `schema_type`, `schema_version` and `data`
#'   around them, or JSON text of either. `log_confusion_matrix_to_run()` also takes a matrix with
#'   class names or a [table()] of true classes (rows) by predicted ones; a `table` whose dimension
#'   is named `truth`, `actual`, `reference` or `observed` in the columns is transposed.
#' @param description Optional text, kept with the chart.
#' @return `NULL`, invisibly.
#' @section Errors:
#' `tandemlab_error_invalid_input` when parts are missing or do not fit each other.
#' @examples
#' owd <- setwd(tempdir())
#' run <- suppressWarnings(get_current_run())
#' truth <- mtcars$am
#' predicted <- as.integer(mtcars$wt < 3)
#' log_confusion_matrix_to_run("confusion", table(truth, predicted), run = run)
#' log_residuals_to_run("errors", list(bin_edges = c(-1, 0, 1), bin_counts = c(3, 5)), run = run)
#' setwd(owd)
#' @name log_chart
NULL

#' @rdname log_chart
#' @export
log_confusion_matrix_to_run <- function(name, value, description = "", run = NULL) {
  if (is.matrix(value)) {
    value <- confusion_parts(value)
  }
  log_chart(run, "confusion_matrix", name, value, description)
}

#' @rdname log_chart
#' @export
log_accuracy_table_to_run <- function(name, value, description = "", run = NULL) {
  log_chart(run, "accuracy_table", name, value, description)
}

#' @rdname log_chart
#' @export
log_residuals_to_run <- function(name, value, description = "", run = NULL) {
  log_chart(run, "residuals", name, value, description)
}

#' @rdname log_chart
#' @export
log_predictions_to_run <- function(name, value, description = "", run = NULL) {
  log_chart(run, "predictions", name, value, description)
}

log_chart <- function(run, kind, name, value, description) {
  log_event(run, kind, name, as_chart(kind, value), description, what = gsub("_", " ", kind))
}

as_chart <- function(kind, value) {
  if (is_string(value)) {
    value <- parse_chart(kind, value)
  }
  if (!is.list(value)) {
    abort_argument("value", "a named list, a matrix or JSON text", value)
  }
  type <- value$schema_type
  if (!is.null(type) && !identical(type, kind)) {
    abort_input(sprintf("This is a %s, not a %s.", type, kind))
  }
  data <- if (is.null(value$data)) value else value$data
  missing <- setdiff(chart_parts[[kind]], names(data))
  if (length(missing) > 0) {
    abort_input(
      sprintf("The %s lacks %s.", gsub("_", " ", kind), paste(missing, collapse = ", ")),
      details = list(missing = missing)
    )
  }
  data <- lapply(data[chart_parts[[kind]]], as_json_arrays)
  check_chart(kind, data)
  version <- value$schema_version
  list(
    schema_type = kind,
    schema_version = if (is.null(version)) chart_versions[[kind]] else version,
    data = data
  )
}

parse_chart <- function(kind, text) {
  tryCatch(
    jsonlite::fromJSON(text, simplifyVector = FALSE),
    error = function(problem) {
      abort_input(sprintf("The %s is not JSON: %s", kind, conditionMessage(problem)))
    }
  )
}

# Vectors and arrays as nested lists, row by row, so that length one stays an array.
as_json_arrays <- function(x) {
  dims <- dim(x)
  if (is.list(x)) {
    return(lapply(unname(as.list(x)), function(part) {
      if (is.list(part) || length(part) != 1) as_json_arrays(part) else part
    }))
  }
  if (length(dims) < 2) {
    return(as.list(unname(x)))
  }
  lapply(seq_len(dims[[1]]), function(i) as_json_arrays(slice(x, i)))
}

# The part of an array at index `i` of its first dimension, one dimension less.
slice <- function(x, i) {
  rest <- dim(x)[-1]
  flat <- matrix(x, nrow = dim(x)[[1]])
  if (length(rest) == 1) flat[i, ] else array(flat[i, ], rest)
}

check_chart <- function(kind, data) {
  if (kind == "confusion_matrix") {
    classes <- length(data$class_labels)
    square <- length(data$matrix) == classes && all(lengths(data$matrix) == classes)
    if (!square) {
      abort_input(sprintf(
        "A confusion matrix of %d classes needs %d rows of %d counts.", classes, classes, classes
      ))
    }
  } else if (kind != "accuracy_table" && length(data$bin_edges) != length(data$bin_counts) + 1) {
    abort_input(sprintf(
      "%d bins have %d edges, not %d.",
      length(data$bin_counts), length(data$bin_counts) + 1, length(data$bin_edges)
    ))
  }
}

# Class labels and counts of a matrix with dimension names. A table need not have seen every class
# on both sides; what it has not seen counts zero.
confusion_parts <- function(x) {
  kind <- names(dimnames(x))
  truth <- c("truth", "actual", "reference", "observed")
  if (length(kind) == 2 && tolower(kind[[2]]) %in% truth && !tolower(kind[[1]]) %in% truth) {
    x <- t(x)
  }
  if (is.null(rownames(x)) || is.null(colnames(x))) {
    abort_input(
      "The confusion matrix has no class names.",
      "Give it row and column names, or use list(class_labels = , matrix = )."
    )
  }
  labels <- union(rownames(x), colnames(x))
  counts <- matrix(0, length(labels), length(labels), dimnames = list(labels, labels))
  storage.mode(counts) <- storage.mode(x)
  counts[rownames(x), colnames(x)] <- x
  list(class_labels = labels, matrix = unname(counts))
}
