# Sweeps as documents, by the cases that Python runs, too; and their runs from R.

sweep_cases <- function() {
  skip_if_not_installed("yaml")
  yaml::read_yaml(file.path(cases_folder(), "sweeps", "documents.yaml"), handlers = handlers)
}

# The document as Python has it, with paths relative to the working directory.
document_of_sweep <- function(config) {
  found <- call_core("sweep.document", document = sweep_document(config))
  here <- paste0(normalizePath("."), "/")
  rapply(
    jsonlite::fromJSON(found, simplifyVector = FALSE), function(x) sub(here, "", x, fixed = TRUE),
    "character",
    how = "replace"
  )
}

test_that("sweeps are read, built and refused as in Python", {
  skip_unless_ready()
  cases <- sweep_cases()
  expect_gt(length(cases), 8)
  for (case in cases) {
    withr::local_dir(local_files(list(sweep.yml = case$yaml, "study/train.R" = "")))
    if (!is.null(case$error)) {
      problem <- expect_error(
        load_hyperdrive_config("sweep.yml"),
        class = paste0("tandemlab_error_", case$error), label = case$name
      )
      for (words in case$says) {
        expect_match(conditionMessage(problem), words, fixed = TRUE, label = case$name)
      }
      next
    }
    expected <- canonical(plain(case$then))
    code <- parse(text = case$r, keep.source = TRUE)
    built <- eval(code, new.env(parent = asNamespace("tandemlab")))
    expect_identical(canonical(document_of_sweep(built)), expected, label = case$name)
    loaded <- load_hyperdrive_config("sweep.yml")
    expect_identical(canonical(document_of_sweep(loaded)), expected, label = case$name)
    save_hyperdrive_config(built, "again.yml")
    again <- load_hyperdrive_config("again.yml")
    expect_identical(canonical(document_of_sweep(again)), expected, label = case$name)
  }
})

test_that("what cannot be searched is refused before Python is asked", {
  expect_error(choice(list()), "`options`")
  expect_error(choice(list(1:2)), "`options`")
  expect_error(choice(c(1, NaN)), "finite")
  expect_error(choice(list(1, "a", 1L)), "twice: 1")
  expect_error(randint(0), "no number")
  expect_error(randint(2.5), "`upper`")
  expect_error(uniform(1, 1), "must be less")
  expect_error(quniform(0, 1, 0), "`q`")
  expect_error(quniform(0.1, 0.2, 1), "no multiple of 1")
  expect_error(normal(0, -1), "`sigma`")
  expect_error(loguniform(0, 1, exponents = FALSE), "`min_value`")
  expect_error(only_if(uniform(0, 1), "tree"), "must be named")
  expect_error(only_if(uniform(0, 1), kind = NULL), "no value of 'kind'")
  expect_error(
    random_parameter_sampling(list(x = only_if(randint(3), knd = "a"), kind = choice("a"))),
    "'knd', which is no hyper-parameter"
  )
  expect_error(random_parameter_sampling(list(uniform(0, 1))), "`parameter_space`")
  expect_error(random_parameter_sampling(list(x = 3)), "`parameter_space\\$x`")
  expect_error(bandit_policy(), "slack_factor")
  expect_error(bandit_policy(1, 1), "slack_factor")
  expect_error(median_stopping_policy(0), "`evaluation_interval`")
  expect_error(primary_metric_goal("most"), "maximize")
  sampling <- random_parameter_sampling(list(x = uniform(0, 1)))
  expect_error(bandit_policy(0), "`slack_factor` must be a number above 0")
  expect_error(truncation_selection_policy(100), "from 1 to 99")
  expect_error(bayesian_parameter_sampling(list(x = randint(2)), algorithm = "g"), "`algorithm`")
  expect_error(grid_parameter_sampling(list(x = uniform(0, 1))), "'x' is a uniform()", fixed = TRUE)
  expect_error(hyperdrive_config(sampling, "a", "maximize"), "run_config")
  expect_error(
    hyperdrive_config(sampling, "a", "maximize", run_config = run_config("a.R")), "`run_config`"
  )
})

