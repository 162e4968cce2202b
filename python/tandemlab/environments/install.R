# Installs packages into a library: LIBRARY WANTED.tsv [REPOSITORY ...]. Base R only. A problem is
# the last line "tandemlab: what: packages; why", and the exit status 1.

arguments <- commandArgs(TRUE)
library_path <- arguments[[1]]
wanted <- utils::read.delim(arguments[[2]], colClasses = "character", na.strings = "")
repositories <- arguments[-(1:2)]
if (length(repositories) == 0) repositories <- getOption("repos")
repositories[repositories == "@CRAN@"] <- "https://cloud.r-project.org"
.libPaths(c(library_path, .libPaths()))
options(timeout = max(600, getOption("timeout")), install.packages.check.source = "no")

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

needed_by <- function(archive, package) {
  folder <- tempfile()
  utils::untar(archive, files = file.path(package, "DESCRIPTION"), exdir = folder)
  fields <- read.dcf(
    file.path(folder, package, "DESCRIPTION"), fields = c("Depends", "Imports", "LinkingTo")
  )
  names <- unlist(strsplit(fields[!is.na(fields)], ",", fixed = TRUE))
  names <- trimws(sub("\\(.*", "", gsub("\n", " ", names)))
  setdiff(names, c("R", rownames(utils::installed.packages(noCache = TRUE))))
}

install <- function(packages, repos) {
  if (length(packages) > 0) {
    utils::install.packages(packages, lib = library_path, repos = repos, quiet = FALSE)
  }
}

missing <- !mapply(is_there, wanted$name, wanted$version)
todo <- wanted[missing, ]

unknown <- Filter(function(i) {
  is.na(todo$version[i]) && !todo$name[i] %in% rownames(available(repositories_of(todo$repository[i])))
}, seq_len(nrow(todo)))
if (length(unknown) > 0) fail("not in the repositories", todo$name[unknown])

pinned <- todo[!is.na(todo$version), ]
archives <- mapply(function(package, version, repository) {
  download_version(package, version, repositories_of(repository))
}, pinned$name, pinned$version, pinned$repository)

# Packages that are pinned must not come as newer ones because another package needs them.
depth <- 0
while (length(archives) > 0) {
  needs <- Map(needed_by, archives, names(archives))
  ready <- !vapply(needs, function(names) any(names %in% names(archives)), NA)
  if (!any(ready)) ready[] <- TRUE
  for (i in which(ready)) {
    install(setdiff(needs[[i]], names(archives)), repositories)
    utils::install.packages(archives[[i]], lib = library_path, repos = NULL, type = "source")
  }
  archives <- archives[!ready]
}

loose <- todo[is.na(todo$version), ]
for (repository in unique(loose$repository)) {
  chosen <- loose$name[loose$repository %in% repository]
  install(chosen[is.na(vapply(chosen, installed_version, ""))], repositories_of(repository))
}

reasons <- vapply(wanted$name, function(package) {
  tryCatch(
    {
      loadNamespace(package)
      ""
    },
    error = function(problem) conditionMessage(problem)
  )
}, "")
broken <- nzchar(reasons)
if (any(broken)) fail("could not be installed", wanted$name[broken], paste(";", reasons[broken][[1]]))
wrong <- !mapply(is_there, wanted$name, wanted$version)
if (any(wrong)) fail("came in another version", wanted$name[wrong])
