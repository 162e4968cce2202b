#' Places for data
#'
#' A datastore is a place for data that a workspace knows by name. Every workspace has one from the
#' start, `"workspaceblobstore"`, a folder of its own. Registering a name again makes its next
#' version, which is used from then on. Passwords and keys go to the workspace's keyvault, and
#' nowhere else. Whoever uses a datastore reaches it from their own machine, also where the
#' workspace is at a server.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param datastore_name Letters, digits, `_`, `-` and `.`, at most 80 characters.
#' @param path The folder; for SFTP its absolute path there.
#' @param bucket Name of a bucket of Amazon S3 or of a server that is like it, such as MinIO.
#' @param host Name or address of a machine that is reached by SSH.
#' @param url SQLAlchemy's address of a database, such as `"postgresql://ana@host/sales"`. A
#'   password in it goes to the keyvault. The driver must be installed in Python.
#' @param ... Not used; makes sure that what follows is named.
#' @param prefix What is below this folder of the bucket alone is the datastore.
#' @param endpoint URL of the server; Amazon's if `NULL`.
#' @param region,profile As the server calls it; a profile of each user's AWS settings.
#' @param access_key_id,secret_access_key,session_token Without keys, those of each user's
#'   environment and AWS settings are used.
#' @param port,username Of the SSH server; each user's own name if `NULL`.
#' @param password,private_key,passphrase A password, or a private key (its text, or the path of its
#'   file). Without any, each user's agent and keys are used.
#' @param host_key Type and key, such as `"ssh-ed25519 AAAA..."`; the one that this user's
#'   `~/.ssh/known_hosts` has if `NULL`. The server must show it each time.
#' @param description What it is for.
#' @param tags Labels: a named list of strings.
#' @param create_if_not_exists Whether the folder or bucket is made if it is not there.
#' @param skip_validation Whether it is registered without looking whether it can be used.
#' @return A `tandemlab_datastore`: plain data without secrets.
#' @section Errors:
#' `tandemlab_error_not_found` or `tandemlab_error_storage_error` (no such folder, bucket),
#' `tandemlab_error_not_allowed` (credentials, or another host key), `tandemlab_error_unavailable`
#' (it does not answer), `tandemlab_error_missing_dependency` (`tandemlab[s3]` or `tandemlab[ssh]`
#' is not installed).
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' register_folder_datastore(ws, "scans", tempdir())
#' list_datastores(ws)
#' @export
register_folder_datastore <- function(workspace, datastore_name, path, ..., description = NULL,
                                      tags = NULL, create_if_not_exists = FALSE,
                                      skip_validation = FALSE) {
  check_no_dots(...)
  register_datastore(
    workspace, "folder", datastore_name, description, tags, skip_validation,
    path = arg_path(path), create_if_not_exists = arg_flag(create_if_not_exists)
  )
}

#' @rdname register_folder_datastore
#' @export
register_s3_datastore <- function(workspace, datastore_name, bucket, ..., prefix = "",
                                  endpoint = NULL, region = NULL, profile = NULL,
                                  access_key_id = NULL, secret_access_key = NULL,
                                  session_token = NULL, description = NULL, tags = NULL,
                                  create_if_not_exists = FALSE, skip_validation = FALSE) {
  check_no_dots(...)
  register_datastore(
    workspace, "s3", datastore_name, description, tags, skip_validation,
    bucket = arg_string(bucket), prefix = arg_string(prefix, empty = TRUE),
    endpoint = arg_optional(endpoint, arg_string), region = arg_optional(region, arg_string),
    profile = arg_optional(profile, arg_string),
    access_key_id = arg_credential(access_key_id),
    secret_access_key = arg_credential(secret_access_key),
    session_token = arg_credential(session_token),
    create_if_not_exists = arg_flag(create_if_not_exists)
  )
}

