"""Are the contents at their place, whole, and do this machine's copies agree with them?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from secrets import token_hex

from tandemlab.domain import InvalidInput, NotFound, StorageError, TandemlabError
from tandemlab.store.artifacts import ArtifactBlobs, problem_of_home
from tandemlab.store.blobs import digest_of
from tandemlab.store.durable import link_or_copy
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.snapshots import read_manifest
from tandemlab.store.upkeep.assets import asset_contents
from tandemlab.store.upkeep.cases import Case, case, inside, note, set_aside, sql_store


@dataclass(slots=True)
class _Needed:
    """A content that runs or assets need: what for, and the names that it has on this machine."""

    what: str
    names: list[Path] = field(default_factory=list)


def artifact_cases(folder: WorkspaceFolder, blobs: ArtifactBlobs, *, deep: bool) -> Iterator[Case]:
    """Contents that are missing or damaged at their place or here, and those that wait."""
    address = str(blobs.place.address)
    try:
        there = {content.digest: content.size for content in blobs.place.contents()}
        needed = _needed(folder, blobs)
        shared = problem_of_home(blobs.place, blobs.place.read_marker() or {}, folder.path)
    except TandemlabError as problem:
        yield case("artifacts_unreachable", address, problem.message, problem.hint)
        return
    if shared is not None:
        yield case("artifacts_shared", address, shared.message, shared.hint)
    waiting = set(blobs.waiting())
    for digest, need in needed.items():
        if digest not in waiting:
            yield from _case_there(blobs, digest, need, there, deep=deep)
        yield from _cases_here(folder, blobs, digest, need, deep=deep)
    if waiting:
        yield note(
            "blob_unsent",
            "unsent",
            f"{len(waiting)} contents wait to be sent to {address}.",
            "This happens by itself; `tandemlab sync` does it now.",
        )
    rest = there.keys() - needed.keys()
    if rest:
        yield note(
            "blob_unreferenced",
            address,
            f"{len(rest)} contents of {sum(there[each] for each in rest)} bytes belong to "
            "no run and no asset.",
            "They do no harm; `tandemlab workspace gc` removes them.",
        )


def _needed(folder: WorkspaceFolder, blobs: ArtifactBlobs) -> Mapping[str, _Needed]:
    store = sql_store(folder)
    found: dict[str, _Needed] = {}
    for run_id, file in store.all_files():
        need = found.setdefault(file.digest, _Needed(f"the file {file.name} of run {run_id}"))
        if folder.owns_run(run_id):
            need.names.append(folder.run_directory(run_id) / "files" / file.name)
    for run_id, snapshot in store.all_snapshots():
        if snapshot not in found:
            what = f"the source of run {run_id}"
            found[snapshot] = _Needed(f"the list of {what}")
            try:
                files = read_manifest(snapshot, blobs)
            except (NotFound, InvalidInput, StorageError):
                continue  # it is told of as a content that is missing or damaged
            for part in files:
                found.setdefault(part.digest, _Needed(f"{part.path} in {what}"))
    for what, file in asset_contents(folder):
        found.setdefault(file.digest, _Needed(f"the file {file.name} of {what}"))
    return found


def _case_there(
    blobs: ArtifactBlobs, digest: str, need: _Needed, there: Mapping[str, int], *, deep: bool
) -> Iterator[Case]:
    is_there = digest in there
    if is_there and not (deep and _is_damaged_there(blobs, digest)):
        return
    here = blobs.path(digest)
    whole = next((path for path in (here, *need.names) if _is_whole(path, digest)), None)
    yield case(
        "blob_damaged" if is_there else "blob_missing",
        f"{blobs.place.address}: {digest[:12]}…",
        f"The content of {need.what} is {'damaged' if is_there else 'missing'} there.",
        "It is sent again."
        if whole
        else "Restore it from a backup; no whole copy is on this machine.",
        None if whole is None else partial(blobs.place.put, whole, digest),
    )


def _is_damaged_there(blobs: ArtifactBlobs, digest: str) -> bool:
    state = hashlib.sha256()
    for chunk in blobs.place.read(digest):
        state.update(chunk)
    return state.hexdigest() != digest


def _is_whole(path: Path, digest: str) -> bool:
    return path.is_file() and digest_of(path) == digest


def _cases_here(
    folder: WorkspaceFolder, blobs: ArtifactBlobs, digest: str, need: _Needed, *, deep: bool
) -> Iterator[Case]:
    here = blobs.path(digest)
    if deep and here.exists() and not _is_whole(here, digest):
        yield case(
            "blob_damaged",
            inside(folder, here),
            f"The copy on this machine of {need.what} is damaged.",
            "It is kept beside, and fetched again.",
            partial(_replace, blobs, digest, here),
        )
    for name in need.names:
        if not name.exists():
            yield case(
                "file_missing",
                inside(folder, name),
                "The run's file is gone; its content is kept.",
                "It is linked to its content again.",
                partial(_link, blobs, digest, name),
            )
        elif deep and not _is_whole(name, digest):
            yield case(
                "file_changed",
                inside(folder, name),
                "The run's file was changed from outside; its content as it was logged is kept.",
                "The changed file is kept beside, and the name linked to the content again.",
                partial(_replace, blobs, digest, name),
            )


def _replace(blobs: ArtifactBlobs, digest: str, path: Path) -> None:
    path.rename(set_aside(path))
    if path == blobs.path(digest):
        blobs.find(digest)
    else:
        _link(blobs, digest, path)


def _link(blobs: ArtifactBlobs, digest: str, path: Path) -> None:
    content = blobs.find(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{token_hex(6)}.tmp")
    link_or_copy(content, temporary)
    temporary.replace(path)
