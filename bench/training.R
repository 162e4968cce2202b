# A table as a data frame of R, by turns with data.table's reader. Prints JSON: samples in seconds.
#
# Rscript training.R PATH REPEATS

arguments <- commandArgs(TRUE)
path <- arguments[[1]]
repeats <- as.integer(arguments[[2]])

library(tandemlab)

read <- list(
  r_table = function() {
    load_dataset_into_data_frame(create_tabular_dataset_from_delimited_files(path))
  },
  beside_r_table = function() data.table::fread(path, data.table = FALSE)
)

found <- list()
for (time in 0:repeats) {
  for (key in names(read)) {
    gc()
    taken <- system.time(frame <- read[[key]]())
    rm(frame)
    if (time > 0) {
      found[[key]] <- c(found[[key]], taken[["elapsed"]])
      cpu <- paste0(key, "_cpu")
      found[[cpu]] <- c(found[[cpu]], taken[["user.self"]] + taken[["sys.self"]])
    }
  }
}
cat(jsonlite::toJSON(found, digits = NA), "\n")
