# Runs single test_that() blocks on request. Started by testthat.py as
#
#   Rscript testthat_server.R TEST_DIR PACKAGE REQUESTS REPLIES
#
# testthat::test_dir() prepares everything as it does for R people (working directory, edition,
# package, helpers, set-up files, snapshots) and announces the first file to its reporter; the
# reporter below then serves requests instead of letting that file run. An empty PACKAGE attaches
# none. A request and its reply are one line of JSON each, through the named pipes REQUESTS and
# REPLIES.
#
#   {"collect": "test-run.R"}                               the tests of a file
#   {"run": "test-run.R", "expression": 3, "occurrence": 1} one of them
#
# A test is found by the top-level expression that defines it and its place among the tests of that
# expression, so that tests made by loops and helpers are items too.

arguments <- commandArgs(trailingOnly = TRUE)
test_dir <- arguments[[1]]
package <- if (nzchar(arguments[[2]])) arguments[[2]]
requests <- fifo(arguments[[3]], "r", blocking = TRUE)
replies <- fifo(arguments[[4]], "w", blocking = TRUE)

reply <- function(value) {
  json <- jsonlite::toJSON(value, auto_unbox = TRUE, null = "null")
  writeLines(enc2utf8(json), replies, useBytes = TRUE)
}

missing <- Filter(
  function(name) !requireNamespace(name, quietly = TRUE),
  c("testthat", "jsonlite", "R6", "rlang", "withr")
)
if (length(missing) > 0) {
  writeLines(sprintf('{"missing": "%s"}', missing[[1]]), replies)
  quit(status = 0)
}

if (!is.null(package)) {
  library(package, character.only = TRUE)
} else {
  Sys.setenv(TESTTHAT_EDITION = "3")
}
environment_of_helpers <- testthat::test_env(package)

# What the masked test_that() does: "record" notes that a test exists, "run" runs the wanted one.
state <- new.env()
state$mode <- "run all"
state$seen <- list()

intercept <- function(verb, description, code, frame) {
  run <- function() eval(rlang::call2(verb, description, code), frame)
  if (state$mode == "run all") {
    return(run())
  }
  state$seen[[length(state$seen) + 1]] <- list(name = description, line = first_line(code))
  if (state$mode == "run" && length(state$seen) == state$wanted) {
    state$mode <- "run all"
    on.exit(state$mode <- "run")
    state$ran <- description
    run()
  }
  invisible()
}

masks <- list(
  test_that = function(desc, code) {
    intercept(testthat::test_that, desc, substitute(code), parent.frame())
  },
  describe = function(description, code) {
    intercept(testthat::describe, description, substitute(code), parent.frame())
  }
)

first_line <- function(code) {
  position <- attr(code, "srcref")[[1]]
  if (is.null(position)) NA else position[[1]]
}

# Files -------------------------------------------------------------------------------------------

read_file <- function(path) {
  lines <- readLines(path, encoding = "UTF-8", warn = FALSE)
  source <- srcfilecopy(path, lines, file.mtime(path), isFile = TRUE)
  expressions <- parse(text = lines, srcfile = source, keep.source = TRUE, encoding = "UTF-8")
  list(
    env = new.env(parent = environment_of_helpers),
    expressions = expressions,
    lines = vapply(attr(expressions, "srcref"), function(position) position[[1]], 0L),
    tiers = tiers(lines)
  )
}

# The comment `# tier: full` on the line above a test puts it into that tier.
tiers <- function(lines) {
  pattern <- "^\\s*#\\s*tier:\\s*(\\w+)\\s*$"
  tier <- sub(pattern, "\\1", lines)
  tier[!grepl(pattern, lines)] <- NA
  tier
}

# Evaluates one top-level expression; gives NULL, or what stopped the file.
step <- function(file, index) {
  state$seen <- list()
  withr::local_options(testthat_topenv = file$env)
  tryCatch(
    {
      eval(file$expressions[[index]], file$env)
      NULL
    },
    skip = function(condition) list(skip = skip_reason(condition)),
    error = function(condition) {
      place <- sprintf("%s:%d", state$file, file$lines[[index]])
      list(error = sprintf("%s, outside of test_that():\n%s", place, conditionMessage(condition)))
    }
  )
}

