# Datastores in S3, behind SFTP and in databases, on the real servers of Python's tests.

# tier: services
test_that("files and tables of buckets and hosts are inputs of a script of R", {
  skip_without_duckdb()
  exp <- local_experiment("inputs")
  ws <- exp$workspace
  folder <- written_files(list("cars/a.csv" = "x,w\n1,a\n2,b\n"))
  inputs <- list()
  for (kind in c("s3", "sftp")) {
    store <- datastore_kinds[[kind]](ws, kind)
    upload_to_datastore(store, folder, show_progress = FALSE)
    files <- create_file_dataset_from_files(store$path("cars"))
    for (mode in c("direct", "mount", "download")) {
      name <- paste(kind, mode, sep = "_")
      inputs[[name]] <- dataset_consumption_config(name, files, mode)
    }
    table <- create_tabular_dataset_from_delimited_files(store$path("cars/*.csv"))
    inputs[[kind]] <- register_dataset(ws, filter_dataset(table, "x > 1"), kind)
  }
  source <- local_script("read.R", c(
    "library(tandemlab)",
    "for (kind in c('s3', 'sftp')) {",
    "  for (mode in c('direct', 'mount', 'download')) {",
    "    name <- paste(kind, mode, sep = '_')",
    "    folder <- Sys.getenv(paste0('TANDEMLAB_INPUT_', name))",
    "    log_metric_to_run(name, readLines(file.path(folder, 'a.csv'))[[3]])",
    "    linked <- nzchar(Sys.readlink(file.path(folder, 'a.csv')))",
    "    log_metric_to_run(paste0(name, '_is_link'), linked)",
    "  }",
    "  data <- load_dataset_into_data_frame(get_input_dataset_from_run(kind))",
    "  log_metric_to_run(kind, paste(data$x, data$w))",
    "}",
    "log_metric_to_run('python', reticulate::py_available())"
  ))
  run <- submit_experiment(exp, script_run_config(source, "read.R", inputs = inputs))
  wait_for_run_completion(run, show_output = FALSE, timeout_seconds = 240)
  metrics <- get_run_metrics(run)
  for (kind in c("s3", "sftp")) {
    for (mode in c("direct", "mount", "download")) {
      name <- paste(kind, mode, sep = "_")
      expect_identical(metrics[[name]], "2,b")
      expect_identical(metrics[[paste0(name, "_is_link")]], mode != "download")
    }
    expect_identical(metrics[[kind]], "2 b")
  }
  expect_false(metrics$python)
  expect_identical(get_runs_of_dataset(inputs$s3)[[1]]$id, run$id)
})

# tier: services
test_that("an upload of an R that was killed goes on where it was", {
  ws <- local_lab()
  folder <- withr::local_tempdir()
  size <- 96 * 2^20
  writeBin(rep(charToRaw("0123456789abcdef"), size / 16), file.path(folder, "big.bin"))
  store <- sftp_datastore(ws, "pond", "resumed")
  there <- file.path(place_of("ssh")$path, "resumed")
  part <- function() list.files(there, "[.]part$", all.files = TRUE, full.names = TRUE)
  inode <- function(path) sub(" *([0-9]+) .*", "\\1", system2("ls", c("-i", path), stdout = TRUE))
  pid <- start_r(sprintf(
    "library(tandemlab); upload_to_datastore(get_datastore(get_workspace(%s), 'pond'), %s)",
    shQuote(ws$path), shQuote(folder)
  ))
  wait_until(function() isTRUE(file.size(part()) >= 8 * 2^20), seconds = 60)
  tools::pskill(pid, tools::SIGKILL)
  wait_until(function() has_ended(pid))
  begun <- inode(part())
  expect_identical(nrow(list_files_in_datastore(store)), 0L)
  upload_to_datastore(store, folder, show_progress = FALSE)
  expect_identical(list.files(there, all.files = TRUE, no.. = TRUE), "big.bin")
  expect_identical(inode(file.path(there, "big.bin")), begun)
  expect_identical(
    unname(tools::md5sum(file.path(there, "big.bin"))),
    unname(tools::md5sum(file.path(folder, "big.bin")))
  )
})

# tier: services
test_that("credentials and hosts that are wrong are told, and registered nowhere", {
  skip_unless_ready()
  ws <- local_lab()
  place <- place_of("s3")
  expect_error(
    register_s3_datastore(ws, "lake", "no-such-bucket",
      endpoint = place$endpoint, access_key_id = "a", secret_access_key = "tiger-7f3a-plain"
    ),
    class = "tandemlab_error_storage_error"
  )
  host <- place_of("ssh")
  register <- function(...) {
    settings <- utils::modifyList(host, list(...))
    register_sftp_datastore(ws, "pond", "127.0.0.1", settings$path,
      port = settings$port, username = settings$username, host_key = settings$host_key,
      private_key = settings$private_key
    )
  }
  key <- "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
  expect_error(register(host_key = key), class = "tandemlab_error_not_allowed")
  expect_error(register(path = "/none"), class = "tandemlab_error_not_found")
  expect_error(
    register_sftp_datastore(ws, "pond", "127.0.0.1", "/", port = 1, host_key = key),
    class = "tandemlab_error_unavailable"
  )
  expect_identical(list_datastores(ws)$name, "workspaceblobstore")
})

# tier: services
test_that("queries of a database are tables, and inputs of a script of R", {
  skip_without_duckdb()
  address <- place_of("postgresql")
  sql <- reticulate::import("sqlalchemy")
  engine <- sql$create_engine(sub("postgresql:", "postgresql+psycopg:", address, fixed = TRUE))
  connection <- engine$connect()
  connection$exec_driver_sql("CREATE TABLE trips (id bigint, km numeric, day date, town text)")
  connection$exec_driver_sql(
    "INSERT INTO trips SELECT i, i / 2.0, DATE '2026-01-01' + i, 'T' || i
     FROM generate_series(0, 24999) i"
  )
  connection$commit()
  connection$close()
  engine$dispose()
  exp <- local_experiment("queries")
  crm <- register_sql_datastore(exp$workspace, "crm", address)
  trips <- create_tabular_dataset_from_sql_query(
    data_path(crm, "SELECT * FROM trips ORDER BY id"),
    set_column_types = list(town = "string")
  )
  frame <- load_dataset_into_data_frame(take_from_dataset(filter_dataset(trips, "id > 10"), 2))
  expect_identical(frame, data.frame(
    id = c(11, 12), km = c(5.5, 6), day = as.Date("2026-01-01") + c(11, 12), town = c("T11", "T12")
  ))
  expect_identical(nrow(as.data.frame(trips)), 25000L)
  expect_error(
    create_tabular_dataset_from_sql_query(data_path(crm, "DELETE FROM trips")),
    class = "tandemlab_error_invalid_input"
  )
  expect_error(
    create_tabular_dataset_from_sql_query(
      data_path(crm, "SELECT pg_sleep(20)"),
      query_timeout = 0.5
    ),
    class = "tandemlab_error_unavailable"
  )
  expect_error(list_files_in_datastore(crm), class = "tandemlab_error_invalid_input")
  source <- local_script("read.R", c(
    "library(tandemlab)",
    "log_metric_to_run('km', sum(as.data.frame(get_input_dataset_from_run('trips'))$km))"
  ))
  run <- submit_experiment(exp, script_run_config(source, "read.R", inputs = list(trips = trips)))
  wait_for_run_completion(run, show_output = FALSE, timeout_seconds = 120)
  expect_identical(get_run_metrics(run)$km, sum(0:24999) / 2)
})
