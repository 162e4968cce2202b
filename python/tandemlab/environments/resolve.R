# Finds the exact packages that some packages come to: REPOSITORIES.R WANTED.tsv OUTPUT.tsv
# [REPOSITORY ...]. What R itself brings is left out. Base R only; problems are told as by install.R.

arguments <- commandArgs(TRUE)
source(arguments[[1]])
wanted <- read_wanted(arguments[[2]])
repositories <- repositories_in(arguments[-(1:3)])
base <- rownames(utils::installed.packages(priority = "base", noCache = TRUE))

# Version, repository and needs of one package: the one asked for, or else the newest.
resolve <- function(package, version, repository, source) {
  if (!is.na(source)) {
    home <- fetch_source(package, source)
    told <- description_in(home, package, "Version")[[1]]
    if (!is.na(version) && version != told) fail("is of another version", paste(package, told))
    return(list(
      version = told, repository = NA_character_, source = source,
      fields = description_in(home, package)
    ))
  }
  repos <- repositories_of(repository)
  index <- available(repos)
  if (is.na(version) || isTRUE(package %in% rownames(index) && index[package, "Version"] == version)) {
    if (!package %in% rownames(index)) fail("not in the repositories", package)
    found <- index[package, ]
    home <- sub("/src/contrib.*$", "", found[["Repository"]])
    return(list(
      version = found[["Version"]], repository = home, source = NA_character_,
      fields = found[dependency_fields]
    ))
  }
  archive <- download_version(package, version, repos)
  list(
    version = version, repository = repository, source = NA_character_,
    fields = description_in(archive, package)
  )
}

found <- list()
queue <- wanted$name
while (length(queue) > 0) {
  package <- queue[[1]]
  asked <- match(package, wanted$name)
  found[[package]] <- resolve(
    package, wanted$version[asked], wanted$repository[asked], wanted$source[asked]
  )
  needs <- setdiff(packages_in(found[[package]]$fields), base)
  queue <- setdiff(c(queue[-1], needs), names(found))
}

names <- sort(names(found), method = "radix")
column <- function(key) vapply(found[names], function(one) one[[key]], "")
utils::write.table(
  data.frame(
    name = names, version = column("version"), repository = column("repository"),
    source = column("source")
  ),
  arguments[[3]],
  sep = "\t", quote = FALSE, row.names = FALSE, na = ""
)
