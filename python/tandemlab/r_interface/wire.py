"""Values in the form of an answer; the package's text lists the forms."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

Json: TypeAlias = Any

_LARGEST_EXACT = 2**53
_LARGEST_INTEGER = 2**31 - 1


def wire(value: object) -> Json:
    """A plain value in the form of an answer.

    >>> wire({"a": None, "b": [1, 2]})
    {'$map': [['a', None], ['b', {'$vector': {'type': 'integer', 'values': [1, 2]}}]]}
    """
    if isinstance(value, Mapping):
        return {"$map": [[clean(str(name)), wire(item)] for name, item in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = kind_of(value)
        return [wire(item) for item in value] if kind == "list" else vector(value, kind)
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_EXACT else vector([value])
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": _word(value)}
    return clean(str(value))


def vector(values: Sequence[object], kind: str | None = None) -> Json:
    """Scalars of one kind as an R vector; None is NA."""
    return {"$vector": _typed(values, kind or kind_of(values))}


def frame(columns: Mapping[str, Sequence[object]]) -> Json:
    """Columns of equal length as an R data frame; a column of several kinds is a list there."""
    return {
        "$frame": [
            {"name": clean(name), **_typed(values, kind_of(values))}
            for name, values in columns.items()
        ]
    }


def kind_of(values: Sequence[object]) -> str:
    """The type of the R vector that can hold these scalars, or ``list``."""
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds or kinds == {bool}:
        return "logical"
    if kinds == {str}:
        return "character"
    if kinds == {int}:
        largest = max(abs(value) for value in values if isinstance(value, int))
        if largest <= _LARGEST_INTEGER:
            return "integer"
        return "double" if largest <= _LARGEST_EXACT else "integer64"
    if kinds <= {int, float}:
        return "double"
    return "time" if kinds == {datetime} else "list"


def _typed(values: Sequence[object], kind: str) -> dict[str, Json]:
    if kind == "time":
        seconds = [v.timestamp() if isinstance(v, datetime) else None for v in values]
        return {"type": kind, "values": seconds}
    if kind == "character":
        return {"type": kind, "values": [clean(v) if isinstance(v, str) else v for v in values]}
    if kind == "integer64":
        return {"type": kind, "values": [None if v is None else str(v) for v in values]}
    if kind == "list":
        return {"type": kind, "values": [vector([value]) for value in values]}
    if kind != "double":
        return {"type": kind, "values": list(values)}
    places: dict[str, list[int]] = {}
    for place, value in enumerate(values, 1):
        if isinstance(value, float) and not math.isfinite(value):
            places.setdefault(_word(value), []).append(place)
    finite = [None if isinstance(v, float) and not math.isfinite(v) else v for v in values]
    return {"type": kind, "values": finite, **places}


def _word(value: float) -> str:
    return "nan" if value != value else "inf" if value > 0 else "-inf"


def clean(text: str) -> str:
    """Text that R can hold: without NUL characters and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def text(answer: Mapping[str, Json]) -> str:
    """An answer as it crosses to R."""
    return json.dumps(answer, ensure_ascii=False, allow_nan=False)
