#' Steps of a pipeline
#'
#' A step is a script of Python or R, a command, an estimator or a function, with what it reads and
#' writes; [pipeline()] puts steps together. The order of steps follows from their data: a step that
#' reads the `step_output()` of another runs after it.
#'
#' @param script_name Path of the script inside the source directory.
#' @param name Name of the step, unique in its pipeline; that of the script, if there is one.
#' @param arguments Arguments: of a script as in [run_config()], of a function a named list of
#'   values. A [pipeline_parameter()] stands for its value, a `step_output()` for the path; of a
#'   function it is an input, as are datasets and models.
#' @param source_directory Folder that is kept with the run and copied to where the step runs.
#' @param command A line for the shell, or a program and its arguments.
#' @param estimator An [estimator()] or a [script_run_config()].
#' @param hyperdrive_config A [hyperdrive_config()]: its trials run in the step, whose outputs are
#'   those of the best trial that has completed, and `metrics`, a json with `best` and `trials`.
#' @param automl_config An [automl_config()] whose data are outputs of other steps, datasets or
#'   paths: they are the inputs `training_data` and `validation_data`. The step's outputs are
#'   `model`, `metrics`, a json with those of the best trial, and `leaderboard`, a table of all
#'   trials, the best first.
#' @param fun A function. It sees nothing but its arguments, and what it takes from packages by
#'   `::` or `library()`: its text goes to where the step runs. Its arguments are, by name: the
#'   inputs (a table as a data frame, json as its value, everything else as a path), the
#'   `arguments`, and the paths of the outputs that it writes itself. What it returns becomes the
#'   other outputs, tables or json: a value for one, a named list for several.
#' @param code Source of a function of Python, from `def` on, to which the same applies.
#' @param ... Settings that all steps have, by name:
#'   * `inputs`: what it reads: a named list of `step_output()`s, paths, datasets and models
#'     ([get_model()], or `list(model = "NAME:VERSION")` and `list(dataset = "NAME:VERSION")`, whose
#'     names may be [pipeline_parameter()]s), or a list of `step_output()`s, which keep their names.
#'     A name alone means the newest version whenever it runs.
#'   * `outputs`: what it writes: a named list or vector of types (`"folder"`, `"model"`,
#'     `"dataset"`, `"file"`, `"table"` or `"json"`), of [output_file_dataset_config()]s, which
#'     may also stand among the arguments, or of lists of `type`, `file` (the file's name),
#'     `register_as` (the dataset, of the type model the model, that it becomes), `datastore` and
#'     `path` (where a copy of it goes; `overwrite` if it may replace other files) and `columns`
#'     (of a table, a named vector of `"boolean"`, `"integer"`, `"double"`, `"string"`, `"date"`
#'     and `"datetime"`: a table with others fails the step); or names of folders.
#'   * `run_after`: a list of steps that have to be done before.
#'   * `retries`: how often it is tried again; or a list of `max_retries`, `delay_seconds` and
#'     `backoff` (what each further delay is multiplied by).
#'   * `allow_reuse`: whether what an equal step has made may be taken instead of running.
#'   * `when`: a condition without which it is skipped, and with it the steps that need its outputs:
#'     comparisons of `parameters.NAME` and `outputs.STEP.OUTPUT` (json, with `.KEY` inside it),
#'     joined by `and`, `or` and `not`, as in `"outputs.check.verdict.ok = true"`.
#'   * `for_each`: a list for each of whose items it runs once: the list itself, a
#'     [pipeline_parameter()] that is a list, or a `step_output()` of json. `${item}` and
#'     `${item.KEY}` in its texts are the item, and so is the environment variable `TANDEMLAB_ITEM`.
#'     Other steps get its outputs together, in the list's order: json as a list, tables one below
#'     another, all else in a folder, by number.
#'   * `run_config`, `compute_target`, `environment`, `environment_variables`, `interpreter`,
#'     `max_run_duration_seconds`, `resources`, `distribution`, `spark`: as in
#'     [script_run_config()].
#' @param mini_batch_size How many files, rows or items of the input a call of the script's `run()`
#'   gets at once.
#' @param error_threshold How many of them may be of mini-batches that failed, before the step has;
#'   -1 for any number.
#' @param output_action `"append_row"` puts what the calls give together, `"summary_only"` does not.
#' @param process_count_per_node Number of processes; `NULL` for the processors that the step may
#'   use.
#' @param node_count Machines: 1. For several, part the input by a step before and run this one with
#'   `for_each`: each item is a run of its own, on whatever node its target has free.
#' @param run_max_try How often a mini-batch that fails is tried.
#' @param run_invocation_timeout Seconds after which a call has failed; `NULL` for any time.
#' @param input Name of the input that is parted; `NULL` for the only one.
#' @param source What is copied: a `step_output()`, a path, a dataset or a [data_path()].
#' @param destination Where to: a [data_path()], or an absolute folder of the machine of the
#'   workspace.
#' @param overwrite Whether files with another content may be replaced; else the step fails.
#' @param module Name of a published pipeline, `"NAME"` or `"NAME:VERSION"`, whose steps run in the
#'   place of this one.
#' @param inputs,run_after,when As those of all steps.
#' @param document A named list: a step as a pipeline's file has it, for what the other functions do
#'   not say.
#' @param needs A list of the steps that it reads of, or has to run after.
#' @param step A `tandemlab_step`.
#' @param output Name of one of its outputs; `NULL` if it is the only one.
#' @param process What the function runs in: `"forked"`, a fork for it alone of a warm process;
#'   `"own"`, an interpreter that is started for it; or, for functions of Python, `"shared"`, a fork
#'   that runs functions of the same pipeline's run one after the other.
#' @section Functions:
#' On this machine a function runs in a fork of a warm process, which has started the same Python or
#' R with the same variables, and has loaded tandemlab (in Python, for tables or where the function
#' imports them, also numpy, pandas and pyarrow). That takes milliseconds. The fork is a process by
#' itself, in R with an empty global environment: what the function changes, prints or breaks
#' concerns no other step, and limits, retries and canceling work as always. A function that cannot
#' be forked takes `process = "own"`. That is also done where the step asks for GPUs, several
#' processes or a container, where its source directory has an `.Rprofile` or `.Renviron`, and on
#' other targets.
#'
#' Many small functions of Python that get along with each other may share a process, which saves a
#' fork for each. Every one still is a run with its own folder, arguments, output and variables of
#' the environment. What it changes in modules (settings of libraries, handlers, caches) and the
#' memory that it keeps stay for the functions after it. One that dies by a signal, or is canceled,
#' takes the process along, and the next ones get another one; a step that limits memory is forked.
#' @section Transfers:
#' A `data_transfer_step()` copies files between datastores and paths, those that are not there with
#' the same content. Its output `report` is json: `copied` and `unchanged`, names of files, and
#' `bytes`. It compares each time, so that it always runs.
#' @section Modules:
#' A `module_step()` is a published pipeline ([publish_pipeline()]), so that others may keep it: its
#' steps run in the place of the step, and are named `NAME__INNER` in the run. Its parameters are
#' the `arguments`, and, where they are paths or datasets, the `inputs`. Its outputs are
#' `step_output(step, "OUTPUT")` or `step_output(step, "INNER.OUTPUT")`. A name alone means the
#' default version when the pipeline is submitted or published.
#' @section Parallel runs:
#' The script of `parallel_run_step()`, in R or Python, has a function `run(mini_batch)`, and
#' `init()` if it likes, which each process calls once. A mini-batch is a vector of paths for a
#' folder, a data frame for a table, and a list for json. What `run()` gives is put together in the
#' order of the input as the one output that is a table (from data frames), json (from lists) or a
#' file (from lines). A mini-batch that was finished is not run again when the step is tried again
#' or the pipeline resumed. The run's metrics `mini_batches`, `mini_batches_failed` and
#' `mini_batches_taken_over` count them, and its file `logs/mini_batches.json` says which have
#' failed, and why.
#' @return Steps: a `tandemlab_step`. `step_output()`: what the step will have written, an input of
#'   other steps. All are plain data.
#' @examples
#' clean <- python_script_step("clean.py", outputs = c(rows = "table"))
#' fit <- r_script_step("fit.R", inputs = list(step_output(clean)), outputs = c(model = "model"))
#' count <- r_function_step(
#'   function(rows) nrow(rows), "count",
#'   inputs = list(step_output(clean)), outputs = c(n = "json")
#' )
#' pipeline(fit, count)
#' @export
python_script_step <- function(script_name, name = NULL, arguments = NULL,
                               source_directory = ".", ...) {
  script_step(script_name, "[.]py$", "Python (.py)", name, arguments, source_directory, ...)
}

