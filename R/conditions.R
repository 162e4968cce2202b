# Errors and warnings as classed conditions. rlang is loaded only when there is one.

# Raise `tandemlab_error_<code>`; `...` become fields of the condition.
abort_tandemlab <- function(code, message, hint = "", details = list(), ..., class = NULL) {
  bullets <- c(message, if (nzchar(hint)) c(i = hint))
  rlang::abort(
    bullets,
    class = c(class, paste0("tandemlab_error_", code), "tandemlab_error"),
    code = code,
    hint = hint,
    details = details,
    ...,
    call = user_call()
  )
}

abort_input <- function(message, hint = "", details = list()) {
  abort_tandemlab("invalid_input", message, hint, details)
}

warn_tandemlab <- function(code, message, hint = "") {
  rlang::warn(
    c(message, if (nzchar(hint)) c(i = hint)),
    class = c(paste0("tandemlab_warning_", code), "tandemlab_warning")
  )
}

# The innermost call of a function that users know: what an error should be "in".
user_call <- function() {
  exports <- getNamespaceExports("tandemlab")
  for (call in rev(sys.calls())) {
    called <- call[[1]]
    if (is.call(called) && length(called) == 3) {
      called <- called[[3]]
    }
    if (is.name(called) && as.character(called) %in% exports) {
      return(call)
    }
  }
  NULL
}
