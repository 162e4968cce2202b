"""Environments by name and version: those that a workspace keeps, and the curated ones.

``WORKSPACE/environments/NAME/VERSION.json`` is written once and never changed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.documents import read_document
from tandemlab.domain.environments import Environment
from tandemlab.domain.names import check_name
from tandemlab.domain.schemas import nearest
from tandemlab.environments.files import environment_schema
from tandemlab.store.durable import link_or_copy, storage_errors, write_json

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace


@dataclass(frozen=True, slots=True)
class RegisteredEnvironment:
    """An environment as a workspace keeps it.

    Attributes:
        version: 1, 2, 3, …; None for a curated one.
        created: when it was registered, in UTC; None for a curated one.
    """

    environment: Environment
    version: int | None = None
    created: datetime | None = None

    @property
    def name(self) -> str:
        """Name of the environment."""
        return self.environment.name


def register_environment(workspace: Workspace, environment: Environment) -> RegisteredEnvironment:
    """Keep an environment in a workspace, under its name and the next version.

    One that is the same as the newest version is that version; nothing is written then.

    Raises:
        InvalidInput: the workspace is at a server, or the name has a ``:``.
    """
    folder = _folder(workspace) / check_name(environment.name, what="environment")
    if ":" in environment.name:
        raise InvalidInput(
            f"{environment.name!r} cannot be registered: NAME:VERSION names a version.",
            hint="Choose a name without ':'.",
        )
    while True:
        versions = _versions(folder)
        if versions and (newest := _read(folder, versions[-1])).environment == environment:
            return newest
        version = versions[-1] + 1 if versions else 1
        content = {
            "format": 1,
            "version": version,
            "created": datetime.now(timezone.utc).isoformat(),
            "environment": environment.to_dict(),
        }
        with suppress(FileExistsError):  # another has taken that version meanwhile
            _write_new(folder / f"{version}.json", content)
            return _read(folder, version)


def get_environment(
    workspace: Workspace, name: str, version: int | None = None
) -> RegisteredEnvironment:
    """A registered environment, or else the curated one of that name.

    Args:
        name: of the environment, or ``"NAME:VERSION"``.
        version: the newest if None.

    Raises:
        NotFound: there is none; the hint has the nearest name, or the versions that there are.
    """
    title, _, number = name.partition(":")
    if number:
        if not number.isdecimal() or version is not None:
            raise InvalidInput(f"{name!r} is no environment; write NAME or NAME:VERSION.")
        version = int(number)
    folder = None
    if not workspace.is_remote:
        folder = _folder(workspace) / check_name(title, what="environment")
    versions = _versions(folder) if folder else []
    if folder and versions and (version is None or version in versions):
        return _read(folder, versions[-1] if version is None else version)
    if not versions and version is None and title in curated_environments():
        return RegisteredEnvironment(curated_environments()[title])
    known = [each.name for each in list_environments(workspace)]
    meant = nearest(title, known)
    raise NotFound(
        f"There is no environment {name!r} in the workspace.",
        hint=f"{title} has the versions {', '.join(map(str, versions))}."
        if versions
        else f"Did you mean {meant!r}?"
        if meant and meant != title
        else f"There are {', '.join(known)}.",
        details={"name": title, "version": version, "versions": versions},
    )


def list_environments(workspace: Workspace) -> list[RegisteredEnvironment]:
    """The newest version of each registered environment by name, and the curated ones."""
    found = {name: RegisteredEnvironment(each) for name, each in curated_environments().items()}
    if not workspace.is_remote:
        for folder in _folder(workspace).glob("*/"):
            if versions := _versions(folder):
                newest = _read(folder, versions[-1])
                found[newest.name] = newest
    return [found[name] for name in sorted(found)]


@cache
def curated_environments() -> dict[str, Environment]:
    """The environments that are there in every workspace."""
    file = files(__package__).joinpath("curated.yaml")
    document = read_document(file.read_text(encoding="utf-8"), "curated.yaml")
    content = document.conforming({"type": "object", "additionalProperties": environment_schema()})
    return {name: Environment.from_dict({"name": name, **each}) for name, each in content.items()}


def _folder(workspace: Workspace) -> Path:
    if workspace.is_remote:
        raise InvalidInput(
            "Environments are registered in the folder of a workspace, not by a server's address.",
            hint="Register it on the server's machine, or give the environment to the run.",
        )
    return Path(workspace.path) / "environments"


def _versions(folder: Path) -> list[int]:
    return sorted(int(file.stem) for file in folder.glob("*.json") if file.stem.isdecimal())


def _read(folder: Path, version: int) -> RegisteredEnvironment:
    file = folder / f"{version}.json"
    with storage_errors(file):
        text = file.read_text(encoding="utf-8")
    try:
        content = json.loads(text)
        return RegisteredEnvironment(
            Environment.from_dict(content["environment"]),
            version,
            datetime.fromisoformat(content["created"]),
        )
    except (ValueError, KeyError, TypeError) as problem:
        raise InvalidInput(f"{file} is damaged: {problem!r}.") from None


def _write_new(path: Path, content: dict[str, Any]) -> None:
    """Write a file that is not there yet, whole or not at all."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{token_hex(8)}.new")
    write_json(temporary, content)
    try:
        link_or_copy(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
