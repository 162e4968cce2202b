"""Which points of a long series show its course."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LEAST = 4


def sampled(indices: Sequence[int], values: Sequence[Any], most: int) -> list[int]:
    """Positions of at most `most` points that show the course of a series.

    The first and the last are kept, and of stretches of equal length between them the least and
    the greatest each: so no peak is lost, and lines look as those through all points do as long as
    there are no more pixels than stretches (Jugel, Jerzak, Hackenbroich and Markl: M4, a
    visualization-oriented time series data aggregation. PVLDB 7 (10), 2014). A stretch without
    numbers keeps its first point, so that a gap stays one.

    Args:
        indices: places of the points in the series, ascending; some may be missing.
        values: finite and infinite numbers count, all else is no number.
        most: at least `LEAST`.

    >>> sampled(range(1, 9), [0.0, 1.0, 9.0, 2.0, -3.0, 4.0, 5.0, 6.0], 4)
    [0, 2, 4, 7]
    """
    if len(indices) <= most:
        return list(range(len(indices)))
    stretches = (most - 2) // 2
    start, length = indices[1], indices[-1] - indices[1]
    kept = [0]
    at = 1
    for number in range(1, stretches + 1):
        end, bound = at, start + length * number // stretches
        while end < len(indices) - 1 and indices[end] < bound:
            end += 1
        kept += _extremes(values, at, end)
        at = end
    return [*kept, len(indices) - 1]


def _extremes(values: Sequence[Any], start: int, end: int) -> list[int]:
    numbers = [(values[at], at) for at in range(start, end) if is_number(values[at])]
    if not numbers:
        return [start] if start < end else []
    return sorted({min(numbers)[1], max(numbers)[1]})


def is_number(value: Any) -> bool:
    """Whether a value has a place on an axis.

    >>> is_number(True), is_number(float("nan")), is_number("a")
    (True, False, False)
    """
    return isinstance(value, (int, float)) and value == value
