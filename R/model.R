#' Register models
#'
#' A registered model has a name and versions from 1; its files are kept in the workspace.
#' `register_model()` takes a file or folder of this machine, such as one that [save_model()] or
#' `saveRDS()` wrote, `register_model_from_run()` takes files of a run and copies nothing.
#'
#' What runs and services mean is `"NAME"` for the newest version, `"NAME:VERSION"`, or
#' `"NAME@ALIAS"`, see [set_model_alias()]. Inside a run, the model remembers the run that made it.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param model_path Path of the file or folder; for `register_model_from_run()` its name in the
#'   run, `model_name` if `NULL`.
#' @param model_name Name of the model.
#' @param datasets A named list or vector: what a registered dataset was used for, and the dataset
#'   or its name, as in `c(training = "accidents:2")`.
#' @param tags,properties Named lists or vectors of labels, and of facts that are written once.
#' @param description What the model is for.
#' @param child_paths Only these files and folders of a folder; `NULL` for all.
#' @param sample_input_dataset,sample_output_dataset A few inputs and outputs: a data frame, a
#'   `tandemlab_dataset` or a vector. What the model takes and gives is found from them, and five
#'   rows are kept as an example.
#' @param signature What the model takes and gives, instead of what the samples say: a list of
#'   `inputs` and, where it is known, `outputs`. Each has the type of every column, as in
#'   `list(age = "double", sex = "string")`, or is an array: `list(type = "double",
#'   shape = c(NA, 28, 28))`, with `NA` for a length that may differ. Types are `"boolean"`,
#'   `"integer"`, `"double"`, `"string"`, `"date"`, `"datetime"` and `"binary"`. A column may be a
#'   list of its `type`, whether it is `nullable`, and its `values`, such as the levels of a factor.
#' @param resource_configuration A [resource_configuration()].
#' @param aliases Further names of this version.
#' @param model_framework,model_framework_version What trained the model, such as `"glmnet"`.
#' @return A `tandemlab_model`: plain data with `id`, `name`, `version`, `workspace`, `description`,
#'   `format`, `framework`, `framework_version`, `signature`, `tags`, `properties`, `aliases`,
#'   `run_id`, `datasets`, `files` and `created`.
#' @section Errors:
#' `tandemlab_error_invalid_input` when there is no such file, the folder is empty, the name cannot
#' be one, or a sample does not fit the signature; `tandemlab_error_not_found` when the run has no
#' such file. Nothing is kept then.
#' A warning of class `tandemlab_warning_training_data` says when an `.rds` file carries the data
#' that its model was trained on; see [slim_model()].
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("pyarrow")
#' ws <- temp_workspace()
#' fit <- slim_model(lm(dist ~ speed, cars))
#' path <- save_model(fit, tempfile(fileext = ".rds"))
#' model <- register_model(ws, path, "braking", sample_input_dataset = cars["speed"])
#' model
#' predict(load_model(model), data.frame(speed = 10))
#' @export
register_model <- function(workspace, model_path, model_name, datasets = NULL, tags = NULL,
                           properties = NULL, description = NULL, child_paths = NULL,
                           sample_input_dataset = NULL, sample_output_dataset = NULL,
                           resource_configuration = NULL, aliases = NULL, model_framework = NULL,
                           model_framework_version = NULL, signature = NULL) {
  workspace <- arg_workspace(workspace)
  path <- arg_path(model_path)
  samples <- list(arg_sample(sample_input_dataset), arg_sample(sample_output_dataset))
  warn_of_training_data_in(path)
  new_model(call_core(
    "model.register",
    workspace = .subset2(workspace, "path"), path = path, name = arg_string(model_name),
    child_paths = if (!is.null(child_paths)) arg_strings(child_paths),
    run = run_in(workspace), datasets = arg_model_datasets(datasets), tags = arg_text_map(tags),
    properties = arg_text_map(properties), description = arg_optional(description, arg_string),
    sample_input = samples[[1]]$form, sample_output = samples[[2]]$form,
    resources = arg_resources(resource_configuration), aliases = arg_strings(aliases),
    model_framework = arg_optional(model_framework, arg_string),
    model_framework_version = arg_optional(model_framework_version, arg_string),
    signature = arg_optional(signature, arg_signature)
  ))
}