#' @rdname python_script_step
#' @export
r_script_step <- function(script_name, name = NULL, arguments = NULL, source_directory = ".", ...) {
  script_step(script_name, "[.][Rr]$", "R (.R)", name, arguments, source_directory, ...)
}

script_step <- function(script_name, pattern, language, name, arguments, source_directory, ...) {
  script_name <- arg_string(script_name)
  if (!grepl(pattern, script_name)) {
    abort_argument("script_name", sprintf("a script of %s", language), script_name)
  }
  content <- list(script = script_name, arguments = arguments)
  new_step(step_name(name, script_name), content, arg_string(source_directory), list(...))
}

#' @rdname python_script_step
#' @export
command_step <- function(command, name, source_directory = ".", ...) {
  new_step(name, list(command = command), arg_string(source_directory), list(...))
}

#' @rdname python_script_step
#' @export
parallel_run_step <- function(script_name, name = NULL, mini_batch_size = 10,
                              error_threshold = 0, output_action = c("append_row", "summary_only"),
                              process_count_per_node = NULL, run_max_try = 3,
                              run_invocation_timeout = NULL, input = NULL, arguments = NULL,
                              source_directory = ".", node_count = 1, ...) {
  script_name <- arg_string(script_name)
  output_action <- match.arg(output_action)
  content <- list(script = script_name, arguments = arguments)
  made <- new_step(step_name(name, script_name), content, arg_string(source_directory), list(...))
  given <- list(
    input = arg_optional(input, arg_string),
    mini_batch_size = arg_count(mini_batch_size, least = 1L),
    process_count_per_node = arg_optional(process_count_per_node, arg_count, least = 1L),
    node_count = arg_count(node_count, least = 1L),
    run_max_try = arg_count(run_max_try, least = 1L),
    run_invocation_timeout = arg_optional(run_invocation_timeout, arg_number),
    error_threshold = arg_count(error_threshold, least = -1L),
    output_action = output_action
  )
  usual <- list(
    mini_batch_size = 10, node_count = 1, run_max_try = 3, error_threshold = 0,
    output_action = "append_row"
  )
  is_usual <- vapply(names(given), function(key) {
    is.null(given[[key]]) || !is.null(usual[[key]]) && given[[key]] == usual[[key]]
  }, NA)
  made$document$parallel <- if (all(is_usual)) empty_map() else given[!is_usual]
  made
}

