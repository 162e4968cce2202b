"""Environments from and to files: requirements, conda files, renv's lock files, and our own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.documents import read_document, write_document
from tandemlab.domain.environments import Environment, PythonLock, PythonSection, RPackage, RSection
from tandemlab.domain.schemas import conform, key_of
from tandemlab.environments.locking import locked_packages
from tandemlab.store.durable import write_file

ENVIRONMENT_SUFFIXES = (".txt", ".lock", ".yml", ".yaml")
_TEXTS = {"type": ["array", "null"], "items": {"type": "string"}}
_CONDA_FILE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": ["string", "null"]},
        "prefix": {"type": ["string", "null"]},
        "channels": _TEXTS,
        "platforms": _TEXTS,
        "variables": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
        "dependencies": {
            "type": ["array", "null"],
            "items": {
                "type": ["string", "object"],
                "additionalProperties": False,
                "properties": {"pip": _TEXTS},
            },
        },
    },
}
_BIOCONDUCTOR = "https://bioconductor.org/packages"
_PARTS = ("bioc", "data/annotation", "data/experiment")


def read_environment(path: str | os.PathLike[str], name: str | None = None) -> Environment:
    """An environment from a file of any kind that is known here.

    These are ``requirements.txt`` (or another ``.txt``), ``renv.lock`` (or another ``.lock``), a
    conda file and a file of `save_environment` (``.yml`` or ``.yaml``; conda's have
    ``dependencies``).

    Args:
        name: of the environment; that in the file, or the file's name without extension, if None.

    Raises:
        InvalidInput: the file is not there, is of no such kind, or cannot be used.
    """
    file = Path(path)
    if file.suffix == ".txt":
        return from_pip_requirements(name or file.stem, file)
    if file.suffix == ".lock":
        return from_renv_lock(name or file.stem, file)
    if file.suffix not in (".yml", ".yaml"):
        raise InvalidInput(
            f"{file} is no file of an environment.",
            hint="Files of environments end in .txt (pip), .lock (renv), .yml or .yaml.",
            details={"path": str(file)},
        )
    content = _yaml(file)
    if "dependencies" in content:
        return from_conda_specification(name or str(content.get("name") or file.stem), file)
    found = load_environment(file)
    return found if name is None else found.replace(name=name)


def environment_of(text: str | None) -> Environment | str | None:
    """The environment of a file, by its ending; any other text is the name of one.

    >>> environment_of("sklearn")
    'sklearn'
    """
    if text is None or Path(text).suffix not in ENVIRONMENT_SUFFIXES:
        return text
    return read_environment(text)


def is_own_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of `save_environment`: YAML, and none of conda's."""
    file = Path(path)
    return file.suffix in (".yml", ".yaml") and "dependencies" not in _yaml(file)


def from_pip_requirements(name: str, path: str | os.PathLike[str]) -> Environment:
    """An environment from a ``requirements.txt``; files that it names by ``-r`` are read, too.

    A file with hashes, as `uv pip compile --generate-hashes` or pip-tools write it, gives a lock.

    Raises:
        InvalidInput: a file is not there, or has an option of pip that an environment has no
            place for, or hashes for some of its packages only.
    """
    lines = _requirements(Path(path), seen=())
    if not any("--hash" in line for line in lines):
        return Environment(name, PythonSection(tuple(lines)))
    packages = locked_packages("\n".join(lines))
    requirements = tuple(package.requirement for package in packages)
    return Environment(name, PythonSection(requirements, lock=PythonLock(packages, requirements)))


