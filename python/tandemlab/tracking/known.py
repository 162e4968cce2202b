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


def configuration_folder() -> Path:
    """``$TANDEMLAB_CONFIG_DIR``, or the platform's configuration folder."""
    chosen = os.environ.get("TANDEMLAB_CONFIG_DIR")
    if chosen:
        return Path(chosen)
    from platformdirs import user_config_path

    return user_config_path("tandemlab")


def known_workspaces() -> dict[Path, str]:
    """Paths and names of the known workspaces that are still there."""
    return {path: name for path, name in _read().items() if WorkspaceFolder(path).exists}


def find_by_name(name: str) -> Path | None:
    """Path of the known workspace of that name, or None.

    Raises:
        InvalidInput: several have that name.
    """
    found = [path for path, known in known_workspaces().items() if known == name]
    if len(found) > 1:
        raise InvalidInput(
            f"Several workspaces are called {name!r}: {', '.join(map(str, found))}.",
            hint="Give the path of the one that you mean.",
            details={"name": name, "paths": [str(path) for path in found]},
        )
    return found[0] if found else None


def remember(path: Path, name: str) -> None:
    """Add a workspace; where the configuration folder cannot be written, it stays unknown."""
    if _read().get(path) != name:
        with suppress(OSError), _editing() as entries:
            entries[path] = name


def forget(path: Path) -> None:
    """Take a workspace off the list."""
    with suppress(OSError), _editing() as entries:
        entries.pop(path, None)


def _file() -> Path:
    return configuration_folder() / "workspaces.json"


def _read() -> dict[Path, str]:
    try:
        entries = json.loads(_file().read_text(encoding="utf-8"))["workspaces"]
        return {Path(path): str(name) for path, name in entries.items()}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}


@contextmanager
def _editing() -> Iterator[dict[Path, str]]:
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / "workspaces.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = _read()
        yield entries
        content = {str(path): name for path, name in sorted(entries.items())}
        write_json(file, {"workspaces": content})
