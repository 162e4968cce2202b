#' Publish pipelines, and run them by name
#'
#' A published pipeline is a [pipeline()] with the sources of its steps, kept in the workspace as
#' the next version of a name: it runs by that name from R, Python, the command line and over REST,
#' whatever becomes of its folders. Relative paths become absolute, and names of environments get
#' the version that they mean now; names of datasets mean the newest whenever it runs.
#'
#' A name alone means the default version, and until one is set the newest that is not disabled.
#'
#' @param pipeline For `publish_pipeline()` a [pipeline()], or the `tandemlab_run` of one, whose
#'   sources are then those that it had. Else a `tandemlab_published_pipeline`.
#' @param workspace A `tandemlab_workspace`; not needed for a run.
#' @param name What to run it by; its own name if `NULL`. For `get_published_pipeline()` also
#'   `"NAME:VERSION"`.
#' @param description What it is for; its own if `NULL`.
#' @param tags Named list or vector of labels.
#' @param continue_on_step_failure Whether steps that do not need a failed one go on; as it was
#'   published if `NULL`.
#' @param version A number; `NULL` for the default version.
#' @param active_only Whether disabled versions are left out.
#' @param experiment_name The experiment of the run; that of the pipeline's name if `NULL`.
#' @param pipeline_parameters Values beside the defaults of the pipeline's parameters, a named list.
#'   A path has to be absolute; for an input that is a dataset, a dataset's name, a
#'   `tandemlab_dataset` or a [data_path()].
#' @param regenerate_outputs Whether all steps run, also those for which what an equal step has made
#'   before would do.
#' @param path An empty folder.
#' @return `publish_pipeline()`, `get_published_pipeline()`, `set_default_pipeline_version()`,
#'   `roll_back_pipeline()` (to the newest enabled version below the default one),
#'   `disable_published_pipeline()` and `enable_published_pipeline()`: a
#'   `tandemlab_published_pipeline`: plain data with `id`, `name`, `version`, `workspace`, `status`
#'   (`"Active"` or `"Disabled"`), `is_default`, `description`, `tags`, `steps`, `parameters` (a
#'   data frame with `name`, `type`, `default` as text and `description`) and `published`.
#'   `list_published_pipelines()`: a data frame with `id`, `name`, `version`, `status`,
#'   `is_default`, `description` and `published`, the newest version of each name first.
#'   `submit_published_pipeline()`: a `tandemlab_run`; [submit_experiment()] takes a published
#'   pipeline, too. `save_published_pipeline()`: the path of a file `pipeline.yml`, beside which are
#'   the sources of all steps, invisibly.
#' @section Errors:
#' `tandemlab_error_invalid_input` if the pipeline could not be run, a name cannot be one, or a
#' parameter is not known, of another type, or missing; `tandemlab_error_not_found` if there is no
#' such pipeline; `tandemlab_error_invalid_state` if it is disabled, or a step of it would run or
#' publish it again.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' word <- pipeline_parameter("word", "hello")
#' say <- command_step(list("echo", word), "say", source_directory = tempdir())
#' greet <- publish_pipeline(pipeline(say), ws, "greet")
#' greet
#' run <- submit_published_pipeline(greet, pipeline_parameters = list(word = "hi"))
#' wait_for_run_completion(run)
#' list_published_pipelines(ws)
#' @export
publish_pipeline <- function(pipeline, workspace = NULL, name = NULL, description = NULL,
                             tags = NULL, continue_on_step_failure = FALSE) {
  name <- arg_optional(name, arg_string)
  description <- arg_optional(description, arg_string)
  if (inherits(pipeline, "tandemlab_run")) {
    return(new_published_pipeline(
      call_run(pipeline, "published.of_run", name = name, description = description)
    ))
  }
  new_published_pipeline(call_core(
    "published.publish",
    workspace = .subset2(arg_workspace(workspace), "path"),
    document = submitted_document(arg_pipeline(pipeline)), name = name, description = description,
    tags = arg_text_map(tags), continue_on_step_failure = arg_flag(continue_on_step_failure)
  ))
}

