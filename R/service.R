#' How a service answers
#'
#' The entry script of a service, and the packages that it needs. An R script has a function
#' `init()`, which is called once, loads the model, and gives the function that answers: it gets the
#' text of a request, JSON, and gives the answer, JSON as text or a value that
#' [jsonlite::toJSON()] can write (vectors are arrays whatever their length;
#' [jsonlite::unbox()] makes single values). A Python script has `init()` and `run(data)`. Each runs
#' in its own language.
#'
#' The models' files are in the folder that the environment variable `AZUREML_MODEL_DIR` names: with
#' one model in that folder itself, with several in `NAME/VERSION/` below it.
#'
#' @param entry_script Path of the script, `.R` or `.py`, inside the source directory.
#' @param source_directory Folder of the script and the files that it needs. The service works on a
#'   copy; nothing is written into the folder.
#' @param description For people; `NULL` for none.
#' @param environment Packages that the script needs: an [r_environment()], [python_environment()]
#'   or [read_environment()], or the name of a registered or curated one; `NULL` for what the R or
#'   Python that tandemlab finds has.
#' @param check_inputs Whether requests are checked by the signature of the service's only model,
#'   which must be a registered one, and reach the script as a list of records. A request that does
#'   not fit is an error that names the fields.
#' @return A `tandemlab_inference_config`, plain data.
#' @examples
#' inference_config("predict.R", "scoring", description = "Accidents")
#' @seealso [deploy_model()]
#' @export
inference_config <- function(entry_script, source_directory = ".", description = NULL,
                             environment = NULL, check_inputs = FALSE) {
  structure(
    list(
      entry_script = arg_string(entry_script),
      source_directory = arg_path(source_directory),
      description = arg_optional(description, arg_string),
      environment = arg_optional(environment, arg_run_environment),
      check_inputs = arg_flag(check_inputs)
    ),
    class = "tandemlab_inference_config"
  )
}

#' Where a service listens
#'
#' @param port The port to listen at; `NULL` takes any free one, which the service then keeps.
#' @param ... Not used, which makes sure that what follows is named.
#' @param replicas How many processes of the script answer, each one request at a time. A request
#'   whose process ends before it has answered (killed, out of memory) is given to another, once: a
#'   script may see a request twice.
#' @param auth_enabled Whether requests need a key ([get_webservice_keys()]). `NULL`: only where
#'   others can reach the service.
#' @param host The address to listen at. At another than this machine's own, requests need a key.
#' @param timeout_seconds For one request; a script that takes longer is ended and replaced.
#' @param start_timeout_seconds For `init()`.
#' @param max_request_bytes The largest request that is taken.
#' @return A `tandemlab_deployment_config`, plain data.
#' @examples
#' local_webservice_deployment_config(replicas = 2)
#' @seealso [deploy_model()]
#' @export
local_webservice_deployment_config <- function(port = NULL, ..., replicas = 1, auth_enabled = NULL,
                                               host = "127.0.0.1", timeout_seconds = 60,
                                               start_timeout_seconds = 300,
                                               max_request_bytes = 16777216) {
  check_no_dots(...)
  structure(
    list(
      port = arg_optional(port, arg_count),
      replicas = arg_count(replicas, least = 1L),
      auth_enabled = arg_optional(auth_enabled, arg_flag),
      host = arg_string(host),
      timeout_seconds = arg_number(timeout_seconds),
      start_timeout_seconds = arg_number(start_timeout_seconds),
      max_request_bytes = arg_count(max_request_bytes, least = 1L)
    ),
    class = "tandemlab_deployment_config"
  )
}

