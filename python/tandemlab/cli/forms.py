"""How values are written: for people in tables, for programs in JSON."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeAlias

Form: TypeAlias = Callable[[Any], str]

_BRIEF = 40
_LONG = 200
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def plain(value: Any) -> str:
    """A value as one line of a table: local times, six significant digits, nothing for None.

    >>> plain(0.123456789), plain(None), plain(["a", 1]), plain(True)
    ('0.123457', '', 'a 1', 'yes')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping):
        return tag_text(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(plain(item) for item in value)
    return one_line(str(value))


def tag_text(value: Mapping[str, Any]) -> str:
    """Names with their values, as tags are written; a name without a value stands alone.

    >>> tag_text({"data": "2002", "best": None})
    'data=2002, best'
    """
    return ", ".join(
        one_line(name) if item is None else f"{one_line(name)}={plain(item)}"
        for name, item in value.items()
    )


def brief_tags(value: Mapping[str, Any]) -> str:
    """`tag_text` with long values cut, for lists.

    >>> brief_tags({"rows": 3, "text": "x" * 50})
    'rows=3, text=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'
    """
    return _cut_tags(value, _BRIEF)


def definition_text(value: Mapping[str, Any]) -> str:
    """What a run was asked to do, the steps of a pipeline and other long values cut."""
    return _cut_tags(value, _LONG)


def _cut_tags(value: Mapping[str, Any], length: int) -> str:
    texts = {name: item if item is None else plain(item) for name, item in value.items()}
    return tag_text(
        {
            name: text if text is None or len(text) <= length else f"{text[: length - 1]}…"
            for name, text in texts.items()
        }
    )


def number(value: float) -> str:
    """A number with six significant digits.

    >>> number(1 / 3), number(2.0), number(float("-inf"))
    ('0.333333', '2', '-Infinity')
    """
    return f"{value:.6g}" if math.isfinite(value) else non_finite(value)


def non_finite(value: float) -> str:
    """``NaN``, ``Infinity`` or ``-Infinity``: JSON has no numbers for them, so they are text."""
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def one_line(text: str) -> str:
    r"""Text whose control characters cannot move the cursor or break a line.

    >>> one_line("two\nlines and \x1b[31mred")
    'two\\nlines and \\x1b[31mred'
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if unicodedata.category(character) not in ("Cc", "Cs")
        else _ESCAPES.get(character, f"\\x{ord(character):02x}")
        for character in text
    )


def duration(seconds: Any) -> str:
    """A length of time as people say it.

    >>> [duration(seconds) for seconds in (0.25, 72.4, 7500, None)]
    ['0.2 s', '1 min 12 s', '2 h 05 min', '']
    """
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest} s"


def size(count: Any) -> str:
    """A number of bytes as people say it.

    >>> [size(count) for count in (0, 999, 12_345, 5_000_000_000)]
    ['0 B', '999 B', '12.3 kB', '5.0 GB']
    """
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def counted(count: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "run"), counted(3, "run")
    ('1 run', '3 runs')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def as_json(value: Any) -> Any:
    """A value that JSON can hold: ISO-8601 times in UTC, text for numbers that are not finite.

    >>> as_json({"loss": [0.5, float("nan")], "at": datetime(2002, 1, 1, tzinfo=timezone.utc)})
    {'loss': [0.5, 'NaN'], 'at': '2002-01-01T00:00:00Z'}
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return non_finite(value)
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_json(item) for item in value]
    if isinstance(value, (date, time, timedelta)):
        return str(value)
    if isinstance(value, PurePath):
        return str(value)
    return value


def cell(value: Any) -> str:
    r"""A value as one field of tab-separated text; nested values are JSON.

    Tabs, line ends and backslashes are written as ``\t``, ``\n``, ``\r`` and ``\\``.

    >>> cell("a\tb"), cell(0.1), cell(None), cell({"a": 1}), cell(True)
    ('a\\tb', '0.1', '', '{"a": 1}', 'true')
    """
    value = as_json(value)
    if value is None:
        return ""
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False)
    value = value.replace("\\", "\\\\")
    for character, escape in _ESCAPES.items():
        value = value.replace(character, escape)
    return str(value)
