# A network with one hidden layer that tells iris flowers apart, by gradient descent; base R alone.
#
#   Rscript train.R --rate 0.1 --units 8 --penalty 0.001 --epochs 60
#
# It logs the log-loss on flowers that it has not learnt from, once every ten epochs, and ends when
# its sweep has no more hope for it.

library(tandemlab)

option <- function(name, default) {
  words <- commandArgs(trailingOnly = TRUE)
  place <- match(paste0("--", name), words)
  if (is.na(place)) default else as.numeric(words[[place + 1]])
}

rate <- option("rate", 0.1)
units <- option("units", 8)
penalty <- option("penalty", 0)
epochs <- option("epochs", 60)

set.seed(1936)
x <- cbind(1, scale(as.matrix(iris[1:4])))
truth <- model.matrix(~ Species - 1, iris)
train <- sample(nrow(x), 100)

softmax <- function(z) {
  e <- exp(z - apply(z, 1, max))
  e / rowSums(e)
}
forward <- function(rows) {
  hidden <- cbind(1, tanh(x[rows, ] %*% w1))
  list(hidden = hidden, risk = softmax(hidden %*% w2))
}
log_loss <- function(rows) {
  -mean(log(pmax(rowSums(forward(rows)$risk * truth[rows, ]), 1e-15)))
}

w1 <- matrix(rnorm(ncol(x) * units, sd = 0.5), ncol(x))
w2 <- matrix(rnorm((units + 1) * 3, sd = 0.5), units + 1)

run <- get_current_run()
for (epoch in seq_len(epochs)) {
  for (batch in split(sample(train), rep(1:5, 20))) {
    now <- forward(batch)
    error <- (now$risk - truth[batch, ]) / length(batch)
    back <- (error %*% t(w2[-1, , drop = FALSE])) * (1 - now$hidden[, -1]^2)
    w2 <- w2 - rate * (t(now$hidden) %*% error + penalty * w2)
    w1 <- w1 - rate * (t(x[batch, ]) %*% back + penalty * w1)
  }
  if (epoch %% 10 == 0) {
    log_metric_to_run("log_loss", log_loss(-train), run)
    if (run_should_stop(run)) break
  }
}
dir.create("outputs", showWarnings = FALSE)
saveRDS(list(w1 = w1, w2 = w2), "outputs/model.rds")
