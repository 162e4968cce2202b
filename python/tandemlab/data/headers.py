"""Headers of delimited text: the names of columns, and which files begin with them."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tandemlab.data.locations import DataFile
from tandemlab.data.types import listed
from tandemlab.domain import InvalidInput


class PromoteHeadersBehavior(str, Enum):
    """Which files of delimited text begin with the names of columns."""

    NO_HEADERS = "none"
    ONLY_FIRST_FILE_HAS_HEADERS = "first"
    COMBINE_ALL_FILES_HEADERS = "combine"
    ALL_FILES_HAVE_SAME_HEADERS = "same"

    @classmethod
    def of(cls, header: bool | str) -> PromoteHeadersBehavior:
        """The meaning of True (all, the same), False (none) or a word.

        Raises:
            InvalidInput: it is neither.
        """
        if isinstance(header, bool):
            return cls.ALL_FILES_HAVE_SAME_HEADERS if header else cls.NO_HEADERS
        try:
            return cls(header)
        except ValueError:
            known = ", ".join(repr(each.value) for each in cls)
            raise InvalidInput(f"header must be True, False, {known}, not {header!r}.") from None


@dataclass(frozen=True, slots=True)
class Part:
    """Files in a row that have the same columns.

    Attributes:
        columns: their names, in order.
        has_header: whether each of the files begins with them.
    """

    files: tuple[DataFile, ...]
    columns: tuple[str, ...]
    has_header: bool


def parts_of(
    files: Sequence[DataFile], options: Mapping[str, Any], names: Sequence[str] | None = None
) -> list[Part]:
    """The files in parts that are read alike.

    Args:
        names: the columns of the dataset, once they are known.

    Raises:
        InvalidInput: a file has other columns.
    """
    behavior = PromoteHeadersBehavior.of(options["header"])
    if behavior is PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS:
        return _combined(files, options, names)
    if behavior is PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS:
        first = _same(files[:1], options, names, has_header=True)
        rest = Part(tuple(files[1:]), first.columns, False)
        return [first, rest] if rest.files else [first]
    has_header = behavior is PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS
    return [_same(files, options, names, has_header=has_header)]


def _same(
    files: Sequence[DataFile],
    options: Mapping[str, Any],
    names: Sequence[str] | None,
    *,
    has_header: bool,
) -> Part:
    expected = list(names) if names is not None else None
    for file in files:
        found = _header(file, options, has_header=has_header)
        if expected is None:
            expected = found
        elif found != expected:
            raise InvalidInput(
                f"{file.path} has the columns {listed(found)}, not {listed(expected)}.",
                hint="Files of one dataset have the same columns in the same order. If the data "
                "has changed, make the dataset anew.",
                details={"path": file.path, "columns": found, "expected": expected},
            )
    assert expected is not None
    return Part(tuple(files), tuple(expected), has_header)


def _combined(
    files: Sequence[DataFile], options: Mapping[str, Any], names: Sequence[str] | None
) -> list[Part]:
    headers = [(file, tuple(_header(file, options, has_header=True))) for file in files]
    for file, header in headers:
        if names is not None and (new := [name for name in header if name not in names]):
            raise InvalidInput(
                f"{file.path} has the columns {listed(new)}, which the dataset does not have.",
                hint="If the data has changed, make the dataset anew.",
                details={"path": file.path, "columns": list(header), "expected": list(names)},
            )
    return [
        Part(tuple(file for file, _ in group), header, True)
        for header, group in itertools.groupby(headers, key=lambda each: each[1])
    ]


def _header(file: DataFile, options: Mapping[str, Any], *, has_header: bool) -> list[str]:
    # Bytes further on that are no text are left to DuckDB, which tells their line.
    encoding = "utf-8-sig" if options["encoding"] == "utf-8" else options["encoding"]
    errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
    try:
        with open(file.path, encoding=encoding, errors=errors, newline="") as stream:
            rows = csv.reader(stream, delimiter=options["separator"], strict=True)
            first = next((row for row in rows if row), [])
    except (UnicodeError, csv.Error) as problem:
        raise _no_header(file, f"{problem}.") from None
    if not first:
        raise InvalidInput(
            f"{file.path} is empty.",
            hint="A table in delimited text has a line at least: leave the file out.",
            details={"path": file.path},
        )
    if any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in "".join(first)):
        raise _no_header(file, "this is no text in " + options["encoding"].upper() + ".")
    return _named(first if has_header else [""] * len(first))


def _no_header(file: DataFile, reason: str) -> InvalidInput:
    return InvalidInput(
        f"{file.path}, line 1: {reason}",
        hint='Say the encoding, such as encoding="latin-1" or "utf-16", if it is delimited text.',
        details={"path": file.path, "line": 1},
    )


def _named(header: Sequence[str]) -> list[str]:
    """Names that are there and differ: ``Column1`` where there is none, ``x_2`` for another x."""
    names: list[str] = []
    for place, text in enumerate(header, start=1):
        name = text or f"Column{place}"
        used = {each.lower() for each in names}
        if name.lower() in used:
            tries = (f"{name}_{count}" for count in itertools.count(2))
            name = next(each for each in tries if each.lower() not in used)
        names.append(name)
    return names
