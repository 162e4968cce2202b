#' Create a workspace
#'
#' A workspace is a folder that holds experiments, runs and their files. Nothing runs in the
#' background for it until a script is submitted.
#'
#' @param name A name, a path or a URL: `"lab"` makes the folder `./lab`; a path makes that folder,
#'   named by its last part; `"http://HOST:PORT/NAME"` has that server make a workspace.
#' @param ... Not used; makes sure that what follows is named.
#' @param friendly_name A longer name to show.
#' @param description What the workspace is for.
#' @param tags Labels: a named list of strings.
#' @param store Address of a PostgreSQL database that keeps runs and metrics, such as
#'   `"postgresql://user@host/lab"`, without a password: that comes from `PGPASSWORD`, `~/.pgpass`
#'   or a service file. `NULL` keeps them in the folder.
#' @param artifacts Where the contents of files and sources are kept: `"s3://bucket/prefix"`, or the
#'   path of another folder. Options for S3 may follow, as in
#'   `"?endpoint=https://minio.example.org&region=eu-west-1&profile=lab"`. Keys come from the
#'   environment (`AWS_ACCESS_KEY_ID` and so on, set before the first call of this package) or
#'   `~/.aws`, and later also from the keyvault's `artifacts-access-key-id` and
#'   `artifacts-secret-access-key`. `NULL` keeps contents in the folder.
#' @param exist_ok Whether a workspace that is there already is opened, and a database that holds
#'   one is joined (folders on several machines then see the same runs); else it is an error.
#' @param show_output Whether to say what was done; by default only in interactive sessions.
#' @return A `tandemlab_workspace`.
#' @section Errors:
#' `tandemlab_error_already_exists` (also artifacts of another workspace),
#' `tandemlab_error_invalid_input` (a name that cannot be one, an address with a password or key),
#' `tandemlab_error_storage_error` (a folder that cannot be written, a database that cannot be
#' reached, a bucket that is not there), `tandemlab_error_not_allowed` (keys for S3 are missing or
#' do not suffice), `tandemlab_error_unavailable` (S3 cannot be reached).
#' @examplesIf tandemlab_is_ready()
#' ws <- create_workspace(tempfile("lab"))
#' ws
#' delete_workspace(ws)
#' @export
create_workspace <- function(name, ..., friendly_name = NULL, description = NULL, tags = NULL,
                             store = NULL, artifacts = NULL, exist_ok = FALSE,
                             show_output = interactive()) {
  check_no_dots(...)
  handle <- call_core(
    "workspace.create",
    name = arg_address(name),
    friendly_name = arg_optional(friendly_name, arg_string),
    description = arg_optional(description, arg_string),
    tags = arg_text_map(tags),
    store = arg_optional(store, arg_string),
    artifacts = arg_optional(artifacts, arg_artifacts),
    exist_ok = arg_flag(exist_ok)
  )
  if (arg_flag(show_output)) {
    cli::cli_inform("Workspace {.val {handle$name}} is at {.path {handle$path}}.")
  }
  new_workspace(handle$name, handle$path)
}

check_no_dots <- function(...) {
  if (...length() > 0) {
    given <- ...names()
    shown <- if (is.null(given)) "an unnamed argument" else paste0("`", given[nzchar(given)], "`")
    abort_input(
      sprintf("Unknown arguments: %s.", paste(shown, collapse = ", ")),
      "Arguments behind `...` must be given by their full names."
    )
  }
}

#' Get a workspace by name, path or URL
#'
#' Workspaces are known to this user from when they were created or first opened.
#'
#' @param name Name of a known workspace, or the path or URL (`"http://HOST:PORT/NAME"`) of one.
#' @return A `tandemlab_workspace`, or `NULL` when there is none of that name.
#' @section At a server:
#' A workspace that is opened by URL behaves like a folder: logging needs no network and costs
#' microseconds, and scripts that are submitted run on the server's machine. While the server cannot
#' be reached, what is logged waits on this machine; [sync_workspace()] sends it at once.
#'
#' The token that a server may ask for comes from the environment variable `TANDEMLAB_TOKEN`, set
#' before the first call of this package, or is kept by `tandemlab server login URL` in a shell.
#' Where your own authority has signed the server's certificate, `TANDEMLAB_CA_FILE` names the
#' authority's file.
#' @section Errors:
#' `tandemlab_error_invalid_input` when several known workspaces have that name;
#' `tandemlab_error_unavailable` when the server cannot be reached, and
#' `tandemlab_error_not_allowed` when it does not let you in.
#' @examplesIf tandemlab_is_ready()
#' is.null(get_workspace("no such workspace"))
#' @export
get_workspace <- function(name) {
  handle <- call_core("workspace.get", name = arg_string(name))
  if (!is.null(handle)) new_workspace(handle$name, handle$path)
}

