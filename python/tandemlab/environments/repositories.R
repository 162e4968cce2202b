# What installing and locking packages of R have in common: repositories, their indexes and archives.

options(timeout = max(600, getOption("timeout")), install.packages.check.source = "no")

read_wanted <- function(path) {
  utils::read.delim(path, colClasses = "character", na.strings = "")
}

repositories_in <- function(arguments) {
  repositories <- if (length(arguments) == 0) getOption("repos") else arguments
  repositories[repositories == "@CRAN@"] <- "https://cloud.r-project.org"
  repositories
}

fail <- function(what, packages, why = "") {
  cat(sprintf("\ntandemlab: %s: %s%s\n", what, paste(packages, collapse = ", "), why))
  quit(status = 1)
}

installed_version <- function(package) {
  tryCatch(as.character(utils::packageVersion(package)), error = function(problem) NA_character_)
}

is_there <- function(package, version) {
  found <- installed_version(package)
  !is.na(found) && (is.na(version) || package_version(found) == package_version(version))
}

repositories_of <- function(repository) if (is.na(repository)) repositories else repository

index <- new.env()
available <- function(repos) {
  key <- paste(repos, collapse = " ")
  if (is.null(index[[key]])) {
    found <- withCallingHandlers(
      utils::available.packages(repos = repos),
      warning = function(problem) {
        fail("the repository cannot be read", repos, paste(";", conditionMessage(problem)))
      }
    )
    index[[key]] <- found
  }
  index[[key]]
}

# The unpacked source of a package that no repository has: archives of GitHub hold it in a folder of
# another name.
fetch_source <- function(package, source) {
  if (startsWith(source, "/")) source <- paste0("file://", source)
  archive <- tempfile(fileext = ".tar.gz")
  problem <- tryCatch(
    {
      utils::download.file(source, archive, quiet = TRUE, mode = "wb")
      ""
    },
    error = function(problem) conditionMessage(problem),
    warning = function(problem) conditionMessage(problem)
  )
  if (nzchar(problem)) fail("cannot be downloaded", package, sprintf("; %s: %s", source, problem))
  folder <- tempfile(package)
  problem <- tryCatch(
    if (utils::untar(archive, exdir = folder) == 0) "" else "it cannot be unpacked",
    error = function(problem) conditionMessage(problem)
  )
  found <- list.files(folder, "^DESCRIPTION$", recursive = TRUE, full.names = TRUE)
  if (length(found) == 0) {
    fail("is no source of a package", package, sprintf("; %s %s", source, problem))
  }
  home <- dirname(found[[which.min(nchar(found))]])
  name <- read.dcf(file.path(home, "DESCRIPTION"), fields = "Package")[[1]]
  if (!identical(name, package)) {
    fail("is the source of another package", package, sprintf("; %s is %s", source, name))
  }
  home
}

# The source archive of an exact version, downloaded: the current one, or one that was archived.
download_version <- function(package, version, repos) {
  file <- sprintf("%s_%s.tar.gz", package, version)
  target <- file.path(tempdir(), file)
  for (place in paste0(rep(repos, each = 2), "/src/contrib/", c("", paste0("Archive/", package, "/")))) {
    done <- tryCatch(
      utils::download.file(paste0(place, file), target, quiet = TRUE, mode = "wb"),
      error = function(problem) 1, warning = function(problem) 1
    )
    if (done == 0) return(target)
  }
  fail("no such version in the repositories", paste(package, version))
}

# What a source, unpacked or not, says of itself: a named vector of some fields.
description_in <- function(source, package, fields = dependency_fields) {
  file <- file.path(source, "DESCRIPTION")
  if (!dir.exists(source)) {
    folder <- tempfile()
    utils::untar(source, files = file.path(package, "DESCRIPTION"), exdir = folder)
    file <- file.path(folder, package, "DESCRIPTION")
  }
  read.dcf(file, fields = fields)[1, ]
}

dependency_fields <- c("Depends", "Imports", "LinkingTo")

packages_in <- function(fields) {
  names <- unlist(strsplit(fields[!is.na(fields)], ",", fixed = TRUE))
  setdiff(trimws(sub("\\(.*", "", gsub("\n", " ", names))), c("R", ""))
}
