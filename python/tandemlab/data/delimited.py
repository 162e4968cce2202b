"""Delimited text: its header, the types of its columns, and how DuckDB is to read it."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from tandemlab.data.engine import connection, in_our_words, literal, need_duckdb
from tandemlab.data.locations import DataFile
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


def look(
    files: Sequence[DataFile], options: Mapping[str, Any], given: Mapping[str, str], *, infer: bool
) -> tuple[dict[str, str], dict[str, Any]]:
    """The columns of files with their types, and the options with what else was found.

    Types are inferred from the first 20,480 rows of the first file.

    Args:
        given: types that are known, in the words of `TYPES`.
        infer: whether to infer the others; otherwise they are text.

    Raises:
        InvalidInput: the files have different columns, or a row of the first is malformed.
    """
    names = check_headers(files, options)
    types = dict.fromkeys(names, "VARCHAR")
    found = dict(options)
    if infer and files[0].size:
        inferred = _sniff(files[0], options, len(names))
        types = dict(zip(names, inferred.pop("types"), strict=True))
        found |= inferred
    types |= _as_types(given, names)
    return types, found


def check_headers(
    files: Sequence[DataFile], options: Mapping[str, Any], names: Sequence[str] | None = None
) -> list[str]:
    """The column names of files that all have the same.

    Raises:
        InvalidInput: a file has others.
    """
    expected = list(names) if names is not None else None
    for file in files:
        found = _header(file, options)
        if expected is None:
            expected = found
        elif found != expected:
            raise InvalidInput(
                f"{file.path} has the columns {_listed(found)}, not {_listed(expected)}.",
                hint="Files of one dataset have the same columns in the same order. If the data "
                "has changed, make the dataset anew.",
                details={"path": file.path, "columns": found, "expected": expected},
            )
    assert expected is not None
    return expected


def _header(file: DataFile, options: Mapping[str, Any]) -> list[str]:
    encoding = "utf-8-sig" if options["encoding"] == "utf-8" else options["encoding"]
    try:
        with open(file.path, encoding=encoding, newline="") as stream:
            rows = csv.reader(stream, delimiter=options["separator"], strict=True)
            first = next((row for row in rows if row), [])
    except (UnicodeDecodeError, LookupError, csv.Error) as problem:
        raise InvalidInput(
            f"{file.path}, line 1: {problem}.",
            hint="Is the encoding right?",
            details={"path": file.path, "line": 1},
        ) from None
    if not first:
        raise InvalidInput(f"{file.path} is empty.", details={"path": file.path})
    return _named(first if options["header"] else [""] * len(first))


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


def _sniff(file: DataFile, options: Mapping[str, Any], count: int) -> dict[str, Any]:
    duckdb = need_duckdb()
    with connection() as database:
        text = f"FROM sniff_csv({literal(file.path)}, {_dialect(options)})"
        try:
            found = database.sql(f"SELECT Columns, DateFormat, TimestampFormat {text}").fetchall()[
                0
            ]
        except duckdb.InvalidInputException as problem:
            _read_through(database, file, options, count)
            raise in_our_words(problem) from None
    if len(found[0]) != count:
        return {"types": ["VARCHAR"] * count}
    types = [column["type"] for column in found[0]]
    formats = {"date_format": found[1], "timestamp_format": found[2]}
    return {"types": types, **{name: value for name, value in formats.items() if value}}


def _read_through(database: Any, file: DataFile, options: Mapping[str, Any], count: int) -> None:
    """Reads a file that could not be understood, for the line where it goes wrong."""
    columns = {f"c{place}": "VARCHAR" for place in range(count)}
    database.sql(f"SELECT count(*) FROM {scan([file], columns, options)}").fetchall()


def _dialect(options: Mapping[str, Any]) -> str:
    encoding = options["encoding"]
    return (
        f"header = {literal(options['header'])}, delim = {literal(options['separator'])}, "
        f"quote = '\"', escape = '\"', nullstr = {literal(options['missing_values'])}, "
        f"encoding = {literal(encoding)}"
    )


def scan(files: Sequence[DataFile], columns: Mapping[str, str], options: Mapping[str, Any]) -> str:
    """The files as a table in SQL, with the column ``filename`` besides theirs."""
    formats = "".join(
        f", {name} = {literal(options[key])}"
        for key, name in (("date_format", "dateformat"), ("timestamp_format", "timestampformat"))
        if key in options
    )
    return (
        f"read_csv({literal([file.path for file in files])}, auto_detect = false, "
        f"columns = {literal(dict(columns))}, {_dialect(options)}{formats}, filename = true)"
    )


def _as_types(given: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: as_type(name, kind, names) for name, kind in given.items()}


def as_type(name: str, kind: str, names: Sequence[str]) -> str:
    """DuckDB's type for one of the words of `TYPES`.

    Raises:
        InvalidInput: there is no such column or type.
    """
    if name not in names:
        raise InvalidInput(
            f"There is no column {name!r}.", hint=f"The columns are {_listed(names)}."
        )
    if kind not in TYPES:
        raise InvalidInput(f"{kind!r} is no type.", hint=f"The types are {', '.join(TYPES)}.")
    return TYPES[kind]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:12])
    return f"{shown} … ({len(names)} in all)" if len(names) > 12 else shown
