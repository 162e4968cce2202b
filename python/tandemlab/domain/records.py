"""Records: frozen values that the store keeps and gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from tandemlab.domain.events import Event, MetricShape
from tandemlab.domain.filters import Filter, Order
from tandemlab.domain.scalars import Scalar
from tandemlab.domain.status import RunStatus
from tandemlab.domain.times import from_micros

JOBS = ("script", "automl")
"""Types of runs that are jobs on a compute target."""

SUBMITTED = (*JOBS, "pipeline", "sweep")
"""Types of runs that the workspace's agent works on, and that therefore end as it says."""


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """An experiment: a named folder of runs."""

    name: str
    created: datetime
    archived: bool = False
    run_count: int = 0


@dataclass(frozen=True, slots=True)
class RunError:
    """Why a run failed.

    Attributes:
        message: what happened, for people.
        code: stable name of the kind of failure, such as ``exit`` or ``signal``.
    """

    message: str
    code: str = "error"


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that is about to be created.

    Attributes:
        params: parameters by name, in the spool's JSON form.
    """

    id: str
    experiment: str
    type: str
    display_name: str
    created: datetime
    status: RunStatus = RunStatus.NOT_STARTED
    parent: str | None = None
    target: str | None = None
    snapshot: str | None = None
    description: str | None = None
    definition: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_submitted(self) -> bool:
        """Whether it is for the workspace's agent."""
        return self.type in SUBMITTED


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the store knows it.

    Attributes:
        number: 1, 2, 3 … within the experiment.
        type: ``script``, ``automl``, ``pipeline``, ``interactive``, ``offline`` or ``child``.
        target: name of the compute target; None for runs that were not submitted.
        snapshot: digest of the source's manifest.
        definition: the configuration that was submitted.
        context: host, user, versions and git state at creation.
        exit_code: process exit status; negative for a signal; None while it runs.
        params: parameters by name, in the spool's JSON form.
    """

    id: str
    experiment: str
    number: int
    type: str
    status: RunStatus
    display_name: str
    created: datetime
    description: str | None = None
    parent: str | None = None
    target: str | None = None
    snapshot: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    error: RunError | None = None
    definition: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_submitted(self) -> bool:
        """Whether the workspace's agent works on it."""
        return self.type in SUBMITTED

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; None unless the run has done both."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started).total_seconds()


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs to find; None means no restriction. Newest first, unless said otherwise.

    Attributes:
        type: one, or several of which any will do.
        filter: what else must hold; see `tandemlab.domain.filters`.
        order_by: what to sort by first; runs that are equal in it stay newest first.
        offset: how many of the first to pass over.
    """

    experiment: str | None = None
    number: int | None = None
    status: frozenset[RunStatus] | None = None
    type: str | tuple[str, ...] | None = None
    parent: str | None = None
    target: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    filter: Filter | None = None
    order_by: tuple[Order, ...] = ()
    include_children: bool = False
    oldest_first: bool = False
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class RunTable:
    """Runs as columns of one length, a row for each.

    Attributes:
        fields: by name, such as ``run_id`` and ``status``; times in microseconds since 1970-01-01
            UTC.
        metrics: the newest value of each series by name, in the order in which they first came;
            None where a run has none.
        params: by name.
        tags: by name; None also for a tag without a value.
    """

    fields: Mapping[str, list[Any]]
    metrics: Mapping[str, list[Scalar]]
    params: Mapping[str, list[Scalar]]
    tags: Mapping[str, list[str | None]]


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of a run.

    Attributes:
        name: relative path with ``/``.
        digest: SHA-256 of the content, in hexadecimal.
        size: bytes.
    """

    name: str
    digest: str
    size: int


class EventBatch(NamedTuple):
    """Events of one writer of a run, to be taken in once however often they come.

    Attributes:
        end: byte offset in the writer's spool file behind the last event.
        files: contents of the files that `file` and `image` events name.
    """

    run_id: str
    writer: str
    events: Sequence[Event]
    end: int
    files: Mapping[str, FileRecord] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of a series."""

    time: datetime
    value: Scalar
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """Everything logged under one name.

    Attributes:
        shape: series, table, or a kind of chart.
        values: the values of a series in the order they were logged.
        times: when each was logged, in microseconds since 1970-01-01 UTC.
        steps: the step of each, None where none was given.
        is_list: whether any value came from ``log_list``.
        columns: a table's columns, all of the same length; missing cells are None.
        chart: the newest value of a chart: its JSON object.
        indices: where a series was sampled, the place of each value in the whole series, from 1
            on; empty where all values are here.

    >>> Metric("loss", MetricShape.SERIES, values=[0.5, 0.25], times=[1, 2], steps=[0, 1]).value
    [0.5, 0.25]
    """

    name: str
    shape: MetricShape
    values: Sequence[Scalar] = ()
    times: Sequence[int] = ()
    steps: Sequence[int | None] = ()
    is_list: bool = False
    columns: Mapping[str, list[Scalar]] = field(default_factory=dict)
    chart: Mapping[str, Any] | None = None
    indices: Sequence[int] = ()

    def __repr__(self) -> str:
        """Short, however much was logged.

        >>> Metric("loss", MetricShape.SERIES, [0.5, 0.25], [1, 2], [0, 1])
        Metric('loss', series, count=2, last=0.25)
        """
        text = f"{self.name!r}, {self.shape.value}"
        if self.values:
            text += f", count={len(self.values)}, last={self.values[-1]!r}"
        if self.columns:
            text += f", columns={[*self.columns]}"
        return f"Metric({text})"

    @property
    def places(self) -> Sequence[int]:
        """The place of each value in the whole series, from 1 on."""
        return self.indices or range(1, len(self.values) + 1)

    @property
    def points(self) -> list[MetricPoint]:
        """A series point by point."""
        return [
            MetricPoint(from_micros(time), value, step)
            for time, value, step in zip(self.times, self.values, self.steps, strict=True)
        ]

    @property
    def value(self) -> Any:
        """The plain value.

        A scalar if logged once, a list if more often, a dict of columns for a table, the JSON
        object for a chart.
        """
        if self.shape is MetricShape.SERIES:
            single = len(self.values) == 1 and not self.is_list
            return self.values[0] if single else list(self.values)
        if self.shape is MetricShape.TABLE:
            return {name: list(column) for name, column in self.columns.items()}
        return dict(self.chart or {})


@dataclass(frozen=True, slots=True)
class Garbage:
    """What a collection of garbage found, and removed unless it was a dry run.

    Attributes:
        contents: how many contents belong to no run and are old enough to go.
        bytes: their size.
        young: how many belong to no run and stay, since they may belong to one that is being made.
        kept: how many belong to runs.
        dry_run: whether nothing was removed.
    """

    contents: int
    bytes: int
    young: int
    kept: int
    dry_run: bool = False
