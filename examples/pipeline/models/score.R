# The risk of new people by a model of R.
#
#   Rscript score.R --people people.arrow --model DIR --scores scores.arrow

library(tandemlab)

words <- commandArgs(trailingOnly = TRUE)
place <- function(name) words[[match(paste0("--", name), words) + 1]]

people <- read_frame(place("people"))
model <- readRDS(file.path(place("model"), "model.rds"))
risk <- unname(predict(model, people, type = "response"))
write_frame(data.frame(person = people$person, risk = risk), place("scores"))
cat(sprintf("%d people scored.\n", nrow(people)))
