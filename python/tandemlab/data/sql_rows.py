"""Rows of a database as Arrow: what types their columns have, and batches of those types."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from tandemlab.bridge.libraries import need
from tandemlab.data.datastores.datastore import Datastore
from tandemlab.data.definition import DataPath
from tandemlab.data.engine import identifier, literal
from tandemlab.data.problems import through_duckdb
from tandemlab.data.types import selection
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pyarrow
    from duckdb import DuckDBPyConnection

    from tandemlab.data.datastores.sql import Database, Rows
    from tandemlab.data.definition import Source

_LOOKED_AT = 2  # batches
_ROWS = "rows of a database"
_ZONED = "TIMESTAMP WITH TIME ZONE"
_KINDS: dict[type, str] = {
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    Decimal: "DOUBLE",
    str: "VARCHAR",
    bytes: "BLOB",
    memoryview: "BLOB",
    date: "DATE",
    time: "TIME",
}
_DECLARED = {
    **dict.fromkeys(("int2", "int4", "int8"), "BIGINT"),
    **dict.fromkeys(("float4", "float8", "numeric"), "DOUBLE"),
    **{"bool": "BOOLEAN", "date": "DATE", "time": "TIME", "bytea": "BLOB"},
    **{"timestamp": "TIMESTAMP", "timestamptz": _ZONED},
}


def types_of(database: Database, query: str, timeout: float | None) -> dict[str, str]:
    """Types of the columns of a query in DuckDB's words, from its first 20,000 rows.

    A column that has whole numbers and others is DOUBLE, one of dates and times TIMESTAMP, and any
    other mixture VARCHAR. Decimal numbers are DOUBLE. A column without a value has the type that
    the database declares, where it is known, else VARCHAR.
    """
    with database.rows(query, timeout) as rows:
        names, declared = rows.names, rows.type_names
        looked_at = [row for batch in islice(rows.batches, _LOOKED_AT) for row in batch]
    return {
        name: _common({_kind(row[place]) for row in looked_at if row[place] is not None})
        or _DECLARED.get(declared[place], "VARCHAR")
        for place, name in enumerate(names)
    }


def scan(database: DuckDBPyConnection, source: Source, *, lenient: bool) -> str:
    """The query as a table in SQL, with the column ``filename`` besides its own.

    Args:
        lenient: whether a value that cannot be cast is a missing one.
    """
    pa = need("pyarrow", "Tables of databases", "data")
    reader = pa.RecordBatchReader.from_batches(schema_of(source.columns), _asked(source, lenient))
    database.register(_ROWS, reader)
    casts, formats = source.options.get("casts", {}), source.options.get("formats", {})
    wanted = selection(source.columns, casts, formats, lenient=lenient)
    named = f"SELECT *, {literal(_path(source).datastore)} AS filename FROM {identifier(_ROWS)}"
    return f"(SELECT {wanted}, filename FROM ({named}))"


def digest_of_rows(source: Source) -> str:
    """SHA-256 over the columns and rows of a query, in hexadecimal: all of them are read."""
    whole = hashlib.sha256(json.dumps(list(source.columns.items())).encode())
    for batch in _rows_of(source, lenient=False):
        whole.update(json.dumps(batch.to_pydict(), default=str).encode())
    return whole.hexdigest()


def _path(source: Source) -> DataPath:
    (path,) = source.paths
    assert isinstance(path, DataPath)
    return path


def _asked(source: Source, lenient: bool) -> Iterator[pyarrow.RecordBatch]:
    with through_duckdb():
        yield from _rows_of(source, lenient=lenient)


def _rows_of(source: Source, *, lenient: bool) -> Iterator[pyarrow.RecordBatch]:
    """The rows of the query in batches; it runs while they are asked for."""
    options = source.options
    database = Datastore.at(_path(source)).database
    with database.rows(options["query"], options["query_timeout"]) as rows:
        _check_names(rows, source.columns)
        first = 1
        for batch in rows.batches:
            yield _record_batch(batch, source.columns, first, lenient)
            first += len(batch)


def schema_of(columns: Mapping[str, str]) -> pyarrow.Schema:
    """The Arrow schema of columns of those types."""
    pa = need("pyarrow", "Tables of databases", "data")
    return pa.schema([(name, _arrow_type(kind)) for name, kind in columns.items()])


def _kind(value: object) -> str:
    if isinstance(value, datetime):
        return "TIMESTAMP" if value.tzinfo is None else _ZONED
    return next((kind for known, kind in _KINDS.items() if isinstance(value, known)), "VARCHAR")


def _common(kinds: set[str]) -> str | None:
    if len(kinds) < 2:
        return next(iter(kinds), None)
    for mixture, kind in (({"BIGINT", "DOUBLE"}, "DOUBLE"), ({"DATE", "TIMESTAMP"}, "TIMESTAMP")):
        if kinds <= mixture:
            return kind
    return "VARCHAR"


def _check_names(rows: Rows, columns: Mapping[str, str]) -> None:
    if rows.names != list(columns):
        raise InvalidInput(
            f"The query has the columns {', '.join(rows.names)}, not {', '.join(columns)}.",
            hint="If the tables have changed, make the dataset anew.",
            details={"columns": rows.names, "expected": list(columns)},
        )


def _record_batch(
    rows: Sequence[Sequence[Any]], columns: Mapping[str, str], first: int, lenient: bool
) -> pyarrow.RecordBatch:
    pa = need("pyarrow", "Tables of databases", "data")
    arrays = [
        _array([row[place] for row in rows], name, kind, first, lenient)
        for place, (name, kind) in enumerate(columns.items())
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns))


def _array(values: Sequence[Any], name: str, kind: str, first: int, lenient: bool) -> pyarrow.Array:
    pa = need("pyarrow", "Tables of databases", "data")
    problems = (pa.ArrowException, TypeError, ValueError, OverflowError)
    convert = _CONVERTERS.get(kind, _as_is)

    def array(some: Sequence[Any]) -> pyarrow.Array:
        converted = [None if value is None else convert(value) for value in some]
        return pa.array(converted, _arrow_type(kind))

    def fits(value: Any) -> bool:
        try:
            array([value])
        except problems:
            return False
        return True

    try:
        return array(values)
    except problems:
        wrong = next((place for place, value in enumerate(values) if not fits(value)), 0)
        if lenient:
            return array([value if fits(value) else None for value in values])
    raise InvalidInput(
        f"Row {first + wrong}: column {name!r}: {str(values[wrong])[:60]!r} is not of type {kind}, "
        "which the first rows have.",
        hint=f"set_column_types={{{name!r}: 'string'}} reads all of the column as text.",
        details={"row": first + wrong, "column": name},
    )


def _as_is(value: Any) -> Any:
    return value


def _as_text(value: object) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode()
    return str(value)


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "DOUBLE": float,
    "VARCHAR": _as_text,
    "BLOB": bytes,
}


def _arrow_type(kind: str) -> pyarrow.DataType:
    pa = need("pyarrow", "Tables of databases", "data")
    return {
        "BOOLEAN": pa.bool_(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "VARCHAR": pa.string(),
        "BLOB": pa.binary(),
        "DATE": pa.date32(),
        "TIME": pa.time64("us"),
        "TIMESTAMP": pa.timestamp("us"),
        _ZONED: pa.timestamp("us", "UTC"),
    }[kind]
