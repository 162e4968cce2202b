in_fresh_r <- function(lines, ...) {
  script <- withr::local_tempfile(lines = c("library(tandemlab)", lines), fileext = ".R")
  variables <- c(
    R_LIBS = paste(.libPaths(), collapse = ":"), TANDEMLAB_PYTHON = NA, RETICULATE_PYTHON = NA,
    R_USER_DATA_DIR = tempdir(), ...
  )
  withr::with_dir(withr::local_tempdir(), withr::with_envvar(
    variables,
    system2(
      file.path(R.home("bin"), "Rscript"), c("--vanilla", script),
      stdout = TRUE, stderr = TRUE
    )
  ))
}

test_that("without a Python the doctor says how to get one", {
  text <- in_fresh_r("print(tandemlab_doctor()); cat(tandemlab_is_ready())")
  expect_match(text, "No Python was found", all = FALSE)
  expect_match(text, "Repair: .*venv", all = FALSE)
  expect_match(text, "FALSE$", all = FALSE)
})

test_that("a Python that is not there is named with what named it", {
  text <- in_fresh_r(
    c("x <- tandemlab_doctor()", "cat(x$findings$problem)"),
    TANDEMLAB_PYTHON = "/no/such/python"
  )
  expect_match(text, "TANDEMLAB_PYTHON names /no/such/python, which is not there", all = FALSE)
})

test_that("a working Python is reported with versions", {
  skip_unless_ready()
  doctor <- tandemlab_doctor()
  expect_true(doctor$ok)
  expect_identical(doctor$versions[["tandemlab"]], doctor$versions[["tandemlab (Python)"]])
  expect_output(print(doctor), "tandemlab is ready")
})

test_that("versions that disagree are an error", {
  expect_error(check_version("99.0"), "99.0", class = "tandemlab_error_version_mismatch")
})

test_that("attaching the package starts no Python, loads no reticulate and sets no options", {
  text <- in_fresh_r(c(
    "detach('package:tandemlab', unload = TRUE)", "before <- options()", "library(tandemlab)",
    "cat(identical(before, options()), 'reticulate' %in% loadedNamespaces())"
  ))
  expect_identical(text, "TRUE FALSE")
})
