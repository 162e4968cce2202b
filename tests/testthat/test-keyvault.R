local_vault <- function(env = parent.frame()) {
  skip_unless_ready()
  folder <- withr::local_tempdir(.local_envir = env)
  get_default_keyvault(create_workspace(file.path(folder, "lab"), show_output = FALSE))
}

value <- "tiger-7f3a-plain"

# What the console shows of an object.
shown <- function(x) {
  lines <- c(utils::capture.output(print(x)), utils::capture.output(utils::str(x)))
  paste(lines, collapse = "\n")
}

test_that("secrets are kept, listed by name, read and deleted", {
  vault <- local_vault()
  set_secrets(vault, list(db = value, "api-token" = "two"))
  expect_identical(list_secrets(vault), c("api-token", "db"))
  found <- get_secrets(vault, c("db", "absent"))
  expect_named(found, c("db", "absent"))
  expect_identical(as.character(found$db), value)
  expect_null(found$absent)
  delete_secrets(vault, "db")
  expect_identical(list_secrets(vault), "api-token")
  expect_error(delete_secrets(vault, c("api-token", "db")), class = "tandemlab_error_not_found")
  expect_identical(list_secrets(vault), "api-token")
})

test_that("a workspace gives its vault as SDK v1's did", {
  vault <- local_vault()
  ws <- get_workspace(.subset2(vault, "workspace"))
  expect_identical(ws$get_default_keyvault(), vault)
  expect_output(print(vault), "<keyvault of lab>")
})

test_that("a secret is a string that does not show itself", {
  vault <- local_vault()
  set_secrets(vault, list(db = value))
  found <- get_secrets(vault, "db")
  expect_identical(paste0("ana:", found$db), paste0("ana:", value))
  expect_identical(sprintf("%s", found$db), value)
  withr::with_envvar(list(TOKEN = found$db), expect_identical(Sys.getenv("TOKEN"), value))
  expect_false(grepl(value, shown(found$db), fixed = TRUE))
  expect_false(grepl(value, shown(found), fixed = TRUE))
  expect_identical(format(found$db), "<secret>")
})

test_that("a run records no secret", {
  vault <- local_vault()
  set_secrets(vault, list(db = value))
  secret <- get_secrets(vault, "db")$db
  ws <- get_workspace(.subset2(vault, "workspace"))
  run <- start_logging_run(experiment(ws, "demo"))
  refuse <- function(code) expect_error(code, class = "tandemlab_error_invalid_input")
  refuse(log_metric_to_run("a", secret, run))
  refuse(log_list_to_run("a", list(secret), run = run))
  refuse(log_row_to_run("a", column = secret, run = run))
  refuse(log_table_to_run("a", list(column = secret), run = run))
  refuse(set_run_tag(run, "a", secret))
  refuse(set_run_tags(run, list(a = secret)))
  refuse(add_run_properties(run, list(a = secret)))
  refuse(set_run_display_name(run, secret))
  refuse(script_run_config(".", "train.R", arguments = list(password = secret)))
  refuse(script_run_config(".", "train.R", arguments = list(secret)))
  refuse(script_run_config(".", "train.R", environment_variables = list(PASSWORD = secret)))
  complete_run(run)
  files <- list.files(ws$path, recursive = TRUE, full.names = TRUE)
  held <- vapply(files, function(file) {
    length(grepRaw(value, readBin(file, "raw", file.size(file)), fixed = TRUE)) > 0
  }, NA)
  expect_false(any(held))
})

test_that("no message shows a value that cannot be one", {
  vault <- local_vault()
  for (secrets in list(list(a = c(value, value)), list(value), list(a = value, a = value))) {
    problem <- expect_error(set_secrets(vault, secrets), class = "tandemlab_error_invalid_input")
    expect_false(grepl(value, conditionMessage(problem), fixed = TRUE))
  }
  problem <- expect_error(
    set_secrets(vault, list("a b" = value)),
    class = "tandemlab_error_invalid_input"
  )
  expect_false(grepl(value, conditionMessage(problem), fixed = TRUE))
  expect_error(list_secrets("lab"), class = "tandemlab_error_invalid_input")
})

test_that("a run reads the secrets of its workspace", {
  vault <- local_vault()
  set_secrets(vault, list(db = value))
  ws <- get_workspace(.subset2(vault, "workspace"))
  run <- start_logging_run(experiment(ws, "demo"))
  found <- get_secrets_from_run(run, c("db", "absent"))
  expect_identical(as.character(found$db), value)
  expect_null(found$absent)
  complete_run(run)
})

# tier: full
test_that("a job of R reads a secret, and what it prints of it shows nothing", {
  vault <- local_vault()
  set_secrets(vault, list(db = value))
  source <- local_script("job.R", c(
    "library(tandemlab)",
    "secret <- get_secrets_from_run(NULL, 'db')$db",
    "print(secret)",
    "cat(nchar(secret))"
  ))
  ws <- get_workspace(.subset2(vault, "workspace"))
  run <- submit_experiment(experiment(ws, "demo"), script_run_config(source, "job.R"))
  wait_for_run_completion(run, show_output = FALSE, timeout_seconds = 60)
  log <- get_run_details_with_logs(run)$logFiles[["user_logs/std_log.txt"]]
  expect_identical(log, paste0("<secret>\n", nchar(value)))
})
