#' How a script runs
#'
#' A run configuration says how a script or a command runs, whatever its folder. It is plain data:
#' several scripts can share one, and a file can keep it. `update()` gives a copy with some settings
#' changed.
#'
#' `save_run_config()` writes the file `.tandemlab/NAME.yml` beside the source, which
#' `tandemlab run submit --config NAME` and Python's `RunConfiguration.load()` read, too.
#' `load_run_config()` also reads `.runconfig` files of Azure ML's SDK v1; of these, what has no
#' meaning here is named in a warning. `save_run_config()` writes `schema.json` beside the file,
#' too, by which editors with the YAML language server complete and check it.
#'
#' @param script Path of the script inside the source directory.
#' @param arguments A list of command line arguments. A named element `data = "x.csv"` becomes
#'   `--data x.csv`, a vector several values, `TRUE` the bare flag `--data`, and `FALSE` or `NULL`
#'   nothing; an unnamed element is passed as it is, a named list in the list stands for its flags.
#'   Numbers are written without a superfluous decimal point (`3`, `0.1`), unnamed logical values as
#'   the script's language has them.
#' @param compute_target Name of the target; `"local"` is this machine.
#' @param ... For `update()` the settings to change, by name; elsewhere not used, which makes sure
#'   that what follows is named.
#' @param environment_variables Variables for the script: a named list.
#' @param interpreter Program that runs the script; `NULL` means this R's `Rscript`, with this
#'   session's library paths, or the Python of tandemlab.
#' @param max_run_duration_seconds The script is stopped and the run fails after so long; `NULL` for
#'   no limit.
#' @param environment Packages that the script needs: an [r_environment()], [python_environment()]
#'   or [read_environment()], or the name of a registered or curated one ([register_environment()]).
#'   It is built before the script starts; `NULL` for what the interpreter has.
#' @param command What runs instead of a script: one string for the shell, or a list or vector of a
#'   program and its arguments.
#' @param inputs Files, folders and datasets that the script reads, a named list or vector of paths
#'   and datasets, or a list of [dataset_consumption_config()], which may also stand among the
#'   arguments, as a [data_path()] may; or, for an input, `list(path = , mode = )` with the mode
#'   `"direct"` (the very path), `"mount"` (a link in the run's directory) or `"download"` (a copy
#'   there). `${inputs.NAME}` in the arguments or the command is the path, and so is the environment
#'   variable `TANDEMLAB_INPUT_NAME`. Relative paths start at the source directory.
#' @param outputs Folders that the script writes: names, for folders whose files the run keeps
#'   (`outputs/NAME`), or a named list of absolute paths, or of [output_file_dataset_config()],
#'   which may also stand among the arguments. Likewise `${outputs.NAME}` and
#'   `TANDEMLAB_OUTPUT_NAME`.
#' @param resources What the run needs of its machine, and may not exceed: a list of `cpus` (as many
#'   slots are taken, and libraries for numbers start as many threads), `memory` (such as `"4GB"`;
#'   a run that uses more is ended) and `gpus` (0 hides all).
#' @param distribution For several processes of the script that find each other by `RANK`,
#'   `WORLD_SIZE`, `MASTER_ADDR` and `MASTER_PORT`, as those of torchrun do: a list of
#'   `process_count_per_node` and `node_count`. When one fails the others are ended.
#' @param spark What a target of Spark gives to `spark-submit`; other targets pass over it. A list
#'   of `configuration` (a named list of properties, such as
#'   `list("spark.sql.shuffle.partitions" = 8)`), `driver_memory`, `executor_memory` (such as
#'   `"2g"`), `driver_cores`, `executor_cores`, `num_executors`, `py_files`, `jars`, `files`,
#'   `archives` (paths in the source directory, absolute ones on the target's machine, or URLs),
#'   `packages` (`"GROUP:ARTIFACT:VERSION"`), `repositories`, `deploy_mode` (`"client"` or
#'   `"cluster"`) and `queue`.
#' @param run_config,object A `tandemlab_run_config`.
#' @param path The source directory, or, without a `name`, the file.
#' @param name Name of the configuration: `.tandemlab/NAME.yml` in the source directory, or else
#'   SDK v1's `.azureml/NAME.runconfig` or `aml_config/NAME.runconfig`.
#' @return `run_config()`, `load_run_config()` and `update()`: a `tandemlab_run_config`.
#'   `save_run_config()`: the path of the file, invisibly.
#' @section Errors:
#' `tandemlab_error_not_found` if there is no such file; `tandemlab_error_invalid_input` if it
#' cannot be used: the message has the line and key of each mistake.
#' @examples
#' quick <- run_config("train.R", list(epochs = 1), max_run_duration_seconds = 60)
#' update(quick, arguments = list(epochs = 100), max_run_duration_seconds = NULL)
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' save_run_config(quick, source, "quick")
#' load_run_config(source, "quick")
#' @export
run_config <- function(script = NULL, arguments = NULL, compute_target = "local", ...,
                       environment_variables = NULL, interpreter = NULL,
                       max_run_duration_seconds = NULL, environment = NULL, command = NULL,
                       inputs = NULL, outputs = NULL, resources = NULL, distribution = NULL,
                       spark = NULL) {
  check_no_dots(...)
  new_run_config(drop_null(list(
    script = script, arguments = arguments, compute_target = compute_target,
    environment_variables = environment_variables, interpreter = interpreter,
    max_run_duration_seconds = max_run_duration_seconds, environment = environment,
    command = command, inputs = inputs, outputs = outputs, resources = resources,
    distribution = distribution, spark = spark
  )))
}

