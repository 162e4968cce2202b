#' Install the Python part of tandemlab
#'
#' Makes a virtual environment of your own and puts the Python package there, with uv where that is
#' found and with `python -m venv` and pip otherwise. No question is asked, nothing outside the
#' environment changes, and conda is not needed. R finds the environment by itself from then on.
#'
#' An environment counts only when it is whole: if the installation fails or is interrupted, what
#' was made of it is removed, and one that was there before is put back. What somebody else made
#' (the `.venv` of a project) is added to and never removed.
#'
#' Where there is no network, uv takes what its cache holds with `UV_OFFLINE=1`; `UV_FIND_LINKS` or
#' `PIP_FIND_LINKS` names a folder of wheels, and `UV_NO_INDEX=1` or `PIP_NO_INDEX=1` keeps to it.
#'
#' @param python The interpreter to build on: a path, or a name on the search path. By default the
#'   first that is found, is of version 3.10 or newer and has a shared library, which R needs.
#' @param source What to install: the folder of the Python package, a wheel, or a requirement such
#'   as `"tandemlab==0.1.0"`. By default the folder `python` of the checkout that this package was
#'   installed from, if that can be known; otherwise the package of the same version by its name.
#' @param extras Optional parts: `"frames"` (pandas and pyarrow), `"plots"` (matplotlib).
#' @param path Folder of the environment. By default one in the user's data folder
#'   (`tools::R_user_dir("tandemlab", "data")`), where R looks by itself.
#' @param installer `"uv"`, `"pip"`, or `"any"` for uv where it is found. pip reads its own settings
#'   (`pip.conf`), uv does not.
#' @param upgrade Whether to make an environment that is there already anew.
#' @param quiet Whether to say nothing.
#' @return The path of the environment's Python, invisibly. Errors are of class
#'   `tandemlab_error_missing_dependency` (no Python that will do, or the installation failed;
#'   `details$output` has the end of what the installer printed) or
#'   `tandemlab_error_invalid_input`.
#' @examples
#' \dontrun{
#' install_tandemlab()
#' install_tandemlab(source = "~/tandemlab/python", extras = c("frames", "plots"), upgrade = TRUE)
#' }
#' @export
install_tandemlab <- function(python = NULL, source = NULL, extras = "frames", path = NULL,
                              installer = c("any", "uv", "pip"), upgrade = FALSE, quiet = FALSE) {
  say <- if (arg_flag(quiet)) function(...) NULL else function(...) message(sprintf(...))
  folder <- if (is.null(path)) user_environment() else arg_path(path)
  requirement <- requirement_of(arg_optional(source, arg_string), arg_strings(extras))
  state <- environment_state(folder)
  if (state == "other") {
    abort_input(
      sprintf("%s is there and is no virtual environment.", folder),
      "Give another `path`, or remove it."
    )
  }
  if (state == "complete" && !arg_flag(upgrade)) {
    say("%s is in place; upgrade = TRUE makes it anew.", folder)
    return(invisible(environment_python(folder)))
  }
  uv <- choose_uv(match.arg(installer))
  if (state == "foreign") {
    install_requirement(folder, requirement, uv, say)
  } else {
    base <- find_base_python(arg_optional(python, arg_string), needs_venv = is.null(uv))
    make_environment(folder, base, uv, say, function() {
      install_requirement(folder, requirement, uv, say)
    })
  }
  installed <- environment_python(folder)
  say("tandemlab is in %s.", folder)
  tell_of_choice(installed, say)
  invisible(installed)
}

# What R will use is not always what was just made.
tell_of_choice <- function(installed, say) {
  found <- find_python()
  if (is.null(found) || !same_python(found$path, installed)) {
    say("use_tandemlab_python(\"%s\") makes this session use it.", dirname(dirname(installed)))
  }
}

# The requirement ----------------------------------------------------------------------------------

# A folder, a file or a requirement, with extras: "/src/python[frames]", "tandemlab[frames]==0.1.0".
requirement_of <- function(source, extras) {
  if (is.null(source)) {
    source <- python_source()
  }
  extras <- if (length(extras) > 0) sprintf("[%s]", paste(unlist(extras), collapse = ",")) else ""
  path <- path.expand(source)
  if (file.exists(path)) {
    if (dir.exists(path) && !holds_python_part(path)) {
      abort_input(
        sprintf("%s does not hold the Python package tandemlab.", path),
        "Give the folder `python` of a checkout."
      )
    }
    return(paste0(normalizePath(path), extras))
  }
  if (grepl("/", source) && !grepl("@|://", source)) {
    abort_input(sprintf("There is no file or folder %s.", path))
  }
  if (grepl("[", source, fixed = TRUE)) {
    return(source)
  }
  sub("^([A-Za-z0-9._-]+)", paste0("\\1", extras), source)
}

