"""Removing contents that no run needs any more, while others go on working.

Three things keep what is needed. A content that was put lately is never taken, whoever it is for:
its run may be about to be recorded. Those that no run needs are looked up once more while nothing
can be recorded, and removed then. And what cannot be known is an error that removes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tandemlab.domain import Garbage, InvalidInput, InvalidState, NotFound
from tandemlab.store.blobs import Content
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.identity import read_identity
from tandemlab.store.snapshots import read_manifest
from tandemlab.store.sql.upkeep import Recorded
from tandemlab.store.upkeep.cases import sql_store
from tandemlab.store.upkeep.runs import directories

_BATCH = 500


def collect_garbage(folder: WorkspaceFolder, *, older_than: float, dry_run: bool) -> Garbage:
    """Remove contents that no run needs and that nobody has put for `older_than` seconds.

    It may be interrupted and repeated, and others may do the same at the same time.

    Raises:
        InvalidState: the source of a run cannot be read, so that what it needs is not known.
        StorageError: the folder cannot be written.
    """
    folder.read_marker()
    folder.catch_up_all()
    before = folder.blobs.clock() - older_than
    found = list(folder.blobs.contents())
    needed = _Needed(folder)
    unneeded = [content for content in found if content.digest not in needed.digests]
    old = [content for content in unneeded if content.modified < before]
    removed = old if dry_run else list(_remove(folder, old, needed, before))
    return Garbage(
        contents=len(removed),
        bytes=sum(content.size for content in removed),
        young=len(unneeded) - len(old),
        kept=len(found) - len(unneeded),
        dry_run=dry_run,
    )


def _remove(
    folder: WorkspaceFolder, old: Sequence[Content], needed: _Needed, before: float
) -> Iterator[Content]:
    for start in range(0, len(old), _BATCH):
        batch = old[start : start + _BATCH]

        def remove(recorded: Recorded, batch: Sequence[Content] = batch) -> list[Content]:
            needed.look_again(recorded, [content.digest for content in batch])
            doomed = [content for content in batch if content.digest not in needed.digests]
            return [each for each in doomed if folder.blobs.remove(each.digest, before)]

        yield from sql_store(folder).while_nothing_is_recorded(remove)


class _Needed:
    """The contents that runs need: their files, and their sources with all that these list."""

    def __init__(self, folder: WorkspaceFolder) -> None:
        self._folder = folder
        store = sql_store(folder)
        self.digests = {file.digest for _, file in store.all_files()}
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
            if not self._folder.owns_run(run_id):
                return  # it is in another folder of the same database, with its contents
            raise InvalidState(
                f"What the source of run {run_id} needs is not known: its list cannot be read.",
                hint="`tandemlab workspace check` says more. Restore it from a backup, or delete "
                "the run.",
                details={"run_id": run_id, "snapshot": snapshot},
            ) from problem
        self._snapshots.add(snapshot)
        self.digests.add(snapshot)
        self.digests.update(file.digest for file in files)
