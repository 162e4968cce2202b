"""Connections, transactions and the version of the schema."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, exc, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.schema import Table

from tandemlab.domain import StorageError, VersionMismatch
from tandemlab.store.sql import schema

_BUSY_MILLISECONDS = 60_000
_READS = "tandemlab_reads"


def create_database(path: Path) -> None:
    """Make a new SQLite database with the newest schema."""
    # No transaction may be open for this pragma, or SQLite passes over it.
    with errors_of(path), closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA journal_mode = WAL")
    engine = sqlite_engine(path)
    try:
        with errors_of(path), engine.begin() as connection:
            schema.metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            connection.execute(
                text("INSERT INTO alembic_version VALUES (:head)"), {"head": schema.HEAD}
            )
    finally:
        engine.dispose()


def sqlite_engine(path: Path) -> Engine:
    """Engine for a SQLite file; writers take the lock at BEGIN and wait for each other.

    Readers wait for nobody, and see the state that was committed when they began.
    """

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            _uri(path),
            uri=True,
            timeout=_BUSY_MILLISECONDS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=4)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(_READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _uri(path: Path) -> str:
    """A file URI; a database in a read-only folder is opened without its shared memory.

    Unless its last writer has left or still keeps a log: only SQLite's usual way reads that.
    """
    options = ""
    if not os.access(path.parent, os.W_OK):
        has_log = path.with_name(f"{path.name}-wal").exists()
        options = "?mode=ro" if has_log else "?mode=ro&immutable=1"
    return f"file:{quote(str(path))}{options}"


def check_version(engine: Engine, place: Path) -> None:
    """Refuse a store that a newer program made; bring an older one up to date.

    Raises:
        VersionMismatch: the store is newer than this program.
        StorageError: it is not a store.
    """
    with errors_of(place), reading(engine) as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found == schema.HEAD:
        return
    if found is None or str(found) > schema.HEAD:
        raise VersionMismatch(
            f"{place} has schema {found}; this version of tandemlab knows {schema.HEAD}.",
            hint="Upgrade tandemlab to the version that made this workspace, or a newer one.",
            details={"found": found, "known": schema.HEAD},
        )
    from tandemlab.store.sql.migrations import upgrade

    with errors_of(place):
        upgrade(engine)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reading, which keeps no writer waiting."""
    with engine.connect() as connection:
        yield connection.execution_options(**{_READS: True})


@contextmanager
def errors_of(place: Path | str) -> Iterator[None]:
    """Turn the database's refusals into a `StorageError` that says what to do."""
    try:
        yield
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        if isinstance(error, exc.IntegrityError):
            raise
        reason = str(getattr(error, "orig", error))
        raise StorageError(
            f"The store {place} refused: {reason}.",
            hint=_hint(reason),
            details={"path": str(place)},
        ) from error


def _hint(reason: str) -> str:
    if "full" in reason or "disk I/O" in reason:
        return "The disk is probably full: free some space and try again. Nothing was changed."
    if "readonly" in reason or "read-only" in reason:
        return "The workspace is read-only for this user: change its permissions."
    if "locked" in reason:
        return "Another program holds the database for long; try again."
    if "malformed" in reason or "not a database" in reason:
        return "The file is damaged; restore store.db from a backup."
    return "See the reason above; nothing was changed."


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert tuples of all columns in the table's order.

    They go to the driver as they are: SQLAlchemy's own way for many rows costs more than the
    database's work.
    """
    statement, positional = _insert_text(table, connection.dialect)
    if positional:
        connection.exec_driver_sql(statement, list(rows))
    else:
        names = table.columns.keys()
        named = [dict(zip(names, row, strict=True)) for row in rows]
        connection.exec_driver_sql(statement, named)


@lru_cache(maxsize=16)
def _insert_text(table: Table, dialect: Dialect) -> tuple[str, bool]:
    """The INSERT as text, and whether it takes its parameters by position."""
    compiled = table.insert().compile(dialect=dialect)
    return str(compiled), bool(compiled.positional)


def upsert(dialect: str, table: Table) -> Any:
    """An INSERT of the dialect that knows ON CONFLICT."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)
