# A workspace at a server, which these tests start on this machine.

# tier: full
test_that("a workspace at a server behaves like a folder", {
  server <- local_server()
  url <- paste0(server$url, "/lab%20one")
  ws <- create_workspace(url, show_output = FALSE)
  expect_identical(c(ws$name, ws$path), c("lab one", url))
  exp <- experiment(ws, "demo")
  expect_identical(exp$workspace$name, "lab one")

  run <- start_logging_run(exp, display_name = "first")
  log_metric_to_run("loss", 0.5, step = 1)
  log_metric_to_run("loss", NaN, step = 2)
  source <- withr::local_tempfile(lines = "42")
  upload_files_to_run("out/a.txt", source)
  child <- create_child_run(run, "fold")
  expect_identical(child$parent$id, run$id)
  complete_run(child)
  complete_run(run)
  expect_identical(run$status, "Completed")

  folder <- get_workspace(file.path(server$root, "lab one"))
  same <- get_run(folder, run$id)
  expect_identical(same$metrics$loss, c(0.5, NaN))
  expect_identical(readLines(download_file_from_run(run, "out/a.txt", tempfile())), "42")
  expect_identical(as.data.frame(ws)$run_id, as.data.frame(folder)$run_id)
  file <- withr::local_tempfile()
  saveRDS(run, file)
  expect_identical(readRDS(file)$status, "Completed")
})

# tier: full
test_that("an R script runs on the server's machine", {
  server <- local_server()
  exp <- experiment(create_workspace(paste0(server$url, "/lab"), show_output = FALSE), "demo")
  source <- local_script("train.R", c(
    "library(tandemlab)", "log_metric_to_run('x', 0.5)", "cat('hello\\n')"
  ))
  run <- submit_experiment(exp, script_run_config(source, "train.R"))
  expect_output(wait_for_run_completion(run, timeout_seconds = 100), "hello")
  expect_identical(get_run_metrics(run), list(x = 0.5))
})

# tier: full
test_that("what waits for a server that is away is sent when it is asked for", {
  server <- local_server()
  ws <- create_workspace(paste0(server$url, "/lab"), show_output = FALSE)
  run <- start_logging_run(experiment(ws, "demo"))
  server$stop()
  log_metric_to_run("x", 1)
  expect_error(run$status, class = "tandemlab_error_unavailable")
  expect_error(sync_workspace(ws), class = "tandemlab_error_unavailable")
  expect_true(dir.exists(file.path(run$directory, "spool")))
  leave_run(run)
})

test_that("a folder has nothing to send", {
  skip_unless_ready()
  expect_error(sync_workspace(temp_workspace()), class = "tandemlab_error_invalid_input")
})