#' @rdname publish_pipeline
#' @export
get_published_pipeline <- function(workspace, name, version = NULL) {
  new_published_pipeline(call_core(
    "published.get",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name),
    version = arg_optional(version, arg_count, least = 1L)
  ))
}

#' @rdname publish_pipeline
#' @export
list_published_pipelines <- function(workspace, name = NULL, active_only = TRUE) {
  call_core(
    "published.list",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_optional(name, arg_string),
    active_only = arg_flag(active_only)
  )
}

#' @rdname publish_pipeline
#' @export
submit_published_pipeline <- function(pipeline, experiment_name = NULL, pipeline_parameters = NULL,
                                      continue_on_step_failure = NULL, regenerate_outputs = FALSE,
                                      tags = NULL) {
  pipeline <- arg_published_pipeline(pipeline)
  handle <- call_published(
    pipeline, "published.submit",
    experiment = arg_optional(experiment_name, arg_string),
    pipeline_parameters = arg_pipeline_parameters(pipeline_parameters),
    continue_on_step_failure = arg_optional(continue_on_step_failure, arg_flag),
    regenerate_outputs = arg_flag(regenerate_outputs),
    tags = arg_text_map(tags, missing_values = TRUE)
  )
  run_from(handle, pipeline)
}

#' @rdname publish_pipeline
#' @export
set_default_pipeline_version <- function(pipeline) change_published(pipeline, "set_default")

#' @rdname publish_pipeline
#' @export
disable_published_pipeline <- function(pipeline) change_published(pipeline, "disable")

#' @rdname publish_pipeline
#' @export
enable_published_pipeline <- function(pipeline) change_published(pipeline, "enable")

#' @rdname publish_pipeline
#' @export
roll_back_pipeline <- function(workspace, name) {
  new_published_pipeline(call_core(
    "published.roll_back",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name)
  ))
}

#' @rdname publish_pipeline
#' @export
save_published_pipeline <- function(pipeline, path) {
  invisible(call_published(pipeline, "published.save", path = arg_path(path)))
}

change_published <- function(pipeline, change) {
  new_published_pipeline(call_published(pipeline, "published.change", change = change))
}

call_published <- function(pipeline, call, ...) {
  pipeline <- arg_published_pipeline(pipeline)
  call_core(call, workspace = pipeline$workspace, id = pipeline$id, ...)
}

arg_published_pipeline <- function(x, arg = "pipeline") {
  if (inherits(x, "tandemlab_published_pipeline")) {
    return(x)
  }
  abort_argument(
    arg, "a published pipeline", x, "publish_pipeline() and get_published_pipeline() give one."
  )
}

# Values of parameters; a dataset and a place in a datastore stand for what an input reads.
arg_pipeline_parameters <- function(x, arg = "pipeline_parameters") {
  is_data <- vapply(x, inherits, NA, c("tandemlab_dataset", "tandemlab_data_path"))
  values <- arg_scalar_map(as.list(x)[!is_data], arg, each = arg_parameter)
  for (name in names(x)[is_data]) {
    value <- x[[name]]
    values[[name]] <- if (inherits(value, "tandemlab_data_path")) {
      unclass(value)
    } else if (is.null(value$id)) {
      as.character(value$definition)
    } else {
      value$id
    }
  }
  values
}

new_published_pipeline <- function(found) {
  found$steps <- as.character(unlist(found$steps))
  structure(found, class = "tandemlab_published_pipeline")
}

#' @export
format.tandemlab_published_pipeline <- function(x, ...) sprintf("<published pipeline %s>", x$id)

#' @export
print.tandemlab_published_pipeline <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  values <- ifelse(
    is.na(x$parameters$default), x$parameters$name,
    paste0(x$parameters$name, "=", x$parameters$default)
  )
  shown <- list(
    status = if (x$is_default) paste0(x$status, ", the default version") else x$status,
    steps = x$steps, parameters = values, description = x$description
  )
  for (name in names(shown)) {
    if (length(shown[[name]]) > 0) {
      cat("  ", name, ": ", paste(shown[[name]], collapse = ", "), "\n", sep = "")
    }
  }
  invisible(x)
}
