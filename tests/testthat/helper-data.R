# Files and tables of the tests of datasets and datastores.

skip_without_duckdb <- function() {
  skip_unless_ready()
  for (module in c("duckdb", "pyarrow")) {
    skip_if_not(reticulate::py_module_available(module), sprintf("no Python package %s", module))
  }
}

# A text that is NULL takes the file away.
write_files <- function(folder, files, encoding = "utf-8") {
  # The cases have their marks of byte order themselves.
  encoding <- c("utf-8" = "UTF-8", "utf-16" = "UTF-16LE", "latin-1" = "latin1")[[encoding]]
  for (name in names(files)) {
    path <- file.path(folder, name)
    dir.create(dirname(path), recursive = TRUE, showWarnings = FALSE)
    if (is.null(files[[name]])) {
      unlink(path)
    } else {
      writeBin(iconv(files[[name]], "UTF-8", encoding, toRaw = TRUE)[[1]], path)
    }
  }
}

written_files <- function(files, encoding = "utf-8", env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  write_files(folder, files, encoding)
  folder
}

# Columns as the cases have them: times as text, NA as NULL.
plain_columns <- function(frame) {
  lapply(frame, function(column) {
    if (inherits(column, c("Date", "POSIXct"))) column <- as.character(column)
    lapply(column, function(value) if (is.na(value)) NULL else value)
  })
}

expect_columns <- function(frame, columns) {
  expect_identical(names(frame), names(columns))
  expect_equal(plain_columns(frame), lapply(columns, as.list), ignore_attr = TRUE)
}

local_lab <- function(env = parent.frame()) {
  skip_unless_ready()
  create_workspace(
    file.path(withr::local_tempdir(.local_envir = env), "lab"),
    show_output = FALSE
  )
}
