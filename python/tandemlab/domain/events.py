"""Events: what a run logs, one line of the spool each."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple


class Kind(str, Enum):
    """Kind of an event; ARCHITECTURE.md has the value that belongs to each."""

    METRIC = "metric"
    LIST = "list"
    ROW = "row"
    TABLE = "table"
    IMAGE = "image"
    CONFUSION_MATRIX = "confusion_matrix"
    ACCURACY_TABLE = "accuracy_table"
    RESIDUALS = "residuals"
    PREDICTIONS = "predictions"
    TAG = "tag"
    UNTAG = "untag"
    PARAM = "param"
    PROPERTY = "property"
    ATTRIBUTE = "attribute"
    FILE = "file"
    STATUS = "status"
    CHILD = "child"
    LOST = "lost"

    def __str__(self) -> str:
        return self.value


class MetricShape(str, Enum):
    """What the events under one metric name add up to."""

    SERIES = "series"
    TABLE = "table"
    IMAGE = "image"
    CONFUSION_MATRIX = "confusion_matrix"
    ACCURACY_TABLE = "accuracy_table"
    RESIDUALS = "residuals"
    PREDICTIONS = "predictions"

    def __str__(self) -> str:
        return self.value


SHAPES: dict[str, MetricShape] = {
    "metric": MetricShape.SERIES,
    "list": MetricShape.SERIES,
    "row": MetricShape.TABLE,
    "table": MetricShape.TABLE,
    "image": MetricShape.IMAGE,
    "confusion_matrix": MetricShape.CONFUSION_MATRIX,
    "accuracy_table": MetricShape.ACCURACY_TABLE,
    "residuals": MetricShape.RESIDUALS,
    "predictions": MetricShape.PREDICTIONS,
}
CHARTS = frozenset(SHAPES.values()) - {MetricShape.SERIES, MetricShape.TABLE}


class Event(NamedTuple):
    """One logged event.

    Attributes:
        seq: 1, 2, 3 … within its writer.
        time: microseconds since 1970-01-01 UTC.
        kind: one of `Kind`, as text.
        value: by kind, in the spool's JSON form.
    """

    seq: int
    time: int
    kind: str
    name: str
    value: Any = None
    step: int | None = None
    description: str | None = None
