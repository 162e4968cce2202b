"""SQLite: a database in one file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.schema import Table

_BUSY_MILLISECONDS = 60_000
_READS = "tandemlab_reads"

READING = {_READS: True}


def create_file(path: Path) -> None:
    """Make a file whose writers keep no reader waiting."""
    # No transaction may be open for this pragma, or SQLite passes over it.
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA journal_mode = WAL")


def make_engine(path: Path) -> Engine:
    """Engine for a file; writers take the lock at BEGIN and wait for each other.

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
        connection.execute("PRAGMA case_sensitive_like = ON")
        return connection

    # The connection that was used last has the pages in its cache, unless others have written.
    options = {"poolclass": QueuePool, "pool_size": 4, "pool_use_lifo": True}
    engine = create_engine("sqlite://", creator=connect, **options)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(_READS, False)
        # Straight to the driver, which takes a tenth of SQLAlchemy's own way.
        cursor = connection.connection.cursor()
        cursor.execute("BEGIN" if reads else "BEGIN IMMEDIATE")

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


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert tuples of all columns in the table's order."""
    connection.exec_driver_sql(_insert_text(table), list(rows))


@cache
def _insert_text(table: Table) -> str:
    return str(table.insert().compile(dialect=sqlite.dialect()))


def hint(reason: str) -> str:
    """What to do about a refusal."""
    if "full" in reason or "disk I/O" in reason:
        return "The disk is probably full: free some space and try again. Nothing was changed."
    if "readonly" in reason:
        return "The workspace is read-only for this user: change its permissions."
    if "locked" in reason:
        return "Another program holds the database for long; try again."
    if "malformed" in reason or "not a database" in reason:
        return "The file is damaged; restore store.db from a backup."
    return "See the reason above; nothing was changed."
