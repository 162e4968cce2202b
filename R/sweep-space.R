#' What hyper-parameters may be
#'
#' Search expressions for the parameter spaces of [random_parameter_sampling()] and its siblings.
#'
#' In `loguniform()` and `qloguniform()` the bounds are those of the logarithm, as in Azure ML's
#' SDK v1: `loguniform(-6, -1)` gives numbers from `exp(-6)` to `exp(-1)`. With
#' `exponents = FALSE` they are those of the number itself. Exponents that look like bounds are told
#' in a warning of class `tandemlab_warning_exponents`.
#'
#' For a [hyperdrive_step()], a [pipeline_parameter()] may stand for each number and each option,
#' and one that is a list for all options. In `loguniform()` and `qloguniform()` it is a bound of
#' the number itself, for which `exponents = FALSE` has to be said.
#'
#' @param options The values, each as likely: a vector, or a list of single values (`NULL` stands
#'   for one that is absent).
#' @param upper,lower Whole numbers from `lower` up to, but without, `upper`.
#' @param min_value,max_value Bounds.
#' @param q The value is a multiple of this.
#' @param exponents Whether the bounds are those of the logarithm.
#' @param mu,sigma Mean and standard deviation; of the logarithm in `lognormal()` and
#'   `qlognormal()`.
#' @param expression A search expression.
#' @param ... For the name of another hyper-parameter the values, one or several, for which this one
#'   is there.
#' @return A `tandemlab_search_expression`.
#' @section Errors:
#' `tandemlab_error_invalid_input` for values that an expression cannot have.
#' @examples
#' choice(c(16, 32, 64))
#' loguniform(log(1e-4), log(0.1))
#' loguniform(1e-4, 0.1, exponents = FALSE)
#' only_if(randint(9, lower = 2), booster = "tree")
#' @export
choice <- function(options) {
  if (is_parameter(options)) {
    return(new_expression("choice", options))
  }
  options <- if (is.factor(options)) as.list(as.character(options)) else as.list(options)
  if (length(options) == 0) {
    abort_argument("options", "values to choose from", options)
  }
  options <- unname(lapply(options, option_value))
  if (anyDuplicated(options)) {
    twice <- options[[anyDuplicated(options)]]
    abort_input(sprintf("choice() has a value twice: %s.", format_scalar(twice)))
  }
  new_expression("choice", options)
}

option_value <- function(x, arg = "options") {
  if (is_parameter(x)) {
    return(x)
  }
  if (is.numeric(x) && any(is.nan(x) | is.infinite(x))) {
    abort_argument(arg, "a finite number", x)
  }
  if (is.null(x) || identical(is.na(x), TRUE)) NULL else whole(arg_scalar(x, arg))
}

# A whole number as one, so that scripts and runs have 16, and not 16.0.
whole <- function(x) {
  fits <- is.double(x) && is.finite(x) && x == trunc(x) && abs(x) <= .Machine$integer.max
  if (fits) as.integer(x) else x
}

new_expression <- function(name, settings, only_if = NULL) {
  document <- stats::setNames(list(settings), name)
  document$only_if <- only_if
  structure(list(document = document), class = "tandemlab_search_expression")
}

#' @rdname choice
#' @export
randint <- function(upper, lower = 0) {
  least <- -.Machine$integer.max
  upper <- arg_or_parameter(upper, arg_count, least = least)
  lower <- arg_or_parameter(lower, arg_count, least = least)
  if (all_known(upper, lower) && upper <= lower) {
    abort_input(sprintf("randint() has no number from %d up to, but without, %d.", lower, upper))
  }
  is_usual <- identical(lower, 0L)
  new_expression("randint", c(list(upper = upper), if (!is_usual) list(lower = lower)))
}

# Whether no parameter of a pipeline stands for any of some values.
all_known <- function(...) !any(vapply(list(...), is_parameter, NA))

#' @rdname choice
#' @export
uniform <- function(min_value, max_value) bounded("uniform", min_value, max_value)

#' @rdname choice
#' @export
quniform <- function(min_value, max_value, q) bounded("quniform", min_value, max_value, q)

#' @rdname choice
#' @export
loguniform <- function(min_value, max_value, exponents = TRUE) {
  logarithmic("loguniform", min_value, max_value, NULL, exponents)
}