skip_reason <- function(condition) sub("^Reason: ", "", conditionMessage(condition))

collect <- function(path) {
  state$file <- path
  state$mode <- "record"
  file <- tryCatch(read_file(path), error = function(condition) conditionMessage(condition))
  if (is.character(file)) {
    return(list(error = file))
  }
  tests <- list()
  for (index in seq_along(file$expressions)) {
    stopped <- step(file, index)
    if (!is.null(stopped)) {
      return(stopped)
    }
    for (occurrence in seq_along(state$seen)) {
      seen <- state$seen[[occurrence]]
      line <- if (is.na(seen$line)) file$lines[[index]] else seen$line
      above <- c(seen$line, file$lines[[index]]) - 1
      tier <- stats::na.omit(file$tiers[above[!is.na(above) & above > 0]])
      tests[[length(tests) + 1]] <- list(
        name = seen$name, line = line, expression = index, occurrence = occurrence,
        tier = if (length(tier) > 0) tier[[1]]
      )
    }
  }
  list(tests = tests)
}

# Files whose tests have begun to run, each evaluated up to the furthest test asked for.
begun <- new.env()

advance <- function(path, index) {
  if (is.null(begun[[path]])) {
    begun[[path]] <- c(read_file(path), list(reached = 0))
  }
  file <- begun[[path]]
  state$mode <- "record"
  for (earlier in seq_len(index - 1)) {
    if (earlier > file$reached) {
      stopped <- step(file, earlier)
      begun[[path]]$reached <- earlier
      if (!is.null(stopped)) {
        return(stopped)
      }
    }
  }
}

run <- function(path, index, occurrence) {
  state$file <- path
  stopped <- advance(path, index)
  if (!is.null(stopped)) {
    return(stopped)
  }
  # The snapshots of a file are compared only while the file is the current one.
  if (!identical(state$current, path)) testthat::get_reporter()$start_file(path)
  state$current <- path
  state$mode <- "run"
  state$wanted <- occurrence
  state$ran <- NULL
  state$results <- list()
  stopped <- step(begun[[path]], index)
  begun[[path]]$reached <- max(begun[[path]]$reached, index)
  if (is.null(state$ran) && is.null(stopped)) {
    return(list(error = sprintf("%s has changed since its tests were collected.", path)))
  }
  c(stopped, list(name = state$ran, results = lapply(state$results, describe_result)))
}

describe_result <- function(result) {
  kind <- sub("^expectation_", "", class(result)[[1]])
  message <- format(result)
  if (kind == "skip") message <- sub("^Reason: ", "", message)
  place <- result$srcref
  where <- if (inherits(place, "srcref")) {
    sprintf("%s:%d:%d", basename(attr(place, "srcfile")$filename), place[[1]], place[[2]])
  }
  list(kind = kind, where = where, message = message)
}

# The loop ----------------------------------------------------------------------------------------

answer <- function(request) {
  if (!is.null(request$collect)) {
    collect(request$collect)
  } else {
    run(request$run, request$expression, request$occurrence)
  }
}

serve <- function() {
  list2env(masks, environment_of_helpers)
  reply(list(ready = TRUE))
  repeat {
    line <- readLines(requests, n = 1)
    if (length(line) == 0) break
    reply(answer(jsonlite::fromJSON(line)))
  }
  testthat::source_test_teardown(".", environment_of_helpers)
  withr::deferred_run(testthat::teardown_env())
  # Ending here keeps testthat from deleting the snapshots of tests that were not asked for.
  quit(status = 0)
}

Server <- R6::R6Class("Server",
  inherit = testthat::Reporter,
  public = list(
    serving = FALSE,
    start_file = function(filename) {
      if (!self$serving) {
        self$serving <- TRUE
        serve()
      }
    },
    add_result = function(context, test, result) {
      state$results <- c(state$results, list(result))
    }
  )
)

testthat::test_dir(
  test_dir,
  package = package, env = environment_of_helpers, reporter = Server$new()
)
