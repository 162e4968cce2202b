#' How series are laid out, and how far ahead they are forecast
#'
#' Settings of [automl()] and [automl_config()] with the task `"forecasting"`.
#'
#' @param time_column_name Column with the time of each row: dates, date-times, their texts, or
#'   years as whole numbers.
#' @param forecast_horizon Steps ahead; `"auto"` is one season, or less where series are short.
#' @param time_series_id_column_names Columns that together say to which series a row belongs;
#'   `NULL`: all rows are one series.
#' @param ... Not used, which makes sure that what follows is named.
#' @param freq The step of time, as pandas calls it: `"D"`, `"W-SUN"`, `"MS"` (months, by their
#'   first day), `"h"`, `"15min"`. `NULL`: found from the data.
#' @param target_lags,target_rolling_window_size Lags, and windows over which means are taken, that
#'   the model of all series sees, in steps; `"auto"` goes by the season.
#' @param country_or_region_for_holidays A code such as `"US"` or `"DE"`, whose public holidays
#'   models may use.
#' @param seasonality Steps of one season; 1 for none; `"auto"`: found from step and data.
#' @param short_series_handling_configuration What is done with series that are too short to be
#'   validated: `"auto"` forecasts them all the same, `"drop"` leaves them out, `"pad"` repeats
#'   their first value before them, `NULL` makes them an error.
#' @param target_aggregation_function `"sum"`, `"mean"`, `"min"` or `"max"`: rows of the same step
#'   become one. `NULL`: two such rows are an error.
#' @param features_unknown_at_forecast_time Columns that are not known ahead, and left out. All
#'   others must be in the frame that is forecast for.
#' @param cv_step_size Steps between the times from which forecasts are tried; `"auto"` is the
#'   horizon.
#' @return A named list, for `forecasting_parameters` of [automl_config()].
#' @examples
#' forecasting_parameters("month", forecast_horizon = 12)
#' @export
forecasting_parameters <- function(time_column_name, forecast_horizon = "auto",
                                   time_series_id_column_names = NULL, ..., freq = NULL,
                                   target_lags = "auto", target_rolling_window_size = "auto",
                                   country_or_region_for_holidays = NULL, seasonality = "auto",
                                   short_series_handling_configuration = "auto",
                                   target_aggregation_function = NULL,
                                   features_unknown_at_forecast_time = NULL,
                                   cv_step_size = "auto") {
  check_no_dots(...)
  steps <- list(
    forecast_horizon = forecast_horizon, target_lags = target_lags,
    target_rolling_window_size = target_rolling_window_size, seasonality = seasonality,
    cv_step_size = cv_step_size
  )
  texts <- list(
    freq = freq, country_or_region_for_holidays = country_or_region_for_holidays,
    target_aggregation_function = target_aggregation_function
  )
  names <- list(
    time_series_id_column_names = time_series_id_column_names,
    features_unknown_at_forecast_time = features_unknown_at_forecast_time
  )
  steps <- steps[!vapply(steps, identical, NA, "auto")]
  short <- list(short_series_handling_configuration = short_series_handling_configuration)
  c(
    list(time_column_name = arg_string(time_column_name)),
    checked(steps, arg_steps), checked(texts, arg_string), checked(names, arg_strings),
    if (!identical(short[[1]], "auto")) short
  )
}

# A number of steps, or several.
arg_steps <- function(x, arg) {
  counts <- lapply(x, function(one) arg_count(one, least = 1L, arg = arg))
  if (length(counts) == 1) counts[[1]] else counts
}

