"""Many runs as columns, straight from the driver's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Select, select

from tandemlab.domain import RunQuery, RunTable, Scalar
from tandemlab.store.sql.among import among
from tandemlab.store.sql.forms import FLOAT, from_columns
from tandemlab.store.sql.queries import find_rows
from tandemlab.store.sql.schema import metrics, params, runs, tags
from tandemlab.store.sql.search import EXPERIMENT

_FIELDS = {
    "run_id": runs.c.id,
    "experiment": EXPERIMENT,
    "number": runs.c.number,
    "display_name": runs.c.display_name,
    "status": runs.c.status,
    "type": runs.c.type,
    "target": runs.c.target,
    "parent": runs.c.parent,
    "created": runs.c.created,
    "started": runs.c.started,
    "ended": runs.c.ended,
}
_METRICS = select(
    metrics.c.run_key,
    metrics.c.name,
    metrics.c.latest_form,
    metrics.c.latest_number,
    metrics.c.latest_text,
    metrics.c.key,
).where(among(metrics.c.run_key, "keys"), metrics.c.latest_form.is_not(None))
_PARAMS = select(
    params.c.run_key, params.c.name, params.c.form, params.c.number, params.c.text
).where(among(params.c.run_key, "keys"))
_TAGS = select(tags.c.run_key, tags.c.name, tags.c.value).where(
    among(tags.c.run_key, "keys"), tags.c.removed.is_(False)
)
_PART = 500


def read(connection: Connection, query: RunQuery) -> RunTable:
    """The runs that match, in the order that is asked for."""
    rows = find_rows(connection, query, runs.c.key, *_FIELDS.values())
    keys, *columns = map(list, zip(*rows, strict=True)) if rows else [[] for _ in range(12)]
    places = {key: place for place, key in enumerate(keys)}
    fields = dict(zip(_FIELDS, columns, strict=True))
    return RunTable(
        fields,
        _metrics(connection, places),
        _sorted(_params(connection, places)),
        _sorted(_tags(connection, places)),
    )


def _rows(
    connection: Connection, statement: Select[Any], places: Mapping[int, int]
) -> Iterator[tuple[Any, ...]]:
    cursor = connection.execute(statement, {"keys": list(places)}).cursor
    assert cursor is not None
    while rows := cursor.fetchmany(_PART):
        yield from rows


def _metrics(connection: Connection, places: Mapping[int, int]) -> dict[str, list[Scalar]]:
    columns: dict[str, list[Scalar]] = {}
    first: dict[str, int] = {}
    for run, name, form, number, text, key in _rows(connection, _METRICS, places):
        if name not in columns:
            columns[name] = [None] * len(places)
            first[name] = key
        elif key < first[name]:
            first[name] = key
        columns[name][places[run]] = number if form == FLOAT else from_columns(form, number, text)
    return {name: columns[name] for name in sorted(columns, key=first.__getitem__)}


def _params(connection: Connection, places: Mapping[int, int]) -> dict[str, list[Scalar]]:
    columns: dict[str, list[Scalar]] = {}
    for run, name, *value in _rows(connection, _PARAMS, places):
        if name not in columns:
            columns[name] = [None] * len(places)
        columns[name][places[run]] = from_columns(*value)
    return columns


def _tags(connection: Connection, places: Mapping[int, int]) -> dict[str, list[str | None]]:
    columns: dict[str, list[str | None]] = {}
    for run, name, value in _rows(connection, _TAGS, places):
        if name not in columns:
            columns[name] = [None] * len(places)
        columns[name][places[run]] = value
    return columns


def _sorted(columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: columns[name] for name in sorted(columns)}
