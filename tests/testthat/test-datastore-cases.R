# The cases of tests/conformance/datastores, through the public functions of R.

datastore_cases <- function(name) {
  path <- file.path(cases_folder(), "datastores", paste0(name, ".yaml"))
  if (!file.exists(path) || !requireNamespace("yaml", quietly = TRUE)) {
    return(list())
  }
  yaml::read_yaml(path, handlers = handlers)
}

# All texts of a folder by name.
texts_in <- function(folder) {
  names <- list.files(folder, recursive = TRUE, all.files = TRUE)
  texts <- lapply(names, function(name) {
    path <- file.path(folder, name)
    readChar(path, file.size(path), useBytes = TRUE)
  })
  stats::setNames(texts, enc2utf8(names))
}

sorted <- function(names) as.list(sort(enc2utf8(as.character(unlist(names))), method = "radix"))

play <- function(datastore, source, step) {
  verb <- names(step)[[1]]
  what <- step[[1]]
  switch(verb,
    write = write_files(source, what),
    upload = {
      overwrite <- isTRUE(step$overwrite)
      to <- if (nzchar(what)) what
      done <- upload_to_datastore(datastore, source, to, overwrite, show_progress = FALSE)
      expect_identical(sorted(done$copied), sorted(step$copied))
      expect_identical(sorted(done$unchanged), sorted(step$unchanged))
    },
    upload_files = {
      root <- if (!is.null(step$root)) file.path(source, step$root)
      done <- upload_files_to_datastore(
        datastore, file.path(source, unlist(what)), root, step$to,
        show_progress = FALSE
      )
      expect_identical(sorted(done$copied), sorted(step$copied))
    },
    files = expect_identical(
      sorted(list_files_in_datastore(datastore, what)$name), sorted(step$names)
    ),
    download = {
      target <- withr::local_tempdir()
      prefix <- if (nzchar(what)) what
      download_from_datastore(datastore, target, prefix, show_progress = FALSE)
      found <- texts_in(target)
      expect_identical(found[order(names(found))], step$texts[order(names(step$texts))])
    },
    table = {
      path <- data_path(datastore, what)
      make <- create_tabular_dataset_from_delimited_files
      expect_columns(as.data.frame(do.call(make, c(list(path), step$options))), step$columns)
    },
    paths = {
      found <- create_file_dataset_from_files(data_path(datastore, what))
      expect_identical(as.list(get_file_dataset_paths(found)), step$names)
    },
    stop("unknown step ", verb)
  )
}

expect_step <- function(step, attempt) {
  if (is.null(step$error)) {
    return(attempt(step))
  }
  code <- paste0("tandemlab_error_", step$error)
  problem <- expect_error(attempt(step), class = code)
  if (!is.null(step$says)) expect_match(conditionMessage(problem), step$says, fixed = TRUE)
}

for (kind in names(datastore_kinds)) {
  for (case in datastore_cases("verbs")) {
    # tier: services
    test_that(sprintf("datastores: %s (%s)", case$name, kind), {
      skip_without_duckdb()
      ws <- local_lab()
      datastore <- datastore_kinds[[kind]](ws, "place")
      source <- withr::local_tempdir()
      for (step in case$do) expect_step(step, function(step) play(datastore, source, step))
    })
  }
}

for (case in datastore_cases("names")) {
  test_that(sprintf("names of datastores: %s", case$name), {
    ws <- local_lab()
    for (step in case$do) {
      expect_step(step, function(step) {
        switch(names(step)[[1]],
          register = register_folder_datastore(ws, step$register, tempdir()),
          default = set_default_datastore(ws, step$default),
          unregister = unregister_datastore(get_datastore(ws, step$unregister))
        )
      })
    }
    expect_setequal(list_datastores(ws)$name, unlist(case$known))
    expect_identical(get_default_datastore(ws)$name, case$is_default)
  })
}
