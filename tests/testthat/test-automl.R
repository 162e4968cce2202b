# Automated machine learning on data frames of R.

small <- function(rows = 60) {
  set.seed(4)
  frame <- data.frame(
    size = rnorm(rows), colour = factor(sample(c("red", "blue"), rows, TRUE)),
    at = as.Date("2024-01-01") + seq_len(rows)
  )
  frame$kind <- factor(ifelse(frame$size + (frame$colour == "red") > 0.3, "good", "bad"))
  frame$size[3] <- NA
  frame
}

test_that("automl() finds a model that predicts data frames, and can be saved", {
  data <- transform(small(), kind = kind == "good")
  found <- automl(
    data, "kind",
    timeout = NULL, iterations = 1, allowed_models = "Linear", n_cross_validations = 3,
    show_output = FALSE
  )
  expect_s3_class(found, "tandemlab_automl")
  expect_equal(found$task, "classification")
  expect_equal(as.data.frame(found)$algorithm[[1]], "Linear")
  expect_true(all(c("score", "status", "log_loss") %in% names(found$leaderboard)))
  expect_equal(
    found$featurization$purpose[match(c("size", "colour", "at"), found$featurization$column)],
    c("Numeric", "Categorical", "DateTime")
  )
  file <- withr::local_tempfile(fileext = ".rds")
  saveRDS(found, file)
  again <- readRDS(file)
  predicted <- predict(again, data[-4])
  expect_equal(levels(predicted), c("False", "True"))
  expect_gt(mean((predicted == "True") == data$kind), 0.8)
  chances <- predict(again, data, type = "prob")
  expect_equal(names(chances), c("False", "True"))
  expect_equal(rowSums(chances), rep(1, 60), ignore_attr = TRUE)
  expect_error(predict(again, small()["size"]), "lack 2 of the columns.*colour, at")
  expect_error(
    predict(again, transform(small(), size = "big")), "holds 'big', where.*numbers",
    class = "tandemlab_error_invalid_input"
  )
  expect_output(print(again), "classification of kind")
  kept <- register_model_from_run(found$run, "kind")
  expect_match(kept$signature, "colour")
})

test_that("a configuration is checked where it is written", {
  expect_error(
    automl_config("classification", small(), "kind", primary_metric = "accuracies"),
    class = "tandemlab_error_invalid_input"
  )
  expect_error(automl(small(), "kinds"), "kinds", class = "tandemlab_error_invalid_input")
  expect_error(automl_config("regression", small(), "size", iteration = 3), "iteration")
  config <- automl_config(
    "regression", "cars.csv", "dist",
    iterations = 2, featurization = featurization_config(drop_columns = "id")
  )
  expect_output(print(config), "regression of dist on local")
  file <- withr::local_tempfile(fileext = ".yml")
  save_automl_config(config, file)
  expect_equal(load_automl_config(file)$content$featurization, list(drop_columns = list("id")))
})

test_that("configurations are as the cases say", {
  file <- file.path(cases_folder(), "automl", "configurations.yaml")
  for (case in yaml::read_yaml(file, handlers = handlers)) {
    settings <- case$settings
    if (is.list(settings$featurization)) {
      settings$featurization <- do.call(featurization_config, settings$featurization)
    }
    training <- list(training_data = "rows.csv")
    make <- function() {
      if (!is.null(settings$forecasting_parameters)) {
        given <- settings$forecasting_parameters
        settings$forecasting_parameters <- do.call(forecasting_parameters, given)
      }
      do.call(automl_config, c(settings, training))
    }
    if (is.null(case$error)) {
      config <- make()
      expect_equal(canonical(config$content), canonical(case$then), info = case$name)
    } else {
      expect_error(
        make(), case$error,
        fixed = TRUE, class = "tandemlab_error_invalid_input", info = case$name
      )
    }
  }
})
