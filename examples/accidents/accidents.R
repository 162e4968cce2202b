# Who dies in a crash? A logistic regression with glm, on the data of prepare.py.
#
#   Rscript accidents.R --data accidents.csv
#
# As a run it logs to that run; started by itself it logs to a run below .tandemlab/offline.

library(tandemlab)

# The value that follows `name` on the command line.
option <- function(name, default) {
  words <- commandArgs(trailingOnly = TRUE)
  place <- match(name, words)
  if (is.na(place)) {
    return(default)
  }
  if (place == length(words)) {
    stop(name, " needs a value.", call. = FALSE)
  }
  words[[place + 1]]
}

read <- function(path) {
  if (!file.exists(path)) {
    stop("There is no file ", path, ". prepare.py makes accidents.csv.", call. = FALSE)
  }
  data <- read.csv(path, stringsAsFactors = TRUE)
  data$dvcat <- factor(data$dvcat, c("1-9km/h", "10-24", "25-39", "40-54", "55+"))
  data
}

# The probability that somebody who died was given a higher risk than somebody who lived.
auc <- function(died, risk) {
  deaths <- sum(died)
  (mean(rank(risk)[died]) - (deaths + 1) / 2) / (length(died) - deaths)
}

# The share of deaths found against the share of false alarms, at every threshold.
draw_roc <- function(died, risk) {
  thresholds <- sort(unique(risk), decreasing = TRUE)
  found <- ecdf(-risk[died])(-thresholds)
  false_alarms <- ecdf(-risk[!died])(-thresholds)
  par(pty = "s", mar = c(4, 4, 2, 1), las = 1)
  plot(
    c(0, false_alarms), c(0, found),
    type = "l", lwd = 2, col = "#b2182b", xaxs = "i", yaxs = "i",
    main = sprintf("glm: AUC %.3f", auc(died, risk)), font.main = 1,
    xlab = "survivors called dead (share)", ylab = "deaths called dead (share)"
  )
  abline(0, 1, lty = "dotted", col = "grey40")
}

data <- read(option("--data", "accidents.csv"))
train <- data[data$split == "train", ]
test <- data[data$split == "test", ]

model <- glm(
  dead == "dead" ~ dvcat + seatbelt + frontal + sex + ageOFocc + yearVeh + airbag + occRole,
  family = binomial, data = train
)
risk <- predict(model, test, type = "response")
died <- test$dead == "dead"
called <- factor(risk > 0.5, c(FALSE, TRUE), c("alive", "dead"))
counts <- table(truth = test$dead, called = called)

run <- get_current_run()
set_run_tag(run, "language", "R")
log_metric_to_run("accuracy", mean(called == test$dead), run)
log_metric_to_run("log_loss", -mean(log(ifelse(died, risk, 1 - risk))), run)
log_metric_to_run("auc", auc(died, risk), run)
log_confusion_matrix_to_run("confusion", counts, run = run)
log_image_to_run("roc", plot = draw_roc(died, risk), run = run, width = 5, height = 5)

dir.create("outputs", showWarnings = FALSE)
saveRDS(model, "outputs/model.rds")

cat(sprintf(
  "Fitted to %d people, tested on %d, of whom %d died.\n", nrow(train), nrow(test), sum(died)
))
print(counts)