#' Deploy models as a service
#'
#' `deploy_model()` starts a service on this machine, which answers requests over HTTP by a script
#' and goes on when this session ends. It returns once the service listens;
#' `wait_for_deployment()` waits until its script is ready. `get_webservice()` finds one by its
#' name, `list_webservices()` lists them. They are what `tandemlab service` is on the command line.
#'
#' A process that dies is replaced; so is one that takes too long for a request. What a script
#' prints goes to the service's log ([get_webservice_logs()]), and so does the traceback of an
#' error: who asked gets its id.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param name Name of the service: a single string.
#' @param models A list of registered models, their names (`"NAME"`, `"NAME:VERSION"`,
#'   `"NAME@ALIAS"`), or paths of files and folders.
#' @param inference_config An [inference_config()]. `NULL` for a single registered model of a known
#'   format: then its `predict()` answers, checked by its signature.
#' @param deployment_config A [local_webservice_deployment_config()]; `NULL` for the usual one.
#' @param deployment_target For scripts written for other clouds: only `NULL` and `"local"`.
#' @param overwrite Whether a service of that name is replaced.
#' @param webservice A `tandemlab_webservice`.
#' @param show_output Whether to print the service's log as it comes.
#' @return A `tandemlab_webservice`: plain data. `$` gives its fields: `name`, `workspace`, and,
#'   looked up each time, `state` (`"deploying"`, `"running"`, `"unhealthy"`, `"stopped"` or
#'   `"failed"`), `scoring_uri`, `swagger_uri`, `port`, `models`, `replicas`, `ready`, `needs_key`,
#'   `description` and `log`. `get_webservice()`: `NULL` if there is none.
#'   `wait_for_deployment()`: the service, invisibly. `list_webservices()`: a data frame.
#' @section Errors:
#' `tandemlab_error_already_exists` if there is such a service or its port is taken;
#' `tandemlab_error_service_failed` from `wait_for_deployment()` if the script does not start, with
#' its last lines.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' source <- tempfile("source")
#' dir.create(source)
#' writeLines(
#'   "init <- function() function(data) sum(jsonlite::fromJSON(data))",
#'   file.path(source, "add.R")
#' )
#' service <- deploy_model(ws, "add", list(), inference_config("add.R", source))
#' wait_for_deployment(service)
#' invoke_webservice(service, "[1, 2]")
#' delete_webservice(service)
#' @export
deploy_model <- function(workspace, name, models, inference_config = NULL,
                         deployment_config = NULL, deployment_target = NULL, overwrite = FALSE) {
  workspace <- arg_workspace(workspace)
  if (!is.null(deployment_target) && !identical(deployment_target, "local")) {
    abort_argument("deployment_target", "NULL or \"local\"", deployment_target)
  }
  if (is.null(deployment_config)) {
    deployment_config <- local_webservice_deployment_config()
  }
  name <- call_core(
    "service.deploy",
    workspace = .subset2(workspace, "path"),
    name = arg_string(name),
    models = arg_models(models),
    config = arg_inference_config(inference_config),
    settings = arg_deployment_config(deployment_config),
    overwrite = arg_flag(overwrite)
  )
  new_webservice(name, .subset2(workspace, "path"))
}

#' @rdname deploy_model
#' @export
get_webservice <- function(workspace, name) {
  workspace <- arg_workspace(workspace)
  found <- new_webservice(arg_string(name), .subset2(workspace, "path"))
  tryCatch(
    {
      webservice_details(found)
      found
    },
    tandemlab_error_not_found = function(problem) NULL
  )
}

#' @rdname deploy_model
#' @export
list_webservices <- function(workspace) {
  call_core("service.list", workspace = .subset2(arg_workspace(workspace), "path"))
}

#' @rdname deploy_model
#' @export
wait_for_deployment <- function(webservice, show_output = FALSE) {
  webservice <- arg_webservice(webservice)
  shown <- 0L
  repeat {
    state <- webservice_details(webservice)$state
    if (arg_flag(show_output)) {
      log <- get_webservice_logs(webservice)
      cat(substring(log, shown + 1L))
      shown <- nchar(log)
    }
    if (!identical(state, "deploying")) break
    Sys.sleep(0.05)
  }
  call_webservice(webservice, "wait")
  invisible(webservice)
}

