# Rscript bridge.R LIMITS.so REPEATS ROWS [reticulate]: milliseconds as JSON, medians. With the last
# word only reticulate's own conversion is measured.

arguments <- commandArgs(trailingOnly = TRUE)
dyn.load(arguments[[1]])
repeats <- as.integer(arguments[[2]])
rows <- as.integer(arguments[[3]])
only_reticulate <- length(arguments) > 3
suppressMessages(library(tandemlab))
set.seed(1)

texts <- function(distinct) {
  data.frame(x = sprintf("category_%07d", sample.int(distinct, rows, TRUE)))
}
with_missing <- function(x) {
  x[sample.int(length(x), length(x) %/% 100)] <- NA
  x
}
frames <- list(
  "4 doubles" = data.frame(a = rnorm(rows), b = rnorm(rows), c = rnorm(rows), d = rnorm(rows)),
  "integer with NA" = data.frame(x = with_missing(sample.int(1000L, rows, TRUE))),
  "logical with NA" = data.frame(x = with_missing(sample(c(TRUE, FALSE), rows, TRUE))),
  "strings, 10 distinct" = texts(10),
  "strings, 100,000 distinct" = texts(1e5),
  "strings, all distinct" = data.frame(x = sprintf("category_%07d", sample.int(rows))),
  "factor, 10 levels" = data.frame(x = factor(sample(letters[1:10], rows, TRUE))),
  "POSIXct" = data.frame(x = structure(
    1.7e9 + sample.int(1e8, rows, TRUE),
    class = c("POSIXct", "POSIXt"), tzone = "UTC"
  )),
  "Date" = data.frame(x = as.Date(sample.int(20000L, rows, TRUE), origin = "1970-01-01")),
  "50 mixed columns" = local({
    part <- rows %/% 10
    columns <- rep(list(
      rnorm(part), with_missing(seq_len(part)), sample(c("low", "high"), part, TRUE),
      factor(sample(letters, part, TRUE)), structure(runif(part, 0, 2e9) %/% 1,
        class = c("POSIXct", "POSIXt"), tzone = "UTC"
      )
    ), 10)
    as.data.frame(columns, col.names = paste0("x", seq_along(columns)))
  }),
  "10 rows" = data.frame(x = c(1, 2), y = letters[1:10], z = 1:10)
)

milliseconds <- function(code) {
  expression <- substitute(code)
  frame <- parent.frame()
  times <- vapply(seq_len(repeats + 1), function(i) {
    gc(FALSE)
    started <- as.numeric(Sys.time())
    result <- eval(expression, frame)
    as.numeric(Sys.time()) - started
  }, 0)
  stats::median(times[-1]) * 1000
}
attempt <- function(code) tryCatch(code, error = function(problem) NULL)
correct <- function(x, y) {
  isTRUE(all.equal(x, y, check.attributes = FALSE)) && identical(class(x$x), class(y$x))
}

measure_bridge <- function(x) {
  bare <- lapply(x, function(column) {
    attributes(column) <- NULL
    column
  })
  table <- as_python_frame(x)
  frame <- as_python_frame(x, "pandas")
  polars <- attempt(as_python_frame(x, "polars"))
  list(
    limit = milliseconds(.Call("limit_copy", bare)),
    to_arrow = milliseconds(as_python_frame(x)),
    to_pandas = milliseconds(as_python_frame(x, "pandas")),
    to_polars = if (!is.null(polars)) milliseconds(suppressWarnings(as_python_frame(x, "polars"))),
    from_arrow = milliseconds(as_r_frame(table)),
    from_pandas = milliseconds(as_r_frame(frame)),
    from_polars = if (!is.null(polars)) milliseconds(as_r_frame(polars))
  )
}

# Dates take reticulate seconds for each 1,000 rows; a small part stands for the whole.
measure_reticulate <- function(x) {
  share <- if (inherits(x$x, "Date") || inherits(x$x, "POSIXct")) 20 else 1
  part <- x[seq_len(max(1, nrow(x) %/% share)), , drop = FALSE]
  frame <- attempt(reticulate::r_to_py(part))
  back <- attempt(reticulate::py_to_r(frame))
  list(
    to_pandas = if (!is.null(frame)) share * attempt(milliseconds(reticulate::r_to_py(part))),
    from_pandas = if (!is.null(back)) share * attempt(milliseconds(reticulate::py_to_r(frame))),
    right = !is.null(back) && correct(part, back)
  )
}

if (only_reticulate) {
  invisible(reticulate::py_config())
  answer <- suppressWarnings(lapply(frames, measure_reticulate))
} else {
  answer <- suppressWarnings(lapply(frames, measure_bridge))
}
cat(jsonlite::toJSON(answer, auto_unbox = TRUE, digits = 4, null = "null"), "\n")
