"""Scalars in three columns: a form, a number that sorts, and text where a number is not enough."""

from __future__ import annotations

import json
from typing import Any

from tandemlab.domain.scalars import Scalar, from_json

FLOAT, INTEGER, BOOLEAN, TEXT, MISSING, NAN, ESCAPED = range(7)
_EXACT_INTEGER = 2**53

Columns = tuple[int, float | None, str | None]


def to_columns(value: Any) -> Columns:
    r"""Columns for a scalar in the spool's JSON form.

    NaN has a form of its own, since SQLite would store it as NULL; so has text with NUL
    characters, which PostgreSQL does not take.

    >>> to_columns(3), to_columns(0.5), to_columns("a\0b")
    ((1, 3.0, None), (0, 0.5, None), (6, None, '"a\\u0000b"'))
    """
    if type(value) is float:
        return FLOAT, value, None
    if type(value) is int:
        if -_EXACT_INTEGER <= value <= _EXACT_INTEGER:
            return INTEGER, float(value), None
        return INTEGER, float(value), str(value)
    if type(value) is str:
        return (ESCAPED, None, json.dumps(value)) if "\0" in value else (TEXT, None, value)
    if type(value) is bool:
        return BOOLEAN, float(value), None
    number = from_json(value)
    if number is None:
        return MISSING, None, None
    if number != number:
        return NAN, None, None
    return FLOAT, float(number), None


def storable(text: str) -> str:
    r"""Text as every database takes it: a NUL character becomes U+FFFD.

    >>> storable("a\0b")
    'a�b'
    """
    return text.replace("\0", "\ufffd")


def from_columns(form: int, number: float | None, text: str | None) -> Scalar:
    """The scalar behind its columns.

    >>> from_columns(1, 3.0, None), from_columns(5, None, None)
    (3, nan)
    """
    if form == FLOAT:
        return number
    if form in (TEXT, MISSING):
        return text
    if form == NAN:
        return float("nan")
    if form == ESCAPED:
        return str(json.loads(text or '""'))
    assert number is not None
    if form == BOOLEAN:
        return bool(number)
    return int(text) if text is not None else int(number)
