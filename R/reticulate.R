# Handles in Python code that R runs: reticulate's conversions, registered when it is loaded.

# Python's module, whose objects stay Python's.
python_workspace <- function(path) {
  start_core()
  reticulate::import("tandemlab", convert = FALSE)$Workspace$open(path)
}

#' @rawNamespace S3method(reticulate::r_to_py, tandemlab_workspace)
r_to_py.tandemlab_workspace <- function(x, convert = FALSE) {
  python_workspace(.subset2(x, "path"))
}

#' @rawNamespace S3method(reticulate::r_to_py, tandemlab_experiment)
r_to_py.tandemlab_experiment <- function(x, convert = FALSE) {
  python_workspace(.subset2(x, "workspace"))$experiment(.subset2(x, "name"))
}

#' @rawNamespace S3method(reticulate::r_to_py, tandemlab_run)
r_to_py.tandemlab_run <- function(x, convert = FALSE) {
  python_workspace(.subset2(x, "workspace"))$get_run(.subset2(x, "id"))
}

field_of_python <- function(x, name) reticulate::py_to_r(reticulate::py_get_attr(x, name))

#' @rawNamespace S3method(reticulate::py_to_r, tandemlab.tracking.workspace.Workspace)
py_to_r.tandemlab.tracking.workspace.Workspace <- function(x) {
  new_workspace(field_of_python(x, "name"), field_of_python(x, "address"))
}

#' @rawNamespace S3method(reticulate::py_to_r, tandemlab.tracking.experiment.Experiment)
py_to_r.tandemlab.tracking.experiment.Experiment <- function(x) {
  workspace <- field_of_python(x, "workspace")
  new_experiment(field_of_python(x, "name"), .subset2(workspace, "path"))
}

#' @rawNamespace S3method(reticulate::py_to_r, tandemlab.tracking.run.Run)
py_to_r.tandemlab.tracking.run.Run <- function(x) {
  get_run(field_of_python(x, "workspace"), field_of_python(x, "id"))
}
