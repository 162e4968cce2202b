"""Removing contents that no run and no asset needs any more, while others go on working.

Three things keep what is needed. A content that was put lately is never taken, whoever it is for:
its run may be about to be recorded. Those that nobody needs are looked up once more while nothing
can be recorded, and removed then: whoever records later looks whether they are there. And what
cannot be known is an error that removes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tandemlab.domain import Garbage, InvalidInput, InvalidState, NotFound, StorageError
from tandemlab.domain.assets import Asset
from tandemlab.store.artifacts import (
    ArtifactBlobs,
    ArtifactPlace,
    home_of,
    is_ours,
    problem_of_home,
)
from tandemlab.store.asset_files import AssetFiles
from tandemlab.store.blobs import BlobStore, Content
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.identity import read_identity
from tandemlab.store.snapshots import read_manifest
from tandemlab.store.sql.upkeep import Recorded
from tandemlab.store.upkeep.cases import sql_store
from tandemlab.store.upkeep.runs import directories

_BATCH = 500


def collect_garbage(
    folder: WorkspaceFolder, *, older_than: float, dry_run: bool, take_over: bool = False
) -> Garbage:
    """Remove contents that nobody needs and that nobody has put for `older_than` seconds.

    It may be interrupted and repeated, and others may do the same at the same time.

    Args:
        take_over: whether the folder is from now on the one that removes contents at the other
            place.

    Raises:
        InvalidState: the source of a run or the file of an asset cannot be read, so that what it
            needs is not known; or the place for contents is another workspace's.
        StorageError: the folder cannot be written.
        Unavailable: the place for contents cannot be reached.
    """
    folder.read_marker()
    folder.catch_up_all()
    places: list[_Here | _There] = [_Here(folder.blobs, older_than)]
    if isinstance(folder.blobs, ArtifactBlobs):
        place = folder.blobs.place
        places.append(_There(folder, place, older_than, dry_run=dry_run, take_over=take_over))
    found = {content.digest: content for place in places for content in place.contents}
    needed = _Needed(folder)
    unneeded = found.keys() - needed.digests
    young = {digest for digest in unneeded if any(place.is_young(digest) for place in places)}
    old = sorted(unneeded - young)
    removed = old if dry_run else list(_remove(folder, places, old, needed))
    return Garbage(
        contents=len(removed),
        bytes=sum(found[digest].size for digest in removed),
        young=len(young),
        kept=len(found) - len(unneeded),
        dry_run=dry_run,
    )


class _Here:
    """The contents on this machine, as they are when a collection begins."""

    def __init__(self, blobs: BlobStore, older_than: float) -> None:
        self._blobs = blobs
        self._before = blobs.clock() - older_than
        self.contents = list(blobs.contents())
        self._young = _young(self.contents, self._before)

    def is_young(self, digest: str) -> bool:
        return digest in self._young

    def remove(self, digests: Sequence[str]) -> set[str]:
        """Those that are gone; what was put meanwhile stays."""
        return {digest for digest in digests if self._blobs.remove(digest, self._before)}


class _There:
    """The contents at the other place. What is recorded is looked up there afterwards."""

    def __init__(
        self,
        folder: WorkspaceFolder,
        place: ArtifactPlace,
        older_than: float,
        *,
        dry_run: bool,
        take_over: bool,
    ) -> None:
        marker = folder.read_marker()
        whose = place.read_marker()
        if whose is None or not is_ours(whose, marker["id"], marker.get("store")):
            raise InvalidState(
                f"{place.address} is not known to hold the contents of this workspace.",
                hint=f"Look at tandemlab.json there: it names {whose and whose.get('workspace')}.",
                details={"artifacts": str(place.address)},
            )
        problem = problem_of_home(place, whose, folder.path)
        if problem is not None and not take_over:
            raise problem
        is_home = bool(whose.get("home")) and problem is None
        if not (is_home or marker.get("store") or dry_run):
            place.write_marker(marker["id"], None, home_of(folder.path))
        self._place = place
        before = place.clock() - older_than
        self.contents = list(place.contents())
        self._there = {content.digest for content in self.contents}
        self._young = _young(self.contents, before)
        self.before = before

    def is_young(self, digest: str) -> bool:
        return digest in self._young

    def remove(self, digests: Sequence[str]) -> set[str]:
        doomed = [digest for digest in digests if digest in self._there]
        if doomed:
            self._place.remove(doomed)
        return set(doomed)

    def abandon(self) -> None:
        """Remove what interrupted uploads have left."""
        self._place.abandon(self.before)


def _young(contents: Sequence[Content], before: float) -> set[str]:
    return {content.digest for content in contents if content.modified >= before}


def _remove(
    folder: WorkspaceFolder,
    places: Sequence[_Here | _There],
    old: Sequence[str],
    needed: _Needed,
) -> Iterator[str]:
    for start in range(0, len(old), _BATCH):
        batch = old[start : start + _BATCH]

        def remove(recorded: Recorded, batch: Sequence[str] = batch) -> set[str]:
            needed.look_again(recorded, batch)
            doomed = [digest for digest in batch if digest not in needed.digests]
            return set().union(*(place.remove(doomed) for place in places))

        yield from sql_store(folder).while_nothing_is_recorded(remove)
    for place in places:
        if isinstance(place, _There):
            place.abandon()


class _Needed:
    """The contents that are needed: files of runs and assets, and sources with what they list."""

    def __init__(self, folder: WorkspaceFolder) -> None:
        self._folder = folder
        store = sql_store(folder)
        self.digests = {file.digest for _, file in store.all_files()}
        self.digests.update(_of_assets(folder))
        self._snapshots: set[str] = set()
        for run_id, snapshot in store.all_snapshots():
            self._add_snapshot(run_id, snapshot)
        for run_id, snapshot in self._unrecorded():
            self._add_snapshot(run_id, snapshot)

    def look_again(self, recorded: Recorded, digests: Sequence[str]) -> None:
        """Add what was recorded since, as far as it bears on `digests`."""
        self.digests |= recorded.files_of(digests)
        for run_id, snapshot in recorded.snapshots():
            self._add_snapshot(run_id, snapshot)

    def _unrecorded(self) -> Iterator[tuple[str, str]]:
        """Sources of runs that have a directory and that the store does not know yet."""
        found = {directory.name: directory for directory in directories(self._folder)}
        for run_id in found.keys() - self._folder.store.known_runs(found).keys():
            run = read_identity(found[run_id])
            if run is not None and run.snapshot is not None:
                yield run_id, run.snapshot

    def _add_snapshot(self, run_id: str, snapshot: str) -> None:
        if snapshot in self._snapshots:
            return
        try:
            files = read_manifest(snapshot, self._folder.blobs)
        except (NotFound, InvalidInput) as problem:
            is_shared = isinstance(self._folder.blobs, ArtifactBlobs)
            if not is_shared and not self._folder.owns_run(run_id):
                return  # it is in another folder of the same database, with its contents
            raise InvalidState(
                f"What the source of run {run_id} needs is not known: its list cannot be read.",
                hint="If it was submitted on another machine, it may still wait there to be sent. "
                "`tandemlab workspace check` says more.",
                details={"run_id": run_id, "snapshot": snapshot},
            ) from problem
        self._snapshots.add(snapshot)
        self.digests.add(snapshot)
        self.digests.update(file.digest for file in files)


def _of_assets(folder: WorkspaceFolder) -> Iterator[str]:
    """Contents of assets: of those that the store knows, and of those that only have a file."""
    known = set()
    for asset in folder.store.list_assets(archived=True, all_versions=True):
        known.add((asset.kind, asset.name, str(asset.version)))
        yield from (file.digest for file in asset.files)
    files = AssetFiles(folder.path)
    for path in files.paths():
        is_known = (path.parts[-3], path.parts[-2], path.stem) in known
        if not is_known and not folder.registry.is_deleted(path):
            yield from _of_file(files, path)


def _of_file(files: AssetFiles, path: Path) -> Iterator[str]:
    try:
        asset = files.read(path)
    except StorageError as problem:
        raise InvalidState(
            f"What {path.parts[-3]} {path.parts[-2]}:{path.stem} needs is not known: "
            "its file cannot be read, and the store does not have it.",
            hint="`tandemlab workspace check` says more.",
            details={"path": str(path)},
        ) from problem
    if isinstance(asset, Asset):
        yield from (file.digest for file in asset.files)
