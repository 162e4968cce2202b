# Reads copies of good files with damage done to them: each gives a frame or an error, and never
# ends R. The variable READ_DAMAGED holds a folder of good files, the first seed and how many, so
# that tools/sanitize can run this, too. The last seed that is printed is the one that R died of.

library(tandemlab)

numbers <- c("ffffffff", "00000000", "ffffff7f", "00000080", "01000000", "00000040", "feffffff")
huge <- lapply(numbers, function(text) {
  as.raw(strtoi(substring(text, c(1, 3, 5, 7), c(2, 4, 6, 8)), 16L))
})

damages <- list(
  flip = function(bytes) {
    at <- sample(length(bytes), sample(8, 1))
    bytes[at] <- as.raw(sample(0:255, length(at), replace = TRUE))
    bytes
  },
  cut = function(bytes) head(bytes, sample(length(bytes), 1) - 1),
  overwrite = function(bytes) {
    value <- sample(huge, 1)[[1]]
    if (runif(1) < 0.3) value <- c(value, sample(huge, 1)[[1]])
    at <- sample((length(bytes) - 8) %/% 4, 1) * 4
    bytes[at + seq_along(value)] <- value
    bytes
  },
  small = function(bytes) {
    at <- sample((length(bytes) - 8) %/% 2, 1) * 2 + 1
    bytes[at] <- as.raw(sample(0:70, 1))
    bytes
  },
  splice = function(bytes) {
    size <- sample(64, 1)
    from <- sample(length(bytes) - size, 1)
    to <- sample(length(bytes) - size, 1)
    bytes[to + seq_len(size)] <- bytes[from + seq_len(size)]
    bytes
  }
)

arguments <- strsplit(Sys.getenv("READ_DAMAGED"), " ")[[1]]
good <- lapply(sort(list.files(arguments[[1]], full.names = TRUE)), function(path) {
  readBin(path, "raw", file.size(path))
})
damaged <- tempfile(fileext = ".arrow")
native <- asNamespace("tandemlab")

# "refused" by the reader, or what read_frame() comes to. Most are refused, which costs no more than
# reading as long as nobody makes a condition of it.
outcome_of <- function(path) {
  if (!is.null(.Call(native$C_arrow_file_format, path)$reason)) {
    return("refused")
  }
  answer <- .Call(native$C_arrow_read_file, path, TRUE)
  .Call(native$C_arrow_release, answer$value)
  if (!is.null(answer$reason)) {
    return("refused")
  }
  tryCatch(
    {
      frame <- suppressWarnings(read_frame(path, "double", "double", "list"))
      for (column in frame) if (is.character(column)) nchar(column)
      "read"
    },
    tandemlab_error = function(problem) problem$code,
    error = function(problem) paste("unclassed:", conditionMessage(problem))
  )
}

first <- as.integer(arguments[[2]])
outcomes <- character()
for (seed in seq(first, length.out = as.integer(arguments[[3]]))) {
  cat("seed", seed, "\n")
  set.seed(seed)
  bytes <- sample(good, 1)[[1]]
  for (i in seq_len(sample(2, 1))) {
    if (length(bytes) > 200) bytes <- sample(damages, 1)[[1]](bytes)
  }
  writeBin(bytes, damaged)
  outcomes <- c(outcomes, outcome_of(damaged))
}
cat("\n")
print(sort(table(outcomes), decreasing = TRUE))
if (any(startsWith(outcomes, "unclassed"))) quit(status = 3)