#' @rdname register_model
#' @export
register_model_from_run <- function(run, model_name, model_path = NULL, tags = NULL,
                                    properties = NULL, description = NULL, datasets = NULL,
                                    sample_input_dataset = NULL, sample_output_dataset = NULL,
                                    resource_configuration = NULL, aliases = NULL,
                                    model_framework = NULL, model_framework_version = NULL,
                                    signature = NULL) {
  run <- arg_run(run)
  samples <- list(arg_sample(sample_input_dataset), arg_sample(sample_output_dataset))
  new_model(call_run(
    run, "model.register_from_run",
    name = arg_string(model_name), path = arg_optional(model_path, arg_string),
    datasets = arg_model_datasets(datasets), tags = arg_text_map(tags),
    properties = arg_text_map(properties), description = arg_optional(description, arg_string),
    sample_input = samples[[1]]$form, sample_output = samples[[2]]$form,
    resources = arg_resources(resource_configuration), aliases = arg_strings(aliases),
    model_framework = arg_optional(model_framework, arg_string),
    model_framework_version = arg_optional(model_framework_version, arg_string),
    signature = arg_optional(signature, arg_signature)
  ))
}

#' What a model needs where it is served
#'
#' @param cpu Cores.
#' @param memory_in_gb Memory in gigabytes.
#' @param gpu How many GPUs.
#' @return A list, for [register_model()].
#' @examples
#' resource_configuration(cpu = 0.5, memory_in_gb = 1)
#' @export
resource_configuration <- function(cpu = NULL, memory_in_gb = NULL, gpu = NULL) {
  structure(
    drop_null(list(
      cpu = arg_optional(cpu, arg_number, least = 0),
      memory_in_gb = arg_optional(memory_in_gb, arg_number, least = 0),
      gpu = arg_optional(gpu, arg_count)
    )),
    class = "tandemlab_resource_configuration"
  )
}

#' Find registered models
#'
#' @param workspace A `tandemlab_workspace`.
#' @param name Name of the model; for `get_model()` also `"NAME:VERSION"` or `"NAME@ALIAS"`.
#' @param id `"NAME:VERSION"`.
#' @param tags,properties A named list or vector of what it must have.
#' @param version A number; `NULL` for the newest.
#' @param run_id The run that made it.
#' @param latest Only the newest version of each name.
#' @return `get_model()`: a `tandemlab_model`, see [register_model()]. `list_models()`: a data frame
#'   with `id`, `name`, `version`, `aliases`, `format`, `size` (bytes), `created` and `run_id`, the
#'   newest version of each name first.
#' @section Errors:
#' `tandemlab_error_not_found` if there is no such model or version.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' path <- save_model(c(a = 1), tempfile(fileext = ".rds"))
#' register_model(ws, path, "numbers", tags = list(team = "a"))
#' get_model(ws, "numbers")$version
#' list_models(ws)[c("id", "format")]
#' @export
get_model <- function(workspace, name = NULL, id = NULL, tags = NULL, properties = NULL,
                      version = NULL, run_id = NULL) {
  new_model(call_core(
    "model.get",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_optional(name, arg_string),
    id = arg_optional(id, arg_string), tags = if (length(tags) > 0) arg_text_map(tags),
    properties = if (length(properties) > 0) arg_text_map(properties),
    version = arg_optional(version, arg_count, least = 1L),
    run_id = arg_optional(run_id, arg_string)
  ))
}

#' @rdname get_model
#' @export
list_models <- function(workspace, name = NULL, tags = NULL, properties = NULL, run_id = NULL,
                        latest = FALSE) {
  call_core(
    "model.list",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_optional(name, arg_string),
    tags = if (length(tags) > 0) arg_text_map(tags),
    properties = if (length(properties) > 0) arg_text_map(properties),
    run_id = arg_optional(run_id, arg_string), latest = arg_flag(latest)
  )
}