#' @rdname choice
#' @export
qloguniform <- function(min_value, max_value, q, exponents = TRUE) {
  logarithmic("qloguniform", min_value, max_value, q, exponents)
}

bounded <- function(name, min_value, max_value, q = NULL) {
  min_value <- arg_or_parameter(min_value, arg_number)
  max_value <- arg_or_parameter(max_value, arg_number)
  q <- step_of(q)
  if (all_known(min_value, max_value) && min_value >= max_value) {
    abort_input(sprintf(
      "The bounds of %s() are %s and %s; the first must be less.", name, format(min_value),
      format(max_value)
    ))
  }
  if (!is.null(q) && all_known(min_value, max_value, q$q)) {
    check_multiples(name, min_value, max_value, q$q)
  }
  new_expression(name, c(list(min_value = min_value, max_value = max_value), q))
}

check_multiples <- function(name, min_value, max_value, q) {
  if (ceiling(min_value / q - 1e-9) > floor(max_value / q + 1e-9)) {
    abort_input(sprintf(
      "%s() has no multiple of %s from %s to %s.", name, format(q), format(min_value),
      format(max_value)
    ))
  }
}

step_of <- function(q) {
  if (is.null(q)) NULL else list(q = arg_or_parameter(q, arg_positive))
}

logarithmic <- function(name, min_value, max_value, q, exponents) {
  if (!arg_flag(exponents)) {
    arg_or_parameter(min_value, arg_positive)
    return(bounded(name, min_value, max_value, q))
  }
  if (!all_known(min_value, max_value)) {
    abort_input(
      sprintf("A pipeline_parameter() cannot stand for an exponent of %s().", name),
      "exponents = FALSE has it stand for a bound of the number itself."
    )
  }
  low <- arg_number(min_value, "min_value")
  high <- arg_number(max_value, "max_value")
  if (low > 0 && (high > 20 || high <= 1)) {
    warn_tandemlab(
      "exponents",
      sprintf(
        "%s(%s, %s) gives numbers from %s to %s, since its bounds are exponents.", name,
        format(low), format(high), format(exp(low), digits = 4), format(exp(high), digits = 4)
      ),
      "`exponents = FALSE` takes the bounds of the number itself."
    )
  }
  bounded(name, exp(low), exp(high), q)
}

#' @rdname choice
#' @export
normal <- function(mu, sigma) bell("normal", mu, sigma)

#' @rdname choice
#' @export
qnormal <- function(mu, sigma, q) bell("qnormal", mu, sigma, q)

#' @rdname choice
#' @export
lognormal <- function(mu, sigma) bell("lognormal", mu, sigma)

#' @rdname choice
#' @export
qlognormal <- function(mu, sigma, q) bell("qlognormal", mu, sigma, q)

bell <- function(name, mu, sigma, q = NULL) {
  settings <- list(
    mu = arg_or_parameter(mu, arg_number), sigma = arg_or_parameter(sigma, arg_positive)
  )
  new_expression(name, c(settings, step_of(q)))
}

#' @rdname choice
#' @export
only_if <- function(expression, ...) {
  if (!inherits(expression, "tandemlab_search_expression")) {
    abort_argument("expression", "a search expression, such as uniform(0, 1)", expression)
  }
  given <- list(...)
  if (length(given) == 0 || length(names(given)) < length(given) || !all(nzchar(names(given)))) {
    abort_input("Conditions must be named: only_if(randint(9), booster = \"tree\").")
  }
  conditions <- Map(function(values, name) {
    if (is_parameter(values)) values <- list(values)
    values <- unname(lapply(as.list(values), option_value, arg = name))
    if (length(values) == 0) {
      abort_input(sprintf("only_if() has no value of '%s' for which it is there.", name))
    }
    if (length(values) == 1) values[[1]] else values
  }, given, names(given))
  document <- expression$document
  document$only_if <- c(document$only_if, conditions)
  structure(list(document = document), class = "tandemlab_search_expression")
}