#' Find the workspace of a project
#'
#' Starts at a folder and goes up: each folder is searched for `.tandemlab/config.json`,
#' `.azureml/config.json`, `aml_config/config.json`, `config.json`, and for being a workspace.
#'
#' @param path A folder to start from, or a configuration file; `NULL` means the working directory.
#' @param file_name Another name than `config.json`.
#' @return A `tandemlab_workspace`.
#' @section Errors:
#' `tandemlab_error_not_found` when nothing was found or it points to a workspace that is not there.
#' @examplesIf tandemlab_is_ready()
#' project <- tempfile("project")
#' dir.create(project)
#' write_workspace_config(temp_workspace(), project)
#' load_workspace_from_config(project)
#' @export
load_workspace_from_config <- function(path = NULL, file_name = NULL) {
  handle <- call_core(
    "workspace.from_config",
    path = if (is.null(path)) getwd() else arg_path(path),
    file_name = arg_optional(file_name, arg_string)
  )
  new_workspace(handle$name, handle$path)
}

#' Write a file that leads to a workspace
#'
#' Writes `.tandemlab/config.json` for [load_workspace_from_config()].
#'
#' @param workspace A `tandemlab_workspace`.
#' @param path The project's folder; `NULL` means the working directory.
#' @param file_name Another name than `config.json`.
#' @return Path of the file, invisibly.
#' @examplesIf tandemlab_is_ready()
#' write_workspace_config(temp_workspace(), tempdir())
#' @export
write_workspace_config <- function(workspace, path = NULL, file_name = NULL) {
  ws <- arg_workspace(workspace)
  invisible(call_core(
    "workspace.write_config",
    workspace = .subset2(ws, "path"),
    path = if (is.null(path)) getwd() else arg_path(path),
    file_name = arg_optional(file_name, arg_string)
  ))
}

#' Send what waits on this machine to a server or to S3
#'
#' What runs log in a workspace at a server is sent by itself, as are the contents of a workspace
#' that keeps them at another place (`artifacts`). While these cannot be reached it waits on this
#' machine; this sends it at once. It may be repeated: everything arrives once.
#'
#' @param workspace A `tandemlab_workspace` that was opened by URL or has `artifacts`.
#' @return A data frame with the columns `run` and `status`, one row per run of which something
#'   waited for a server.
#' @section Errors:
#' `tandemlab_error_unavailable` when the server or S3 cannot be reached; what waits stays.
#' `tandemlab_error_invalid_input` for a workspace that keeps everything in its folder.
#' @examplesIf tandemlab_is_ready()
#' try(sync_workspace(temp_workspace()))
#' @export
sync_workspace <- function(workspace) {
  frame <- call_core("workspace.sync", workspace = .subset2(arg_workspace(workspace), "path"))
  frame[] <- lapply(frame, as.character)
  frame
}

#' List the known workspaces
#'
#' @return A data frame with the columns `name` and `path` (or URL), one row per workspace that this
#'   user created or opened and that is still there.
#' @examplesIf tandemlab_is_ready()
#' list_workspaces()
#' @export
list_workspaces <- function() {
  call_core("workspace.list")
}

#' Delete a workspace
#'
#' Deletes the workspace with everything in it: experiments, runs and files. There is no way back. A
#' PostgreSQL database stays as it is, and so do contents at another place than the folder.
#'
#' @param workspace A `tandemlab_workspace`.
#' @return `NULL`, invisibly.
#' @section Errors:
#' `tandemlab_error_invalid_state` while submitted runs are active.
#' @examplesIf tandemlab_is_ready()
#' ws <- create_workspace(tempfile("lab"))
#' delete_workspace(ws)
#' @export
delete_workspace <- function(workspace) {
  ws <- arg_workspace(workspace)
  call_core("workspace.delete", workspace = .subset2(ws, "path"))
  inside <- vapply(
    session$stack, function(entry) .subset2(entry$run, "workspace") == .subset2(ws, "path"), NA
  )
  session$stack <- session$stack[!inside]
  invisible(NULL)
}