#' @rdname run_config
#' @export
load_run_config <- function(path = ".", name = NULL) {
  found <- call_core(
    "run_config.load",
    path = arg_path(path), name = arg_optional(name, arg_string)
  )
  config_from(found)
}

# A configuration that the core has sent.
config_from <- function(found) {
  if (is.list(found[["environment"]])) {
    found[["environment"]] <- environment_from(found[["environment"]])
  }
  new_run_config(found)
}

#' @rdname run_config
#' @export
save_run_config <- function(run_config, path = ".", name = NULL) {
  file <- call_core(
    "run_config.save",
    config = config_form(unclass(arg_run_config(run_config))),
    path = arg_path(path), name = arg_optional(name, arg_string)
  )
  invisible(file)
}

#' @rdname run_config
#' @importFrom stats update
#' @export
update.tandemlab_run_config <- function(object, ...) {
  change_config(object, named_list(...))
}

# The settings, each with what makes it what the core takes.
run_config_settings <- list(
  script = function(x) arg_string(x, "script"),
  arguments = function(x) arg_arguments(x, "arguments"),
  compute_target = function(x) arg_string(x, "compute_target"),
  environment_variables = function(x) arg_text_map(x, "environment_variables"),
  interpreter = function(x) arg_string(x, "interpreter"),
  max_run_duration_seconds = function(x) arg_number(x, "max_run_duration_seconds"),
  environment = function(x) arg_run_environment(x, "environment"),
  command = function(x) arg_command(x, "command"),
  inputs = function(x) arg_inputs(x, "inputs"),
  outputs = function(x) arg_outputs(x, "outputs"),
  resources = function(x) {
    arg_section(x, "resources", list(
      cpus = function(x, arg) arg_count(x, arg, least = 1L), memory = arg_string, gpus = arg_count
    ))
  },
  distribution = function(x) {
    count <- function(x, arg) arg_count(x, arg, least = 1L)
    arg_section(x, "distribution", list(process_count_per_node = count, node_count = count))
  },
  spark = function(x) arg_section(x, "spark", c(spark_usual, spark_of_run))
)

arg_size_count <- function(x, arg) arg_count(x, arg, least = 1L)

arg_properties <- function(x, arg) {
  texts <- lapply(arg_named(x, arg), function(one) if (is.logical(one)) tolower(one) else one)
  arg_text_map(texts, arg)
}

# What a target of Spark may say for all runs, and what only a run may ask.
spark_usual <- list(
  configuration = arg_properties, driver_memory = arg_string, executor_memory = arg_string,
  executor_cores = arg_size_count, num_executors = arg_size_count,
  deploy_mode = function(x, arg) arg_choice(x, c("client", "cluster"), arg)
)
spark_of_run <- list(
  driver_cores = arg_size_count, py_files = arg_strings, jars = arg_strings, files = arg_strings,
  archives = arg_strings, packages = arg_strings, repositories = arg_strings, queue = arg_string
)

new_run_config <- function(settings) {
  change_config(structure(list(), class = "tandemlab_run_config"), settings)
}

