# Times logging from R beside the bare write(2). This process is a job: TANDEMLAB_RUN_* name its
# run, and nobody else logs to it. Prints JSON; times are in seconds.
#
# Rscript log.R WRITE_LIBRARY SCRATCH_FILE CALLS REPEATS

arguments <- commandArgs(TRUE)
library_file <- arguments[[1]]
scratch <- arguments[[2]]
calls <- as.integer(arguments[[3]])
repeats <- as.integer(arguments[[4]])

# Seconds of the clock and of the processor.
now <- function() c(as.numeric(Sys.time()), sum(proc.time()[1:2]))

library(tandemlab)

time_log <- function() {
  values <- runif(calls)
  start <- now()
  for (i in seq_len(calls)) log_metric_to_run("loss", values[[i]], step = i)
  (now() - start) / calls
}

last_line <- function() {
  spool <- list.files(file.path(Sys.getenv("TANDEMLAB_RUN_DIR"), "spool"), full.names = TRUE)
  charToRaw(paste0(tail(readLines(spool), 1), "\n"))
}

bare <- dyn.load(library_file)
open_file <- getNativeSymbolInfo("bench_open", bare)
write_line <- getNativeSymbolInfo("bench_write", bare)
close_file <- getNativeSymbolInfo("bench_close", bare)

time_write <- function(line) {
  descriptor <- .Call(open_file, scratch)
  on.exit(.Call(close_file, descriptor))
  stopifnot(.Call(write_line, descriptor, line) == length(line))
  start <- now()
  for (i in seq_len(calls)) .Call(write_line, descriptor, line)
  (now() - start) / calls
}

time_log()
line <- last_line()
time_write(line)
logged <- NULL
written <- NULL
for (i in seq_len(repeats)) {
  logged <- rbind(logged, time_log())
  written <- rbind(written, time_write(line))
}

cat(jsonlite::toJSON(
  list(
    r_log = logged[, 1],
    r_log_cpu = logged[, 2],
    r_write = written[, 1],
    r_write_cpu = written[, 2],
    r_beyond = logged[, 1] - written[, 1],
    r_beyond_cpu = logged[, 2] - written[, 2]
  ),
  digits = NA
))