#' @rdname register_folder_datastore
#' @export
register_sftp_datastore <- function(workspace, datastore_name, host, path, ..., port = 22L,
                                    username = NULL, password = NULL, private_key = NULL,
                                    passphrase = NULL, host_key = NULL, description = NULL,
                                    tags = NULL, create_if_not_exists = FALSE,
                                    skip_validation = FALSE) {
  check_no_dots(...)
  register_datastore(
    workspace, "sftp", datastore_name, description, tags, skip_validation,
    host = arg_string(host), path = arg_string(path), port = arg_count(port, least = 1L),
    username = arg_optional(username, arg_string), password = arg_credential(password),
    private_key = arg_credential(private_key), passphrase = arg_credential(passphrase),
    host_key = arg_optional(host_key, arg_string),
    create_if_not_exists = arg_flag(create_if_not_exists)
  )
}

#' @rdname register_folder_datastore
#' @export
register_sql_datastore <- function(workspace, datastore_name, url, ..., password = NULL,
                                   description = NULL, tags = NULL, skip_validation = FALSE) {
  check_no_dots(...)
  register_datastore(
    workspace, "sql", datastore_name, description, tags, skip_validation,
    url = arg_credential(url), password = arg_credential(password)
  )
}

register_datastore <- function(workspace, kind, name, description, tags, skip_validation, ...) {
  settings <- list(
    ...,
    description = arg_optional(description, arg_string), tags = arg_text_map(tags),
    skip_validation = arg_flag(skip_validation)
  )
  new_datastore(call_core(
    "datastore.register",
    workspace = workspace_path(workspace), kind = kind,
    name = arg_string(name, "datastore_name"), settings = settings
  ))
}

# A secret is welcome here, and no message shows its value.
arg_credential <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (is.null(x)) {
    return(NULL)
  }
  if (!is_string(x) || !nzchar(x)) {
    abort_input(sprintf("`%s` must be a single, non-empty string.", arg))
  }
  as.character(unclass(x))
}

#' Find, list and forget datastores
#'
#' @param workspace A `tandemlab_workspace`.
#' @param datastore_name Its name.
#' @param datastore A `tandemlab_datastore`.
#' @return `get_datastore()` and `get_default_datastore()`: a `tandemlab_datastore`.
#'   `list_datastores()`: a data frame with `name`, `kind`, `location`, `default`, `version` and
#'   `description`. `set_default_datastore()` gives `workspace`, invisibly. `unregister_datastore()`
#'   forgets the datastore with its credentials, and leaves what it holds; it gives `NULL`,
#'   invisibly.
#' @section Errors:
#' `tandemlab_error_not_found` if there is none of that name; `tandemlab_error_invalid_state` where
#' the default one, or the workspace's own folder, is to be forgotten.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' get_default_datastore(ws)
#' @export
get_datastore <- function(workspace, datastore_name) {
  new_datastore(call_core(
    "datastore.get",
    workspace = workspace_path(workspace), name = arg_string(datastore_name)
  ))
}

#' @rdname get_datastore
#' @export
get_default_datastore <- function(workspace) {
  new_datastore(call_core("datastore.default", workspace = workspace_path(workspace)))
}

#' @rdname get_datastore
#' @export
set_default_datastore <- function(workspace, datastore_name) {
  call_core(
    "datastore.set_default",
    workspace = workspace_path(workspace), name = arg_string(datastore_name)
  )
  invisible(workspace)
}

#' @rdname get_datastore
#' @export
list_datastores <- function(workspace) {
  call_core("datastore.list", workspace = workspace_path(workspace))
}

#' @rdname get_datastore
#' @export
unregister_datastore <- function(datastore) {
  call_datastore("datastore.unregister", datastore)
  invisible(NULL)
}

