#' With what a script runs
#'
#' An environment names the packages that a script needs, and variables. It is plain data; give it
#' to [script_run_config()]. It is built before the script starts, once on each machine for all runs
#' that need the same, and a package that cannot be had fails the run with its name before the
#' script starts.
#'
#' `r_environment()` is for scripts of R: packages are installed with what they depend on into a
#' library of the environment, before the libraries of the session. A package that these have, in
#' the version asked for, is used from there. `python_environment()` is for scripts of Python:
#' packages are installed by uv, or by pip where there is no uv, beside tandemlab itself.
#' `read_environment()` reads a `requirements.txt` of pip, a conda file (its pip part and its
#' version of Python need no conda), an `renv.lock` or a file of tandemlab's own (`.yml`).
#'
#' @param name A name for people.
#' @param cran_packages Packages of R: names, or a list of names, [cran_package()]s,
#'   [github_package()]s and [url_package()]s.
#' @param github_packages Packages from GitHub: `"OWNER/NAME"` or `"OWNER/NAME@REF"`, or a list of
#'   such and [github_package()]s.
#' @param custom_url_packages URLs or absolute paths of archives (`.tar.gz`) of packages, or a list
#'   of such and [url_package()]s.
#' @param bioconductor_packages Names of packages of Bioconductor, in its version for this R.
#' @param ... Not used; makes sure that what follows is named.
#' @param repositories CRAN-like repositories, asked in this order; those of the session by default.
#' @param libraries Existing libraries of R, used as they are.
#' @param rscript_path Path of an Rscript; `NULL` for that of the session.
#' @param r_version Version that R must have where the script runs, such as `"4.4"`; another is an
#'   error before anything is built. `NULL` for any.
#' @param system_packages Debian packages that must be on the machine, such as `"libxml2-dev"`. They
#'   are not installed; the error names what is missing.
#' @param environment_variables Variables of the script: a named list.
#' @param pip_packages What pip would be asked for, such as `"scikit-learn>=1.5"`.
#' @param python_version Version of Python, such as `"3.11"`; `NULL` for that of tandemlab.
#' @param interpreter Path of an existing Python to use as it is; nothing is installed there.
#' @param conda_packages Packages that only conda has; they need micromamba, mamba or conda.
#' @param custom_docker_image A container image, such as `"docker.io/rocker/r-ver:4.4"`. Scripts run
#'   in it by podman, docker or apptainer, whichever works on the machine; it brings all packages,
#'   so that none are installed, and `rscript_path` or `interpreter` is a program in it. To log, it
#'   needs the package tandemlab (R), or what that needs (Python).
#' @param shm_size Size of `/dev/shm` in the container, such as `"2g"`; `NULL` for the machine's.
#' @param path Path of the file.
#' @return A `tandemlab_environment`: plain data.
#' @examples
#' r_environment("survival", c("survival", "splines"))
#' python_environment("study", c("scikit-learn>=1.5", "pandas"))
#' @export
r_environment <- function(name, cran_packages = NULL, ..., repositories = getOption("repos"),
                          libraries = NULL, rscript_path = NULL, system_packages = NULL,
                          environment_variables = NULL, custom_docker_image = NULL,
                          shm_size = NULL, github_packages = NULL, custom_url_packages = NULL,
                          bioconductor_packages = NULL, r_version = NULL) {
  check_no_dots(...)
  if (!is.null(custom_docker_image) && missing(repositories)) {
    repositories <- NULL
  }
  if (length(bioconductor_packages) > 0) {
    repositories <- c(repositories, bioconductor_repositories())
  }
  new_environment(
    arg_string(name),
    r = list(
      packages = c(
        arg_cran_packages(cran_packages),
        arg_r_packages(github_packages, "github_packages", github_package),
        arg_r_packages(custom_url_packages, "custom_url_packages", url_package),
        arg_r_packages(arg_strings(bioconductor_packages), "bioconductor_packages", cran_package)
      ),
      repositories = arg_strings(unname(repositories), "repositories"),
      libraries = lapply(arg_strings(libraries), absolute_path),
      rscript = arg_optional(rscript_path, arg_path),
      version = arg_optional(r_version, arg_string),
      system_packages = arg_strings(system_packages)
    ),
    variables = arg_text_map(environment_variables),
    container = container_of(custom_docker_image, shm_size)
  )
}

