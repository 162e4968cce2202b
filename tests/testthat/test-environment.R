test_that("environments are plain data, checked at once", {
  environment <- r_environment("models", list("stats", cran_package("glmnet", "4.1-8")),
    repositories = "https://cran.example.org", environment_variables = list(OMP_NUM_THREADS = 2)
  )
  expect_identical(environment$r$packages, list(
    list(name = "stats"), list(name = "glmnet", version = "4.1-8")
  ))
  expect_identical(environment$variables, list(OMP_NUM_THREADS = "2"))
  expect_identical(format(environment), c("<environment models>", "  R: stats, glmnet 4.1-8"))
  expect_error(r_environment("models", 1), class = "tandemlab_error_invalid_input")
  expect_error(
    script_run_config(".", "a.R", environment = "models"), "r_environment",
    class = "tandemlab_error_invalid_input"
  )
})

test_that("an environment is read from the files of pip, conda and renv", {
  skip_unless_ready()
  folder <- withr::local_tempdir()
  pip <- file.path(folder, "requirements.txt")
  writeLines(c("# what the study needs", "six==1.16.0  # pinned", "pandas>=2"), pip)
  expect_identical(read_environment(pip)$python$requirements, list("six==1.16.0", "pandas>=2"))
  conda <- file.path(folder, "conda_dependencies.yml")
  writeLines(
    c("name: study", "dependencies:", "  - python=3.11", "  - pip:", "    - six==1.16.0"), conda
  )
  found <- read_environment(conda)
  expect_identical(found$name, "study")
  expect_identical(found$python, list(requirements = list("six==1.16.0"), version = "3.11"))
  lock <- file.path(folder, "renv.lock")
  writeLines(c(
    "{\"R\": {\"Version\": \"4.2.2\", \"Repositories\": [",
    " {\"Name\": \"CRAN\", \"URL\": \"https://cran.example.org\"}]},",
    " \"Packages\": {\"glmnet\": {\"Package\": \"glmnet\", \"Version\": \"4.1-8\",",
    " \"Source\": \"Repository\", \"Repository\": \"CRAN\"}}}"
  ), lock)
  expect_identical(read_environment(lock, name = "models")$r, list(
    packages = list(list(
      name = "glmnet", version = "4.1-8", repository = "https://cran.example.org"
    )),
    repositories = list("https://cran.example.org")
  ))
  expect_error(
    read_environment(file.path(folder, "nothing.txt")),
    class = "tandemlab_error_invalid_input"
  )
})

# A CRAN-like repository with one package.
local_repository <- function(name, code, env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  contrib <- file.path(folder, "src", "contrib")
  source <- file.path(folder, name)
  dir.create(contrib, recursive = TRUE)
  dir.create(file.path(source, "R"), recursive = TRUE)
  fields <- c("Version: 1.0", "Title: T", "Description: D.", "License: GPL-3", "Author: A")
  maintainer <- "Maintainer: A <a@example.org>"
  writeLines(c(paste("Package:", name), fields, maintainer), file.path(source, "DESCRIPTION"))
  writeLines("exportPattern(\"^[a-z]\")", file.path(source, "NAMESPACE"))
  writeLines(code, file.path(source, "R", "code.R"))
  withr::with_dir(contrib, {
    system2(file.path(R.home("bin"), "R"), c("CMD", "build", shQuote(source)), stdout = FALSE)
  })
  tools::write_PACKAGES(contrib, type = "source")
  paste0("file://", folder)
}

test_that("a script of R runs with the packages of its environment", {
  skip_unless_ready()
  prune_environments(0)
  repository <- local_repository("plums", "pick <- function() 'plums'")
  environment <- r_environment("kitchen", "plums", repositories = repository)
  code <- c("library(tandemlab)", "log_metric_to_run('made', plums::pick())")
  folder <- local_script("a.R", code)
  run <- submit_experiment(
    local_experiment("jobs"),
    script_run_config(folder, "a.R", environment = environment)
  )
  wait_for_run_completion(run)
  expect_identical(get_run_metrics(run), list(made = "plums"))
  expect_identical(list_environments()$name, "kitchen")
  expect_identical(prune_environments(0)$name, "kitchen")
  expect_identical(nrow(list_environments()), 0L)
  expect_error(
    build_environment(r_environment("kitchen", "nosuch", repositories = repository)),
    "not in the repositories: nosuch",
    class = "tandemlab_error_missing_dependency"
  )
})
