"""Copying files into and out of datastores: what is there unchanged is left alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tandemlab.data.datastores.parts import fill, forget_parts, part_name, whole_chunks
from tandemlab.data.datastores.protocol import Files, StoredFile, Told, check_path
from tandemlab.domain import AlreadyExists, InvalidInput, InvalidState, NotFound
from tandemlab.store.durable import storage_errors

_AT_ONCE = 4
_FEW = 50  # files that are asked for one by one, rather than by a list


@dataclass(frozen=True, slots=True)
class Progress:
    """How far copying has come.

    Attributes:
        files: how many files are copied now, of `all_files`.
        bytes: how many bytes, of `all_bytes`.
    """

    files: int
    all_files: int
    bytes: int
    all_bytes: int

    @property
    def text(self) -> str:
        """For people.

        >>> Progress(3, 12, 45_000_000, 180_000_000).text
        '3 of 12 files, 45.0 of 180.0 MB (25 %)'
        """
        share = 100 * self.bytes // self.all_bytes if self.all_bytes else 100
        done, whole = self.bytes / 1e6, self.all_bytes / 1e6
        return f"{self.files} of {self.all_files} files, {done:.1f} of {whole:.1f} MB ({share} %)"


Watcher: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What copying came to.

    Attributes:
        copied: names of the files in the datastore that were copied.
        unchanged: names of those that were there already, with the same content.
        bytes: size of what was copied.
    """

    copied: tuple[str, ...]
    unchanged: tuple[str, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    size: int
    work: Callable[[Told], None]


def upload(
    files: Files, sources: Mapping[str, Path], *, overwrite: bool, watch: Watcher | None
) -> Transfer:
    """Copy local files into a datastore.

    Args:
        files: the datastore's.
        sources: the local file for each name.
        overwrite: whether files with another content may be replaced.
        watch: hears how far it has come.

    Raises:
        AlreadyExists: files with another content are there; nothing was copied.
        StorageError: a file cannot be read or written. What was copied stays, and is not copied
            again by the next try.
    """
    present = _present(files, sources)
    unchanged = _unchanged(files, {file: sources[name] for name, file in present.items()})
    changed = sorted(present.keys() - unchanged)
    if changed and not overwrite:
        raise _taken(changed, files.location)
    jobs = [
        _Job(name, path.stat().st_size, _sending(files, name, path))
        for name, path in sources.items()
        if name not in unchanged
    ]
    return _run(jobs, unchanged, watch)


def download(
    files: Files, targets: Mapping[StoredFile, Path], *, overwrite: bool, watch: Watcher | None
) -> Transfer:
    """Copy files of a datastore to local paths; raises as `upload` does."""
    present = {file: path for file, path in targets.items() if os.path.lexists(path)}
    unchanged = _unchanged(files, present)
    changed = sorted({file.name for file in present} - unchanged)
    if changed and not overwrite:
        raise _taken(changed, str(os.path.commonpath(list(targets.values()))))
    jobs = [
        _Job(file.name, file.size, _fetching(files, file, path))
        for file, path in targets.items()
        if file.name not in unchanged
    ]
    return _run(jobs, unchanged, watch)


def fetch(files: Files, file: StoredFile, target: Path, told: Told = lambda count: None) -> None:
    """Copy a file of a datastore to a local path: whole or not at all.

    It goes on with what an interrupted copy of the same version has left.

    Raises:
        InvalidState: the file changed meanwhile.
    """
    part = target.with_name(part_name(target.name, file.version))
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        offset = whole_chunks(part.stat().st_size) if part.exists() else 0
        told(offset)
        fill(part, files.read(file.name, offset), offset, told)
        if files.info(file.name) != file or part.stat().st_size != file.size:
            part.unlink()
            raise InvalidState(
                f"{file.name} in {files.location} changed while it was read.",
                hint="Try again, once nobody writes to it.",
                details={"name": file.name},
            )
        os.utime(part, ns=(file.modified, file.modified))
        part.replace(target)
        forget_parts(target)


def below(folder: Path, target: str) -> dict[str, Path]:
    """The files below a folder, by the names that they get below a path of a datastore.

    Raises:
        NotFound: there is no such folder.
    """
    if not folder.is_dir():
        raise NotFound(
            f"There is no folder {folder}.",
            hint="upload_files takes files.",
            details={"path": str(folder)},
        )
    with storage_errors(folder):
        found = sorted(_walk(folder, frozenset()))
    return {_joined(target, path.relative_to(folder).as_posix()): path for path in found}


def each(
    paths: Sequence[str | os.PathLike[str]], root: str | os.PathLike[str] | None, target: str
) -> dict[str, Path]:
    """Files by the names that they get: their paths below `root`, or else their own names.

    Raises:
        NotFound: one of them is not there.
        InvalidInput: one is not below `root`, or two get the same name.
    """
    found: dict[str, Path] = {}
    for given in paths:
        path = Path(os.path.abspath(os.path.expanduser(given)))
        if not path.is_file():
            raise NotFound(
                f"There is no file {path}.",
                hint="upload takes folders." if path.is_dir() else "",
                details={"path": str(path)},
            )
        name = path.name if root is None else _below(path, root)
        name = _joined(target, name)
        if found.setdefault(name, path) != path:
            raise InvalidInput(
                f"{found[name]} and {path} would both become {name}.",
                hint="relative_root keeps the folders below it as part of the names.",
            )
    return found


def _below(path: Path, root: str | os.PathLike[str]) -> str:
    base = Path(os.path.abspath(os.path.expanduser(root)))
    if not path.is_relative_to(base):
        raise InvalidInput(f"{path} is not below relative_root, {base}.")
    return path.relative_to(base).as_posix()


def _joined(target: str, name: str) -> str:
    return check_path(f"{target}/{name}" if target else name, "name")


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Files below a folder, also through links to folders, but not in circles."""
    real = folder.resolve()
    if real in above:
        return
    for path in folder.iterdir():
        if path.is_dir():
            yield from _walk(path, above | {real})
        elif path.is_file():
            yield path


def _present(files: Files, sources: Mapping[str, Path]) -> dict[str, StoredFile]:
    """What is there under the names of sources."""
    if len(sources) > _FEW:
        below = os.path.commonpath(list(sources))
        return {file.name: file for file in files.find(below) if file.name in sources}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(files.info, sources))
    return {file.name: file for file in found if file is not None}


def _unchanged(files: Files, copies: Mapping[StoredFile, Path]) -> set[str]:
    """Names of stored files that have the content of a local one."""

    def is_same(file: StoredFile) -> bool:
        path = copies[file]
        with storage_errors(path):
            return path.is_file() and path.stat().st_size == file.size and files.is_same(file, path)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(is_same, copies)
        return {file.name for file, same in zip(copies, found, strict=True) if same}


def _taken(names: Sequence[str], place: str) -> AlreadyExists:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return AlreadyExists(
        f"There are other files of these names in {place}: {shown}.",
        hint="overwrite=True replaces them. Nothing was copied.",
        details={"names": list(names)},
    )


def _sending(files: Files, name: str, path: Path) -> Callable[[Told], None]:
    return lambda told: files.write(name, path, told)


def _fetching(files: Files, file: StoredFile, path: Path) -> Callable[[Told], None]:
    return lambda told: fetch(files, file, path, told)


def _run(jobs: Sequence[_Job], unchanged: Iterable[str], watch: Watcher | None) -> Transfer:
    total, lock = sum(job.size for job in jobs), threading.Lock()
    is_over = threading.Event()
    done = Progress(0, len(jobs), 0, total)

    def add(files: int, count: int) -> None:
        nonlocal done
        if is_over.is_set():
            raise CancelledError  # another file could not be copied, or the user has had enough
        with lock:
            done = Progress(done.files + files, len(jobs), done.bytes + count, total)
            if watch is not None:
                watch(done)

    def copy(job: _Job) -> None:
        job.work(lambda count: add(0, count))
        add(1, 0)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            for future in [pool.submit(copy, job) for job in jobs]:
                future.result()
        finally:
            is_over.set()
            pool.shutdown(cancel_futures=True)
    return Transfer(tuple(job.name for job in jobs), tuple(sorted(unchanged)), total)