test_that("exponents that look like bounds are told", {
  expect_warning(loguniform(1e-4, 0.1), class = "tandemlab_warning_exponents")
  expect_warning(qloguniform(10, 100, 1), class = "tandemlab_warning_exponents")
  expect_silent(loguniform(-6, -1))
  expect_silent(loguniform(1e-4, 0.1, exponents = FALSE))
})

test_that("what a sweep is made of prints shortly", {
  expect_identical(
    format(only_if(choice(list("a", 2, NULL)), kind = c("x", "y"))),
    "choice(\"a\", 2, NULL) only if kind is x, y"
  )
  expect_identical(format(bandit_policy(0.5)), "<bandit policy: slack_factor = 0.5>")
  sampling <- random_parameter_sampling(list(n = randint(3)))
  expect_identical(format(sampling), "<random sampling>\n  n: randint(upper = 3)")
})

test_that("a sweep of R finds its best trial and stops hopeless ones", {
  exp <- local_experiment("sweeps")
  withr::local_envvar(TANDEMLAB_SLOTS = "2")
  source <- local_script("trial.R", c(
    "library(tandemlab)",
    "given <- commandArgs(TRUE)",
    "x <- as.numeric(given[[match('--x', given) + 1]])",
    "log_metric_to_run('score', x)",
    "while (x == 0 && !run_should_stop()) Sys.sleep(0.05)",
    "if (x == 0) writeLines('all that there is', 'outputs/saved.txt')"
  ))
  config <- hyperdrive_config(
    grid_parameter_sampling(list(x = choice(c(2, 1.5, 0)))), "score", "MAXIMIZE",
    max_concurrent_runs = 1, policy = bandit_policy(slack_factor = 0.5),
    run_config = script_run_config(source, "trial.R")
  )
  run <- submit_experiment(exp, config)
  wait_for_run_completion(run, show_output = FALSE, timeout_seconds = 120)
  best <- get_best_run_by_primary_metric(run)
  expect_identical(get_run_params(best), list(x = 2L))
  sorted <- get_child_runs_sorted_by_primary_metric(run)
  expect_identical(sorted$best_primary_metric, c(2, 1.5, 0))
  expect_identical(sorted$status, c("Completed", "Completed", "Stopped"))
  expect_identical(as.numeric(sorted$x), c(2, 1.5, 0))
  expect_identical(nrow(get_child_runs_sorted_by_primary_metric(run, top = 1)), 1L)
  expect_identical(get_child_run_hyperparameters(run)[[best$id]], list(x = 2L))
  expect_identical(get_child_run_metrics(run)[[best$id]], list(score = 2))
  trials <- get_sweep_trials(run)
  expect_match(trials$reason[[3]], "stopped by policy: bandit at value 1")
  expect_identical(trials$error, rep(NA_character_, 3))
  stopped <- get_run(workspace_at(run$workspace$path), trials$run_id[[3]])
  expect_true("outputs/saved.txt" %in% get_run_file_names(stopped))
  expect_named(get_sweep_importance(run), "x")
  withr::local_pdf(NULL, width = 10, height = 10)
  expect_length(plot_sweep(run), 3)
  expect_error(plot_sweep(run, "pie"), "`kind`")
  if (requireNamespace("ggplot2", quietly = TRUE)) {
    pictures <- lapply(sweep_pictures, function(kind) ggplot2::autoplot(run, kind = kind))
    lapply(pictures, function(each) expect_s3_class(ggplot2::ggplot_build(each), "ggplot_built"))
    expect_setequal(pictures[[1]]$data$name, c("trial", "best so far"))
    expect_identical(as.character(pictures[[3]]$data$label), "x")
    expect_error(
      ggplot2::autoplot(run, "score", kind = "history"),
      class = "tandemlab_error_invalid_input"
    )
  }
  expect_error(get_sweep_trials(best), class = "tandemlab_error_invalid_input")
  expect_error(resume_sweep(run), "left to try", class = "tandemlab_error_invalid_state")
})
