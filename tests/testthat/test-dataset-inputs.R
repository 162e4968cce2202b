test_that("a table and files reach a script of R that has no Python", {
  skip_unless_ready()
  skip_if_not(reticulate::py_module_available("duckdb"))
  exp <- local_experiment("inputs")
  folder <- withr::local_tempdir()
  writeLines("A", file.path(folder, "a.txt"))
  path <- file.path(folder, "cars.csv")
  write.csv(cars, path, row.names = FALSE)
  data <- register_dataset(exp$workspace, create_tabular_dataset_from_delimited_files(path), "cars")
  letters <- create_file_dataset_from_files(file.path(folder, "*.txt"))
  source <- local_script("read.R", c(
    "library(tandemlab)",
    "run <- get_current_run()",
    "data <- get_input_dataset_from_run('cars')",
    "log_metric_to_run('dist', sum(load_dataset_into_data_frame(data)$dist), run)",
    "log_metric_to_run('first', as.data.frame(data, int64 = 'integer64')$dist[[1]] == 2, run)",
    "log_metric_to_run('names', toString(names(run$input_datasets)), run)",
    "log_metric_to_run('text', readLines(file.path(commandArgs(TRUE)[[1]], 'a.txt')), run)",
    "file.copy(file.path(commandArgs(TRUE)[[1]], 'a.txt'), Sys.getenv('TANDEMLAB_OUTPUT_copy'))",
    "writeLines(c('x;day', '1;31.12.2026'), file.path(commandArgs(TRUE)[[2]], 'rows.csv'))",
    "log_metric_to_run('python', reticulate::py_available(), run)"
  ))
  store <- get_default_datastore(exp$workspace)
  rows <- output_file_dataset_config(
    "rows", store$path("rows/{run-id}"),
    mode = "upload", register_as = "rows", table = list(
      format = "delimited", separator = ";",
      set_column_types = list(day = data_type_datetime("%d.%m.%Y"))
    )
  )
  config <- script_run_config(
    source, "read.R",
    arguments = list(dataset_consumption_config("letters", letters, "mount"), rows),
    inputs = list(cars = data),
    outputs = list(copy = list(register_as = "copy", tags = list(stage = 1)))
  )
  run <- submit_experiment(exp, config)
  wait_for_run_completion(run, show_output = FALSE, timeout_seconds = 120)
  metrics <- get_run_metrics(run)
  expect_identical(metrics$dist, sum(cars$dist))
  expect_true(metrics$first)
  expect_identical(metrics$names, "cars, letters")
  expect_identical(metrics$text, "A")
  expect_false(metrics$python)
  expect_identical(get_runs_of_dataset(data)[[1]]$id, run$id)
  expect_identical(get_input_dataset_from_run("cars", run)$id, "cars:1")
  expect_identical(names(run$input_datasets), c("cars", "letters"))
  copy <- get_dataset_by_name(exp$workspace, "copy")
  expect_identical(get_file_dataset_paths(copy), "a.txt")
  expect_identical(copy$tags, list(stage = "1"))
  expect_identical(get_runs_of_dataset(copy)[[1]]$id, run$id)
  written <- load_dataset_into_data_frame(get_dataset_by_name(exp$workspace, "rows"))
  expect_identical(as.character(as.Date(written$day)), "2026-12-31")
  expect_identical(list_files_in_datastore(store)$name, sprintf("rows/%s/rows.csv", run$id))
  expect_error(get_input_dataset_from_run("trucks", run), class = "tandemlab_error_not_found")
})

test_that("datasets are inputs of configurations in several forms", {
  data <- structure(
    list(kind = "tabular", definition = "{}", id = "cars:2"),
    class = "tandemlab_dataset"
  )
  one <- dataset_consumption_config("cars", data)
  expect_identical(run_config(inputs = list(one))$inputs$cars$dataset, "cars:2")
  config <- run_config("a.R", arguments = list(data = one, list(more = one)))
  expect_identical(config$inputs$cars, list(mode = "direct", dataset = "cars:2"))
  expect_identical(config$arguments[[1]], list(data = "${inputs.cars}"))
  expect_error(run_config(inputs = list(x = list(mode = "often"))), "mode")
})

test_that("outputs are parts of configurations in several forms", {
  rows <- output_file_dataset_config("rows", register_as = "rows", tags = c(stage = 1))
  expect_identical(
    run_config(outputs = list(rows))$outputs,
    list(rows = list(
      mode = "mount", overwrite = FALSE, register_as = "rows", tags = list(stage = "1")
    ))
  )
  config <- run_config("a.R", arguments = list(to = rows), outputs = "other")
  expect_identical(config$arguments[[1]], list(to = "${outputs.rows}"))
  expect_identical(names(config$outputs), c("other", "rows"))
  expect_error(output_file_dataset_config("x", "there"), class = "tandemlab_error_invalid_input")
  expect_error(run_config(outputs = list(x = list(mode = "often"))), "mode")
  expect_error(output_file_dataset_config("x", table = list("csv")), "table")
})

test_that("a path in a datastore is an argument of a script", {
  skip_unless_ready()
  skip_if_not(reticulate::py_module_available("duckdb"))
  exp <- local_experiment("inputs")
  store <- get_default_datastore(exp$workspace)
  file <- file.path(withr::local_tempdir(), "cars.rds")
  saveRDS(cars, file)
  upload_files_to_datastore(store, list(file), target_path = "cars", show_progress = FALSE)
  expect_identical(store$path("cars"), data_path(store, "cars"))
  config <- estimator(
    ".",
    entry_script = "train.R", script_params = list("--data_folder" = store$path("cars")),
    inputs = list(more = store$path("cars"))
  )
  expect_identical(config$arguments, list(list(`--data_folder` = "${inputs.cars}")))
  expect_identical(config$inputs$cars$mode, "mount")
  expect_identical(names(config$inputs), c("more", "cars"))
  expect_identical(config$inputs$more$mode, "mount")
  named <- store$path("cars", name = "training")
  expect_identical(run_config("a.R", arguments = list(named))$arguments, list("${inputs.training}"))
  several <- run_config("a.R", inputs = list(named, store$path("cars")))
  expect_named(several$inputs, c("training", "cars"))
  expect_identical(named$as_download()$name, "training")
  expect_identical(named$as_download()$mode, "download")
  expect_identical(named$as_named_input("other")$name, "other")
  expect_error(data_path(store, "cars", name = 3), class = "tandemlab_error_invalid_input")
  source <- local_script("train.R", c(
    "library(tandemlab)",
    "data <- readRDS(file.path(commandArgs(TRUE)[[2]], 'cars.rds'))",
    "log_metric_to_run('rows', nrow(data))"
  ))
  config <- script_run_config(source, "train.R", arguments = list(data = store$path("cars")))
  run <- submit_experiment(exp, config)
  wait_for_run_completion(run, show_output = FALSE, timeout_seconds = 120)
  expect_identical(get_run_metrics(run)$rows, nrow(cars))
})
