test_that("named arguments become flags, and values keep their type until the language is known", {
  arguments <- list(data = "x.csv", n = 3, lr = c(1, 2), "pos")
  config <- script_run_config(".", "a.R", arguments)
  expect_identical(
    config$arguments, list(list(data = "x.csv"), list(n = 3), list(lr = list(1, 2)), "pos")
  )
  expect_error(script_run_config(".", "a.R", arguments = list(x = NA)), "arguments\\$x")
  expect_error(script_run_config(".", "a.R", arguments = list(mean)), "`arguments`")
  expect_error(script_run_config(".", "a.R", input = 1), "Unknown arguments")
  expect_output(print(config), "x.csv")
})

# tier: full
test_that("an R script trains in a job: metrics, files, output and arguments", {
  exp <- local_experiment()
  source <- local_script("train.R", c(
    "library(tandemlab)",
    "cat(commandArgs(trailingOnly = TRUE), sep = '|')",
    "log_metric_to_run('accuracy', 0.75)",
    "stopifnot(!'reticulate' %in% loadedNamespaces())",
    "saveRDS(42, 'outputs/model.rds')"
  ))
  arguments <- list(n = 3, rate = 0.1, fast = TRUE, slow = FALSE, "x y", TRUE)
  run <- submit_experiment(exp, script_run_config(source, "train.R", arguments), tags = list(a = 1))
  expect_output(
    wait_for_run_completion(run, timeout_seconds = 60),
    "--n|3|--rate|0.1|--fast|x y|TRUE", fixed = TRUE
  )
  expect_identical(get_run_metrics(run), list(accuracy = 0.75))
  expect_identical(get_run_tags(run), list(a = "1"))
  environment <- get_run_environment(run)
  expect_identical(environment$version, as.character(getRversion()))
  expect_true("jsonlite" %in% environment$packages$package)
  expect_true("outputs/model.rds" %in% get_run_file_names(run))
  expect_identical(run$exit_code, 0L)
})

# tier: full
test_that("a script that dies is a classed error with its exit code and last lines", {
  exp <- local_experiment()
  source <- local_script("die.R", c("cat('so far\\n')", "quit(status = 3)"))
  run <- submit_experiment(exp, script_run_config(source, "die.R"))
  problem <- expect_error(
    wait_for_run_completion(run, show_output = FALSE, timeout_seconds = 60),
    class = "tandemlab_error_run_failed"
  )
  expect_identical(problem$exit_code, 3L)
  expect_identical(problem$log_tail, "so far")
  expect_identical(problem$status, "Failed")
  expect_no_error(wait_for_run_completion(run, FALSE, raise_on_error = FALSE))
})

# tier: full
test_that("a submitted run can be canceled, and waiting has a limit", {
  exp <- local_experiment()
  source <- local_script("slow.R", "Sys.sleep(60)")
  run <- submit_experiment(exp, script_run_config(source, "slow.R"))
  expect_error(
    wait_for_run_completion(run, FALSE, timeout_seconds = 0),
    class = "tandemlab_error_invalid_state"
  )
  cancel_run(run)
  problem <- expect_error(
    wait_for_run_completion(run, FALSE, timeout_seconds = 60), class = "tandemlab_error_run_failed"
  )
  expect_identical(problem$status, "Canceled")
})

test_that("a script that is not there, or a folder, is refused before a run is made", {
  exp <- local_experiment()
  source <- local_script("a.R", "1")
  dir.create(file.path(source, "folder.R"))
  for (script in c("b.R", "folder.R", "../a.R", "a.txt")) {
    expect_error(
      submit_experiment(exp, script_run_config(source, script)),
      class = "tandemlab_error_invalid_input"
    )
  }
  expect_error(submit_experiment(exp, "a.R"), "script_run_config")
  expect_length(get_runs_in_experiment(exp), 0)
})

test_that("a Python script from R runs with the libraries of its Python, not with those of R", {
  exp <- local_experiment()
  folder <- local_script("libraries.py", c(
    "import ssl, sys, os", "from tandemlab import get_current_run",
    "get_current_run().tag('path', os.environ.get('LD_LIBRARY_PATH', ''))",
    "get_current_run().tag('python', os.environ['TANDEMLAB_PYTHON'])"
  ))
  run <- submit_experiment(exp, script_run_config(folder, "libraries.py"))
  wait_for_run_completion(run)
  tags <- get_run_tags(run)
  expect_no_match(tags$path, R.home("lib"), fixed = TRUE)
  expect_true(file.exists(tags$python))
})

# tier: full
test_that("several scripts are submitted at once, or none", {
  exp <- local_experiment()
  source <- local_script("rate.R", "cat(commandArgs(trailingOnly = TRUE))")
  configs <- lapply(c(0.1, 0.2), function(rate) {
    script_run_config(source, "rate.R", arguments = list(rate))
  })
  wrong <- script_run_config(source, "other.R")
  expect_error(
    submit_experiments(exp, c(configs, list(wrong))), class = "tandemlab_error_invalid_input"
  )
  expect_error(submit_experiments(exp, configs[[1]]), "configs")
  expect_length(get_runs_in_experiment(exp), 0)
  expect_error(submit_experiments(exp, configs, max_concurrent_runs = 0), "max_concurrent_runs")
  runs <- submit_experiments(exp, configs, tags = list(sweep = "rates"), max_concurrent_runs = 1)
  expect_identical(get_run_details(runs[[1]])$runDefinition$max_concurrent_runs, 1L)
  for (run in runs) wait_for_run_completion(run, show_output = FALSE)
  printed <- vapply(runs, function(run) {
    get_run_details_with_logs(run)$logFiles[["user_logs/std_log.txt"]]
  }, "")
  expect_identical(printed, c("0.1", "0.2"))
  expect_identical(get_run_tags(runs[[2]]), list(sweep = "rates"))
})
