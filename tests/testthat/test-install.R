# Installations for real, from uv's cache or the package index.

local_user_data <- function(env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  withr::local_envvar(R_USER_DATA_DIR = folder, .local_envir = env)
  user_environment()
}

checkout_python <- function() {
  folder <- normalizePath(file.path(test_path(), "..", "..", "python"), mustWork = FALSE)
  skip_if_not(holds_python_part(folder), "the Python part is not beside the tests")
  folder
}

base_of_this_python <- function() {
  skip_unless_ready()
  trimws(system2(
    reticulate::py_config()$python, c("-c", shQuote("import sys; print(sys._base_executable)")),
    stdout = TRUE
  ))
}

# tier: full
test_that("install_tandemlab() makes an environment that a fresh session uses by itself", {
  base <- base_of_this_python()
  folder <- local_user_data()
  expect_message(
    expect_message(
      expect_message(
        python <- install_tandemlab(base, checkout_python(), extras = NULL),
        "Making a virtual environment"
      ),
      "Installing .* with uv"
    ),
    "tandemlab is in"
  ) |> suppressMessages()
  expect_identical(python, file.path(normalizePath(folder), "bin", "python"))
  expect_false(any(file.exists(unfinished_mark(folder), kept_aside(folder))))
  about <- jsonlite::fromJSON(file.path(folder, "tandemlab.json"))
  expect_identical(about$rscript, file.path(R.home("bin"), "Rscript"))

  text <- in_fresh_r(
    c(
      "exp <- experiment(create_workspace('lab', show_output = FALSE), 'demo')",
      "run <- start_logging_run(exp)", "log_metric_to_run('loss', 0.5, run)", "complete_run(run)",
      "cat(get_run_metrics(run)$loss, reticulate::py_config()$python, '\\n')",
      "tryCatch(as_python_frame(cars), error = function(e) cat(conditionMessage(e)))"
    ),
    c(R_USER_DATA_DIR = Sys.getenv("R_USER_DATA_DIR"))
  )
  expect_match(text, paste("0.5", python), fixed = TRUE, all = FALSE)
  expect_match(text, "tandemlab[frames]", fixed = TRUE, all = FALSE)

  expect_message(install_tandemlab(base, checkout_python()), "is in place")
  withr::local_envvar(UV_OFFLINE = "1")
  expect_silent(
    install_tandemlab(base, checkout_python(), extras = NULL, upgrade = TRUE, quiet = TRUE)
  )
})

# A folder of the packages that this Python has beside tandemlab, so that pip finds them in place.
packages_in_place <- function(env = parent.frame()) {
  packages <- dirname(reticulate::py_eval("__import__('msgspec').__path__[0]"))
  own <- "tandemlab|^pip|^setuptools|[.]pth$"
  names <- grep(own, list.files(packages), value = TRUE, invert = TRUE)
  folder <- withr::local_tempdir(.local_envir = env)
  file.symlink(file.path(packages, names), file.path(folder, names))
  folder
}

local_wheel <- function(env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  build <- c("-m", "hatchling", "build", "-t", "wheel", "-d", folder)
  withr::with_dir(checkout_python(), run_program(reticulate::py_config()$python, build))
  list.files(folder, full.names = TRUE)
}

# tier: full
test_that("venv and pip install a wheel where uv is not to be used", {
  base <- base_of_this_python()
  folder <- local_user_data()
  withr::local_envvar(PYTHONPATH = packages_in_place())
  expect_message(
    python <- install_tandemlab(base, local_wheel(), extras = NULL, installer = "pip"),
    "with pip"
  ) |> suppressMessages()
  expect_identical(installed_version(python), package_version_text())
})

test_that("an installation that fails leaves nothing, and an environment from before as it was", {
  base <- base_of_this_python()
  folder <- local_user_data()
  broken <- withr::local_tempdir()
  project <- c("[project]", "name = \"tandemlab\"", "nonsense")
  writeLines(project, file.path(broken, "pyproject.toml"))
  fail <- function(...) {
    expect_error(
      install_tandemlab(base, broken, quiet = TRUE, ...), "The installation failed",
      class = "tandemlab_error_missing_dependency"
    )
  }
  fail()
  expect_identical(list.files(dirname(folder)), character())

  dir.create(folder)
  for (name in c("pyvenv.cfg", "tandemlab.json")) file.create(file.path(folder, name))
  fail(upgrade = TRUE)
  expect_setequal(list.files(folder), c("pyvenv.cfg", "tandemlab.json"))
  expect_identical(list.files(dirname(folder)), basename(folder))
})

test_that("an installation that was killed is no environment, and the next one starts anew", {
  folder <- local_user_data()
  dir.create(file.path(kept_aside(folder), "bin"), recursive = TRUE)
  file.create(file.path(kept_aside(folder), "bin", "python"))
  dir.create(file.path(folder, "bin"), recursive = TRUE)
  file.create(file.path(folder, "bin", "half"), unfinished_mark(folder))
  expect_null(user_python())
  expect_identical(environment_state(folder), "unfinished")
  restore_environment(folder)
  expect_identical(list.files(folder, recursive = TRUE), "bin/python")
  expect_identical(list.files(dirname(folder)), basename(folder))
})

test_that("what is no environment is never touched", {
  folder <- withr::local_tempdir()
  writeLines("mine", file.path(folder, "notes.txt"))
  expect_error(
    install_tandemlab(path = folder, upgrade = TRUE), "no virtual environment",
    class = "tandemlab_error_invalid_input"
  )
  expect_identical(list.files(folder), "notes.txt")
})

test_that("interpreters that will not do are named with what they lack", {
  expect_error(
    install_tandemlab("/no/python", path = file.path(tempdir(), "no")), "/no/python will not do",
    class = "tandemlab_error_missing_dependency"
  )
  old <- withr::local_tempfile(lines = c("#!/bin/sh", "echo is version 3.8.1"))
  Sys.chmod(old, "0755")
  expect_error(
    install_tandemlab(old, path = file.path(tempdir(), "no")), "is version 3.8.1",
    class = "tandemlab_error_missing_dependency"
  )
})

test_that("sources become requirements with their extras", {
  expect_identical(requirement_of("tandemlab==1.0", list("frames")), "tandemlab[frames]==1.0")
  expect_identical(requirement_of("tandemlab", list()), "tandemlab")
  expect_identical(requirement_of("tandemlab[all]>=1", list("frames")), "tandemlab[all]>=1")
  source <- checkout_python()
  with_extras <- requirement_of(source, list("frames", "plots"))
  expect_identical(with_extras, paste0(source, "[frames,plots]"))
  expect_error(requirement_of("/no/folder", list()), class = "tandemlab_error_invalid_input")
  expect_error(requirement_of(tempdir(), list()), "does not hold the Python package")
})

test_that("a package that was installed from a checkout knows its Python part", {
  checkout_python()
  expect_true(holds_python_part(python_source()))
})
