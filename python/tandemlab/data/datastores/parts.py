"""Copies under a temporary name, which a later try goes on with."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tandemlab.data.datastores.protocol import StoredFile, Told

CHUNK = 4 << 20
_PART = re.compile(r"\.[0-9a-f]{12}\.[0-9a-f]{12}\.part")


def part_name(name: str, version: str) -> str:
    """Name of the unfinished copy of a version of a file: beside it, and never too long.

    >>> part_name("cars/a.csv", "0123456789ab")
    'cars/.32f29f33d511.0123456789ab.part'
    """
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}.{_short(last)}.{version}.part"


def is_part(name: str) -> bool:
    """Whether a name is that of an unfinished copy."""
    return _PART.fullmatch(name.rpartition("/")[2]) is not None


def whole_chunks(size: int) -> int:
    """How many bytes of an unfinished copy are surely there: all but those of the last chunk.

    >>> whole_chunks(0), whole_chunks(CHUNK), whole_chunks(2 * CHUNK + 1)
    (0, 0, 8388608)
    """
    return max(size - 1, 0) // CHUNK * CHUNK


def local_version(path: Path) -> str:
    """What tells a local file from itself at another time, as `StoredFile.version` does."""
    status = path.stat()
    return StoredFile("", status.st_size, status.st_mtime_ns).version


def chunks(path: Path, offset: int = 0) -> Iterable[bytes]:
    """A local file from a byte on, in pieces."""
    with path.open("rb") as reader:
        reader.seek(offset)
        while chunk := reader.read(CHUNK):
            yield chunk


def fill(part: Path, pieces: Iterable[bytes], offset: int, told: Told) -> None:
    """Write pieces to an unfinished copy from a byte on, and cut off what was behind."""
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    with open(descriptor, "wb") as writer:
        writer.seek(offset)
        for piece in pieces:
            writer.write(piece)
            told(len(piece))
        writer.truncate()


def forget_parts(path: Path) -> None:
    """Remove the unfinished copies of other versions of a local file."""
    for other in path.parent.glob(f".{_short(path.name)}.*.part"):
        with suppress(FileNotFoundError):
            other.unlink()


def _short(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
