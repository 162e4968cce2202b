"""The R of an environment: a library of its own, before those of the machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tandemlab.bridge import find_r
from tandemlab.domain import InvalidInput, MissingDependency
from tandemlab.domain.environments import Environment, RPackage
from tandemlab.environments.process import run_logged

SCRIPTS = Path(__file__).parent
_PROBLEM = "tandemlab: "


def identity(environment: Environment) -> str:
    """What tells one R from another: its resolved path and when it was installed."""
    path = os.path.realpath(_rscript(environment))
    return f"{path} {Path(path).stat().st_mtime_ns}"


def check(environment: Environment) -> None:
    """Refuse what can be known to fail before anything is built.

    Raises:
        InvalidInput: an Rscript or a library that the environment names is not there.
        MissingDependency: packages of the system are missing, or R has another version.
    """
    r = environment.r
    if r.rscript is not None:
        find_r(r.rscript)
    if r.version is not None:
        _check_version(environment, r.version)
    for library in r.libraries:
        if not Path(library).expanduser().is_dir():
            raise InvalidInput(
                f"The R library {library} of the environment {environment.name!r} is not a folder.",
                hint="Give the folder that holds installed packages.",
                details={"library": library},
            )
    missing = [name for name in r.system_packages if not _has_system_package(name)]
    if missing:
        raise MissingDependency(
            f"The environment {environment.name!r} needs packages of the system that are not "
            f"installed: {', '.join(missing)}.",
            hint=f"sudo apt-get install {' '.join(missing)}",
            details={"packages": missing},
        )


def _check_version(environment: Environment, wanted: str) -> None:
    rscript = _rscript(environment)
    asked = subprocess.run([rscript, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+\.\d+\.\d+)", asked.stdout + asked.stderr)
    version = found[1] if found else "unknown"
    if not f"{version}.".startswith(f"{wanted}."):
        raise MissingDependency(
            f"The environment {environment.name!r} needs R {wanted}, and {rscript} is of version "
            f"{version}.",
            hint="Install that version and name its Rscript, or leave the version out.",
            details={"wanted": wanted, "found": version, "rscript": rscript},
        )


def _has_system_package(name: str) -> bool:
    query = shutil.which("dpkg-query")
    if query is None:
        raise MissingDependency(
            f"Whether the system has {name} can only be asked on Debian and its relatives.",
            hint="Leave out system_packages here, and install them by hand.",
            details={"packages": [name]},
        )
    command = [query, "--show", "--showformat=${Status}", "--", name]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return asked.stdout.endswith("ok installed")


def build(environment: Environment, library: Path, log: Path, stopped: Callable[[], bool]) -> None:
    """Install the packages and what they depend on into `library`.

    A package that the machine has, in the version asked for, is used from there.

    Raises:
        MissingDependency: a package cannot be had or does not load; the message names it.
    """
    library.mkdir()
    wanted = library.with_name("r-packages.tsv")
    write_wanted(wanted, environment)
    hint = f"{log} has the whole output."
    _run(environment, "install.R", [str(library), str(wanted)], log, hint, stopped)


def resolve(environment: Environment, found: Path, log: Path) -> None:
    """Write the exact packages that those of the environment come to, as tab-separated values.

    Raises:
        MissingDependency: a package cannot be had; the message names it.
    """
    wanted = found.with_name("r-wanted.tsv")
    _write_wanted(wanted, environment.r.packages)
    _run(environment, "resolve.R", [str(wanted), str(found)], log, "")


def write_wanted(path: Path, environment: Environment) -> None:
    """Write what packages ``install.R`` is to install."""
    r = environment.r
    _write_wanted(path, r.packages if r.lock is None else r.lock.packages)


def _write_wanted(path: Path, packages: Sequence[RPackage]) -> None:
    rows = [(each.name, each.version, each.repository, each.source) for each in packages]
    lines = ["\t".join(value or "" for value in row) for row in rows]
    header = "name\tversion\trepository\tsource"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def _run(
    environment: Environment,
    script: str,
    arguments: Sequence[str],
    log: Path,
    hint: str,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    r = environment.r
    scripts = [str(SCRIPTS / script), str(SCRIPTS / "repositories.R")]
    command = [_rscript(environment), "--vanilla", *scripts, *arguments, *r.repositories]
    libraries = os.pathsep.join([*r.libraries, os.environ.get("R_LIBS", "")]).strip(os.pathsep)
    variables = {"R_LIBS": libraries, "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8")}
    code, output = run_logged(command, log, environment=variables, stopped=stopped)
    if code != 0:
        raise not_built(environment, output, log, hint)


def not_built(
    environment: Environment, output: str, log: Path, hint: str = ""
) -> MissingDependency:
    """The error for what ``install.R`` has printed, with the names of the packages."""
    told = [line for line in output.splitlines() if line.startswith(_PROBLEM)]
    problem = told[-1].removeprefix(_PROBLEM) if told else output.strip()[-300:]
    names = problem.partition(":")[2].split(";")[0].split(",") if told else []
    return MissingDependency(
        f"The environment {environment.name!r} cannot be built: {problem}",
        hint=hint,
        details={"packages": [name.strip() for name in names], "log": str(log)},
    )


def _rscript(environment: Environment) -> str:
    return find_r(environment.r.rscript).rscript
