"""What a datastore of files can do, whatever it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol, TypeAlias

from tandemlab.domain import InvalidInput
from tandemlab.domain.names import check_file_name

Told: TypeAlias = Callable[[int], None]
"""Hears of bytes as they are copied."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a datastore, as it is now.

    Attributes:
        name: its path below the datastore's root, with ``/`` between the parts.
        size: in bytes.
        modified: time of the last change, nanoseconds since 1970-01-01 UTC.
        tag: what else tells one content from another, such as S3's ETag; may be empty.
    """

    name: str
    size: int
    modified: int
    tag: str = ""

    @property
    def time(self) -> datetime:
        """Time of the last change, to the second, in UTC."""
        return datetime.fromtimestamp(self.modified // 10**9, timezone.utc)

    @property
    def version(self) -> str:
        """A short text that is another one once the file has changed."""
        text = f"{self.size} {self.modified} {self.tag}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class Files(Protocol):
    """The files of a datastore. Names are relative, and were checked before."""

    @property
    def location(self) -> str:
        """Where they are, for people; without any secret."""

    @property
    def root(self) -> Path | None:
        """The folder of this machine that holds them; None if they are elsewhere."""

    @property
    def found(self) -> dict[str, str]:
        """What belongs to the settings and is known once `check` was there."""

    def check(self, *, create: bool = False) -> None:
        """See that the place is there and lets us in.

        Args:
            create: whether the folder or bucket is made if it is not there.
        """

    def find(self, prefix: str = "") -> Iterator[StoredFile]:
        """The files whose names begin with a text, in no order."""

    def info(self, name: str) -> StoredFile | None:
        """A file; None if there is none of that name."""

    def read(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """What a file holds from a byte on, in pieces."""

    def write(self, name: str, source: Path, told: Told) -> None:
        """Make a file of a local one: whole or not at all. What an interrupted one sent is used."""

    def is_same(self, file: StoredFile, path: Path) -> bool:
        """Whether a local file of the same size has the same content."""


def check_path(path: object, what: str = "path") -> str:
    """A path below the root of a datastore, without a slash at its end; empty for the root.

    Raises:
        InvalidInput: it is absolute, or leads out.

    >>> check_path("2026/january/"), check_path("")
    ('2026/january', '')
    """
    text = path.removesuffix("/") if isinstance(path, str) else path
    if text in ("", "."):
        return ""
    try:
        return check_file_name(text)
    except InvalidInput as problem:
        reason = problem.message.rpartition(": ")[2]
        raise InvalidInput(
            f"{str(path)[:80]!r} cannot be a {what} in a datastore: {reason}",
            hint="It is relative to the datastore's root, such as 'cars/2026.csv'.",
            details={"path": str(path)[:2000]},
        ) from None


def same_bytes(files: Files, file: StoredFile, path: Path) -> bool:
    """Whether a stored file has the content of a local one of the same size, by reading both."""
    with path.open("rb") as reader:
        return all(chunk == reader.read(len(chunk)) for chunk in files.read(file.name))


def is_untouched(file: StoredFile, path: Path) -> bool:
    """Whether a local file has the time of a stored one: copies take theirs from the original."""
    return path.stat().st_mtime_ns == file.modified
