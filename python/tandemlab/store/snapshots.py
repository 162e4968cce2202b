"""Snapshots: the source folder of a run, kept as a manifest of blobs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.domain import InvalidInput, StorageError
from tandemlab.store.blobs import is_digest
from tandemlab.store.durable import storage_errors
from tandemlab.store.place import Blobs

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILES = (".tandemignore", ".amlignore", ".gitignore")
DEFAULT_IGNORES = (
    ".git/",
    ".hg/",
    ".svn/",
    ".venv/",
    "venv/",
    "env/",
    ".Rproj.user/",
    ".Rhistory",
    ".RData",
    "renv/library/",
    "renv/staging/",
    "__pycache__/",
    "*.pyc",
    ".ipynb_checkpoints/",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    "node_modules/",
    ".tandemlab/offline/",
    ".DS_Store",
    "/outputs/",
    "/logs/",
)


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A file of a snapshot: its relative path, content digest, size and executable bit."""

    path: str
    digest: str
    size: int
    executable: bool = False


def take_snapshot(
    folder: Path, blobs: Blobs, paths: Sequence[str] | None = None
) -> tuple[str, list[SnapshotFile]]:
    """Keep the files of a source folder; the manifest's digest and what it lists.

    ``.tandemignore`` (else ``.amlignore``, else ``.gitignore``) in the folder, in git's syntax,
    and `DEFAULT_IGNORES` say what is left out. Symbolic links to files are followed; links to
    folders and workspace folders are left out.

    Args:
        paths: what `source_files` gave for the folder; asked again if None.

    Raises:
        StorageError: a file cannot be read, or went away meanwhile.
    """
    files = []
    for path in source_files(folder) if paths is None else paths:
        source = folder / path
        try:
            digest, size = blobs.put_copy(source)
        except StorageError:
            if source.exists():
                raise
            raise StorageError(
                f"{source} went away while the source was kept.",
                hint="Submit again once the folder is at rest.",
                details={"path": str(source)},
            ) from None
        files.append(SnapshotFile(path, digest, size, os.access(source, os.X_OK)))
    return put_manifest(files, blobs), files


def put_manifest(files: Sequence[SnapshotFile], blobs: Blobs) -> str:
    """Keep what a snapshot of files, whose contents are kept, holds; its digest."""
    manifest = [
        {"path": f.path, "digest": f.digest, "size": f.size, "executable": f.executable}
        for f in files
    ]
    return blobs.put_bytes(json.dumps(manifest, ensure_ascii=False).encode())


def describe_size(folder: Path, paths: Sequence[str]) -> tuple[int, list[str]]:
    """Bytes of the files of a folder, and the names of the largest."""
    sizes = {path: (folder / path).stat().st_size for path in paths}
    return sum(sizes.values()), sorted(sizes, key=lambda path: -sizes[path])[:3]


def source_files(folder: Path) -> list[str]:
    """Relative paths of the files that a snapshot of `folder` holds, sorted.

    Raises:
        InvalidInput: not a folder, or a file name that is not valid Unicode.
    """
    if not folder.is_dir():
        raise InvalidInput(
            f"The source directory {folder} is not a folder.",
            hint="Give the folder that holds the script.",
            details={"path": str(folder)},
        )
    return sorted(_walk(folder, "", _rules(folder)))


def read_manifest(snapshot: str, blobs: Blobs) -> list[SnapshotFile]:
    """What a snapshot holds.

    Raises:
        InvalidInput: it is no manifest, or names a file outside the folder that it describes.
    """
    try:
        entries = json.loads(blobs.find(snapshot).read_bytes())
        files = [SnapshotFile(**entry) for entry in entries]
        is_sound = all(_is_inside(file.path) and is_digest(file.digest) for file in files)
    except (ValueError, TypeError, AttributeError):
        is_sound = False
    if not is_sound:
        raise InvalidInput(
            f"The content {snapshot[:12]}… is not a snapshot.", details={"snapshot": snapshot}
        )
    return files


def _is_inside(path: str) -> bool:
    return "\0" not in path and not {"", ".", ".."} & set(path.split("/"))


def restore_snapshot(snapshot: str, folder: Path, blobs: Blobs) -> None:
    """Write the files of a snapshot into `folder`, as copies that may be changed."""
    restore_files(read_manifest(snapshot, blobs), folder, blobs)


def restore_files(files: Iterable[SnapshotFile], folder: Path, blobs: Blobs) -> None:
    """Write what `read_manifest` gave into `folder`, as copies that may be changed."""
    made = {folder}
    for file in files:
        target = folder / file.path
        if target.parent not in made:
            with storage_errors(target.parent):
                target.parent.mkdir(parents=True, exist_ok=True)
            made.add(target.parent)
        blobs.materialize(file.digest, target, executable=file.executable)


def _rules(folder: Path) -> GitIgnoreSpec:
    lines = list(DEFAULT_IGNORES)
    for name in IGNORE_FILES:
        if (folder / name).is_file():
            lines += (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
            break
    return _compiled(tuple(lines))


@lru_cache(16)
def _compiled(lines: tuple[str, ...]) -> GitIgnoreSpec:
    """Patterns, most often those of a folder that was just looked at, or of any."""
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(lines)


def _walk(folder: Path, prefix: str, rules: GitIgnoreSpec) -> Iterator[str]:
    with storage_errors(folder):
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    for entry in entries:
        path = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            is_workspace = (folder / entry.name / "workspace.json").is_file()
            if not is_workspace and not rules.match_file(path + "/"):
                yield from _walk(folder / entry.name, path + "/", rules)
        elif entry.is_file() and not rules.match_file(path):
            yield _checked(path, folder)


def _checked(path: str, folder: Path) -> str:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise StorageError(
            f"A file in {folder} has a name that is not valid UTF-8: {path!r}.",
            hint="Rename it, or list it in .tandemignore.",
        ) from error
    return path
