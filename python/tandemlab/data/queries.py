"""The query in SQL that a dataset's source and steps come to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tandemlab.data import columnar, delimited, json_lines, partitions, sql_rows
from tandemlab.data.definition import Definition, Source, Step
from tandemlab.data.engine import identifier, literal
from tandemlab.data.locations import DataFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PORTIONS = 1 << 64
_ROW = "__tandemlab_row"


def query(
    database: DuckDBPyConnection,
    definition: Definition,
    files: Sequence[DataFile],
    *,
    lenient: bool = False,
) -> str:
    """The rows of a dataset as one query in SQL, of files as they are now.

    Args:
        database: where the query will run.
        lenient: whether a value that does not fit its column is a missing one.
    """
    text = _scan(database, definition.source, files, lenient)
    for step in definition.steps:
        text = _STEPS[step["do"]](step, f"({text})")
    return text


def instant(time: date | datetime) -> str:
    """A time in SQL, in UTC; a clock time is taken as one."""
    if not isinstance(time, datetime):
        time = datetime(time.year, time.month, time.day)
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc).replace(tzinfo=None)
    return time.isoformat(sep=" ", timespec="microseconds")


def _scan(
    database: DuckDBPyConnection, source: Source, files: Sequence[DataFile], lenient: bool
) -> str:
    options, columns = source.options, source.columns
    if source.format == "delimited":
        table = delimited.scan(files, columns, options, lenient=lenient)
    elif source.format == "sql":
        table = sql_rows.scan(database, source, lenient=lenient)
    elif source.format == "json_lines":
        table = json_lines.scan(database, files, columns, options, lenient=lenient)
    else:
        table = columnar.scan(database, source.format, files, columns, options, lenient=lenient)
    added = [f'{_shown_path(files)} AS "Path"'] if source.include_path else []
    if source.partition_format is not None:
        parts = partitions.parse(source.partition_format)
        parts.check(files)
        added += parts.expressions()
    extra = "".join(f", {expression}" for expression in added)
    return f"SELECT * EXCLUDE (filename){extra} FROM {table}"


def _shown_path(files: Sequence[DataFile]) -> str:
    """The path of a row's file: what comes from elsewhere has that in its datastore."""
    shown = {file.path: file.shown for file in files if file.shown}
    if not shown:
        return "filename"
    paths, names = literal(list(shown)), literal(list(shown.values()))
    return f"coalesce(map({paths}, {names})[filename], filename)"


def _take(step: Step, table: str) -> str:
    return f"SELECT * FROM {table} LIMIT {int(step['count'])}"


def _skip(step: Step, table: str) -> str:
    return f"SELECT * FROM {table} OFFSET {int(step['count'])}"


def _portion(step: Step, table: str) -> str:
    # MD5 is the same on every machine and in every version, which DuckDB's own hash is not.
    numbered = f"SELECT *, row_number() OVER () AS {_ROW} FROM {table}"
    share = f"md5_number_lower(concat({int(step['seed'])}, ':', {_ROW}))"
    start, end = (int(step[name] * _PORTIONS) for name in ("start", "end"))
    bounds = [f"{share} >= {start}::UHUGEINT"] if start else []
    if end < _PORTIONS:
        bounds.append(f"{share} < {end}::UHUGEINT")
    return f"SELECT * EXCLUDE ({_ROW}) FROM ({numbered}) WHERE {' AND '.join(bounds) or 'true'}"


def _keep(step: Step, table: str) -> str:
    return f"SELECT {', '.join(map(identifier, step['columns']))} FROM {table}"


def _drop(step: Step, table: str) -> str:
    return f"SELECT * EXCLUDE ({', '.join(map(identifier, step['columns']))}) FROM {table}"


def _filter(step: Step, table: str) -> str:
    return f"SELECT * FROM {table} WHERE (\n{step['condition']}\n)"


def _time(step: Step, table: str) -> str:
    column = f"CAST({identifier(step['column'])} AS TIMESTAMP)"
    same = "=" if step["include_boundary"] else ""
    start, end = step.get("start"), step.get("end")
    if "recent" in step:
        now = datetime.now(timezone.utc)
        start, end = instant(now - timedelta(seconds=step["recent"])), instant(now)
    bounds = [
        f"{column} {sign}{same} {literal(time)}::TIMESTAMP"
        for sign, time in ((">", start), ("<", end))
        if time is not None
    ]
    return f"SELECT * FROM {table} WHERE {' AND '.join(bounds) or 'true'}"


_STEPS = {
    "take": _take,
    "skip": _skip,
    "portion": _portion,
    "keep": _keep,
    "drop": _drop,
    "filter": _filter,
    "time": _time,
}
