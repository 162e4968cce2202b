"""Locks: the exact packages that an environment's requirements come to, as part of its value.

uv resolves Python's, with the hashes of all files that a version has; `resolve.R` resolves R's from
the indexes of the repositories.
"""

from __future__ import annotations

import csv
import platform
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tandemlab.domain import InvalidInput, MissingDependency
from tandemlab.domain.environments import (
    Environment,
    LockedPackage,
    PythonLock,
    PythonSection,
    RLock,
    RPackage,
    RSection,
)
from tandemlab.environments import python_build, r_build
from tandemlab.environments.process import run_logged

_RENEW = "`tandemlab environment lock FILE` or lock_environment() makes a new lock."


def lock_environment(environment: Environment) -> Environment:
    """The environment with a lock of what its packages come to now.

    A lock that it has is made anew. From then on exactly the locked packages are installed, and
    those of Python only from files with the hashes in the lock.

    Raises:
        InvalidInput: there is nothing to lock: it installs nothing, or packages of conda.
        MissingDependency: a package cannot be had (the message names it), or there is no uv.

    Example:
        >>> from tandemlab.environments import PythonSection
        >>> study = Environment("study", PythonSection(("six>=1.16",)))
        >>> lock_environment(study).python.lock.packages  # doctest: +SKIP
        (LockedPackage(requirement='six==1.17.0', hashes=('sha256:4721f391ed90541fddacab5acf947a…
    """
    python, r = environment.python, environment.r
    if python.conda:
        raise InvalidInput(
            f"The environment {environment.name!r} has packages of conda, which are not locked: "
            f"{', '.join(python.conda)}.",
            hint="Give their exact versions, or move them to the pip part if pip has them.",
        )
    if not python.requirements and not r.packages:
        raise InvalidInput(
            f"The environment {environment.name!r} installs nothing: there is nothing to lock."
        )
    with tempfile.TemporaryDirectory(prefix="tandemlab-lock-") as folder:
        if python.requirements:
            python = replace(python, lock=_lock_python(environment, Path(folder)))
        if r.packages:
            r = replace(r, lock=_lock_r(environment, Path(folder)))
    return environment.replace(python=python, r=r)


def check_lock(environment: Environment) -> None:
    """Refuse a lock that is not one of what the environment asks for, here.

    Raises:
        InvalidInput: what it asks for has changed, or the lock is for another Python or platform.
    """
    problem = _python_problem(environment.python) or _r_problem(environment.r)
    if problem:
        raise InvalidInput(
            f"The lock of the environment {environment.name!r} does not fit: {problem}.",
            hint=_RENEW,
            details={"environment": environment.name},
        )


def _python_problem(python: PythonSection) -> str | None:
    lock = python.lock
    if lock is None:
        return None
    if problem := _difference(set(python.requirements), set(lock.requirements)):
        return problem
    version = _python_version(python)
    if lock.version is not None and not f"{version}.".startswith(f"{lock.version}."):
        return f"it was made for Python {lock.version}, and this is {version}"
    if lock.platform is not None and lock.platform != _platform():
        return f"it was made for {lock.platform}, and this is {_platform()}"
    return None


def _r_problem(r: RSection) -> str | None:
    if r.lock is None:
        return None
    wanted, locked = ({_described(each) for each in of} for of in (r.packages, r.lock.requested))
    return _difference(wanted, locked)


def _difference(wanted: set[str], locked: set[str]) -> str | None:
    new, old = sorted(wanted - locked), sorted(locked - wanted)
    told = [f"it has nothing for {', '.join(new)}"] if new else []
    told += [f"{', '.join(old)} is no longer asked for"] if old else []
    return " and ".join(told) or None


def _described(package: RPackage) -> str:
    place = package.repository or package.source
    return " ".join(filter(None, (package.name, package.version, place and f"of {place}")))


def _python_version(python: PythonSection) -> str:
    return python.version or f"{sys.version_info.major}.{sys.version_info.minor}"


def _platform() -> str:
    return f"{sys.platform}-{platform.machine()}"


def _lock_python(environment: Environment, folder: Path) -> PythonLock:
    uv = python_build.find_uv()
    if uv is None:
        raise MissingDependency(
            "Locks of Python packages are made by uv, which is not on this machine.",
            hint="pip install uv",
        )
    python = environment.python
    version = _python_version(python)
    wanted, found = folder / "requirements.in", folder / "requirements.txt"
    asked = [*python.requirements, *python_build.core_requirements()]
    wanted.write_text("\n".join(asked) + "\n", encoding="utf-8")
    options = ["--generate-hashes", "--no-header", "--no-annotate", "--python-version", version]
    command = [uv, "pip", "compile", *options, "--output-file", str(found), str(wanted)]
    log = folder / "log"
    code, output = run_logged(command, log, environment=python_build.clean())
    if code != 0:
        raise python_build.not_built(environment, output, None, "locked")
    packages = locked_packages(found.read_text(encoding="utf-8"))
    return PythonLock(packages, python.requirements, version, _platform())


def locked_packages(text: str) -> tuple[LockedPackage, ...]:
    """The packages of a requirements file in which each has hashes.

    Raises:
        InvalidInput: one has none, such as one that comes from a folder.

    >>> locked_packages("six==1.16.0 --hash=sha256:8abb")[0].hashes
    ('sha256:8abb',)
    """
    lines = text.replace("\\\n", " ").splitlines()
    return tuple(
        LockedPackage(
            re.split(r"\s+--hash", line.strip(), maxsplit=1)[0].strip(),
            tuple(re.findall(r"--hash[= ](\S+)", line)),
        )
        for line in lines
        if line.strip() and not line.lstrip().startswith("#")
    )


def _lock_r(environment: Environment, folder: Path) -> RLock:
    found = folder / "r-packages.tsv"
    r_build.resolve(environment, found, folder / "log")
    with found.open(encoding="utf-8", newline="") as stream:
        packages = [
            RPackage(row["name"], row["version"], row["repository"] or None, row["source"] or None)
            for row in csv.DictReader(stream, delimiter="\t")
        ]
    return RLock(tuple(packages), environment.r.packages)
