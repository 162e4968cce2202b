local_model_lab <- function(env = parent.frame()) {
  skip_unless_ready()
  cache <- withr::local_tempdir(.local_envir = env)
  withr::local_envvar(TANDEMLAB_CACHE_DIR = cache, .local_envir = env)
  create_workspace(file.path(withr::local_tempdir(.local_envir = env), "lab"), show_output = FALSE)
}

test_that("a model of R is registered, found and predicts the same", {
  ws <- local_model_lab()
  fit <- slim_model(glm(am ~ wt, binomial, mtcars))
  path <- save_model(fit, withr::local_tempfile(fileext = ".rds"))
  made <- register_model(
    ws, path, "manual",
    tags = list(team = "a"), properties = list(rows = 32), description = "gear",
    sample_input_dataset = data.frame(
      wt = c(2.5, 3), who = factor(c("a", "b")), row.names = c("first", "second")
    ),
    sample_output_dataset = c(0.5, 0.25), aliases = "candidate",
    resource_configuration = resource_configuration(cpu = 0.5)
  )
  expect_s3_class(made, "tandemlab_model")
  expect_identical(made$id, "manual:1")
  expect_identical(made$format, "rds")
  expect_identical(made$signature, "wt double, who string → array of double (any)")
  expect_identical(made$tags, list(team = "a"))
  expect_identical(made$properties, list(rows = "32"))
  unlink(path)
  found <- get_model(ws, "manual@candidate")
  expect_identical(found, made)
  expect_identical(get_model(ws, id = "manual:1"), made)
  new <- data.frame(wt = c(2, 3))
  expect_identical(predict(load_model(found), new), predict(glm(am ~ wt, binomial, mtcars), new))
  expect_output(print(found), "<model manual:1>")
})

test_that("versions, aliases, tags and files of models are managed from R", {
  ws <- local_model_lab()
  path <- save_model(c(a = 1), withr::local_tempfile(fileext = ".rds"))
  first <- register_model(ws, path, "numbers")
  second <- register_model(ws, path, "numbers", tags = c(team = "b"))
  expect_identical(get_model(ws, "numbers")$version, 2L)
  expect_identical(get_model(ws, "numbers", version = 1)$id, "numbers:1")
  expect_identical(get_model(ws, tags = list(team = "b"))$id, "numbers:2")
  expect_identical(list_models(ws)$id, c("numbers:2", "numbers:1"))
  expect_identical(list_models(ws, latest = TRUE)$id, "numbers:2")
  expect_identical(set_model_alias(first, "production")$aliases, "production")
  set_model_alias(second, "production")
  expect_identical(get_model(ws, "numbers@production")$id, "numbers:2")
  expect_identical(get_model(ws, "numbers:1")$aliases, character())
  expect_identical(remove_model_alias(second, "production")$aliases, character())
  changed <- update_model(second, tags = list(team = NA, stage = "x"), description = "two")
  expect_identical(changed$tags, list(stage = "x"))
  expect_identical(changed$description, "two")
  target <- withr::local_tempdir()
  copy <- download_model(first, target)
  expect_identical(readRDS(copy), c(a = 1))
  expect_error(download_model(first, target), class = "tandemlab_error_already_exists")
  expect_identical(download_model(first, target, exist_ok = TRUE), copy)
  expect_identical(readRDS(get_model_path("numbers", 1, ws)), c(a = 1))
  expect_null(delete_model(first))
  expect_error(get_model(ws, "numbers:1"), "version 1", class = "tandemlab_error_not_found")
})