#' @rdname python_script_step
#' @export
data_transfer_step <- function(name, source, destination, overwrite = FALSE, ...) {
  is_place <- is_data_path(destination)
  settings <- list(...)
  settings$inputs <- list(source = source)
  settings$outputs <- c(report = "json")
  settings$allow_reuse <- FALSE
  made <- new_step(name, list(), NULL, settings)
  given <- list(
    datastore = if (is_place) destination$datastore,
    path = if (is_place) destination$path else arg_string(destination),
    overwrite = if (arg_flag(overwrite)) TRUE
  )
  given <- given[!vapply(given, function(x) is.null(x) || identical(x, ""), NA)]
  made$document$transfer <- if (length(given) == 0) empty_map() else given
  made
}

#' @rdname python_script_step
#' @export
module_step <- function(name, module, arguments = NULL, inputs = NULL, run_after = NULL,
                        when = NULL) {
  settings <- list(inputs = inputs, run_after = run_after, when = when)
  content <- list(arguments = arguments)
  made <- new_step(name, content, NULL, drop_null(settings), list())
  made$document$module <- arg_string(module)
  made
}

#' @rdname python_script_step
#' @export
document_step <- function(name, document, needs = NULL) {
  made <- new_step(name, list(), NULL, drop_null(list(run_after = needs)))
  made$document <- arg_plain_list(arg_named(document, "document"))
  made
}

#' @rdname python_script_step
#' @export
estimator_step <- function(estimator, name = NULL, ...) {
  if (!inherits(estimator, "tandemlab_script_run_config")) {
    abort_argument("estimator", "an estimator() or a script_run_config()", estimator)
  }
  settings <- list(...)
  settings$run_config <- estimator
  new_step(step_name(name, estimator$script), list(), estimator$source_directory, settings)
}

