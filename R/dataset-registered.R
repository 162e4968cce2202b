#' Keep datasets in a workspace
#'
#' A registered dataset has a name and versions from 1. What its files hold is recorded by digest,
#' so that `dataset_has_changed()` can tell later whether they still do, and `get_dataset_changes()`
#' which of them changed. The data itself stays where it is.
#'
#' A dataset that is the same as the newest version, with the same data, is that version.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param dataset A `tandemlab_dataset`; but for `register_dataset()` a registered one.
#' @param name Name of the dataset; for `get_dataset_by_name()` also `"NAME:VERSION"`.
#' @param description What it is, in words. `NULL` for none, or, for `update_dataset()`, to leave
#'   it as it is.
#' @param tags A named list or vector of labels; for `update_dataset()` `NA` removes one.
#' @param create_new_version Whether a name that is there may get another version; without it, that
#'   is an error of class `tandemlab_error_already_exists`.
#' @param version A number; `"latest"` for the newest.
#' @param id `"NAME:VERSION"`, the `id` of a registered dataset.
#' @return `register_dataset()`, `update_dataset()`, `get_dataset_by_name()`, `get_dataset_by_id()`:
#'   a `tandemlab_dataset` with `name`, `version`, `id`, `description` and `tags`.
#'   `list_datasets()`: a data frame with a row for the newest version of each name, or for each
#'   version of `name`. `dataset_has_changed()`: `TRUE` or `FALSE`. `get_dataset_changes()`: a data
#'   frame with the `name` of each file and its `change`: `"added"`, `"removed"` or `"changed"`.
#'   `get_runs_of_dataset()`: a list of the runs that had this version as an input, or made it. The
#'   others: `NULL`, invisibly.
#' @section Errors:
#' `tandemlab_error_not_found` if there is no such dataset or version;
#' `tandemlab_error_invalid_state` if the dataset is not registered.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("duckdb")
#' ws <- temp_workspace()
#' path <- tempfile(fileext = ".csv")
#' write.csv(cars, path, row.names = FALSE)
#' data <- create_tabular_dataset_from_delimited_files(path)
#' data <- register_dataset(ws, data, "cars")
#' data$id
#' write.csv(cars[1:10, ], path, row.names = FALSE)
#' dataset_has_changed(data)
#' register_dataset(ws, data, "cars", create_new_version = TRUE)
#' list_datasets(ws, "cars")[c("name", "version", "kind")]
#' @export
register_dataset <- function(workspace, dataset, name, description = NULL, tags = NULL,
                             create_new_version = FALSE) {
  new_dataset(call_dataset(
    "dataset.register", dataset,
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name),
    description = arg_optional(description, arg_string), tags = arg_text_map(tags),
    create_new_version = arg_flag(create_new_version)
  ))
}

#' @rdname register_dataset
#' @export
get_dataset_by_name <- function(workspace, name, version = "latest") {
  new_dataset(call_core(
    "dataset.get",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name),
    version = if (is_string(version)) version else arg_count(version, least = 1L)
  ))
}

#' @rdname register_dataset
#' @export
get_dataset_by_id <- function(workspace, id) {
  new_dataset(call_core(
    "dataset.get",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(id),
    version = NULL
  ))
}

#' @rdname register_dataset
#' @export
list_datasets <- function(workspace, name = NULL) {
  call_core(
    "dataset.list",
    workspace = .subset2(arg_workspace(workspace), "path"),
    name = arg_optional(name, arg_string)
  )
}

#' @rdname register_dataset
#' @export
update_dataset <- function(dataset, description = NULL, tags = NULL) {
  new_dataset(call_registered(
    "dataset.update", dataset,
    description = arg_optional(description, arg_string),
    tags = arg_text_map(tags, missing_values = TRUE)
  ))
}

#' @rdname register_dataset
#' @export
dataset_has_changed <- function(dataset) call_registered("dataset.has_changed", dataset)

#' @rdname register_dataset
#' @export
get_dataset_changes <- function(dataset) {
  found <- call_registered("dataset.changes", dataset)
  data.frame(name = as.character(found$name), change = as.character(found$change))
}

#' @rdname register_dataset
#' @export
get_runs_of_dataset <- function(dataset) {
  lapply(call_registered("dataset.runs", dataset), function(handle) {
    new_run(handle$id, dataset$workspace, handle$experiment, handle$directory)
  })
}

#' @rdname register_dataset
#' @export
unregister_dataset <- function(dataset) {
  invisible(call_registered("dataset.unregister", dataset))
}

#' @rdname register_dataset
#' @export
unregister_all_dataset_versions <- function(dataset) {
  invisible(call_registered("dataset.unregister_all", dataset))
}

call_registered <- function(call, dataset, ...) {
  dataset <- arg_dataset(dataset)
  if (is.null(dataset$id)) {
    abort_tandemlab(
      "invalid_state", "The dataset is not registered.",
      "register_dataset() keeps it; a step such as take_from_dataset() gives a new one."
    )
  }
  call_core(call, workspace = dataset$workspace, id = dataset$id, ...)
}