# A copy with other settings; NULL stands for what is usual.
change_config <- function(config, settings) {
  if ("arguments" %in% names(settings)) settings <- take_places(settings)
  known <- names(run_config_settings)
  if (length(names(settings)) < length(settings)) {
    abort_input("Settings must be named.", sprintf("Settings are %s.", toString(known)))
  }
  check_argument_names(names(settings), c(known, "source_directory"))
  for (name in names(settings)) {
    value <- settings[[name]]
    if (is.null(value)) {
      config[[name]] <- NULL
    } else if (name == "source_directory") {
      config[[name]] <- arg_path(value, name)
    } else {
      config[[name]] <- run_config_settings[[name]](value)
    }
  }
  config
}

arg_run_config <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (!inherits(x, "tandemlab_run_config")) {
    abort_argument(arg, "a run_config() or load_run_config()", x)
  }
  settings <- unclass(x)
  new_run_config(settings[names(settings) != "source_directory"])
}

arg_run_environment <- function(x, arg) {
  if (!is_string(x)) arg_environment(x, arg)
  x
}

arg_command <- function(x, arg) {
  refuse_secret(x, arg)
  if (is_string(x)) arg_string(x, arg) else lapply(as.list(unname(x)), argument_word, where = arg)
}

# A list of settings by name, each with its check.
arg_section <- function(x, arg, checks) {
  if (!is.list(x) || length(names(x)) < length(x) || !all(names(x) %in% names(checks))) {
    abort_argument(arg, sprintf("a list of %s", toString(names(checks))), x)
  }
  x <- drop_null(x)
  Map(function(value, name) checks[[name]](value, sprintf("%s$%s", arg, name)), x, names(x))
}

arg_inputs <- function(x, arg) {
  x <- arg_named(named_places(x, "inputs"), arg)
  Map(function(value, name) {
    where <- sprintf("%s$%s", arg, name)
    if (is_data_path(value)) value <- as_consumption(value)
    if (inherits(value, "tandemlab_dataset")) value <- dataset_consumption_config(name, value)
    if (!is.list(value)) {
      return(arg_string(value, where))
    }
    value <- unclass(value)
    value$name <- NULL
    arg_section(value, where, list(
      path = arg_string, dataset = arg_string,
      mode = function(x, arg) arg_choice(x, input_modes, arg)
    ))
  }, x, names(x))
}

input_modes <- c("direct", "mount", "download")
output_modes <- c("mount", "upload")

is_consumption <- function(x) inherits(x, "tandemlab_dataset_consumption")

is_output <- function(x) inherits(x, "tandemlab_output_dataset")

# The files of a data path as an input, as Python's DataPath.to_input() has it.
as_consumption <- function(path) {
  name <- call_core("data_path.name", path = unclass(path))
  dataset_consumption_config(name, create_file_dataset_from_files(path), "mount")
}

# Datasets and data paths among the arguments become inputs, and outputs become outputs; in their
# places are the paths of these.
take_places <- function(settings) {
  found <- list(inputs = list(), outputs = list())
  take <- function(x, kind) {
    found[[kind]][[x$name]] <<- x
    sprintf("${%s.%s}", kind, x$name)
  }
  place <- function(x) {
    if (is_data_path(x)) x <- as_consumption(x)
    if (is_consumption(x)) {
      return(take(x, "inputs"))
    }
    if (is_output(x)) {
      return(take(x, "outputs"))
    }
    if (is.list(x) && !is.object(x)) lapply(x, place) else x
  }
  settings["arguments"] <- list(place(settings$arguments))
  for (kind in names(found)[lengths(found) > 0]) {
    settings[[kind]] <- c(named_places(settings[[kind]], kind), found[[kind]])
    settings[[kind]] <- settings[[kind]][!duplicated(names(settings[[kind]]), fromLast = TRUE)]
  }
  settings
}

# Inputs or outputs with names, where they bring these themselves.
named_places <- function(x, kind) {
  if (is.list(x) && is.null(names(x))) {
    x <- lapply(x, function(one) if (is_data_path(one)) as_consumption(one) else one)
  }
  brings_name <- if (kind == "inputs") is_consumption else is_output
  if (is.list(x) && is.null(names(x)) && all(vapply(x, brings_name, NA))) {
    names(x) <- vapply(x, function(one) one$name, "")
  } else if (kind == "outputs" && is.null(names(x))) {
    return(stats::setNames(vector("list", length(x)), unlist(arg_strings(x, kind))))
  }
  as.list(x)
}

