"""A folder as a datastore."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tandemlab.data.datastores.parts import (
    chunks,
    fill,
    forget_parts,
    is_part,
    local_version,
    part_name,
    whole_chunks,
)
from tandemlab.data.datastores.protocol import StoredFile, Told, is_untouched, same_bytes
from tandemlab.domain import NotFound
from tandemlab.store.durable import storage_errors


class FolderFiles:
    """The files below a folder of this machine, or of one that is mounted.

    Args:
        path: absolute.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def location(self) -> str:
        """The folder's path."""
        return str(self._path)

    @property
    def root(self) -> Path | None:
        """The folder."""
        return self._path

    @property
    def found(self) -> dict[str, str]:
        """Nothing."""
        return {}

    def check(self, *, create: bool = False) -> None:
        """Raises NotFound if it is not there, StorageError if it cannot be read."""
        if create:
            with storage_errors(self._path):
                self._path.mkdir(parents=True, exist_ok=True)
        if not self._path.is_dir():
            raise NotFound(
                f"There is no folder {self._path} on this machine.",
                hint="Is it mounted? create_if_not_exists (--create in a shell) makes it.",
                details={"path": str(self._path)},
            )
        with storage_errors(self._path):
            os.scandir(self._path).close()

    def find(self, prefix: str = "") -> Iterator[StoredFile]:
        """Looks into no folder that cannot have such files."""
        self.check()
        base = self._path / prefix.rpartition("/")[0]
        with storage_errors(base):
            for parent, folders, names in os.walk(base, followlinks=True, onerror=_refuse):
                folders[:] = [name for name in folders if not _leads_back(parent, name)]
                for name in names:
                    path = Path(parent, name)
                    found = path.relative_to(self._path).as_posix()
                    if found.startswith(prefix) and not is_part(found):
                        with suppress(FileNotFoundError):  # gone meanwhile, or a link to nothing
                            yield self._described(found, path)

    def info(self, name: str) -> StoredFile | None:
        """As the protocol says; a folder is no file."""
        path = self._path / name
        with storage_errors(path):
            try:
                return self._described(name, path) if not path.is_dir() else None
            except (FileNotFoundError, NotADirectoryError):
                return None

    def read(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """As the protocol says."""
        with storage_errors(self._path / name):
            yield from chunks(self._path / name, offset)

    def write(self, name: str, source: Path, told: Told) -> None:
        """Writes beside the file, and renames."""
        target = self._path / name
        part = self._path / part_name(name, local_version(source))
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            offset = whole_chunks(part.stat().st_size) if part.exists() else 0
            told(offset)
            fill(part, chunks(source, offset), offset, told)
            status = source.stat()
            os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))
            part.replace(target)
            forget_parts(target)

    def is_same(self, file: StoredFile, path: Path) -> bool:
        """By their times, or else by reading them."""
        return is_untouched(file, path) or same_bytes(self, file, path)

    def _described(self, name: str, path: Path) -> StoredFile:
        status = path.stat()
        return StoredFile(name, status.st_size, status.st_mtime_ns)


def _refuse(problem: OSError) -> None:
    if not isinstance(problem, FileNotFoundError):
        raise problem


def _leads_back(parent: str, name: str) -> bool:
    """Whether a folder is a link to one that it is in."""
    path = os.path.join(parent, name)
    return os.path.islink(path) and Path(path).resolve() in (
        Path(parent).resolve(),
        *Path(parent).resolve().parents,
    )