#' Get the files of a model, and read it
#'
#' `download_model()` copies the file or folder, `get_model_path()` gives the path of one that is to
#' be read and not changed: of a model of the workspace, or, in a scoring service, of one of its
#' models. `load_model()` reads what `saveRDS()` wrote. A run that does so is then known to use the
#' model.
#'
#' @param model A `tandemlab_model`.
#' @param target_dir Where the copy goes.
#' @param exist_ok Whether what has its name there is replaced.
#' @param model_name Name of the model, `"NAME:VERSION"` or `"NAME@ALIAS"`.
#' @param version A number; `NULL` for the newest.
#' @param workspace A `tandemlab_workspace`; `NULL` for that of the run or of `config.json`.
#' @return `load_model()`: the object that was saved. The others: a path.
#' @section Errors:
#' `tandemlab_error_already_exists` when the name is taken there; `tandemlab_error_storage_error`
#' when a file is damaged; `tandemlab_error_invalid_input` when R has no reader for the format.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' path <- save_model(c(a = 1), tempfile(fileext = ".rds"))
#' model <- register_model(ws, path, "numbers")
#' load_model(model)
#' basename(download_model(model, tempfile()))
#' readRDS(get_model_path("numbers", workspace = ws))
#' @export
download_model <- function(model, target_dir = ".", exist_ok = FALSE) {
  call_model(
    model, "model.download",
    target_dir = arg_path(target_dir), exist_ok = arg_flag(exist_ok), run = run_in(model)
  )
}

#' @rdname download_model
#' @export
get_model_path <- function(model_name, version = NULL, workspace = NULL) {
  call_core(
    "model.find_path",
    name = arg_string(model_name), version = arg_optional(version, arg_count, least = 1L),
    workspace = if (!is.null(workspace)) .subset2(arg_workspace(workspace), "path")
  )
}

#' @rdname download_model
#' @export
load_model <- function(model) {
  model <- arg_model(model)
  if (!identical(model$format, "rds")) {
    abort_input(
      sprintf("%s is a model of the format %s, which R does not read.", model$id, model$format),
      "download_model() gives its files."
    )
  }
  readRDS(call_model(model, "model.path", run = run_in(model)))
}

#' Change and delete models
#'
#' An alias names one version of a model, such as `"production"`; one that another version has
#' moves. Properties are written once.
#'
#' @param model A `tandemlab_model`.
#' @param alias Letters, digits, `-`, `_` and `.`, beginning with a letter.
#' @param tags A named list or vector of labels to set; `NA` removes one.
#' @param properties A named list or vector of facts to add.
#' @param description What the model is for; `NULL` leaves it as it is.
#' @return The `tandemlab_model` as it is now; for `delete_model()` `NULL`, invisibly.
#' @section Errors:
#' `tandemlab_error_invalid_state` when a service on this machine uses a model that is to be
#' deleted.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' path <- save_model(c(a = 1), tempfile(fileext = ".rds"))
#' model <- set_model_alias(register_model(ws, path, "numbers"), "production")
#' get_model(ws, "numbers@production")$version
#' update_model(model, tags = list(team = "a"))$tags
#' delete_model(model)
#' @export
set_model_alias <- function(model, alias) {
  new_model(call_model(model, "model.alias", alias = arg_string(alias), remove = FALSE))
}

#' @rdname set_model_alias
#' @export
remove_model_alias <- function(model, alias) {
  new_model(call_model(model, "model.alias", alias = arg_string(alias), remove = TRUE))
}

#' @rdname set_model_alias
#' @export
update_model <- function(model, tags = NULL, properties = NULL, description = NULL) {
  new_model(call_model(
    model, "model.change",
    description = arg_optional(description, arg_string, empty = TRUE),
    tags = arg_text_map(tags, missing_values = TRUE), properties = arg_text_map(properties)
  ))
}

#' @rdname set_model_alias
#' @export
delete_model <- function(model) {
  call_model(model, "model.delete")
  invisible(NULL)
}

#' @export
format.tandemlab_model <- function(x, ...) sprintf("<model %s>", x$id)

