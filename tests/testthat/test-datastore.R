test_that("files go into a datastore and come out", {
  ws <- local_lab()
  folder <- withr::local_tempdir()
  write.csv(cars, file.path(folder, "cars.csv"), row.names = FALSE)
  own <- get_default_datastore(ws)
  expect_identical(own$name, "workspaceblobstore")
  done <- upload_to_datastore(own, folder, "2026", show_progress = FALSE)
  expect_identical(done$copied, "2026/cars.csv")
  again <- upload_files_to_datastore(own, file.path(folder, "cars.csv"), target_path = "2026")
  expect_identical(again$unchanged, "2026/cars.csv")
  expect_identical(list_files_in_datastore(own)$name, "2026/cars.csv")
  data <- create_tabular_dataset_from_delimited_files(data_path(own, "2026/*.csv"))
  expect_identical(nrow(load_dataset_into_data_frame(data)), nrow(cars))
  out <- withr::local_tempdir()
  download_from_datastore(own, out, prefix = "2026/")
  expect_identical(read.csv(file.path(out, "2026", "cars.csv"))$speed, as.integer(cars$speed))
  writeLines("other", file.path(folder, "cars.csv"))
  expect_error(
    upload_to_datastore(own, folder, "2026"),
    class = "tandemlab_error_already_exists"
  )
  expect_error(data_path(ws, "x"), class = "tandemlab_error_invalid_input")
  expect_error(
    create_file_dataset_from_files(data_path(own, "../x")),
    class = "tandemlab_error_invalid_input"
  )
})

test_that("datastores are registered, made the default and forgotten, and show no secret", {
  ws <- local_lab()
  folder <- withr::local_tempdir()
  scans <- register_folder_datastore(ws, "scans", folder, description = "Scans")
  expect_identical(get_datastore(ws, "scans")$location, normalizePath(folder))
  set_default_datastore(ws, "scans")
  expect_identical(get_default_datastore(ws)$name, "scans")
  expect_identical(list_datastores(ws)$default, c(FALSE, TRUE))
  expect_error(unregister_datastore(scans), class = "tandemlab_error_invalid_state")
  set_default_datastore(ws, "workspaceblobstore")
  unregister_datastore(scans)
  expect_error(get_datastore(ws, "scans"), class = "tandemlab_error_not_found")
  crm <- register_sql_datastore(
    ws, "crm", "postgresql://ana:tiger-7f3a-plain@127.0.0.1:1/crm",
    skip_validation = TRUE
  )
  shown <- c(utils::capture.output(print(crm)), utils::capture.output(utils::str(unclass(crm))))
  expect_false(any(grepl("tiger-7f3a-plain", shown, fixed = TRUE)))
})

test_that("copies that were not used for long are removed", {
  skip_unless_ready()
  expect_identical(nrow(prune_cache("data", unused_days = 1000)), 0L)
  expect_named(prune_cache("models", unused_days = 1000), c("path", "used", "size"))
  expect_error(prune_cache("runs"), "should be one of")
})
