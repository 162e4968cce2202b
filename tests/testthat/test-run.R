test_that("what is logged is what is read", {
  exp <- local_experiment()
  run <- start_logging_run(exp)
  log_metric_to_run("one", 0.5)
  log_metric_to_run("series", 1L)
  log_metric_to_run("series", NA)
  log_list_to_run("edges", c(NaN, Inf, -Inf, NA))
  log_list_to_run("mixed", list(1L, "a"))
  log_table_to_run("table", data.frame(n = c(1.5, NA), s = c("a", NA), b = c(TRUE, NA)))
  expect_identical(
    get_run_metrics(run),
    list(
      one = 0.5, series = c(1L, NA), edges = c(NaN, Inf, -Inf, NA), mixed = list(1L, "a"),
      table = data.frame(n = c(1.5, NA), s = c("a", NA), b = c(TRUE, NA))
    )
  )
  expect_identical(get_run_metrics(run, "one"), list(one = 0.5))
  complete_run(run)
})

test_that("tags and properties are named lists", {
  exp <- local_experiment()
  run <- start_logging_run(exp)
  set_run_tags(run, list(folds = 5, final = TRUE, plain = NA))
  remove_run_tags(run, "final")
  expect_identical(get_run_tags(run), list(folds = "5", plain = NA_character_))
  add_run_properties(run, list(source = "nass"))
  expect_error(
    add_run_properties(run, list(source = "other")), class = "tandemlab_error_already_exists"
  )
  expect_identical(get_run_properties(run), list(source = "nass"))
  expect_length(get_runs_in_experiment(exp, tags = "folds"), 1)
  expect_length(get_runs_in_experiment(exp, tags = list(folds = 4)), 0)
  complete_run(run)
})

test_that("handles work after saveRDS, also in another process", {
  exp <- local_experiment()
  run <- start_logging_run(exp)
  log_metric_to_run("x", 1)
  complete_run(run)
  file <- withr::local_tempfile()
  saveRDS(list(run, exp), file)
  again <- readRDS(file)
  expect_identical(again[[1]]$status, "Completed")
  expect_identical(again[[1]]$experiment$workspace$name, "lab")
  expect_identical(again[[2]]$name, "demo")
})

test_that("fields are completed, and an unknown one is an error", {
  exp <- local_experiment()
  expect_true(all(c("name", "workspace") %in% .DollarNames(exp, "")))
  expect_error(exp$nmae, "no field 'nmae'", class = "tandemlab_error_invalid_input")
})

test_that("a run that is unknown is a classed error with hint and details", {
  exp <- local_experiment()
  problem <- expect_error(get_run(exp, "nope"), class = "tandemlab_error_not_found")
  expect_identical(problem$code, "not_found")
  expect_identical(problem$details$run_id, "nope")
  expect_match(problem$hint, "get_runs_in_experiment")
})

test_that("outputs of an interactive run become its files when it ends", {
  exp <- local_experiment()
  outputs <- file.path(withr::local_tempdir(), "outputs")
  run <- start_logging_run(exp, outputs = outputs)
  dir.create(outputs)
  saveRDS(1, file.path(outputs, "model.rds"))
  complete_run(run)
  expect_identical(get_run_file_names(run), "outputs/model.rds")
  target <- withr::local_tempdir()
  download_files_from_run(run, "outputs/", target)
  expect_identical(readRDS(file.path(target, "outputs", "model.rds")), 1)
  file <- download_file_from_run(run, "outputs/model.rds", file.path(target, "m.rds"))
  expect_identical(basename(file), "m.rds")
})

test_that("an experiment is a data frame with one row per run", {
  exp <- local_experiment()
  expect_identical(nrow(as.data.frame(exp)), 0L)
  for (value in c(0.5, 0.75)) with_run(start_logging_run(exp), log_metric_to_run("acc", value))
  frame <- as.data.frame(exp)
  expect_identical(frame$metrics.acc, c(0.75, 0.5))
  expect_identical(frame$number, 2:1)
  expect_s3_class(frame$created, "POSIXct")
  expect_output(print(summary(exp)), "2 completed")
})

test_that("a run is a data frame of its points, and plots", {
  exp <- local_experiment()
  run <- start_logging_run(exp)
  for (epoch in 1:3) log_metric_to_run("loss", 1 / epoch, run, step = epoch)
  frame <- as.data.frame(run)
  expect_identical(frame$step, c(1, 2, 3))
  expect_identical(frame$value, 1 / 1:3)
  withr::local_pdf(NULL)
  expect_identical(plot(run)[[1]]$lines[[1]]$y, 1 / 1:3)
  expect_error(plot(run, "nope"), class = "tandemlab_error_not_found")
  expect_output(print(run), "Running")
  expect_output(print(summary(run)), "series of 3")
  complete_run(run)
})

test_that("children are made by count or by tag", {
  exp <- local_experiment()
  run <- start_logging_run(exp)
  expect_length(create_child_runs(run, count = 2), 2)
  made <- create_child_runs(run, tag_key = "fold", tag_values = "1")
  expect_identical(get_run_tags(made[[1]]), list(fold = "1"))
  expect_length(get_child_runs(run), 3)
  expect_length(get_child_runs(run, tags = "fold"), 1)
  expect_identical(made[[1]]$parent$id, run$id)
  expect_error(create_child_runs(run), class = "tandemlab_error_invalid_input")
  complete_run(run)
})

test_that("fail, cancel and delete move a run as they should", {
  exp <- local_experiment()
  failed <- fail_run(start_logging_run(exp), "no rows", "data")
  expect_identical(get_run_details(failed)$error, list(message = "no rows", code = "data"))
  expect_error(complete_run(failed), class = "tandemlab_error_invalid_state")
  canceled <- cancel_run(start_logging_run(exp))
  expect_identical(canceled$status, "Canceled")
  delete_run(failed)
  expect_length(get_runs_in_experiment(exp), 1)
})

test_that("integers beyond 32 bits are exact doubles", {
  exp <- local_experiment()
  run <- start_logging_run(exp)
  log_metric_to_run("n", as_integer64(2^40))
  expect_identical(get_run_metrics(run)$n, 2^40)
  complete_run(run)
})
