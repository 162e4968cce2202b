#' Lineage of a run
#'
#' Where a run comes from and what came of it. Inputs are the source that was kept, the environment
#' of its script, the data sets and models that it used and the inputs of its configuration, outputs
#' the data sets and models that it made, its files without logs and the outputs of its
#' configuration; beside them are its parents up to the first, and its children.
#'
#' @param run A `tandemlab_run`; `NULL` means [get_current_run()].
#' @param x A `tandemlab_lineage`.
#' @param style `"tree"`, or `"mermaid"` for a flow chart in Mermaid's language.
#' @param row.names,optional,... Ignored.
#' @return A `tandemlab_lineage`, which prints as a tree. `as.data.frame()` gives a row for each
#'   link: `source_kind`, `source`, `relation` (`"input"`, `"output"`, `"parent"`), `target_kind`
#'   and `target`; kinds are `"run"`, `"snapshot"`, `"environment"`, `"dataset"`, `"model"`,
#'   `"asset"` (others that are registered, such as datastores) and `"file"`. `format()` gives the
#'   tree or the flow chart as a string.
#' @examplesIf tandemlab_is_ready()
#' run <- start_logging_run(experiment(temp_workspace(), "demo"))
#' complete_run(create_child_run(run, "fold 1"))
#' complete_run(run)
#' lineage <- get_run_lineage(run)
#' lineage
#' as.data.frame(lineage)$relation
#' cat(format(lineage, "mermaid"))
#' @export
get_run_lineage <- function(run = NULL) {
  structure(call_run(arg_run(run), "run.lineage"), class = "tandemlab_lineage")
}

#' @rdname get_run_lineage
#' @export
as.data.frame.tandemlab_lineage <- function(x, row.names = NULL, optional = FALSE, ...) {
  links <- x$links
  links[] <- lapply(links, as.character)
  links
}

#' @rdname get_run_lineage
#' @export
format.tandemlab_lineage <- function(x, style = c("tree", "mermaid"), ...) x[[match.arg(style)]]

#' @export
print.tandemlab_lineage <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}
