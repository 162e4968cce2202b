#' Datasets of tables and files
#'
#' A dataset says where data is and what is done to it; nothing is read before it is asked for. It
#' is plain data, so `saveRDS()` and other processes keep it. [load_dataset_into_data_frame()] reads
#' a table, [get_file_dataset_paths()] and [download_from_file_dataset()] give files.
#'
#' Delimited text is read as it is defined: values in quotes may hold separators and lines. What
#' types the columns have is found when the dataset is made, from the first 20,480 rows, and kept; a
#' value further on that does not fit is an error with its line, and nothing is read then. So is a
#' row with too few or too many values; a separator at its end begins one more. Numbers beyond the
#' range of doubles are infinite. A column without a name is `Column1`, `Column2`, ... by its place.
#' A number with a fraction does not fit whole numbers, nor a time with an offset times without:
#' nothing is rounded or left out. Fields and types of JSON lines are looked for in all lines,
#' unless `validate = FALSE`: then fields that the first 20,480 of a file do not have are left out.
#'
#' @param path Files, folders or patterns (`*`, `?`, `**`), as strings; or a [data_path()] in a
#'   datastore, or a list of these.
#' @param ... Not used; makes sure that what follows is named.
#' @param separator One character.
#' @param header Whether the first line of each file has the names, or a
#'   [promote_headers_behavior()].
#' @param infer_column_types Whether to find the types; otherwise all columns are text.
#' @param set_column_types Types by column, a named list or vector: `"string"`, `"integer"`,
#'   `"double"`, `"boolean"`, `"date"`, `"datetime"` or `"time"`, or a [data_type_datetime()].
#' @param missing_values Strings that stand for a missing value.
#' @param support_multi_line Without effect: values in quotes may always hold lines.
#' @param empty_as_string Whether an empty text is one in columns of text, not a missing value.
#' @param encoding `"utf-8"`, `"utf-16"` or `"latin-1"`.
#' @param decimal What is between a number and its fraction, `"."` or `","`.
#' @param partition_format What the parts of the paths mean, such as
#'   `"/{country}/{day:yyyy/MM/dd}/*.csv"`, for the end of each path; makes columns.
#' @param include_path Whether to add the path of its file to each row, as the column `Path`.
#' @param invalid_lines `"error"`, or `"drop"` to leave out lines that are no JSON, and to take a
#'   value that does not fit its column as missing.
#' @param validate Whether to make sure now that the data can be read.
#' @section Scripts of the R SDK of Azure ML:
#' The functions of datasets have the names and the arguments that they have there. What differs:
#'
#' - All arguments of the functions on this page but `path` are named, not given by place.
#' - [load_dataset_into_data_frame()] fails at a value that does not fit; there `on_error = "null"`
#'   was the default, which took it as missing. It holds all times, so that `out_of_range_datetime`
#'   has no effect. Whole numbers of 64 bits are doubles, or `integer64` on request.
#' - Columns are looked at when [keep_columns_from_dataset()] and
#'   [define_timestamp_columns_for_dataset()] name them, unless `validate = FALSE`.
#' - [mount_file_dataset()] makes links, and gives their paths; nothing has to be started or
#'   stopped. `path_on_compute` of [dataset_consumption_config()] is refused.
#' - [create_tabular_dataset_from_sql_query()] takes any database of [register_sql_datastore()].
#' - `data_type_long()` is a whole number.
#' - The `id` of a dataset is `"NAME:VERSION"`.
#' @return A `tandemlab_dataset`. The error is of class `tandemlab_error_not_found` where there is
#'   no such file, and of `tandemlab_error_invalid_input` where files have different columns or a
#'   row is malformed; its `details` have `path` and `line`.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("duckdb")
#' path <- tempfile(fileext = ".csv")
#' write.csv(cars, path, row.names = FALSE)
#' data <- create_tabular_dataset_from_delimited_files(path)
#' data
#' load_dataset_into_data_frame(filter_dataset(data, "speed > 23"))
#' @export
create_tabular_dataset_from_delimited_files <- function(path, ..., separator = ",", header = TRUE,
                                                        infer_column_types = TRUE,
                                                        set_column_types = NULL,
                                                        missing_values = c("", "NA"),
                                                        support_multi_line = TRUE,
                                                        empty_as_string = FALSE,
                                                        encoding = "utf-8", decimal = ".",
                                                        partition_format = NULL,
                                                        include_path = FALSE, validate = TRUE) {
  check_no_dots(...)
  arg_flag(support_multi_line)
  new_dataset(call_core(
    "dataset.from_delimited",
    path = arg_paths(path), separator = arg_string(separator),
    header = if (is_string(header)) header else arg_flag(header),
    infer_column_types = arg_flag(infer_column_types),
    set_column_types = arg_column_types(set_column_types),
    missing_values = arg_strings(missing_values), empty_as_string = arg_flag(empty_as_string),
    encoding = arg_string(encoding), decimal = arg_string(decimal),
    partition_format = arg_optional(partition_format, arg_string),
    include_path = arg_flag(include_path), validate = arg_flag(validate)
  ))
}

