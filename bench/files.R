# Rscript files.R LIMITS.so ROWS REPEATS FOLDER: seconds of writing and reading files of frames, by
# frame and way, as JSON; and which of the ways give back something else than what was written.

words <- commandArgs(trailingOnly = TRUE)
dyn.load(words[[1]])
rows <- as.integer(words[[2]])
repeats <- as.integer(words[[3]])
folder <- words[[4]]
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
source(file.path(dirname(script), "frames_data.R"))
suppressMessages(library(tandemlab))
invisible(as_python_frame(data.frame(x = 1))) # starts Python
bridge <- reticulate::import("tandemlab.bridge", convert = FALSE)
feather <- reticulate::import("pyarrow.feather", convert = FALSE)

ways <- function(x) {
  path <- function(extension) file.path(folder, paste0("frame.", extension))
  plain <- bare(x)
  table <- as_python_frame(x)
  list(
    limit = function() .Call("limit_copy", plain),
    write = function() write_frame(x, path("arrow")),
    write_rds = function() saveRDS(x, path("rds"), compress = FALSE),
    write_csv = function() data.table::fwrite(x, path("csv")),
    write_feather = function() {
      feather$write_feather(table, path("feather"), compression = "uncompressed")
    },
    read = function() read_frame(path("arrow"), lazy = FALSE),
    read_lazy = function() read_frame(path("arrow")),
    read_rds = function() readRDS(path("rds")),
    read_csv = function() data.table::fread(path("csv"), showProgress = FALSE),
    python = function() bridge$read_frame(path("arrow"), "pandas"),
    python_feather = function() feather$read_feather(path("arrow"))
  )
}

measure <- function(x) {
  found <- ways(x)
  times <- by_turns(found, repeats)
  back <- c("read", "read_lazy", "read_rds", "read_csv")
  right <- vapply(found[back], function(read) same_frame(x, as.data.frame(read())), NA)
  c(times, list(wrong = I(back[!right])))
}

set.seed(1)
makers <- frame_makers(rows)[c("doubles", "strings_1e5", "factor_10", "mixed")]
answer <- lapply(makers, function(make) measure(make()))
cat("\n", jsonlite::toJSON(answer, digits = 9), "\n", sep = "")
