test_that("without a Python the doctor says how to get one", {
  text <- in_fresh_r("print(tandemlab_doctor()); cat(tandemlab_is_ready())")
  expect_match(text, "No Python with tandemlab was found", all = FALSE)
  expect_match(text, "Repair: install_tandemlab", all = FALSE)
  expect_match(text, "FALSE$", all = FALSE)
})

test_that("a Python that is not there is named with what named it", {
  text <- in_fresh_r(
    c("x <- tandemlab_doctor()", "cat(x$findings$problem)"),
    c(TANDEMLAB_PYTHON = "/no/such/python")
  )
  expect_match(text, "TANDEMLAB_PYTHON names /no/such/python, which is not there", all = FALSE)
})

test_that("a working Python is reported with versions", {
  skip_unless_ready()
  doctor <- tandemlab_doctor()
  expect_identical(doctor$findings, data.frame(problem = character(), repair = character()))
  expect_true(doctor$ok)
  expect_identical(doctor$versions[["tandemlab (R)"]], doctor$versions[["tandemlab (Python)"]])
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

# The report that a fresh session gives, with environment variables and packages in Python's way.
fresh_report <- function(case) {
  variables <- unlist(case$set)
  if (length(case$packages) > 0) {
    folder <- withr::local_tempdir()
    for (name in names(case$packages)) {
      writeLines(case$packages[[name]], file.path(folder, paste0(name, ".py")))
    }
    variables <- c(variables, PYTHONPATH = folder)
  }
  text <- in_fresh_r(
    c(
      "report <- unclass(tandemlab_doctor())", "report$versions <- as.list(report$versions)",
      "text <- jsonlite::toJSON(report, dataframe = 'columns', auto_unbox = TRUE, null = 'null')",
      "cat('report:', text, '\\n', sep = '')"
    ),
    c(TANDEMLAB_PYTHON = reticulate::py_config()$python, variables)
  )
  line <- sub("^report:", "", grep("^report:", text, value = TRUE))
  jsonlite::fromJSON(line, simplifyVector = FALSE)
}

doctor_cases <- {
  path <- file.path(testthat::test_path(), "..", "conformance", "doctor", "cases.yaml")
  if (file.exists(path) && requireNamespace("yaml", quietly = TRUE)) yaml::read_yaml(path)
}

for (case in doctor_cases$cases) {
  # tier: full
  test_that(sprintf("doctor: %s", case$name), {
    skip_unless_ready()
    report <- fresh_report(case)
    expect_identical(names(report), unlist(doctor_cases$fields))
    expect_identical(names(report$versions), unlist(doctor_cases$versions))
    expect_identical(names(report$places), unlist(doctor_cases$columns))
    expect_length(report$findings$problem, length(case$findings))
    expect_identical(unlist(report$ok), length(case$findings) == 0)
    for (i in seq_along(case$findings)) {
      expect_match(report$findings$problem[[i]], case$findings[[i]]$problem, fixed = TRUE)
      expect_match(report$findings$repair[[i]], case$findings[[i]]$repair, fixed = TRUE)
    }
  })
}
