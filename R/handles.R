# Handles are plain data: names, ids and paths. They can be saved, sent to another process and read
# back; whatever they are asked is looked up anew.

new_workspace <- function(name, path) {
  structure(list(name = name, path = path), class = "tandemlab_workspace")
}

new_experiment <- function(name, workspace) {
  structure(list(name = name, workspace = workspace), class = "tandemlab_experiment")
}

new_run <- function(id, workspace, experiment, directory = file.path(workspace, "runs", id)) {
  structure(
    list(id = id, workspace = workspace, directory = directory, experiment = experiment),
    class = "tandemlab_run"
  )
}

arg_workspace <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (inherits(x, "tandemlab_workspace")) {
    return(x)
  }
  abort_argument(arg, "a workspace", x, "get_workspace() and create_workspace() give one.")
}

arg_experiment <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (inherits(x, "tandemlab_experiment")) {
    return(x)
  }
  abort_argument(arg, "an experiment", x, "experiment(workspace, name) gives one.")
}

arg_run <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (is.null(x)) {
    return(get_current_run())
  }
  if (inherits(x, "tandemlab_run")) {
    return(x)
  }
  abort_argument(arg, "a run", x, "get_run(), submit_experiment() and get_current_run() give one.")
}

# The name of the workspace in a folder or at a URL, read without Python.
workspace_name <- function(path) {
  if (is_url(path)) {
    return(utils::URLdecode(basename(path)))
  }
  marker <- file.path(path, "workspace.json")
  if (!file.exists(marker)) {
    return(basename(path))
  }
  jsonlite::fromJSON(marker, simplifyVector = FALSE)$name
}

workspace_at <- function(path) new_workspace(workspace_name(path), path)

# `$` of a handle: plain fields first, then those that `fields` computes.
handle_field <- function(x, name, fields) {
  plain <- setdiff(names(unclass(x)), names(fields))
  if (name %in% plain) {
    return(.subset2(x, name))
  }
  compute <- fields[[name]]
  if (is.null(compute)) {
    abort_input(
      sprintf("%s has no field '%s'.", format(x), name),
      paste0("It has ", paste(handle_names(x, fields), collapse = ", "), ".")
    )
  }
  compute(x)
}

handle_names <- function(x, fields) union(names(unclass(x)), names(fields))

complete_names <- function(x, pattern, fields) {
  grep(paste0("^", pattern), handle_names(x, fields), value = TRUE)
}

workspace_fields <- list(
  get_default_keyvault = function(ws) function() get_default_keyvault(ws),
  details = function(ws) get_workspace_details(ws),
  experiments = function(ws) list_experiments(ws)
)

experiment_fields <- list(
  workspace = function(exp) workspace_at(.subset2(exp, "workspace")),
  runs = function(exp) get_runs_in_experiment(exp)
)

run_fields <- list(
  workspace = function(run) workspace_at(.subset2(run, "workspace")),
  experiment = function(run) {
    new_experiment(.subset2(run, "experiment"), .subset2(run, "workspace"))
  },
  status = function(run) run_record(run)$status,
  input_datasets = function(run) input_datasets(run),
  number = function(run) run_record(run)$number,
  type = function(run) run_record(run)$type,
  display_name = function(run) run_record(run)$display_name,
  description = function(run) run_record(run)$description,
  target = function(run) run_record(run)$target,
  exit_code = function(run) run_record(run)$exit_code,
  parent = function(run) {
    parent <- run_record(run)$parent
    if (!is.null(parent)) {
      get_run(workspace_at(.subset2(run, "workspace")), parent)
    }
  },
  tags = function(run) get_run_tags(run),
  properties = function(run) get_run_properties(run),
  metrics = function(run) get_run_metrics(run),
  files = function(run) get_run_file_names(run),
  get_status = function(run) function() run_record(run)$status,
  get_details = function(run) function() get_run_details(run),
  get_metrics = function(run) function(...) get_run_metrics(run, ...)
)

#' Fields of handles
#'
#' Workspaces, experiments and runs are plain data, so that `saveRDS()` and other processes keep
#' them. `$` gives their fields; those that change, such as the status of a run, are looked up each
#' time.
#'
#' Workspaces have `name`, `path`, `details`, `experiments` and the function
#' `get_default_keyvault()`; experiments have `name`,
#' `workspace` and `runs`; runs have `id`, `directory`, `experiment`, `workspace`, `status`,
#' `number`, `type`, `display_name`, `description`, `target`, `exit_code`, `parent`, `tags`,
#' `properties`, `metrics`, `files` and the functions `get_status()`, `get_details()` and
#' `get_metrics()`.
#'
#' @section In Python code:
#' Where reticulate hands a handle to Python code, it becomes Python's object, opened anew:
#' `reticulate::r_to_py(run)$log("loss", 0.5)`. `py_to_r()` makes a handle of Python's `Workspace`,
#' `Experiment` and `Run`, also of results of a module that was imported with `convert = TRUE`; to
#' keep Python's own objects, use `reticulate::import("tandemlab", convert = FALSE)`. Data frames
#' are no handles: [as_python_frame()] and [as_r_frame()] take them across.
#'
#' @param x,object A handle.
#' @param name Name of a field.
#' @param ... For methods.
#' @return The field; an error of class `tandemlab_error_invalid_input` for an unknown one.
#' @name handles
#' @examplesIf tandemlab_is_ready()
#' exp <- experiment(temp_workspace(), "demo")
#' exp$workspace$name
NULL

#' @rdname handles
#' @export
`$.tandemlab_workspace` <- function(x, name) handle_field(x, name, workspace_fields)

#' @rdname handles
#' @export
`$.tandemlab_experiment` <- function(x, name) handle_field(x, name, experiment_fields)

#' @rdname handles
#' @export
`$.tandemlab_run` <- function(x, name) handle_field(x, name, run_fields)

#' @rawNamespace S3method(utils::.DollarNames, tandemlab_workspace)
.DollarNames.tandemlab_workspace <- function(x, pattern = "") {
  complete_names(x, pattern, workspace_fields)
}

#' @rawNamespace S3method(utils::.DollarNames, tandemlab_experiment)
.DollarNames.tandemlab_experiment <- function(x, pattern = "") {
  complete_names(x, pattern, experiment_fields)
}

#' @rawNamespace S3method(utils::.DollarNames, tandemlab_run)
.DollarNames.tandemlab_run <- function(x, pattern = "") complete_names(x, pattern, run_fields)

#' @rdname handles
#' @export
format.tandemlab_workspace <- function(x, ...) sprintf("<workspace %s>", .subset2(x, "name"))

#' @rdname handles
#' @export
format.tandemlab_experiment <- function(x, ...) sprintf("<experiment %s>", .subset2(x, "name"))

#' @rdname handles
#' @export
format.tandemlab_run <- function(x, ...) sprintf("<run %s>", .subset2(x, "id"))

#' @rdname handles
#' @export
print.tandemlab_workspace <- function(x, ...) {
  cat(format(x), "\n", "  ", .subset2(x, "path"), "\n", sep = "")
  invisible(x)
}

#' @rdname handles
#' @export
print.tandemlab_experiment <- function(x, ...) {
  cat(format(x), "\n", "  in the workspace ", .subset2(x, "workspace"), "\n", sep = "")
  invisible(x)
}