#' @export
format.tandemlab_search_expression <- function(x, ...) {
  name <- names(x$document)[[1]]
  settings <- x$document[[1]]
  if (is_parameter(settings)) settings <- list(settings)
  shown <- vapply(settings, format_setting, "")
  if (!is.null(names(settings))) shown <- paste(names(settings), "=", shown)
  text <- sprintf("%s(%s)", name, toString(shown))
  if (is.null(x$document$only_if)) {
    return(text)
  }
  conditions <- vapply(x$document$only_if, function(one) {
    if (is_parameter(one)) format_setting(one) else toString(unlist(one))
  }, "")
  sprintf("%s only if %s", text, toString(paste(names(conditions), "is", conditions)))
}

format_setting <- function(x) {
  if (is.null(x)) {
    return("NULL")
  }
  if (is_parameter(x)) {
    return(parameter_place(x))
  }
  if (is.character(x)) dQuote(x, FALSE) else format_scalar(x)
}

#' @export
print.tandemlab_search_expression <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

#' How the next values of hyper-parameters are found
#'
#' `random_parameter_sampling()` draws at random, `grid_parameter_sampling()` takes every
#' combination of `choice()`, `randint()` and `quniform()`, `sobol_parameter_sampling()` spreads
#' values evenly over the space, and `bayesian_parameter_sampling()` asks Optuna which values the
#' results of earlier trials make promising. Where there are only so many combinations, none comes
#' twice.
#'
#' @param parameter_space A named list of search expressions ([choice()] and its siblings). A name
#'   is that of the script's argument.
#' @param seed The same seed, and the same results of trials so far, give the same values; `NULL`
#'   for one that is drawn when the sweep is submitted.
#' @param algorithm `"tpe"` (tree-structured Parzen estimator), or `"gp"` (Gaussian process, which
#'   needs PyTorch).
#' @return A `tandemlab_sampling`.
#' @examples
#' random_parameter_sampling(
#'   list(batch_size = choice(c(16, 32, 64)), rate = loguniform(-9, -2)),
#'   seed = 1
#' )
#' @export
random_parameter_sampling <- function(parameter_space, seed = NULL) {
  new_sampling("random", parameter_space, seed)
}

#' @rdname random_parameter_sampling
#' @export
grid_parameter_sampling <- function(parameter_space) {
  made <- new_sampling("grid", parameter_space)
  for (name in names(parameter_space)) {
    kind <- names(parameter_space[[name]]$document)[[1]]
    if (!kind %in% c("choice", "randint", "quniform", "qloguniform")) {
      abort_input(
        sprintf("A grid needs values that can be counted, and '%s' is a %s().", name, kind),
        "Use choice(), randint() or quniform() there, or another sampling."
      )
    }
  }
  made
}

#' @rdname random_parameter_sampling
#' @export
bayesian_parameter_sampling <- function(parameter_space, seed = NULL, algorithm = c("tpe", "gp")) {
  if (missing(algorithm)) algorithm <- "tpe"
  arg_choice(algorithm, c("tpe", "gp"))
  new_sampling("bayesian", parameter_space, seed, if (algorithm != "tpe") algorithm)
}

#' @rdname random_parameter_sampling
#' @export
sobol_parameter_sampling <- function(parameter_space, seed = NULL) {
  new_sampling("sobol", parameter_space, seed)
}

new_sampling <- function(method, parameter_space, seed = NULL, algorithm = NULL) {
  is_space <- is.list(parameter_space) && length(parameter_space) > 0 &&
    length(names(parameter_space)) == length(parameter_space) && all(nzchar(names(parameter_space)))
  if (!is_space) {
    abort_argument(
      "parameter_space", "a named list of search expressions", parameter_space,
      "list(rate = uniform(0, 1), units = choice(c(16, 32)))"
    )
  }
  space <- Map(function(one, name) {
    if (!inherits(one, "tandemlab_search_expression")) {
      abort_argument(
        sprintf("parameter_space$%s", name), "a search expression, such as choice(c(1, 2))", one
      )
    }
    for (other in names(one$document$only_if)) {
      if (!sub("^-+", "", other) %in% sub("^-+", "", names(parameter_space))) {
        abort_input(sprintf(
          "'%s' is there only for some values of '%s', which is no hyper-parameter.", name, other
        ))
      }
    }
    one$document
  }, parameter_space, names(parameter_space))
  document <- drop_null(list(
    method = method, seed = arg_optional(seed, or_parameter(arg_count)),
    algorithm = algorithm,
    parameter_space = space
  ))
  structure(list(document = document), class = "tandemlab_sampling")
}

