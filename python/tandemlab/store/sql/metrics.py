"""Reading metrics back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, select

from tandemlab.domain import Metric, Scalar
from tandemlab.domain.events import MetricShape
from tandemlab.domain.sampling import sampled
from tandemlab.domain.scalars import from_json
from tandemlab.store.sql import outline
from tandemlab.store.sql.among import among
from tandemlab.store.sql.forms import FLOAT, from_columns
from tandemlab.store.sql.runs import created as run_created
from tandemlab.store.sql.schema import metrics, points, records, runs

_POINTS = (
    select(
        points.c.writer_key,
        points.c.time,
        points.c.step,
        points.c.form,
        points.c.number,
        points.c.text,
    )
    .where(points.c.metric_key == bindparam("metric"))
    .order_by(points.c.writer_key, points.c.seq, points.c.position)
)
_RECORDS = (
    select(records.c.metric_key, records.c.data)
    .where(among(records.c.metric_key, "metrics"))
    .order_by(records.c.metric_key, records.c.time, records.c.writer_key, records.c.seq)
)
_LATEST = (
    select(
        runs.c.id,
        metrics.c.name,
        metrics.c.latest_form,
        metrics.c.latest_number,
        metrics.c.latest_text,
    )
    .join(runs, runs.c.key == metrics.c.run_key)
    .where(among(runs.c.id, "ids"), metrics.c.latest_form.is_not(None))
    .order_by(metrics.c.key)
)
_METRICS = (
    select(runs.c.id, metrics.c.key, metrics.c.name, metrics.c.shape, metrics.c.is_list)
    .join(metrics, metrics.c.run_key == runs.c.key)
    .where(among(runs.c.id, "ids"))
    .order_by(metrics.c.key)
)
_SERIES = (
    select(
        runs.c.id,
        runs.c.created,
        metrics.c.key,
        metrics.c.name,
        metrics.c.is_list,
        points.c.writer_key,
        points.c.time,
        points.c.step,
        points.c.form,
        points.c.number,
        points.c.text,
    )
    .join(metrics, metrics.c.run_key == runs.c.key)
    .join(points, points.c.metric_key == metrics.c.key)
    .where(
        among(runs.c.id, "ids"),
        metrics.c.shape == MetricShape.SERIES.value,
    )
    .order_by(metrics.c.key, points.c.writer_key, points.c.seq, points.c.position)
)
_NAMED_SERIES = _SERIES.where(metrics.c.name == bindparam("name"))
_TOTAL = metrics.c.count.label("total")
# Rows at a time, straight from the driver. Python's garbage collector starts when 700 new objects
# are alive: bigger parts, or SQLAlchemy's rows, take twice the time.
_PART = 500
# A series is read in outline where that has a few hundred points for each thousand asked for.
_DENSE = 16


def read(
    connection: Connection, run_key: int, name: str | None, max_points: int | None = None
) -> dict[str, Metric]:
    """Metrics of a run by name; a second shape under a name has the shape added to its key.

    Args:
        max_points: have longer series sampled.
    """
    statement = (
        select(
            metrics.c.key,
            metrics.c.name,
            metrics.c.shape,
            metrics.c.is_list,
            metrics.c.count.label("total"),
        )
        .where(metrics.c.run_key == run_key)
        .order_by(metrics.c.key)
    )
    if name is not None:
        statement = statement.where(metrics.c.name == name)
    rows = connection.execute(statement).all()
    created = run_created(connection, run_key)
    series = {
        row.key: _series(connection, row, created)
        if max_points is None or row.total <= max_points
        else _sampled(connection, row, created, max_points)
        for row in rows
        if row.shape == MetricShape.SERIES
    }
    others = _others(connection, [row for row in rows if row.shape != MetricShape.SERIES])
    return _by_name(rows, {**series, **others})


def _by_name(rows: Sequence[Any], made: Mapping[int, Metric]) -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    for row in rows:
        key = row.name if row.name not in found else f"{row.name} ({row.shape})"
        found[key] = made[row.key]
    return found


def of_runs(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, Metric]]:
    """Metrics of the given runs by run and name, each as `read` has them."""
    given = {"ids": run_ids}
    of_run: dict[str, list[Any]] = {}
    others: list[Any] = []
    made: dict[int, Metric] = {}
    for row in connection.execute(_METRICS, given):
        of_run.setdefault(row.id, []).append(row)
        if row.shape == MetricShape.SERIES:
            made[row.key] = Metric(row.name, MetricShape.SERIES, [], [], [], is_list=row.is_list)
        else:
            others.append(row)
    for key, found in groupby(connection.execute(_SERIES, given), attrgetter("key")):
        made[key] = _series_from([*found])
    made |= _others(connection, others)
    return {run_id: _by_name(rows, made) for run_id, rows in of_run.items()}


def series_of(connection: Connection, run_ids: Sequence[str], name: str) -> dict[str, Metric]:
    """The series of that name of the given runs, by run."""
    found = connection.execute(_NAMED_SERIES, {"ids": run_ids, "name": name})
    return {run_id: _series_from([*rows]) for run_id, rows in groupby(found, attrgetter("id"))}


def _series_from(rows: Sequence[Any]) -> Metric:
    if rows[0].writer_key != rows[-1].writer_key:
        rows = sorted(rows, key=lambda row: row.time)
    return Metric(
        rows[0].name,
        MetricShape.SERIES,
        values=[from_columns(row.form, row.number, row.text) for row in rows],
        times=[row.created + row.time for row in rows],
        steps=[row.step for row in rows],
        is_list=rows[0].is_list,
    )


def latest(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, Scalar]]:
    """The newest value of every series of the given runs, by run and name."""
    found: dict[str, dict[str, Scalar]] = {run_id: {} for run_id in run_ids}
    for run_id, name, *value in connection.execute(_LATEST, {"ids": run_ids}):
        found[run_id][name] = from_columns(*value)
    return found


def _series(connection: Connection, row: Any, created: int) -> Metric:
    cursor = connection.execute(_POINTS, {"metric": row.key}).cursor
    assert cursor is not None
    columns: tuple[list[Any], ...] = ([], [], [], [], [], [])
    while rows := cursor.fetchmany(_PART):
        for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(cells)
    writers, since, steps, forms, numbers, texts = columns
    times = [created + time for time in since]
    values = _values(forms, numbers, texts)
    if writers and writers[0] != writers[-1]:
        order = sorted(range(len(times)), key=times.__getitem__)
        times, steps, values = ([cells[i] for i in order] for cells in (times, steps, values))
    return Metric(
        row.name, MetricShape.SERIES, values=values, times=times, steps=steps, is_list=row.is_list
    )


def _values(forms: list[int], numbers: list[Any], texts: list[Any]) -> list[Any]:
    if all(form == FLOAT for form in set(forms)):
        return numbers
    return list(map(from_columns, forms, numbers, texts))


def _sampled(connection: Connection, row: Any, created: int, most: int) -> Metric:
    """At most so many points of a series that has more."""
    rows = outline.read(connection, row.key) if row.total >= most * _DENSE else []
    if rows:
        _, _, _, _, since, steps, forms, numbers, texts, places = map(list, zip(*rows, strict=True))
        times = [created + time for time in since]
        values = _values(forms, numbers, texts)
        found = Metric(row.name, MetricShape.SERIES, values, times, steps, indices=places)
    else:
        found = _series(connection, row, created)
    kept = sampled(found.places, found.values, most)
    return replace(
        found,
        is_list=row.is_list,
        values=[found.values[at] for at in kept],
        times=[found.times[at] for at in kept],
        steps=[found.steps[at] for at in kept],
        indices=[found.places[at] for at in kept],
    )


def _others(connection: Connection, rows: Sequence[Any]) -> dict[int, Metric]:
    data: dict[int, list[Any]] = {row.key: [] for row in rows}
    for key, text in connection.execute(_RECORDS, {"metrics": list(data)}):
        data[key].append(json.loads(text))
    return {row.key: _other(row.name, MetricShape(row.shape), data[row.key]) for row in rows}


def _other(name: str, shape: MetricShape, parts: list[dict[str, Any]]) -> Metric:
    if shape is not MetricShape.TABLE:
        return Metric(name, shape, chart=parts[-1])
    columns: dict[str, list[Scalar]] = {}
    length = 0
    for part in parts:
        cells = {
            column: [from_json(cell) for cell in (value if type(value) is list else [value])]
            for column, value in part.items()
        }
        rows = max((len(column) for column in cells.values()), default=0)
        for column in cells:
            columns.setdefault(column, [None] * length)
        for column, values in columns.items():
            values.extend(cells.get(column, [None] * rows))
        length += rows
    return Metric(name, shape, columns=columns)