#' @rdname python_script_step
#' @export
hyperdrive_step <- function(name, hyperdrive_config, ...) {
  sweep <- arg_sweep(hyperdrive_config)
  if (length(sweep$resume_from) + length(sweep$resume_child_runs) > 0) {
    abort_input("A step cannot be resumed from earlier sweeps.")
  }
  settings <- list(...)
  settings$run_config <- sweep$run_config
  settings$outputs <- c(list(metrics = "json"), as.list(as_named_outputs(settings$outputs)))
  content <- sweep$document[setdiff(names(sweep$document), c("name", "description"))]
  new_step(name, list(), sweep$run_config$source_directory, settings, sweep = content)
}

#' @rdname python_script_step
#' @export
automl_step <- function(name, automl_config, ...) {
  config <- arg_automl_config(automl_config, arg = "automl_config")
  if (any(vapply(config$data, is.data.frame, NA))) {
    abort_input("No step reads a data frame: give the output of another step, a dataset or a path.")
  }
  content <- config$content
  settings <- list(...)
  settings$inputs <- c(config$data, as.list(settings$inputs))
  outputs <- list(model = "model", metrics = "json", leaderboard = "table")
  settings$outputs <- utils::modifyList(outputs, as.list(as_named_outputs(settings$outputs)))
  place <- drop_null(list(
    compute_target = content$compute_target, environment = content$environment,
    resources = if (!is.null(content$memory)) list(memory = content$memory)
  ))
  settings <- c(settings, place[setdiff(names(place), names(settings))])
  made <- new_step(name, list(), NULL, settings)
  left <- c("training_data", "validation_data", "compute_target", "environment", "memory")
  made$document$automl <- content[setdiff(names(content), left)]
  made$parameters <- c(made$parameters, config$parameters)
  made
}

#' @rdname python_script_step
#' @export
r_function_step <- function(fun, name, arguments = NULL, source_directory = NULL,
                            process = c("forked", "own"), ...) {
  if (!is.function(fun) || is.primitive(fun)) {
    abort_argument("fun", "a function", fun)
  }
  check_own_names(fun)
  code <- function_document("r", name, function_text(fun), match.arg(process))
  source_directory <- arg_optional(source_directory, arg_string)
  made <- new_function_step(name, arguments, source_directory, list(...), code)
  check_call(fun, made$document)
  made
}

# Whether the function takes what its step gives it, and gets what it needs.
check_call <- function(fun, document) {
  taken <- names(formals(fun))
  given <- c(names(document$arguments), names(document$inputs))
  unknown <- if ("..." %in% taken) character() else setdiff(given, taken)
  if (length(unknown) > 0) {
    abort_input(
      sprintf("The function takes no argument '%s'.", unknown[[1]]),
      nearest_hint(unknown[[1]], taken, "It takes"),
      list(argument = unknown[[1]])
    )
  }
  has_default <- nzchar(vapply(formals(fun), deparse1, ""))
  may_miss <- c("...", taken[has_default], tested_by_missing(body(fun)))
  open <- setdiff(taken, c(given, names(document$outputs), may_miss))
  if (length(open) > 0) {
    abort_input(
      sprintf("The function needs '%s', which is no input, argument or output.", open[[1]]),
      details = list(argument = open[[1]])
    )
  }
}

# The names that code looks for by missing().
tested_by_missing <- function(code) {
  if (!is.call(code)) {
    return(character())
  }
  if (identical(code[[1]], quote(missing)) && length(code) == 2) {
    return(as.character(code[[2]]))
  }
  parts <- Filter(is.call, as.list(code))
  as.character(unlist(lapply(parts, tested_by_missing)))
}

#' @rdname python_script_step
#' @export
python_function_step <- function(code, name = NULL, arguments = NULL, source_directory = NULL,
                                 process = c("forked", "own", "shared"), ...) {
  code <- arg_string(code)
  found <- regmatches(code, regexec("^\\s*def\\s+([A-Za-z_][A-Za-z0-9_]*)", code))[[1]]
  if (length(found) == 0) {
    abort_argument("code", "the source of a function of Python, which begins with def", code)
  }
  content <- function_document("python", found[[2]], sub("\\s*$", "\n", code), match.arg(process))
  source_directory <- arg_optional(source_directory, arg_string)
  name <- if (is.null(name)) found[[2]] else name
  new_function_step(name, arguments, source_directory, list(...), content)
}