#' @export
format.tandemlab_sampling <- function(x, ...) {
  space <- lapply(x$document$parameter_space, function(one) {
    format(structure(list(document = one), class = "tandemlab_search_expression"))
  })
  paste(
    c(sprintf("<%s sampling>", x$document$method), paste0("  ", names(space), ": ", space)),
    collapse = "\n"
  )
}

#' @export
print.tandemlab_sampling <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

#' Which trials of a sweep are ended early
#'
#' A trial is judged when it reaches an interval, one logged value of the primary metric, by what
#' the others had logged by then.
#'
#' `bandit_policy()` ends trials whose best value is not within a slack of the best of all at that
#' interval: with a factor, and a goal to maximize, below best / (1 + factor).
#' `median_stopping_policy()` ends those whose best value is worse than the median of the running
#' means of all, `truncation_selection_policy()` the given percentage of those that have reached the
#' interval. `asha_policy()` is asynchronous successive halving: at the rungs
#' `min_resource * reduction_factor^k` one in `reduction_factor` goes on.
#'
#' @param slack_factor,slack_amount One of them, above 0: allowed ratio, or allowed difference.
#' @param evaluation_interval A trial is judged at each multiple of so many logged values.
#' @param delay_evaluation The first of these that counts is not before so many values.
#' @param truncation_percentage How many of a hundred, the worst, end; 1 to 99.
#' @param reduction_factor At least 2.
#' @param min_resource Values that every trial may log.
#' @return A `tandemlab_policy`.
#' @examples
#' bandit_policy(slack_factor = 0.15, delay_evaluation = 5)
#' @export
bandit_policy <- function(slack_factor = NULL, slack_amount = NULL, evaluation_interval = 1L,
                          delay_evaluation = 0L) {
  if (is.null(slack_factor) == is.null(slack_amount)) {
    abort_input("A bandit policy has either `slack_factor` or `slack_amount`.")
  }
  new_policy("bandit", list(
    slack_factor = arg_optional(slack_factor, or_parameter(arg_positive)),
    slack_amount = arg_optional(slack_amount, or_parameter(arg_positive))
  ), evaluation_interval, delay_evaluation)
}

#' @rdname bandit_policy
#' @export
median_stopping_policy <- function(evaluation_interval = 1L, delay_evaluation = 0L) {
  new_policy("median_stopping", list(), evaluation_interval, delay_evaluation)
}

#' @rdname bandit_policy
#' @export
truncation_selection_policy <- function(truncation_percentage, evaluation_interval = 1L,
                                        delay_evaluation = 0L) {
  percentage <- arg_or_parameter(truncation_percentage, arg_count, least = 1L, most = 99L)
  new_policy(
    "truncation_selection", list(truncation_percentage = percentage), evaluation_interval,
    delay_evaluation
  )
}

#' @rdname bandit_policy
#' @export
asha_policy <- function(reduction_factor = 3L, min_resource = 1L) {
  new_policy("asha", list(
    reduction_factor = arg_or_parameter(reduction_factor, arg_count, least = 2L),
    min_resource = arg_or_parameter(min_resource, arg_count, least = 1L)
  ))
}

new_policy <- function(name, settings, evaluation_interval = 1L, delay_evaluation = 0L) {
  interval <- arg_or_parameter(evaluation_interval, arg_count, least = 1L)
  delay <- arg_or_parameter(delay_evaluation, arg_count)
  settings <- drop_null(c(settings, list(
    evaluation_interval = if (!identical(interval, 1L)) interval,
    delay_evaluation = if (!identical(delay, 0L)) delay
  )))
  document <- stats::setNames(list(if (length(settings) > 0) settings else empty_map()), name)
  structure(list(document = document), class = "tandemlab_policy")
}

#' @export
format.tandemlab_policy <- function(x, ...) {
  settings <- x$document[[1]]
  shown <- toString(paste(names(settings), "=", vapply(settings, format_setting, "")))
  sprintf("<%s policy%s>", names(x$document), if (length(settings)) paste(":", shown) else "")
}

#' @export
print.tandemlab_policy <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}
