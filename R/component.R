#' Components of the designer
#'
#' A component is what is put on the designer's canvas: it splits a table, trains a model, draws a
#' report. `component_step()` has one be a step of a [pipeline()]; `list_components()` lists those
#' that there are, with those that other packages bring; `component_page()` says what one does.
#'
#' Ports of components have kinds, and a wrong connection or parameter is refused at once. On this
#' machine a component runs in a fork of a warm process, as functions do, and like every step it is
#' reused where nothing has changed: neither its parameters and inputs, nor the component's version.
#'
#' @param name Name of the step, unique in its pipeline; of `component_page()` that of the
#'   component.
#' @param component Name of the component.
#' @param parameters A named list; what is not given is as usual. A vector of several values is a
#'   list, and a single value, too, where the component takes a list. Values may be a
#'   [pipeline_parameter()].
#' @param ... Settings that all [steps][python_script_step] have, by name. `inputs` are what goes
#'   into the ports: `step_output()`s, datasets and models. Among `outputs` those of ports may be
#'   given to say what becomes of them, as in
#'   `outputs = list(model = list(type = "model", register_as = "prices"))`.
#' @return `component_step()`: a `tandemlab_step`, plain data. `list_components()`: a data frame
#'   with a row for each: `name`, `version`, `title`, `category`, `inputs` and `outputs` (names of
#'   ports and their kinds, as text). `component_page()`: the page in Markdown, a string of the
#'   class `tandemlab_component_page`, which prints as it is.
#' @section Errors:
#' `tandemlab_error_invalid_input` if there is no such component, or it does not take its parameters
#' or inputs; all mistakes are told.
#' @examplesIf tandemlab_is_ready()
#' head(list_components())
#' component_page("split_data")
#' cars <- r_function_step(
#'   function() datasets::mtcars, "cars",
#'   outputs = c(rows = "table")
#' )
#' split <- component_step(
#'   "split", "split_data",
#'   parameters = list(fraction = 0.8), inputs = list(data = step_output(cars))
#' )
#' pipeline(split)
#' @export
component_step <- function(name, component, parameters = list(), ...) {
  given <- arg_plain_list(arg_named(parameters, "parameters"))
  made <- new_step(name, list(), NULL, list(...), component = list(
    name = arg_string(component), parameters = given
  ))
  steps <- with_upstream(list(made), list())
  document <- list(
    parameters = parameter_documents(unlist(
      lapply(unname(steps), function(step) unname(step$parameters)), FALSE
    )),
    steps = lapply(steps, function(step) step$document)
  )
  json <- call_core("component.step", document = drop_empty(document), name = made$name)
  made$document <- jsonlite::fromJSON(json, simplifyVector = FALSE)
  made
}

# Plain values for JSON: a vector of several values, or of none, is a list.
arg_plain_list <- function(x) {
  if (is.list(x) && !is.object(x)) {
    return(lapply(x, arg_plain_list))
  }
  if (is_parameter(x) || is_step_output(x) || is.null(x)) {
    return(x)
  }
  if (length(x) == 1) arg_scalar(x) else lapply(seq_along(x), function(i) arg_scalar(x[i]))
}

#' @rdname component_step
#' @export
list_components <- function() {
  call_core("component.list")
}

#' @rdname component_step
#' @export
component_page <- function(name) {
  structure(
    call_core("component.page", name = arg_string(name)),
    class = "tandemlab_component_page"
  )
}

#' @export
print.tandemlab_component_page <- function(x, ...) {
  cat(unclass(x))
  invisible(x)
}

# Runs the code of the component Execute R Script on its frames; both frames that it gives. Its
# plots become files of the run.
run_component_code <- function(code, frame1, frame2, packages) {
  is_there <- vapply(packages, requireNamespace, logical(1), quietly = TRUE)
  if (!all(is_there)) {
    missing <- packages[!is_there]
    abort_tandemlab(
      "missing_dependency",
      sprintf("The code needs packages of R that are not installed: %s.", toString(missing)),
      sprintf("install.packages(c(%s))", toString(sprintf('"%s"', missing)))
    )
  }
  lines <- srcfilecopy("script.R", strsplit(code, "\n", fixed = TRUE)[[1]])
  scope <- list2env(list(frame1 = frame1, frame2 = frame2), parent = globalenv())
  dir.create("outputs", showWarnings = FALSE)
  grDevices::png(file.path("outputs", "plot-%02d.png"), width = 1200, height = 800, res = 144)
  device <- grDevices::dev.cur()
  on.exit(grDevices::dev.off(device))
  eval(parse(text = code, srcfile = lines, keep.source = TRUE), scope)
  if (is.function(scope$azureml_main)) {
    result <- scope$azureml_main(frame1, frame2)
  } else if (exists("result", scope, inherits = FALSE)) {
    result <- scope$result
  } else {
    abort_input(
      "The code has neither a function azureml_main nor a variable result.",
      "Define azureml_main(frame1, frame2), or leave a data frame as result."
    )
  }
  two_frames(result)
}

two_frames <- function(result) {
  frames <- if (is.data.frame(result)) list(result) else result
  is_frame <- vapply(frames, is.data.frame, logical(1))
  if (!is.list(frames) || length(frames) < 1 || length(frames) > 2 || !all(is_frame)) {
    abort_input(
      sprintf("The code gives %s, and no data frame.", class(result)[[1]]),
      "Return one data frame, or a list of two."
    )
  }
  list(result1 = frames[[1]], result2 = if (length(frames) == 2) frames[[2]] else data.frame())
}
