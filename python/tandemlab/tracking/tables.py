"""Runs as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, MissingDependency, RunTable
from tandemlab.domain.times import from_micros

if TYPE_CHECKING:
    import pandas
    import polars

_TIMES = ("created", "started", "ended")
_NO_TIME = -(2**63)  # numpy's NaT


def runs_table(table: RunTable) -> dict[str, list[Any]]:
    """One row per run: its fields, the newest value of each metric, its parameters and tags."""
    columns = _columns(table)
    for name in _TIMES:
        columns[name] = [None if time is None else from_micros(time) for time in columns[name]]
    return columns


def _columns(table: RunTable) -> dict[str, list[Any]]:
    columns = dict(table.fields)
    columns["duration"] = [
        None if started is None or ended is None else (ended - started) / 1e6
        for started, ended in zip(columns["started"], columns["ended"], strict=True)
    ]
    for group in ("metrics", "params", "tags"):
        for name, values in getattr(table, group).items():
            columns[f"{group}.{name}"] = values
    return columns


def runs_frame(table: RunTable, library: str) -> Any:
    """`runs_table` as a data frame.

    Args:
        library: ``pandas`` or ``polars``.
    """
    makers = {"pandas": _to_pandas, "polars": _to_polars}
    if library not in makers:
        raise InvalidInput(
            f"There are no data frames of {library!r} here.", hint='Use "pandas" or "polars".'
        )
    try:
        return makers[library](_columns(table))
    except ImportError as error:
        raise MissingDependency(
            f"Data frames of {library} need it, and it is not installed.",
            hint="Install pandas with `pip install 'tandemlab[frames]'`, polars with `pip install "
            "polars`; runs_table() gives plain columns without them.",
        ) from error


def _to_pandas(table: Mapping[str, Sequence[Any]]) -> pandas.DataFrame:
    import pandas

    columns = {name: _pandas_column(name, cells) for name, cells in table.items()}
    return pandas.DataFrame(columns)  # type: ignore[no-any-return]


def _pandas_column(name: str, cells: Sequence[Any]) -> Any:
    import numpy
    import pandas

    if name not in _TIMES:
        return cells
    micros = numpy.array([_NO_TIME if time is None else time for time in cells], dtype="int64")
    return pandas.Series(micros.view("datetime64[us]")).dt.tz_localize("UTC")


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
