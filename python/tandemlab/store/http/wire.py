"""Values as they cross between client and server: the records of the domain as JSON.

Times are ISO 8601 in UTC. Scalars have the spool's form, so that numbers which are not finite
survive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from tandemlab.domain import (
    Event,
    FileRecord,
    InvalidInput,
    Metric,
    MetricShape,
    RunError,
    RunStatus,
    RunTable,
    Scalar,
)
from tandemlab.domain.scalars import from_json, to_json

T = TypeVar("T")

API = "/api/v1"
MAX_EVENTS_BYTES = 64 << 20


class EventLine(msgspec.Struct, gc=False, omit_defaults=True):
    """One event, as a line of the spool has it."""

    seq: int
    time: int
    kind: str
    name: str
    value: Any = None
    step: int | None = None
    description: str | None = None


class Batch(msgspec.Struct):
    """Events of one writer, to be taken in once however often they are sent.

    Attributes:
        end: byte offset in the writer's spool file behind the last event.
        files: contents of the files that the events name; they are at the server already.
    """

    writer: str
    end: int
    events: list[EventLine]
    files: list[FileRecord] = []


class Move(msgspec.Struct):
    """A step of a run along its life cycle."""

    status: RunStatus
    time: int | None = None
    error: RunError | None = None
    exit_code: int | None = None


def encode(value: Any) -> bytes:
    """`value` as JSON."""
    return msgspec.json.encode(value)


def decode(data: bytes, kind: type[T]) -> T:
    """The value of a type behind its JSON.

    Raises:
        InvalidInput: it is not JSON, or not of that type.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The content is not what it should be: {error}.") from error


def encode_batch(
    writer: str, events: Sequence[Event], end: int, files: Mapping[str, FileRecord]
) -> bytes:
    """A `Batch` as JSON."""
    return encode(Batch(writer, end, [EventLine(*event) for event in events], [*files.values()]))


def events_of(batch: Batch) -> list[Event]:
    """The events of a batch."""
    return [
        Event(e.seq, e.time, e.kind, e.name, e.value, e.step, e.description) for e in batch.events
    ]


def encode_metrics(metrics: Mapping[str, Metric]) -> bytes:
    """Metrics by name as JSON."""
    return encode({name: _with_scalars(metric, to_json) for name, metric in metrics.items()})


def decode_metrics(data: bytes) -> dict[str, Metric]:
    """Metrics by name from their JSON."""
    return _read_metrics(decode(data, dict[str, _AnyMetric]))


def encode_metrics_of(metrics: Mapping[str, Mapping[str, Metric]]) -> bytes:
    """Metrics by run and name as JSON."""
    return encode(
        {
            run_id: {name: _with_scalars(metric, to_json) for name, metric in found.items()}
            for run_id, found in metrics.items()
        }
    )


def decode_metrics_of(data: bytes) -> dict[str, dict[str, Metric]]:
    """Metrics by run and name from their JSON."""
    found = decode(data, dict[str, dict[str, _AnyMetric]])
    return {run_id: _read_metrics(each) for run_id, each in found.items()}


def _read_metrics(found: Mapping[str, _AnyMetric]) -> dict[str, Metric]:
    return {
        name: _with_scalars(Metric(**msgspec.structs.asdict(m)), from_json)
        for name, m in found.items()
    }


class _AnyMetric(msgspec.Struct):
    """A `Metric` whose scalars are still in the spool's form."""

    name: str
    shape: Any
    values: list[Any]
    times: list[int]
    steps: list[int | None]
    is_list: bool
    columns: dict[str, list[Any]]
    chart: dict[str, Any] | None
    indices: list[int] = []


def _with_scalars(metric: Metric, form: Any) -> Metric:
    return replace(
        metric,
        shape=MetricShape(metric.shape),
        values=list(map(form, metric.values)),
        columns={name: list(map(form, cells)) for name, cells in metric.columns.items()},
    )


def encode_table(table: RunTable) -> bytes:
    """Runs as columns as JSON."""
    return encode(_table(table, to_json))


def decode_table(data: bytes) -> RunTable:
    """Runs as columns from their JSON."""
    return _table(RunTable(**decode(data, dict[str, dict[str, list[Any]]])), from_json)


def _table(table: RunTable, form: Any) -> RunTable:
    metrics, params = (
        {name: list(map(form, column)) for name, column in columns.items()}
        for columns in (table.metrics, table.params)
    )
    return replace(table, metrics=metrics, params=params)


def encode_latest(values: Mapping[str, Mapping[str, Scalar]]) -> bytes:
    """Newest values by run and metric as JSON."""
    return encode({run: {n: to_json(v) for n, v in found.items()} for run, found in values.items()})


def decode_latest(data: bytes) -> dict[str, dict[str, Scalar]]:
    """Newest values by run and metric from their JSON."""
    found = decode(data, dict[str, dict[str, Any]])
    return {run: {n: from_json(v) for n, v in values.items()} for run, values in found.items()}
