"""A folder of a machine that is reached by SSH, as a datastore."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tandemlab import ssh
from tandemlab.bridge.libraries import need
from tandemlab.data.datastores.parts import (
    CHUNK,
    chunks,
    is_part,
    local_version,
    part_name,
    whole_chunks,
)
from tandemlab.data.datastores.protocol import StoredFile, Told, same_bytes
from tandemlab.domain import NotAllowed, NotFound, StorageError, TandemlabError

_SMALL = 64 << 10


class SftpFiles:
    """The files below a folder of another machine.

    Args:
        settings: ``host``, ``port``, ``path`` (absolute), and as far as given ``username`` and
            ``host_key`` (as in a file of known hosts: type and key).
        credentials: as far as given ``password``, or ``private_key`` (its text) and
            ``passphrase``. Without any the user's agent and keys serve.
    """

    def __init__(self, settings: Mapping[str, Any], credentials: Mapping[str, str]) -> None:
        self._settings = dict(settings)
        self._credentials = dict(credentials)
        self._path = str(settings["path"]).rstrip("/")
        self._opened: tuple[int, _Connection] | None = None
        self._lock = threading.Lock()

    @property
    def location(self) -> str:
        """``sftp://HOST:PORT/PATH``."""
        return f"sftp://{self._settings['host']}:{self._settings['port']}{self._path or '/'}"

    @property
    def root(self) -> Path | None:
        """None."""
        return None

    @property
    def found(self) -> dict[str, str]:
        """The host key that the server has shown, as ``host_key``."""
        return {"host_key": self._connection.host_key}

    def check(self, *, create: bool = False) -> None:
        """As the protocol says."""
        root = self._path or "/"
        with self._errors():
            if create:
                self._wait(lambda sftp: sftp.makedirs(root, exist_ok=True))
            if not self._wait(lambda sftp: sftp.isdir(root)):
                raise NotFound(
                    f"There is no folder {root} on {self._settings['host']}.",
                    hint="create_if_not_exists (--create in a shell) makes it.",
                    details={"location": self.location},
                )
            self._wait(lambda sftp: sftp.listdir(root))

    def find(self, prefix: str = "") -> Iterator[StoredFile]:
        """Looks into no folder that cannot have such files."""
        waiting = [prefix.rpartition("/")[0]]
        while waiting:
            folder = waiting.pop()
            for entry in self._entries(folder):
                name = f"{folder}/{entry.filename}" if folder else str(entry.filename)
                if _is_folder(entry):
                    if f"{name}/".startswith(prefix) or prefix.startswith(f"{name}/"):
                        waiting.append(name)
                elif name.startswith(prefix) and not is_part(name):
                    yield from self._followed(name, entry)

    def _entries(self, folder: str) -> list[Any]:
        path = self._full(folder)
        with self._errors():
            try:
                found = self._wait(lambda sftp: sftp.readdir(path))
            except _asyncssh().SFTPNoSuchFile:
                return []
            return [each for each in found if each.filename not in (".", "..")]

    def _followed(self, name: str, entry: Any) -> Iterator[StoredFile]:
        """The file that an entry is or leads to; links to folders, or to nothing, are none."""
        is_link = entry.attrs.type == _asyncssh().FILEXFER_TYPE_SYMLINK
        found = self.info(name) if is_link else _described(name, entry.attrs)
        if found is not None:
            yield found

    def info(self, name: str) -> StoredFile | None:
        """As the protocol says; a folder is no file."""
        missing = (_asyncssh().SFTPNoSuchFile, _asyncssh().SFTPNoSuchPath)
        with self._errors(), suppress(*missing):
            attributes = self._wait(lambda sftp: sftp.stat(self._full(name)))
            if attributes.type != _asyncssh().FILEXFER_TYPE_DIRECTORY:
                return _described(name, attributes)
        return None

    def read(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """As the protocol says."""
        with self._errors():
            reader = self._wait(lambda sftp: sftp.open(self._full(name), "rb"))
        try:
            while True:
                with self._errors():
                    piece = self._connection.wait(reader.read(CHUNK, offset))
                if not piece:
                    return
                offset += len(piece)
                yield piece
        finally:
            with suppress(TandemlabError), self._errors():
                self._connection.wait(reader.close())

    def write(self, name: str, source: Path, told: Told) -> None:
        """Writes beside the file, and renames."""
        part = part_name(name, local_version(source))
        status = source.stat()
        begun = self.info(part)
        with self._errors():
            folder = self._full(name).rpartition("/")[0] or "/"
            self._wait(lambda sftp: sftp.makedirs(folder, exist_ok=True))
            offset = whole_chunks(begun.size) if begun else 0
            told(offset)
            mode = "r+b" if begun else "wb"
            writer = self._wait(lambda sftp: sftp.open(self._full(part), mode))
            try:
                for piece in chunks(source, offset):
                    self._connection.wait(writer.write(piece, offset))
                    offset += len(piece)
                    told(len(piece))
                self._connection.wait(writer.truncate(offset))
            finally:
                self._connection.wait(writer.close())
            times = (int(status.st_atime), int(status.st_mtime))
            self._wait(lambda sftp: sftp.utime(self._full(part), times))
            self._wait(lambda sftp: sftp.posix_rename(self._full(part), self._full(name)))

    def is_same(self, file: StoredFile, path: Path) -> bool:
        """By the times of large files, or else by reading them.

        Times there have no fractions of a second, and a small file may well change twice in one.
        """
        has_time = path.stat().st_mtime_ns // 10**9 == file.modified // 10**9
        return (has_time and file.size > _SMALL) or same_bytes(self, file, path)

    # The connection

    def _full(self, name: str) -> str:
        return f"{self._path}/{name}" if name else self._path or "/"

    def _wait(self, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        connection = self._connection
        return connection.wait(ask(connection.sftp))

    @property
    def _connection(self) -> _Connection:
        """The connection; a forked child, and whoever comes after one that was cut, has another."""
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid() or self._opened[1].is_cut:
                self._opened = (os.getpid(), _Connection(self._settings, self._credentials))
            return self._opened[1]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        asyncssh = _asyncssh()
        try:
            with ssh.errors(self.location, self._settings):
                yield
        except asyncssh.SFTPPermissionDenied as error:
            raise NotAllowed(
                f"{self.location} does not allow that: {ssh.reason_of(error)}.",
                hint="Check the permissions of the folder.",
                details={"location": self.location},
            ) from error
        except asyncssh.SFTPNoSuchFile as error:
            raise NotFound(
                f"{self.location}: {ssh.reason_of(error)}.", details={"location": self.location}
            ) from error
        except asyncssh.SFTPError as error:
            raise StorageError(
                f"{self.location}: {ssh.reason_of(error)}.", details={"location": self.location}
            ) from error


class _Connection(ssh.Connection):
    """A connection with a session of SFTP."""

    def __init__(self, settings: Mapping[str, Any], credentials: Mapping[str, str]) -> None:
        super().__init__(settings, credentials)
        self.sftp = self.wait(self.ssh.start_sftp_client())


def _asyncssh() -> Any:
    return need("asyncssh", "Datastores that are reached by SSH", "ssh")


def _is_folder(entry: Any) -> bool:
    return bool(entry.attrs.type == _asyncssh().FILEXFER_TYPE_DIRECTORY)


def _described(name: str, attributes: Any) -> StoredFile:
    return StoredFile(name, int(attributes.size or 0), int(attributes.mtime or 0) * 10**9)
