# Real servers of S3, SSH and PostgreSQL, those of Python's tests, shared by all tests of a process.

shared_places <- function() {
  if (is.null(shared$places)) shared$places <- start_places()
  shared$places
}

start_places <- function() {
  skip_unless_ready()
  python <- Sys.getenv("TANDEMLAB_PYTHON")
  tests <- normalizePath(file.path(testthat::test_path(), ".."))
  program <- file.path(tests, "plugins", "places.py")
  skip_if(!nzchar(python) || !file.exists(program), "No Python to start servers with")
  for (module in c("moto", "pytest", "s3fs", "asyncssh")) {
    skip_if_not(reticulate::py_module_available(module), sprintf("no Python package %s", module))
  }
  file <- withr::local_tempfile(fileext = ".json")
  log <- withr::local_tempfile(fileext = ".log", .local_envir = testthat::teardown_env())
  # R's own libraries are not those of every Python. The servers stop when the pipe is closed.
  command <- sprintf(
    "cd %s && LD_LIBRARY_PATH= exec %s -m plugins.places %s >%s 2>&1",
    shQuote(tests), shQuote(python), shQuote(file), shQuote(log)
  )
  servers <- pipe(command, "w")
  withr::defer(close(servers), envir = testthat::teardown_env())
  wait_until(function() file.exists(file), seconds = 120)
  jsonlite::read_json(file)
}

place_of <- function(kind) {
  found <- shared_places()[[kind]]
  skip_if(is.null(found), sprintf("The server of %s is not installed", kind))
  found
}

s3_datastore <- function(ws, name = "lake", prefix = basename(tempfile("prefix"))) {
  place <- place_of("s3")
  register_s3_datastore(ws, name, place$bucket,
    prefix = prefix, endpoint = place$endpoint, region = "us-east-1",
    access_key_id = place$AWS_ACCESS_KEY_ID, secret_access_key = place$AWS_SECRET_ACCESS_KEY
  )
}

sftp_datastore <- function(ws, name = "pond", path = basename(tempfile("folder"))) {
  place <- place_of("ssh")
  register_sftp_datastore(ws, name, "127.0.0.1", file.path(place$path, path),
    port = place$port, username = place$username, private_key = place$private_key,
    host_key = place$host_key, create_if_not_exists = TRUE
  )
}

folder_datastore <- function(ws, name = "place") {
  folder <- file.path(dirname(ws$path), basename(tempfile("place")))
  register_folder_datastore(ws, name, folder, create_if_not_exists = TRUE)
}

datastore_kinds <- list(folder = folder_datastore, s3 = s3_datastore, sftp = sftp_datastore)
