#' Look for the best model of a data frame
#'
#' Trains models of many kinds on a data frame until the time is up, puts the best together, and
#' gives a model that takes raw data frames: texts, factors, times and missing values included. The
#' search is a run of a workspace, whose child runs are the trials; Python trains, in processes of
#' its own.
#'
#' @param data A data frame, a [tabular dataset][create_tabular_dataset_from_delimited_files()], or
#'   the path of a file (CSV, TSV, Parquet, Arrow, JSON lines).
#' @param target Name of the column to predict.
#' @param task `"classification"`, `"regression"` or `"forecasting"`, which needs
#'   `forecasting_parameters`; `NULL` goes by the column which of the first two it is.
#' @param timeout Seconds that all may take; `NULL` where `iterations` is the limit.
#' @param ... Further settings of [automl_config()]. Of methods: ignored.
#' @param experiment The `tandemlab_experiment` that the run belongs to; `NULL` makes a temporary
#'   workspace. The result needs it no more.
#' @param show_output Whether to print the leaderboard as it grows.
#' @param object,x A `tandemlab_automl`.
#' @param newdata A data frame with the columns of the training data; that of the label may be
#'   missing, further ones are passed over.
#' @param type `"response"` for the class (a factor) or the value of each row, `"prob"` for a data
#'   frame with the probability of each class. A logical column has the classes `"False"` and
#'   `"True"`, as everywhere in the lab.
#' @return `automl()`: a `tandemlab_automl`, which can be saved with `saveRDS()`. It has
#'   `leaderboard` (a data frame with a row for each trial, the best first), `guardrails` (what was
#'   found in the data, and done about it), `featurization` (a row for each column), `best_run`,
#'   `metric`, `score`, `classes`, `pipeline` (what happens to the data, step by step) and
#'   `seconds`.
#'   `predict()`: a factor, a vector or a data frame, with an element or row for each of `newdata`.
#'   `as.data.frame()`: the leaderboard.
#' @section Errors:
#' `tandemlab_error_invalid_input` if there is no such column, nothing can be learned from the data,
#' or `newdata` lack a column or have another type in it; `tandemlab_error_run_failed` if the search
#' failed.
#' @seealso [automl_config()] for all settings, and for runs that go on by themselves; [forecast()];
#'   [explain_model()], [model_card()] and [export_code()] for what is to be known of a model.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("lightgbm")
#' found <- automl(
#'   iris, "Species", timeout = NULL, iterations = 2, allowed_models = "Linear",
#'   show_output = FALSE
#' )
#' found
#' predict(found, iris[c(1, 51, 101), ])
#' predict(found, iris[c(1, 51, 101), ], type = "prob")
#' @export
automl <- function(data, target, task = NULL, timeout = 60, ..., experiment = NULL,
                   show_output = interactive()) {
  target <- arg_string(target)
  if (is.null(task)) {
    with_sent_data(list(data = data), function(sent) {
      task <<- call_core("automl.task", data = sent$data, target = target)
    })
  }
  minutes <- if (!is.null(timeout)) arg_number(timeout, least = 0) / 60
  config <- automl_config(
    task, data, target, experiment_timeout_minutes = minutes, ...
  )
  if (is.null(experiment)) {
    experiment <- experiment(temp_workspace(), "automl")
  }
  run <- submit_experiment(experiment, config)
  wait_for_run_completion(run, show_output = arg_flag(show_output), show_progress = FALSE)
  get_output_from_automl_run(run)
}

#' @rdname automl
#' @export
predict.tandemlab_automl <- function(object, newdata, type = c("response", "prob"), ...) {
  type <- match.arg(type)
  if (!is.data.frame(newdata)) {
    abort_argument("newdata", "a data frame", newdata)
  }
  if (type == "prob" && length(object$classes) == 0) {
    abort_input("A regression has no probabilities.", "type = \"response\" gives its values.")
  }
  folder <- withr::local_tempdir()
  files <- file.path(folder, c("model.joblib", "data.arrow", "predictions.arrow"))
  writeBin(object$model, files[[1]])
  write_frame(newdata, files[[2]])
  call_core("automl.predict", model = files[[1]], data = files[[2]], target = files[[3]])
  found <- read_frame(files[[3]])
  if (length(object$classes) == 0) {
    return(found[[".pred"]])
  }
  if (type == "prob") {
    found[[".pred_class"]] <- NULL
    names(found) <- sub("^[.]pred_", "", names(found))
    return(found)
  }
  factor(as.character(found[[".pred_class"]]), levels = object$classes)
}

