#' Pipelines
#'
#' Steps of Python, R and commands that hand data on to each other, run in the order that their data
#' asks for. [submit_experiment()] runs a pipeline: its run has a child for each step, whose outputs
#' are the inputs of others. Tables go from step to step as Arrow files, and arrive as data frames.
#'
#' A pipeline is plain data: the same document that Python's `Pipeline` builds and YAML files hold.
#'
#' @param ... [Steps][python_script_step]; the last ones are enough, since those whose outputs they
#'   read come along. Of `plot()` and `format()`: ignored.
#' @param name Name of the pipeline.
#' @param description What it is for.
#' @param parameters A list of [pipeline_parameter()]s that no step's arguments or paths hold, but
#'   `${parameters.NAME}` in a text of theirs names.
#' @param path A YAML file; paths in it are relative to the file.
#' @param pipeline,x A `tandemlab_pipeline`.
#' @param workspace Where it is to run: then scripts, data, environments and targets that are not
#'   there are mistakes, too. `NULL` leaves that out.
#' @param pipeline_parameters Values beside the defaults of the pipeline's parameters, a named list.
#' @param language Of the script: `"r"` or `"python"`.
#' @param style `"tree"`, `"mermaid"` for a flow chart in Mermaid's language, or `"svg"` for a
#'   picture.
#' @return `pipeline()` and `load_pipeline()`: a `tandemlab_pipeline`. `save_pipeline()`: the path,
#'   invisibly. `validate_pipeline()`: a string for each mistake, with its place; none if all is
#'   well. `export_pipeline_script()`: a script that builds the pipeline, as a person would write
#'   it, a string. `plot()` draws the steps from left to right and returns the pipeline invisibly.
#' @section Errors:
#' `tandemlab_error_not_found` if there is no such file; `tandemlab_error_invalid_input` if it
#' cannot be used: the message has the line and key of each mistake.
#' @examplesIf tandemlab_is_ready()
#' draw <- r_function_step(
#'   function(n) data.frame(x = stats::rnorm(n)), "draw",
#'   arguments = list(n = pipeline_parameter("n", 100L)), outputs = c(sample = "table")
#' )
#' describe <- r_function_step(
#'   function(sample) mean(sample$x), "describe",
#'   inputs = list(step_output(draw)), outputs = c(mean = "json")
#' )
#' study <- pipeline(describe, name = "study")
#' study
#' validate_pipeline(study)
#' cat(export_pipeline_script(study))
#' plot(study)
#' exp <- experiment(temp_workspace(), "demo")
#' run <- submit_experiment(exp, study, pipeline_parameters = list(n = 10L))
#' wait_for_run_completion(run)
#' get_pipeline_steps(run)
#' get_step_output(run, "describe")
#' @export
pipeline <- function(..., name = NULL, description = NULL, parameters = list()) {
  steps <- with_upstream(list(...), list())
  if (length(steps) == 0) {
    abort_input("A pipeline has steps, and none is given.", "command_step() and others make them.")
  }
  of_steps <- unlist(lapply(unname(steps), function(step) unname(step$parameters)), FALSE)
  parameters <- parameter_documents(c(parameters, of_steps))
  new_pipeline(drop_empty(list(
    name = arg_optional(name, arg_string), description = arg_optional(description, arg_string),
    parameters = parameters, steps = lapply(steps, function(step) step$document)
  )))
}

parameter_documents <- function(parameters) {
  found <- list()
  for (one in parameters) {
    if (!inherits(one, "tandemlab_pipeline_parameter")) {
      abort_argument("parameters", "a list of pipeline_parameter()s", one)
    }
    known <- found[[one$name]]
    if (!is.null(known) && !identical(known, one$document)) {
      abort_input(sprintf("Two different parameters have the name '%s'.", one$name))
    }
    found[[one$name]] <- one$document
  }
  found
}

new_pipeline <- function(document) {
  structure(list(document = document), class = "tandemlab_pipeline")
}

# Steps by name, each behind those that it needs.
with_upstream <- function(steps, found) {
  for (step in steps) {
    if (is.list(step) && !is.object(step)) {
      found <- with_upstream(step, found)
      next
    }
    if (!inherits(step, "tandemlab_step")) {
      abort_argument("...", "steps of a pipeline", step)
    }
    found <- with_upstream(step$upstream, found)
    known <- found[[step$name]]
    if (!is.null(known) && !identical(known, step)) {
      abort_input(
        sprintf("Two steps have the name '%s'.", step$name), "Give one of them another name."
      )
    }
    found[[step$name]] <- step
  }
  found
}

arg_pipeline <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (!inherits(x, "tandemlab_pipeline")) {
    abort_argument(arg, "a pipeline() or load_pipeline()", x)
  }
  x
}

