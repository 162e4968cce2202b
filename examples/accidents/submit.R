# Train in R and in Python as runs of one experiment, and compare them; from R.
#
# In RStudio: open the checkout as a project and press Source. In a terminal, from its root:
#
#   Rscript examples/accidents/submit.R
#
# The workspace is the folder `lab` in the working directory.

library(tandemlab)

here <- if (file.exists("accidents.R")) "." else "examples/accidents"
ws <- create_workspace("lab", exist_ok = TRUE)
exp <- experiment(ws, "accidents")

# The data are prepared by a Python script, so that both languages have the same split.
status <- system2(reticulate::py_config()$python, shQuote(file.path(here, "prepare.py")))
if (status != 0) {
  stop("The data could not be prepared; the working directory is ", getwd(), call. = FALSE)
}

runs <- lapply(c("accidents.R", "accidents.py"), function(script) {
  config <- script_run_config(
    here, script,
    arguments = list(data = "accidents.csv"), compute_target = "local"
  )
  submit_experiment(exp, config)
})
for (run in runs) {
  cat("\n", run$id, "\n", sep = "")
  wait_for_run_completion(run, show_output = TRUE)
}

table <- as.data.frame(exp)
table <- table[match(vapply(runs, function(run) run$id, ""), table$run_id), ]
columns <- c(
  run = "number", language = "tags.language", accuracy = "metrics.accuracy",
  log_loss = "metrics.log_loss", auc = "metrics.auc", seconds = "duration"
)
cat("\n")
print(setNames(table[columns], names(columns)), row.names = FALSE, digits = 4)