#' Copy files into and out of a datastore
#'
#' What is there already with the same content is not copied again, and what an interrupted copy has
#' sent of a large file is used. A file has its name once all of it is there.
#'
#' @param datastore A `tandemlab_datastore`.
#' @param src_dir A folder, all files of which are copied.
#' @param files Paths of files.
#' @param relative_root A folder above all of them: they keep their paths below it as names. If
#'   `NULL`, each has its own name alone.
#' @param target_path A folder of the datastore, its root if `NULL`; for a download a folder of this
#'   machine.
#' @param prefix Only files whose names begin with this; all if `NULL`.
#' @param overwrite Whether files with another content may be replaced. Without it, they are an
#'   error of class `tandemlab_error_already_exists`, and nothing is copied.
#' @param show_progress Whether a line of progress is shown on a terminal.
#' @return A list with `copied` and `unchanged` (names of files in the datastore) and `bytes`,
#'   invisibly. `list_files_in_datastore()`: a data frame with `name`, `size` (bytes), `modified`.
#' @examplesIf tandemlab_is_ready()
#' folder <- tempfile("cars")
#' dir.create(folder)
#' write.csv(cars, file.path(folder, "cars.csv"), row.names = FALSE)
#' datastore <- get_default_datastore(temp_workspace())
#' upload_to_datastore(datastore, folder, "2026")
#' list_files_in_datastore(datastore)$name
#' @export
upload_to_datastore <- function(datastore, src_dir, target_path = NULL, overwrite = FALSE,
                                show_progress = TRUE) {
  invisible(call_datastore(
    "datastore.upload", datastore,
    source = arg_path(src_dir), target = arg_optional(target_path, arg_string),
    overwrite = arg_flag(overwrite), show_progress = arg_flag(show_progress)
  ))
}

#' @rdname upload_to_datastore
#' @export
upload_files_to_datastore <- function(datastore, files, relative_root = NULL, target_path = NULL,
                                      overwrite = FALSE, show_progress = TRUE) {
  invisible(call_datastore(
    "datastore.upload_files", datastore,
    files = lapply(arg_strings(files), absolute_path),
    root = arg_optional(relative_root, arg_path), target = arg_optional(target_path, arg_string),
    overwrite = arg_flag(overwrite), show_progress = arg_flag(show_progress)
  ))
}

#' @rdname upload_to_datastore
#' @export
download_from_datastore <- function(datastore, target_path, prefix = NULL, overwrite = FALSE,
                                    show_progress = TRUE) {
  invisible(call_datastore(
    "datastore.download", datastore,
    target = arg_path(target_path), prefix = arg_optional(prefix, arg_string),
    overwrite = arg_flag(overwrite), show_progress = arg_flag(show_progress)
  ))
}

#' @rdname upload_to_datastore
#' @export
list_files_in_datastore <- function(datastore, prefix = NULL) {
  call_datastore("datastore.files", datastore, prefix = if (is.null(prefix)) "" else prefix)
}

#' Remove copies of data and models
#'
#' Files of datastores that are not in a folder of this machine, and models, are copied to the
#' user's cache folder (or `TANDEMLAB_CACHE_DIR`) when they are read. Copies of a kind that take
#' more than 20 GB, or what `TANDEMLAB_CACHE_SIZE` says (such as `"5GB"`), are removed without being
#' asked, the last used last; never those of the last day, or that the links of a run lead to.
#'
#' @param what `"data"` or `"models"`.
#' @param unused_days Remove what was not used for so many days; what needs it copies it again.
#' @return A data frame with `path`, `used` (time of the last use) and `size` (bytes) of what was
#'   removed.
#' @examplesIf tandemlab_is_ready()
#' prune_cache("data", unused_days = 365)
#' @export
prune_cache <- function(what = c("data", "models"), unused_days = 30) {
  call_core(
    "copies.prune",
    kind = match.arg(what), unused_days = arg_number(unused_days, least = 0)
  )
}

