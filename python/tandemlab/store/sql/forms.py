"""Scalars in three columns: a form, a number that sorts, and text where a number is not enough.

Beside them JSON in one, which is packed where it is long.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from tandemlab.domain.scalars import Scalar, from_json

FLOAT, INTEGER, BOOLEAN, TEXT, MISSING, NAN, ESCAPED = range(7)
_EXACT_INTEGER = 2**53
_LONG = 8192  # characters; what is shorter is on a page or two as it is
_PACKED = "zlib:"

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


def param_columns(value: Any) -> Columns:
    """Columns for a parameter: its text as a person would type it, and its number if it is one.

    >>> param_columns(3.0), param_columns("0.10"), param_columns(True), param_columns("glm")
    ((0, 3.0, '3'), (3, 0.1, '0.10'), (2, 1.0, 'true'), (3, None, 'glm'))
    """
    form, number, text = to_columns(value)
    if form == NAN:
        return NAN, None, "nan"
    if form in (TEXT, ESCAPED):
        return form, _number(value), text
    if form == BOOLEAN:
        return form, number, "true" if number else "false"
    if form == FLOAT and number is not None:
        is_whole = number.is_integer() and abs(number) <= _EXACT_INTEGER
        return form, number, str(int(number)) if is_whole else repr(number)
    return form, number, str(value) if form == INTEGER else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number - number == 0 and "_" not in text else None


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


def to_json_text(value: Any) -> str:
    """JSON for a column; where it is long, compressed and in base64.

    SQLite writes a whole row anew when its status changes, so that the plan of a thousand steps
    would cost half a megabyte each time.

    >>> to_json_text({"n": 1}), from_json_text(to_json_text({"n": "a" * 10_000}))["n"][:3]
    ('{"n":1}', 'aaa')
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(text) < _LONG:
        return text
    return _PACKED + base64.b64encode(zlib.compress(text.encode(), 1)).decode()


def from_json_text(text: str) -> Any:
    """What `to_json_text` was given."""
    if text.startswith(_PACKED):
        text = zlib.decompress(base64.b64decode(text[len(_PACKED) :])).decode()
    return json.loads(text)
