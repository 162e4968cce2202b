# Prints the seconds of the first log call in a new R process, which is a job.

library(tandemlab)
start <- Sys.time()
log_metric_to_run("loss", 0.5)
cat(as.numeric(Sys.time() - start, units = "secs"))
