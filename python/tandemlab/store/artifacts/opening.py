"""Opening a place for contents: with which keys, and whose it is."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tandemlab.domain import AlreadyExists, InvalidState
from tandemlab.store.artifacts.address import Address
from tandemlab.store.artifacts.place import ArtifactPlace

_SECRETS = {"key": "artifacts-access-key-id", "secret": "artifacts-secret-access-key"}


def open_place(address: str, *, secrets: tuple[Path, str] | None = None) -> ArtifactPlace:
    """The place at an address; nothing is looked at yet.

    Args:
        secrets: path and id of the workspace folder whose keyvault may have the keys, as
            ``artifacts-access-key-id`` and ``artifacts-secret-access-key``.
    """
    found = Address.of(address)
    keys = _keys(*secrets) if secrets is not None and found.scheme == "s3" else {}
    return ArtifactPlace(found, keys)


def _keys(folder: Path, workspace_id: str) -> Mapping[str, str]:
    """The keys in a workspace's vault: both or none."""
    from tandemlab.store.secrets import FILE, open_secrets

    if not (folder / FILE).exists():
        return {}
    found = open_secrets(folder, workspace_id).get(list(_SECRETS.values()))
    if len(found) < len(_SECRETS):
        return {}
    return {name: found[secret] for name, secret in _SECRETS.items()}


def claim(
    place: ArtifactPlace, workspace_id: str, store: str | None, folder: Path, *, join: bool
) -> bool:
    """Have a place belong to a workspace; whether it was nobody's before.

    Raises:
        AlreadyExists: it is another workspace's, or this database's and `join` is False.
    """
    marker = place.read_marker()
    if marker is None:
        place.write_marker(workspace_id, store, home_of(folder) if store is None else None)
        return True
    if join and is_ours(marker, workspace_id, store):
        return False
    raise AlreadyExists(
        f"{place.address} holds the contents of a workspace already.",
        hint="Choose another prefix. Folders share a place only if they share a database.",
        details={"artifacts": str(place.address)},
    )


def home_of(folder: Path) -> dict[str, Any]:
    """What tells a workspace folder from its copies, wherever it is moved on its disk."""
    return {"host": socket.gethostname(), "path": str(folder), "inode": folder.stat().st_ino}


def problem_of_home(
    place: ArtifactPlace, marker: Mapping[str, Any], folder: Path
) -> InvalidState | None:
    """Why a folder may not remove contents of a place that is its workspace's; None if it may.

    Two folders with databases of their own do not know what the other needs.
    """
    home = marker.get("home")
    if home is None or home["inode"] == folder.stat().st_ino:
        return None
    return InvalidState(
        f"The contents are those of the folder {home['path']} on {home['host']}: {folder} is "
        "a copy of it, or was moved to another disk.",
        hint="Give a copy a place of its own for its contents. If the other folder is gone, "
        "`tandemlab workspace gc --take-over` has this one take its place.",
        details={"artifacts": str(place.address), "home": dict(home)},
    )


def is_ours(marker: Mapping[str, object], workspace_id: str, store: str | None) -> bool:
    """Whether a place is this workspace's, or that of the database that it shares with others."""
    if marker.get("workspace") == workspace_id:
        return True
    theirs = marker.get("store")
    return store is not None and isinstance(theirs, str) and _database(theirs) == _database(store)


def _database(address: str) -> tuple[object, ...]:
    """What an address of a database names, whoever the user is."""
    parts = urlsplit(address)
    return parts.hostname, parts.port or 5432, parts.path, parts.query