#' Details of a workspace
#'
#' @param workspace A `tandemlab_workspace`.
#' @return A named list with `id`, `name`, `path`, `created`, `friendly_name`, `description`,
#'   `tags`, `store` and `artifacts` (`NULL` if they are in the folder) and the counts `experiments`
#'   and `runs`.
#' @examplesIf tandemlab_is_ready()
#' get_workspace_details(temp_workspace())$runs
#' @export
get_workspace_details <- function(workspace) {
  call_core("workspace.details", workspace = .subset2(arg_workspace(workspace), "path"))
}

#' Check a workspace, and repair it
#'
#' Compares the database, the directories of the runs, their event files and the contents of their
#' files with each other. A repair does what can be done without losing anything: it adopts runs
#' that the database does not know, takes in what was left out, links files again, removes what is
#' stale, and builds a damaged database anew from what the runs have logged. What it replaces is
#' kept beside, with `damaged` in its name. Other sessions that have the workspace open should be
#' closed meanwhile.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param repair Whether to repair what can be repaired.
#' @param deep Whether the contents of all files are read, to compare them with their digests.
#' @return A data frame with one row for each finding: `code` (a stable name of its kind, such as
#'   `"blob_missing"`), `where`, `problem`, `repair` (what a repair does or did, or what you can
#'   do), `is_note` (it does no harm) and `repaired`. No rows if all is well.
#' @section Errors:
#' `tandemlab_error_version_mismatch` for a workspace of a newer program;
#' `tandemlab_error_invalid_state` when a repair was asked for and the folder is read-only.
#' @examplesIf tandemlab_is_ready()
#' nrow(check_workspace(temp_workspace()))
#' @export
check_workspace <- function(workspace, repair = FALSE, deep = FALSE) {
  found <- call_core(
    "workspace.check",
    workspace = .subset2(arg_workspace(workspace), "path"),
    repair = arg_flag(repair), deep = arg_flag(deep)
  )
  for (name in c("code", "where", "problem", "repair")) found[[name]] <- as.character(found[[name]])
  found
}

#' Remove contents that nothing needs
#'
#' Contents of files and sources are kept once, however many runs have them, so that deleting a run
#' leaves them. This removes those that no run and no registered asset needs. What is needed stays,
#' and others may go on working meanwhile: what was put lately stays, as does what is recorded in
#' the last moment.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param older_than_seconds Only what nobody has put for so long is removed; at least 3600.
#' @param dry_run Whether it is only counted.
#' @param take_over For contents at another place (`artifacts` of [create_workspace()]): whether
#'   this folder takes the place of the one that they were those of, which is gone, such as after a
#'   restored backup. If that one is still in use, what only it needs is removed.
#' @return A named list: `contents` and `bytes` (what went, or would), `young` (how many contents
#'   stay for now, since they may belong to a run that is just being made), `kept` (how many runs
#'   need) and `dry_run`.
#' @section Errors:
#' `tandemlab_error_invalid_input` for less than an hour; `tandemlab_error_invalid_state` when the
#' source of a run cannot be read, so that what it needs is not known, or when the contents at the
#' other place are those of another folder: nothing was removed.
#' @examplesIf tandemlab_is_ready()
#' collect_garbage(temp_workspace(), dry_run = TRUE)$kept
#' @export
collect_garbage <- function(workspace, older_than_seconds = 86400, dry_run = FALSE,
                            take_over = FALSE) {
  call_core(
    "workspace.gc",
    workspace = .subset2(arg_workspace(workspace), "path"),
    older_than_seconds = arg_number(older_than_seconds), dry_run = arg_flag(dry_run),
    take_over = arg_flag(take_over)
  )
}

#' A workspace for examples and tests
#'
#' @return A new `tandemlab_workspace` in the session's temporary folder, which goes when R ends.
#' @examplesIf tandemlab_is_ready()
#' temp_workspace()
#' @export
temp_workspace <- function() {
  create_workspace(tempfile("lab"), show_output = FALSE)
}

#' @export
summary.tandemlab_workspace <- function(object, ...) get_workspace_details(object)