arg_outputs <- function(x, arg) {
  x <- arg_named(named_places(x, "outputs"), arg)
  Map(function(value, name) {
    where <- sprintf("%s$%s", arg, name)
    if (!is.list(value)) {
      return(arg_optional(value, arg_string, arg = where))
    }
    value <- unclass(value)
    value$name <- NULL
    arg_section(value, where, list(
      path = arg_string, register_as = arg_string, description = arg_string, tags = arg_text_map,
      datastore = arg_string, mode = function(x, arg) arg_choice(x, output_modes, arg),
      overwrite = arg_flag, table = arg_table
    ))
  }, x, names(x))
}

arg_named <- function(x, arg) {
  x <- as.list(x)
  if (length(x) > 0 && (is.null(names(x)) || !all(nzchar(names(x))) || anyDuplicated(names(x)))) {
    abort_argument(arg, "a named list or vector with distinct names", x)
  }
  x
}

# Arguments in the core's form: a list of words, and of named lists for flags.
arg_arguments <- function(x, arg = "arguments") {
  if (is.null(x)) {
    return(list())
  }
  if (!is.list(x) && !is.atomic(x)) {
    abort_argument(arg, "a list or a vector", x)
  }
  x <- as.list(x)
  keys <- if (is.null(names(x))) rep("", length(x)) else names(x)
  words <- Map(
    function(value, key) {
      if (nzchar(key)) {
        list(argument_flag(value, key, arg))
      } else if (is.list(value) && !is.null(names(value))) {
        Map(argument_flag, value, names(value), arg)
      } else {
        list(argument_word(value, arg))
      }
    },
    x, keys
  )
  unlist(unname(lapply(words, unname)), recursive = FALSE)
}

argument_flag <- function(value, key, arg) {
  structure(list(argument_values(value, sprintf("%s$%s", arg, key))), names = key)
}

argument_values <- function(value, where) {
  if (is.null(value)) {
    return(NULL)
  }
  if (length(value) == 1 && !is.list(value)) {
    return(argument_word(value, where))
  }
  lapply(as.list(unname(value)), argument_word, where = where)
}

argument_word <- function(value, where) {
  refuse_secret(value, where)
  if (!is.atomic(value) || length(value) != 1 || is.na(value) && !is.nan(value)) {
    abort_argument(where, "strings, numbers or logical values without NA", value)
  }
  if (is.object(value)) as.character(value) else value[[1]]
}

# What the core's RunConfiguration.from_dict() takes.
config_form <- function(settings) {
  settings[["environment"]] <- arg_optional(
    settings[["environment"]], function(x, arg) if (is_string(x)) x else arg_environment(x, arg),
    arg = "environment"
  )
  flags <- settings$arguments
  if (length(flags) > 0 && all(vapply(flags, is.list, NA))) {
    flags <- unlist(flags, recursive = FALSE)
    if (!anyDuplicated(names(flags))) settings$arguments <- flags
  }
  settings <- drop_empty(settings)
  if (length(settings) == 0) empty_map() else settings
}

what_runs <- function(config) {
  if (!is.null(config$command)) {
    return(sprintf("command %s", paste(config$command, collapse = " ")))
  }
  if (is.null(config$script)) "no script" else sprintf("script %s", config$script)
}

target_of <- function(config) if (is.null(config$compute_target)) "local" else config$compute_target

#' @export
format.tandemlab_run_config <- function(x, ...) {
  sprintf("<run configuration: %s on %s>", what_runs(x), target_of(x))
}

#' @export
print.tandemlab_run_config <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  for (word in x$arguments) {
    text <- if (is.list(word)) sprintf("%s: %s", names(word), toString(word[[1]])) else format(word)
    cat("  ", text, "\n", sep = "")
  }
  shown <- setdiff(
    names(x), c("source_directory", "script", "command", "arguments", "compute_target")
  )
  for (name in shown) {
    cat("  ", name, ": ", toString(setting_text(x[[name]])), "\n", sep = "")
  }
  invisible(x)
}

setting_text <- function(value) {
  if (inherits(value, "tandemlab_environment")) {
    return(value$name)
  }
  texts <- vapply(as.list(value), function(one) toString(unlist(one)), "")
  if (is.null(names(value))) texts else sprintf("%s = %s", names(value), texts)
}