def _requirements(path: Path, seen: tuple[Path, ...]) -> list[str]:
    if path.resolve() in seen:
        raise InvalidInput(f"{path} names itself by -r.")
    found: list[str] = []
    for number, raw in enumerate(_read(path).replace("\\\n", " ").splitlines(), 1):
        line = raw.partition(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        option, _, rest = (
            line.replace("=", " ", 1).partition(" ") if line[0] == "-" else ("", "", "")
        )
        if option in ("-r", "--requirement"):
            found += _requirements(path.parent / rest.strip(), (*seen, path.resolve()))
        elif option:
            raise InvalidInput(
                f"{path}, line {number}: an environment has no place for {option!r}.",
                hint="Leave requirements and names of files with -r; set indexes by UV_INDEX_URL.",
                details={"path": str(path), "line": number},
            )
        else:
            found.append(line)
    return found


def from_conda_specification(name: str, path: str | os.PathLike[str]) -> Environment:
    """An environment from a conda file, such as SDK v1's ``conda_dependencies.yml``.

    Its pip part and its version of Python need no conda; other packages do.

    Raises:
        InvalidInput: the file is not there, or is no conda file.
    """
    document = read_document(_read(Path(path)), str(path))
    return _of_conda(name, document.conforming(_CONDA_FILE))


def conda_environment(name: str, content: Mapping[str, Any]) -> Environment:
    """An environment from what a conda file holds.

    Raises:
        InvalidInput: keys that are not known, or values of another type.
    """
    value, mistakes = conform(content, _CONDA_FILE)
    if mistakes:
        told = "; ".join(f"{key_of(each.path)}: {each.message}" for each in mistakes)
        raise InvalidInput(f"What conda is to install cannot be read. {told}.")
    return _of_conda(name, value)


def _of_conda(name: str, content: Mapping[str, Any]) -> Environment:
    conda: list[str] = []
    requirements: list[str] = []
    version = None
    for item in content.get("dependencies") or []:
        if isinstance(item, Mapping):
            requirements += item.get("pip") or []
            continue
        package, _, rest = str(item).replace("==", "=").partition("=")
        if package.strip() == "python":
            version = rest.strip("=<> .*") or None
        elif package.strip() != "pip":
            conda.append(str(item))
    channels = tuple(str(channel) for channel in content.get("channels") or [])
    return Environment(
        name,
        PythonSection(
            tuple(requirements),
            version=version,
            conda=tuple(conda),
            channels=channels if conda else (),
        ),
        variables=content.get("variables") or {},
    )


def from_renv_lock(name: str, path: str | os.PathLike[str]) -> Environment:
    """An environment from an ``renv.lock``: exactly those versions.

    Packages of repositories, of Bioconductor, of GitHub and of URLs are taken from there.

    Raises:
        InvalidInput: the file is not there, is no lock file, or names packages that come from
            elsewhere.
    """
    try:
        content = json.loads(_read(Path(path)))
        repositories = {each["Name"]: each["URL"] for each in content["R"].get("Repositories", [])}
        bioconductor = content.get("Bioconductor", {}).get("Version")
        found = {key: _renv_package(key, each) for key, each in content["Packages"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise InvalidInput(
            f"{path} is no lock file of renv: {_lacking(problem)}.",
            hint="renv::snapshot() writes one.",
            details={"path": str(path)},
        ) from None
    elsewhere = [key for key, package in found.items() if package is None]
    if elsewhere:
        raise InvalidInput(
            f"{path} has packages that come from no place known here: {', '.join(elsewhere)}.",
            hint="Put them into a CRAN-like repository, or a library that the environment names.",
            details={"packages": elsewhere},
        )
    packages = [
        replace(package, repository=repositories.get(package.repository))
        for package in found.values()
        if package is not None
    ]
    more = [f"{_BIOCONDUCTOR}/{bioconductor}/{part}" for part in _PARTS] if bioconductor else []
    return Environment(name, r=RSection(tuple(packages), (*repositories.values(), *more)))


def _lacking(problem: Exception) -> str:
    return f"it lacks {problem}" if isinstance(problem, KeyError) else str(problem)


def _renv_package(name: str, record: Mapping[str, Any]) -> RPackage | None:
    """A package with the name of its repository; None if it comes from a place not known here."""
    version, source = record["Version"], record.get("Source", "Repository")
    if source in ("Repository", "Bioconductor"):
        return RPackage(name, version, record.get("Repository"))
    if source == "GitHub":
        place = f"{record['RemoteUsername']}/{record['RemoteRepo']}"
        ref = record.get("RemoteSha") or record.get("RemoteRef") or "HEAD"
        return replace(RPackage.from_github(f"{place}@{ref}", name), version=version)
    if source == "URL":
        return RPackage(name, version, source=record["RemoteUrl"])
    return None


def load_environment(path: str | os.PathLike[str]) -> Environment:
    """The environment that `save_environment` wrote.

    Raises:
        InvalidInput: the file is not there, or a key or value in it cannot be used.
    """
    document = read_document(_read(Path(path)), str(path))
    content = document.conforming(environment_schema())
    with document.explaining():
        return Environment.from_dict(content)


@cache
def environment_schema() -> dict[str, Any]:
    """The JSON Schema of an environment's own files."""
    text = files(__package__).joinpath("environment.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def check_own_name(path: str | os.PathLike[str]) -> None:
    """Refuse a path for an environment's file that would be read as something else.

    Raises:
        InvalidInput: it does not end in ``.yml`` or ``.yaml``.
    """
    if Path(path).suffix not in (".yml", ".yaml"):
        raise InvalidInput(
            f"{path} would not be read as an environment again.",
            hint="Give it the ending .yml or .yaml.",
            details={"path": str(path)},
        )


def save_environment(environment: Environment, path: str | os.PathLike[str]) -> Path:
    """Write an environment as YAML; the path.

    Raises:
        InvalidInput: the path ends otherwise than ``.yml`` or ``.yaml``, by which it is read.
    """
    check_own_name(path)
    text = write_document(environment.to_dict())
    write_file(Path(path), text.encode())
    return Path(path)


def take_in_environment(content: dict[str, Any], folder: Path) -> None:
    """Put the environment of a file that a document names in the place of its name.

    Raises:
        InvalidInput: the file cannot be read.
    """
    named = content.get("environment")
    if isinstance(named, str) and Path(named).suffix in ENVIRONMENT_SUFFIXES:
        content["environment"] = read_environment(folder / named).to_dict()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise InvalidInput(
            f"{path} cannot be read: {reason}.", details={"path": str(path)}
        ) from None


def _yaml(path: Path) -> dict[str, Any]:
    content = read_document(_read(path), str(path)).value
    if not isinstance(content, dict):
        raise InvalidInput(f"{path} holds no mapping of keys to values.")
    return content
