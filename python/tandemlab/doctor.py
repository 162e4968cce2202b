"""What this machine offers tandemlab, and how to repair what is wrong with it.

``tandemlab doctor`` and R's ``tandemlab_doctor()`` report the same fields:

| field | meaning |
|---|---|
| ``ok`` | whether nothing is wrong |
| ``python``, ``python_why`` | the Python in use, and what named it |
| ``r``, ``r_why`` | the Rscript in use, and what named it; None where there is none |
| ``workspace`` | the workspace whose folder was tried; None for none |
| ``versions`` | of languages and packages, by name; None for what is not installed |
| ``places`` | where was looked: ``language``, ``place``, ``path``, ``exists`` |
| ``findings`` | what is wrong: ``problem`` and ``repair`` |
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tandemlab.bridge.embedded import fitting_rpy2, version_of_r
from tandemlab.bridge.rscript import find_r, r_environment, r_places, without_r
from tandemlab.domain.errors import TandemlabError
from tandemlab.version import __version__

PACKAGES = ("numpy", "pandas", "pyarrow", "polars", "rpy2")

_MARK = "tandemlab-doctor:"
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        problem: what, as a sentence.
        repair: what to do about it.
    """

    problem: str
    repair: str


@dataclass(slots=True)
class RSide:
    """What the chosen R says of itself.

    Attributes:
        r: its version; None if it does not run.
        tandemlab: version of the R package; None if it cannot be loaded.
        why_not: why it cannot.
        view: what the R package sees from there: its Python, the places, versions.
    """

    r: str | None = None
    tandemlab: str | None = None
    why_not: str = ""
    view: dict[str, Any] = field(default_factory=dict)


def examine(workspace: Path | None = None, *, is_in_r: bool = False) -> dict[str, Any]:
    """The report on this Python, the R that it finds, and a workspace's folder.

    Args:
        workspace: folder of a workspace; None to try no folder.
        is_in_r: whether a session of R asks, which has found its Python.
    """
    versions, findings = _packages()
    rscript = r_why = None
    side = RSide()
    try:
        found = find_r()
    except TandemlabError as error:
        findings.append(Finding(error.message, error.hint))
    else:
        rscript, r_why = found.rscript, found.why
        side = _ask_r(rscript)
        findings += _r_findings(rscript, side)
        if not is_in_r:
            findings += _view_findings(side)
    if workspace is not None:
        findings += try_folder(workspace)
    places = [
        {"language": "r", "place": p.place, "path": p.path, "exists": p.exists} for p in r_places()
    ]
    return {
        "ok": not findings,
        "python": sys.executable,
        "python_why": "the Python of this program",
        "r": rscript,
        "r_why": r_why,
        "workspace": None if workspace is None else str(workspace),
        "versions": {
            "R": side.r,
            "tandemlab (R)": side.tandemlab,
            "reticulate": side.view.get("reticulate"),
            "Python": ".".join(map(str, sys.version_info[:3])),
            "tandemlab (Python)": __version__,
            **versions,
        },
        "places": [*_python_places(side), *places],
        "findings": [{"problem": f.problem, "repair": f.repair} for f in findings],
    }


# Python's packages --------------------------------------------------------------------------------

_IMPORTS = """
import importlib, importlib.metadata, json, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module("rpy2.rinterface" if name == "rpy2" else name)
        answer = {"version": importlib.metadata.version(name)}
    except BaseException as problem:
        answer = {"reason": f"{type(problem).__name__}: {problem}"}
    print("tandemlab-doctor:" + json.dumps([name, answer]), flush=True)
"""


def _packages() -> tuple[dict[str, str | None], list[Finding]]:
    """Versions of the packages, and those that are installed but cannot be imported.

    Other processes import them: that may end a process.
    """
    installed = [name for name in PACKAGES if find_spec(name) is not None]
    answers: dict[str, dict[str, str]] = {}
    for names in ([n for n in installed if n != "rpy2"], [n for n in installed if n == "rpy2"]):
        while names:
            output, status = _run([sys.executable, "-c", _IMPORTS, *names])
            found = dict(json.loads(line) for line in _marked(output))
            answers |= found
            names = names[len(found) :]
            if names:
                answers[names[0]] = {"reason": f"the process ended with status {status}"}
                names = names[1:]
    versions = {name: answers.get(name, {}).get("version") for name in PACKAGES}
    findings = [
        Finding(f"Python's {name} is installed and cannot be imported: {reason}", _repair(name))
        for name in installed
        if (reason := answers[name].get("reason"))
    ]
    return versions, findings


def _repair(name: str) -> str:
    pip = f"{shlex.quote(sys.executable)} -m pip install --upgrade"
    if name == "rpy2":
        return f"{pip} {shlex.join(fitting_rpy2(version_of_r()))}"
    together = ("numpy", "pandas", "pyarrow")  # each must fit the others
    return f"{pip} {' '.join(together)}" if name in together else f"{pip} {name}"


