#' Datasets as inputs of runs
#'
#' A dataset is an input of [script_run_config()], [run_config()] or an estimator: in `inputs`, by
#' name, as it is or with a mode by `dataset_consumption_config()`; or among the arguments, in whose
#' place the path stands then. The run records which version it was, what the files held as it
#' began, and whether that is another than when the version was registered.
#'
#' In the script `get_input_dataset_from_run()` gives the dataset with the data as it was when the
#' run began. A table comes as an Arrow file, which [load_dataset_into_data_frame()] reads natively,
#' with no Python in the process. The path is `${inputs.NAME}` in arguments, and the environment
#' variable `TANDEMLAB_INPUT_NAME`.
#'
#' @param name Name of the input.
#' @param dataset A `tandemlab_dataset`.
#' @param mode For files: `"direct"` (the very path; several are linked), `"mount"` (links in a
#'   folder of the run) or `"download"` (copies there, which the script may change).
#' @param run A `tandemlab_run`; `NULL` for the current one. Of a run that is not the job of this
#'   process, the dataset that it was given is meant.
#' @return `dataset_consumption_config()`: plain data. `get_input_dataset_from_run()`: a
#'   `tandemlab_dataset`, which inside the job has a `path`. `run$input_datasets` is a list of all.
#' @section Errors:
#' `tandemlab_error_not_found` if the run has no such input.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("duckdb")
#' path <- tempfile(fileext = ".csv")
#' write.csv(cars, path, row.names = FALSE)
#' data <- create_tabular_dataset_from_delimited_files(path)
#' source <- tempfile("source")
#' dir.create(source)
#' writeLines(c(
#'   "library(tandemlab)",
#'   "cars <- load_dataset_into_data_frame(get_input_dataset_from_run('cars'))",
#'   "log_metric_to_run('rows', nrow(cars))"
#' ), file.path(source, "train.R"))
#' config <- script_run_config(source, "train.R", inputs = list(cars = data))
#' @export
dataset_consumption_config <- function(name, dataset, mode = c("direct", "mount", "download")) {
  dataset <- arg_dataset(dataset)
  structure(
    list(
      name = arg_string(name), mode = match.arg(mode),
      dataset = if (is.null(dataset$id)) as.character(dataset$definition) else dataset$id
    ),
    class = "tandemlab_dataset_consumption"
  )
}

#' @rdname dataset_consumption_config
#' @export
get_input_dataset_from_run <- function(name, run = NULL) {
  run <- if (is.null(run)) get_current_run() else arg_run(run)
  found <- input_datasets(run)
  name <- arg_string(name)
  if (!name %in% names(found)) {
    known <- if (length(found) > 0) toString(names(found)) else "none"
    abort_tandemlab(
      "not_found", sprintf("The run has no input dataset %s.", encodeString(name, quote = "\"")),
      sprintf("Its input datasets: %s.", known), list(name = name)
    )
  }
  found[[name]]
}

# The datasets of a run's inputs by name. In its own job no Python is needed.
input_datasets <- function(run) {
  if (!is_own_job(run)) {
    return(lapply(call_core(
      "run.input_datasets",
      workspace = .subset2(run, "workspace"), run = .subset2(run, "id")
    ), new_dataset))
  }
  file <- file.path(.subset2(run, "directory"), "files", "system", "inputs.json")
  if (!file.exists(file)) {
    return(list())
  }
  lapply(jsonlite::read_json(file), function(one) {
    new_dataset(list(
      kind = one$kind, path = one$path,
      definition = jsonlite::toJSON(one$definition, auto_unbox = TRUE, null = "null", digits = NA)
    ))
  })
}

# The Arrow file that is the whole dataset, or NULL.
arrow_file <- function(dataset) {
  definition <- jsonlite::fromJSON(dataset$definition, simplifyVector = FALSE)
  source <- definition$source
  is_file <- source$format == "arrow" && length(source$paths) == 1 &&
    length(definition$steps) == 0 && length(source$options) == 0 &&
    is.null(source$partition_format) && !source$include_path
  if (is_file && utils::file_test("-f", source$paths[[1]])) source$paths[[1]]
}
