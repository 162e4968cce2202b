# Search for the learning rate, the size and the penalty of a small network; from R.
#
#   Rscript examples/sweep/submit.R
#
# The workspace is the folder `lab` in the working directory.

library(tandemlab)

here <- if (file.exists("train.R")) "." else "examples/sweep"
ws <- create_workspace("lab", exist_ok = TRUE)

config <- hyperdrive_config(
  bayesian_parameter_sampling(
    list(
      rate = loguniform(log(0.001), log(1)),
      units = choice(c(2, 4, 8, 16)),
      penalty = loguniform(log(1e-5), log(0.1))
    ),
    seed = 1
  ),
  primary_metric_name = "log_loss", primary_metric_goal = "minimize", max_total_runs = 12,
  policy = median_stopping_policy(delay_evaluation = 3),
  run_config = script_run_config(here, "train.R", arguments = list(epochs = 60))
)
run <- submit_experiment(experiment(ws, "iris"), config)
wait_for_run_completion(run)

print(get_child_runs_sorted_by_primary_metric(run, top = 5)[-1], digits = 3)
best <- get_best_run_by_primary_metric(run)
cat("The best network is that of run", best$id, "\n")
