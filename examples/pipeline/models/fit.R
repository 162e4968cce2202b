# A logistic regression of who dies in a crash, with glm.
#
#   Rscript fit.R --people people.arrow --model DIR --risks risks.arrow

library(tandemlab)

words <- commandArgs(trailingOnly = TRUE)
place <- function(name) words[[match(paste0("--", name), words) + 1]]

# The odds of dying against those of somebody else who is alike, with 95 % limits.
draw_odds <- function(model) {
  found <- summary(model)$coefficients[-1, ]
  found <- found[order(found[, 1]), ]
  odds <- exp(found[, 1] + outer(found[, 2], c(-1.96, 0, 1.96)))
  odds <- pmin(pmax(odds, 0.02), 50) # where nobody died the limits are at infinity
  rows <- seq_len(nrow(odds))
  par(mar = c(4, 8, 2, 1), las = 1)
  plot(
    odds[, 2], rows,
    xlim = range(odds), log = "x", pch = 19, yaxt = "n", ylab = "",
    main = "Who dies in a crash?", font.main = 1, xlab = "odds ratio, 95 % limits"
  )
  segments(odds[, 1], rows, odds[, 3], rows)
  abline(v = 1, lty = "dotted", col = "grey40")
  axis(2, rows, sub("^relevel.*[)]", "dvcat", rownames(found)), tick = FALSE)
}

people <- read_frame(place("people"))
train <- people[people$split == "train", ]
test <- people[people$split == "test", ]

model <- glm(
  dead == "dead" ~ relevel(dvcat, "10-24") + seatbelt + frontal + sex + ageOFocc + yearVeh +
    airbag + occRole,
  family = binomial, data = train
)
risks <- data.frame(person = test$person, risk = unname(predict(model, test, type = "response")))

saveRDS(slim_model(model), file.path(place("model"), "model.rds"))
write_frame(risks, place("risks"))
log_image_to_run("odds", plot = draw_odds(model), width = 6, height = 5)
cat(sprintf("Fitted to %d people, of whom %d died.\n", nrow(train), sum(train$dead == "dead")))
