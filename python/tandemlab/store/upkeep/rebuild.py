"""Building a SQLite store anew.

The spool is the truth for what was logged, ``run.json`` for what a run is, and the files in
``registry/`` for assets. How runs ended is
read from the old store run by run, as far as that goes; a run of which it knows nothing any more
is told from its directory: its events say how it ended, or for a submitted run the agent finds
out from ``job/``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tandemlab.domain import FileRecord, NewRun, RunRecord, TandemlabError
from tandemlab.domain.assets import Asset, AssetUsage
from tandemlab.domain.schedules import Firing
from tandemlab.store.asset_files import read_usages
from tandemlab.store.durable import storage_errors
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.identity import read_identity
from tandemlab.store.intake import Intake
from tandemlab.store.run_files import folder_files
from tandemlab.store.spool import spool_files
from tandemlab.store.sql import SqlStore
from tandemlab.store.upkeep.assets import restore_assets
from tandemlab.store.upkeep.cases import set_aside
from tandemlab.store.upkeep.runs import directories, tell
from tandemlab.store.upkeep.schedules import restore_schedules
from tandemlab.store.upkeep.spools import rewrite_spool

_NEW = "store.new"


def rebuild(folder: WorkspaceFolder) -> None:
    """Make a new ``store.db``; the old one is kept as ``store.db.damaged``."""
    path = folder.path / "store.db"
    folder.forget_store()
    with storage_errors(folder.path):
        old = _put_aside(path) if path.exists() else _last_put_aside(folder.path)
        for suffix in ("-wal", "-shm"):  # a log without its database would be read into the new one
            path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
        new = folder.path / _NEW
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        with storage_errors(new):
            SqlStore.create(new / "store.db")
    with _salvage(old, new) as salvaged:
        store = SqlStore.open(new / "store.db")
        _fill(folder, store, salvaged)
        store.close()
    with storage_errors(folder.path):
        (new / "store.db").replace(path)
        shutil.rmtree(new)


def _put_aside(path: Path) -> Path:
    """Rename a database together with its log, which belongs to it by name."""
    aside = set_aside(path)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        log.rename(aside.with_name(f"{aside.name}-wal"))
    path.rename(aside)
    return aside


def _last_put_aside(folder: Path) -> Path | None:
    """What an interrupted rebuild has put aside."""
    found = [path for path in folder.glob("store.db.damaged*") if not path.name.endswith("-wal")]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


class _Salvage:
    """What can still be read of a damaged store; nothing is an answer, too."""

    def __init__(self, store: SqlStore | None) -> None:
        self._store = store

    def run(self, run_id: str) -> RunRecord | None:
        if self._store is not None:
            with suppress(TandemlabError, ValueError, TypeError, KeyError):
                return self._store.get_run(run_id)
        return None

    def files(self, run_id: str) -> list[FileRecord]:
        if self._store is not None:
            with suppress(TandemlabError, ValueError, TypeError):
                return self._store.list_files(run_id)
        return []

    def archived(self) -> list[str]:
        if self._store is not None:
            with suppress(TandemlabError, ValueError, TypeError):
                return self._store.archived_experiments()
        return []

    def assets(self) -> list[Asset]:
        if self._store is not None:
            with suppress(TandemlabError, ValueError, TypeError, KeyError):
                return self._store.list_assets(archived=True, all_versions=True)
        return []

    def positions(self) -> dict[str, Any]:
        if self._store is not None:
            with suppress(TandemlabError, ValueError, TypeError):
                return self._store.schedule_positions()
        return {}

    def firings(self) -> list[Firing]:
        if self._store is not None:
            with suppress(TandemlabError, ValueError, TypeError):
                return self._store.find_firings()
        return []

    def usages(self, run_id: str) -> list[AssetUsage]:
        if self._store is not None:
            with suppress(TandemlabError, ValueError, TypeError):
                return self._store.find_usages(run_id=run_id)
        return []


@contextmanager
def _salvage(path: Path | None, folder: Path) -> Iterator[_Salvage]:
    """Read a copy in `folder`, since opening a database may change it."""
    store = None
    if path is not None:
        copy = folder / "old.db"
        with storage_errors(copy):
            shutil.copy2(path, copy)
            log = path.with_name(f"{path.name}-wal")
            if log.exists():
                shutil.copy2(log, copy.with_name(f"{copy.name}-wal"))
        with suppress(TandemlabError):
            store = SqlStore.open(copy)
    try:
        yield _Salvage(store)
    finally:
        if store is not None:
            store.close()


def _fill(folder: WorkspaceFolder, store: SqlStore, salvaged: _Salvage) -> None:
    known: list[RunRecord] = []
    others: list[NewRun] = []
    for directory in directories(folder):
        if (record := salvaged.run(directory.name)) is not None:
            known.append(record)
        elif (run := read_identity(directory)) is not None:
            others.append(run)
    for record in sorted(known, key=lambda each: each.number):
        store.restore_run(record)
    numbers = free_numbers(known, others)
    for run in others:
        tell(folder, store, run)
        store.set_number(run.id, numbers[run.id])
    for run_id in (*(record.id for record in known), *numbers):
        _take_in(folder, store, run_id, salvaged)
    restore_assets(folder, store, salvaged.assets())
    restore_schedules(store, salvaged.positions(), salvaged.firings())
    for name in salvaged.archived():
        store.ensure_experiment(name)
        store.archive_experiment(name, archived=True)


def free_numbers(known: Sequence[RunRecord], others: Sequence[NewRun]) -> dict[str, int]:
    """Numbers for the runs whose own are lost: as they were created, if that number is free."""
    taken: dict[str, set[int]] = {}
    for record in known:
        taken.setdefault(record.experiment, set()).add(record.number)
    last: dict[str, int] = {}
    found: dict[str, int] = {}
    every: list[RunRecord | NewRun] = [*known, *others]
    for run in sorted(every, key=lambda each: each.created):
        numbers = taken.setdefault(run.experiment, set())
        if isinstance(run, RunRecord):
            number = run.number
        else:
            number = last.get(run.experiment, 0) + 1
            if number in numbers:
                number = max(numbers) + 1
            numbers.add(number)
            found[run.id] = number
        last[run.experiment] = number
    return found


def _take_in(folder: WorkspaceFolder, store: SqlStore, run_id: str, salvaged: _Salvage) -> None:
    directory = folder.run_directory(run_id)
    for path in spool_files(directory):
        rewrite_spool(path)
    Intake(folder.path, store, folder.blobs).catch_up(run_id)
    files = {file.name: file for file in salvaged.files(run_id)}
    record = store.get_run(run_id)
    assert record is not None
    if record.is_submitted and record.status.is_terminal and (directory / "files").is_dir():
        # What the agent does when a job ends: all that is there by then are files of the run.
        for name in folder_files(directory / "files"):
            files[name] = FileRecord(name, *folder.blobs.adopt(directory / "files" / name))
    store.add_files(run_id, list(files.values()))
    for usage in {*salvaged.usages(run_id), *read_usages(directory)}:
        store.restore_usage(usage)