#' @rdname r_environment
#' @export
python_environment <- function(name, pip_packages = NULL, ..., python_version = NULL,
                               interpreter = NULL, conda_packages = NULL,
                               environment_variables = NULL, custom_docker_image = NULL,
                               shm_size = NULL) {
  check_no_dots(...)
  new_environment(
    arg_string(name),
    python = list(
      requirements = arg_strings(pip_packages),
      version = arg_optional(python_version, arg_string),
      interpreter = arg_optional(interpreter, arg_path),
      conda = arg_strings(conda_packages)
    ),
    variables = arg_text_map(environment_variables),
    container = container_of(custom_docker_image, shm_size)
  )
}

#' @rdname r_environment
#' @export
read_environment <- function(path, name = NULL) {
  found <- call_core(
    "environment.read",
    path = arg_path(path), name = arg_optional(name, arg_string)
  )
  environment_from(found)
}

#' Lock an environment
#'
#' `lock_environment()` finds the exact packages that an environment comes to now, with all that
#' they need, and keeps them in it. From then on exactly these are installed, wherever it is built;
#' packages of Python only from files with the hashes in the lock. `save_environment()` writes an
#' environment to a file, for [read_environment()] and the command line.
#'
#' A lock that no longer fits what the environment asks for is an error when it is built or a script
#' is submitted; lock the environment again to renew it. An `renv.lock` has exact versions already.
#'
#' @param environment A [r_environment()], [python_environment()] or [read_environment()].
#' @param path Path of the file; it ends in `.yml`.
#' @return `lock_environment()`: the environment with its lock, a `tandemlab_environment`.
#'   `save_environment()`: `path`, invisibly.
#' @section Errors:
#' `tandemlab_error_missing_dependency` if a package cannot be had; the message names it.
#' `tandemlab_error_invalid_input` if the environment installs nothing, or packages of conda.
#' @examplesIf tandemlab_is_ready()
#' environment <- r_environment("models", "survival", repositories = "https://cran.example.org")
#' path <- tempfile(fileext = ".yml")
#' save_environment(environment, path)
#' read_environment(path)
#' \dontrun{
#' lock_environment(environment)$r$lock$packages
#' }
#' @export
lock_environment <- function(environment) {
  environment_from(call_core("environment.lock", environment = arg_environment(environment)))
}

#' @rdname lock_environment
#' @export
save_environment <- function(environment, path) {
  environment <- arg_environment(environment)
  invisible(call_core("environment.save", environment = environment, path = arg_path(path)))
}

# An environment that the core has sent.
environment_from <- function(found) {
  environment <- new_environment(
    found$name,
    python = locks_in(arrays_in(
      found$python, c("requirements", "conda", "channels", "no_build_isolation")
    )),
    r = locks_in(arrays_in(
      found$r, c("packages", "repositories", "libraries", "system_packages")
    )),
    variables = as.list(found$variables),
    container = arrays_in(found$container, "arguments")
  )
  environment$version <- found$version
  environment
}

#' One package of R
#'
#' @param name Name of the package.
#' @param version Exactly this version, from the repository or its archive; `NULL` for the newest.
#' @param repo A CRAN-like repository; `NULL` for those of the environment.
#' @return A list, for [r_environment()].
#' @examples
#' r_environment("models", list("survival", cran_package("glmnet", version = "4.1-8")))
#' @export
cran_package <- function(name, version = NULL, repo = NULL) {
  drop_null(list(
    name = arg_string(name),
    version = arg_optional(version, arg_string),
    repository = arg_optional(repo, arg_string)
  ))
}

