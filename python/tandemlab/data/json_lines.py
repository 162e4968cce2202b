"""JSON lines: their fields, how DuckDB is to read them, and where they are malformed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tandemlab.data.engine import literal, need_duckdb
from tandemlab.data.locations import DataFile
from tandemlab.data.problems import malformed_json
from tandemlab.data.types import listed, selection
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
        whole: whether fields that are in no line of the first 20,480 of a file are found, too.

    Raises:
        InvalidInput: a line is no JSON object, or there is none at all.
    """
    if whole:
        _find_late_fields(database, files, options)
    types: dict[str, set[str]] = {}
    for file in files:
        for name, kind in _fields_of(database, file, options).items():
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


def _find_late_fields(
    database: DuckDBPyConnection, files: Sequence[DataFile], options: Mapping[str, Any]
) -> None:
    keys = database.sql(
        "SELECT filename, list(DISTINCT key) FROM (SELECT filename, unnest(json_keys(json)) AS "
        f"key FROM {_objects(files, options)}) GROUP BY filename"
    )
    found = dict(keys.fetchall())
    for file in files:
        if not set(found.get(file.path, ())) <= set(_fields_of(database, file, options)):
            _fields_of(database, file, options, sample=-1)


_known: dict[tuple[DataFile, bool], dict[str, str]] = {}


def _fields_of(
    database: DuckDBPyConnection,
    file: DataFile,
    options: Mapping[str, Any],
    sample: int = 20_480,
) -> dict[str, str]:
    """Type of each field in the first lines of a file, looked at once while it stays as it is.

    Args:
        sample: how many lines; -1 for all, which is remembered instead.
    """
    key = (file, _is_dropping(options))
    if key not in _known or sample < 0:
        table = (
            f"read_json({literal(file.path)}, format = 'newline_delimited', records = true, "
            f"sample_size = {sample}, ignore_errors = {literal(_is_dropping(options))})"
        )
        try:
            found = database.sql(f"FROM {table}")
            _known[key] = dict(zip(found.columns, map(str, found.types), strict=True))
        except need_duckdb().BinderException:
            if malformed_line(file.path) is not None:
                raise malformed_json(file.path, "this is no JSON object.") from None
            _known[key] = {}
    return _known[key]


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
        options: ``invalid_lines`` is ``error``, or ``drop`` for lines that are no JSON.
        lenient: whether a value that does not fit its column is a missing one.

    Raises:
        InvalidInput: a file begins with fields that are no columns.
    """
    for file in files:
        _check_fields(_fields_of(database, file, options), columns, file)
    dropping = _is_dropping(options)
    formats = options.get("formats", {})
    read = {name: "VARCHAR" if name in formats else kind for name, kind in columns.items()}
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
    if not formats:
        return table
    later = {name: columns[name] for name in formats}
    wanted = selection(columns, later, formats, lenient=lenient or dropping)
    return f"(SELECT {wanted}, filename FROM {table})"


def _check_fields(found: Mapping[str, str], columns: Mapping[str, str], file: DataFile) -> None:
    if new := [name for name in found if name not in columns]:
        raise InvalidInput(
            f"{file.path} has the fields {listed(new)}, which the dataset does not have.",
            hint="If the data has changed, make the dataset anew.",
            details={"path": file.path, "columns": list(found), "expected": list(columns)},
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
