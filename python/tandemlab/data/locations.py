"""The files that paths, folders and patterns stand for, and what their contents are.

Those of datastores elsewhere are listed where they are, and copied to this machine by `bring` once
they are read.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, cast

from tandemlab.data.datastores.datastore import Datastore
from tandemlab.data.definition import DataPath
from tandemlab.domain import InvalidInput, NotFound, StorageError
from tandemlab.store import blobs, copies

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a dataset.

    Attributes:
        path: absolute.
        name: the part below the folder or pattern that named it, with ``/`` between its parts.
        size: in bytes.
        modified: time of the last change, nanoseconds since 1970-01-01 UTC.
        shown: the path for people; that in the datastore for what comes from elsewhere.
        fetch: copies the file to `path`; None where it is of this machine.
    """

    path: str
    name: str
    size: int
    modified: int
    shown: str = field(default="", compare=False)
    fetch: Callable[[], None] | None = field(default=None, compare=False, repr=False)


Place: TypeAlias = str | os.PathLike[str] | DataPath | tuple[Datastore, str]
Places: TypeAlias = Place | Sequence[Place]


def absolute(paths: Places) -> tuple[str | DataPath, ...]:
    """The paths as absolute texts, with ``~`` resolved; those in datastores as they are.

    Raises:
        InvalidInput: there is none, or one is no path of this machine.
    """
    found = tuple(_absolute(path) for path in _several(paths))
    if not found:
        raise InvalidInput("A dataset needs a path at least.")
    return found


def _several(paths: Places) -> Sequence[Place]:
    is_one = isinstance(paths, (str, os.PathLike, DataPath)) or _is_in_datastore(paths)
    return [cast(Place, paths)] if is_one else list(cast("Sequence[Place]", paths))


def _is_in_datastore(path: object) -> bool:
    return isinstance(path, tuple) and len(path) == 2 and isinstance(path[0], Datastore)


def _absolute(path: Place) -> str | DataPath:
    if isinstance(path, DataPath):
        return path
    if isinstance(path, tuple):
        return path[0].path(path[1])
    if not path or not isinstance(path, (str, os.PathLike)):
        raise InvalidInput(f"{path!r} is no path.", hint="Give a text or a pathlib.Path.")
    text = os.path.expanduser(os.fspath(path))
    if "://" in text or "\0" in text:
        raise InvalidInput(
            f"{text!r} is no path of this machine.",
            hint="Register the place as a datastore and give (datastore, path); or download it.",
        )
    return os.path.abspath(text)


def expand(paths: Iterable[str | DataPath]) -> list[DataFile]:
    """The files that `listed` gives, all of them on this machine."""
    found = listed(paths)
    bring(found)
    return found


def listed(paths: Iterable[str | DataPath]) -> list[DataFile]:
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
                details={"path": str(path)},
            )
        for match in matches:
            found.setdefault(match.path, match)
    return list(found.values())


def bring(files: Iterable[DataFile]) -> None:
    """Copy to this machine what is not here yet; what was used longest ago may go for it."""
    elsewhere = [file for file in files if file.fetch]
    if elsewhere:
        copies.use("data", (Path(file.path) for file in elsewhere))
    missing = [file.fetch for file in elsewhere if file.fetch and not os.path.exists(file.path)]
    if missing:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                list(pool.map(lambda fetch: fetch(), missing))
            finally:
                pool.shutdown(cancel_futures=True)
        copies.keep_within_limit("data")


def _matches(path: str | DataPath) -> Iterable[DataFile]:
    if isinstance(path, str):
        return _here(path)
    datastore = Datastore.at(path)
    if datastore.files.root is not None:
        datastore.files.check()
        return _here(path.path, str(datastore.files.root))
    from tandemlab.data.datastores.reading import files_elsewhere

    return files_elsewhere(datastore, path)


def _here(path: str, root: str = "") -> Iterable[DataFile]:
    """Files of this machine; of a path relative to a root, where there is one."""
    whole = os.path.join(root, path)
    if os.path.isfile(whole):
        yield _file(whole, os.path.dirname(whole))
    elif os.path.isdir(whole):
        yield from _below(whole.rstrip("/"), whole)
    elif glob.has_magic(path):
        base = os.path.dirname(path[: min(path.find(sign) % (len(path) + 1) for sign in "*?[")])
        for match in sorted(glob.glob(path, root_dir=root or None, recursive=True)):
            if os.path.isfile(os.path.join(root, match)):
                yield _file(os.path.join(root, match), os.path.join(root, base))


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
    files = list(files)
    bring(files)
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
        bring([file])
        try:
            _digests[file] = blobs.digest_of(Path(file.path))
        except OSError as problem:
            raise StorageError(
                f"{file.path} cannot be read: {problem.strerror}.", details={"path": file.path}
            ) from None
    return _digests[file]
