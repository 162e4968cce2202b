"""Delimited text: the types of its columns, and how DuckDB is to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tandemlab.data.engine import connection, literal, need_duckdb
from tandemlab.data.headers import Part, parts_of
from tandemlab.data.locations import DataFile
from tandemlab.data.problems import in_our_words, surplus_values
from tandemlab.data.row_ends import surplus_row
from tandemlab.data.types import LOSING, ColumnTypes, chosen, selection
from tandemlab.domain import InvalidInput

ENCODINGS = ("utf-8", "utf-16", "latin-1")
DECIMALS = (".", ",")


def checked_dialect(separator: str, encoding: str, decimal: str = ".") -> dict[str, str]:
    """The separator, the encoding and the decimal sign, where it is no point, as options.

    Raises:
        InvalidInput: one cannot be one.
    """
    if len(separator) != 1 or separator in '"\r\n\0':
        raise InvalidInput(
            f"separator must be one character, and no quote or end of a line, not {separator!r}."
        )
    word = encoding.lower().replace("_", "-")
    word = {"utf8": "utf-8", "utf16": "utf-16", "latin1": "latin-1"}.get(word, word)
    if word not in ENCODINGS:
        raise InvalidInput(
            f"encoding must be {', '.join(ENCODINGS[:-1])} or {ENCODINGS[-1]}, not {encoding!r}.",
            hint="`iconv -f ENCODING -t UTF-8 FILE` makes UTF-8 of another one.",
        )
    if decimal not in DECIMALS:
        raise InvalidInput(f"decimal must be '.' or ',', not {decimal!r}.")
    if decimal == separator:
        raise InvalidInput(
            f"separator and decimal are both {decimal!r}, so that no number could be told.",
            hint="Text with decimal commas mostly has ';' as its separator.",
        )
    signs = {"separator": separator, "encoding": word}
    return signs if decimal == "." else {**signs, "decimal": decimal}


def look(
    files: Sequence[DataFile],
    options: Mapping[str, Any],
    given: ColumnTypes | None,
    *,
    infer: bool,
) -> tuple[dict[str, str], dict[str, Any]]:
    """The columns of files with their types, and the options with what else was found.

    Types are inferred from the first 20,480 rows of the first file that has the column.

    Args:
        given: types that are known.
        infer: whether to infer the others; otherwise they are text.

    Raises:
        InvalidInput: the files have different columns, or a row of the first is malformed.
    """
    types: dict[str, str] = {}
    found = dict(options)
    for part in parts_of(files, options):
        new = dict.fromkeys(part.columns, "VARCHAR")
        if infer and part.files[0].size and not set(part.columns) <= set(types):
            inferred = _sniff(part, options)
            new = dict(zip(part.columns, inferred.pop("types"), strict=True))
            found = inferred | found
        types |= {name: kind for name, kind in new.items() if name not in types}
    kinds, formats = chosen(given, list(types))
    return types | kinds, found | ({"formats": formats} if formats else {})


def _sniff(part: Part, options: Mapping[str, Any]) -> dict[str, Any]:
    duckdb = need_duckdb()
    with connection() as database:
        path, dialect = literal(part.files[0].path), _dialect(options, part.has_header)
        text = f"FROM sniff_csv({path}, {dialect})"
        try:
            found = database.sql(f"SELECT Columns, DateFormat, TimestampFormat {text}").fetchall()[
                0
            ]
        except duckdb.InvalidInputException as problem:
            _read_through(database, part, options)
            raise in_our_words(problem) from None
    if len(found[0]) != len(part.columns):
        return {"types": ["VARCHAR"] * len(part.columns)}
    types = [column["type"] for column in found[0]]
    formats = {"date_format": found[1], "timestamp_format": found[2]}
    return {"types": types, **{name: value for name, value in formats.items() if value}}


def _read_through(database: Any, part: Part, options: Mapping[str, Any]) -> None:
    """Reads a file that could not be understood, for the line where it goes wrong."""
    first = Part(part.files[:1], part.columns, part.has_header)
    columns = dict.fromkeys(part.columns, "VARCHAR")
    database.sql(f"SELECT count(*) FROM {_scan(first, columns, options)}").fetchall()


def _dialect(options: Mapping[str, Any], has_header: bool) -> str:
    return (
        f"header = {literal(has_header)}, delim = {literal(options['separator'])}, "
        f"quote = '\"', escape = '\"', nullstr = {literal(options['missing_values'])}, "
        f"encoding = {literal(options['encoding'])}, "
        f"decimal_separator = {literal(_decimal(options))}"
    )


def _decimal(options: Mapping[str, Any]) -> str:
    decimal: str = options.get("decimal", ".")
    return decimal


def scan(
    files: Sequence[DataFile],
    columns: Mapping[str, str],
    options: Mapping[str, Any],
    *,
    lenient: bool = False,
) -> str:
    """The files as a table in SQL, with the column ``filename`` besides theirs.

    Args:
        lenient: whether a value that does not fit its column is a missing one.
    """
    empty = bool(options.get("empty_as_string"))
    later = {
        name: kind
        for name, kind in columns.items()
        if kind != "VARCHAR"
        and (kind in LOSING or lenient or empty or name in options.get("formats", {}))
    }
    read = {name: "VARCHAR" if name in later else kind for name, kind in columns.items()}
    if empty:
        options = {
            **options,
            "missing_values": [each for each in options["missing_values"] if each],
        }
    parts = parts_of(files, options, list(columns))
    tables = [_scan(part, read, options) for part in parts]
    text = " UNION ALL BY NAME ".join(f"SELECT * FROM {table}" for table in tables)
    formats = {name: _formats(name, kind, options) for name, kind in later.items()}
    source = {each: options[each] for each in ("separator", "encoding")}
    source["names"] = list(columns)
    wanted = selection(
        columns,
        later,
        formats,
        lenient=lenient,
        empty=empty,
        decimal=_decimal(options),
        source=source,
    )
    return f"(SELECT {wanted}, filename FROM ({text}))"


def _formats(name: str, kind: str, options: Mapping[str, Any]) -> Sequence[str]:
    """The formats of a column of times: those that were given, or else the one that was found."""
    found = {"DATE": "date_format", "TIMESTAMP": "timestamp_format"}.get(kind, "")
    given = options.get("formats", {}).get(name)
    return given or ([options[found]] if found in options else [])


def _check_rows(part: Part, options: Mapping[str, Any]) -> None:
    count = len(part.columns)
    for file in part.files:
        line = surplus_row(file, count, options["separator"], options["encoding"])
        if line is not None:
            raise surplus_values(file.path, line, count)


def _scan(part: Part, columns: Mapping[str, str], options: Mapping[str, Any]) -> str:
    _check_rows(part, options)
    formats = "".join(
        f", {name} = {literal(options[key])}"
        for key, name in (("date_format", "dateformat"), ("timestamp_format", "timestampformat"))
        if key in options
    )
    types = {name: columns[name] for name in part.columns}
    return (
        f"read_csv({literal([file.path for file in part.files])}, auto_detect = false, "
        f"columns = {literal(types)}, {_dialect(options, part.has_header)}{formats}, "
        "filename = true)"
    )