#' Forecast what comes next
#'
#' `forecast()` is a generic function, as in the packages generics, forecast and fabletools, whose
#' generics have the same methods: it does not matter which one is found first. For what
#' [automl()] has found with the task `"forecasting"` it forecasts the next steps of all series, or
#' the rows of a data frame. `rolling_forecast()` forecasts from one time after another, each with
#' all that was known by then, and compares with what came.
#'
#' @param object A `tandemlab_automl` that [automl()] gives for the task `"forecasting"`, or the run
#'   of such an [automl_config()].
#' @param new_data A data frame with times and series to forecast for, and the columns that are
#'   known ahead. Where it has values of the target, these are taken as known, and what comes after
#'   them is forecast. `NULL`: the next steps of all series. Of `rolling_forecast()`: rows that
#'   follow the training data, with the target.
#' @param ... Of other methods.
#' @param horizon,h Steps ahead, where no data frame is given; `NULL`: those that models were
#'   trained for. `h` is what the package forecast calls it.
#' @param quantiles Numbers between 0 and 1: there is a column `q0.1` for 0.1, and so on. Between
#'   `q0.1` and `q0.9` lies what comes in four of five cases.
#' @param step Steps from one time to the next.
#' @return A data frame with the columns of series and time, `forecast`, and the quantiles; of
#'   `rolling_forecast()` with `origin`, the last time that was known, and the target, too.
#' @section Errors:
#' `tandemlab_error_invalid_input` if a row is of a series or time that cannot be forecast, or
#' columns are missing; `tandemlab_error_invalid_state` if the model is of another task.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("statsforecast")
#' passengers <- data.frame(
#'   month = seq(as.Date("1949-01-01"), by = "month", length.out = 144),
#'   thousands = as.numeric(datasets::AirPassengers)
#' )
#' found <- automl(
#'   passengers[1:132, ], "thousands", "forecasting",
#'   timeout = NULL, iterations = 2, allowed_models = c("SeasonalNaive", "LightGBM"),
#'   forecasting_parameters = forecasting_parameters("month", forecast_horizon = 12),
#'   show_output = FALSE
#' )
#' forecast(found, horizon = 3, quantiles = c(0.1, 0.9))
#' head(rolling_forecast(found, passengers[133:144, ], step = 6))
#' @export
forecast <- function(object, ...) UseMethod("forecast")

#' @rdname forecast
#' @export
#' @rawNamespace S3method(generics::forecast, tandemlab_automl)
#' @rawNamespace S3method(forecast::forecast, tandemlab_automl)
forecast.tandemlab_automl <- function(object, new_data = NULL, horizon = h, quantiles = NULL, ...,
                                      h = NULL) {
  call_with_model(
    object, "automl.forecast", arg_optional(new_data, arg_frame, arg = "new_data"),
    horizon = arg_optional(horizon, arg_count, least = 1L, arg = "horizon"),
    quantiles = arg_quantiles(quantiles)
  )
}

#' @rdname forecast
#' @export
#' @rawNamespace S3method(generics::forecast, tandemlab_run)
#' @rawNamespace S3method(forecast::forecast, tandemlab_run)
forecast.tandemlab_run <- function(object, ...) {
  forecast(get_output_from_automl_run(object), ...)
}

#' @rdname forecast
#' @export
rolling_forecast <- function(object, new_data, step = 1, quantiles = NULL) {
  call_with_model(
    as_automl(object), "automl.rolling_forecast", arg_frame(new_data),
    step = arg_count(step, least = 1L), quantiles = arg_quantiles(quantiles)
  )
}

# What the core makes of a model and a data frame, as a data frame.
call_with_model <- function(object, call, data, ...) {
  folder <- withr::local_tempdir()
  target <- file.path(folder, "made.arrow")
  call_core(
    call,
    model = model_file(object, folder), data = data_file(data, folder), target = target, ...
  )
  read_frame(target)
}

model_file <- function(object, folder) {
  path <- file.path(folder, "model.joblib")
  writeBin(object$model, path)
  path
}

data_file <- function(data, folder) {
  if (is.null(data)) {
    return(NULL)
  }
  path <- file.path(folder, "data.arrow")
  write_frame(data, path)
  path
}

as_automl <- function(object) {
  if (inherits(object, "tandemlab_run")) {
    return(get_output_from_automl_run(object))
  }
  if (!inherits(object, "tandemlab_automl")) {
    abort_argument("object", "what automl() gives, or the run of an automl_config()", object)
  }
  object
}

arg_frame <- function(x, arg = "new_data") {
  if (!is.data.frame(x)) {
    abort_argument(arg, "a data frame", x)
  }
  x
}

arg_quantiles <- function(x) lapply(x, arg_number, arg = "quantiles")
