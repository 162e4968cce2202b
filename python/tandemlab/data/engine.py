"""DuckDB: the connections, and values and names in its SQL."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tandemlab.bridge.libraries import need
from tandemlab.data.problems import first_line, in_our_words, out_of_memory
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def need_duckdb() -> Any:
    """The library.

    Raises:
        MissingDependency: it is not installed.
    """
    return need("duckdb", "Datasets of tables", "data")


@contextmanager
def connection() -> Iterator[DuckDBPyConnection]:
    """A database in memory, in UTC, that keeps the order of rows and spills to temporary files."""
    duckdb = need_duckdb()
    with tempfile.TemporaryDirectory(prefix="tandemlab-data-") as spill:
        found = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": "false", "temp_directory": spill}
        )
        try:
            found.execute("SET TimeZone = 'UTC'")
            found.execute("SET preserve_insertion_order = true")
            _keep_casts(found)
            with enough_memory():
                yield found
        except duckdb.Error as problem:
            raise in_our_words(problem) from None
        finally:
            found.close()


def _keep_casts(database: DuckDBPyConnection) -> None:
    """Has TRY_CAST of a column of a CSV file try, where DuckDB would read it as the other type."""
    known = database.execute("SELECT name FROM duckdb_optimizers()").fetchall()
    if ("type_pushdown",) in known:
        database.execute("SET disabled_optimizers = 'type_pushdown'")


@contextmanager
def enough_memory() -> Iterator[None]:
    """Says in our words that memory does not suffice.

    Raises:
        StorageError: it does not.
    """
    try:
        yield
    except MemoryError:  # pyarrow's is one, too
        raise out_of_memory() from None


def identifier(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A text, number, truth value, None, list or dict in SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(literal(each) for each in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(key)}: {literal(value[key])}' for key in value)}}}"
    text = str(value).replace("'", "''")
    return f"'{text}'"


def check_expression(text: str) -> None:
    """Refuse what is not one expression of SQL.

    Raises:
        InvalidInput: it is not.
    """
    duckdb = need_duckdb()
    try:
        duckdb.SQLExpression(text)
    except duckdb.Error as problem:
        raise InvalidInput(
            f"The condition {text!r} cannot be read: {first_line(problem)}",
            hint="It is an expression of SQL, such as \"age >= 18 AND sex = 'f'\".",
        ) from None
