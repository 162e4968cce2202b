# Which iris is it? A linear discriminant analysis with MASS, on R's own iris data.
#
#   Rscript iris.R --percent_train 0.75

library(tandemlab)

words <- commandArgs(trailingOnly = TRUE)
place <- match("--percent_train", words)
percent_train <- if (is.na(place)) 0.75 else as.numeric(words[[place + 1]])

set.seed(1)
rows <- sample(nrow(iris), round(percent_train * nrow(iris)))
model <- MASS::lda(Species ~ ., iris[rows, ])
test <- iris[-rows, ]
found <- predict(model, test)$class

run <- get_current_run()
log_metric_to_run("accuracy", mean(found == test$Species), run)
log_confusion_matrix_to_run("confusion", table(truth = test$Species, called = found), run = run)
dir.create("outputs", showWarnings = FALSE)
saveRDS(model, "outputs/model.rds")
cat(sprintf("Fitted to %d flowers, tested on %d.\n", length(rows), nrow(test)))