#' A path in a datastore, and queries of databases
#'
#' Functions that make datasets take a `data_path()` for their `path`. Among the inputs or the
#' arguments of a run it stands for its files, which the script finds in a folder. The same is
#' `datastore$path()`. Rows of a query are read in pieces, in a transaction that is for reading only
#' and rolled back at its end; types of columns are found when the dataset is made, from the first
#' 20,000 rows.
#'
#' @param datastore A `tandemlab_datastore`.
#' @param path_on_datastore A file, a folder or a pattern (`*`, `?`, `**`) below its root; for a
#'   database the query.
#' @param name Name of the input that it is in a run; the words of the path if `NULL`.
#' @param query A `data_path()` of a datastore that [register_sql_datastore()] has registered, with
#'   the query as its path.
#' @param ... Not used; makes sure that what follows is named.
#' @param set_column_types As for [create_tabular_dataset_from_delimited_files()].
#' @param query_timeout Seconds that the database may take before its first rows, and for each piece
#'   of 10,000 rows.
#' @return A `tandemlab_data_path`: plain data; a `tandemlab_dataset`.
#' @examplesIf tandemlab_is_ready()
#' datastore <- get_default_datastore(temp_workspace())
#' folder <- tempfile("cars")
#' dir.create(folder)
#' write.csv(cars, file.path(folder, "cars.csv"), row.names = FALSE)
#' upload_to_datastore(datastore, folder, "2026")
#' data_path(datastore, "2026/*.csv")
#' script_run_config(".", "train.R", arguments = list(data_path(datastore, "2026", name = "cars")))
#' @export
data_path <- function(datastore, path_on_datastore = NULL, name = NULL) {
  datastore <- arg_datastore(datastore)
  path <- arg_optional(path_on_datastore, arg_string)
  found <- list(
    datastore = .subset2(datastore, "name"), path = if (is.null(path)) "" else path,
    workspace = .subset2(datastore, "workspace")
  )
  found$input_name <- arg_optional(name, arg_string)
  structure(found, class = "tandemlab_data_path")
}

#' @rdname data_path
#' @export
create_tabular_dataset_from_sql_query <- function(query, ..., set_column_types = NULL,
                                                  query_timeout = 30L) {
  check_no_dots(...)
  if (!is_data_path(query)) {
    abort_argument("query", "a data path", query, "data_path(datastore, \"SELECT ...\") gives one.")
  }
  parts <- unclass(query)
  new_dataset(call_core(
    "dataset.from_sql",
    path = utils::modifyList(parts, list(path = "")), query = parts$path,
    set_column_types = arg_column_types(set_column_types),
    query_timeout = arg_number(query_timeout)
  ))
}

new_datastore <- function(found) structure(found, class = "tandemlab_datastore")

arg_datastore <- function(x, arg = "datastore") {
  if (!inherits(x, "tandemlab_datastore")) {
    abort_argument(arg, "a datastore", x, "get_datastore() gives one.")
  }
  x
}

call_datastore <- function(call, datastore, ...) {
  datastore <- arg_datastore(datastore)
  call_core(
    call,
    workspace = .subset2(datastore, "workspace"), name = .subset2(datastore, "name"), ...
  )
}

workspace_path <- function(workspace) .subset2(arg_workspace(workspace), "path")

# `$path()` is what users of Azure ML's SDK write for data_path().
#' @export
`$.tandemlab_datastore` <- function(x, name) {
  if (identical(name, "path")) {
    return(function(path_on_datastore = NULL, name = NULL) data_path(x, path_on_datastore, name))
  }
  .subset2(x, name)
}

#' @export
format.tandemlab_datastore <- function(x, ...) {
  sprintf("<datastore %s: %s>", .subset2(x, "name"), .subset2(x, "location"))
}

#' @export
print.tandemlab_datastore <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

#' @export
`$.tandemlab_data_path` <- function(x, name) {
  if (name %in% c("as_mount", "as_download", "as_direct")) {
    return(do.call(`$`, list(as_consumption(x), name)))
  }
  if (identical(name, "as_named_input")) {
    return(function(name) {
      dataset_consumption_config(name, create_file_dataset_from_files(x))
    })
  }
  .subset2(x, name)
}

is_data_path <- function(x) inherits(x, "tandemlab_data_path")

#' @export
format.tandemlab_data_path <- function(x, ...) sprintf("%s:%s", x$datastore, x$path)

#' @export
print.tandemlab_data_path <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}