#' @rdname create_tabular_dataset_from_delimited_files
#' @export
create_tabular_dataset_from_parquet_files <- function(path, ..., set_column_types = NULL,
                                                      partition_format = NULL,
                                                      include_path = FALSE, validate = TRUE) {
  check_no_dots(...)
  new_dataset(call_core(
    "dataset.from_parquet",
    path = arg_paths(path), set_column_types = arg_column_types(set_column_types),
    partition_format = arg_optional(partition_format, arg_string),
    include_path = arg_flag(include_path), validate = arg_flag(validate)
  ))
}

#' @rdname create_tabular_dataset_from_delimited_files
#' @export
create_tabular_dataset_from_arrow_files <- function(path, ..., set_column_types = NULL,
                                                    partition_format = NULL,
                                                    include_path = FALSE, validate = TRUE) {
  check_no_dots(...)
  new_dataset(call_core(
    "dataset.from_arrow",
    path = arg_paths(path), set_column_types = arg_column_types(set_column_types),
    partition_format = arg_optional(partition_format, arg_string),
    include_path = arg_flag(include_path), validate = arg_flag(validate)
  ))
}

#' @rdname create_tabular_dataset_from_delimited_files
#' @export
create_tabular_dataset_from_json_lines_files <- function(path, ..., set_column_types = NULL,
                                                         partition_format = NULL,
                                                         include_path = FALSE,
                                                         invalid_lines = c("error", "drop"),
                                                         validate = TRUE) {
  check_no_dots(...)
  new_dataset(call_core(
    "dataset.from_json_lines",
    path = arg_paths(path), set_column_types = arg_column_types(set_column_types),
    partition_format = arg_optional(partition_format, arg_string),
    include_path = arg_flag(include_path), invalid_lines = match.arg(invalid_lines),
    validate = arg_flag(validate)
  ))
}

#' @rdname create_tabular_dataset_from_delimited_files
#' @export
create_file_dataset_from_files <- function(path, ..., partition_format = NULL, validate = TRUE) {
  check_no_dots(...)
  new_dataset(call_core(
    "dataset.from_files",
    path = arg_paths(path), partition_format = arg_optional(partition_format, arg_string),
    validate = arg_flag(validate)
  ))
}

#' Types of columns, and headers of files
#'
#' For `set_column_types` and `header` of [create_tabular_dataset_from_delimited_files()].
#'
#' @param formats Formats of times, as for [strptime()], such as `"%d.%m.%Y"`; the first that fits a
#'   value counts. `NULL` for ISO 8601.
#' @param option Which files begin with the names of columns: `"same"` (all, the same names),
#'   `"none"`, `"first"` (the first file alone), or `"combine"` (files may have different columns,
#'   and rows miss those that their file does not have); or 3, 0, 1 and 2, as the R SDK of Azure ML
#'   counts them.
#' @return `data_type_*()`: a `tandemlab_data_type`. `promote_headers_behavior()`: a string.
#' @examples
#' list(id = data_type_string(), day = data_type_datetime("%d.%m.%Y"))
#' promote_headers_behavior("combine")
#' @export
data_type_datetime <- function(formats = NULL) {
  new_data_type("datetime", arg_strings(formats))
}

#' @rdname data_type_datetime
#' @export
data_type_bool <- function() new_data_type("boolean")

#' @rdname data_type_datetime
#' @export
data_type_double <- function() new_data_type("double")