# Outputs of steps, datasets and models among the arguments of a function are inputs.
new_function_step <- function(name, arguments, source_directory, settings, code) {
  is_input <- vapply(as.list(arguments), function(one) {
    is_step_output(one) || is_consumption(one) ||
      inherits(one, c("tandemlab_dataset", "tandemlab_model"))
  }, NA)
  if (any(is_input)) {
    settings$inputs <- c(step_inputs(settings$inputs), arguments[is_input])
    arguments <- arguments[!is_input]
  }
  content <- list(arguments = if (length(arguments)) arguments)
  new_step(name, content, source_directory, settings, code)
}

function_document <- function(language, name, code, process) {
  made <- list(language = language, name = name, code = code)
  if (process != "forked") {
    made$process <- process
  }
  made
}

#' @rdname python_script_step
#' @export
step_output <- function(step, output = NULL) {
  if (!inherits(step, "tandemlab_step")) {
    abort_argument("step", "a step of a pipeline", step)
  }
  if (!is.null(step$document$module)) {
    return(structure(
      list(step = step, name = arg_string(output)),
      class = "tandemlab_step_output"
    ))
  }
  there <- names(step$document$outputs)
  if (is.null(output) && length(there) == 1) {
    output <- there
  }
  if (is.null(output) || !arg_string(output) %in% there) {
    abort_no_such_output(step$name, output, there)
  }
  structure(list(step = step, name = output), class = "tandemlab_step_output")
}

abort_no_such_output <- function(step, output, there) {
  if (length(there) == 0) {
    abort_input(
      sprintf("The step '%s' has no outputs.", step), "What it writes is named in its outputs."
    )
  }
  if (is.null(output)) {
    abort_input(
      sprintf("Which output of the step '%s' is meant has to be said.", step),
      sprintf("Its outputs are %s.", toString(there))
    )
  }
  abort_input(
    sprintf("The step '%s' has no output '%s'.", step, output),
    nearest_hint(output, there, "Its outputs are")
  )
}

#' A parameter of a pipeline
#'
#' What may differ from run to run: it stands for its value in arguments, variables and paths of
#' [steps][python_script_step]. [submit_experiment()] takes the values.
#'
#' @param name Letters, digits and `_`.
#' @param default_value A number, string or logical value, or a list; `NULL` for a parameter that
#'   has to be given.
#' @param type `"boolean"`, `"integer"`, `"double"`, `"string"` or `"list"`; `NULL` for that of the
#'   default, if there is one, and else `"string"`.
#' @param description What it is, in words.
#' @return A `tandemlab_pipeline_parameter`: plain data.
#' @examples
#' rows <- pipeline_parameter("rows", 100L)
#' r_script_step("fit.R", arguments = list(rows = rows))
#' @export
pipeline_parameter <- function(name, default_value = NULL, type = NULL, description = NULL) {
  types <- c("boolean", "integer", "double", "string", "list")
  content <- list(
    type = arg_optional(type, arg_choice, types),
    default = arg_optional(default_value, arg_parameter),
    description = arg_optional(description, arg_string)
  )
  structure(
    list(name = arg_name(name), document = drop_null(content)),
    class = "tandemlab_pipeline_parameter"
  )
}

#' @export
format.tandemlab_pipeline_parameter <- function(x, ...) {
  sprintf("<pipeline parameter %s>", x$name)
}

#' @export
print.tandemlab_pipeline_parameter <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

#' @export
format.tandemlab_step <- function(x, ...) sprintf("<step %s>", x$name)

#' @export
print.tandemlab_step <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

#' @export
format.tandemlab_step_output <- function(x, ...) {
  sprintf("<output %s of the step %s>", x$name, x$step$name)
}

#' @export
print.tandemlab_step_output <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

# Making steps

step_settings <- c(
  "inputs", "outputs", "run_after", "retries", "allow_reuse", "run_config", "when", "for_each"
)

