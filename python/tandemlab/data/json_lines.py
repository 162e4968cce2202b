"""JSON lines: their fields, how DuckDB is to read them, and where they are malformed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tandemlab.data.engine import literal, need_duckdb
from tandemlab.data.locations import DataFile
from tandemlab.data.problems import malformed_json
from tandemlab.data.types import LOSING, listed, selection
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FIRST = 20_480  # lines
_NOTHING = '"NULL"'  # the type of what is null in each object


def look(
    database: DuckDBPyConnection,
    files: Sequence[DataFile],
    options: Mapping[str, Any],
    *,
    whole: bool,
) -> dict[str, str]:
    """The columns of files with their types: those that the fields of each file have in common.

    Args:
        whole: whether to look at all lines of a file, rather than the first 20,480.

    Raises:
        InvalidInput: a line is no JSON object, or there is none at all.
    """
    types: dict[str, set[str]] = {}
    for found in _fields(database, files, options, whole=whole):
        for name, kind in found.items():
            types.setdefault(name, set()).add(kind)
    if not types:
        raise InvalidInput(
            f"{files[0].path} has no fields: its columns cannot be known.",
            hint="JSON lines have an object with a field at least: leave the file out.",
            details={"path": files[0].path},
        )
    return {name: _common(database, kinds - {_NOTHING}) for name, kinds in types.items()}


def _common(database: DuckDBPyConnection, kinds: set[str]) -> str:
    if len(kinds) < 2:
        return next(iter(kinds), "VARCHAR")
    rows = " UNION ALL ".join(f"SELECT CAST(NULL AS {kind}) AS x" for kind in sorted(kinds))
    return str(database.sql(rows).types[0])


_first_fields: dict[tuple[DataFile, bool], dict[str, str]] = {}
_all_fields: dict[tuple[DataFile, bool], dict[str, str]] = {}


def _fields(
    database: DuckDBPyConnection,
    files: Sequence[DataFile],
    options: Mapping[str, Any],
    *,
    whole: bool,
) -> list[dict[str, str]]:
    """Type of each field of each file, which is looked at once while it stays as it is.

    Args:
        whole: whether in all lines, or in the first.
    """
    dropping = _is_dropping(options)
    for file in files:
        if (file, dropping) not in _first_fields:
            _first_fields[file, dropping] = _look_at(database, file, options, _FIRST)
    if not whole:
        return [_first_fields[file, dropping] for file in files]
    new = [file for file in files if (file, dropping) not in _all_fields]
    if new:
        rows = database.sql(
            "SELECT filename, count(*), json_group_structure(json)::VARCHAR "
            f"FROM {_objects(new, options)} GROUP BY filename"
        )
        structures = {path: (count, structure) for path, count, structure in rows.fetchall()}
        for file in new:
            found = _first_fields[file, dropping]
            count, structure = structures.get(file.path, (0, None))
            if count > _FIRST and structure != _first_structure(database, file, options):
                found = _look_at(database, file, options, -1)
            _all_fields[file, dropping] = found
    return [_all_fields[file, dropping] for file in files]


def _first_structure(
    database: DuckDBPyConnection, file: DataFile, options: Mapping[str, Any]
) -> str:
    first = f"SELECT json FROM {_objects([file], options)} LIMIT {_FIRST}"
    rows = database.sql(f"SELECT json_group_structure(json)::VARCHAR FROM ({first})").fetchall()
    return str(rows[0][0])


def _look_at(
    database: DuckDBPyConnection, file: DataFile, options: Mapping[str, Any], lines: int
) -> dict[str, str]:
    """Type of each field in so many lines of a file, -1 for all."""
    table = (
        f"read_json({literal(file.path)}, format = 'newline_delimited', records = true, "
        f"sample_size = {lines}, ignore_errors = {literal(_is_dropping(options))})"
    )
    try:
        found = database.sql(f"FROM {table}")
    except need_duckdb().BinderException:
        if malformed_line(file.path) is not None:
            raise malformed_json(file.path, "this is no JSON object.") from None
        return {}
    return dict(zip(found.columns, map(str, found.types), strict=True))


def _is_dropping(options: Mapping[str, Any]) -> bool:
    return bool(options["invalid_lines"] == "drop")


def _objects(files: Sequence[DataFile], options: Mapping[str, Any]) -> str:
    return (
        f"read_ndjson_objects({literal([file.path for file in files])}, "
        f"ignore_errors = {literal(_is_dropping(options))}, filename = true)"
    )


def scan(
    database: DuckDBPyConnection,
    files: Sequence[DataFile],
    columns: Mapping[str, str],
    options: Mapping[str, Any],
    *,
    lenient: bool = False,
) -> str:
    """The files as a table in SQL, with the column ``filename`` besides theirs.

    Args:
        columns: types by name.
        options: ``invalid_lines`` is ``error``, or ``drop`` for lines that are no JSON; with
            ``first_lines_only`` fields that only later lines have are passed over.
        lenient: whether a value that does not fit its column is a missing one.

    Raises:
        InvalidInput: a file has fields that are no columns, or others within one of them: DuckDB
            would pass over them.
    """
    whole = not options.get("first_lines_only")
    for file, found in zip(files, _fields(database, files, options, whole=whole), strict=True):
        _check_fields(found, columns, file)
        for name, kind in found.items():
            if kind != columns[name] and kind.endswith((")", "]")):
                _check_structure(database, kind, columns[name], name, file)
    dropping = _is_dropping(options)
    formats = options.get("formats", {})
    later = {name: kind for name, kind in columns.items() if name in formats or kind in LOSING}
    read = {name: "VARCHAR" if name in later else kind for name, kind in columns.items()}
    if dropping or lenient:
        # read_json() would make a row without values of a line that is no JSON.
        fields = f"unnest(from_json(json, {literal(json.dumps(read))}))"
        table = (
            f"(SELECT filename, {fields} FROM {_objects(files, options)} WHERE json IS NOT NULL)"
        )
    else:
        table = (
            f"read_json({literal([file.path for file in files])}, columns = {literal(read)}, "
            "format = 'newline_delimited', records = true, filename = true)"
        )
    if not later:
        return table
    wanted = selection(columns, later, formats, lenient=lenient or dropping)
    return f"(SELECT {wanted}, filename FROM {table})"


def _check_fields(found: Mapping[str, str], columns: Mapping[str, str], file: DataFile) -> None:
    if new := [name for name in found if name not in columns]:
        raise InvalidInput(
            f"{file.path} has the fields {listed(new)}, which the dataset does not have.",
            hint="If the data has changed, make the dataset anew.",
            details={"path": file.path, "columns": list(found), "expected": list(columns)},
        )


def _check_structure(
    database: DuckDBPyConnection, kind: str, expected: str, name: str, file: DataFile
) -> None:
    if expected.endswith((")", "]")) and _common(database, {kind, expected}) != expected:
        raise InvalidInput(
            f"{file.path} has {kind} in the field {name!r}, where the dataset has {expected}.",
            hint="If the data has changed, make the dataset anew.",
            details={"path": file.path, "column": name},
        )


def malformed_line(path: str) -> int | None:
    """The first line of a file that is no JSON object, from 1; None if all are."""
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    return number
            except ValueError:
                return number
    return None
