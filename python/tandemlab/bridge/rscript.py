"""Which R: one resolver for everything that starts R, and for ``tandemlab doctor``.

The first place that names an Rscript wins: the caller's argument, the variable
``TANDEMLAB_RSCRIPT``, the file ``tandemlab.json`` in this Python's environment, the variable
``R_HOME``, the search path. What a person named and is not there is an error; ``tandemlab.json``
and ``R_HOME`` are written by programs, and are passed over where they are out of date.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tandemlab.domain.errors import InvalidInput, MissingDependency


@dataclass(frozen=True, slots=True)
class Place:
    """A place that may name a program.

    Attributes:
        place: what it is, for people.
        path: what it names; None if it names nothing.
        exists: whether a program that can be run is there.
    """

    place: str
    path: str | None
    exists: bool


@dataclass(frozen=True, slots=True)
class FoundR:
    """The R that was chosen.

    Attributes:
        rscript: absolute path of its Rscript.
        why: the place that named it.
    """

    rscript: str
    why: str


_ARGUMENT = "the argument"
_VARIABLE = "the variable TANDEMLAB_RSCRIPT"
_HINTS = {
    _ARGUMENT: "Give the path of a program that can be executed.",
    _VARIABLE: "TANDEMLAB_RSCRIPT names it: set it to the path of an Rscript, or unset it.",
}


def find_r(chosen: str | os.PathLike[str] | None = None) -> FoundR:
    """The R to start.

    Args:
        chosen: path of an Rscript, or its name on the search path.

    Raises:
        InvalidInput: ``chosen`` or ``TANDEMLAB_RSCRIPT`` names what is not there.
        MissingDependency: there is no R on this machine.
    """
    for place in r_places(chosen):
        if place.path is None:
            continue
        if place.exists:
            found = shutil.which(place.path)
            return FoundR(os.path.abspath(found or place.path), place.place)
        if place.place in _HINTS:
            raise InvalidInput(
                f"The interpreter {place.path!r} is not on this machine.",
                hint=_HINTS[place.place],
                details={"interpreter": place.path},
            )
    raise MissingDependency(
        "There is no Rscript on this machine.",
        hint="Install R, or set TANDEMLAB_RSCRIPT to its Rscript. `tandemlab doctor` lists where "
        "was looked.",
    )


def r_places(chosen: str | os.PathLike[str] | None = None) -> list[Place]:
    """Every place that is looked at, in order, with what it names."""
    home = os.environ.get("R_HOME")
    named = (
        (_ARGUMENT, None if chosen is None else os.fspath(chosen)),
        (_VARIABLE, os.environ.get("TANDEMLAB_RSCRIPT") or None),
        (f"the file {twin_file()}", r_twin().get("rscript")),
        ("the variable R_HOME", os.path.join(home, "bin", "Rscript") if home else None),
        ("the search path", shutil.which("Rscript")),
    )
    return [
        Place(place, path, path is not None and shutil.which(path) is not None)
        for place, path in named
        if place != _ARGUMENT or path is not None
    ]


def r_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables with which the chosen R finds its libraries: ``R_LIBS``, or none.

    Args:
        environment: the variables to add to; those of this process by default.
    """
    known = os.environ if environment is None else environment
    libraries = [*known.get("R_LIBS", "").split(os.pathsep), *r_twin().get("r_libs", [])]
    paths = list(dict.fromkeys(filter(None, libraries)))
    return {"R_LIBS": os.pathsep.join(paths)} if paths else {}


def without_r(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for programs other than R, started from within R.

    R puts folders of its own and of the system in front of ``LD_LIBRARY_PATH``. A Python that is
    not the system's would load the system's libpython from there, and lose ``ssl``.
    """
    home, paths = environment.get("R_HOME"), environment.get("LD_LIBRARY_PATH")
    if not home or not paths:
        return dict(environment)
    of_r = _library_path_of(home, environment.get("JAVA_HOME", "")).split(os.pathsep)
    rest = [path for path in paths.split(os.pathsep) if path and path not in of_r]
    cleaned = {n: value for n, value in environment.items() if n != "LD_LIBRARY_PATH"}
    return {**cleaned, "LD_LIBRARY_PATH": os.pathsep.join(rest)} if rest else cleaned


@cache
def _library_path_of(home: str, java_home: str) -> str:
    command = '. "$R_HOME/etc/ldpaths" && printf %s "$LD_LIBRARY_PATH"'
    variables = {"R_HOME": home, **({"JAVA_HOME": java_home} if java_home else {})}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return done.stdout


def twin_file() -> Path:
    """``tandemlab.json`` in the folder of this Python's environment."""
    return Path(sys.prefix, "tandemlab.json")


def r_twin() -> dict[str, Any]:
    """The R that belongs to this Python: the content of `twin_file`.

    Set-up scripts write it, so that an R script that Python starts finds the R package:
    ``{"rscript": path, "r_libs": [paths]}``, both optional.
    """
    try:
        content = json.loads(twin_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
