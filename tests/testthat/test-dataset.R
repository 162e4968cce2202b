dataset_cases <- function() {
  folder <- file.path(cases_folder(), "datasets")
  if (!dir.exists(folder) || !requireNamespace("yaml", quietly = TRUE)) {
    return(list())
  }
  files <- file.path(folder, c("tables.yaml", "malformed.yaml"))
  unlist(lapply(files, yaml::read_yaml), recursive = FALSE)
}

instant <- function(text) {
  if (!is.null(text)) as.POSIXct(text, tz = "UTC", format = "%Y-%m-%dT%H:%M:%SZ")
}

do_step <- function(data, step) {
  switch(step$do,
    take = take_from_dataset(data, step$count),
    skip = skip_from_dataset(data, step$count),
    keep = keep_columns_from_dataset(data, step$columns),
    drop = drop_columns_from_dataset(data, step$columns),
    filter = filter_dataset(data, step$condition),
    sample = take_sample_from_dataset(data, step$probability, step$seed),
    timestamps = define_timestamp_columns_for_dataset(data, step$timestamp),
    time = {
      boundary <- !isFALSE(step$include_boundary)
      if (is.null(step$end)) {
        filter_dataset_after_time(data, instant(step$start), boundary)
      } else if (is.null(step$start)) {
        filter_dataset_before_time(data, instant(step$end), boundary)
      } else {
        filter_dataset_between_time(data, instant(step$start), instant(step$end), boundary)
      }
    },
    stop("unknown step ", step$do)
  )
}

make_dataset <- function(folder, case) {
  path <- if (grepl("://", case$path)) case$path else file.path(folder, case$path)
  make <- switch(if (is.null(case$from)) "delimited" else case$from,
    delimited = create_tabular_dataset_from_delimited_files,
    json_lines = create_tabular_dataset_from_json_lines_files,
    parquet = create_tabular_dataset_from_parquet_files,
    arrow = create_tabular_dataset_from_arrow_files
  )
  Reduce(do_step, case$steps, do.call(make, c(list(path), case$options)))
}

written_and_read <- function(data, form) {
  switch(form,
    csv = create_tabular_dataset_from_delimited_files(
      folder_of(convert_to_dataset_with_csv_files(data))
    ),
    parquet = create_tabular_dataset_from_parquet_files(
      folder_of(convert_to_dataset_with_parquet_files(data))
    )
  )
}

folder_of <- function(files) dirname(mount_file_dataset(files)[[1]])

expect_profile <- function(profile, expected) {
  for (name in names(expected)) {
    row <- as.list(profile[profile$name == name, ])
    for (field in names(expected[[name]])) {
      wanted <- expected[[name]][[field]]
      if (is.null(wanted)) wanted <- NA_real_
      if (is.character(row[[field]])) wanted <- as.character(wanted)
      expect_equal(row[[field]], wanted, ignore_attr = TRUE)
    }
  }
}

for (case in dataset_cases()) {
  test_that(sprintf("tables: %s", case$name), {
    skip_without_duckdb()
    encoding <- if (is.null(case$encoding)) "utf-8" else case$encoding
    folder <- written_files(case$files, encoding)
    if (!is.null(case$error)) {
      expect_error(make_dataset(folder, case), case$error, fixed = TRUE, class = "tandemlab_error")
      return()
    }
    data <- make_dataset(folder, case)
    data <- unserialize(serialize(data, NULL))
    write_files(folder, case$later)
    if (!is.null(case$read_error)) {
      expect_error(as.data.frame(data), case$read_error, fixed = TRUE, class = "tandemlab_error")
    } else if (!is.null(case$split)) {
      parts <- random_split_dataset(data, case$split$percentage, case$split$seed)
      found <- lapply(parts, function(part) as.data.frame(part)$x)
      expect_equal(found, lapply(case$parts, unlist))
    } else if (!is.null(case$profile)) {
      expect_profile(get_dataset_profile(data), case$profile)
    } else {
      if (!is.null(case$through)) data <- written_and_read(data, case$through)
      on_error <- if (is.null(case$on_error)) "fail" else case$on_error
      expect_columns(load_dataset_into_data_frame(data, on_error), case$columns)
    }
  })
}