test_that("a signature says what a model takes, and what services ask for", {
  ws <- local_model_lab()
  path <- save_model(c(a = 1), withr::local_tempfile(fileext = ".rds"))
  register <- function(...) register_model(ws, path, "numbers", signature = list(...))
  gear <- list(type = "string", values = c("3", "4"), nullable = TRUE)
  table <- register(inputs = list(wt = "double", gear = gear), outputs = c(p = "double"))
  expect_identical(table$signature, "wt double, gear string or missing → p double")
  array <- register(inputs = list(type = "double", shape = c(NA, 28, 28)))
  expect_identical(array$signature, "array of double (any × 28 × 28) → anything")
  run <- start_logging_run(experiment(ws, "demo"))
  upload_files_to_run("model.rds", path, run)
  made <- register_model_from_run(
    run, "own", "model.rds",
    signature = list(inputs = c(wt = "double"))
  )
  complete_run(run)
  expect_identical(made$signature, "wt double → anything")
  refused <- function(..., says) {
    expect_error(register(...), says, class = "tandemlab_error_invalid_input")
  }
  refused(inputs = c(wt = "decimal"), says = "decimal")
  refused(inputs = "double", says = "signature[$]inputs")
  refused(outputs = c(wt = "double"), says = "signature")
  refused(inputs = list(wt = list(type = "double", levels = 1)), says = "levels")
  expect_error(
    register_model(
      ws, path, "numbers",
      signature = list(inputs = c(wt = "double")), sample_input_dataset = data.frame(hp = 1)
    ),
    "does not fit the signature",
    class = "tandemlab_error_invalid_input"
  )
  expect_identical(get_model(ws, "numbers")$version, 2L)
})

test_that("a run knows the models that it makes and uses", {
  ws <- local_model_lab()
  path <- save_model(c(a = 1), withr::local_tempfile(fileext = ".rds"))
  run <- start_logging_run(experiment(ws, "demo"))
  upload_files_to_run("outputs/model.rds", path, run)
  made <- register_model_from_run(run, "numbers", "outputs/model.rds")
  own <- register_model(ws, path, "own")
  expect_error(
    register_model_from_run(run, "numbers", "model.rds"), "outputs/model.rds",
    class = "tandemlab_error_not_found"
  )
  complete_run(run)
  expect_identical(c(made$run_id, own$run_id), c(run$id, run$id))
  expect_identical(list_models(ws, run_id = run$id)$id, c("numbers:1", "own:1"))
  with_run(start_logging_run(experiment(ws, "demo")), {
    load_model(made)
    used <- as.data.frame(get_run_lineage())
  })
  expect_true("model" %in% used$source_kind)
})

test_that("bad models are refused with the reason, and nothing is kept", {
  ws <- local_model_lab()
  path <- save_model(c(a = 1), withr::local_tempfile(fileext = ".rds"))
  refused <- function(code, ...) expect_error(code, ..., class = "tandemlab_error_invalid_input")
  refused(register_model(ws, "nothing.rds", "numbers"), "no model at")
  refused(register_model(ws, withr::local_tempdir(), "numbers"), "does not have any files")
  refused(register_model(ws, path, "../numbers"), "path")
  refused(register_model(ws, path, "numbers", datasets = list("cars")), "named by")
  refused(register_model(ws, path, "numbers", sample_input_dataset = list(1)), "data frame")
  refused(resource_configuration(cpu = -1), "cpu")
  expect_identical(nrow(list_models(ws)), 0L)
  text <- withr::local_tempfile(fileext = ".txt", lines = "42")
  refused(load_model(register_model(ws, text, "text")), "format custom")
  refused(save_model(1, "model.txt"), "does not end in")
})

test_that("a warning says that a model carries its training data, and slim_model() takes it out", {
  path <- withr::local_tempfile(fileext = ".rds")
  train <- function() {
    n <- 20000
    data <- data.frame(x = seq_len(n), y = seq_len(n) %% 7)
    power <- 2
    twice <- function(x) 2 * x
    glm(y ~ poly(x, power) + twice(x %% 5), data = data)
  }
  fit <- train()
  expect_warning(
    save_model(fit, path), "[$]model.*the environment of.*[$]data.*slim_model",
    class = "tandemlab_warning_training_data"
  )
  slim <- slim_model(fit)
  expect_no_warning(save_model(slim, path))
  back <- readRDS(path)
  new <- data.frame(x = c(3, 50))
  expect_identical(predict(back, new, se.fit = TRUE), predict(fit, new, se.fit = TRUE))
  expect_identical(coef(summary(back)), coef(summary(fit)))
  expect_lt(length(serialize(slim, NULL)), length(serialize(fit, NULL)))
  linear <- lm(dist ~ speed, cars)
  new <- data.frame(speed = 10)
  expect_identical(
    predict(slim_model(linear), new, interval = "prediction"),
    predict(linear, new, interval = "prediction")
  )
  expect_error(slim_model(1), "butcher", class = "tandemlab_error_invalid_input")
  expect_no_warning(save_model(list(a = 1, names = letters), path))
})
