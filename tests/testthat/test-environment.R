test_that("environments are plain data, checked at once", {
  environment <- r_environment("models", list("stats", cran_package("glmnet", "4.1-8")),
    repositories = "https://cran.example.org", environment_variables = list(OMP_NUM_THREADS = 2)
  )
  expect_identical(environment$r$packages, list(
    list(name = "stats"), list(name = "glmnet", version = "4.1-8")
  ))
  expect_identical(environment$variables, list(OMP_NUM_THREADS = "2"))
  expect_identical(format(environment), c("<environment models>", "  R: stats, glmnet 4.1-8"))
  boxed <- r_environment("boxed", custom_docker_image = "rocker/r-ver:4.4", shm_size = "2g")
  expect_identical(boxed$container, list(image = "rocker/r-ver:4.4", shm_size = "2g"))
  expect_identical(format(boxed), c("<environment boxed>", "  Container: rocker/r-ver:4.4"))
  elsewhere <- r_environment("models",
    repositories = NULL, github_packages = c("ana/figs", "ana/plums@v2"),
    custom_url_packages = "/srv/kiwi_1.0.tar.gz", r_version = "4.4"
  )
  expect_identical(elsewhere$r, list(
    packages = list(
      list(name = "figs", source = "https://github.com/ana/figs/archive/HEAD.tar.gz"),
      list(name = "plums", source = "https://github.com/ana/plums/archive/v2.tar.gz"),
      list(name = "kiwi", source = "/srv/kiwi_1.0.tar.gz")
    ),
    version = "4.4"
  ))
  bioconductor <- r_environment("genes", repositories = NULL, bioconductor_packages = "limma")
  expect_identical(bioconductor$r$packages, list(list(name = "limma")))
  expect_match(unlist(bioconductor$r$repositories), "bioconductor.org/packages/[0-9.]+/")
  expect_error(r_environment("models", github_packages = "figs"), "OWNER/NAME")
  expect_error(url_package("figs.zip"), "tar.gz")
  expect_error(r_environment("models", 1), class = "tandemlab_error_invalid_input")
  expect_error(
    script_run_config(".", "a.R", environment = 1), "r_environment",
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
  fields <- c(paste("Package:", name), "Version: 1.0")
  writeLines(
    c(fields, "Title: T", "Description: D.", "License: GPL-3", "Author: A",
      "Maintainer: A <a@example.org>"),
    file.path(source, "DESCRIPTION")
  )
  writeLines("exportPattern(\"^[a-z]\")", file.path(source, "NAMESPACE"))
  writeLines(code, file.path(source, "R", "code.R"))
  archive <- file.path(contrib, paste0(name, "_1.0.tar.gz"))
  withr::with_dir(folder, utils::tar(archive, name, compression = "gzip", tar = "internal"))
  writeLines(fields, file.path(contrib, "PACKAGES"))
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
  expect_identical(nrow(prune_environments(0)), 0L) # a run may be about to start with it
  cache <- file.path(Sys.getenv("TANDEMLAB_CACHE_DIR"), "environments")
  markers <- Sys.glob(file.path(cache, "*", "built.json"))
  Sys.setFileTime(markers, Sys.time() - 7200)
  expect_identical(prune_environments(0)$name, "kitchen")
  expect_identical(nrow(list_environments()), 0L)
  locked <- lock_environment(environment)
  expect_identical(locked$r$lock, list(
    packages = list(list(name = "plums", version = "1.0", repository = repository)),
    requested = list(list(name = "plums"))
  ))
  path <- withr::local_tempfile(fileext = ".yml")
  save_environment(locked, path)
  expect_identical(read_environment(path), locked)
  locked$r$packages <- list(list(name = "tart"))
  expect_error(
    build_environment(locked), "it has nothing for tart and plums is no longer asked for",
    class = "tandemlab_error_invalid_input"
  )
  expect_error(
    build_environment(r_environment("kitchen", "nosuch", repositories = repository)),
    "not in the repositories: nosuch",
    class = "tandemlab_error_missing_dependency"
  )
})

test_that("locks of Python packages stay as they are, with one package and one hash too", {
  skip_unless_ready()
  folder <- withr::local_tempdir()
  pip <- file.path(folder, "requirements.txt")
  writeLines("six==1.16.0 --hash=sha256:8abb", pip)
  found <- read_environment(pip)
  expect_identical(found$python$lock, list(
    packages = list(list(requirement = "six==1.16.0", hashes = list("sha256:8abb"))),
    requirements = list("six==1.16.0")
  ))
  path <- file.path(folder, "study.yml")
  save_environment(found, path)
  again <- read_environment(path)
  expect_identical(again$python, found$python)
})

test_that("environments are registered in a workspace by name and version", {
  skip_unless_ready()
  ws <- temp_workspace()
  plain <- r_environment("models", "stats", repositories = "https://cran.example.org")
  expect_identical(register_environment(plain, ws)$version, 1L)
  changed <- r_environment("models", "stats", environment_variables = list(A = 1))
  expect_identical(register_environment(changed, ws)$version, 2L)
  expect_identical(get_environment(ws, "models")$variables, list(A = "1"))
  found <- get_environment(ws, "models", 1)
  expect_identical(found$r, plain$r)
  expect_identical(format(found)[[1]], "<environment models:1>")
  expect_identical(register_environment(get_environment(ws, "models:1"), ws)$version, 3L)
  expect_error(get_environment(ws, "model"), "Did you mean 'models'")
  expect_error(get_environment(ws, "models", 9), class = "tandemlab_error_not_found")
  table <- list_environments(ws)
  expect_identical(table$version[table$name == "models"], 3L)
  expect_true(all(c("sklearn", "pytorch", "tensorflow", "chainer", "r") %in% table$name))
})

# tier: full
test_that("a script runs in a registered environment", {
  exp <- local_experiment()
  ws <- get_workspace(exp$workspace$path)
  variables <- list(GREETING = "hello")
  register_environment(r_environment("models", environment_variables = variables), ws)
  source <- local_script("job.R", "cat(Sys.getenv('GREETING'))")
  run <- submit_experiment(exp, script_run_config(source, "job.R", environment = "models:1"))
  expect_output(wait_for_run_completion(run, timeout_seconds = 60), "hello")
})

test_that("packages that cannot be had, pins that conflict and mistakes in files are told", {
  skip_unless_ready()
  told <- list(
    "surely-no-such-package-1" = "cannot be built: surely-no-such-package-1",
    "six==99.0" = "cannot be built: six"
  )
  for (package in names(told)) {
    expect_error(
      build_environment(python_environment("study", package)), told[[package]],
      class = "tandemlab_error_missing_dependency"
    )
  }
  expect_error(
    build_environment(python_environment("study", c("six==1.16.0", "six==1.17.0"))),
    "you require six==1.16.0 and six==1.17.0",
    class = "tandemlab_error_missing_dependency"
  )
  file <- withr::local_tempfile(fileext = ".yml", lines = c("name: study", "pyton: {}"))
  expect_error(
    read_environment(file), "line 2, pyton: no such key; did you mean 'python'",
    class = "tandemlab_error_invalid_input"
  )
  writeLines(c("r:", "  packages: survival"), file)
  expect_error(
    read_environment(file), "line 2, r.packages: must be a list",
    class = "tandemlab_error_invalid_input"
  )
})
