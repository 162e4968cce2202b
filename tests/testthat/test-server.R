# A workspace at a server, which these tests start on this machine.

# tier: full
test_that("a workspace at a server behaves like a folder", {
  server <- shared_server()
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
  url <- paste0(shared_server()$url, "/scripts")
  exp <- experiment(create_workspace(url, show_output = FALSE), "demo")
  source <- local_script("train.R", c(
    "library(tandemlab)", "log_metric_to_run('x', 0.5)", "cat('hello\\n')"
  ))
  registered <- register_environment(r_environment("models"), exp$workspace)
  expect_identical(get_environment(exp$workspace, "models:1"), registered)
  config <- script_run_config(source, "train.R", environment = "models")
  run <- submit_experiment(exp, config)
  expect_output(wait_for_run_completion(run, timeout_seconds = 100), "hello")
  expect_identical(get_run_metrics(run), list(x = 0.5))
  expect_match(format(get_run_lineage(run)), "environment models:1 r")
})

# Variables of the Python in this process, which has a copy of R's from when it started.
local_python_env <- function(..., env = parent.frame()) {
  environ <- reticulate::import("os", convert = FALSE)$environ
  variables <- list(...)
  for (name in names(variables)) reticulate::py_set_item(environ, name, variables[[name]])
  withr::defer(for (name in names(variables)) reticulate::py_del_item(environ, name), envir = env)
}

# tier: full
test_that("what waits for a server that is away is sent when it is asked for", {
  server <- local_server()
  local_python_env(TANDEMLAB_PATIENCE_SECONDS = "0")
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

test_that("tokens are made, listed and revoked", {
  ws <- local_experiment()$workspace
  expect_identical(dim(list_server_tokens(ws)), c(0L, 6L))
  expect_error(
    create_server_token("ana", role = "king", root = ws),
    class = "tandemlab_error_invalid_input"
  )
  ana <- create_server_token("ana", role = "reader", days = 90, root = ws)
  robot <- create_server_token("robot", root = ws$path)
  expect_match(as.character(ana$token), paste0("^tandem_", ana$id, "_.{43}$"))
  expect_output(print(ana), "<secret>")
  days <- as.numeric(difftime(ana$expires, ana$created, units = "days"))
  expect_equal(days, 90, tolerance = 1e-6)
  found <- list_server_tokens(ws)
  expect_identical(found$name, c("ana", "robot"))
  expect_identical(found$role, c("reader", "contributor"))
  expect_identical(found$valid, c(TRUE, TRUE))
  expect_identical(is.na(found$expires), c(FALSE, TRUE))
  expect_false(withVisible(revoke_server_token(ana$id, ws))$visible)
  expect_identical(list_server_tokens(ws)$id, robot$id)
  expect_error(revoke_server_token(ana$id, ws), class = "tandemlab_error_not_found")
  expect_error(
    create_server_token("ana", days = 0, root = ws),
    class = "tandemlab_error_invalid_input"
  )
  for (nowhere in c("http://localhost:1/lab", tempfile())) {
    expect_error(list_server_tokens(nowhere), class = "tandemlab_error_invalid_input")
  }
})

# tier: full
test_that("a token that R makes opens the server, and opens it no more once it is revoked", {
  server <- local_server()
  url <- paste0(server$url, "/lab")
  create_workspace(url, show_output = FALSE)
  made <- create_server_token("ana", role = "owner", root = server$root)
  expect_error(experiment(get_workspace(url), "demo"), class = "tandemlab_error_not_allowed")
  arguments <- c("-m", "tandemlab.cli", "server", "login", server$url)
  system2(
    Sys.getenv("TANDEMLAB_PYTHON"), arguments,
    input = as.character(made$token), stdout = TRUE, env = "LD_LIBRARY_PATH="
  )
  expect_identical(experiment(get_workspace(url), "demo")$name, "demo")
  revoke_server_token(made$id, server$root)
  expect_error(experiment(get_workspace(url), "demo"), class = "tandemlab_error_not_allowed")
})
