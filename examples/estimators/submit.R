# Train with packages of R, as a run of an experiment.
#
#   Rscript examples/estimators/submit.R
#
# The workspace is the folder `lab` in the working directory.

library(tandemlab)

here <- if (file.exists("iris.R")) "." else "examples/estimators"
ws <- create_workspace("lab", exist_ok = TRUE)
exp <- experiment(ws, "estimators")

est <- estimator(
  here,
  entry_script = "iris.R", script_params = list("--percent_train" = 0.8), cran_packages = "MASS"
)
run <- submit_experiment(exp, est)
wait_for_run_completion(run, show_output = TRUE)
print(get_run_metrics(run)$accuracy)
