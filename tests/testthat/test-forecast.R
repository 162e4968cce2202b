# Forecasts and explanations of automated machine learning, from R.

passengers <- data.frame(
  month = seq(as.Date("1949-01-01"), by = "month", length.out = 144),
  thousands = as.numeric(datasets::AirPassengers)
)

seasonal <- function(...) {
  automl(
    passengers[1:132, ], "thousands", "forecasting",
    timeout = NULL, iterations = 4,
    allowed_models = c("SeasonalNaive", "LightGBM"),
    forecasting_parameters = forecasting_parameters("month", forecast_horizon = 12, ...),
    show_output = FALSE
  )
}

test_that("forecast() continues a series of R, also after saveRDS()", {
  found <- seasonal()
  file <- withr::local_tempfile(fileext = ".rds")
  saveRDS(found, file)
  found <- readRDS(file)
  made <- forecast(found, horizon = 12, quantiles = c(0.1, 0.9))
  expect_equal(names(made), c("month", "forecast", "q0.1", "q0.9"))
  expect_equal(made$month, passengers$month[133:144])
  error <- abs(made$forecast - passengers$thousands[133:144])
  naive <- abs(passengers$thousands[121:132] - passengers$thousands[133:144])
  expect_lt(mean(error), mean(naive))
  expect_equal(nrow(forecast(found, h = 3)), 3)
  expect_equal(nrow(forecast(found$run, h = 3)), 3)
  rolled <- rolling_forecast(found, passengers[133:144, ], step = 6)
  expect_equal(as.vector(table(rolled$origin)), c(12, 6))
  expect_equal(rolled$thousands[1:12], passengers$thousands[133:144])
  important <- explain_model(found)
  expect_s3_class(important, "tandemlab_explanation")
  expect_output(print(important), "last_season")
  expect_true("last_season" %in% important$feature[1:5])
  grDevices::pdf(NULL)
  withr::defer(grDevices::dev.off())
  expect_invisible(plot(important))
  card <- model_card(found, explanation = important, about = list(intended_use = "Tests."))
  expect_match(card, "## Intended use\n\nTests.", fixed = TRUE)
  expect_match(card, "last_season")
  page <- withr::local_tempfile(fileext = ".html")
  model_card(found, page)
  expect_match(readLines(page)[[1]], "doctype html")
  expect_match(export_code(found), "lightgbm")
  expect_error(
    forecast(found, passengers[100:110, ]), "not after 1959-12-01",
    class = "tandemlab_error_invalid_input"
  )
  expect_error(forecast(found, horizon = 0), "horizon", class = "tandemlab_error_invalid_input")
  expect_error(rolling_forecast(found, "next"), "data frame")
})

test_that("generics of other packages find the method, too", {
  for (package in c("generics", "forecast")) {
    if (requireNamespace(package, quietly = TRUE)) {
      method <- utils::getS3method("forecast", "tandemlab_automl", envir = asNamespace(package))
      expect_identical(method, utils::getS3method("forecast", "tandemlab_automl"))
    }
  }
  expect_error(forecast(1:3), "no applicable method")
})

test_that("forecasting_parameters() are checked where they are written", {
  expect_equal(
    forecasting_parameters("day", forecast_horizon = 7, target_lags = c(1, 7), freq = "D"),
    list(time_column_name = "day", forecast_horizon = 7L, target_lags = list(1L, 7L), freq = "D")
  )
  expect_error(forecasting_parameters("day", 0), "forecast_horizon")
  expect_error(forecasting_parameters("day", seasonality = "x"), "seasonality")
  expect_error(forecasting_parameters("day", horizon = 3), "horizon")
  expect_error(
    automl_config(
      "forecasting", passengers, "thousands",
      forecasting_parameters = forecasting_parameters("month", freq = "often")
    ),
    "often|step of time",
    class = "tandemlab_error_invalid_input"
  )
})