new_step <- function(name, content, source_directory, settings, code = NULL, component = NULL,
                     sweep = NULL) {
  name <- arg_name(name)
  if (length(names(settings)) < length(settings) || !all(nzchar(names(settings)))) {
    abort_input("Settings of a step must be named.")
  }
  check_argument_names(names(settings), c(step_settings, names(run_config_settings)))
  base <- arg_optional(settings$run_config, arg_run_config, arg = "run_config")
  taken <- take_references(
    c(drop_null(content), drop_null(list(component = component, sweep = sweep)),
      settings[!names(settings) %in% step_settings]),
    c(as.list(base$inputs), step_inputs(settings$inputs))
  )
  component <- taken$settings$component
  sweep <- taken$settings$sweep
  taken$settings$component <- taken$settings$sweep <- NULL
  config <- if (is.null(base)) new_run_config(list()) else base
  config$inputs <- config$outputs <- NULL
  form <- take_function_arguments(taken$settings, code)
  config <- change_config(config, drop_null(form$settings))
  document <- c(
    list(source_directory = source_directory),
    as.list(config_form(drop_null(unclass(config)))),
    list(
      arguments = form$arguments, "function" = code, component = drop_empty(component),
      sweep = sweep,
      inputs = lapply(taken$inputs, input_document),
      outputs = output_documents(c(
        as.list(base$outputs), as_named_outputs(settings$outputs), taken$outputs
      )),
      run_after = step_names(settings$run_after),
      retries = retries_document(settings$retries),
      allow_reuse = if (identical(settings$allow_reuse, FALSE)) FALSE,
      when = arg_optional(settings$when, arg_string, arg = "when")
    )
  )
  document <- drop_empty(document)
  if (!is.null(settings$for_each)) document$for_each <- list_document(settings$for_each)
  upstream <- c(
    lapply(Filter(is_step_output, unname(taken$inputs)), function(one) one$step),
    if (is_step_output(settings$for_each)) list(settings$for_each$step),
    unname(settings$run_after)
  )
  parameters <- taken$parameters
  if (is_parameter(settings$for_each)) {
    parameters[[settings$for_each$name]] <- settings$for_each
  }
  structure(
    list(name = name, document = document, upstream = upstream, parameters = parameters),
    class = "tandemlab_step"
  )
}

is_parameter <- function(x) inherits(x, "tandemlab_pipeline_parameter")

# The text that stands for the value of a parameter.
parameter_place <- function(x) sprintf("${parameters.%s}", x$name)

parameters_of <- function(content) take_references(content, list())$parameters

# Parameters have values in pipelines alone.
refuse_parameters <- function(parameters, what, step) {
  if (length(parameters) > 0) {
    place <- parameter_place(parameters[[1]])
    abort_input(
      sprintf("%s stands in %s, and only a pipeline has parameters.", place, what),
      sprintf("Give the value itself, or use it in %s of a pipeline.", step)
    )
  }
}

# The list for whose items a step runs.
list_document <- function(x) {
  if (is_step_output(x)) {
    return(list(step = x$step$name, output = x$name))
  }
  if (is_parameter(x)) {
    return(parameter_place(x))
  }
  if (!is.null(names(x)) || !is.vector(x)) {
    abort_argument("for_each", "a list, a pipeline_parameter() or a step_output()", x)
  }
  unname(as.list(x))
}

is_step_output <- function(x) inherits(x, "tandemlab_step_output")

# Arguments of functions are values by name, not words.
take_function_arguments <- function(settings, code) {
  if (is.null(code)) {
    return(list(settings = settings))
  }
  arguments <- arg_named(settings$arguments, "arguments")
  settings$arguments <- NULL
  list(settings = settings, arguments = arguments)
}

# What stands for something else: parameters, and outputs of steps, which become inputs.
take_references <- function(settings, inputs) {
  parameters <- list()
  place <- function(x) {
    if (is_parameter(x)) {
      parameters[[x$name]] <<- x
      return(parameter_place(x))
    }
    if (is_step_output(x)) {
      inputs[[x$name]] <<- x
      return(sprintf("${inputs.%s}", x$name))
    }
    if (is.list(x) && !is.object(x)) lapply(x, place) else x
  }
  settings <- lapply(settings, place)
  inputs <- lapply(inputs, function(x) if (is_step_output(x)) x else place(x))
  found <- take_places(list(arguments = settings$arguments, inputs = inputs))
  settings["arguments"] <- list(found$arguments)
  list(
    settings = drop_null(settings), inputs = as.list(found$inputs),
    outputs = as.list(found$outputs), parameters = parameters
  )
}

