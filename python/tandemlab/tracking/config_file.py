"""``config.json``: a small file in a project that points to a workspace."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.store.durable import write_json
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.place import is_url
from tandemlab.tracking.known import find_by_name

_FOLDERS = (".tandemlab", ".azureml", "aml_config", "")
_FILE = "config.json"


def write_config(address: str, name: str, project: Path, file_name: str | None) -> Path:
    """Write ``.tandemlab/config.json`` below `project`; its path."""
    file = project / ".tandemlab" / (file_name or _FILE)
    file.parent.mkdir(parents=True, exist_ok=True)
    place = (
        {"workspace_url": address}
        if is_url(address)
        else {"workspace_path": os.path.relpath(address, project)}
    )
    write_json(file, {"workspace_name": name, **place})
    return file


def find_workspace(start: Path, file_name: str | None) -> str:
    """Path or URL of the workspace that `start` belongs to.

    `start` is a configuration file, or a folder: then it and its parents are searched, each for
    ``.tandemlab/``, ``.azureml/``, ``aml_config/`` and itself with a ``config.json``, and for
    being a workspace.

    Raises:
        NotFound: nothing was found, or what was found points nowhere.
    """
    start = start.expanduser().absolute()
    if start.is_file():
        return _target(start)
    for folder in (start, *start.parents):
        if file_name is None and WorkspaceFolder(folder).exists:
            return str(folder)
        for place in _FOLDERS:
            file = folder / place / (file_name or _FILE)
            if file.is_file() and _is_ours(file):
                return _target(file)
    raise NotFound(
        f"No workspace belongs to {start} or the folders above it.",
        hint="Create one with `tandemlab workspace create lab`, or give a path.",
        details={"path": str(start)},
    )


def _is_ours(file: Path) -> bool:
    """Whether a file named config.json is about a workspace: other programs use the name too."""
    try:
        return isinstance(json.loads(file.read_text(encoding="utf-8")), dict) and (
            "workspace_name" in file.read_text(encoding="utf-8")
        )
    except (OSError, ValueError):
        return False


def _target(file: Path) -> str:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        name = str(content["workspace_name"])
        url = content.get("workspace_url")
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{file} does not describe a workspace: {error}.",
            hint='It needs a "workspace_name" and, best, a "workspace_path" or a "workspace_url".',
            details={"path": str(file)},
        ) from error
    if url is not None:
        return str(url)
    project = file.parent.parent if file.parent.name in _FOLDERS else file.parent
    for place in _places(project, name, content.get("workspace_path")):
        if is_url(place):
            return place
        if WorkspaceFolder(Path(place)).exists:
            return os.path.normpath(place)
    raise NotFound(
        f"{file} points to the workspace {name!r}, which is not on this machine.",
        hint=f"Create it with `tandemlab workspace create {name}`.",
        details={"path": str(file), "name": name},
    )


def _places(project: Path, name: str, path: str | None) -> Iterator[str]:
    """Where a configured workspace may be; by its name only where its path leads nowhere."""
    if path is not None:
        yield str(project / path)
    if found := find_by_name(name):
        yield found
    yield str(project / name)