#' Packages of R that no repository has
#'
#' `github_package()` is a package from its repository at GitHub, `url_package()` one from an
#' archive of its source. What they depend on comes from the repositories of the environment.
#'
#' @param repository `"OWNER/NAME"`, or `"OWNER/NAME@REF"` for a branch, a tag or a commit.
#' @param source URL or absolute path of an archive (`.tar.gz`) of the package's source.
#' @param name Name of the package, where it is not that of the repository, or what the name of the
#'   archive has before `_`.
#' @return A list, for [r_environment()] and `cran_packages` of [estimator()].
#' @examples
#' r_environment("models", list("survival", github_package("tidyverse/glue@v1.7.0")))
#' url_package("https://example.org/glue_1.7.0.tar.gz")$name
#' @export
github_package <- function(repository, name = NULL) {
  repository <- arg_string(repository)
  found <- regmatches(repository, regexec("^([^/@]+)/([^/@]+)(@(.+))?$", repository))[[1]]
  if (length(found) == 0) {
    abort_argument("repository", '"OWNER/NAME" or "OWNER/NAME@REF"', repository)
  }
  ref <- if (nzchar(found[[5]])) found[[5]] else "HEAD"
  list(
    name = if (is.null(name)) found[[3]] else arg_string(name),
    source = sprintf("https://github.com/%s/%s/archive/%s.tar.gz", found[[2]], found[[3]], ref)
  )
}

#' @rdname github_package
#' @export
url_package <- function(source, name = NULL) {
  source <- arg_string(source)
  if (!grepl("^(https?://|file:///|/).*[.]tar[.]gz$", source)) {
    abort_argument("source", "the URL or absolute path of an archive that ends in .tar.gz", source)
  }
  if (is.null(name)) name <- sub("_.*", "", basename(source))
  list(name = arg_string(name), source = source)
}

# Where Bioconductor keeps its packages for this version of R, which R itself knows.
bioconductor_repositories <- function() {
  before <- options("repos")
  on.exit(options(before))
  known <- utils::read.delim(file.path(R.home("etc"), "repositories"), comment.char = "#")
  utils::setRepositories(ind = which(rownames(known) %in% c("BioCsoft", "BioCann", "BioCexp")))
  getOption("repos")
}

#' Build environments, and see which there are
#'
#' Environments are kept on each machine, once for all workspaces, in the user's cache folder or in
#' `TANDEMLAB_CACHE_DIR`. A run that needs one that is not there builds it first;
#' `build_environment()` does so beforehand. `prune_environments()` removes what no run has asked
#' for in a while, and what interrupted builds left; runs that need it build it again. What a job or
#' a service uses now stays, and what was asked for within the hour, since a run may be about to
#' start with it.
#'
#' @param environment A [r_environment()], [python_environment()] or [read_environment()].
#' @param rebuild Whether to build it even if it is there.
#' @param workspace A `tandemlab_workspace`, for the environments that it keeps
#'   ([register_environment()]) and the curated ones; `NULL` for those that were built on this
#'   machine.
#' @param unused_days Remove what was not used for so many days.
#' @return `build_environment()`: a named list with the programs and libraries of the environment,
#'   and the log of the build. The others: a data frame with `name`, `used` (time of the last use),
#'   `size` (bytes) and `key`, of what is there, or of what was removed. `list_environments()` of a
#'   workspace: a data frame with `name`, `version` and `created`.
#' @examplesIf tandemlab_is_ready()
#' build_environment(r_environment("plain", "stats"))$r_libraries
#' list_environments()
#' @export
build_environment <- function(environment, rebuild = FALSE) {
  call_core(
    "environment.build",
    environment = arg_environment(environment), rebuild = arg_flag(rebuild)
  )
}

#' @rdname build_environment
#' @export
list_environments <- function(workspace = NULL) {
  if (is.null(workspace)) {
    return(call_core("environment.list"))
  }
  call_core(
    "environment.registered",
    workspace = .subset2(arg_workspace(workspace), "path")
  )
}