#' @export
format.tandemlab_automl <- function(x, ...) {
  best <- x$leaderboard[1, ]
  c(
    sprintf("<%s of %s: %s>", x$task, x$label, best$algorithm),
    sprintf("%s %.6g, %d trials in %.0f s", x$metric, x$score, nrow(x$leaderboard), x$seconds),
    x$pipeline
  )
}

#' @export
print.tandemlab_automl <- function(x, ...) {
  cat(format(x), sep = "\n")
  invisible(x)
}

#' @rdname automl
#' @export
as.data.frame.tandemlab_automl <- function(x, ...) x$leaderboard

#' What a model is looked for, in which data, and for how long
#'
#' [submit_experiment()] looks for it in a run on the compute target, which goes on when this R
#' session ends. Its child runs are the trials. [automl()] does all of it in one call. In an
#' [automl_step()] a [pipeline_parameter()] may stand for numbers, flags and lists of names.
#'
#' @param task `"classification"`, `"regression"` or `"forecasting"`.
#' @param training_data,validation_data Data to learn from, and to measure by: a data frame, a
#'   tabular dataset, or the path of a file.
#' @param label_column_name The column to predict.
#' @param ... Not used; makes sure that what follows is named.
#' @param primary_metric What trials are compared by. Classification: `"log_loss"` (the usual one),
#'   `"AUC_weighted"`, `"average_precision_score_weighted"`, `"accuracy"`, `"balanced_accuracy"`,
#'   `"norm_macro_recall"`, `"precision_score_weighted"`, `"recall_score_weighted"`,
#'   `"f1_score_weighted"`, `"f1_score_macro"`, `"matthews_correlation"`. Regression:
#'   `"root_mean_squared_error"` (the usual one), `"normalized_root_mean_squared_error"`,
#'   `"mean_absolute_error"`, `"normalized_mean_absolute_error"`, `"median_absolute_error"`,
#'   `"r2_score"`, `"explained_variance"`, `"spearman_correlation"`.
#' @param iterations Most configurations that are tried, without the ensembles. Where it is the only
#'   limit, the same `seed` gives the same result.
#' @param experiment_timeout_minutes When all is over, in minutes; parts of one, too. Where neither
#'   this nor `iterations` is given, 10.
#' @param iteration_timeout_minutes When a trial is given up, or boosting stops and what has been
#'   learned counts.
#' @param experiment_exit_score A primary metric that is good enough to stop.
#' @param max_concurrent_iterations Processes that train at once; `NULL` for as many as there are
#'   processors for: of the job's machine, on Ray of the whole cluster.
#' @param max_cores_per_iteration Threads of each.
#' @param featurization `"auto"`, `"off"` for data that are numbers already, or a
#'   `featurization_config()`.
#' @param allowed_models,blocked_models The only models that are tried, and those that are not: of
#'   `"LightGBM"`, `"Linear"`, `"ExtraTrees"`, `"CatBoost"`, `"XGBoost"`, `"NeuralNetwork"`,
#'   `"RandomForest"`, `"HistGradientBoosting"`, `"NearestNeighbors"` and `"ElasticNet"`.
#' @param n_cross_validations Parts that the data are cut into: each configuration is trained as
#'   often, each time without one, and measured on that. `NULL`: 4 to 8, by the rows.
#' @param validation_size Instead, the share of the rows that are held out.
#' @param cv_split_column_names Instead, columns that say of each row 1 where it is trained on, and
#'   0 where it is measured on.
#' @param weight_column_name A column with weights of the rows.
#' @param enable_early_stopping Whether to stop when 40 further configurations made nothing better.
#' @param enable_voting_ensemble,enable_stack_ensemble Whether several models may be put together by
#'   a weighted mean, and whether a model of their predictions is tried.
#' @param seed Of all that is drawn at random.
#' @param compute_target Name of the target; `"local"` is this machine.
#' @param environment Packages that the job needs there: the name of a registered or curated
#'   environment; `NULL` for what the target has.
#' @param memory Most that the job may use, such as `"4GB"`: trials that use more than their share
#'   fail. On Ray each process on another machine may use as much.
#' @param forecasting_parameters For forecasting: [forecasting_parameters()]. Models are then
#'   `"SeasonalNaive"`, `"Naive"`, `"AutoTheta"`, `"LightGBM"`, `"AutoETS"` and `"AutoARIMA"`;
#'   `n_cross_validations` are the earlier times from which forecasts are compared with what came.
#' @param column_purposes By column: `"Numeric"`, `"Boolean"`, `"Categorical"`,
#'   `"CategoricalHash"` (one of very many levels), `"DateTime"`, `"Text"` or `"Ignore"`.
#' @param blocked_transformers What is left out: `"CountEncoder"`, `"DateParts"`, `"HashedTfIdf"` or
#'   `"MissingIndicator"`.
#' @param drop_columns Columns that no model sees.
#' @param imputers By numeric column, how its missing values are filled for all models:
#'   `"median"`, `"mean"` or `"most_frequent"` of the training data, or a number.
#' @param run The `tandemlab_run` of an `automl_config()`.
#' @param iteration,metric Another model than the best one: that of a trial, whose number is in the
#'   leaderboard, or of the trial that is best by another metric. Models of single trials are kept,
#'   the best first, up to 128 MiB together.
#' @param config An `automl_config()`.
#' @param path A YAML file; paths in it are relative to the file.
#' @return `automl_config()`, `load_automl_config()`: a `tandemlab_automl_config`.
#'   `save_automl_config()`: the path, invisibly; data frames are not written.
#'   `get_automl_leaderboard()`: a data frame with a row for each trial, also while the run goes on:
#'   `iteration`, `algorithm`, `status` (`"completed"`, `"stopped"`, `"failed"`), `score`,
#'   `seconds`, `folds`, `parameters`, `error`, `run_id`, and its metrics.
#'   `get_output_from_automl_run()`: the best model, as [automl()] gives it.
#'   `resume_automl_run()`: another run, which goes on from the trials of one that failed or was
#'   canceled.
#' @section Errors:
#' `tandemlab_error_invalid_input` for a value that cannot be one; `tandemlab_error_invalid_state`
#' if the run has no model, has not kept that of the trial, or cannot be resumed.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("lightgbm")
#' config <- automl_config(
#'   "regression", mtcars, "mpg", iterations = 2, allowed_models = "Linear",
#'   featurization = featurization_config(column_purposes = list(cyl = "Categorical"))
#' )
#' run <- submit_experiment(experiment(temp_workspace(), "cars"), config)
#' wait_for_run_completion(run, show_output = FALSE)
#' get_automl_leaderboard(run)[c("algorithm", "score")]
#' found <- get_output_from_automl_run(run)
#' predict(found, head(mtcars))
#' @export
automl_config <- function(task, training_data, label_column_name, ..., primary_metric = NULL,
                          iterations = NULL, experiment_timeout_minutes = NULL,
                          iteration_timeout_minutes = NULL, experiment_exit_score = NULL,
                          max_concurrent_iterations = NULL, max_cores_per_iteration = NULL,
                          featurization = NULL, allowed_models = NULL, blocked_models = NULL,
                          n_cross_validations = NULL, validation_data = NULL,
                          validation_size = NULL, cv_split_column_names = NULL,
                          weight_column_name = NULL, enable_early_stopping = NULL,
                          enable_voting_ensemble = NULL, enable_stack_ensemble = NULL, seed = NULL,
                          compute_target = NULL, environment = NULL, memory = NULL,
                          forecasting_parameters = NULL) {
  if (...length() > 0) {
    call_core("automl.foreign", names = as.list(...names()))
  }
  check_no_dots(...)
  texts <- list(
    primary_metric = primary_metric, weight_column_name = weight_column_name,
    compute_target = compute_target, environment = environment, memory = memory
  )
  counts <- list(
    iterations = iterations, max_concurrent_iterations = max_concurrent_iterations,
    max_cores_per_iteration = max_cores_per_iteration, n_cross_validations = n_cross_validations,
    seed = seed
  )
  numbers <- list(
    experiment_timeout_minutes = experiment_timeout_minutes,
    iteration_timeout_minutes = iteration_timeout_minutes,
    experiment_exit_score = experiment_exit_score, validation_size = validation_size
  )
  flags <- list(
    enable_early_stopping = enable_early_stopping,
    enable_voting_ensemble = enable_voting_ensemble, enable_stack_ensemble = enable_stack_ensemble
  )
  names <- list(
    allowed_models = allowed_models, blocked_models = blocked_models,
    cv_split_column_names = cv_split_column_names
  )
  content <- c(
    list(task = arg_string(task), label_column_name = arg_string(label_column_name)),
    checked(texts, arg_string), checked(counts, arg_count), checked(numbers, arg_number),
    checked(flags, arg_flag), checked(names, function(x, arg) as.list(arg_strings(x, arg = arg)))
  )
  content$featurization <- arg_featurization(featurization)
  content$forecasting_parameters <- forecasting_parameters
  taken <- take_references(content, list())
  data <- drop_null(list(training_data = training_data, validation_data = validation_data))
  new_automl_config(call_core("automl.check", config = taken$settings), data, taken$parameters)
}

