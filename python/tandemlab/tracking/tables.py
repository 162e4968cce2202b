"""Runs as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tandemlab.domain import MissingDependency, RunRecord, Scalar

if TYPE_CHECKING:
    import pandas

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


def runs_table(
    records: Sequence[RunRecord], latest: Mapping[str, Mapping[str, Scalar]]
) -> dict[str, list[Any]]:
    """One row per run: its fields, the newest value of each metric, its tags.

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
    tags = dict.fromkeys(name for record in records for name in record.tags)
    for name in tags:
        table[f"tags.{name}"] = [record.tags.get(name) for record in records]
    return table


def to_pandas(table: Mapping[str, Sequence[Any]]) -> pandas.DataFrame:
    """A pandas data frame of a table's columns."""
    try:
        import pandas
    except ImportError as error:
        raise MissingDependency(
            "Data frames of runs need pandas, which is not installed.",
            hint="Install it with `pip install 'tandemlab[frames]'`; "
            "runs_table() gives plain columns without it.",
        ) from error
    frame = pandas.DataFrame(dict(table))
    for name in ("created", "started", "ended"):
        frame[name] = pandas.to_datetime(frame[name], utc=True)
    return frame  # type: ignore[no-any-return]
