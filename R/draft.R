#' Drafts of the designer
#'
#' A draft is a pipeline as the designer draws it, with where its steps stand on the canvas. It may
#' be unfinished. Saving makes the next version; the newest 100 are kept. What somebody else has
#' saved meanwhile is never written over: saving is an error then.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param name Name of the draft.
#' @param pipeline A [pipeline()]; `NULL` for one without steps.
#' @param sample Name of a sample, such as `"automobile-prices"`, instead.
#' @param description What it is for.
#' @param version Number of a version; `NULL` for the newest.
#' @param draft A `tandemlab_draft`.
#' @param experiment_name The experiment of the run; `NULL` for that of the draft's name.
#' @param pipeline_parameters Values beside the defaults of the pipeline's parameters, a named list.
#' @param until Only the steps that this one needs, and itself.
#' @param continue_on_step_failure Whether steps that do not need the failed one go on.
#' @param regenerate_outputs Whether all steps run, also those for which what an equal step has made
#'   before would do.
#' @param path A file with JSON, such as `"prices.json"`, which the studio and `tandemlab draft`
#'   export and import, too.
#' @return `create_draft()`, `import_draft()`, `get_draft()` and `save_draft()`: a
#'   `tandemlab_draft`, plain data with `name`, `version`, `workspace`, `description`, `created` and
#'   `pipeline`, a [pipeline()], which [publish_pipeline()] publishes. `submit_draft()`: a
#'   `tandemlab_run` with the tag `draft`. `export_draft()`: `path`, invisibly. `list_drafts()`: a
#'   data frame with `name`, `version`, `steps` and `description`. `check_draft()`: a data frame
#'   with what is wrong with it: `step`, `input`, `parameter` and `message`; no rows if it can be
#'   run.
#' @section Errors:
#' `tandemlab_error_conflict` from `save_draft()` if there is a newer version, whose number, user
#' and time are the error's `details`; `tandemlab_error_already_exists` if the name is taken;
#' `tandemlab_error_not_found`, also from `save_draft()` if somebody has deleted the draft.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' rows <- component_step("rows", "enter_data_manually", list(text = "town,people\nAma,12"))
#' draft <- create_draft(ws, "towns", pipeline(rows))
#' check_draft(draft)
#' draft <- save_draft(draft, pipeline(rows, name = "towns"))
#' list_drafts(ws)
#' file <- export_draft(draft, tempfile(fileext = ".json"))
#' import_draft(ws, file, "towns-again")
#' delete_draft(draft)
#' @export
create_draft <- function(workspace, name, pipeline = NULL, sample = NULL, description = NULL) {
  pipeline <- arg_optional(pipeline, arg_pipeline)
  new_draft(call_core(
    "draft.create",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name),
    document = if (!is.null(pipeline)) submitted_document(pipeline),
    sample = arg_optional(sample, arg_string), description = arg_optional(description, arg_string)
  ))
}

#' @rdname create_draft
#' @export
get_draft <- function(workspace, name, version = NULL) {
  new_draft(call_core(
    "draft.get",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name),
    version = arg_optional(version, arg_count, least = 1L)
  ))
}

#' @rdname create_draft
#' @export
list_drafts <- function(workspace) {
  call_core("draft.list", workspace = .subset2(arg_workspace(workspace), "path"))
}

#' @rdname create_draft
#' @export
save_draft <- function(draft, pipeline) {
  new_draft(call_draft(
    draft, "draft.save",
    version = draft$version, document = submitted_document(arg_pipeline(pipeline))
  ))
}

#' @rdname create_draft
#' @export
check_draft <- function(draft) call_draft(draft, "draft.check", version = draft$version)

#' @rdname create_draft
#' @export
submit_draft <- function(draft, experiment_name = NULL, pipeline_parameters = NULL, until = NULL,
                         continue_on_step_failure = FALSE, regenerate_outputs = FALSE) {
  handle <- call_draft(
    draft, "draft.submit",
    version = draft$version, experiment = arg_optional(experiment_name, arg_string),
    pipeline_parameters = arg_scalar_map(pipeline_parameters, each = arg_parameter),
    until = arg_optional(until, arg_string),
    continue_on_step_failure = arg_flag(continue_on_step_failure),
    regenerate_outputs = arg_flag(regenerate_outputs)
  )
  run_from(handle, draft)
}

#' @rdname create_draft
#' @export
export_draft <- function(draft, path) {
  path <- arg_path(path)
  writeLines(call_draft(draft, "draft.export", version = draft$version), path, useBytes = TRUE)
  invisible(path)
}