step_inputs <- function(x) {
  x <- as.list(x)
  if (is.null(names(x)) && all(vapply(x, function(one) {
    is_step_output(one) || is_consumption(one)
  }, NA))) {
    names(x) <- vapply(x, function(one) one$name, "")
  }
  arg_named(x, "inputs")
}

input_document <- function(x) {
  if (is_step_output(x)) {
    return(list(step = x$step$name, output = x$name))
  }
  if (inherits(x, "tandemlab_model")) {
    return(list(model = x$id))
  }
  if (is.list(x) && !is.object(x) && is_string(x$model) && length(x) == 1) {
    return(list(model = x$model))
  }
  found <- arg_inputs(list(it = x), "inputs")$it
  if (is.list(found)) found else list(path = found)
}

as_named_outputs <- function(x) {
  x <- if (is_output(x)) list(x) else as.list(x)
  if (is.null(names(x))) {
    names(x) <- vapply(x, function(one) {
      if (is_output(one)) one$name else arg_string(one, "outputs")
    }, "")
    x <- lapply(x, function(one) if (is_output(one)) one else "folder")
  }
  arg_named(x, "outputs")
}

data_types <- c("folder", "model", "dataset", "file", "table", "json")

output_documents <- function(x) {
  type <- function(x, arg) arg_choice(x, data_types, arg)
  Map(function(value, name) {
    where <- sprintf("outputs$%s", name)
    if (!is.list(value)) {
      return(list(type = type(if (is.null(value)) "folder" else value, where)))
    }
    value <- unclass(value)
    value[c("name", "mode")] <- NULL
    found <- arg_section(value, where, list(
      type = type, file = arg_string, register_as = arg_string, description = arg_string,
      tags = arg_text_map, table = arg_table, datastore = arg_string, path = arg_string,
      overwrite = arg_flag, columns = arg_text_map
    ))
    if (identical(found$overwrite, FALSE)) found$overwrite <- NULL
    if (is.null(found$type)) c(list(type = "folder"), found) else found
  }, x, names(x))
}

step_names <- function(steps) {
  if (inherits(steps, "tandemlab_step")) steps <- list(steps)
  lapply(unname(as.list(steps)), function(one) {
    if (!inherits(one, "tandemlab_step")) {
      abort_argument("run_after", "a list of steps", one)
    }
    one$name
  })
}

retries_document <- function(x) {
  if (is.null(x) || !is.list(x)) {
    return(arg_optional(x, arg_count, arg = "retries"))
  }
  arg_section(x, "retries", list(
    max_retries = arg_count,
    delay_seconds = function(x, arg) arg_number(x, arg, least = 0),
    backoff = function(x, arg) arg_number(x, arg, least = 1)
  ))
}

arg_name <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (!grepl("^[A-Za-z_][A-Za-z0-9_]*$", arg_string(x, arg))) {
    abort_argument(arg, "a name of letters, digits and '_'", x)
  }
  x
}

step_name <- function(name, script) {
  if (!is.null(name) || is.null(script)) {
    return(name)
  }
  words <- gsub("^_+|_+$", "", gsub("[^A-Za-z0-9_]+", "_", sub("[.][^.]*$", "", basename(script))))
  if (grepl("^[A-Za-z_]", words)) words else paste0("step_", words)
}

function_text <- function(fun) {
  source <- attr(fun, "srcref")
  lines <- if (is.null(source)) deparse(fun) else as.character(source, useSource = TRUE)
  paste(lines, collapse = "\n")
}

# A step's function runs elsewhere, without the variables of this session.
check_own_names <- function(fun) {
  if (!requireNamespace("codetools", quietly = TRUE)) {
    return(invisible())
  }
  names <- codetools::findGlobals(fun, merge = TRUE)
  outside <- Filter(function(name) is_session_name(name, environment(fun)), names)
  if (length(outside) > 0) {
    abort_input(
      sprintf("The function uses %s from outside.", toString(outside)),
      paste(
        "Where the step runs there is nothing but the function:",
        "hand over values as arguments, and take functions from packages by `::`."
      )
    )
  }
}

# Whether a name is found in this session's own environments, rather than in a package.
is_session_name <- function(name, where) {
  while (!identical(where, emptyenv())) {
    if (exists(name, where, inherits = FALSE)) {
      return(identical(where, globalenv()) || !nzchar(environmentName(where)))
    }
    where <- parent.env(where)
  }
  FALSE
}