#' Ask a service
#'
#' `invoke_webservice()` sends a request, and gives what the service answered.
#' `get_webservice_logs()` gives what the service said and its script printed.
#'
#' @param webservice A `tandemlab_webservice`.
#' @param input_data JSON as a single string (or of [jsonlite::toJSON()]), a data frame, which is
#'   sent as its rows, or a list or vector, which is sent as JSON.
#' @param num_lines How many of the newest lines.
#' @return `invoke_webservice()`: the value of the answer, as [jsonlite::fromJSON()] reads it:
#'   vectors, lists and data frames. `get_webservice_logs()`: a single string.
#' @section Errors:
#' `tandemlab_error_invalid_input` if the request is not what the service takes,
#' `tandemlab_error_service_failed` if its script failed; `tandemlab_error_invalid_state` if it does
#' not run, `tandemlab_error_unavailable` if all its replicas are busy.
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' dir.create(source)
#' script <- "init <- function() function(data) nrow(jsonlite::fromJSON(data))"
#' writeLines(script, file.path(source, "rows.R"))
#' service <- deploy_model(temp_workspace(), "rows", list(), inference_config("rows.R", source))
#' wait_for_deployment(service)
#' invoke_webservice(service, cars)
#' cat(get_webservice_logs(service, 1))
#' delete_webservice(service)
#' @export
invoke_webservice <- function(webservice, input_data) {
  answer <- call_webservice(webservice, "run", request = request_text(input_data))
  jsonlite::fromJSON(answer)
}

#' @rdname invoke_webservice
#' @export
get_webservice_logs <- function(webservice, num_lines = 5000L) {
  call_webservice(webservice, "logs", lines = arg_count(num_lines, least = 1L))
}

#' Keys of a service
#'
#' Requests to a service that needs a key show it as `Authorization: Bearer KEY`. There are two, so
#' that clients can change over from one to the other: either is valid, until it is made anew.
#' [invoke_webservice()] shows it by itself.
#'
#' @param webservice A `tandemlab_webservice`.
#' @param key_type `"Primary"` or `"Secondary"`, or in lower case, as the keys are named.
#' @return `get_webservice_keys()`: a list of `primary` and `secondary`, each of class
#'   `tandemlab_secret`: it does not print itself, `as.character()` gives it.
#'   `generate_new_webservice_key()`: the new key, likewise.
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' dir.create(source)
#' script <- "init <- function() function(data) nrow(jsonlite::fromJSON(data))"
#' writeLines(script, file.path(source, "rows.R"))
#' service <- deploy_model(temp_workspace(), "rows", list(), inference_config("rows.R", source))
#' wait_for_deployment(service)
#' get_webservice_keys(service)
#' generate_new_webservice_key(service, "Primary")
#' delete_webservice(service)
#' @export
get_webservice_keys <- function(webservice) {
  keys <- call_webservice(webservice, "keys")
  as_secrets(stats::setNames(keys, c("primary", "secondary")))
}

#' @rdname get_webservice_keys
#' @export
generate_new_webservice_key <- function(webservice, key_type) {
  key_type <- arg_choice(key_type, c("Primary", "Secondary", "primary", "secondary"))
  as_secrets(list(call_webservice(webservice, "new_key", key = key_type)))[[1]]
}