# Those of a list of arguments that are given, each checked under its own name.
checked <- function(arguments, check) {
  given <- drop_null(arguments)
  found <- lapply(names(given), function(name) {
    arg_or_parameter(given[[name]], check, arg = name)
  })
  stats::setNames(found, names(given))
}

new_automl_config <- function(json, data, parameters = list()) {
  content <- jsonlite::fromJSON(json, simplifyVector = FALSE)
  structure(
    list(content = content, data = data, parameters = parameters),
    class = "tandemlab_automl_config"
  )
}

arg_automl_config <- function(x, arg = "config") {
  if (!inherits(x, "tandemlab_automl_config")) {
    abort_argument(arg, "an automl_config()", x)
  }
  x
}

arg_featurization <- function(x) {
  if (is.null(x) || inherits(x, "tandemlab_featurization_config")) {
    return(if (!is.null(x)) unclass(x))
  }
  arg_choice(x, c("auto", "off"), "featurization")
}

#' @export
format.tandemlab_automl_config <- function(x, ...) {
  content <- x$content
  sprintf("<%s of %s on %s>", content$task, content$label_column_name, target_of(content))
}

#' @export
print.tandemlab_automl_config <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

#' @rdname automl_config
#' @export
featurization_config <- function(column_purposes = NULL, blocked_transformers = NULL,
                                 drop_columns = NULL, imputers = NULL) {
  content <- list(
    column_purposes = arg_optional(column_purposes, arg_text_map),
    blocked_transformers = as.list(arg_optional(blocked_transformers, arg_strings)),
    drop_columns = as.list(arg_optional(drop_columns, arg_strings)),
    imputers = arg_optional(imputers, arg_scalar_map)
  )
  structure(drop_empty(content), class = "tandemlab_featurization_config")
}