#' @rdname data_type_datetime
#' @export
data_type_long <- function() new_data_type("integer")

#' @rdname data_type_datetime
#' @export
data_type_string <- function() new_data_type("string")

#' @rdname data_type_datetime
#' @export
promote_headers_behavior <- function(option = c("same", "none", "first", "combine")) {
  if (is.numeric(option) && length(option) == 1 && option %in% 0:3) {
    return(c("none", "first", "combine", "same")[[option + 1]])
  }
  match.arg(option)
}

new_data_type <- function(type, formats = list()) {
  structure(list(type = type, formats = formats), class = "tandemlab_data_type")
}

#' @export
format.tandemlab_data_type <- function(x, ...) {
  formats <- if (length(x$formats) > 0) sprintf(" in %s", toString(unlist(x$formats))) else ""
  sprintf("<%s%s>", x$type, formats)
}

#' @export
print.tandemlab_data_type <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

arg_column_types <- function(x, arg = "set_column_types") {
  x <- arg_named(x, arg)
  if (length(x) == 0) {
    return(empty_map())
  }
  Map(function(value, name) {
    if (!is.list(value)) {
      return(arg_string(value, sprintf("%s$%s", arg, name)))
    }
    list(type = value$type, formats = arg_strings(value$formats, sprintf("%s$%s", arg, name)))
  }, x, names(x))
}

#' Choose rows, files or columns of a dataset
#'
#' Each function gives a new dataset and reads nothing. Rows keep the order of the files and of the
#' rows in them.
#'
#' `random_split_dataset()` gives two parts that share no row and leave none out, and the same parts
#' for the same seed, on every machine and in Python as well.
#'
#' @param dataset A `tandemlab_dataset`.
#' @param count How many rows or files, a whole number.
#' @param probability,percentage The share, from 0 to 1: the probability of each row or file.
#' @param seed A whole number; a random one, kept in the dataset, if `NULL`.
#' @param columns Names of columns.
#' @param validate Whether to make sure now that they are there.
#' @param condition An expression of SQL (DuckDB's), such as `"age >= 18 AND sex = 'f'"`.
#' @return A `tandemlab_dataset`; for `random_split_dataset()` a list of two.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("duckdb")
#' path <- tempfile(fileext = ".csv")
#' write.csv(cars, path, row.names = FALSE)
#' data <- create_tabular_dataset_from_delimited_files(path)
#' parts <- random_split_dataset(data, 0.7, seed = 1)
#' nrow(load_dataset_into_data_frame(parts[[1]])) + nrow(as.data.frame(parts[[2]]))
#' @export
take_from_dataset <- function(dataset, count) {
  new_dataset(call_dataset("dataset.take", dataset, count = arg_count(count)))
}

#' @rdname take_from_dataset
#' @export
skip_from_dataset <- function(dataset, count) {
  new_dataset(call_dataset("dataset.skip", dataset, count = arg_count(count)))
}

#' @rdname take_from_dataset
#' @export
take_sample_from_dataset <- function(dataset, probability, seed = NULL) {
  new_dataset(call_dataset(
    "dataset.sample", dataset,
    probability = arg_number(probability), seed = arg_optional(seed, arg_count)
  ))
}

#' @rdname take_from_dataset
#' @export
random_split_dataset <- function(dataset, percentage, seed = NULL) {
  parts <- call_dataset(
    "dataset.split", dataset,
    percentage = arg_number(percentage), seed = arg_optional(seed, arg_count)
  )
  lapply(parts, new_dataset)
}

#' @rdname take_from_dataset
#' @export
keep_columns_from_dataset <- function(dataset, columns, validate = TRUE) {
  new_dataset(call_dataset(
    "dataset.keep", dataset,
    columns = arg_strings(columns), validate = arg_flag(validate)
  ))
}

#' @rdname take_from_dataset
#' @export
drop_columns_from_dataset <- function(dataset, columns) {
  new_dataset(call_dataset("dataset.drop", dataset, columns = arg_strings(columns)))
}

#' @rdname take_from_dataset
#' @export
filter_dataset <- function(dataset, condition) {
  new_dataset(call_dataset("dataset.filter", dataset, condition = arg_string(condition)))
}

