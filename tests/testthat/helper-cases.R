# Reading the cases of tests/conformance.

cases_folder <- function() file.path(testthat::test_path(), "..", "conformance")

# Sequences stay lists, and the letters y and n are no truth values, as in YAML 1.2.
handlers <- list(
  seq = as.list,
  "bool#yes" = function(x) if (tolower(x) == "y") x else TRUE,
  "bool#no" = function(x) if (tolower(x) == "n") x else FALSE
)

# A value of a case file as R has it: NA for null, numbers that are not finite by their words.
plain <- function(x) {
  if (is.null(x)) {
    return(NA)
  }
  if (!is.list(x)) {
    return(x)
  }
  if (identical(names(x), "float")) {
    return(switch(sub("^([-]?)[.]", "\\1", as.character(x$float)),
      nan = NaN, inf = Inf, "-inf" = -Inf, as.numeric(x$float)
    ))
  }
  lapply(x, plain)
}

# Vectors, data frames and lists in one form; in R one value and a list of one are the same.
canonical <- function(x) {
  if (is.list(x) && length(x) == 1 && is.null(names(x))) {
    x <- x[[1]]
  }
  if (is.data.frame(x)) {
    x <- lapply(as.list(x), function(column) canonical(as.list(column)))
  }
  if (is.null(x)) {
    return(NA)
  }
  if (is.atomic(x) && length(x) != 1) {
    x <- as.list(x)
  }
  if (!is.list(x)) {
    return(if (is.na(x) && !is.nan(x)) NA else if (is.numeric(x)) as.double(x) else x)
  }
  if (length(x) == 0) {
    return(list())
  }
  x <- lapply(x, canonical)
  if (is.null(names(x))) x else x[order(names(x), method = "radix")]
}

# A folder with these files, for as long as `env` lives.
local_files <- function(files, env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  for (name in names(files)) {
    path <- file.path(folder, name)
    dir.create(dirname(path), recursive = TRUE, showWarnings = FALSE)
    cat(files[[name]], file = path)
  }
  folder
}