#' @rdname automl_config
#' @export
save_automl_config <- function(config, path) {
  config <- arg_automl_config(config)
  refuse_parameters(config$parameters, "the configuration", "automl_step()")
  content <- config$content
  is_path <- vapply(config$data, is_string, NA)
  content[names(config$data)[is_path]] <- config$data[is_path]
  invisible(call_core("automl.save", config = content, path = arg_string(path)))
}

#' @rdname automl_config
#' @export
load_automl_config <- function(path) {
  config <- new_automl_config(call_core("automl.load", path = arg_string(path)), list())
  names <- intersect(c("training_data", "validation_data"), names(config$content))
  config$data <- config$content[names]
  config
}

# Gives data to the core while a function runs: frames as files, datasets by definition, paths.
with_sent_data <- function(data, call) {
  folder <- withr::local_tempdir()
  call(lapply(stats::setNames(names(data), names(data)), function(name) {
    one <- data[[name]]
    if (is.data.frame(one)) {
      path <- file.path(folder, paste0(name, ".arrow"))
      write_frame(one, path)
      return(list(kind = "frame", text = path))
    }
    if (inherits(one, "tandemlab_dataset")) {
      return(list(kind = "dataset", text = one$definition))
    }
    if (!is_string(one)) {
      abort_argument(name, "a data frame, a dataset or the path of a file", one)
    }
    list(kind = "path", text = absolute_path(one))
  }))
}

submit_automl <- function(config, experiment, tags) {
  refuse_parameters(config$parameters, "the configuration", "automl_step()")
  content <- config$content
  registered <- vapply(config$data, is.list, NA) &
    !vapply(config$data, is.data.frame, NA) & !vapply(config$data, is.object, NA)
  content[names(config$data)[registered]] <- config$data[registered]
  data <- config$data[!registered]
  content <- content[setdiff(names(content), names(data))]
  handle <- with_sent_data(data, function(sent) {
    call_experiment(
      experiment, "automl.submit",
      config = content, data = if (length(sent)) sent else empty_map(),
      tags = arg_text_map(tags, missing_values = TRUE)
    )
  })
  run_from(handle, experiment)
}

#' @rdname automl_config
#' @export
get_automl_leaderboard <- function(run) call_run(arg_run(run), "automl.leaderboard")

#' @rdname automl_config
#' @export
get_output_from_automl_run <- function(run, iteration = NULL, metric = NULL) {
  run <- arg_run(run)
  found <- call_run(
    run, "automl.output",
    iteration = arg_optional(iteration, arg_count), metric = arg_optional(metric, arg_string)
  )
  found$run <- run
  found$best_run <- run_from(found$best_run, run)
  found$model <- readBin(found$model, "raw", file.size(found$model))
  found$leaderboard <- get_automl_leaderboard(run)
  found$guardrails <- call_run(run, "automl.guardrails")
  found$featurization <- call_run(run, "automl.featurization")
  structure(as.list(found), class = "tandemlab_automl")
}

#' @rdname automl_config
#' @export
resume_automl_run <- function(run) {
  run <- arg_run(run)
  run_from(call_run(run, "automl.resume"), run)
}
