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
#' @param path_on_compute Refused: the files are in a folder of the run.
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
dataset_consumption_config <- function(name, dataset, mode = c("direct", "mount", "download"),
                                       path_on_compute = NULL) {
  dataset <- arg_dataset(dataset)
  refuse_path_on_compute(path_on_compute)
  structure(
    list(
      name = arg_string(name), mode = match.arg(mode),
      dataset = if (is.null(dataset$id)) as.character(dataset$definition) else dataset$id
    ),
    class = "tandemlab_dataset_consumption"
  )
}

refuse_path_on_compute <- function(path) {
  if (!is.null(path)) {
    abort_input(
      "`path_on_compute` has no meaning here: the files of an input are in a folder of the run.",
      "Its path is `${inputs.NAME}` in arguments, and in the variable `TANDEMLAB_INPUT_NAME`."
    )
  }
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

#' Outputs of runs that go to datastores or become datasets
#'
#' An item of the `outputs` of [script_run_config()], [run_config()] or an estimator, or one of the
#' arguments, in whose place the path stands then. The script writes to a folder: its path is
#' `${outputs.NAME}` in arguments, and the environment variable `TANDEMLAB_OUTPUT_NAME`.
#'
#' @param name Name of the output.
#' @param destination A [data_path()], with `{run-id}` and `{output-name}` for these (without a path
#'   `dataset/{run-id}/{output-name}` of the datastore); `NULL` for a folder whose files the run
#'   keeps.
#' @param ... Not used; makes sure that what follows is named.
#' @param mode `"mount"`: the script writes to the datastore itself, where that is a folder of its
#'   machine; `"upload"`, and for other datastores: the files are copied there when it has ended
#'   well.
#' @param overwrite Whether files that are copied may replace others there; otherwise the run fails.
#' @param register_as Name of the dataset that the files become, its next version, when the run
#'   completes; `NULL` for none.
#' @param description,tags Of that dataset: a string, and a named list or vector.
#' @param table How the files are read where that dataset is a table: a list of `format`
#'   (`"delimited"`, `"parquet"`, `"json_lines"` or `"arrow"`) and arguments of
#'   [create_tabular_dataset_from_delimited_files()] or its like. `NULL` for a dataset of files.
#' @return A `tandemlab_output_dataset`: plain data.
#' @examplesIf tandemlab_is_ready()
#' lake <- get_default_datastore(temp_workspace())
#' rows <- output_file_dataset_config(
#'   "rows", data_path(lake, "rows/{run-id}"),
#'   register_as = "rows", table = list(format = "delimited", separator = ";")
#' )
#' run_config("clean.R", arguments = list("--to" = rows))
#' @export
output_file_dataset_config <- function(name = "output", destination = NULL, ...,
                                       mode = c("mount", "upload"), overwrite = FALSE,
                                       register_as = NULL, description = NULL, tags = NULL,
                                       table = NULL) {
  check_no_dots(...)
  if (!is.null(destination) && !is_data_path(destination)) {
    abort_argument(
      "destination", "a data path", destination, "data_path(datastore, \"rows\") gives one."
    )
  }
  found <- drop_null(list(
    name = arg_string(name),
    path = if (isTRUE(nzchar(destination$path))) destination$path,
    datastore = destination$datastore,
    mode = match.arg(mode), overwrite = arg_flag(overwrite),
    register_as = arg_optional(register_as, arg_string),
    description = arg_optional(description, arg_string),
    tags = if (length(tags) > 0) arg_text_map(tags),
    table = arg_optional(table, arg_table)
  ))
  structure(found, class = "tandemlab_output_dataset")
}

arg_table <- function(x, arg = "table") {
  x <- arg_named(x, arg)
  if (!is.null(x$set_column_types)) x$set_column_types <- arg_column_types(x$set_column_types)
  if (!is.null(x$missing_values)) x$missing_values <- arg_strings(x$missing_values)
  x
}
