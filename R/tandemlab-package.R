#' tandemlab: one lab for R and Python
#'
#' A workspace is a folder. It holds experiments, and an experiment holds runs: one try each, with
#' its metrics, files, tags and source code. Scripts in R and in Python become runs of the same
#' experiment, and either language reads what the other logged.
#'
#' Logging ([log_metric_to_run()] and its kin) is native: it appends to files of the run and needs
#' nothing else. Everything else is done by the Python package of the same name, which is started
#' by the first call that needs it, never by `library(tandemlab)`. [tandemlab_doctor()] shows which
#' Python that is.
#'
#' @section Conditions:
#' Errors have the class `tandemlab_error` and one of `tandemlab_error_invalid_input`,
#' `tandemlab_error_not_found`, `tandemlab_error_already_exists`, `tandemlab_error_invalid_state`,
#' `tandemlab_error_run_failed`, `tandemlab_error_storage_error`,
#' `tandemlab_error_version_mismatch` and `tandemlab_error_missing_dependency`. They carry `code`,
#' `message`, `hint` and `details`.
#'
#' @useDynLib tandemlab, .registration = TRUE, .fixes = "C_"
#' @keywords internal
"_PACKAGE"

# What this R session knows: the interactive runs that are open, the off-line run, the core.
session <- new.env(parent = emptyenv())
session$stack <- list()
session$offline <- NULL
session$core <- NULL
session$python <- NULL
session$asked <- NULL
session$told <- NULL
session$near <- NULL
