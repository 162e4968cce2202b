"""Do the runs' directories and the store know the same runs, and are marks where they should be?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

from tandemlab.domain import NewRun, RunError, RunQuery, RunRecord, RunStatus
from tandemlab.domain.records import JOBS
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.identity import read_identity, write_identity
from tandemlab.store.spool import live_runs, mark_live, spool_files
from tandemlab.store.sql import SqlStore
from tandemlab.store.upkeep.cases import Case, case, inside, set_aside, sql_store

_HOUR = 3600


def directories(folder: WorkspaceFolder) -> list[Path]:
    """The directories of runs, by name."""
    return sorted(path for path in (folder.path / "runs").iterdir() if path.is_dir())


def tell(folder: WorkspaceFolder, store: SqlStore, run: NewRun) -> None:
    """Tell a store of a run that it does not know, in the state that its directory shows.

    The agent takes over a submitted run that is Running: it sees by ``job/`` what became of it.
    """
    if run.type in JOBS and run.definition:
        was_started = (folder.run_directory(run.id) / "job" / "claim").exists()
        run = replace(run, status=RunStatus.RUNNING if was_started else RunStatus.QUEUED)
    store.create_run(run)
    if run.type in JOBS and not run.definition:
        error = RunError("The store was damaged: how this run ended is not known.", "lost")
        store.move_run(run.id, RunStatus.FAILED, error=error)


def run_cases(folder: WorkspaceFolder) -> Iterator[Case]:
    """Runs that only one of the two knows, and damaged ``run.json``."""
    store = sql_store(folder)
    present = directories(folder)
    known = store.known_runs([path.name for path in present])
    for directory in present:
        yield from _cases_of(folder, directory, is_known=directory.name in known)
    if not (folder.path / "store.db").exists():
        return  # a database may serve folders on other machines, with runs of their own
    here = {path.name for path in present}
    for record in store.find_runs(RunQuery(include_children=True)):
        if record.id not in here:
            yield case(
                "run_directory_missing",
                f"runs/{record.id}",
                "The directory of this run is gone, and its files and events with it. What the "
                "store had taken in is still there.",
                "Restore it from a backup, or delete the run.",
            )


def _cases_of(folder: WorkspaceFolder, directory: Path, *, is_known: bool) -> Iterator[Case]:
    identity = read_identity(directory)
    where = inside(folder, directory)
    if identity is not None and not is_known:
        yield case(
            "run_unknown",
            where,
            "The store does not know this run.",
            "The store is told of it, and takes in what it has logged.",
            partial(_adopt, folder, identity),
        )
    elif identity is None and is_known:
        is_there = (directory / "run.json").exists()
        yield case(
            "run_json_damaged" if is_there else "run_json_missing",
            f"{where}/run.json",
            "It does not say who this run is." if is_there else "It is missing.",
            "It is written anew from the store"
            + (", and the damaged one is kept beside it." if is_there else "."),
            partial(_write_identity, folder, directory.name),
        )
    elif identity is None and any(directory.iterdir()):
        yield case(
            "run_unreadable",
            where,
            "Neither run.json nor the store says what run this is.",
            "Restore run.json from a backup, or remove the directory.",
        )
    elif identity is None and time.time() - directory.stat().st_mtime > _HOUR:
        yield case(
            "run_empty",
            where,
            "An empty directory, left by a program that was killed as it made a run.",
            "It is removed.",
            directory.rmdir,
        )


def _adopt(folder: WorkspaceFolder, run: NewRun) -> None:
    tell(folder, sql_store(folder), run)
    mark_live(folder.run_directory(run.id))
    folder.catch_up(run.id)


def _write_identity(folder: WorkspaceFolder, run_id: str) -> None:
    record = sql_store(folder).get_run(run_id)
    assert record is not None
    path = folder.run_directory(run_id) / "run.json"
    if path.exists():
        path.rename(set_aside(path))
    write_identity(path.parent, _as_new(record), folder.address)


def _as_new(record: RunRecord) -> NewRun:
    """A run as it was created, as far as its record still says."""
    return NewRun(**{field.name: getattr(record, field.name) for field in fields(NewRun)})


def mark_cases(folder: WorkspaceFolder) -> Iterator[Case]:
    """Marks of runs that are gone, and runs with news that have no mark."""
    store = sql_store(folder)
    ids = [path.name for path in directories(folder)]
    live = set(live_runs(folder.path))
    for run_id in sorted(live - set(ids)):
        mark = folder.path / "live" / run_id
        yield case(
            "live_stale", f"live/{run_id}", "There is no such run.", "It is removed.", mark.unlink
        )
    known = store.known_runs(ids)
    positions = store.positions_of(list(known))
    for run_id in known:
        if run_id not in live and _has_news(folder, run_id, positions.get(run_id, {})):
            yield case(
                "live_missing",
                f"live/{run_id}",
                "The run has logged what the store has not taken in, and no mark says so.",
                "It is taken in.",
                partial(folder.catch_up, run_id),
            )


def _has_news(folder: WorkspaceFolder, run_id: str, positions: dict[str, tuple[int, int]]) -> bool:
    for path in spool_files(folder.run_directory(run_id)):
        with path.open("rb") as stream:
            stream.seek(positions.get(path.stem, (0, 0))[1])
            if b"\n" in stream.read():
                return True
    return False