test_that("a dataset prints what it is, has columns and a digest", {
  skip_without_duckdb()
  folder <- written_files(list(a.csv = "x,y\n1,a\n"))
  data <- create_tabular_dataset_from_delimited_files(file.path(folder, "a.csv"))
  expect_output(print(data), "<tabular dataset of .*a.csv>")
  expect_identical(
    get_dataset_columns(data), data.frame(name = c("x", "y"), type = c("BIGINT", "VARCHAR"))
  )
  expect_match(get_dataset_digest(data), "^[0-9a-f]{64}$")
  expect_error(take_from_dataset(data, -1), class = "tandemlab_error_invalid_input")
  expect_error(take_from_dataset(mtcars, 1), "must be a dataset")
  expect_error(download_from_file_dataset(data), "of a table, not of files")
})

test_that("tables are written, and files are listed, copied and linked", {
  skip_without_duckdb()
  folder <- written_files(list(a.csv = "x,y\n1,a\n2,NA\n"))
  data <- create_tabular_dataset_from_delimited_files(file.path(folder, "a.csv"))
  files <- convert_to_dataset_with_parquet_files(data, file.path(folder, "out"))
  expect_identical(get_file_dataset_paths(files), "part-00000.parquet")
  back <- create_tabular_dataset_from_parquet_files(
    file.path(folder, "out"),
    set_column_types = c(x = "double")
  )
  expect_identical(as.data.frame(back), data.frame(x = c(1, 2), y = c("a", NA)))
  csv <- convert_to_dataset_with_csv_files(data, ";")
  copies <- download_from_file_dataset(csv, file.path(folder, "copies"))
  expect_identical(readLines(copies), c("x;y", "1;a", "2;"))
  expect_error(
    download_from_file_dataset(csv, file.path(folder, "copies")),
    class = "tandemlab_error_already_exists"
  )
  links <- mount_file_dataset(csv)
  expect_true(nzchar(Sys.readlink(links)))
  expect_identical(readLines(links), readLines(copies))
})

test_that("types and headers have the names of the R SDK", {
  expect_identical(format(data_type_datetime(c("%d.%m.%Y", "%Y"))), "<datetime in %d.%m.%Y, %Y>")
  expect_output(print(data_type_long()), "<integer>", fixed = TRUE)
  expect_identical(promote_headers_behavior(2), promote_headers_behavior("combine"))
  skip_without_duckdb()
  folder <- written_files(list(a.csv = "i,b,s,d,at\n7,true,007,1,01.02.2026 10:30\n"))
  data <- create_tabular_dataset_from_delimited_files(
    file.path(folder, "a.csv"),
    set_column_types = list(
      i = data_type_long(), b = data_type_bool(), s = data_type_string(), d = data_type_double(),
      at = data_type_datetime("%d.%m.%Y %H:%M")
    )
  )
  expect_identical(
    get_dataset_columns(data)$type, c("BIGINT", "BOOLEAN", "VARCHAR", "DOUBLE", "TIMESTAMP")
  )
  expect_identical(format(as.data.frame(data)$at, "%Y-%m-%d %H:%M"), "2026-02-01 10:30")
})

test_that("an Arrow file of R is a table", {
  skip_without_duckdb()
  path <- withr::local_tempfile(fileext = ".arrow")
  write_frame(data.frame(x = 1:3, w = c("a", NA, "c")), path)
  data <- create_tabular_dataset_from_arrow_files(path)
  expect_identical(as.data.frame(filter_dataset(data, "x > 1"))$w, c(NA, "c"))
})

test_that("a profile has a row for each column", {
  skip_without_duckdb()
  folder <- withr::local_tempdir()
  utils::write.csv(iris, file.path(folder, "iris.csv"), row.names = FALSE)
  data <- create_tabular_dataset_from_delimited_files(file.path(folder, "iris.csv"))
  profile <- get_dataset_profile(data)
  expect_identical(profile$name, names(iris))
  expect_equal(profile$mean[1:4], unname(colMeans(iris[1:4])))
  expect_equal(profile$deviation[1:4], unname(vapply(iris[1:4], sd, 0)))
  expect_equal(profile$quantiles[[1]][[4]], median(iris$Sepal.Length))
  expect_identical(sum(profile$histogram[[2]]$count), 150)
  expect_identical(profile$most_frequent[[5]]$count, c(50, 50, 50))
})

test_that("recent rows are asked for by a difftime", {
  skip_without_duckdb()
  folder <- withr::local_tempdir()
  days <- Sys.Date() - c(0, 40)
  utils::write.csv(data.frame(day = days), file.path(folder, "a.csv"), row.names = FALSE)
  data <- define_timestamp_columns_for_dataset(
    create_tabular_dataset_from_delimited_files(file.path(folder, "a.csv")), "day"
  )
  recent <- filter_dataset_from_recent_time(data, as.difftime(30, units = "days"))
  expect_identical(as.data.frame(recent)$day, days[[1]])
  expect_error(filter_dataset_from_recent_time(data, 30), "difftime")
})

