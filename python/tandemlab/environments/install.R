# Installs packages into a library: REPOSITORIES.R LIBRARY WANTED.tsv [REPOSITORY ...]. Base R only. A
# problem is the last line "tandemlab: what: packages; why", and the exit status 1.

arguments <- commandArgs(TRUE)
source(arguments[[1]])
library_path <- arguments[[2]]
wanted <- read_wanted(arguments[[3]])
repositories <- repositories_in(arguments[-(1:3)])
.libPaths(c(library_path, .libPaths()))

# Whether all packages load is seen at the end, in one process.
install <- function(packages, repos) {
  if (length(packages) > 0) {
    utils::install.packages(
      packages,
      lib = library_path, repos = repos, type = "source", INSTALL_opts = "--no-test-load"
    )
  }
}

is_wanted <- !mapply(is_there, wanted$name, wanted$version)
todo <- wanted[is_wanted | !is.na(wanted$source), ]

is_loose <- is.na(todo$version) & is.na(todo$source)
unknown <- Filter(function(i) {
  is_loose[i] && !todo$name[i] %in% rownames(available(repositories_of(todo$repository[i])))
}, seq_len(nrow(todo)))
if (length(unknown) > 0) fail("not in the repositories", todo$name[unknown])

pinned <- todo[!is_loose, ]
archives <- mapply(function(package, version, repository, source) {
  if (!is.na(source)) return(fetch_source(package, source))
  download_version(package, version, repositories_of(repository))
}, pinned$name, pinned$version, pinned$repository, pinned$source)

# Packages that are pinned must not come as newer ones because another package needs them.
while (length(archives) > 0) {
  there <- rownames(utils::installed.packages(noCache = TRUE))
  needs <- Map(function(archive, package) {
    setdiff(packages_in(description_in(archive, package)), there)
  }, archives, names(archives))
  ready <- !vapply(needs, function(names) any(names %in% names(archives)), NA)
  if (!any(ready)) ready[] <- TRUE
  for (i in which(ready)) {
    install(setdiff(needs[[i]], names(archives)), repositories)
    install(archives[[i]], NULL)
  }
  archives <- archives[!ready]
}

loose <- todo[is_loose, ]
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
