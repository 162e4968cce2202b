"""Are the contents of files and snapshots there, and are they what their digests say?"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tandemlab.domain import FileRecord
from tandemlab.store.artifacts import ArtifactBlobs
from tandemlab.store.blobs import digest_of
from tandemlab.store.durable import link_or_copy
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.upkeep.artifacts import artifact_cases
from tandemlab.store.upkeep.assets import asset_contents
from tandemlab.store.upkeep.cases import Case, case, inside, note, set_aside, sql_store

_DAY = 86_400


def content_cases(folder: WorkspaceFolder, *, deep: bool) -> Iterator[Case]:
    """Blobs that are missing or damaged, files that are no links to them, and blobs of nobody."""
    if isinstance(folder.blobs, ArtifactBlobs):
        yield from artifact_cases(folder, folder.blobs, deep=deep)
        return
    store = sql_store(folder)
    referenced: set[str] = set()
    checked: dict[str, bool] | None = {} if deep else None
    for run_id, file in store.all_files():
        referenced.add(file.digest)
        yield from _file_cases(folder, run_id, file, checked)
    for run_id, manifest in store.all_snapshots():
        if manifest not in referenced:
            yield from _snapshot_cases(folder, run_id, manifest, referenced, checked)
    for what, file in asset_contents(folder):
        if file.digest not in referenced:
            yield from _part_cases(folder, f"{file.name} of {what}", file.digest, checked)
        referenced.add(file.digest)
    yield from _unreferenced(folder, referenced)


def _is_damaged(blob: Path, checked: dict[str, bool] | None) -> bool:
    """Whether a blob holds something else than its name says; None looks at none."""
    if checked is None:
        return False
    if blob.name not in checked:
        checked[blob.name] = digest_of(blob) != blob.name
    return checked[blob.name]


def _file_cases(
    folder: WorkspaceFolder, run_id: str, file: FileRecord, checked: dict[str, bool] | None
) -> Iterator[Case]:
    blob = folder.blobs.path(file.digest)
    path = folder.run_directory(run_id) / "files" / file.name
    where = f"runs/{run_id}/files/{file.name}"
    is_there = path.is_file()
    if not blob.exists() or _is_damaged(blob, checked):
        code = "blob_damaged" if blob.exists() else "blob_missing"
        what = "is damaged" if blob.exists() else "is missing"
        is_whole = is_there and digest_of(path) == file.digest
        yield case(
            code,
            inside(folder, blob),
            f"The content of {where} {what}.",
            "It is put back from the run's file."
            if is_whole
            else f"Restore it from a backup; no whole copy of {where} is left.",
            partial(_put_back, path, blob) if is_whole else None,
        )
    elif not is_there:
        if path.parent.parent.exists() or folder.run_directory(run_id).exists():
            yield case(
                "file_missing",
                where,
                "The run's file is gone; its content is kept.",
                "It is linked to its content again.",
                partial(_relink, blob, path),
            )
    elif not blob.samefile(path) and _may_link(blob, path):
        if digest_of(path) == file.digest:
            yield case(
                "file_unlinked",
                where,
                "The run's file is a copy of its content, which takes the space twice.",
                "It is linked to its content.",
                partial(folder.blobs.adopt, path),
            )
        else:
            yield case(
                "file_changed",
                where,
                "The run's file was changed from outside; its content as it was logged is kept.",
                "The changed file is kept beside, and the name linked to the content again.",
                partial(_replace_changed, blob, path),
            )


def _may_link(blob: Path, path: Path) -> bool:
    """Where links are not possible, files are copies."""
    return blob.stat().st_dev == path.stat().st_dev


def _put_back(path: Path, blob: Path) -> None:
    blob.parent.mkdir(parents=True, exist_ok=True)
    if blob.exists():
        blob.rename(set_aside(blob))
    link_or_copy(path, blob)
    blob.chmod(0o444)


def _relink(blob: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(blob, path)


def _replace_changed(blob: Path, path: Path) -> None:
    path.rename(set_aside(path))
    link_or_copy(blob, path)


def _snapshot_cases(
    folder: WorkspaceFolder,
    run_id: str,
    manifest: str,
    referenced: set[str],
    checked: dict[str, bool] | None,
) -> Iterator[Case]:
    referenced.add(manifest)
    lost = (
        "Restore it from a backup: the source that the run was made from cannot be had otherwise."
    )
    blob = folder.blobs.path(manifest)
    try:
        entries = json.loads(blob.read_bytes())
        digests = [str(entry["digest"]) for entry in entries]
    except FileNotFoundError:
        problem = f"The list of the source of run {run_id} is missing."
        yield case("snapshot_missing", inside(folder, blob), problem, lost)
        return
    except (ValueError, KeyError, TypeError):
        problem = f"The list of the source of run {run_id} is damaged."
        yield case("snapshot_damaged", inside(folder, blob), problem, lost)
        return
    for entry, digest in zip(entries, digests, strict=True):
        if digest not in referenced:
            what = f"{entry['path']} in the source of run {run_id}"
            yield from _part_cases(folder, what, digest, checked)
        referenced.add(digest)


def _part_cases(
    folder: WorkspaceFolder, what: str, digest: str, checked: dict[str, bool] | None
) -> Iterator[Case]:
    """A content that has no name in the folder, which could be another copy."""
    blob = folder.blobs.path(digest)
    lost = "Restore it from a backup: it cannot be had otherwise."
    if not blob.exists():
        problem = f"The content of {what} is missing."
        yield case("blob_missing", inside(folder, blob), problem, lost)
    elif _is_damaged(blob, checked):
        problem = f"The content of {what} is damaged."
        yield case("blob_damaged", inside(folder, blob), problem, lost)


def _unreferenced(folder: WorkspaceFolder, referenced: set[str]) -> Iterator[Case]:
    """Contents that nobody needs; young ones may be about to be recorded."""
    count, size, before = 0, 0, time.time() - _DAY
    for parent, _, names in os.walk(folder.path / "blobs"):
        for name in names:
            status = Path(parent, name).stat()
            if name not in referenced and status.st_mtime < before:
                count, size = count + 1, size + status.st_size
    if count:
        yield note(
            "blob_unreferenced",
            "blobs",
            f"{count} contents of {size} bytes belong to no run and no asset.",
            "They do no harm; `tandemlab workspace gc` removes them.",
        )