# Where this package was built, if the Python part lay beside it. Evaluated by R CMD INSTALL, whose
# working directory is then the folder of the sources.
built_in <- getwd()

# The Python package of the checkout that this package came from, or its name.
python_source <- function() {
  description <- utils::packageDescription("tandemlab")
  roots <- c(
    built_in,
    if (identical(description$RemoteType, "local")) description$RemoteUrl,
    find.package("tandemlab"), # loaded from the sources
    dirname(dirname(find.package("tandemlab"))) # installed into the checkout's .rlib
  )
  for (folder in file.path(roots, "python")) {
    if (holds_python_part(folder)) {
      return(folder)
    }
  }
  paste0("tandemlab==", package_version_text())
}

holds_python_part <- function(folder) {
  file <- file.path(folder, "pyproject.toml")
  file.exists(file) && any(grepl("^name *= *\"tandemlab\"", readLines(file, warn = FALSE)))
}

# The environment ----------------------------------------------------------------------------------

unfinished_mark <- function(folder) paste0(folder, ".unfinished")

kept_aside <- function(folder) paste0(folder, ".before")

is_complete <- function(folder) {
  file.exists(file.path(folder, "bin", "python")) && !file.exists(unfinished_mark(folder))
}

# "none", "unfinished", "complete" (made here), "foreign" (a virtual environment of somebody else)
# or "other".
environment_state <- function(folder) {
  if (file.exists(unfinished_mark(folder))) {
    "unfinished"
  } else if (length(list.files(folder, all.files = TRUE, no.. = TRUE)) == 0 && !is_file(folder)) {
    "none"
  } else if (!file.exists(file.path(folder, "pyvenv.cfg"))) {
    "other"
  } else if (file.exists(file.path(folder, "tandemlab.json"))) {
    "complete"
  } else {
    "foreign"
  }
}

is_file <- function(path) file.exists(path) && !dir.exists(path)

# Make an environment and let `fill` put the packages there. A mark beside it tells an unfinished
# one; programs in an environment know its path, so that it cannot be renamed into place.
make_environment <- function(folder, base, uv, say, fill) {
  mark <- unfinished_mark(folder)
  before <- kept_aside(folder)
  dir.create(dirname(folder), recursive = TRUE, showWarnings = FALSE)
  restore_environment(folder)
  if (dir.exists(folder)) {
    file.rename(folder, before)
  }
  if (!suppressWarnings(file.create(mark))) {
    file.rename(before, folder)
    abort_tandemlab("storage_error", sprintf("%s cannot be written to.", dirname(folder)))
  }
  on.exit(restore_environment(folder))
  say("Making a virtual environment in %s with %s ...", folder, base)
  if (is.null(uv)) {
    run_installer(base, c("-m", "venv", folder))
  } else {
    run_installer(uv, c("venv", "--no-project", "--no-config", "--python", base, folder))
  }
  fill()
  unlink(mark)
  unlink(before, recursive = TRUE)
}

# If the last attempt was not finished: what was there before it, or nothing.
restore_environment <- function(folder) {
  if (file.exists(unfinished_mark(folder))) {
    unlink(folder, recursive = TRUE)
    unlink(unfinished_mark(folder))
  }
  if (!dir.exists(folder) && dir.exists(kept_aside(folder))) {
    file.rename(kept_aside(folder), folder)
  }
  unlink(kept_aside(folder), recursive = TRUE)
}

install_requirement <- function(folder, requirement, uv, say) {
  python <- environment_python(folder)
  say("Installing %s with %s ...", requirement, if (is.null(uv)) "pip" else "uv")
  if (is.null(uv)) {
    pip <- c("-m", "pip", "install", "--disable-pip-version-check", "--no-input")
    run_installer(python, c(pip, requirement))
  } else {
    run_installer(uv, c("pip", "install", "--python", python, requirement))
  }
  question <- "import tandemlab.r_interface as t; print(t.__version__)"
  version <- run_installer(python, c("-c", question))
  check_version(utils::tail(version, 1))
  introduce_r(folder)
}

