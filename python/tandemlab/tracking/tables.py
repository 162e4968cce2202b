"""Runs as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, MissingDependency, RunRecord, Scalar
from tandemlab.domain.scalars import from_json

if TYPE_CHECKING:
    import pandas
    import polars

_FIELDS = (
    "experiment",
    "number",
    "display_name",
    "status",
    "type",
    "target",
    "parent",
    "created",
    "started",
    "ended",
    "duration",
)

_TIMES = ("created", "started", "ended")


def runs_table(
    records: Sequence[RunRecord], latest: Mapping[str, Mapping[str, Scalar]]
) -> dict[str, list[Any]]:
    """One row per run: its fields, the newest value of each metric, its parameters and tags.

    Args:
        latest: newest metric values by run id and name.
    """
    table: dict[str, list[Any]] = {"run_id": [record.id for record in records]}
    for field in _FIELDS:
        table[field] = [getattr(record, field) for record in records]
    table["status"] = [record.status.value for record in records]
    metrics = dict.fromkeys(name for record in records for name in latest[record.id])
    for name in metrics:
        table[f"metrics.{name}"] = [latest[record.id].get(name) for record in records]
    params = dict.fromkeys(name for record in records for name in record.params)
    for name in params:
        table[f"params.{name}"] = [from_json(record.params.get(name)) for record in records]
    tags = dict.fromkeys(name for record in records for name in record.tags)
    for name in tags:
        table[f"tags.{name}"] = [record.tags.get(name) for record in records]
    return table


def to_frame(table: Mapping[str, Sequence[Any]], library: str) -> Any:
    """A data frame of a table's columns.

    Args:
        library: ``pandas`` or ``polars``.
    """
    makers = {"pandas": _to_pandas, "polars": _to_polars}
    if library not in makers:
        raise InvalidInput(
            f"There are no data frames of {library!r} here.", hint='Use "pandas" or "polars".'
        )
    try:
        return makers[library](table)
    except ImportError as error:
        raise MissingDependency(
            f"Data frames of {library} need it, and it is not installed.",
            hint="Install pandas with `pip install 'tandemlab[frames]'`, polars with `pip install "
            "polars`; runs_table() gives plain columns without them.",
        ) from error


def _to_pandas(table: Mapping[str, Sequence[Any]]) -> pandas.DataFrame:
    import pandas

    frame = pandas.DataFrame(dict(table))
    for name in _TIMES:
        frame[name] = pandas.to_datetime(frame[name], utc=True)
    return frame  # type: ignore[no-any-return]


def _to_polars(table: Mapping[str, Sequence[Any]]) -> polars.DataFrame:
    import polars

    time = polars.Datetime("us", "UTC")
    columns = [
        polars.Series(name, values, dtype=time)
        if name in _TIMES
        else polars.Series(name, _of_one_kind(values), strict=False)
        for name, values in table.items()
    ]
    return polars.DataFrame(columns)


def _of_one_kind(values: Sequence[Any]) -> Sequence[Any]:
    """Values of several kinds as texts, since a column there has one; numbers go together."""
    kinds = {type(value) for value in values} - {type(None)}
    if len(kinds) < 2:
        return values
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else str(value) for value in values]
