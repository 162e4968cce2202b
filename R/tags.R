#' Tags of a run
#'
#' Tags mark runs for finding them again and may change. Setting and removing them needs no Python.
#'
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param name Name of the tag: a single string of 1 to 250 characters. An existing tag is replaced.
#' @param value A string; numbers and logical values are written as R prints them; `NULL` or `NA`
#'   makes a tag without a value.
#' @param tags A named list of values.
#' @param names Names of tags.
#' @return `run`, invisibly; `get_run_tags()`: a named list of strings (`NA` for a tag without a
#'   value).
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' set_run_tag(run, "data", "2002")
#' set_run_tags(run, list(model = "glm", folds = 5))
#' remove_run_tags(run, "data")
#' get_run_tags(run)
#' complete_run(run)
#' @export
set_run_tag <- function(run, name, value = NULL) {
  run <- arg_run(run)
  log_event(run, "tag", arg_string(name), map_text(value, "value", missing_values = TRUE))
  invisible(run)
}

#' @rdname set_run_tag
#' @export
set_run_tags <- function(run, tags) {
  run <- arg_run(run)
  tags <- arg_text_map(tags, missing_values = TRUE)
  for (name in names(tags)) {
    log_event(run, "tag", name, tags[[name]])
  }
  invisible(run)
}

#' @rdname set_run_tag
#' @export
remove_run_tags <- function(run, names) {
  run <- arg_run(run)
  for (name in arg_strings(names)) {
    log_event(run, "untag", name)
  }
  invisible(run)
}

#' @rdname set_run_tag
#' @export
get_run_tags <- function(run) {
  call_run(arg_run(run), "run.tags")
}

#' Properties of a run
#'
#' Properties are facts about a run: each is written once and never changes.
#'
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param properties A named list of strings, numbers or logical values.
#' @return `run`, invisibly; `get_run_properties()`: a named list of strings.
#' @section Errors:
#' `tandemlab_error_already_exists` when one of them has another value already; then none was added.
#' Inside a job nothing is read, and the first value stays.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' add_run_properties(run, list(source = "NASS CDS"))
#' get_run_properties(run)
#' complete_run(run)
#' @export
add_run_properties <- function(run, properties) {
  run <- arg_run(run)
  properties <- arg_text_map(properties)
  if (is_own_job(run) || is_offline(run)) {
    for (name in names(properties)) {
      log_event(run, "property", name, properties[[name]])
    }
  } else {
    call_run(run, "run.add_properties", properties = properties)
  }
  invisible(run)
}

#' @rdname add_run_properties
#' @export
get_run_properties <- function(run) {
  call_run(arg_run(run), "run.properties")
}

#' Name and describe a run
#'
#' Needs no Python.
#'
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param name,description A single string.
#' @return `run`, invisibly.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' set_run_display_name(run, "first try")
#' run$display_name
#' complete_run(run)
#' @export
set_run_display_name <- function(run, name) {
  run <- arg_run(run)
  log_event(run, "attribute", "display_name", arg_string(name))
  invisible(run)
}

#' @rdname set_run_display_name
#' @export
set_run_description <- function(run, description) {
  run <- arg_run(run)
  log_event(run, "attribute", "description", arg_string(description))
  invisible(run)
}
