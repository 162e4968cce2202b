"""DuckDB: the connections, values and names in its SQL, and its errors in our words."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from tandemlab.bridge.libraries import need
from tandemlab.domain import InvalidInput, NotFound, StorageError, TandemlabError

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
        raise _out_of_memory() from None


def _out_of_memory() -> StorageError:
    return StorageError(
        "Memory does not suffice for this table; no part of it was given.",
        hint="take(), keep_columns() and filter() make it smaller; to_parquet_files() writes "
        "it piece by piece.",
    )


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
            f"The condition {text!r} cannot be read: {_first_line(problem)}",
            hint="It is an expression of SQL, such as \"age >= 18 AND sex = 'f'\".",
        ) from None


_failures: dict[str, TandemlabError] = {}


@contextmanager
def through_duckdb() -> Iterator[None]:
    """Brings an error of rows that DuckDB asks for through to who has asked DuckDB."""
    try:
        yield
    except TandemlabError as problem:
        name = token_hex(8)
        _failures[name] = problem
        raise RuntimeError(f"tandemlab failure {name}") from None


def in_our_words(problem: Exception) -> TandemlabError:
    """What an error of DuckDB means for who reads data."""
    duckdb = need_duckdb()
    text = str(problem)
    failure = re.search(r"tandemlab failure ([0-9a-f]{16})", text)
    if failure and failure[1] in _failures:
        return _failures.pop(failure[1])
    if line := re.search(r"CSV Error on Line: (\d+)", text):
        return _malformed_row(text, int(line[1]))
    if found := re.search(r'Malformed JSON in file "(.*)", at', text):
        return _malformed_json(found[1], _first_line(problem))
    if isinstance(problem, duckdb.OutOfMemoryException):
        return _out_of_memory()
    if isinstance(problem, duckdb.IOException) and "No files found" in text:
        return NotFound(_first_line(problem), hint="Was the file moved or removed?")
    return InvalidInput(f"The data cannot be read: {_first_line(problem)}")


def _malformed_row(text: str, line: int) -> InvalidInput:
    path = re.search(r"^\s*file = (.*)$", text, re.MULTILINE)
    count = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    value = re.search(r'Error when converting column "(.*)"\. (.*)', text)
    details: dict[str, Any] = {"line": line}
    if path:
        details["path"] = path[1].strip()
    place = f"{details.get('path', 'The file')}, line {line}"
    if value:
        details["column"] = value[1]
        return InvalidInput(
            f"{place}: column {value[1]!r}: {value[2]}.",
            hint="Give the column another type by set_column_types, or name the text that stands "
            "for a missing value by missing_values.",
            details=details,
        )
    if count:
        return InvalidInput(
            f"{place}: {count[2]} values where the header has {count[1]}.",
            hint="Nothing was read. A value that holds the separator needs quotes.",
            details=details,
        )
    lines = text.splitlines()
    reason = next((each for each in lines[2:] if each.strip()), lines[0])
    return InvalidInput(f"{place}: {reason.strip()}", hint="Nothing was read.", details=details)


def _malformed_json(path: str, reason: str) -> InvalidInput:
    from tandemlab.data.json_lines import malformed_line

    line = malformed_line(path)  # DuckDB counts lines by its buffers
    place = path if line is None else f"{path}, line {line}"
    return InvalidInput(
        f"{place}: {reason.rsplit(': ', 1)[-1].strip()}",
        hint="Nothing was read. invalid_lines='drop' leaves out lines that are no JSON.",
        details={"path": path, "line": line},
    )


def _first_line(problem: Exception) -> str:
    return re.sub(r"^[A-Z]\w*( [A-Z]\w*)* Error: ", "", str(problem).split("\n", 1)[0])
