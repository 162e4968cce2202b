test_that("a workspace is made, found by name, by path and by its configuration, and deleted", {
  skip_unless_ready()
  folder <- normalizePath(withr::local_tempdir())
  withr::local_dir(folder)
  name <- basename(withr::local_tempfile(pattern = "lab"))
  ws <- create_workspace(
    name,
    friendly_name = "Our lab", tags = list(team = "a"), show_output = FALSE
  )
  expect_identical(ws$path, file.path(folder, name))
  expect_identical(get_workspace(name), ws)
  expect_identical(get_workspace(ws$path), ws)
  write_workspace_config(ws)
  expect_identical(load_workspace_from_config(), ws)
  expect_true(ws$path %in% list_workspaces()$path)
  details <- get_workspace_details(ws)
  expect_identical(details$friendly_name, "Our lab")
  expect_identical(details$tags, list(team = "a"))
  delete_workspace(ws)
  expect_false(dir.exists(ws$path))
  expect_null(get_workspace(name))
})

test_that("creating one that is there is an error unless that is fine", {
  skip_unless_ready()
  path <- file.path(withr::local_tempdir(), "lab")
  ws <- create_workspace(path, show_output = FALSE)
  expect_error(create_workspace(path), class = "tandemlab_error_already_exists")
  expect_identical(create_workspace(path, exist_ok = TRUE, show_output = FALSE), ws)
})

test_that("experiments are listed by name, without those archived", {
  skip_unless_ready()
  ws <- temp_workspace()
  exp <- experiment(ws, "Unf\u00e4lle 2002")
  expect_identical(list_experiments(ws), list("Unf\u00e4lle 2002" = exp))
  archive_experiment(exp)
  expect_length(list_experiments(ws), 0)
  reactivate_experiment(exp)
  expect_length(list_experiments(ws), 1)
  expect_error(experiment(ws, "a/b"), class = "tandemlab_error_invalid_input")
  expect_output(print(ws), "workspace")
})

test_that("arguments are checked by name and type before anything happens", {
  expect_error(experiment(1, "x"), "`workspace` must be a workspace", class = "tandemlab_error")
  expect_error(create_workspace(c("a", "b")), "`name` must be a single, non-empty string")
  expect_error(get_workspace(NA_character_), "`name`")
  expect_error(create_workspace("lab", "auth"), "Unknown arguments")
})

test_that("contents may be kept in another folder", {
  skip_unless_ready()
  folder <- normalizePath(withr::local_tempdir())
  withr::local_dir(folder)
  ws <- create_workspace("lab", artifacts = "elsewhere", show_output = FALSE)
  expect_identical(
    get_workspace_details(ws)$artifacts, paste0("file://", file.path(folder, "elsewhere"))
  )
  run <- start_logging_run(experiment(ws, "demo"))
  writeLines("fitted", "model.txt")
  upload_files_to_run("model.txt", "model.txt", run)
  complete_run(run)
  expect_identical(get_run_file_names(run), "model.txt")
  expect_identical(nrow(sync_workspace(ws)), 0L)
  expect_length(list.files(file.path(folder, "elsewhere", "blobs"), recursive = TRUE), 1L)
  expect_error(
    create_workspace("other", artifacts = "elsewhere"), class = "tandemlab_error_already_exists"
  )
  expect_error(
    create_workspace("other", artifacts = "s3://key:secret@bucket"),
    class = "tandemlab_error_invalid_input"
  )
})
