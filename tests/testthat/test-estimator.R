# Estimators, by the cases that Python runs, too.

# R's names for the arguments of a case.
estimator_arguments <- function(case) {
  arguments <- lapply(case$arguments, plain_argument)
  names(arguments)[names(arguments) == "environment_definition"] <- "environment"
  frameworks <- c(
    SKLearn = "sklearn", PyTorch = "pytorch", TensorFlow = "tensorflow", Chainer = "chainer"
  )
  if (case$estimator != "Estimator") arguments$framework <- frameworks[[case$estimator]]
  if (is.null(arguments$cran_repositories)) arguments["cran_repositories"] <- list(NULL)
  arguments
}

plain_argument <- function(x) {
  if (is.list(x) && is.null(names(x))) unlist(x) else x
}

check_estimator <- function(case) {
  source <- local_files(case$files)
  make <- function() do.call(estimator, c(list(source), estimator_arguments(case)))
  if (!is.null(case$error)) {
    class <- paste0("tandemlab_error_", case$error)
    problem <- expect_error(make(), class = class, label = case$name)
    told <- paste(conditionMessage(problem), problem$hint)
    for (words in case$says) expect_match(told, words, fixed = TRUE, label = case$name)
    return()
  }
  if (!is.null(case$warns)) {
    warning <- expect_warning(config <- make(), class = "tandemlab_warning_configuration")
    for (words in case$warns) expect_match(conditionMessage(warning), words, fixed = TRUE)
  } else {
    config <- make()
  }
  expect_identical(config$source_directory, source)
  settings <- config_form(unclass(config)[names(config) != "source_directory"])
  expect_identical(canonical(settings), canonical(plain(case$then)), label = case$name)
}

test_that("an estimator is the same configuration as in Python", {
  skip_unless_ready()
  skip_if_not_installed("yaml")
  file <- file.path(cases_folder(), "estimators", "definitions.yaml")
  cases <- yaml::read_yaml(file, handlers = handlers)
  expect_gt(length(cases), 15)
  for (case in cases) {
    check_estimator(case)
  }
})

test_that("what an estimator cannot use is refused by name", {
  skip_unless_ready()
  expect_error(estimator(".", "local", "big", entry_script = "a.R"), "must be named")
  expect_error(estimator(".", entry_script = "a.R", script_params = list(1)), "script_params")
  missing <- list(x = NA)
  expect_error(estimator(".", entry_script = "a.R", script_params = missing), "script_params\\$x")
  expect_error(estimator(".", entry_script = "a.R", cran_packages = 3), "cran_packages")
  problem <- expect_error(estimator(".", entry_script = "a.py", framework = "mxnet"), "mxnet")
  expect_match(problem$hint, "chainer, pytorch, sklearn, tensorflow")
})

# A CRAN-like repository without packages.
empty_repository <- function(env = parent.frame()) {
  root <- withr::local_tempdir(.local_envir = env)
  dir.create(file.path(root, "src", "contrib"), recursive = TRUE)
  file.create(file.path(root, "src", "contrib", "PACKAGES"))
  root
}

# tier: full
test_that("a script of R finds packages that the machine has, logs and keeps its model", {
  exp <- local_experiment()
  skip_if_not_installed("MASS")
  source <- local_script("train.R", c(
    "library(tandemlab)",
    "model <- MASS::lda(Species ~ ., iris)",
    "log_metric_to_run('accuracy', mean(predict(model)$class == iris$Species))",
    "saveRDS(model, 'outputs/model.rds')"
  ))
  est <- estimator(source, entry_script = "train.R", cran_packages = "MASS")
  run <- submit_experiment(exp, est)
  wait_for_run_completion(run, show_output = FALSE, timeout_seconds = 100)
  expect_gt(get_run_metrics(run)$accuracy, 0.9)
  expect_true("outputs/model.rds" %in% get_run_file_names(run))

  lacking <- estimator(
    source,
    entry_script = "train.R", cran_packages = "surelyNoSuchPackage",
    cran_repositories = paste0("file://", empty_repository())
  )
  run <- submit_experiment(exp, lacking)
  problem <- expect_error(
    wait_for_run_completion(run, show_output = FALSE, timeout_seconds = 100),
    class = "tandemlab_error_run_failed"
  )
  expect_match(conditionMessage(problem), "surelyNoSuchPackage")
  expect_length(get_run_metrics(run), 0)
})