#' @rdname create_draft
#' @export
import_draft <- function(workspace, path, name = NULL) {
  new_draft(call_core(
    "draft.import",
    workspace = .subset2(arg_workspace(workspace), "path"), path = arg_path(path),
    name = arg_optional(name, arg_string)
  ))
}

#' @rdname create_draft
#' @export
delete_draft <- function(draft) {
  call_draft(draft, "draft.delete")
  invisible()
}

call_draft <- function(draft, call, ...) {
  if (!inherits(draft, "tandemlab_draft")) {
    abort_argument("draft", "a draft", draft, "create_draft() and get_draft() give one.")
  }
  call_core(call, workspace = draft$workspace, name = draft$name, ...)
}

new_draft <- function(found) {
  found$pipeline <- pipeline_from(found$pipeline)
  structure(found, class = "tandemlab_draft")
}

#' @export
format.tandemlab_draft <- function(x, ...) sprintf("<draft %s:%d>", x$name, x$version)

#' @export
print.tandemlab_draft <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  print(x$pipeline)
  invisible(x)
}

#' Have a trained pipeline of components answer requests
#'
#' The path from rows to predictions is cut out of the pipeline, with the models and transformations
#' that were learned in the run. It ends at the component Web service output, or at the only step
#' that scores, and begins at Web service input, or where data come in. It becomes a model of that
#' name, too.
#'
#' @param run A `tandemlab_run` of a pipeline that has completed.
#' @param name Of the service and its model.
#' @param step Where the path ends, if several steps score.
#' @param overwrite Whether a service of that name is replaced.
#' @return A `tandemlab_webservice`; see [deploy_model()].
#' @section Errors:
#' `tandemlab_error_invalid_state` if the run has not completed; `tandemlab_error_invalid_input` if
#' there is no such path, or more than one.
#' @examplesIf tandemlab_is_ready() && FALSE
#' # Trains for some seconds.
#' ws <- temp_workspace()
#' draft <- create_draft(ws, "prices", sample = "automobile-prices")
#' run <- submit_draft(draft)
#' wait_for_run_completion(run)
#' service <- deploy_pipeline_run(run, "prices", step = "score_forest")
#' @export
deploy_pipeline_run <- function(run, name, step = NULL, overwrite = FALSE) {
  run <- arg_run(run)
  name <- call_run(
    run, "draft.deploy",
    name = arg_string(name), step = arg_optional(step, arg_string),
    overwrite = arg_flag(overwrite)
  )
  new_webservice(name, .subset2(run, "workspace"))
}

#' Draw what scores a dataset as a trained pipeline of components does
#'
#' The path from rows to predictions is cut out of the pipeline, as by [deploy_pipeline_run()], and
#' becomes a model. The draft reads a registered dataset, scores it and registers the result. It is
#' run by [submit_draft()], and published and put on a schedule as any other pipeline.
#'
#' @inheritParams deploy_pipeline_run
#' @param name Of the draft and its model.
#' @param dataset Name of a registered dataset, which means the newest version whenever it runs, or
#'   `"NAME:VERSION"`.
#' @param register_as Name of the dataset that the scored rows become.
#' @return A `tandemlab_draft`; see [create_draft()].
#' @section Errors:
#' Those of [deploy_pipeline_run()]; `tandemlab_error_already_exists` if there is a draft of that
#' name; `tandemlab_error_not_found` if there is no such dataset.
#' @examplesIf tandemlab_is_ready() && FALSE
#' # Trains for some seconds.
#' ws <- temp_workspace()
#' draft <- create_draft(ws, "moods", sample = "review-moods")
#' run <- submit_draft(draft)
#' wait_for_run_completion(run)
#' write.csv(data.frame(review = "Staff was friendly."), "reviews.csv", row.names = FALSE)
#' reviews <- create_tabular_dataset_from_delimited_files("reviews.csv")
#' register_dataset(ws, reviews, "reviews")
#' batch <- create_batch_draft(run, "score-reviews", "reviews", "reviews-scored")
#' submit_draft(batch)
#' @export
create_batch_draft <- function(run, name, dataset, register_as, step = NULL) {
  new_draft(call_run(
    arg_run(run), "draft.create_batch",
    name = arg_string(name), dataset = arg_string(dataset), register_as = arg_string(register_as),
    step = arg_optional(step, arg_string)
  ))
}
