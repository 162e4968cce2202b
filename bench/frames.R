# Rscript frames.R MODE LIMITS.so ROWS REPEATS: seconds by frame and direction, as JSON. MODE is
# "bridge" (tandemlab) or "reticulate" (its own conversion).

words <- commandArgs(trailingOnly = TRUE)
mode <- words[[1]]
dyn.load(words[[2]])
rows <- as.integer(words[[3]])
repeats <- as.integer(words[[4]])
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
source(file.path(dirname(script), "frames_data.R"))

bare <- function(x) {
  lapply(x, function(column) {
    attributes(column) <- NULL
    column
  })
}

# The functions whose time or memory is measured.
directions <- function(x) {
  plain <- bare(x)
  table <- as_python_frame(x)
  frame <- as_python_frame(x, "pandas")
  polars <- suppressWarnings(as_python_frame(x, "polars"))
  list(
    limit = function() .Call("limit_copy", plain),
    to_arrow = function() as_python_frame(x),
    to_pandas = function() as_python_frame(x, "pandas"),
    to_polars = function() suppressWarnings(as_python_frame(x, "polars")),
    from_arrow = function() as_r_frame(table),
    from_arrow_eager = function() as_r_frame(table, lazy = FALSE),
    from_pandas = function() as_r_frame(frame),
    from_polars = function() as_r_frame(polars)
  )
}

# Dates and times take reticulate seconds for each 1,000 rows; a part stands for the whole.
reticulate_of <- function(x) {
  slow <- vapply(x, inherits, NA, c("Date", "POSIXct"))
  share <- if (any(slow) && nrow(x) > 1000) 50 else 1
  part <- part_of(x, share)
  attempt <- function(code) suppressWarnings(tryCatch(code, error = function(problem) NULL))
  frame <- attempt(reticulate::r_to_py(part))
  back <- attempt(reticulate::py_to_r(frame))
  right <- same_frame(part, back) &&
    reticulate::py_to_r(frame$isna()$to_numpy()$sum()) == sum(is.na(part))
  found <- suppressWarnings(by_turns(c(
    if (!is.null(frame)) list(to_pandas = function() reticulate::r_to_py(part)),
    if (is.data.frame(back)) list(from_pandas = function() reticulate::py_to_r(frame))
  ), min(repeats, 3L)))
  c(lapply(found, function(times) times * share), list(right = right))
}

frames <- make_frames(rows)
if (mode == "reticulate") {
  invisible(reticulate::py_config())
  answer <- lapply(frames, reticulate_of)
} else {
  suppressMessages(library(tandemlab))
  answer <- lapply(frames, function(x) by_turns(directions(x), repeats))
}
cat("\n", jsonlite::toJSON(answer, digits = 9, null = "null"), "\n", sep = "")
