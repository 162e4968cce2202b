"""Connections, transactions and the version of the schema, for both kinds of database.

What differs between the databases is in `sqlite` and `postgresql`.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine, exc, inspect, text
from sqlalchemy.sql.schema import Table

from tandemlab.domain import NotFound, StorageError, VersionMismatch
from tandemlab.store.sql import postgresql, schema, sqlite

Place: TypeAlias = Path | str
"""A SQLite file, or the address of a PostgreSQL database."""

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
# Seconds between tries: enough for a server to be restarted.
_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0)


class PassingError(StorageError):
    """A refusal that may well be gone when the same is tried again."""


@contextmanager
def errors_of(place: Place) -> Iterator[None]:
    """Turn the database's refusals into a `StorageError` that says what to do."""
    try:
        yield
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        is_passing = isinstance(place, str) and postgresql.is_passing(error)
        if isinstance(error, exc.IntegrityError) and not is_passing:
            raise
        reason = str(getattr(error, "orig", error)).strip()
        raise (PassingError if is_passing else StorageError)(
            f"The store {place} refused: {reason.rstrip('.')}.",
            hint=postgresql.hint(error) if isinstance(place, str) else sqlite.hint(reason),
            details={"path": str(place)},
        ) from error


def repeated(
    method: Callable[_Arguments, _Result],
) -> Callable[_Arguments, _Result]:
    """Have what is one transaction, and may be repeated, tried again where that helps."""

    @wraps(method)
    def repeat(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        for pause in _PAUSES:
            try:
                return method(*arguments, **named)
            except PassingError:
                time.sleep(pause)
        return method(*arguments, **named)

    return repeat


def make_engine(place: Place) -> Engine:
    """Engine for a database; nothing is opened yet."""
    return postgresql.make_engine(place) if isinstance(place, str) else sqlite.make_engine(place)


def create_database(place: Place) -> bool:
    """Make the newest schema; False if a database holds one already."""
    if isinstance(place, Path):
        with errors_of(place):
            sqlite.create_file(place)
    engine = make_engine(place)
    try:
        with errors_of(place), changing_schema(engine) as connection:
            if inspect(connection).has_table("alembic_version"):
                return False
            schema.metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            connection.execute(
                text("INSERT INTO alembic_version VALUES (:head)"), {"head": schema.HEAD}
            )
            return True
    finally:
        engine.dispose()


def open_database(place: Place) -> Engine:
    """Engine for a database that is there, brought up to date if an older program made it.

    Raises:
        NotFound: the file is missing.
        VersionMismatch: the store is newer than this program.
        StorageError: it is not a store, or cannot be reached.
    """
    if isinstance(place, Path) and not place.exists():
        raise NotFound(
            f"The workspace has no database: {place} is missing.",
            hint="Restore it from a backup, or create a new workspace.",
        )
    engine = make_engine(place)
    _check_version(engine, place)
    return engine


@repeated
def _version_of(engine: Engine, place: Place) -> object:
    with errors_of(place), reading(engine) as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _check_version(engine: Engine, place: Place) -> None:
    found = _version_of(engine, place)
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


def may_write(engine: Engine, place: Place) -> bool:
    """Whether this user may change the store."""
    if isinstance(place, Path):
        return os.access(place.parent, os.W_OK)
    with errors_of(place), reading(engine) as connection:
        return postgresql.may_write(connection)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reading, which keeps no writer waiting and sees one state."""
    options = postgresql.READING if _is_postgresql(engine) else sqlite.READING
    with engine.connect() as connection:
        yield connection.execution_options(**options)


@contextmanager
def changing_schema(engine: Engine) -> Iterator[Connection]:
    """A transaction that changes tables, one at a time."""
    with engine.begin() as connection:
        if _is_postgresql(engine):
            postgresql.lock_schema(connection)
        yield connection


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert tuples of all columns in the table's order.

    They go to the driver as they are: SQLAlchemy's own way for many rows costs more than the
    database's work.
    """
    insert = postgresql.insert_rows if _is_postgresql(connection) else sqlite.insert_rows
    insert(connection, table, rows)


def upsert(dialect: str, table: Table) -> Any:
    """An INSERT of the dialect that knows ON CONFLICT."""
    # A dialect takes a while to load, and a process needs one of them.
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)


def _is_postgresql(bind: Engine | Connection) -> bool:
    return bind.dialect.name == "postgresql"
