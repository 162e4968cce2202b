#' Save models of R, without the data that they were trained on
#'
#' `save_model()` is `saveRDS()` whose file appears when it is whole, with a warning when the model
#' carries its training data: models of `lm()` and `glm()` keep the data frame, and formulas and
#' functions keep the environment in which they were made, with all that is in it. Such a file is
#' large, and whoever gets the model gets the data.
#'
#' `slim_model()` takes the data out of models of `lm()` and `glm()`, as the package butcher does
#' for many more: the data frames go, and the environment of the formula keeps only what the formula
#' uses. Coefficients, residuals and the decomposition stay, so that `predict()` with new data,
#' `predict(se.fit = TRUE)` and `summary()` give the same; what needs the data again
#' (`update()`, `predict()` without new data) is an error.
#'
#' @param model An object of R.
#' @param path Path of the file, ending in `.rds`.
#' @return `save_model()`: `path`, invisibly. `slim_model()`: the model without its data.
#' @section Errors:
#' `tandemlab_error_invalid_input` from `slim_model()` for a model of another class.
#' The warning has the class `tandemlab_warning_training_data`.
#' @examples
#' fit <- glm(am ~ wt, binomial, mtcars)
#' path <- tempfile(fileext = ".rds")
#' suppressWarnings(save_model(fit, path))
#' save_model(slim_model(fit), path)
#' predict(readRDS(path), data.frame(wt = 3), type = "response")
#' @export
save_model <- function(model, path) {
  path <- arg_path(path)
  if (!grepl("[.]rds$", path, ignore.case = TRUE)) {
    abort_input(sprintf("%s does not end in '.rds'.", path), "saveRDS() writes such files.")
  }
  warn_of_training_data(model, "The model")
  temporary <- tempfile(".", dirname(path), ".tmp")
  on.exit(unlink(temporary))
  tryCatch(
    saveRDS(model, temporary),
    error = function(problem) {
      abort_tandemlab("storage_error", sprintf("Could not write %s: %s", path, problem$message))
    }
  )
  file.rename(temporary, path)
  invisible(path)
}

#' @rdname save_model
#' @export
slim_model <- function(model) UseMethod("slim_model")

#' @export
slim_model.default <- function(model) {
  abort_input(
    sprintf("slim_model() does not know models of the class '%s'.", class(model)[[1]]),
    "The package butcher knows many: butcher::butcher(model)."
  )
}

#' @export
slim_model.lm <- function(model) {
  known <- c("lm", "glm", "mlm", "aov")
  if (!all(class(model) %in% known)) {
    return(slim_model.default(model))
  }
  model[intersect(names(model), c("model", "data", "x", "y"))] <- NULL
  model$terms <- with_small_environment(model$terms)
  if (!is.null(model$formula)) {
    model$formula <- with_small_environment(model$formula)
  }
  model
}

# A formula whose environment holds only what the formula uses.
with_small_environment <- function(formula) {
  from <- environment(formula)
  if (is.null(from) || is_shared_environment(from)) {
    return(formula)
  }
  small <- new.env(parent = globalenv())
  for (name in setdiff(all.names(formula), all.vars(formula))) {
    found <- get0(name, from, mode = "function")
    if (is.function(found) && !is_shared_environment(owner_of(name, from))) {
      assign(name, found, small)
    }
  }
  columns <- rownames(attr(formula, "factors"))
  for (name in setdiff(all.vars(formula), columns)) {
    found <- get0(name, from)
    if (!is.null(found) && length(found) == 1) {
      assign(name, found, small)
    }
  }
  environment(formula) <- small
  formula
}

# The environment, outwards from `from`, that has a function of that name.
owner_of <- function(name, from) {
  while (!identical(from, emptyenv())) {
    if (exists(name, from, mode = "function", inherits = FALSE)) {
      return(from)
    }
    from <- parent.env(from)
  }
  from
}

# Whether saving refers to an environment by name instead of taking it along.
is_shared_environment <- function(x) {
  identical(x, globalenv()) || identical(x, baseenv()) || identical(x, emptyenv()) ||
    isNamespace(x) || !is.null(attr(x, "name")) || startsWith(environmentName(x), "package:")
}

warn_of_training_data_in <- function(path) {
  size <- file.size(path)
  if (grepl("[.]rds$", path, ignore.case = TRUE) && !dir.exists(path) && isTRUE(size < 64e6)) {
    model <- tryCatch(readRDS(path), error = function(problem) NULL)
    warn_of_training_data(model, basename(path))
  }
}

warn_of_training_data <- function(model, what) {
  parts <- training_data_in(model)
  if (length(parts) > 0) {
    sizes <- vapply(parts, function(part) length(serialize(part, NULL)), 0)
    told <- sprintf("%s (%s)", names(parts), vapply(sizes, size_text, ""))
    slim <- if (inherits(model, "lm")) "slim_model(model)" else "butcher::butcher(model)"
    warn_tandemlab("training_data", sprintf(
      "%s carries its training data: %s. %s takes it out.", what, paste(told, collapse = ", "), slim
    ))
  }
}

size_text <- function(bytes) {
  format(structure(bytes, class = "object_size"), units = "auto", standard = "SI")
}

# Parts of a model that hold data, by where they are: data frames, and environments that are saved.
training_data_in <- function(model) {
  if (!is.list(model) || is.data.frame(model)) {
    return(list())
  }
  found <- list()
  note <- function(part, name) {
    if (is.data.frame(part) && nrow(part) > 1) {
      found[[name]] <<- part
    }
    environment <- if (is.function(part) || inherits(part, "formula")) environment(part)
    is_saved <- is.environment(environment) && !is_shared_environment(environment)
    if (is_saved && holds_data(environment)) {
      found[[paste("the environment of", name)]] <<- environment
    }
  }
  for (name in names(model)) {
    part <- .subset2(model, name)
    note(part, paste0("$", name))
  }
  found
}

holds_data <- function(environment) {
  any(vapply(ls(environment, all.names = TRUE), function(name) {
    value <- tryCatch(get(name, environment), error = function(problem) NULL)
    is.data.frame(value) || (is.atomic(value) && length(value) > 1000)
  }, NA))
}
