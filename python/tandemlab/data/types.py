"""Types of columns: their words, and how text becomes a value of one in SQL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tandemlab.data.engine import identifier, literal
from tandemlab.data.problems import UNFIT
from tandemlab.domain import InvalidInput

TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "time": "TIME",
}
_WORDS = {kind: word for word, kind in TYPES.items()}
_OF_TIME = ("date", "datetime", "time")
# What a text has to be besides for the types that DuckDB makes of more: it rounds fractions, and
# leaves out the offset of a time, or the date before it.
_FITS = {
    "BIGINT": "coalesce(TRY_CAST({text} AS DOUBLE) = {value}, true)",
    "TIMESTAMP": r"NOT regexp_matches({text}, ':[\d.:]*\s*[^\d.:\s]')",
    "TIME": r"regexp_matches({text}, '^[\d.:\s]*$')",
}
_NUMBERS = ("BIGINT", "DOUBLE")
LOSING = frozenset(_FITS)
"""Types of which DuckDB would make values that lose a part of the text."""


@dataclass(frozen=True, slots=True)
class DataType:
    """The type of a column, for ``set_column_types``; its word alone does as well.

    Attributes:
        name: string, integer, double, boolean, date, datetime or time.
        formats: of dates and times, as for ``strptime``; the first that fits a value counts.

    Raises:
        InvalidInput: there is no such type, or it has no formats.

    >>> DataType.to_datetime(["%d.%m.%Y", "%Y-%m-%d"]).formats
    ('%d.%m.%Y', '%Y-%m-%d')
    """

    name: str
    formats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in TYPES:
            raise InvalidInput(
                f"{self.name!r} is no type.", hint=f"The types are {', '.join(TYPES)}."
            )
        if self.formats and self.name not in _OF_TIME:
            raise InvalidInput(
                f"A {self.name} has no formats.", hint=f"Those of {', '.join(_OF_TIME)} have."
            )

    @classmethod
    def to_string(cls) -> DataType:
        """Text."""
        return cls("string")

    @classmethod
    def to_long(cls) -> DataType:
        """Whole numbers of 64 bits."""
        return cls("integer")

    @classmethod
    def to_float(cls) -> DataType:
        """Doubles."""
        return cls("double")

    @classmethod
    def to_bool(cls) -> DataType:
        """Truth values."""
        return cls("boolean")

    @classmethod
    def to_datetime(cls, formats: str | Sequence[str] | None = None) -> DataType:
        """Dates with clock times, in the first of the formats that fits, or in ISO 8601."""
        given = [formats] if isinstance(formats, str) else formats or ()
        return cls("datetime", tuple(given))


ColumnTypes: TypeAlias = Mapping[str, "str | DataType | Mapping[str, Any]"]


def chosen(
    given: ColumnTypes | None, names: Sequence[str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """DuckDB's types, and the formats of times, of the columns that have given ones.

    Raises:
        InvalidInput: there is no such column or type.
    """
    types, formats = {}, {}
    for name, value in (given or {}).items():
        if name not in names:
            raise InvalidInput(
                f"There is no column {name!r}.", hint=f"The columns are {listed(names)}."
            )
        kind = _data_type(value)
        types[name] = TYPES[kind.name]
        if kind.formats:
            formats[name] = list(kind.formats)
    return types, formats


def _data_type(value: str | DataType | Mapping[str, Any]) -> DataType:
    if isinstance(value, DataType):
        return value
    if isinstance(value, Mapping):
        return DataType(value["type"], tuple(value.get("formats") or ()))
    return DataType(value)


def converted(
    column: str,
    kind: str,
    formats: Sequence[str] = (),
    *,
    lenient: bool,
    empty: bool = False,
    decimal: str = ".",
    source: Mapping[str, Any] | None = None,
) -> str:
    """A column of text in SQL as one of another type, under its name.

    Args:
        formats: of times.
        lenient: whether a value that does not fit is a missing one rather than an error.
        empty: whether an empty text is a missing value.
        decimal: between a number and its fraction; with a comma, a point makes no number.
        source: what `problems.unfit_value` needs to find the line of a value in its file.
    """
    name = identifier(column)
    text = f"nullif({name}, '')" if empty else name
    value = (
        f"try_strptime(CAST({text} AS VARCHAR), {literal(list(formats))})::{kind}"
        if formats
        else _cast(_with_point(text) if decimal == "," and kind in _NUMBERS else text, kind)
    )
    if not lenient:
        expected = (
            f"in one of the formats {', '.join(formats)}" if formats else f"of type {_WORDS[kind]}"
        )
        said = {**(source or {}), "column": column, "expected": expected}
        rest = literal(json.dumps(said, ensure_ascii=False))
        place = f"json_merge_patch({rest}::JSON, to_json({{'path': filename, 'value': {name}}}))"
        value = (
            f"CASE WHEN {text} IS NOT NULL THEN "
            f"coalesce({value}, error(concat('{UNFIT}', {place}))) END"
        )
    return f"{value} AS {name}"


def _with_point(text: str) -> str:
    """Text of numbers with a decimal comma as DuckDB reads them; missing where it has a point."""
    return f"CASE WHEN NOT contains({text}, '.') THEN replace({text}, ',', '.') END"


def _cast(text: str, kind: str) -> str:
    """Text as a value of a type, missing if it is none."""
    value = f"TRY_CAST({text} AS {kind})"
    if kind not in LOSING:
        return value
    return f"CASE WHEN {_FITS[kind].format(text=text, value=value)} THEN {value} END"


def selection(
    columns: Iterable[str],
    kinds: Mapping[str, str],
    formats: Mapping[str, Sequence[str]],
    *,
    lenient: bool,
    empty: bool = False,
    decimal: str = ".",
    source: Mapping[str, Any] | None = None,
) -> str:
    """Columns in SQL, those that have another type than they are read as `converted` to it."""
    return ", ".join(
        converted(
            name,
            kinds[name],
            formats.get(name, ()),
            lenient=lenient,
            empty=empty,
            decimal=decimal,
            source=source,
        )
        if name in kinds
        else identifier(name)
        for name in columns
    )


def listed(names: Sequence[str]) -> str:
    """Some names in a message.

    >>> listed(["x", "y"])
    "'x', 'y'"
    """
    shown = ", ".join(repr(name) for name in names[:12])
    return f"{shown} … ({len(names)} in all)" if len(names) > 12 else shown
