#' Tokens of a server
#'
#' @description
#' `create_server_token()` makes a token for a person or a program. From the first one on, the
#' server of the folder asks everybody for a token; one that runs need not be started again.
#' `list_server_tokens()` lists them without their secrets, and `revoke_server_token()` ends one:
#' whoever shows it is refused from then on. They are what `tandemlab server token` is on the
#' command line, which also starts the server (`tandemlab server start`).
#'
#' Its user keeps a token with `tandemlab server login`, or in the environment variable
#' `TANDEMLAB_TOKEN`.
#'
#' @param name Whose token it is, or what for: a single string.
#' @param role `"reader"` sees everything, `"contributor"` also logs, submits and cancels, `"owner"`
#'   also makes and deletes workspaces.
#' @param days How long it is valid, in days; `NULL` for ever.
#' @param id The token's id, as `list_server_tokens()` has it.
#' @param root What the server serves: a `tandemlab_workspace` or the path of a workspace folder or
#'   of a folder of workspaces, on this machine. `NULL` means the workspace that
#'   [load_workspace_from_config()] finds.
#' @return `create_server_token()`: a list of `id`, `name`, `role`, `created`, `expires` (`NA` for
#'   never), `valid` and `token`, the secret, of class `tandemlab_secret`: it does not print itself,
#'   `as.character()` gives it, and nothing can tell it again. `list_server_tokens()`: a data frame
#'   without secrets, oldest first. `revoke_server_token()`: what was ended, as such a data frame,
#'   invisibly.
#' @section Errors:
#' `tandemlab_error_not_found` when there is no token of that id, `tandemlab_error_invalid_input`
#' for what is no folder of this machine.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' made <- create_server_token("ana", role = "reader", days = 90, root = ws)
#' nchar(as.character(made$token))
#' list_server_tokens(ws)[c("name", "role", "valid")]
#' revoke_server_token(made$id, ws)
#' @export
create_server_token <- function(name, role = c("contributor", "reader", "owner"), days = NULL,
                                root = NULL) {
  roles <- eval(formals()$role)
  role <- if (identical(role, roles)) roles[[1]] else arg_choice(role, roles)
  made <- call_core(
    "server.create_token",
    root = arg_root(root), name = arg_string(name), role = role,
    days = arg_optional(days, arg_number)
  )
  secret <- structure(made$token, class = "tandemlab_secret")
  c(as.list(typed_tokens(made$tokens)), list(token = secret))
}

#' @rdname create_server_token
#' @export
list_server_tokens <- function(root = NULL) {
  typed_tokens(call_core("server.list_tokens", root = arg_root(root)))
}

#' @rdname create_server_token
#' @export
revoke_server_token <- function(id, root = NULL) {
  revoked <- call_core("server.revoke_token", root = arg_root(root), token_id = arg_string(id))
  revoked <- typed_tokens(revoked)
  revoked$valid <- FALSE
  invisible(revoked)
}

arg_root <- function(root) {
  if (inherits(root, "tandemlab_workspace")) {
    root <- .subset2(root, "path")
  }
  arg_optional(root, arg_address)
}

# Columns that may be all missing still have their own type.
typed_tokens <- function(frame) {
  for (name in c("created", "expires")) {
    frame[[name]] <- as.POSIXct(as.numeric(frame[[name]]), origin = "1970-01-01", tz = "UTC")
  }
  for (name in c("id", "name", "role")) {
    frame[[name]] <- as.character(frame[[name]])
  }
  frame$valid <- as.logical(frame$valid)
  frame
}