# R ------------------------------------------------------------------------------------------------

_QUESTION = f"""
tell <- function(...) cat("{_MARK}", ..., "\\n", sep = "")
tell("[\\"r\\", \\"", format(getRversion()), "\\"]")
tryCatch({{
  loadNamespace("tandemlab")
  tell("[\\"tandemlab\\", \\"", format(utils::packageVersion("tandemlab")), "\\"]")
  tell("[\\"view\\", ", tandemlab:::doctor_view(), "]")
}}, error = function(problem) cat(conditionMessage(problem)))
"""


def _ask_r(rscript: str) -> RSide:
    output, _ = _run([rscript, "-e", _QUESTION], {**os.environ, **r_environment()})
    answers = dict(json.loads(line) for line in _marked(output))
    side = RSide(answers.get("r"), answers.get("tandemlab"), view=answers.get("view", {}))
    if not side.view:
        rest = [line for line in output.splitlines() if line and not line.startswith(_MARK)]
        side.why_not = rest[-1] if rest else "it says nothing"
    return side


def _r_findings(rscript: str, side: RSide) -> Iterator[Finding]:
    if side.r is None:
        yield Finding(
            f"{rscript} does not run: {side.why_not}",
            "Install R anew, or set TANDEMLAB_RSCRIPT to an Rscript that works.",
        )
        return
    if side.tandemlab is None:
        yield Finding(
            f"{rscript} cannot load the R package tandemlab: {side.why_not}",
            "Install it with that R (R CMD INSTALL in a checkout), or name its library in R_LIBS.",
        )
        return
    if side.tandemlab != __version__:
        yield Finding(
            f"The R package is version {side.tandemlab}, the Python package {__version__}; they "
            "must agree.",
            "Install the same version of both.",
        )


def _view_findings(side: RSide) -> Iterator[Finding]:
    if not side.view:
        return
    python, version = side.view.get("python"), side.view.get("tandemlab_there")
    me = shlex.quote(sys.executable)
    if python is None:
        yield Finding(
            "R started by itself finds no Python with tandemlab.",
            f"Set TANDEMLAB_PYTHON={me}, for example in ~/.Renviron.",
        )
    elif version is None and not _is_this(python):
        yield Finding(
            f"R started by itself uses {python}, which has no tandemlab.",
            f"Install it there, or set TANDEMLAB_PYTHON={me}.",
        )
    elif version is not None and version != side.tandemlab:
        yield Finding(
            f"R uses {python} with tandemlab {version}; the R package is version {side.tandemlab}.",
            "Install the same version of both.",
        )


def _python_places(side: RSide) -> list[dict[str, Any]]:
    return [{"language": "python", **place} for place in side.view.get("places", [])]


def _is_this(python: str) -> bool:
    return Path(python).parent.parent.resolve() == Path(sys.prefix).resolve()


# The workspace's folder ---------------------------------------------------------------------------


def try_folder(workspace: Path) -> Iterator[Finding]:
    """What the file system of a workspace cannot do; nothing is left there."""
    try:
        with tempfile.TemporaryDirectory(prefix="doctor-", dir=workspace) as name:
            for need, attempt in _NEEDS.items():
                try:
                    attempt(Path(name))
                except (OSError, sqlite3.Error) as problem:
                    yield Finding(
                        f"The file system of {workspace} offers no {need}: {problem}",
                        "Move the workspace to a local disk (ext4, xfs, btrfs, APFS).",
                    )
    except OSError as problem:
        yield Finding(
            f"The folder of the workspace {workspace} cannot be written to: {problem}",
            "Ask its owner for the right to write; until then it can only be read.",
        )


def _lock(folder: Path) -> None:
    with (folder / "lock").open("w") as one, (folder / "lock").open("w") as other:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    raise OSError("two processes can hold one lock")


def _link(folder: Path) -> None:
    (folder / "a").write_text("")
    os.link(folder / "a", folder / "b")
    if (folder / "a").stat().st_nlink != 2:
        raise OSError("links are copies")


def _wal(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "store.db")) as database:
        (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise OSError(f"SQLite keeps to the mode {mode}")
        database.execute("CREATE TABLE t (x)")


_NEEDS: dict[str, Callable[[Path], None]] = {
    "locks (flock)": _lock,
    "hard links": _link,
    "pipes (mkfifo)": lambda folder: os.mkfifo(folder / "pipe"),
    "shared memory for SQLite (WAL)": _wal,
}


# Processes ----------------------------------------------------------------------------------------


def _run(command: list[str], environment: dict[str, str] | None = None) -> tuple[str, int]:
    """What a command prints, output and error together, and its exit status."""
    variables = without_r(os.environ) if environment is None else environment
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=variables,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem), -1
    return done.stdout.decode(errors="replace"), done.returncode


def _marked(output: str) -> Iterator[str]:
    for line in output.splitlines():
        if line.startswith(_MARK):
            yield line.removeprefix(_MARK)
