# The cases of tests/conformance/values in one process, and what no case can say.

value_cases <- function(file) {
  path <- file.path(testthat::test_path(), "..", "conformance", "values", file)
  if (file.exists(path) && requireNamespace("yaml", quietly = TRUE)) yaml::read_yaml(path)
}

# Python's half of a crossing: what a text becomes, beside what it should be, and what goes back.
python_half <- function() {
  reticulate::py_run_string("
import json
import math
import sys
import warnings
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from tandemlab.bridge import values
from tandemlab.bridge.values import Vector

def tried(step):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            said = dict(step())
        except Exception as problem:
            said = {'error': str(problem)}
    return json.dumps({**said, 'warning': [str(one.message) for one in caught]})

def from_r(text, expected):
    def step():
        value = values.decode(text)
        return {'seen': repr(value), 'wanted': repr(eval(expected)), 'back': values.encode(value)}
    return tried(step)

def to_r(expression):
    try:
        import numpy as np
    except ImportError:
        np = None
    scope = {**globals(), 'np': np}
    return tried(lambda: {'text': values.encode(eval(expression, scope))})
", local = FALSE, convert = TRUE)
}

or <- function(x, default) if (is.null(x)) default else x

skip_value_case <- function(case) {
  skip_unless_ready()
  for (package in setdiff(case$needs, "numpy")) skip_if_not_installed(package)
  if ("numpy" %in% case$needs) skip_if_not(reticulate::py_module_available("numpy"))
}

for (case in value_cases("r.yaml")) {
  test_that(sprintf("from R: %s", case$name), {
    skip_value_case(case)
    x <- evaluate(case$r)
    given <- observe(write_value(x))
    if (!is.null(case$error) && is.null(case$by)) {
      expect_match(given$error, case$error, fixed = TRUE)
    } else {
      expect_null(given$error)
      seen <- from_json(python_half()$from_r(given$value, or(case$python, "None")))
      warnings <- list(r = given$warning, python = as.character(seen$warning))
      if (!is.null(case$error)) {
        expect_match(seen$error, case$error, fixed = TRUE)
      } else {
        expect_identical(seen$seen, seen$wanted)
        expect_identical(read_value(seen$back), evaluate(or(case$back, case$r)))
        for (by in names(warnings)) {
          said <- identical(by, case$by)
          expect_identical(grepl(or(case$warning, ""), warnings[[by]], fixed = TRUE),
            rep(TRUE, said), label = by
          )
        }
      }
    }
  })
}

for (case in value_cases("python.yaml")) {
  test_that(sprintf("from Python: %s", case$name), {
    skip_value_case(case)
    seen <- from_json(python_half()$to_r(case$python))
    if (!is.null(case$error)) {
      expect_match(seen$error, case$error, fixed = TRUE)
    } else {
      expect_null(seen$error)
      expect_identical(grepl(or(case$warning, ""), as.character(seen$warning), fixed = TRUE),
        rep(TRUE, !is.null(case$warning))
      )
      value <- read_value(seen$text)
      if (!is.null(case$r)) expect_identical(value, evaluate(case$r))
      wanted <- if (isTRUE(case$same)) case$python else case$back
      if (!is.null(wanted)) {
        back <- from_json(python_half()$from_r(write_value(value), wanted))
        expect_identical(back$seen, back$wanted)
      }
    }
  })
}

# A value of any shape, from R's own random numbers.
any_value <- function(depth = 0) {
  size <- sample(0:4, 1)
  texts <- c("", "a", "\u00e4\n\"\\", "\U1F600", NA, "NA", "$vector")
  makers <- list(
    function() runif(size, -1e6, 1e6)[sample(size)],
    function() sample(c(NA, NaN, Inf, -Inf, 0.1, 5e-324, 2^53), size, TRUE),
    function() sample(c(NA, -.Machine$integer.max, 0:9), size, TRUE),
    function() sample(c(TRUE, FALSE, NA), size, TRUE),
    function() sample(texts, size, TRUE),
    function() `names<-`(runif(size), sample(c("a", "", NA), size, TRUE)),
    function() factor(sample(letters, size), levels = sample(letters), ordered = size > 2),
    function() .Date(sample(c(NA, -7e5, 0, 2e6), size, TRUE)),
    function() .POSIXct(round(runif(size, -1e9, 4e9), 3), sample(c("UTC", "Asia/Tokyo", ""), 1)),
    function() .difftime(sample(c(NA, 1.5, -60), size, TRUE), sample(c("secs", "weeks"), 1)),
    function() as.raw(sample(0:255, size)),
    function() matrix(runif(6), 2),
    function() NULL
  )
  if (depth < 3 && runif(1) < 0.4) {
    items <- lapply(seq_len(size), function(i) any_value(depth + 1))
    if (runif(1) < 0.5) names(items) <- make.unique(sample(c("a", "$float", "x y"), size, TRUE))
    return(items)
  }
  makers[[sample(length(makers), 1)]]()
}

test_that("any value comes back identical through its text", {
  for (seed in 1:300) {
    x <- withr::with_seed(seed, any_value())
    expect_identical(read_value(write_value(x)), x, label = sprintf("seed %d", seed))
  }
})

test_that("any value comes back identical through Python", {
  skip_unless_ready()
  values <- reticulate::import("tandemlab.bridge.values")
  for (seed in 1:100) {
    x <- withr::with_seed(seed, any_value())
    expect_identical(
      read_value(values$encode(values$decode(write_value(x)))), x,
      label = sprintf("seed %d", seed)
    )
  }
})

test_that("a request declares scalars, so that a vector of another length is refused", {
  expect_identical(
    write_value(list(a = "x", n = 1L, l = list("b"), none = NULL, y = NaN), scalars = TRUE),
    paste0(
      "{\"$map\":[[\"a\",\"x\"],[\"n\",1],[\"l\",[\"b\"]],[\"none\",null],",
      "[\"y\",{\"$float\":\"nan\"}]]}"
    )
  )
  expect_error(write_value(list(a = 1:2), scalars = TRUE), "it has 2 values; one is needed",
    class = "tandemlab_error_invalid_input"
  )
})

test_that("what is lost is a warning by name", {
  expect_warning(write_value(structure(1, u = 2)), class = "tandemlab_warning_attributes")
  expect_warning(write_value(.Date(0.5)), class = "tandemlab_warning_precision")
})

test_that("JSON is read to the bit, and what is none is an error", {
  expect_identical(from_json("1e300"), 1e300)
  expect_identical(from_json("[1,2.5]"), list(1L, 2.5))
  expect_identical(from_json("{\"x\":[1,null],\"y\":[true,null],\"z\":[\"a\",null],\"w\":[]}"),
    list(x = c(1, NA), y = c(TRUE, NA), z = c("a", NA), w = list())
  )
  expect_identical(from_json("\"\\ud83d\\ude00\\u00e4\\/\\t\""), "\U1F600\u00e4/\t")
  expect_identical(from_json(" { \"a\" : [ ] , \"b\" : { } } "),
    list(a = list(), b = structure(list(), names = character()))
  )
  damaged <- c(
    "", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "\"a", "\"\\x\"", "\"\\ud800\"",
    "\"\\u0000\"", "[1}", "{]", "nul", "tru", "1 2", "[\"a\",1,", "{\"x\":[\"a\",nul]}", "\"\\",
    strrep("[", 1000)
  )
  for (text in damaged) {
    expect_error(from_json(text), class = "tandemlab_error_internal", label = text)
  }
})