#' A service as a folder, and as an image
#'
#' `package_model()` writes a service into a folder that needs no workspace: the script, the models,
#' tandemlab, and a `Dockerfile` that makes an image of them. With `generate_dockerfile = FALSE`
#' podman or docker builds that image at once. On any machine `sh run.sh --port 8080` in the folder
#' starts the service without an image, where Python has what `requirements.txt` names.
#'
#' The packages of the configuration's environment are installed into the image when it is built,
#' and outside of an image when the service starts. Without an environment `requirements.txt` names,
#' beside what tandemlab needs, what a Python script imports and the models are made of, in the
#' versions that are here; an R script finds what its image, or the machine, has. An image listens
#' at port 5001, and asks for the key in the variable `TANDEMLAB_SERVICE_KEY`. `README.md` in the
#' folder has the command lines.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param models,inference_config As for [deploy_model()].
#' @param generate_dockerfile Whether to make the folder alone, and no image.
#' @param output_directory The folder, which must not be there yet; `NULL` for one that goes with
#'   this session.
#' @param name Of the service; `NULL` for that of the first model.
#' @param image Name of the image; `NULL` for `NAME:latest`.
#' @param base_image What the image starts from; `NULL` for Python's own, or for R the distribution
#'   of this machine, Debian or Ubuntu. It must have this version of R.
#' @param package What `package_model()` gave.
#' @param show_output Whether to print what the engine said.
#' @param decode Not used: the log is text.
#' @param offset How many characters of the log to leave out.
#' @return `package_model()`: a `tandemlab_model_package`, a list of `name`, `folder` and `location`
#'   (the image's name, or `NULL`). `save_model_package_files()`: the folder's new path, invisibly.
#'   `wait_for_model_package_creation()`: the package, invisibly, at once: it is there already.
#'   `get_model_package_creation_logs()`: what the engine said, a single string.
#' @section Errors:
#' `tandemlab_error_already_exists` if there is something at the output directory;
#' `tandemlab_error_missing_dependency` if this machine has neither podman nor docker, or a step of
#' the image fails.
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' dir.create(source)
#' script <- "init <- function() function(data) nrow(jsonlite::fromJSON(data))"
#' writeLines(script, file.path(source, "rows.R"))
#' package <- package_model(
#'   temp_workspace(), list(), inference_config("rows.R", source),
#'   generate_dockerfile = TRUE, name = "rows", base_image = "debian:12"
#' )
#' list.files(package$folder)
#' @seealso [deploy_model()]
#' @export
package_model <- function(workspace, models, inference_config = NULL, generate_dockerfile = FALSE,
                          output_directory = NULL, name = NULL, image = NULL,
                          base_image = NULL) {
  made <- call_core(
    "service.package",
    workspace = .subset2(arg_workspace(workspace), "path"),
    models = arg_models(models),
    config = arg_inference_config(inference_config),
    generate_dockerfile = arg_flag(generate_dockerfile),
    output_directory = if (is.null(output_directory)) {
      tempfile("package-")
    } else {
      arg_path(output_directory)
    },
    name = arg_optional(name, arg_string),
    image = arg_optional(image, arg_string),
    base_image = arg_optional(base_image, arg_string)
  )
  structure(made, class = "tandemlab_model_package")
}

#' @rdname package_model
#' @export
save_model_package_files <- function(package, output_directory) {
  target <- arg_path(output_directory)
  call_core("service.save_package", package = arg_package(package), output_directory = target)
  invisible(target)
}

#' @rdname package_model
#' @export
wait_for_model_package_creation <- function(package, show_output = FALSE) {
  log <- get_model_package_creation_logs(package)
  if (arg_flag(show_output)) cat(log)
  invisible(package)
}

#' @rdname package_model
#' @export
get_model_package_creation_logs <- function(package, decode = TRUE, offset = 0) {
  log <- call_core("service.package_logs", package = arg_package(package))
  substring(log, arg_count(offset) + 1L)
}

arg_package <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (!inherits(x, "tandemlab_model_package")) {
    abort_argument(arg, "a package of a model", x, "package_model() gives one.")
  }
  unclass(x)
}

#' @export
print.tandemlab_model_package <- function(x, ...) {
  cat("<package of the service ", x$name, ">\n  ", x$folder, "\n", sep = "")
  if (!is.null(x$location)) cat("  image ", x$location, "\n", sep = "")
  invisible(x)
}