#' Choose rows of a dataset by time
#'
#' `define_timestamp_columns_for_dataset()` says which column has the time of each row; the others
#' use it. Clock times without a zone, in the column, are taken as UTC.
#'
#' @param dataset A `tandemlab_dataset` of a table.
#' @param fine_grain_timestamp Name of a column of dates or times; `NULL` takes back what was said.
#' @param coarse_grain_timestamp Name of a coarser one that the files are parted by, or `NULL`.
#' @param validate Whether to make sure now that the columns are there, and of a type of time.
#' @param start_time,end_time A `POSIXct` or `Date`.
#' @param time_delta A `difftime`: the time before now, as it is when the data is read.
#' @param include_boundary Whether a row of exactly that time is one of them.
#' @return A `tandemlab_dataset`.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("duckdb")
#' path <- tempfile(fileext = ".csv")
#' write.csv(data.frame(day = as.Date("2026-01-01") + 0:9, n = 1:10), path, row.names = FALSE)
#' data <- define_timestamp_columns_for_dataset(
#'   create_tabular_dataset_from_delimited_files(path), "day"
#' )
#' as.data.frame(filter_dataset_after_time(data, as.Date("2026-01-08")))
#' @export
define_timestamp_columns_for_dataset <- function(dataset, fine_grain_timestamp,
                                                 coarse_grain_timestamp = NULL,
                                                 validate = TRUE) {
  new_dataset(call_dataset(
    "dataset.timestamps", dataset,
    timestamp = arg_optional(fine_grain_timestamp, arg_string),
    partition = arg_optional(coarse_grain_timestamp, arg_string), validate = arg_flag(validate)
  ))
}

#' @rdname define_timestamp_columns_for_dataset
#' @export
filter_dataset_after_time <- function(dataset, start_time, include_boundary = TRUE) {
  filter_by_time(dataset, start = arg_time(start_time), include_boundary = include_boundary)
}

#' @rdname define_timestamp_columns_for_dataset
#' @export
filter_dataset_before_time <- function(dataset, end_time, include_boundary = TRUE) {
  filter_by_time(dataset, end = arg_time(end_time), include_boundary = include_boundary)
}

#' @rdname define_timestamp_columns_for_dataset
#' @export
filter_dataset_between_time <- function(dataset, start_time, end_time, include_boundary = TRUE) {
  filter_by_time(dataset, arg_time(start_time), arg_time(end_time),
    include_boundary = include_boundary
  )
}

#' @rdname define_timestamp_columns_for_dataset
#' @export
filter_dataset_from_recent_time <- function(dataset, time_delta, include_boundary = TRUE) {
  if (!inherits(time_delta, "difftime") || length(time_delta) != 1 || is.na(time_delta)) {
    abort_argument("time_delta", "a single difftime", time_delta, "as.difftime(7, units = 'days')")
  }
  recent <- as.numeric(time_delta, units = "secs")
  filter_by_time(dataset, recent = recent, include_boundary = include_boundary)
}

filter_by_time <- function(dataset, start = NULL, end = NULL, recent = NULL, include_boundary) {
  new_dataset(call_dataset(
    "dataset.time", dataset,
    start = start, end = end, recent = recent, include_boundary = arg_flag(include_boundary)
  ))
}

#' Read a dataset of a table
#'
#' The table crosses from Python by the Arrow interface, as in [as_r_frame()].
#'
#' @param dataset,x A `tandemlab_dataset` of a table.
#' @param on_error `"fail"`, or `"null"` to take a value that does not fit the type of its column as
#'   a missing one. Rows with too few or too many values always fail, and nothing is read then.
#' @param out_of_range_datetime Without effect: all times are in the range of R.
#' @inheritParams as_r_frame
#' @param ... Passed on to `load_dataset_into_data_frame()`.
#' @return `load_dataset_into_data_frame()` and `as.data.frame()`: a data frame.
#'   `get_dataset_columns()`: a data frame with `name` and `type` (DuckDB's word) of each column.
#'   `get_dataset_digest()`: SHA-256 over the names and contents of the files; another one means
#'   other data.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("duckdb")
#' path <- tempfile(fileext = ".csv")
#' write.csv(cars, path, row.names = FALSE)
#' data <- create_tabular_dataset_from_delimited_files(path)
#' get_dataset_columns(data)
#' head(load_dataset_into_data_frame(data))
#' @export
load_dataset_into_data_frame <- function(dataset, on_error = c("fail", "null"),
                                         out_of_range_datetime = c("null", "error"),
                                         int64 = c("double", "integer64"),
                                         decimal = c("double", "error", "character"),
                                         map = c("list", "error"), lazy = TRUE) {
  options <- list(
    int64 = match.arg(int64), decimal = match.arg(decimal), map = match.arg(map),
    lazy = isTRUE(lazy)
  )
  dataset <- arg_dataset(dataset)
  on_error <- match.arg(on_error)
  match.arg(out_of_range_datetime)
  file <- arrow_file(dataset)
  if (!is.null(file)) {
    return(do.call(read_frame, c(list(file), options)))
  }
  stream <- .Call(C_arrow_stream)
  call_dataset(
    "dataset.load", dataset,
    address = .Call(C_arrow_address, stream), on_error = on_error
  )
  import_frame(stream, options)
}

