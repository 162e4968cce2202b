# Rscript frames.R MODE LIMITS.so ROWS REPEATS [NAME ...]: figures by frame, of all or those that are
# named, and direction, as JSON. MODE is "bridge" (seconds of tandemlab), "memory" (bytes at the
# highest point) or "reticulate" (seconds of its own conversion).

words <- commandArgs(trailingOnly = TRUE)
mode <- words[[1]]
dyn.load(words[[2]])
rows <- as.integer(words[[3]])
repeats <- as.integer(words[[4]])
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
source(file.path(dirname(script), "frames_data.R"))

# What is timed.
directions <- function(x) {
  plain <- bare(x)
  table <- as_python_frame(x)
  frame <- as_python_frame(x, "pandas")
  polars <- suppressWarnings(as_python_frame(x, "polars"))
  database <- reticulate::import("duckdb", convert = FALSE)$connect()
  to_duckdb <- function() {
    database$register("sent", as_python_frame(x))
    database$execute("create or replace temp table kept as from sent")
  }
  to_duckdb()
  kept <- database$table("kept")
  c(if (is.character(x[[1]])) list(gather = function() .Call("limit_gather", x[[1]])), list(
    limit = function() .Call("limit_copy", plain),
    to_arrow = function() as_python_frame(x),
    to_pandas = function() as_python_frame(x, "pandas"),
    to_polars = function() suppressWarnings(as_python_frame(x, "polars")),
    to_duckdb = to_duckdb,
    from_arrow = function() as_r_frame(table),
    from_arrow_eager = function() as_r_frame(table, lazy = FALSE),
    from_pandas = function() as_r_frame(frame),
    from_polars = function() as_r_frame(polars),
    from_duckdb = function() as_r_frame(kept)
  ))
}

# Bytes at the highest point of each crossing beyond what was there before, and those of one copy.
memory_of <- function(x) {
  table <- as_python_frame(x)
  frame <- as_python_frame(x, "pandas")
  in_r <- sum(lengths(x) * vapply(x, function(column) sizes[[typeof(column)]], 0))
  in_pandas <- reticulate::py_to_r(frame$memory_usage(index = FALSE)$sum()$item())
  ways <- list(
    to_arrow = function() as_python_frame(x),
    to_pandas = function() as_python_frame(x, "pandas"),
    from_arrow = function() as_r_frame(table),
    from_arrow_eager = function() as_r_frame(table, lazy = FALSE),
    from_pandas = function() as_r_frame(frame)
  )
  copies <- c(reticulate::py_to_r(table$nbytes), in_pandas, in_r, in_r, in_r)
  for (way in ways) way()
  peaks <- lapply(ways, function(way) replicate(repeats, peak(way)))
  names(copies) <- paste0(names(ways), "_copy")
  c(peaks, lapply(copies, rep, repeats))
}

sizes <- c(logical = 4, integer = 4, double = 8, character = 8)

peak <- function(work) {
  pool <- reticulate::import("pyarrow")$default_memory_pool()
  gc()
  pool$release_unused()
  .Call("limit_trim")
  before <- resident("VmRSS")
  cat("5", file = "/proc/self/clear_refs") # the highest point is now
  result <- work()
  resident("VmHWM") - before
}

resident <- function(which) {
  line <- grep(which, readLines("/proc/self/status"), fixed = TRUE, value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) * 1024
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
  ), min(repeats, 3L), often = nrow(x) < 1000))
  c(lapply(found, function(times) times * share), list(right = right))
}

if (mode == "reticulate") {
  invisible(reticulate::py_config())
  reticulate::import("warnings")$simplefilter("ignore")
} else {
  suppressMessages(library(tandemlab))
}
measure <- switch(mode,
  bridge = function(x) by_turns(directions(x), repeats, often = nrow(x) < 1000),
  memory = memory_of,
  reticulate = reticulate_of
)
set.seed(1)
makers <- frame_makers(rows)
only <- words[-(1:4)]
if (length(only) > 0) makers <- makers[only]
answer <- lapply(makers, function(make) measure(make()))
cat("\n", jsonlite::toJSON(answer, digits = 9, null = "null"), "\n", sep = "")