#' A token for a service
#'
#' Requests may show a token as `Authorization: Bearer TOKEN` instead of a key
#' ([get_webservice_keys()]). It ends by itself, and when the primary key is made anew, so that a
#' client can be let in for a while.
#'
#' @param webservice A `tandemlab_webservice`.
#' @param lifetime_seconds For how long it is valid, 30 days at most.
#' @return A list of `access_token` (of class `tandemlab_secret`: it does not print itself,
#'   `as.character()` gives it), `token_type` (`"Bearer"`), and the times `refresh_after`, when to
#'   ask for another, and `expiry_on`, from when on it is refused.
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' dir.create(source)
#' script <- "init <- function() function(data) nrow(jsonlite::fromJSON(data))"
#' writeLines(script, file.path(source, "rows.R"))
#' service <- deploy_model(temp_workspace(), "rows", list(), inference_config("rows.R", source))
#' get_webservice_token(service, lifetime_seconds = 60)$expiry_on
#' delete_webservice(service)
#' @export
get_webservice_token <- function(webservice, lifetime_seconds = 3600) {
  found <- call_webservice(webservice, "token", seconds = arg_number(lifetime_seconds))
  c(as_secrets(found["access_token"]), found[c("token_type", "refresh_after", "expiry_on")])
}

#' Change, stop and delete a service
#'
#' `update_local_webservice()` changes models, script, environment or settings,
#' `reload_local_webservice_assets()` takes the source again from where it was taken, and
#' `scale_local_webservice()` changes how many processes answer. The service does not stop: what is
#' new is ready before what is old goes, and if it does not start the service stays as it is. Only a
#' change of port or host stops it for a moment.
#'
#' `stop_local_webservice()` ends the process of a service, which `start_local_webservice()` starts
#' again at the same port. `delete_webservice()` and `delete_local_webservice()` stop a service and
#' remove it with its files.
#'
#' @param webservice A `tandemlab_webservice`.
#' @param models,inference_config,deployment_config As for [deploy_model()]; `NULL` leaves them as
#'   they are.
#' @param wait Whether to return only when the change is done; without it, an error is only in the
#'   log.
#' @param replicas How many processes of the script answer.
#' @param delete_cache,delete_image Not used: all files go, and there is no image.
#' @return The service, invisibly; `NULL` if it was deleted.
#' @examplesIf tandemlab_is_ready()
#' source <- tempfile("source")
#' dir.create(source)
#' script <- "init <- function() function(data) nrow(jsonlite::fromJSON(data))"
#' writeLines(script, file.path(source, "rows.R"))
#' service <- deploy_model(temp_workspace(), "rows", list(), inference_config("rows.R", source))
#' wait_for_deployment(service)
#' writeLines(sub("nrow", "ncol", script), file.path(source, "rows.R"))
#' reload_local_webservice_assets(service, wait = TRUE)
#' invoke_webservice(service, cars)
#' delete_webservice(service)
#' @export
update_local_webservice <- function(webservice, models = NULL, deployment_config = NULL,
                                    wait = FALSE, inference_config = NULL) {
  call_webservice(
    webservice, "update",
    models = if (!is.null(models)) arg_models(models),
    config = arg_inference_config(inference_config),
    settings = if (!is.null(deployment_config)) arg_deployment_config(deployment_config),
    wait = arg_flag(wait)
  )
  invisible(webservice)
}

#' @rdname update_local_webservice
#' @export
reload_local_webservice_assets <- function(webservice, wait = FALSE) {
  call_webservice(webservice, "reload", wait = arg_flag(wait))
  invisible(webservice)
}

#' @rdname update_local_webservice
#' @export
scale_local_webservice <- function(webservice, replicas) {
  call_webservice(webservice, "scale", replicas = arg_count(replicas, least = 1L))
  invisible(webservice)
}

#' @rdname update_local_webservice
#' @export
start_local_webservice <- function(webservice) {
  call_webservice(webservice, "start")
  invisible(webservice)
}

#' @rdname update_local_webservice
#' @export
stop_local_webservice <- function(webservice) {
  call_webservice(webservice, "stop")
  invisible(webservice)
}

