# Where everything is set up, a Python that is not found is a failure.
skip_unless_ready <- function() {
  if (!tandemlab_is_ready() && nzchar(Sys.getenv("CI"))) {
    stop("Python with tandemlab was not found")
  }
  testthat::skip_if_not(tandemlab_is_ready(), "Python with tandemlab is not installed")
}

# The environment of a job whose run directory is fresh; gives that directory.
local_job <- function(id = "demo_1", env = parent.frame()) {
  workspace <- withr::local_tempdir(.local_envir = env)
  directory <- file.path(workspace, "runs", id)
  dir.create(directory, recursive = TRUE)
  withr::local_envvar(
    TANDEMLAB_RUN_ID = id, TANDEMLAB_RUN_DIR = directory, TANDEMLAB_WORKSPACE = workspace,
    TANDEMLAB_EXPERIMENT = "demo", .local_envir = env
  )
  directory
}

# The events of a run in the order of their files and lines.
read_spool <- function(directory) {
  files <- list.files(file.path(directory, "spool"), full.names = TRUE)
  lapply(unlist(lapply(files, readLines, encoding = "UTF-8")), jsonlite::fromJSON,
    simplifyVector = FALSE
  )
}

last_value <- function(directory) {
  events <- read_spool(directory)
  events[[length(events)]]$value
}

last_line <- function(directory) {
  utils::tail(readLines(list.files(file.path(directory, "spool"), full.names = TRUE)), 1)
}

local_experiment <- function(name = "demo", env = parent.frame()) {
  skip_unless_ready()
  folder <- withr::local_tempdir(.local_envir = env)
  experiment(create_workspace(file.path(folder, "lab"), show_output = FALSE), name)
}

# A source folder with one script.
local_script <- function(script, lines, env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  writeLines(lines, file.path(folder, script))
  folder
}

# Start R on some code without waiting, with this library; gives its process id.
start_r <- function(lines, env = parent.frame()) {
  script <- withr::local_tempfile(lines = lines, fileext = ".R", .local_envir = env)
  pid <- withr::local_tempfile(.local_envir = env)
  command <- sprintf(
    "%s --vanilla %s >/dev/null 2>&1 & echo $! > %s",
    shQuote(file.path(R.home("bin"), "Rscript")), shQuote(script), shQuote(pid)
  )
  withr::with_envvar(
    c(R_LIBS = paste(.libPaths(), collapse = ":")), system2("sh", c("-c", shQuote(command)))
  )
  as.integer(readLines(pid))
}

wait_until <- function(condition, seconds = 30) {
  deadline <- Sys.time() + seconds
  while (!condition()) {
    if (Sys.time() > deadline) {
      stop("Waited in vain.")
    }
    Sys.sleep(0.005)
  }
}

# Whether a process is gone, or dead and not yet collected.
has_ended <- function(pid) {
  status <- tryCatch(
    suppressWarnings(readLines(file.path("/proc", pid, "stat"), warn = FALSE)),
    error = function(problem) "() Z"
  )
  grepl("[)] [ZX]", status)
}

# A server of an empty folder of workspaces, on this machine.
local_server <- function(env = parent.frame()) {
  skip_unless_ready()
  python <- Sys.getenv("TANDEMLAB_PYTHON")
  skip_if(!nzchar(python), "No Python to start a server with")
  root <- withr::local_tempdir(.local_envir = env)
  serve <- function(verb, ...) {
    arguments <- c("-m", "tandemlab.cli", "server", verb, "--root", root, "-o", "json", ...)
    # R's own libraries are not those of every Python.
    text <- system2(python, shQuote(arguments), stdout = TRUE, env = "LD_LIBRARY_PATH=")
    jsonlite::fromJSON(paste(text, collapse = "\n"))
  }
  url <- serve("start", "--port", "0", "--detach")$url
  runs <- TRUE
  stop_server <- function() {
    if (runs) serve("stop")
    runs <<- FALSE
  }
  withr::defer(stop_server(), envir = env)
  list(url = url, root = root, stop = stop_server)
}

# A server that all tests of this R process share; workspaces there need names of their own.
shared_server <- function() {
  if (is.null(shared$server)) shared$server <- local_server(testthat::teardown_env())
  shared$server
}

shared <- new.env(parent = emptyenv())

# What a session prints that starts in an empty folder and in which nothing names a Python, except
# `variables`.
in_fresh_r <- function(lines, variables = NULL, folder = withr::local_tempdir()) {
  script <- withr::local_tempfile(lines = c("library(tandemlab)", lines), fileext = ".R")
  silent <- c(
    "TANDEMLAB_PYTHON", "TANDEMLAB_WORKSPACE", "RETICULATE_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"
  )
  environment <- c(
    structure(rep(NA_character_, length(silent)), names = silent),
    R_LIBS = paste(.libPaths(), collapse = ":"), R_USER_DATA_DIR = tempdir()
  )
  environment[names(variables)] <- variables
  withr::with_dir(folder, withr::with_envvar(
    environment,
    system2(
      file.path(R.home("bin"), "Rscript"), c("--vanilla", script),
      stdout = TRUE, stderr = TRUE
    )
  ))
}

# A program that says that it is a Python of some environment, and nothing else.
fake_python <- function(folder, has_tandemlab = TRUE) {
  packages <- file.path(folder, "lib", "python3.11", "site-packages")
  dir.create(packages, recursive = TRUE)
  dir.create(file.path(folder, "bin"))
  if (has_tandemlab) {
    dir.create(file.path(packages, "tandemlab-0.1.0.dist-info"))
  }
  path <- file.path(folder, "bin", "python")
  writeLines(c("#!/bin/sh", sprintf("echo %s", folder)), path)
  Sys.chmod(path, "0755")
  path
}
