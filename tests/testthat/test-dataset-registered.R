version_cases <- function() {
  path <- file.path(testthat::test_path(), "..", "conformance", "datasets", "versions.yaml")
  if (!file.exists(path) || !requireNamespace("yaml", quietly = TRUE)) {
    return(list())
  }
  yaml::read_yaml(path)
}

do_version_step <- function(ws, folder, step) {
  if (!is.null(step$write)) {
    for (name in names(step$write)) {
      path <- file.path(folder, name)
      dir.create(dirname(path), recursive = TRUE, showWarnings = FALSE)
      writeBin(charToRaw(step$write[[name]]), path)
    }
  } else if (!is.null(step$remove)) {
    unlink(file.path(folder, step$remove))
  } else if (!is.null(step$register)) {
    data <- create_file_dataset_from_files(file.path(folder, step$register))
    register <- function() {
      register_dataset(ws, data, step$name, create_new_version = isTRUE(step$new))
    }
    if (is.null(step$error)) {
      expect_identical(register()$version, step$version)
    } else {
      expect_error(register(), class = paste0("tandemlab_error_", step$error))
    }
  } else if (!is.null(step$changed)) {
    data <- get_dataset_by_name(ws, step$changed, step$version)
    expect_identical(dataset_has_changed(data), length(step$files) > 0)
    changes <- get_dataset_changes(data)
    expect_identical(changes$name, as.character(names(step$files)))
    expect_identical(changes$change, as.character(unlist(step$files)))
  } else if (!is.null(step$version)) {
    unregister_dataset(get_dataset_by_name(ws, step$unregister, step$version))
  } else {
    unregister_all_dataset_versions(get_dataset_by_name(ws, step$unregister))
  }
}

for (case in version_cases()) {
  test_that(sprintf("versions: %s", case$name), {
    skip_unless_ready()
    ws <- temp_workspace()
    folder <- withr::local_tempdir()
    for (step in case$do) do_version_step(ws, folder, step)
  })
}

test_that("a registered dataset says what it is, and lists have all", {
  skip_unless_ready()
  skip_if_not(reticulate::py_module_available("duckdb"))
  ws <- temp_workspace()
  path <- withr::local_tempfile(fileext = ".csv")
  write.csv(cars, path, row.names = FALSE)
  data <- create_tabular_dataset_from_delimited_files(path)
  expect_error(dataset_has_changed(data), class = "tandemlab_error_invalid_state")
  data <- register_dataset(ws, data, "cars", "stopping", list(from = 1920))
  expect_identical(data$id, "cars:1")
  expect_identical(data$tags, list(from = "1920"))
  expect_output(print(data), "<tabular dataset cars:1 of ", fixed = TRUE)
  data <- update_dataset(data, "Stopping distances", c(from = NA, unit = "mph"))
  found <- get_dataset_by_id(ws, "cars:1")
  expect_identical(found$description, "Stopping distances")
  expect_identical(found$tags, list(unit = "mph"))
  expect_identical(nrow(as.data.frame(found)), nrow(cars))
  expect_null(take_from_dataset(found, 1)$id)
  listed <- list_datasets(ws)
  expect_identical(listed$name, "cars")
  expect_identical(listed$kind, "tabular")
  expect_identical(list_datasets(ws, "cars")$version, 1L)
  expect_identical(get_runs_of_dataset(found), list())
  expect_error(get_dataset_by_name(ws, "carz"), "cars", class = "tandemlab_error_not_found")
})
