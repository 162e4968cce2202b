"""The workspaces that this user knows by name."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tandemlab.domain import InvalidInput
from tandemlab.store.durable import write_json
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.place import is_url
from tandemlab.store.user import configuration_folder


def known_workspaces() -> dict[str, str]:
    """Paths and URLs of the known workspaces, with their names; folders only if still there."""
    return {
        address: name
        for address, name in _read().items()
        if is_url(address) or WorkspaceFolder(Path(address)).exists
    }


def find_by_name(name: str) -> str | None:
    """Path or URL of the known workspace of that name, or None.

    Of several the one that is meant is the folder of that name in the working directory.

    Raises:
        InvalidInput: several have that name, and none of them is that folder.
    """
    found = [address for address, known in known_workspaces().items() if known == name]
    if (here := os.path.abspath(name)) in found:
        return here
    if len(found) > 1:
        raise InvalidInput(
            f"Several workspaces are called {name!r}: {', '.join(found)}.",
            hint="Give the path or URL of the one that you mean.",
            details={"name": name, "paths": found},
        )
    return found[0] if found else None


def remember(address: str, name: str) -> None:
    """Add a workspace; where the configuration folder cannot be written, it stays unknown."""
    if _read().get(address) != name:
        with suppress(OSError), _editing() as entries:
            entries[address] = name


def forget(address: str) -> None:
    """Take a workspace off the list."""
    with suppress(OSError), _editing() as entries:
        entries.pop(address, None)


def _file() -> Path:
    return configuration_folder() / "workspaces.json"


def _read() -> dict[str, str]:
    try:
        entries = json.loads(_file().read_text(encoding="utf-8"))["workspaces"]
        return {str(address): str(name) for address, name in entries.items()}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}


@contextmanager
def _editing() -> Iterator[dict[str, str]]:
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / "workspaces.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = _read()
        yield entries
        write_json(file, {"workspaces": dict(sorted(entries.items()))})