#' @rdname load_dataset_into_data_frame
#' @export
as.data.frame.tandemlab_dataset <- function(x, ...) load_dataset_into_data_frame(x, ...)

#' @rdname load_dataset_into_data_frame
#' @export
get_dataset_columns <- function(dataset) call_dataset("dataset.columns", dataset)

#' @rdname load_dataset_into_data_frame
#' @export
get_dataset_digest <- function(dataset) call_dataset("dataset.digest", dataset)

#' What the columns of a dataset hold
#'
#' The profile is kept in the user's cache folder while the files stay the same.
#'
#' @param dataset A `tandemlab_dataset` of a table.
#' @return A data frame with a row for each column: `name`, `type`, `count` (rows), `missing`,
#'   `distinct` (about), `least` and `greatest` (as text), `mean`, `deviation` (standard deviation),
#'   and lists: `quantiles` (of 1, 5, 25, 50, 75, 95 and 99 percent), `histogram` (a data frame of
#'   `upper` bound and `count`) and `most_frequent` (a data frame of `value` and `count`).
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("duckdb")
#' path <- tempfile(fileext = ".csv")
#' write.csv(cars, path, row.names = FALSE)
#' get_dataset_profile(create_tabular_dataset_from_delimited_files(path))[, 1:7]
#' @export
get_dataset_profile <- function(dataset) {
  found <- call_dataset("dataset.profile", dataset)
  column <- function(name, missing) {
    vapply(found, function(one) if (is.null(one[[name]])) missing else one[[name]], missing)
  }
  profile <- data.frame(
    name = column("name", ""), type = column("type", ""),
    count = as.double(lapply(found, `[[`, "count")),
    missing = as.double(lapply(found, `[[`, "missing")),
    distinct = as.double(lapply(found, `[[`, "distinct")),
    least = column("least", NA_character_), greatest = column("greatest", NA_character_),
    mean = column("mean", NA_real_), deviation = column("deviation", NA_real_)
  )
  profile$quantiles <- lapply(found, function(one) as.double(unlist(one$quantiles)))
  profile$histogram <- lapply(found, function(one) {
    data.frame(
      upper = as.double(unlist(one$histogram$upper)), count = as.double(unlist(one$histogram$count))
    )
  })
  profile$most_frequent <- lapply(found, function(one) {
    data.frame(
      value = as.character(unlist(one$most_frequent$value)),
      count = as.double(unlist(one$most_frequent$count))
    )
  })
  profile
}

#' The files of a dataset
#'
#' @param dataset A `tandemlab_dataset`.
#' @param target_path,mount_point A folder; a new temporary one if `NULL`. The converters need one
#'   that is not there.
#' @param overwrite Whether files of the same names may be replaced; without it, a name that is
#'   taken is an error of class `tandemlab_error_already_exists`, and nothing is copied.
#' @param separator One character.
#' @return `get_file_dataset_paths()`: names of the files below the folder or pattern that named
#'   them. `download_from_file_dataset()`: paths of the copies. `mount_file_dataset()`: paths of
#'   links to the files, which take no space. The converters write a table and give the dataset of
#'   its files.
#' @section Spark:
#' Spark reads the folder of `convert_to_dataset_with_parquet_files()`, where all machines of the
#' cluster see it, with the columns' types: in R by `sparklyr::spark_read_parquet()` or SparkR's
#' `read.parquet()`. tandemlab itself makes data frames of Spark in Python alone, by
#' `dataset.to_spark_dataframe()`.
#' @examplesIf tandemlab_is_ready() && reticulate::py_module_available("duckdb")
#' path <- tempfile(fileext = ".csv")
#' write.csv(cars, path, row.names = FALSE)
#' files <- convert_to_dataset_with_parquet_files(create_tabular_dataset_from_delimited_files(path))
#' get_file_dataset_paths(files)
#' @export
get_file_dataset_paths <- function(dataset) {
  as.character(unlist(call_dataset("dataset.paths", dataset)))
}

