# Which Python is used, asked in fresh sessions: this one has made its choice.

chosen <- c(
  "x <- tandemlab:::find_python()", "cat('chosen:', x$path, '|', x$why, '\\n', sep = '')"
)

choice <- function(...) {
  text <- in_fresh_r(c(chosen), ...)
  sub("^chosen:", "", grep("^chosen:", text, value = TRUE))
}

test_that("each place that may name a Python comes before the next", {
  folder <- normalizePath(withr::local_tempdir())
  at <- function(name) file.path(folder, name)
  for (name in c("shared/lab", "project/analysis")) dir.create(at(name), recursive = TRUE)
  homes <- c(
    "argument", "option", "variable", "reticulates", "chosen", "activated", "shared/.venv",
    "project/.venv", "data/R/tandemlab/venv"
  )
  pythons <- vapply(homes, function(home) fake_python(at(home)), "")
  # Everything names one; then one after the other falls silent, the strongest first.
  text <- in_fresh_r(
    c(
      sprintf("use_tandemlab_python('%s')", at("argument")),
      sprintf("options(tandemlab.python = '%s')", at("option")),
      "globals <- reticulate:::.globals",
      sprintf("globals$required_python_version <- '%s'", pythons[["chosen"]]),
      sprintf("session <- tandemlab:::session; session$near <- '%s'", at("shared/lab")), chosen,
      "use_tandemlab_python(NULL)", chosen, "options(tandemlab.python = NULL)", chosen,
      "Sys.unsetenv('TANDEMLAB_PYTHON')", chosen, "Sys.setenv(RETICULATE_PYTHON = 'managed')",
      chosen,
      "globals$required_python_version <- NULL", chosen,
      "Sys.unsetenv('VIRTUAL_ENV')", chosen, "session$near <- NULL", chosen, "setwd('/')", chosen
    ),
    c(
      TANDEMLAB_PYTHON = at("variable"), RETICULATE_PYTHON = pythons[["reticulates"]],
      VIRTUAL_ENV = at("activated"), R_USER_DATA_DIR = at("data")
    ),
    at("project/analysis")
  )
  found <- sub("^chosen:(.*)[|].*", "\\1", grep("^chosen:", text, value = TRUE))
  expect_identical(found, unname(pythons))
})

test_that("an environment without tandemlab is passed over, unless there is no other", {
  folder <- normalizePath(withr::local_tempdir())
  activated <- fake_python(file.path(folder, "activated"), has_tandemlab = FALSE)
  variables <- c(VIRTUAL_ENV = file.path(folder, "activated"))
  expect_match(choice(variables, folder), sprintf("^%s[|]the activated", activated))
  project <- fake_python(file.path(folder, ".venv"))
  expect_match(choice(variables, folder), sprintf("^%s[|]the project's", project))
})

test_that("an environment that was not finished is none", {
  folder <- normalizePath(withr::local_tempdir())
  fake_python(file.path(folder, "R", "tandemlab", "venv"))
  file.create(file.path(folder, "R", "tandemlab", "venv.unfinished"))
  expect_identical(choice(c(R_USER_DATA_DIR = folder)), "|")
})

test_that("RETICULATE_PYTHON does not keep tandemlab from the Python that was asked for", {
  skip_unless_ready()
  python <- reticulate::py_config()$python
  text <- in_fresh_r(
    c(
      "tandemlab:::start_core()", "cat(reticulate::py_config()$python, '\\n')",
      "cat(Sys.getenv('RETICULATE_PYTHON'))"
    ),
    c(TANDEMLAB_PYTHON = python, RETICULATE_PYTHON = "/usr/bin/python3")
  )
  expect_identical(trimws(utils::tail(text, 2)), c(python, "/usr/bin/python3"))
})

test_that("a session that runs another Python than was asked for says so once", {
  skip_unless_ready()
  python <- reticulate::py_config()$python
  other <- fake_python(normalizePath(withr::local_tempdir()))
  text <- in_fresh_r(
    c(
      "reticulate::py_config()",
      "for (i in 1:2) withCallingHandlers(tandemlab:::choose_python(), warning = function(w) {",
      "  cat('said:', conditionMessage(w), '\\n', sep = '')",
      "  invokeRestart('muffleWarning')", "})",
      "cat(tandemlab_is_ready())"
    ),
    c(TANDEMLAB_PYTHON = other, RETICULATE_PYTHON = python)
  )
  said <- grep("^said:", text, value = TRUE)
  expect_length(said, 1)
  expect_match(said, sprintf("runs %s already, so that %s, which the variable", python, other))
  expect_match(text, "TRUE$", all = FALSE)
})

test_that("use_tandemlab_python() refuses what is not there, and another than the one that runs", {
  skip_unless_ready()
  expect_error(use_tandemlab_python("/no/python"), class = "tandemlab_error_invalid_input")
  other <- fake_python(normalizePath(withr::local_tempdir()))
  expect_error(use_tandemlab_python(other), "runs", class = "tandemlab_error_invalid_state")
  expect_null(use_tandemlab_python(reticulate::py_config()$python))
  expect_false(is.null(use_tandemlab_python(NULL)))
})

test_that("a script that runs another Python without tandemlab still logs, and is told the rest", {
  skip_unless_ready()
  bare <- normalizePath(withr::local_tempdir())
  base <- trimws(system2(
    reticulate::py_config()$python, c("-c", shQuote("import sys; print(sys._base_executable)")),
    stdout = TRUE
  ))
  system2(base, c("-m", "venv", "--without-pip", shQuote(file.path(bare, "venv"))))
  text <- in_fresh_r(
    c(
      "platform <- reticulate::import('platform')",
      "run <- get_current_run()", "log_metric_to_run('loss', 0.5, run)",
      "cat(length(list.files(file.path(run$directory, 'spool'))), '\\n')",
      "tryCatch(create_workspace('lab'), error = function(e) cat(class(e), conditionMessage(e)))"
    ),
    c(RETICULATE_PYTHON = file.path(bare, "venv", "bin", "python")),
    folder = bare
  )
  expect_match(text, "^1 $", all = FALSE)
  expect_match(text, "tandemlab_error_missing_dependency", all = FALSE)
  expect_match(text, "Restart R and call tandemlab_is_ready\\(\\) before", all = FALSE)
  expect_match(text, "-m pip install", all = FALSE)
})
