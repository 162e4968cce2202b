"""``config.json``: a small file in a project that points to a workspace."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.store.durable import write_json
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.tracking.known import find_by_name

_FOLDERS = (".tandemlab", ".azureml", "aml_config", "")
_FILE = "config.json"


def write_config(workspace: Path, name: str, project: Path, file_name: str | None) -> Path:
    """Write ``.tandemlab/config.json`` below `project`; its path."""
    file = project / ".tandemlab" / (file_name or _FILE)
    file.parent.mkdir(parents=True, exist_ok=True)
    path = os.path.relpath(workspace, project)
    write_json(file, {"workspace_name": name, "workspace_path": path})
    return file


def find_workspace(start: Path, file_name: str | None) -> Path:
    """Path of the workspace that `start` belongs to.

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
            return folder
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


def _target(file: Path) -> Path:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        name = str(content["workspace_name"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{file} does not describe a workspace: {error}.",
            hint='It needs a "workspace_name" and, best, a "workspace_path".',
            details={"path": str(file)},
        ) from error
    project = file.parent.parent if file.parent.name in _FOLDERS else file.parent
    for path in _places(project, name, content.get("workspace_path")):
        if WorkspaceFolder(path).exists:
            return Path(os.path.normpath(path))
    raise NotFound(
        f"{file} points to the workspace {name!r}, which is not on this machine.",
        hint=f"Create it with `tandemlab workspace create {name}`.",
        details={"path": str(file), "name": name},
    )


def _places(project: Path, name: str, path: str | None) -> Iterator[Path]:
    """Where a configured workspace may be; by its name only where its path leads nowhere."""
    if path is not None:
        yield project / path
    if found := find_by_name(name):
        yield found
    yield project / name