# R scripts that this Python submits run with this R and find this package; see the core's find_r().
introduce_r <- function(folder) {
  about <- list(
    rscript = file.path(R.home("bin"), "Rscript"),
    r_libs = list(dirname(find.package("tandemlab")))
  )
  writeLines(enc2utf8(to_json(about)), file.path(folder, "tandemlab.json"), useBytes = TRUE)
}

# Programs -----------------------------------------------------------------------------------------

# The lines that a program prints, output and error together.
run_installer <- function(program, arguments) {
  output <- run_program(
    program, arguments,
    stderr = TRUE, env = c("PYTHONHOME=", "PIP_NO_INPUT=1", "UV_NO_PROGRESS=1")
  )
  status <- attr(output, "status")
  if (!is.null(status) && status != 0) {
    lines <- utils::tail(output[nzchar(output)], 20)
    abort_tandemlab(
      "missing_dependency",
      sprintf("The installation failed: %s", paste(lines, collapse = "\n")),
      "Give another `python` or `source`, or see the text above. What was there before is kept.",
      list(program = program, output = lines)
    )
  }
  as.character(output)
}

# The path of uv; NULL where pip is to do it.
choose_uv <- function(installer) {
  uv <- if (installer != "pip") find_uv()
  if (installer == "uv" && is.null(uv)) {
    abort_tandemlab(
      "missing_dependency", "uv was not found.", "Put it on the search path, or leave it to pip."
    )
  }
  uv
}

find_uv <- function() {
  places <- c(
    Sys.which("uv"), "~/.local/bin/uv", "~/.cargo/bin/uv",
    file.path(tools::R_user_dir("reticulate", "cache"), "uv", "bin", "uv"),
    file.path(dirname(python_source()), ".venv", "bin", "uv")
  )
  found <- places[nzchar(places) & file.exists(places)]
  if (length(found) > 0) path.expand(found[[1]])
}

# Prints "ok", or what the interpreter lacks.
base_question <- paste(
  "import os, sys, sysconfig",
  "get = sysconfig.get_config_var",
  "files = [os.path.join(get('LIBDIR') or '', get(n) or '-') for n in ('INSTSONAME', 'LDLIBRARY')]",
  "shared = any(os.path.exists(f) and not f.endswith('.a') for f in files)",
  "found = '.'.join(map(str, sys.version_info[:3]))",
  "old = sys.version_info < (3, 10)",
  "lack = 'is version ' + found + '; 3.10 or newer is needed' if old else ''",
  "lack = lack or ('' if shared or get('PYTHONFRAMEWORK') else 'has no shared library')",
  "try:",
  "    import ensurepip, venv",
  "except ImportError:",
  "    lack = lack or ('lacks its module venv' if 'venv' in sys.argv else '')",
  "print(lack or 'ok')",
  sep = "\n"
)

base_lack <- function(python, needs_venv) {
  answer <- run_program(python, c("-c", base_question, if (needs_venv) "venv"))
  ran <- length(answer) == 1 && is.null(attr(answer, "status"))
  if (ran) answer else "is not a Python that runs"
}

find_base_python <- function(python, needs_venv) {
  names <- c("python3", sprintf("python3.%d", 14:10), "python")
  candidates <- if (is.null(python)) {
    c(
      Sys.which(names), file.path("/usr/bin", names), file.path("/usr/local/bin", names),
      Sys.glob(c("~/.pyenv/versions/*/bin/python", "~/.local/share/uv/python/*/bin/python"))
    )
  } else {
    if (grepl("/", python)) python_in(python) else Sys.which(python)
  }
  candidates <- unique(unname(candidates[nzchar(candidates) & file.exists(candidates)]))
  lacks <- character()
  for (candidate in candidates) {
    lack <- base_lack(candidate, needs_venv)
    if (lack == "ok") {
      return(candidate)
    }
    lacks <- c(lacks, sprintf("%s %s", candidate, lack))
  }
  abort_tandemlab(
    "missing_dependency",
    if (is.null(python)) {
      "No Python of version 3.10 or newer with a shared library was found."
    } else {
      sprintf("%s will not do: %s.", python, if (length(lacks)) lacks[[1]] else "it is not there")
    },
    paste(
      c(
        "On Debian and Ubuntu: apt install python3 python3-venv libpython3-dev.",
        if (is.null(python) && length(lacks)) paste0("Looked at: ", toString(lacks), ".")
      ),
      collapse = " "
    ),
    list(looked_at = lacks)
  )
}