#' @rdname pipeline
#' @export
load_pipeline <- function(path) {
  pipeline_from(call_core("pipeline.load", path = arg_string(path)))
}

# The core sends documents as JSON: as R values, lists of one would be scalars.
pipeline_from <- function(json) new_pipeline(jsonlite::fromJSON(json, simplifyVector = FALSE))

#' @rdname pipeline
#' @export
save_pipeline <- function(pipeline, path) {
  invisible(call_core(
    "pipeline.save",
    document = arg_pipeline(pipeline)$document, path = arg_string(path)
  ))
}

#' @rdname pipeline
#' @export
export_pipeline_script <- function(pipeline, language = c("r", "python")) {
  call_core(
    "pipeline.script",
    document = arg_pipeline(pipeline)$document, language = match.arg(language)
  )
}

#' @rdname pipeline
#' @export
validate_pipeline <- function(pipeline, workspace = NULL, pipeline_parameters = NULL) {
  place <- arg_optional(workspace, arg_workspace)
  call_core(
    "pipeline.validate",
    document = submitted_document(arg_pipeline(pipeline)),
    workspace = if (!is.null(place)) .subset2(place, "path"),
    parameters = arg_scalar_map(pipeline_parameters, each = arg_parameter)
  )
}

#' @rdname pipeline
#' @export
format.tandemlab_pipeline <- function(x, style = c("tree", "mermaid", "svg"), ...) {
  call_core("pipeline.show", document = x$document)[[match.arg(style)]]
}

#' @export
print.tandemlab_pipeline <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

#' @rdname pipeline
#' @export
plot.tandemlab_pipeline <- function(x, ...) {
  found <- call_core("pipeline.show", document = x$document)
  steps <- found$steps
  level <- as.integer(steps$level)
  steps$x <- level
  steps$y <- -stats::ave(seq_along(level), level, FUN = function(rows) {
    seq_along(rows) - (length(rows) + 1) / 2
  })
  old <- graphics::par(mar = rep(0.5, 4))
  on.exit(graphics::par(old))
  graphics::plot.new()
  graphics::plot.window(range(steps$x) + c(-0.5, 0.5), range(steps$y) + c(-0.5, 0.5))
  width <- graphics::strwidth(paste0(" ", steps$step, " ")) / 2
  height <- graphics::strheight("M")
  draw_edges(found$edges, steps, width)
  graphics::rect(
    steps$x - width, steps$y - height, steps$x + width, steps$y + height,
    col = "white", border = "grey40"
  )
  graphics::text(steps$x, steps$y, steps$step)
  invisible(x)
}

draw_edges <- function(edges, steps, width) {
  if (nrow(edges) == 0) {
    return(invisible())
  }
  from <- match(edges$from, steps$step)
  to <- match(edges$to, steps$step)
  graphics::arrows(
    steps$x[from] + width[from], steps$y[from], steps$x[to] - width[to], steps$y[to],
    length = 0.08, col = "grey40", lty = ifelse(nzchar(edges$output), 1, 2)
  )
  graphics::text(
    (steps$x[from] + steps$x[to]) / 2, (steps$y[from] + steps$y[to]) / 2, edges$output,
    cex = 0.8, col = "grey30", pos = 3, offset = 0.2
  )
}

# A pipeline whose steps of R run with this R, unless they say otherwise.
submitted_document <- function(pipeline) {
  document <- pipeline$document
  document$steps <- lapply(document$steps, function(step) {
    is_r <- identical(step[["function"]]$language, "r") || grepl("[.][rR]$", c(step$script, ""))[1]
    with_own_r(step, is_r, is_command = !is.null(step$command))
  })
  document
}

