#' Secrets of a workspace
#'
#' @description
#' Passwords, tokens and keys that scripts need and nobody should see. They are encrypted in the
#' workspace, names and values; the key is with the user who made the vault, in the system keyring
#' or in a file that only this user may read. Back up both to keep both. In a workspace at a server
#' the key is with the user who runs the server; secrets are for contributors and owners there.
#'
#' A secret is a string of class `tandemlab_secret`: it can be used as any other, with [paste0()],
#' in [Sys.setenv()], as an argument of a database driver; [print()], [format()] and [str()] do not
#' show it, and nothing that a run records takes it. `as.character()` gives the bare string.
#'
#' `get_secrets_from_run()` reads the secrets of a run's workspace inside its script. This is one of
#' the few calls that start Python in a job: decryption is there once. An off-line run asks the
#' workspace that its script would be submitted to, which [load_workspace_from_config()] finds. What
#' a job prints is kept as it is: do not print a secret.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param keyvault What `get_default_keyvault()` gives.
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param secrets For `set_secrets()` a named list of strings; an existing secret is replaced. Names
#'   have letters, digits, `-`, `_` and `.`, at most 127. Else the names.
#' @return `get_default_keyvault()`: a `tandemlab_keyvault`. `get_secrets()` and
#'   `get_secrets_from_run()`: a named list with `NULL` for what is absent. `list_secrets()`: the
#'   names, sorted, never the values. `set_secrets()` and `delete_secrets()`: `keyvault`, invisibly.
#' @section Errors:
#' `tandemlab_error_not_found` when a secret that is to be deleted is absent; then none was deleted.
#' `tandemlab_error_invalid_input` for a name or a value that cannot be one.
#' `tandemlab_error_storage_error` when the vault is damaged, or the key of it is not here.
#' @examplesIf tandemlab_is_ready()
#' vault <- get_default_keyvault(temp_workspace())
#' set_secrets(vault, list("db-password" = "s3cr3t"))
#' list_secrets(vault)
#' found <- get_secrets(vault, "db-password")
#' found
#' nchar(paste0("ana:", found[["db-password"]], "@host"))
#' delete_secrets(vault, "db-password")
#' @export
get_default_keyvault <- function(workspace) {
  ws <- arg_workspace(workspace)
  structure(list(workspace = .subset2(ws, "path")), class = "tandemlab_keyvault")
}

#' @rdname get_default_keyvault
#' @export
set_secrets <- function(keyvault, secrets) {
  call_vault(keyvault, "keyvault.set", secrets = arg_secrets(secrets))
  invisible(keyvault)
}

#' @rdname get_default_keyvault
#' @export
get_secrets <- function(keyvault, secrets) {
  as_secrets(call_vault(keyvault, "keyvault.get", names = arg_strings(secrets)))
}

#' @rdname get_default_keyvault
#' @export
list_secrets <- function(keyvault) {
  call_vault(keyvault, "keyvault.list")
}

#' @rdname get_default_keyvault
#' @export
delete_secrets <- function(keyvault, secrets) {
  call_vault(keyvault, "keyvault.delete", names = arg_strings(secrets))
  invisible(keyvault)
}

#' @rdname get_default_keyvault
#' @export
get_secrets_from_run <- function(run, secrets) {
  as_secrets(call_run(arg_run(run), "run.secrets", names = arg_strings(secrets)))
}

call_vault <- function(keyvault, call, ...) {
  if (!inherits(keyvault, "tandemlab_keyvault")) {
    abort_argument("keyvault", "a keyvault", keyvault, "get_default_keyvault() gives one.")
  }
  call_core(call, workspace = .subset2(keyvault, "workspace"), ...)
}

# No message here may show a value.
arg_secrets <- function(secrets) {
  secrets <- as.list(secrets)
  keys <- names(secrets)
  if (length(secrets) == 0) {
    return(empty_map())
  }
  if (is.null(keys) || anyNA(keys) || !all(nzchar(keys)) || anyDuplicated(keys)) {
    abort_input("`secrets` must be a named list with distinct names.")
  }
  for (key in keys) {
    if (!is_string(secrets[[key]])) {
      abort_input(sprintf("The secret '%s' must be a single string without NA.", key))
    }
  }
  lapply(secrets, function(secret) as.character(unclass(secret)))
}

as_secrets <- function(values) {
  lapply(values, function(value) {
    if (!is.null(value)) structure(value, class = "tandemlab_secret")
  })
}

# A secret in what a run records would be seen by everybody who sees the run.
refuse_secret <- function(x, arg) {
  if (inherits(x, "tandemlab_secret")) {
    abort_input(
      sprintf("`%s` is a secret: everybody who sees the run would see it.", arg),
      "Read it inside the script, with get_secrets_from_run()."
    )
  }
}

#' @export
format.tandemlab_secret <- function(x, ...) rep("<secret>", length(x))

#' @export
print.tandemlab_secret <- function(x, ...) {
  cat(format(x), sep = "\n")
  invisible(x)
}

#' @rawNamespace S3method(utils::str, tandemlab_secret)
str.tandemlab_secret <- function(object, ...) cat("", format(object), "\n")

#' @export
as.character.tandemlab_secret <- function(x, ...) as.character(unclass(x))

#' @export
format.tandemlab_keyvault <- function(x, ...) {
  sprintf("<keyvault of %s>", basename(.subset2(x, "workspace")))
}

#' @export
print.tandemlab_keyvault <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}