#' Keep environments in a workspace
#'
#' A registered environment has a name and a version. Scripts ask for it by `"NAME"` (the newest
#' version), `"NAME:VERSION"` or `"NAME@ALIAS"`, as `environment` of [script_run_config()] and in
#' files of run configurations. One that is the same as the newest version is that version.
#'
#' Every workspace has the curated environments `"sklearn"`, `"pytorch"`, `"tensorflow"`,
#' `"chainer"` and `"r"`, which a registered one of that name replaces.
#'
#' @param environment A [r_environment()], [python_environment()] or [read_environment()].
#' @param workspace A `tandemlab_workspace`.
#' @param name Name of the environment, `"NAME:VERSION"` or `"NAME@ALIAS"`.
#' @param version Its version; `NULL` for the newest.
#' @return A `tandemlab_environment`, whose `version` is that in the workspace (none for a curated
#'   one).
#' @section Errors:
#' `tandemlab_error_not_found` if there is no such environment or version.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' register_environment(r_environment("models", "survival"), ws)
#' get_environment(ws, "models")$version
#' list_environments(ws)
#' @export
register_environment <- function(environment, workspace) {
  environment <- arg_environment(environment)
  found <- call_core(
    "environment.register",
    workspace = .subset2(arg_workspace(workspace), "path"), environment = environment
  )
  environment_from(found)
}

#' @rdname register_environment
#' @export
get_environment <- function(workspace, name, version = NULL) {
  found <- call_core(
    "environment.get",
    workspace = .subset2(arg_workspace(workspace), "path"), name = arg_string(name),
    version = arg_optional(version, arg_count, least = 1L)
  )
  environment_from(found)
}

#' @rdname build_environment
#' @export
prune_environments <- function(unused_days = 30) {
  call_core("environment.prune", unused_days = arg_number(unused_days, least = 0))
}

# What the core's Environment.from_dict() takes, with the class on top.
new_environment <- function(name, python = list(), r = list(), variables = list(),
                            container = NULL) {
  parts <- list(
    name = name, python = drop_empty(python), r = drop_empty(r), variables = drop_empty(variables),
    container = drop_empty(container)
  )
  structure(drop_empty(parts), class = "tandemlab_environment")
}

container_of <- function(image, shm_size) {
  if (is.null(image)) {
    return(NULL)
  }
  list(
    image = arg_string(image, "custom_docker_image"), shm_size = arg_optional(shm_size, arg_string)
  )
}

drop_null <- function(x) x[!vapply(x, is.null, NA)]

drop_empty <- function(x) x[lengths(x) > 0]

# Requests have lists for arrays, so that one string stays an array of one.
arrays_in <- function(section, names) {
  for (name in intersect(names, names(section))) {
    section[[name]] <- as.list(section[[name]])
  }
  section
}

locks_in <- function(section) {
  if (!is.null(section$lock)) {
    section$lock <- arrays_in(section$lock, c("packages", "requirements", "requested"))
    section$lock$packages <- lapply(section$lock$packages, arrays_in, names = "hashes")
  }
  section
}

arg_cran_packages <- function(x, arg = "cran_packages") arg_r_packages(x, arg, cran_package)

# Packages of R: a vector of what `make` takes, or a list of such and of packages.
arg_r_packages <- function(x, arg, make) {
  wanted <- sprintf("texts or a list of %s()", deparse1(substitute(make)))
  if (is.character(x)) {
    x <- as.list(unname(x))
  }
  if (!is.null(x) && !is.list(x)) {
    abort_argument(arg, wanted, x)
  }
  lapply(x, function(one) {
    if (is_string(one)) {
      return(make(one))
    }
    if (!is.list(one) || !is_string(one$name)) {
      abort_argument(arg, wanted, one)
    }
    one
  })
}

arg_environment <- function(x, arg = deparse1(substitute(x))) {
  force(arg)
  if (!inherits(x, "tandemlab_environment")) {
    abort_argument(
      arg, "an environment of r_environment(), python_environment() or read_environment()", x
    )
  }
  x <- unclass(x)
  x[names(x) != "version"]
}

#' @export
format.tandemlab_environment <- function(x, ...) {
  packages <- vapply(x$r$packages, function(one) {
    paste(c(one$name, one$version), collapse = " ")
  }, "")
  words <- c(
    if (length(packages) > 0) sprintf("R: %s", toString(packages)),
    if (length(x$container) > 0) sprintf("Container: %s", x$container$image),
    if (length(x$python) > 0) sprintf("Python: %s", toString(unlist(x$python)))
  )
  title <- paste(c(x$name, x$version), collapse = ":")
  c(sprintf("<environment %s>", title), if (length(words) > 0) paste0("  ", words))
}

#' @export
print.tandemlab_environment <- function(x, ...) {
  writeLines(format(x))
  invisible(x)
}
