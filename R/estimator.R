#' A script with the packages that it needs
#'
#' An estimator puts together what to run: a script, its parameters and the packages that it needs,
#' which are there before the script starts. It is a [script_run_config()], for
#' [submit_experiment()], whose environment is made from the arguments.
#'
#' Packages of R that the machine has are used from there; the others come from `cran_repositories`.
#' A package that cannot be had fails the run with its name before the script starts.
#'
#' With a `framework`, scripts of Python find the packages of a curated environment:
#' `"sklearn"`, `"pytorch"`, `"tensorflow"` or `"chainer"`. With `process_count_per_node = 2` two
#' processes of the script run, which find each other as those of torchrun, MPI and TensorFlow do.
#' All of them log to the one run: what all would log alike, log in the one of rank 0.
#'
#' @param source_directory Folder that is kept with the run and copied to where it runs.
#' @param compute_target Name of the target; `"local"` is this machine.
#' @param ... Arguments of Azure ML's estimators that have no meaning here, by name. Those without
#'   which the script runs as well (`vm_size`, `vm_priority`) are left out with a warning that names
#'   them; the others (`image_registry_details`, `resume_from`, ...) are refused.
#' @param entry_script Path of the script of R or Python inside the folder.
#' @param script_params Arguments of the script, a named list: `list("--rate" = 0.5)`, or
#'   `list(rate = 0.5)`, for `--rate 0.5`. `TRUE` and `""` stand for a bare flag, a vector for
#'   several values, a [dataset_consumption_config()] or a [data_path()] for the path of its files.
#' @param cran_packages Packages of R: names, or a list of names, [cran_package()]s,
#'   [github_package()]s and [url_package()]s.
#' @param cran_repositories CRAN-like repositories, asked in this order.
#' @param pip_packages What pip would be asked for, beside the packages of the framework.
#' @param conda_packages Packages that only conda has.
#' @param pip_requirements_file,conda_dependencies_file A `requirements.txt` or a conda file in the
#'   folder; its packages, too.
#' @param framework Name of the framework; `NULL` for none.
#' @param framework_version Its version, such as `"2.13"`; the error for another one names those
#'   that are known. `NULL` for the newest.
#' @param process_count_per_node,node_count Processes of the script on each machine, and machines;
#'   the target `"local"` is one.
#' @param custom_docker_image A container image that the script runs in by podman, docker or
#'   apptainer, such as `"docker.io/rocker/r-ver:4.4"`, instead of all packages above.
#' @param shm_size Size of `/dev/shm` in the container, such as `"2g"`.
#' @param use_gpu Whether the run takes a GPU, which must be there.
#' @param environment An [r_environment()], [python_environment()] or [read_environment()], or the
#'   name of a registered or curated one, instead of all packages above.
#' @inheritParams run_config
#' @return A `tandemlab_script_run_config`: plain data.
#' @section Errors:
#' `tandemlab_error_invalid_input` if an argument cannot be used, or a version is not known.
#' @examplesIf tandemlab_is_ready()
#' estimator(
#'   "study",
#'   entry_script = "train.R", script_params = list("--percent_train" = 0.8),
#'   cran_packages = "survival"
#' )
#' estimator("study", entry_script = "train.py", framework = "sklearn")
#' @export
estimator <- function(source_directory, compute_target = "local", ..., entry_script = NULL,
                      script_params = NULL, cran_packages = NULL,
                      cran_repositories = getOption("repos"), pip_packages = NULL,
                      conda_packages = NULL, pip_requirements_file = NULL,
                      conda_dependencies_file = NULL, framework = NULL, framework_version = NULL,
                      process_count_per_node = 1L, node_count = 1L, custom_docker_image = NULL,
                      shm_size = NULL, use_gpu = FALSE,
                      environment_variables = NULL, environment = NULL, inputs = NULL,
                      outputs = NULL, resources = NULL, max_run_duration_seconds = NULL) {
  source_directory <- arg_path(source_directory)
  given <- take_places(list(arguments = script_params, inputs = inputs, outputs = outputs))
  settings <- new_run_config(drop_null(list(
    script = entry_script, compute_target = compute_target,
    environment_variables = environment_variables, environment = environment,
    inputs = given$inputs, outputs = given$outputs, resources = resources,
    max_run_duration_seconds = max_run_duration_seconds
  )))
  settings$arguments <- arg_arguments(given$arguments, "script_params")
  others <- list(
    cran_repositories = if (length(cran_packages) > 0) arg_strings(cran_repositories),
    pip_packages = arg_strings(pip_packages),
    conda_packages = arg_strings(conda_packages),
    pip_requirements_file = arg_optional(pip_requirements_file, arg_string),
    conda_dependencies_file = arg_optional(conda_dependencies_file, arg_string),
    framework_version = arg_optional(framework_version, arg_string),
    process_count_per_node = arg_count(process_count_per_node, least = 1L),
    node_count = arg_count(node_count, least = 1L),
    custom_docker_image = arg_optional(custom_docker_image, arg_string),
    shm_size = arg_optional(shm_size, arg_string),
    use_gpu = arg_flag(use_gpu)
  )
  found <- call_core(
    "estimator",
    framework = arg_optional(framework, arg_string), source_directory = source_directory,
    settings = config_form(unclass(settings)), cran_packages = arg_cran_packages(cran_packages),
    others = c(drop_null(others), foreign_arguments(...))
  )
  config_of_script(source_directory, config_from(found))
}

# What the core needs to know of arguments that have no meaning here: whether they ask for any.
foreign_arguments <- function(...) {
  given <- named_list(...)
  if (length(names(given)) < length(given) || !all(nzchar(names(given)))) {
    abort_input("Arguments after `compute_target` must be named.")
  }
  lapply(given, function(value) !is.null(value) && !identical(value, FALSE))
}
