test_that("a job's run comes from its environment, without Python", {
  directory <- local_job("demo_7")
  run <- get_current_run()
  expect_identical(run$id, "demo_7")
  expect_identical(run$directory, directory)
  expect_identical(run$experiment$name, "demo")
})

test_that("without a run there is one warning and an off-line run that keeps everything", {
  withr::local_dir(withr::local_tempdir())
  withr::defer(session$offline <- NULL)
  expect_warning(run <- get_current_run(), class = "tandemlab_warning_offline")
  expect_no_warning(log_metric_to_run("x", 1))
  expect_identical(get_current_run(), run)
  expect_match(run$id, "^offline_[0-9a-hjkmnp-tv-z]{26}$")
  expect_identical(dirname(dirname(run$directory)), file.path(getwd(), ".tandemlab", "offline"))
  identity <- jsonlite::fromJSON(file.path(run$directory, "run.json"))
  expect_identical(identity[c("id", "type", "experiment")],
    list(id = run$id, type = "offline", experiment = "offline")
  )
  expect_identical(vapply(read_spool(run$directory), `[[`, "", "kind"), c("status", "metric"))
})

test_that("off-line runs can be forbidden", {
  withr::local_dir(withr::local_tempdir())
  expect_error(get_current_run(allow_offline = FALSE), class = "tandemlab_error_invalid_state")
  expect_false(dir.exists(".tandemlab"))
})

test_that("off-line runs end with the script: completed, or failed with its error", {
  skip_unless_ready()
  folder <- withr::local_tempdir()
  run_script <- function(lines) {
    script <- withr::local_tempfile(lines = c("library(tandemlab)", lines), fileext = ".R")
    withr::with_dir(folder, withr::with_envvar(
      c(R_LIBS = paste(.libPaths(), collapse = ":"), TANDEMLAB_RUN_ID = NA),
      system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", script),
        stdout = FALSE, stderr = FALSE
      )
    ))
  }
  run_script("log_metric_to_run('x', 1); try(stop('caught'), silent = TRUE)")
  run_script(c("log_metric_to_run('x', 2)", "stop('not caught')"))
  ids <- list.files(file.path(folder, ".tandemlab", "offline", "runs"))
  workspace <- normalizePath(file.path(folder, ".tandemlab", "offline"))
  runs <- lapply(ids, new_run, workspace = workspace, experiment = "offline")
  expect_identical(vapply(runs, function(run) run$status, ""), c("Completed", "Failed"))
  expect_identical(get_run_metrics(runs[[2]]), list(x = 2))
  expect_match(get_run_details(runs[[2]])$error$message, "not caught")
})

test_that("the innermost interactive run is current", {
  exp <- local_experiment()
  outer <- start_logging_run(exp)
  inner <- create_child_run(outer)
  with_run(inner, expect_identical(get_current_run(), inner))
  expect_identical(get_current_run(), outer)
  complete_run(outer)
  expect_null(known_run())
  expect_identical(inner$status, "Completed")
})

test_that("an error in with_run fails the run with its message", {
  exp <- local_experiment()
  expect_error(with_run(start_logging_run(exp), stop("no data today")), "no data today")
  run <- get_runs_in_experiment(exp)[[1]]
  expect_identical(run$status, "Failed")
  expect_match(get_run_details(run)$error$message, "no data today")
  expect_null(known_run())
})