#' @export
print.tandemlab_model <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  shown <- list(
    aliases = x$aliases, format = x$format, takes = x$signature, run = x$run_id,
    description = x$description
  )
  for (name in names(shown)) {
    if (length(shown[[name]]) > 0) {
      cat("  ", name, ": ", paste(shown[[name]], collapse = ", "), "\n", sep = "")
    }
  }
  invisible(x)
}

new_model <- function(found) {
  for (field in c("aliases", "datasets", "files")) {
    found[[field]] <- as.character(unlist(found[[field]]))
  }
  structure(found, class = "tandemlab_model")
}

arg_model <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (inherits(x, "tandemlab_model")) {
    return(x)
  }
  abort_argument(arg, "a registered model", x, "get_model() and register_model() give one.")
}

call_model <- function(model, call, ...) {
  model <- arg_model(model, "model")
  call_core(call, workspace = model$workspace, id = model$id, ...)
}

# The id of the session's current run, if it is one of that workspace.
run_in <- function(x) {
  run <- known_run()
  path <- if (inherits(x, "tandemlab_model")) x$workspace else .subset2(x, "path")
  if (!is.null(run) && identical(.subset2(run, "workspace"), path)) {
    .subset2(run, "id")
  }
}

arg_resources <- function(x, arg = "resource_configuration") {
  if (is.null(x)) {
    return(NULL)
  }
  if (!inherits(x, "tandemlab_resource_configuration")) {
    abort_argument(arg, "a resource configuration", x, "resource_configuration() makes one.")
  }
  unclass(x)
}

# A signature as the core has it.
arg_signature <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (!is.list(x) || is.null(x$inputs) || !all(names(x) %in% c("inputs", "outputs"))) {
    abort_argument(arg, "a list of inputs and outputs", x)
  }
  Map(function(data, name) arg_schema(data, paste0(arg, "$", name)), drop_null(x), names(x))
}

arg_schema <- function(x, arg) {
  if (setequal(names(x), c("type", "shape")) && is.numeric(x$shape)) {
    shape <- lapply(x$shape, function(length) if (is.na(length)) NULL else arg_count(length, arg))
    return(list(kind = "array", type = arg_string(x$type, arg), shape = shape))
  }
  if (!(is.list(x) || is.character(x)) || is.null(names(x)) || !all(nzchar(names(x)))) {
    abort_argument(arg, "named by columns, each with its type", x)
  }
  columns <- Map(function(name, column) {
    if (!is.list(column)) column <- list(type = arg_string(column, paste0(arg, "$", name)))
    if (!is.null(column$values)) column$values <- as.list(as.character(column$values))
    c(list(name = name), column)
  }, names(x), x, USE.NAMES = FALSE)
  list(kind = "table", columns = columns)
}

# Pairs of what a dataset was used for, and its name.
arg_model_datasets <- function(x, arg = "datasets") {
  names <- names(x)
  if (length(x) > 0 && (is.null(names) || !all(nzchar(names)))) {
    abort_argument(arg, "named by what the datasets were used for", x)
  }
  Map(function(scenario, given) {
    list(scenario, if (inherits(given, "tandemlab_dataset")) given$id else arg_string(given, arg))
  }, names, unname(as.list(x)), USE.NAMES = FALSE)
}

# A sample as the core takes it; the stream of a data frame is kept beside until it was read.
arg_sample <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (is.null(x)) {
    return(NULL)
  }
  if (inherits(x, "tandemlab_dataset")) {
    return(list(form = list(definition = x$definition)))
  }
  if (is.data.frame(x)) {
    start_core()
    attr(x, "row.names") <- .set_row_names(nrow(x)) # names of rows are no input of a model
    stream <- export_frame(x)
    return(list(form = list(address = .Call(C_arrow_address, stream)), stream = stream))
  }
  if (!is.atomic(x) || anyNA(x)) {
    abort_argument(arg, "a data frame, a dataset, or a vector without NA", x)
  }
  rows <- if (is.matrix(x)) apply(unname(x), 1, as.list, simplify = FALSE) else as.list(unname(x))
  list(form = list(array = rows))
}