#' @rdname update_local_webservice
#' @export
delete_local_webservice <- function(webservice, delete_cache = TRUE, delete_image = FALSE) {
  delete_webservice(webservice)
}

#' @rdname update_local_webservice
#' @export
delete_webservice <- function(webservice) {
  call_webservice(webservice, "delete")
  invisible(NULL)
}

new_webservice <- function(name, workspace) {
  structure(list(name = name, workspace = workspace), class = "tandemlab_webservice")
}

arg_webservice <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (inherits(x, "tandemlab_webservice")) {
    return(x)
  }
  abort_argument(arg, "a service", x, "get_webservice() and deploy_model() give one.")
}

arg_models <- function(x, arg = "models") {
  if (inherits(x, "tandemlab_model") || is.character(x)) {
    x <- if (is.character(x)) as.list(x) else list(x)
  }
  if (!is.list(x)) {
    abort_argument(arg, "a list of models", x)
  }
  lapply(unname(x), function(one) {
    if (inherits(one, "tandemlab_model")) {
      return(sprintf("%s:%d", .subset2(one, "name"), as.integer(.subset2(one, "version"))))
    }
    text <- arg_string(one, arg)
    if (file.exists(text)) absolute_path(text) else text
  })
}

arg_inference_config <- function(x, arg = "inference_config") {
  if (is.null(x)) {
    return(NULL)
  }
  if (!inherits(x, "tandemlab_inference_config")) {
    abort_argument(arg, "an inference_config()", x)
  }
  x <- unclass(x)
  x$environment <- arg_optional(x$environment, function(environment, arg) {
    if (is_string(environment)) environment else arg_environment(environment, arg)
  })
  x
}

arg_deployment_config <- function(x, arg = "deployment_config") {
  if (!inherits(x, "tandemlab_deployment_config")) {
    abort_argument(arg, "a local_webservice_deployment_config()", x)
  }
  unclass(x)
}

request_text <- function(x) {
  if (is_string(x)) {
    return(enc2utf8(as.character(unclass(x))))
  }
  if (inherits(x, "json")) {
    abort_argument("input_data", "one text of JSON", x)
  }
  as.character(jsonlite::toJSON(
    x,
    digits = NA, null = "null", na = "null", dataframe = "rows", rownames = FALSE,
    POSIXt = "ISO8601", UTC = TRUE, auto_unbox = is.list(x)
  ))
}

call_webservice <- function(webservice, call, ...) {
  webservice <- arg_webservice(webservice)
  call_core(
    paste0("service.", call),
    workspace = .subset2(webservice, "workspace"), service = .subset2(webservice, "name"), ...
  )
}

webservice_details <- function(webservice) call_webservice(webservice, "details")

webservice_field <- function(name) function(webservice) webservice_details(webservice)[[name]]

webservice_fields <- c(
  list(workspace = function(webservice) workspace_at(.subset2(webservice, "workspace"))),
  sapply(
    c(
      "state", "scoring_uri", "swagger_uri", "port", "models", "replicas", "ready", "needs_key",
      "description", "log"
    ),
    webservice_field,
    simplify = FALSE
  )
)

#' @export
`$.tandemlab_webservice` <- function(x, name) handle_field(x, name, webservice_fields)

#' @rawNamespace S3method(utils::.DollarNames, tandemlab_webservice)
.DollarNames.tandemlab_webservice <- function(x, pattern = "") {
  complete_names(x, pattern, webservice_fields)
}

#' @export
format.tandemlab_webservice <- function(x, ...) sprintf("<service %s>", .subset2(x, "name"))

#' @export
print.tandemlab_webservice <- function(x, ...) {
  found <- tryCatch(
    webservice_details(x),
    tandemlab_error_not_found = function(problem) list(state = "deleted")
  )
  cat(format(x), " ", found$state, "\n", sep = "")
  if (!is.null(found$scoring_uri)) {
    cat("  ", found$scoring_uri, "\n", sep = "")
  }
  invisible(x)
}
