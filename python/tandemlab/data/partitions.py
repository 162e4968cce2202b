"""Columns in paths: ``/{country}/{day:yyyy/MM/dd}/*.csv`` says what the parts of a path mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tandemlab.data.engine import literal
from tandemlab.data.locations import DataFile
from tandemlab.domain import InvalidInput

_FIELD = re.compile(r"\{(\w+)(?::([^{}]+))?\}")
_TIMES = {"yyyy": ("%Y", r"\d{4}"), "MM": ("%m", r"\d{2}"), "dd": ("%d", r"\d{2}")}
_TIMES |= {"HH": ("%H", r"\d{2}"), "mm": ("%M", r"\d{2}"), "ss": ("%S", r"\d{2}")}


@dataclass(frozen=True, slots=True)
class Partitions:
    """What a partition format says.

    Attributes:
        pattern: regular expression for the end of a path, one group for each column.
        columns: name of each column, with the format of its time (as for ``strptime``) or None.
    """

    pattern: str
    columns: tuple[tuple[str, str | None], ...]

    def check(self, files: Iterable[DataFile]) -> None:
        """Refuse files whose paths have no such end.

        Raises:
            InvalidInput: one has none.
        """
        for file in files:
            if re.search(self.pattern, file.path) is None:
                raise InvalidInput(
                    f"{file.path} does not fit the partition format.",
                    hint="The format is for the end of each path, the file's name included; "
                    "* stands for any part of a name.",
                    details={"path": file.path},
                )

    def expressions(self) -> list[str]:
        """Each column in SQL, from the column ``filename``."""
        found = []
        for place, (name, time) in enumerate(self.columns, start=1):
            text = f"regexp_extract(filename, {literal(self.pattern)}, {place})"
            value = text if time is None else f"strptime({text}, {literal(time)})"
            found.append(f'{value} AS "{name}"')
        return found


def parse(partition_format: str) -> Partitions:
    """The meaning of a partition format.

    Raises:
        InvalidInput: it names no column, one twice, or has an unknown part of a time.

    >>> parse("/{country}/{day:yyyy-MM-dd}.csv").columns
    (('country', None), ('day', '%Y-%m-%d'))
    """
    pattern, columns, end = "", [], 0
    for match in _FIELD.finditer(partition_format):
        pattern += _fixed(partition_format[end : match.start()])
        name, time = match.groups()
        strptime, expression = _time(time) if time else (None, "[^/]+")
        columns.append((name, strptime))
        pattern += f"({expression})"
        end = match.end()
    names = [name for name, _ in columns]
    if not names or len(set(names)) < len(names):
        raise InvalidInput(
            f"The partition format {partition_format!r} "
            + ("names no column." if not names else "names a column twice."),
            hint="Write the columns in braces: '/{country}/{day:yyyy/MM/dd}/*.csv'.",
        )
    return Partitions(f"{pattern}{_fixed(partition_format[end:])}$", tuple(columns))


def _fixed(text: str) -> str:
    return re.escape(text).replace(r"\*", "[^/]*")


def _time(text: str) -> tuple[str, str]:
    strptime = expression = ""
    for part in re.findall(r"([A-Za-z]+|[^A-Za-z]+)", text):
        if part[0].isalpha() and part not in _TIMES:
            raise InvalidInput(
                f"{part!r} is no part of a time.", hint=f"The parts are {', '.join(_TIMES)}."
            )
        known = _TIMES.get(part, (part.replace("%", "%%"), re.escape(part)))
        strptime += known[0]
        expression += known[1]
    return strptime, expression
