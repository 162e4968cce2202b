"""A database as a datastore: queries are read in pieces, in a transaction that changes nothing.

PostgreSQL, MySQL, MariaDB and SQLite are told that the transaction is for reading only, and refuse
anything else; with every database it is rolled back at its end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from tandemlab.domain import (
    InvalidInput,
    MissingDependency,
    NotAllowed,
    TandemlabError,
    Unavailable,
)
from tandemlab.store.patience import patience_seconds

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Engine

ROWS = 10_000
_EXTRAS = {"postgresql": "postgresql"}
_DRIVERS = {"postgresql": "postgresql+psycopg"}
_READ_ONLY = {"mysql": "SET TRANSACTION READ ONLY", "mariadb": "SET TRANSACTION READ ONLY"}
_REFUSED = ("password", "authentication", "access denied", "permission denied", "no pg_hba")
_AWAY = (
    *("could not connect", "connection failed", "connection refused", "timeout", "timed out"),
    *("unable to open database", "resolve", "can't connect", "terminat", "closed the conn"),
)


@dataclass(frozen=True, slots=True)
class Database:
    """A database that is read.

    Attributes:
        url: SQLAlchemy's address, without a password.
        password: of the user in it, or None.
    """

    url: str
    password: str | None = field(default=None, repr=False)

    def check(self) -> None:
        """See that it answers and lets us in.

        Raises:
            NotAllowed: it does not let the user in.
            Unavailable: it does not answer.
            MissingDependency: its driver is not installed.
        """
        with self.rows("SELECT 1") as found:
            list(found.batches)

    @contextmanager
    def rows(self, query: str, timeout: float | None = None) -> Iterator[Rows]:
        """What a query gives, read as it is asked for.

        Args:
            query: one statement that reads.
            timeout: seconds that the database may take before its first rows, and between any
                two pieces; None for no limit.

        Raises:
            InvalidInput: the query is wrong, or is none that reads.
        """
        with _errors(self.url, self.password):
            engine = self._engine()
        try:
            with _errors(self.url, self.password), engine.connect() as connection:
                connection = connection.execution_options(
                    stream_results=True, no_parameters=True, **self._modes()
                )
                if command := _READ_ONLY.get(engine.dialect.name):
                    connection.exec_driver_sql(command)
                limit = _Limit(connection, timeout)
                with limit:
                    result = connection.exec_driver_sql(query)
                with closing(result):
                    yield Rows(result, limit)
                connection.rollback()
        finally:
            engine.dispose()

    def _engine(self) -> Engine:
        url = make_url(self.url)
        driver = _DRIVERS.get(url.drivername, url.drivername)
        url = url.set(drivername=driver)
        if self.password is not None:
            url = url.set(password=self.password)
        engine = create_engine(
            _for_reading(url),
            poolclass=NullPool,
            connect_args=_arguments(url),
            hide_parameters=True,
        )
        if url.get_backend_name() == "sqlite":
            event.listen(engine, "connect", _read_only)
        return engine

    def _modes(self) -> dict[str, Any]:
        is_postgresql = self.url.startswith("postgresql")
        return {"postgresql_readonly": True} if is_postgresql else {}


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a query that runs."""

    result: CursorResult[Any]
    limit: _Limit

    @property
    def names(self) -> list[str]:
        """Names of the columns.

        Raises:
            InvalidInput: two have the same.
        """
        names = list(self.result.keys())
        for name in names:
            if names.count(name) > 1:
                raise InvalidInput(
                    f"The query has two columns {name!r}.", hint="Name one of them by AS."
                )
        return names

    @property
    def type_names(self) -> list[str]:
        """PostgreSQL's names of the columns' types; empty texts where they are not known."""
        cursor: Any = self.result.cursor
        adapters = getattr(getattr(cursor, "connection", None), "adapters", None)
        if adapters is None:
            return [""] * len(self.names)
        found = [adapters.types.get(each[1]) for each in cursor.description]
        return [each.name if each else "" for each in found]

    @property
    def batches(self) -> Iterator[Sequence[Sequence[Any]]]:
        """The rows in pieces."""
        while True:
            with self.limit:
                rows = self.result.fetchmany(ROWS)
            if not rows:
                return
            yield rows


class _Limit:
    """Has the database give up what takes too long."""

    def __init__(self, connection: Connection, seconds: float | None) -> None:
        driver = connection.connection.dbapi_connection
        self._stop = getattr(driver, "interrupt", None) or getattr(driver, "cancel", None)
        self._seconds = seconds
        self._timer: threading.Timer | None = None
        self._is_over = False

    def __enter__(self) -> None:
        if self._seconds is not None and self._stop is not None:
            self._timer = threading.Timer(self._seconds, self._give_up)
            self._timer.daemon = True
            self._timer.start()

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._is_over and isinstance(problem, SQLAlchemyError):
            raise Unavailable(
                f"The database took more than {self._seconds:g} seconds for the query.",
                hint="Give a longer query_timeout, or have the query read less.",
                details={"query_timeout": self._seconds},
            ) from None

    def _give_up(self) -> None:
        self._is_over = True
        assert self._stop is not None
        with suppress(Exception):  # it has just ended
            self._stop()


def _for_reading(url: URL) -> URL:
    """SQLite makes a file that is not there, unless it is told otherwise."""
    if url.get_backend_name() != "sqlite":
        return url
    return url.set(database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})


def _arguments(url: URL) -> dict[str, Any]:
    seconds = max(int(patience_seconds()), 1)
    if url.get_backend_name() == "sqlite":
        return {"check_same_thread": False, "timeout": seconds}
    if url.get_backend_name() in ("postgresql", "mysql", "mariadb"):
        return {"connect_timeout": seconds}
    return {}


def _read_only(connection: Any, record: object) -> None:
    connection.execute("PRAGMA query_only = ON")


@contextmanager
def _errors(url: str, password: str | None) -> Iterator[None]:
    """Turn SQLAlchemy's errors into ours. None of them may show the password."""
    details = {"location": url}
    try:
        yield
    except TandemlabError:
        raise
    except (ImportError, NoSuchModuleError) as error:
        backend = make_url(url).get_backend_name()
        extra = _EXTRAS.get(backend)
        raise MissingDependency(
            f"The driver of {url} is not installed: {error}",
            hint=f"pip install 'tandemlab[{extra}]'"
            if extra
            else f"Install the package that brings {backend} to SQLAlchemy. Other datastores are "
            "folders, s3://BUCKET and sftp://HOST/PATH.",
        ) from None
    except SQLAlchemyError as error:
        reason = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        reason = reason.split("\n")[0].rstrip(".")
        if password:
            reason = reason.replace(password, "…")
        raise _translated(url, reason, details) from None


def _translated(url: str, reason: str, details: dict[str, Any]) -> TandemlabError:
    lower = reason.lower()
    if any(word in lower for word in _REFUSED):
        return NotAllowed(
            f"{url} does not allow that: {reason}.",
            hint="Check the user and the password. Registering the datastore again replaces it.",
            details=details,
        )
    if any(word in lower for word in _AWAY):
        return Unavailable(
            f"{url} cannot be reached: {reason}.",
            hint="Check the address and the network, then try again.",
            details=details,
        )
    return InvalidInput(f"The database refuses the query: {reason}.", details=details)
