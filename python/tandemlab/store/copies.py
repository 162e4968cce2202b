"""Copies of what can be had again, in the user's cache folder: data of datastores, and models.

::

    CACHE/data/PLACE/VERSION/     files of a datastore elsewhere
    CACHE/models/DIGEST/          a model
    CACHE/copies.lock             held together by who begins to use copies, alone by who removes
    CACHE/links/NAME              a folder that has links to copies, as a text

Each such folder was used when its modification time says. When they take more than a limit, those
that were used longest ago go; never one that was used within a day, or that a link leads to.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from tandemlab.domain import InvalidInput
from tandemlab.domain.sizes import size_of
from tandemlab.store.durable import storage_errors, write_file
from tandemlab.store.user import cache_folder

LIMIT_VARIABLE = "TANDEMLAB_CACHE_SIZE"
_LIMIT = "20GB"
_DAY = 86400.0
_DEPTHS = {"data": 2, "models": 1}


@dataclass(frozen=True, slots=True)
class CachedCopy:
    """Copies that are used, and removed, together.

    Attributes:
        path: of their folder.
        size: in bytes.
        used: when they were last asked for, in seconds since 1970.
    """

    path: Path
    size: int
    used: float


def folder_of(kind: str) -> Path:
    """The folder of copies of ``data`` or ``models``."""
    return cache_folder() / kind


def limit() -> int:
    """Most bytes that the copies of a kind may take: ``$TANDEMLAB_CACHE_SIZE``, or 20 GB.

    Raises:
        InvalidInput: the variable holds no size.
    """
    text = os.environ.get(LIMIT_VARIABLE) or _LIMIT
    size = size_of(text)
    if size is None:
        raise InvalidInput(
            f"{LIMIT_VARIABLE} is {text!r}, which is no size.", hint='Write one such as "20GB".'
        )
    return size


def use(kind: str, paths: Iterable[Path]) -> None:
    """Say that copies are used from now on, before looking whether they are there."""
    root = folder_of(kind)
    with _lock(fcntl.LOCK_SH):
        for path in {_copy_of(kind, root, path) for path in paths}:
            with suppress(FileNotFoundError):
                os.utime(path)


def note_links(folder: Path) -> None:
    """Say that a folder has links to copies, which stay as long as the links do."""
    text = os.fsencode(folder)
    notes = cache_folder() / "links"
    with storage_errors(notes):
        notes.mkdir(parents=True, exist_ok=True)
    write_file(notes / hashlib.sha256(text).hexdigest()[:32], text)


def kept(kind: str) -> list[CachedCopy]:
    """The copies of a kind, the last used first."""
    found = []
    for path in folder_of(kind).glob("/".join(["[!.]*"] * _DEPTHS[kind])):
        with suppress(FileNotFoundError, NotADirectoryError):
            found.append(CachedCopy(path, _size(path), path.stat().st_mtime))
    return sorted(found, key=lambda each: -each.used)


def prune(kind: str, *, unused_days: float = 1.0, most: int | None = None) -> list[CachedCopy]:
    """Remove copies that are not in use; what was removed.

    Args:
        unused_days: only what was not used for so many days.
        most: only until they take so many bytes; None for all of them.
    """
    found = kept(kind)
    total = sum(each.size for each in found)
    if most is not None and total <= most:
        return []
    removed = []
    with _lock(fcntl.LOCK_EX):
        linked = _linked(kind)
        for each in reversed(found):
            if most is not None and total <= most:
                break
            if each.path not in linked and _remove(each.path, unused_days):
                total -= each.size
                removed.append(each)
    return removed


def keep_within_limit(kind: str) -> None:
    """Remove what was used longest ago, as far as the copies take more than the limit."""
    prune(kind, most=limit())


def _remove(path: Path, unused_days: float) -> bool:
    try:
        if time.time() - path.stat().st_mtime < unused_days * _DAY:
            return False
        away = path.with_name(f".{token_hex(6)}.tmp")
        path.rename(away)  # whole or gone, whenever this process ends
    except FileNotFoundError:
        return False
    shutil.rmtree(away, ignore_errors=True)
    with suppress(OSError):  # others are in it
        path.parent.rmdir()
    return True


def _linked(kind: str) -> set[Path]:
    """The copies that links lead to. Notes of folders that are gone are removed."""
    root, found = folder_of(kind), set()
    for note in (cache_folder() / "links").glob("[!.]*"):
        folder = os.fsdecode(note.read_bytes())
        if not os.path.isdir(folder):
            note.unlink(missing_ok=True)
        for parent, _, names in os.walk(folder):
            for name in names:
                with suppress(OSError, ValueError):
                    target = Path(os.readlink(os.path.join(parent, name)))
                    found.add(_copy_of(kind, root, target))
    return found


def _copy_of(kind: str, root: Path, path: Path) -> Path:
    """The folder of copies that a path is in.

    Raises:
        ValueError: it is in none.
    """
    return root.joinpath(*path.relative_to(root).parts[: _DEPTHS[kind]])


def _size(folder: Path) -> int:
    return sum(
        (Path(parent) / name).lstat().st_size
        for parent, _, names in os.walk(folder)
        for name in names
    )


@contextmanager
def _lock(how: int) -> Iterator[None]:
    path = cache_folder() / "copies.lock"
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
