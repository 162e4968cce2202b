# The one way to Python: a call by name with declared arguments, as JSON text both ways.

# Call the core; `...` are the arguments as write_value(scalars = TRUE) takes them: scalars for
# scalars, lists for arrays, named lists for maps, NULL for what is absent.
call_core <- function(call, ...) {
  if (is.null(session$core)) {
    session$near <- list(...)$workspace
  }
  core <- start_core()
  answer <- from_json(core$call(core_request(call, named_list(...))))
  if (!is.null(answer$error)) {
    raise_core_error(answer$error)
  }
  for (warning in answer$warnings) {
    warn_tandemlab(warning$code, warning$message)
  }
  read_form(answer$value)
}

core_request <- function(call, arguments) {
  arguments <- write_value(arguments, scalars = TRUE, what = call)
  sprintf("{\"call\":\"%s\",\"arguments\":%s}", call, arguments)
}

call_run <- function(run, call, ...) {
  call_core(call, workspace = .subset2(run, "workspace"), run = .subset2(run, "id"), ...)
}

named_list <- function(...) {
  if (...length() == 0) empty_map() else list(...)
}

raise_core_error <- function(error) {
  details <- read_form(error$details)
  fields <- if (identical(error$code, "run_failed")) details
  arguments <- list(
    code = error$code, message = in_r_words(error$message), hint = in_r_words(error$hint),
    details = details
  )
  do.call(abort_tandemlab, c(arguments, fields))
}

# The core speaks to users of Python and of the command line; these are the same things in R.
in_r_words <- function(text) {
  words <- c(
    "Workspace.ensure() or exist_ok=True" = "create_workspace(exist_ok = TRUE)",
    "Create one with create()" = "Create one with create_workspace()",
    "upload_folder takes folders" = "upload_folder_to_run() takes folders",
    "upload_file takes files" = "upload_files_to_run() takes files",
    "Environment as environment_definition" = "environment",
    "Dataset.Tabular or Dataset.File" = "create_tabular_dataset_from_delimited_files() and others",
    "Dataset.Tabular.from_delimited_files()" = "create_tabular_dataset_from_delimited_files()",
    "Dataset.Tabular.from_sql_query()" = "create_tabular_dataset_from_sql_query()",
    "create_if_not_exists=True" = "create_if_not_exists = TRUE",
    "overwrite=True" = "overwrite = TRUE",
    "exist_ok=True" = "exist_ok = TRUE",
    "`tandemlab environment lock FILE`" = "lock_environment()",
    "`tandemlab model list`" = "list_models()",
    "`tandemlab service list`" = "list_webservices()",
    "`tandemlab service keys NAME`" = "get_webservice_keys()",
    "`tandemlab run list`" = "get_runs_in_experiment()",
    "`tandemlab workspace list`" = "list_workspaces()",
    "`tandemlab keyvault list`" = "list_secrets()",
    "`tandemlab workspace check --repair`" = "check_workspace(repair = TRUE)",
    "`tandemlab workspace check`" = "check_workspace()",
    "`tandemlab workspace gc`" = "collect_garbage()",
    "`tandemlab sync`" = "sync_workspace()"
  )
  for (python in names(words)) {
    text <- gsub(python, words[[python]], text, fixed = TRUE)
  }
  text <- gsub("`tandemlab service logs [^`]+`", "get_webservice_logs()", text)
  text <- gsub("`tandemlab service start [^`]+`", "start_local_webservice()", text)
  gsub("`tandemlab workspace create ([^`]+)`", "create_workspace(\"\\1\")", text)
}

# The core's module, started by the first call that needs it.
start_core <- function() {
  if (!is.null(session$core)) {
    return(session$core)
  }
  python <- choose_python()
  core <- tryCatch(
    reticulate::import("tandemlab.r_interface", convert = TRUE),
    error = function(problem) abort_no_core(conditionMessage(problem), python)
  )
  check_version(from_json(core$call(core_request("version", named_list())))$value)
  session$python <- python
  session$core <- core
  core
}

core_is_started <- function() !is.null(session$core)

abort_no_core <- function(reason, python) {
  abort_tandemlab(
    "missing_dependency",
    sprintf("%s (%s) cannot start tandemlab: %s", python$path, python$why, first_line(reason)),
    paste(core_repair(reason, python), "tandemlab_doctor() shows more."),
    list(reason = reason, python = python$path)
  )
}

# What to do about a Python in which the core does not start.
core_repair <- function(reason, python) {
  install <- sprintf(
    "%s -m pip install %s", shQuote(python$path, "cmd2"), shQuote(python_source(), "cmd2")
  )
  version <- running_version()
  if (!is.null(version) && version < "3.10") {
    "Python 3.10 or newer is needed: install_tandemlab() makes an environment with one."
  } else if (!grepl("No module named", reason)) {
    "Restart R; a session keeps the Python that it started with."
  } else if (identical(python$why, "Python that already runs in this session")) {
    paste(
      "Restart R and call tandemlab_is_ready() before anything else starts Python,",
      sprintf("or install it there: %s", install)
    )
  } else {
    sprintf("Install it there: %s", install)
  }
}

running_version <- function() {
  if (!is.null(running_python())) {
    numeric_version(as.character(reticulate::py_config()$version))
  }
}

check_version <- function(version) {
  own <- package_version_text()
  if (!identical(version, own)) {
    abort_tandemlab(
      "version_mismatch",
      sprintf("The R package is version %s, the Python package %s; they must agree.", own, version),
      sprintf("Install the same version of both; %s is here.", python_source()),
      list(r = own, python = version)
    )
  }
}

first_line <- function(text) strsplit(text, "\n", fixed = TRUE)[[1]][1]
