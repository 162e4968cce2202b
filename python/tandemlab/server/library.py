"""The workspaces that a server serves: one folder, or those in a folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from tandemlab.domain import InvalidInput, InvalidState, NotFound, TandemlabError, Unavailable
from tandemlab.domain.names import check_name
from tandemlab.store.daemons import share_lock
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.tracking import Workspace

_Identity: TypeAlias = tuple[int, ...]
_Files: TypeAlias = tuple[str, str]
"""A workspace's marker, and its database, as texts: paths would cost more than the look."""


def _files(folder: WorkspaceFolder) -> _Files:
    return str(folder.marker), str(folder.path / "store.db")


def _identity(files: _Files) -> _Identity:
    """What changes when a workspace, or its database, is replaced by another."""
    marker = os.stat(files[0])
    try:
        database = os.stat(files[1]).st_ino
    except FileNotFoundError:  # it is elsewhere
        database = 0
    return marker.st_dev, marker.st_ino, database


class _Opened(NamedTuple):
    """A workspace that is open.

    Attributes:
        files: what is looked at before every request.
        lock: held as long; nobody builds the store anew meanwhile.
    """

    files: _Files
    identity: _Identity
    workspace: Workspace
    lock: int


def _open(path: Path, files: _Files, identity: _Identity) -> _Opened:
    lock = share_lock(WorkspaceFolder(path).server_lock)
    if lock is None:
        raise Unavailable(
            f"The workspace {path.name!r} is being repaired.", hint="Try again later."
        )
    return _Opened(files, identity, Workspace(path), lock)


def served_folder(root: str | None) -> Path:
    """The folder that a server serves.

    Args:
        root: a workspace folder, or a folder of workspaces; the workspace that the working
            directory belongs to if None.

    Raises:
        InvalidInput: it is no folder of this machine.
    """
    if root is None:
        found = Workspace.from_config()
        if found.is_remote:
            raise InvalidInput(
                f"The workspace here is at a server: {found.address}.",
                hint="Name the folder that is served, with --root.",
            )
        return found.path
    path = Path(root).expanduser().absolute()
    if not path.is_dir():
        raise InvalidInput(f"{path} is not a folder.", details={"path": str(path)})
    return path


class Library:
    """Finds workspaces by name, each opened once.

    Args:
        root: a workspace folder, or a folder of workspaces.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.is_single = WorkspaceFolder(root).exists
        self._only = Workspace(root).name if self.is_single else ""
        self._opened: dict[str, _Opened] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Names of the workspaces."""
        if self.is_single:
            return [self._only]
        return sorted(path.name for path in self._folders())

    def _folders(self) -> Iterator[Path]:
        with os.scandir(self.root) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and WorkspaceFolder(Path(entry.path)).exists:
                    yield Path(entry.path)

    def find(self, name: str) -> Workspace:
        """The workspace of that name.

        Raises:
            NotFound: there is none.
        """
        known = self._opened.get(name)
        try:
            files = known.files if known else _files(WorkspaceFolder(self._path(name)))
            identity = _identity(files)
        except (InvalidInput, OSError, ValueError):
            self._forget(name)
            raise NotFound(
                f"The server has no workspace {name[:128]!r}.",
                hint="`tandemlab server status URL` shows those that it has.",
                details={"what": "workspace", "name": name[:128]},
            ) from None
        with self._lock:
            found = self._opened.get(name)
            if found is None or found.identity != identity:
                self._forget(name)
                found = self._opened[name] = _open(self._path(name), files, identity)
            return found.workspace

    def _forget(self, name: str) -> None:
        found = self._opened.pop(name, None)
        if found is not None and found.lock >= 0:
            os.close(found.lock)

    def _path(self, name: str) -> Path:
        if self.is_single:
            if name != self._only:
                raise InvalidInput(f"No workspace {name!r}.")
            return self.root
        if check_name(name, what="workspace") != name or name.startswith("."):
            raise InvalidInput(f"No workspace {name!r}.")
        return self.root / name

    def create(self, name: str, **settings: object) -> Workspace:
        """Make a workspace in the folder of workspaces.

        Raises:
            InvalidState: the server serves one workspace only.
            InvalidInput: the name cannot be one.
            AlreadyExists: the name is taken.
        """
        if self.is_single:
            raise InvalidState(
                "This server serves one workspace, and makes no others.",
                hint="Start it on a folder of workspaces for that.",
            )
        if check_name(name, what="workspace") != name or name.startswith("."):
            raise InvalidInput(f"{name!r} cannot be the name of a workspace at a server.")
        return Workspace.create(self.root / name, **settings)  # type: ignore[arg-type]

    def delete(self, name: str) -> None:
        """Delete a workspace with everything in it.

        Raises:
            NotFound: there is none of that name.
            InvalidState: runs are active, or it is the only one that the server serves.
        """
        if self.is_single:
            raise InvalidState(
                "The only workspace of a server is not deleted by its clients.",
                hint="Delete its folder on the server's machine.",
            )
        self.find(name).delete()
        self._forget(name)

    def check(self) -> None:
        """Look into every workspace that was opened.

        Raises:
            TandemlabError: one of them cannot be read.
        """
        if not self.root.is_dir():
            raise TandemlabError(f"{self.root} is not there.")
        for name in self.names() if self.is_single else list(self._opened):
            self.find(name).store.list_experiments()

    def close(self) -> None:
        """Let go of all stores."""
        for name, found in list(self._opened.items()):
            found.workspace.store.close()
            self._forget(name)
