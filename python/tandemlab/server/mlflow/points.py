"""Values of metrics as MLflow's clients send them."""

from __future__ import annotations

from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.scalars import to_json
from tandemlab.server import own_writer
from tandemlab.server.mlflow.messages import Point

_WORDS = {"nan": "nan", "infinity": "inf", "inf": "inf", "-infinity": "-inf", "-inf": "-inf"}


def logged_point(point: Point) -> own_writer.Point:
    """A point as the server's own writer logs it.

    Raises:
        InvalidInput: its value is no number.
    """
    return own_writer.Point(point.key, value_of(point), 1000 * point.timestamp, point.step)


def value_of(point: Point) -> Any:
    """A number as MLflow sends it, in the spool's form."""
    value = point.value
    if isinstance(value, str) and value.lower() in _WORDS:
        return {"float": _WORDS[value.lower()]}
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidInput(f"The value of a metric is a number, not {value!r:.60}.")
    return to_json(float(value))