#' @rdname get_file_dataset_paths
#' @export
download_from_file_dataset <- function(dataset, target_path = NULL, overwrite = FALSE) {
  as.character(unlist(call_dataset(
    "dataset.download", dataset,
    target = arg_optional(target_path, arg_path), overwrite = arg_flag(overwrite)
  )))
}

#' @rdname get_file_dataset_paths
#' @export
mount_file_dataset <- function(dataset, mount_point = NULL) {
  as.character(unlist(call_dataset(
    "dataset.mount", dataset,
    target = arg_optional(mount_point, arg_path)
  )))
}

#' @rdname get_file_dataset_paths
#' @export
convert_to_dataset_with_csv_files <- function(dataset, separator = ",", target_path = NULL) {
  new_dataset(call_dataset(
    "dataset.write_csv", dataset,
    target = arg_optional(target_path, arg_path), separator = arg_string(separator)
  ))
}

#' @rdname get_file_dataset_paths
#' @export
convert_to_dataset_with_parquet_files <- function(dataset, target_path = NULL) {
  new_dataset(call_dataset(
    "dataset.write_parquet", dataset,
    target = arg_optional(target_path, arg_path)
  ))
}

# `$as_named_input()` is what users of Azure ML's SDK write for dataset_consumption_config().
#' @export
`$.tandemlab_dataset` <- function(x, name) {
  if (identical(name, "as_named_input")) {
    return(function(name) dataset_consumption_config(name, x))
  }
  .subset2(x, name)
}

# `$as_mount()` and its like are what they write for a mode.
#' @export
`$.tandemlab_dataset_consumption` <- function(x, name) {
  mode <- sub("^as_", "", name)
  if (mode != name && mode %in% input_modes) {
    return(function(path_on_compute = NULL) {
      refuse_path_on_compute(path_on_compute)
      structure(utils::modifyList(unclass(x), list(mode = mode)), class = class(x))
    })
  }
  .subset2(x, name)
}

new_dataset <- function(found) structure(as.list(found), class = "tandemlab_dataset")

call_dataset <- function(call, dataset, ...) {
  call_core(call, definition = arg_dataset(dataset)$definition, ...)
}

arg_dataset <- function(x, arg = "dataset") {
  if (inherits(x, "tandemlab_dataset")) {
    return(x)
  }
  abort_argument(
    arg, "a dataset", x, "create_tabular_dataset_from_delimited_files() makes one of CSV files."
  )
}

arg_paths <- function(x, arg = "path") {
  if (is_data_path(x)) {
    return(list(unclass(x)))
  }
  if (is.list(x) && length(x) && all(vapply(x, is_data_path, NA))) {
    return(lapply(unname(x), unclass))
  }
  lapply(arg_strings(x, arg), function(path) {
    if (grepl("://", path, fixed = TRUE)) path else absolute_path(path)
  })
}

arg_time <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (!inherits(x, c("POSIXt", "Date")) || length(x) != 1 || is.na(x)) {
    abort_argument(arg, "a single POSIXct or Date", x)
  }
  as.POSIXct(x, tz = "UTC")
}

#' @export
format.tandemlab_dataset <- function(x, ...) {
  source <- jsonlite::fromJSON(x$definition, simplifyVector = FALSE)$source
  paths <- unlist(source$paths)
  more <- if (length(paths) > 1) sprintf(" and %d more", length(paths) - 1) else ""
  id <- if (is.null(x$id)) "" else sprintf(" %s", x$id)
  sprintf("<%s dataset%s of %s%s>", x$kind, id, paths[[1]], more)
}

#' @export
print.tandemlab_dataset <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}
