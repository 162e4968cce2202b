"""The files that paths, folders and patterns stand for, and what their contents are."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tandemlab.domain import InvalidInput, NotFound, StorageError
from tandemlab.store import blobs


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a dataset.

    Attributes:
        path: absolute.
        name: the part below the folder or pattern that named it, with ``/`` between its parts.
        size: in bytes.
        modified: time of the last change, nanoseconds since 1970-01-01 UTC.
    """

    path: str
    name: str
    size: int
    modified: int


def absolute(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """The paths as absolute texts, with ``~`` resolved.

    Raises:
        InvalidInput: there is none, or one is no path of this machine.
    """
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not given:
        raise InvalidInput("A dataset needs a path at least.")
    found = []
    for path in given:
        if not path or not isinstance(path, (str, os.PathLike)):
            raise InvalidInput(f"{path!r} is no path.", hint="Give a text or a pathlib.Path.")
        text = os.path.expanduser(os.fspath(path))
        if "://" in text or "\0" in text:
            raise InvalidInput(
                f"{text!r} is no path of this machine.",
                hint="Download it first, or mount it as a folder.",
            )
        found.append(os.path.abspath(text))
    return tuple(found)


def expand(paths: Iterable[str]) -> list[DataFile]:
    """The files, in the order of the paths and by name within each; none twice.

    Files and folders whose name begins with a dot are left out of folders and patterns.

    Raises:
        NotFound: a path or pattern has no file.
    """
    found: dict[str, DataFile] = {}
    for path in paths:
        matches = list(_matches(path))
        if not matches:
            raise NotFound(
                f"No file: {path}.",
                hint="Was it moved or removed? A folder or a pattern must have one file at least.",
                details={"path": path},
            )
        for match in matches:
            found.setdefault(match.path, match)
    return list(found.values())


def _matches(path: str) -> Iterable[DataFile]:
    if os.path.isfile(path):
        yield _file(path, os.path.dirname(path))
    elif os.path.isdir(path):
        yield from _below(path, path)
    elif glob.has_magic(path):
        base = os.path.dirname(path[: min(path.find(sign) % (len(path) + 1) for sign in "*?[")])
        for match in sorted(glob.glob(path, recursive=True)):
            if os.path.isfile(match):
                yield _file(match, base)


def _below(folder: str, base: str) -> Iterable[DataFile]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield _file(os.path.join(parent, name), base)


def _file(path: str, base: str) -> DataFile:
    try:
        status = os.stat(path)
    except OSError as problem:
        raise NotFound(
            f"{path} cannot be read: {problem.strerror}.",
            hint="Does it link to a file that is gone?",
            details={"path": path},
        ) from None
    name = Path(os.path.relpath(path, base)).as_posix()
    return DataFile(path, name, status.st_size, status.st_mtime_ns)


_digests: dict[DataFile, str] = {}


def digest_of(files: Iterable[DataFile]) -> str:
    """SHA-256 over the names and contents of files, in hexadecimal.

    Raises:
        StorageError: a file cannot be read.
    """
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{content_of(file)} {file.name}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def content_of(file: DataFile) -> str:
    """SHA-256 of a file's content.

    One whose size and time of change are those of the last look is not read again.

    Raises:
        StorageError: it cannot be read.
    """
    if file not in _digests:
        try:
            _digests[file] = blobs.digest_of(Path(file.path))
        except OSError as problem:
            raise StorageError(
                f"{file.path} cannot be read: {problem.strerror}.", details={"path": file.path}
            ) from None
    return _digests[file]
