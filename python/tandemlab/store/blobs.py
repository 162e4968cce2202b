"""Blobs: file contents kept once, under the SHA-256 of what they hold."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from secrets import token_hex

from tandemlab.domain import NotFound
from tandemlab.store.durable import link_or_copy, storage_errors

_CHUNK = 1 << 20


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    state = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        buffer = memoryview(bytearray(min(_CHUNK, os.fstat(stream.fileno()).st_size + 1)))
        while count := stream.readinto(buffer):
            state.update(buffer[:count])
    return state.hexdigest()


def is_digest(text: object) -> bool:
    """Whether a text is a SHA-256 in lower-case hexadecimal.

    >>> is_digest("0" * 64), is_digest("../" * 21 + "x")
    (True, False)
    """
    return isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Content:
    """A content that is kept somewhere.

    Attributes:
        size: in bytes.
        modified: when it was last put there, in seconds of that place's own clock.
    """

    digest: str
    size: int
    modified: float


class BlobStore:
    """Contents by digest in a folder: ``ab/abcd…``, read-only files that never change.

    Their modification time says when they were last put, also by somebody who found them there:
    a content that is about to be recorded is young, and no collection of garbage takes it.
    """

    def __init__(self, root: Path, temporary: Path) -> None:
        self._root = root
        self._temporary = temporary

    def path(self, digest: str) -> Path:
        """Where the content of that digest is, or would be."""
        return self._root / f"{digest[:2]}/{digest}"

    def find(self, digest: str) -> Path:
        """Path of a content.

        Raises:
            NotFound: it is not here.
        """
        path = self.path(digest)
        if not is_digest(digest) or not path.exists():
            raise NotFound(
                f"The content {digest[:12]}… is missing from {self._root}.",
                hint="It was removed from outside; restore the workspace's blobs from a backup.",
                details={"digest": digest},
            )
        return path

    def put_bytes(self, data: bytes) -> str:
        """Keep `data`; its digest."""
        digest = hashlib.sha256(data).hexdigest()
        if not self.renew(digest):
            temporary = self._temporary / token_hex(8)
            with storage_errors(temporary):
                temporary.write_bytes(data)
                self._place(temporary, digest)
        return digest

    def put_copy(self, source: Path) -> tuple[str, int]:
        """Keep a copy of a file; its digest and size.

        The copy is what is hashed, so that a file that changes meanwhile cannot deceive.
        """
        with storage_errors(self._root), source.open("rb") as reader:
            first = reader.read(_CHUNK)
            if len(first) < _CHUNK:
                return self.put_bytes(first), len(first)
            return self._put_stream(chain([first], iter(partial(reader.read, _CHUNK), b"")))

    def _put_stream(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Keep what comes in parts; its digest and size."""
        temporary = self._temporary / token_hex(8)
        state, size = hashlib.sha256(), 0
        with storage_errors(self._root):
            try:
                with temporary.open("wb") as writer:
                    for chunk in chunks:
                        state.update(chunk)
                        writer.write(chunk)
                        size += len(chunk)
                self._place(temporary, state.hexdigest())
            finally:
                with suppress(OSError):
                    temporary.unlink()
        return state.hexdigest(), size

    def adopt(self, source: Path) -> tuple[str, int]:
        """Keep the content of a file that nobody writes any more; its digest and size.

        The file stays where it is, as a read-only link to the blob where links are possible.
        """
        with storage_errors(self._root):
            digest, size = digest_of(source), source.stat().st_size
            blob = self.path(digest)
            if not self.renew(digest):
                temporary = self._temporary / token_hex(8)
                link_or_copy(source, temporary)
                os.utime(temporary)
                self._place(temporary, digest)
            if not blob.samefile(source):
                self._replace_by_link(source, blob)
        return digest, size

    def materialize(self, digest: str, target: Path, *, executable: bool = False) -> None:
        """Write a copy of a content that may be changed."""
        source = self.find(digest)
        with storage_errors(target):
            with source.open("rb") as reader, target.open("wb") as writer:
                _copy(reader.fileno(), writer.fileno())
            if executable:
                target.chmod(0o755)

    def renew(self, digest: str) -> bool:
        """Make a content that is here young; False if it is not, or is another user's."""
        try:
            with self._locked(fcntl.LOCK_SH):
                return _touch(self.path(digest))
        except FileNotFoundError:
            return False

    def commit(self, digests: Iterable[str]) -> None:
        """Say that contents are recorded now; they are where they stay already."""

    def contents(self) -> Iterator[Content]:
        """All that is here."""
        for path in self._root.glob("*/*"):
            if is_digest(path.name):
                with suppress(FileNotFoundError):
                    status = path.stat()
                    yield Content(path.name, status.st_size, status.st_mtime)

    def clock(self) -> float:
        """The time, as the file system that keeps the contents tells it."""
        probe = self._temporary / token_hex(8)
        with storage_errors(probe):
            probe.touch()
            try:
                return probe.stat().st_mtime
            finally:
                probe.unlink()

    def remove(self, digest: str, before: float) -> bool:
        """Remove a content unless it was put since `before`; whether it was removed."""
        path = self.path(digest)
        with storage_errors(path), suppress(FileNotFoundError), self._locked(fcntl.LOCK_EX):
            if path.stat().st_mtime < before:
                path.unlink()
                return True
        return False

    def drop_damaged(self, digest: str) -> None:
        """Remove a content that is not what its name says, so that the next put brings it anew."""
        path = self.path(digest)
        with storage_errors(path), suppress(FileNotFoundError), self._locked(fcntl.LOCK_EX):
            if digest_of(path) != digest:
                path.unlink()

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Nothing is removed or placed between looking whether it is here and what follows."""
        descriptor = os.open(self._root, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

    def _place(self, temporary: Path, digest: str) -> None:
        """Give a whole content its name; one that is here already stays: files link to it."""
        blob = self.path(digest)
        temporary.chmod(0o444)
        blob.parent.mkdir(parents=True, exist_ok=True)
        with self._locked(fcntl.LOCK_EX):
            if _touch(blob):
                temporary.unlink()
            else:
                temporary.replace(blob)

    def _replace_by_link(self, source: Path, blob: Path) -> None:
        link = source.with_name(f".{token_hex(6)}.tmp")
        with suppress(OSError):
            os.link(blob, link)
            link.replace(source)
            link.unlink()  # a name of the same file: somebody else was faster, and both stay


def _touch(path: Path) -> bool:
    """Make a file young; False if it is not there, or is another user's."""
    try:
        os.utime(path)
    except (FileNotFoundError, PermissionError):
        return False
    return True


def _copy(source: int, target: int) -> None:
    """Copy inside the kernel where it can; a file system may even share the blocks."""
    while True:
        try:
            count = os.copy_file_range(source, target, 1 << 30)
        except (AttributeError, OSError):
            break
        if not count:
            return
    while chunk := os.read(source, _CHUNK):
        os.write(target, chunk)
