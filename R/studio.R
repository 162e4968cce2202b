#' The workspace in the browser
#'
#' Opens the studio: experiments, runs, data, models and all else of a workspace, in the browser. A
#' server is started on this machine unless one runs; only this machine reaches it, and
#' `tandemlab server stop` in a shell ends it. Whoever may write the workspace's folder is its owner
#' and needs no token.
#'
#' @param workspace A `tandemlab_workspace`. `NULL` means the one that
#'   [load_workspace_from_config()] finds.
#' @param browse Whether to open the browser, rather than to give only the address. By default in
#'   interactive sessions.
#' @return The address of the workspace's page, a single string, invisibly where the browser opens
#'   it. Where the server asks for tokens, the attribute `link` is an address that lets one browser
#'   in, once, within two minutes; otherwise it is the same.
#' @section Errors:
#' `tandemlab_error_not_found` when there is no workspace, `tandemlab_error_storage_error` when the
#' server does not start.
#' @examplesIf tandemlab_is_ready() && interactive()
#' open_studio(get_workspace("lab"))
#' @export
open_studio <- function(workspace = NULL, browse = interactive()) {
  browse <- arg_flag(browse)
  path <- if (!is.null(workspace)) .subset2(arg_workspace(workspace), "path")
  opened <- call_core("server.open_studio", workspace = path)
  url <- structure(opened$url, link = opened$link)
  if (!browse) {
    return(url)
  }
  utils::browseURL(opened$link)
  invisible(url)
}