#' What the steps of a pipeline's run do and have made
#'
#' @param run The `tandemlab_run` of a pipeline.
#' @param step Name of a step.
#' @param output Name of one of its outputs; `NULL` if it is the only one.
#' @param item Number of an item, from 1, of a step that runs for each of a list; `NULL` for the run
#'   that gathers what all have written.
#' @param from_step Name of a step that is run again, with all that need it; `NULL` for those alone
#'   that have not completed.
#' @return `get_pipeline_steps()`: a data frame with a row for each step: `step`, `status`,
#'   `attempts`, `reused` (whether its run is that of an earlier pipeline, whose outputs serve),
#'   `run_id` (of the newest attempt), `duration` (seconds), `error`, `skipped` (why it was skipped,
#'   `NA` if it was not), `items` and `items_done` (of a step that runs for each item of a list: how
#'   many have a run, and have completed; `NA` for others).
#'   `resume_pipeline_run()`: another run of the same pipeline, which takes over what the run has
#'   completed; sources, parameters and settings are those of the run, whatever has changed since.
#'   `why_step()`: why a step ran, or did not, a `tandemlab_step_reason`: a list of `step`, `reason`
#'   (`"reused"`, `"taken"` by a resumed run, `"first"`, `"changed"`, `"damaged"`, `"not_allowed"`,
#'   `"no_outputs"`, `"unknown_inputs"`, `"forced"` or `"skipped"`), `run` (the earlier one),
#'   `changes` (the parts of what the result depends on that are not as before, such as `"source"`
#'   or `"inputs.rows"`) and `text`, with the differences of the source, which it prints.
#'   `find_step_run()`: a list with the run of each attempt, the first attempt first.
#'   `get_step_output()`: a data frame for a table, a value for json, and a path on this machine,
#'   which must not be written to, for everything else. `get_run_pipeline()`: the pipeline, as it
#'   was submitted.
#' @section Errors:
#' `tandemlab_error_not_found` if there is no such step or output,
#' `tandemlab_error_invalid_state` if the step has not completed, or a run that is to be resumed has
#' not ended.
#' @inherit pipeline examples
#' @export
get_pipeline_steps <- function(run) call_run(arg_run(run), "pipeline.steps")

#' @rdname get_pipeline_steps
#' @export
find_step_run <- function(run, step, item = NULL) {
  run <- arg_run(run)
  item <- arg_optional(item, arg_count)
  found <- call_run(
    run, "pipeline.step_runs",
    step = arg_string(step), item = if (!is.null(item)) as.integer(item - 1)
  )
  lapply(found, run_from, owner = run)
}

#' @rdname get_pipeline_steps
#' @export
get_step_output <- function(run, step, output = NULL) {
  found <- call_run(
    arg_run(run), "pipeline.output",
    step = arg_string(step), output = arg_optional(output, arg_string)
  )
  read_step_data(found$path, found$type)
}

#' @rdname get_pipeline_steps
#' @export
get_run_pipeline <- function(run) pipeline_from(call_run(arg_run(run), "pipeline.of_run"))

#' @rdname get_pipeline_steps
#' @export
resume_pipeline_run <- function(run, from_step = NULL) {
  run <- arg_run(run)
  handle <- call_run(run, "pipeline.resume", from_step = arg_optional(from_step, arg_string))
  run_from(handle, run)
}

#' @rdname get_pipeline_steps
#' @export
why_step <- function(run, step) {
  found <- call_run(arg_run(run), "pipeline.why", step = arg_string(step))
  structure(found, class = "tandemlab_step_reason")
}

#' @export
format.tandemlab_step_reason <- function(x, ...) x$text

#' @export
print.tandemlab_step_reason <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

read_step_data <- function(path, type) {
  if (identical(type, "table") || is.null(type) && grepl("[.]arrow$", path)) {
    return(read_frame(path))
  }
  if (identical(type, "json")) jsonlite::fromJSON(path, simplifyDataFrame = FALSE) else path
}

# Called by the script of a step: calls the function as the script's argument says. That is a JSON
# object: `arguments` by name, and the types of `inputs` and `outputs`.
call_step_function <- function(fun) {
  call <- jsonlite::fromJSON(script_arguments()[[1]], simplifyDataFrame = FALSE)
  path <- function(kind, name) Sys.getenv(sprintf("TANDEMLAB_%s_%s", kind, name))
  given <- c(names(call$arguments), names(call$inputs))
  written <- setdiff(intersect(names(call$outputs), names(formals(fun))), given)
  inputs <- Map(
    function(name, type) read_step_data(path("INPUT", name), type),
    names(call$inputs), call$inputs
  )
  paths <- lapply(stats::setNames(written, written), function(name) path("OUTPUT", name))
  value <- do.call(fun, c(call$arguments, inputs, paths))
  returned <- setdiff(names(call$outputs), written)
  if (length(returned) == 1) {
    value <- stats::setNames(list(value), returned)
  } else if (length(returned) > 1 && !setequal(names(value), returned)) {
    abort_input(sprintf("The function must return a list of %s.", toString(returned)))
  }
  for (name in returned) {
    write_step_data(value[[name]], call$outputs[[name]], path("OUTPUT", name), name)
  }
}

write_step_data <- function(value, type, path, name) {
  if (type == "table") {
    write_frame(value, path)
  } else if (type == "json") {
    jsonlite::write_json(value, path, auto_unbox = TRUE, digits = NA, null = "null")
  } else {
    abort_input(
      sprintf(
        "What a function returns becomes a table or json; the output '%s' is a %s.", name, type
      ),
      sprintf("Give the function an argument %s: it is the path to write.", name)
    )
  }
}
