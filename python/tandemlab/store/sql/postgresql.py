"""PostgreSQL: a database that several machines share, found by its address.

The address is what libpq understands (``postgresql://user@host/database?…``). It is written down
and shown, so it may not hold a password: libpq takes that from ``PGPASSWORD``, ``~/.pgpass`` or a
service file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from weakref import WeakSet

from sqlalchemy import Connection, Engine, create_engine, exc, text
from sqlalchemy.sql.schema import Table

from tandemlab.domain import InvalidInput, MissingDependency

_SCHEMES = ("postgresql", "postgres")
_SECRETS = ("password", "sslpassword")
_CONNECT_SECONDS = 10
# A number that no other program is likely to lock.
_LOCK = 0x7A4D_1AB5
# What PostgreSQL takes for granted unless somebody has set it is a disk with an arm: it would
# rather look at every run than look up those that an index names.
_PREFER_INDEXES = (
    "SELECT set_config('random_page_cost', '1.1', false)"
    " WHERE current_setting('random_page_cost') = '4'"
)

READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

# Rows that another transaction has changed meanwhile, deadlocks, and a server that goes or comes.
_PASSING = frozenset({"40001", "40P01", "23505", "57P01", "57P02", "57P03"})
_REFUSED_WRITES = frozenset({"25006", "42501"})


def is_address(place: object) -> bool:
    """Whether a place is a database of this kind."""
    return isinstance(place, str) and "://" in place


def check_address(address: object) -> str:
    """An address that may be written down.

    Raises:
        InvalidInput: of another kind of database, or with a password in it.
    """
    if not isinstance(address, str):
        raise InvalidInput(
            f"The address of a store is text, not {type(address).__name__}.",
            hint="For example postgresql://user@host/database.",
        )
    parts = urlsplit(address)
    if parts.scheme not in _SCHEMES:
        raise InvalidInput(
            "The address of a store starts with postgresql://.",
            hint="For example postgresql://user@host/database. Without an address the store is "
            "a file in the workspace's folder.",
        )
    named = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if parts.password is not None or named & set(_SECRETS):
        raise InvalidInput(
            "The address of the store holds a password, which everybody could read in "
            "workspace.json.",
            hint="Leave it out, and put it into PGPASSWORD, ~/.pgpass or a service file.",
        )
    return address


def make_engine(address: str) -> Engine:
    """Engine for an address; connections are made when they are needed.

    Raises:
        MissingDependency: psycopg is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise MissingDependency(
            "A store in PostgreSQL needs psycopg, which is not installed.",
            hint="Install it with `pip install 'tandemlab[postgresql]'`.",
        ) from error

    defaults: dict[str, Any] = {"fallback_application_name": "tandemlab"}
    if "connect_timeout" not in address:
        defaults["connect_timeout"] = _CONNECT_SECONDS

    def connect() -> psycopg.Connection[Any]:
        connection = psycopg.connect(address, **defaults)
        with connection.transaction():
            connection.execute(_PREFER_INDEXES)
        return connection

    engine = create_engine("postgresql+psycopg://", creator=connect, pool_size=4)
    _engines.add(engine)
    return engine


_engines: WeakSet[Engine] = WeakSet()


def _leave_to_parent() -> None:
    """In a forked child: two processes cannot speak over one connection."""
    for engine in list(_engines):
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_leave_to_parent)


def lock_schema(connection: Connection) -> None:
    """Until the end of the transaction, make others wait who would change the tables."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})


def may_write(connection: Connection) -> bool:
    """Whether this user may change the store, and the server takes changes."""
    return bool(
        connection.execute(
            text(
                "SELECT has_table_privilege('runs', 'INSERT') AND NOT pg_is_in_recovery()"
                " AND current_setting('default_transaction_read_only') = 'off'"
            )
        ).scalar_one()
    )


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert tuples of all columns in the table's order, by COPY."""
    import psycopg

    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    statement = _copy_text(table)
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        is_lost = driver.closed
        if is_lost:
            connection.invalidate(error)
        raise exc.DatabaseError(statement, None, error, connection_invalidated=is_lost) from error


@cache
def _copy_text(table: Table) -> str:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    return f'COPY "{table.name}" ({columns}) FROM STDIN'


def is_passing(error: Exception) -> bool:
    """Whether the same transaction may well succeed when it is tried again."""
    if not isinstance(error, exc.DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    is_lost = error.connection_invalidated or (
        state is None and isinstance(error, exc.OperationalError)
    )
    return is_lost or state in _PASSING


def hint(error: Exception) -> str:
    """What to do about a refusal."""
    cause = getattr(error, "orig", error)
    state, reason = getattr(cause, "sqlstate", None) or "", str(cause)
    if state in _REFUSED_WRITES:
        return "This user may only read the store: ask its owner for the right to write."
    if state == "42P01":
        return "The database holds no workspace of tandemlab: create one with this address."
    if state.startswith("53"):
        return "The server has no room: free some space or connections, and try again."
    if "password" in reason or "authentication" in reason:
        return "A password comes from PGPASSWORD, ~/.pgpass or a service file, never the address."
    if not state:
        return "See whether the server runs and takes connections from here, then try again."
    return "See the reason above; nothing was changed."
