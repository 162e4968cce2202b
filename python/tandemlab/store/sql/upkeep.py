"""Statements for checking and repairing a store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, func, select, text, union, update

from tandemlab.domain import FileRecord, NewRun, RunRecord
from tandemlab.domain.times import to_micros
from tandemlab.store.sql import ingest, runs
from tandemlab.store.sql.among import among
from tandemlab.store.sql.schema import asset_files, experiments, files, writers
from tandemlab.store.sql.schema import runs as runs_table

_NUMBER = runs_table.c.number
_KNOWN_FILES = union(
    *(
        select(table.c.digest).where(among(table.c.digest, "digests"))
        for table in (files, asset_files)
    )
)


def check(connection: Connection) -> list[str]:
    """What the database finds wrong with itself. PostgreSQL holds its constraints at all times."""
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.count()).select_from(runs_table))
        return []
    found = connection.execute(text("PRAGMA integrity_check(100)")).scalars().all()
    problems = [str(line) for line in found if line != "ok"]
    if not problems:
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
        problems = [f"a row of {row[0]} belongs to no row of {row[2]}" for row in broken]
    return problems


def restore_run(connection: Connection, record: RunRecord) -> None:
    """Create a run as it was. Its number must be free, as it is in an empty store."""
    run = NewRun(
        id=record.id,
        experiment=record.experiment,
        type=record.type,
        display_name=record.display_name,
        created=record.created,
        status=record.status,
        parent=record.parent,
        target=record.target,
        snapshot=record.snapshot,
        description=record.description,
        definition=record.definition,
        context=record.context,
        tags=record.tags,
        properties=record.properties,
    )
    runs.create(connection, [run])
    key = runs.require_key(connection, record.id)
    ingest.put_params(connection, key, record.params, time=to_micros(record.created))
    error = record.error
    connection.execute(
        update(runs_table)
        .where(runs_table.c.id == record.id)
        .values(
            started=None if record.started is None else to_micros(record.started),
            ended=None if record.ended is None else to_micros(record.ended),
            exit_code=record.exit_code,
            error=None
            if error is None
            else json.dumps({"message": error.message, "code": error.code}),
        )
    )
    set_number(connection, record.id, record.number)


def set_number(connection: Connection, run_id: str, number: int) -> None:
    """Give a run a number of its experiment that is free."""
    connection.execute(update(runs_table).where(runs_table.c.id == run_id).values(number=number))
    experiment = select(runs_table.c.experiment_key).where(runs_table.c.id == run_id)
    highest = select(func.max(_NUMBER)).where(runs_table.c.experiment_key == experiments.c.key)
    connection.execute(
        update(experiments)
        .where(experiments.c.key == experiment.scalar_subquery())
        .values(last_number=highest.scalar_subquery())
    )


def move_position(connection: Connection, run_id: str, writer: str, position: int) -> None:
    """Set the byte offset behind what was taken in of a writer's file."""
    key = runs.require_key(connection, run_id)
    connection.execute(
        update(writers)
        .where(writers.c.run_key == key, writers.c.name == writer)
        .values(position=position)
    )


def all_files(connection: Connection) -> list[tuple[str, FileRecord]]:
    """The files of all runs, each with the run's id."""
    statement = select(runs_table.c.id, files.c.name, files.c.digest, files.c.size).join(
        runs_table, runs_table.c.key == files.c.run_key
    )
    return [(row[0], FileRecord(*row[1:])) for row in connection.execute(statement)]


def all_snapshots(connection: Connection) -> list[tuple[str, str]]:
    """Ids of the runs whose source was kept, with the digest of its manifest."""
    statement = select(runs_table.c.id, runs_table.c.snapshot).where(
        runs_table.c.snapshot.is_not(None)
    )
    return [(row[0], row[1]) for row in connection.execute(statement)]


class Recorded:
    """What is recorded, in a transaction that keeps others from recording more."""

    def __init__(self, connection: Connection) -> None:
        if connection.dialect.name == "postgresql":  # SQLite has one writer at any time
            connection.execute(text("LOCK TABLE runs, files, asset_files IN SHARE MODE"))
        self._connection = connection

    def files_of(self, digests: Sequence[str]) -> set[str]:
        """Those of `digests` that are contents of files of runs and assets."""
        return set(self._connection.execute(_KNOWN_FILES, {"digests": digests}).scalars())

    def snapshots(self) -> Iterator[tuple[str, str]]:
        """A run for each source that was kept, with the digest of its manifest."""
        statement = (
            select(func.min(runs_table.c.id), runs_table.c.snapshot)
            .where(runs_table.c.snapshot.is_not(None))
            .group_by(runs_table.c.snapshot)
        )
        for row in self._connection.execute(statement):
            yield row[0], row[1]


def archived(connection: Connection) -> list[str]:
    """Names of the archived experiments: the plainest question, which damage may leave alone."""
    statement = select(experiments.c.name).where(experiments.c.archived)
    return list(connection.execute(statement).scalars())
