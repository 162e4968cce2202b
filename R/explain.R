#' Explain a model, write its card, and have its code
#'
#' `explain_model()` tells how much a model relies on each column. `model_card()` writes what is to
#' be known of it: data, metrics, checks, trials, how to make it again. `export_code()` writes a
#' Python script that trains it again with the libraries that it consists of, without tandemlab.
#'
#' @param object A `tandemlab_automl` that [automl()] gives, or the run of an [automl_config()].
#' @param new_data A data frame of rows that the model was not trained on, with the column that it
#'   predicts. `"shap"` needs no such column, and for forecasts no rows.
#' @param method `"permutation"`: how much worse a metric gets when the values of a column are dealt
#'   out anew. `"shap"`: mean absolute contributions to the predictions, where LightGBM, XGBoost and
#'   CatBoost can tell them. `NULL`: `"permutation"` with rows, `"shap"` without.
#' @param metric What gets worse; `NULL` for the usual one of the task.
#' @param repeats How often each column is dealt out.
#' @param seed Of what is drawn.
#' @param path Where to write it; `NULL`: nowhere. A card is Markdown or HTML, by the file's name
#'   (`.md`, `.html`).
#' @param explanation What `explain_model()` gives; `NULL` leaves it out.
#' @param about What only people know, a named list of texts: `intended_use`, `limitations`, ….
#' @param x What `explain_model()` gives.
#' @param ... Of `plot()`: further arguments of [graphics::barplot()].
#' @return `explain_model()`: a `tandemlab_explanation`, a data frame with `feature`, `importance`
#'   and `deviation`, the greatest first, which `plot()` draws. `model_card()`: the card as
#'   Markdown, invisibly if it is written. `export_code()`: the text of the script, likewise.
#' @section Errors:
#' `tandemlab_error_invalid_input` if rows or columns are missing, or no model can tell
#' contributions.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("lightgbm")
#' cars <- mtcars[c("mpg", "cyl", "wt", "hp")]
#' found <- automl(
#'   cars[1:24, ], "mpg",
#'   timeout = NULL, iterations = 1, allowed_models = "Linear", show_output = FALSE
#' )
#' important <- explain_model(found, cars[25:32, ])
#' important
#' plot(important)
#' card <- model_card(found, explanation = important, about = list(intended_use = "An example."))
#' cat(substr(card, 1, 200))
#' script <- export_code(found, tempfile(fileext = ".py"))
#' @export
explain_model <- function(object, new_data = NULL, method = NULL, metric = NULL, repeats = 5,
                          seed = 0) {
  object <- as_automl(object)
  if (is.null(method)) {
    method <- if (is.null(new_data)) "shap" else "permutation"
  }
  method <- arg_choice(method, c("permutation", "shap"))
  folder <- withr::local_tempdir()
  found <- call_core(
    "automl.explain",
    model = model_file(object, folder),
    data = data_file(arg_optional(new_data, arg_frame), folder), method = method,
    metric = arg_optional(metric, arg_string), repeats = arg_count(repeats, least = 1L),
    seed = arg_count(seed)
  )
  structure(
    found$table,
    class = c("tandemlab_explanation", class(found$table)),
    method = found$method, metric = found$metric, content = found$content
  )
}

#' @rdname explain_model
#' @export
plot.tandemlab_explanation <- function(x, ...) {
  shown <- utils::head(as.data.frame(x), 20)
  shown <- shown[rev(seq_len(nrow(shown))), ]
  old <- graphics::par(mar = c(4, max(4, 0.55 * max(nchar(shown$feature))), 1, 1))
  on.exit(graphics::par(old))
  unit <- "mean |contribution|"
  if (attr(x, "method") == "permutation") {
    unit <- paste("loss of", attr(x, "metric"))
  }
  graphics::barplot(
    shown$importance,
    names.arg = shown$feature, horiz = TRUE, las = 1, col = "#0072B2", border = NA, xlab = unit, ...
  )
  invisible(x)
}

#' @rdname explain_model
#' @export
model_card <- function(object, path = NULL, explanation = NULL, about = NULL) {
  object <- as_automl(object)
  if (!is.null(explanation) && !inherits(explanation, "tandemlab_explanation")) {
    abort_argument("explanation", "what explain_model() gives", explanation)
  }
  text <- call_core(
    "automl.card",
    summary = object$summary, config = object$config, run = object$run$id,
    explanation = attr(explanation, "content"), about = arg_optional(about, arg_text_map),
    path = arg_optional(path, arg_path)
  )
  if (is.null(path)) text else invisible(text)
}

#' @rdname explain_model
#' @export
export_code <- function(object, path = NULL) {
  object <- as_automl(object)
  folder <- withr::local_tempdir()
  text <- call_core(
    "automl.code",
    model = model_file(object, folder), config = object$config,
    path = arg_optional(path, arg_path)
  )
  if (is.null(path)) text else invisible(text)
}