test_that("functions of datasets have the arguments of the R SDK", {
  of_sdk <- list(
    create_file_dataset_from_files = c("path", "validate"),
    create_tabular_dataset_from_delimited_files = c(
      "path", "validate", "include_path", "infer_column_types", "set_column_types", "separator",
      "header", "partition_format", "support_multi_line", "empty_as_string"
    ),
    create_tabular_dataset_from_parquet_files = c(
      "path", "validate", "include_path", "set_column_types", "partition_format"
    ),
    create_tabular_dataset_from_json_lines_files = c(
      "path", "validate", "include_path", "set_column_types", "partition_format"
    ),
    create_tabular_dataset_from_sql_query = c("query", "set_column_types", "query_timeout"),
    register_dataset = c(
      "workspace", "dataset", "name", "description", "tags", "create_new_version"
    ),
    unregister_all_dataset_versions = "dataset",
    get_dataset_by_name = c("workspace", "name", "version"),
    get_dataset_by_id = c("workspace", "id"),
    get_input_dataset_from_run = c("name", "run"),
    get_file_dataset_paths = "dataset",
    download_from_file_dataset = c("dataset", "target_path", "overwrite"),
    mount_file_dataset = c("dataset", "mount_point"),
    skip_from_dataset = c("dataset", "count"),
    take_from_dataset = c("dataset", "count"),
    take_sample_from_dataset = c("dataset", "probability", "seed"),
    random_split_dataset = c("dataset", "percentage", "seed"),
    keep_columns_from_dataset = c("dataset", "columns", "validate"),
    drop_columns_from_dataset = c("dataset", "columns"),
    define_timestamp_columns_for_dataset = c(
      "dataset", "fine_grain_timestamp", "coarse_grain_timestamp", "validate"
    ),
    filter_dataset_after_time = c("dataset", "start_time", "include_boundary"),
    filter_dataset_before_time = c("dataset", "end_time", "include_boundary"),
    filter_dataset_between_time = c("dataset", "start_time", "end_time", "include_boundary"),
    filter_dataset_from_recent_time = c("dataset", "time_delta", "include_boundary"),
    load_dataset_into_data_frame = c("dataset", "on_error", "out_of_range_datetime"),
    convert_to_dataset_with_csv_files = c("dataset", "separator"),
    convert_to_dataset_with_parquet_files = "dataset",
    data_type_bool = character(), data_type_datetime = "formats", data_type_double = character(),
    data_type_long = character(), data_type_string = character(),
    promote_headers_behavior = "option",
    data_path = c("datastore", "path_on_datastore", "name"),
    dataset_consumption_config = c("name", "dataset", "mode", "path_on_compute")
  )
  expect_length(of_sdk, 35)
  for (name in names(of_sdk)) {
    known <- names(formals(getExportedValue("tandemlab", name)))
    expect_identical(setdiff(of_sdk[[name]], known), character(), info = name)
  }
})

test_that("scripts of the R SDK find what they know", {
  skip_without_duckdb()
  folder <- written_files(list(a.csv = "x,at\n1,2026-03-01\nmany,9999-12-31\n"))
  data <- create_tabular_dataset_from_delimited_files(
    file.path(folder, "a.csv"),
    support_multi_line = TRUE, set_column_types = list(x = data_type_long())
  )
  frame <- load_dataset_into_data_frame(data, on_error = "null", out_of_range_datetime = "null")
  expect_identical(frame$x, c(1, NA))
  expect_identical(as.character(frame$at[[2]]), "9999-12-31")
  later <- keep_columns_from_dataset(data, c("x", "w"), validate = FALSE)
  expect_error(as.data.frame(later), "w", class = "tandemlab_error_invalid_input")
  expect_error(keep_columns_from_dataset(data, "w"), class = "tandemlab_error_invalid_input")
  expect_error(
    define_timestamp_columns_for_dataset(data, "x"),
    class = "tandemlab_error_invalid_input"
  )
  define_timestamp_columns_for_dataset(data, "x", validate = FALSE)
  named <- data$as_named_input("cars")
  expect_identical(named, dataset_consumption_config("cars", data))
  expect_identical(named$as_download()$mode, "download")
  expect_error(named$as_mount("/data"), "path_on_compute", class = "tandemlab_error_invalid_input")
  expect_error(
    dataset_consumption_config("cars", data, path_on_compute = "/data"),
    class = "tandemlab_error_invalid_input"
  )
})
