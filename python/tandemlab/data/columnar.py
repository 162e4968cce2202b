"""Parquet and Arrow files: tables that know their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tandemlab.bridge import read_frame
from tandemlab.data.engine import identifier, literal, need_duckdb
from tandemlab.data.locations import DataFile
from tandemlab.data.problems import unreadable
from tandemlab.data.types import listed, selection
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation


def scan(
    database: DuckDBPyConnection,
    form: str,
    files: Sequence[DataFile],
    columns: Mapping[str, str],
    options: Mapping[str, Any],
    *,
    lenient: bool = False,
) -> str:
    """The files as a table in SQL, with the column ``filename`` besides theirs.

    Args:
        form: ``parquet`` or ``arrow``.
        columns: types that the files' columns have; empty to find out.
        options: ``casts`` and ``formats`` for columns that are to have another type.
        lenient: whether a value that cannot be cast is a missing one.

    Raises:
        InvalidInput: a file lacks one of the columns, or it has another type there.
    """
    casts, formats = options.get("casts", {}), options.get("formats", {})
    for file in files:
        columns = _checked(columns_of(database, form, file), columns, file, casts)
    names = ", ".join(map(identifier, columns))
    if form == "parquet":
        paths = literal([file.path for file in files])
        text = (
            f"SELECT {names}, filename FROM read_parquet({paths}, filename = true, "
            f"union_by_name = {literal(bool(casts))})"
        )
    else:
        text = " UNION ALL ".join(
            f"SELECT {names}, {literal(file.path)} AS filename FROM {_registered(database, file)}"
            for file in files
        )
    wanted = selection(columns, casts, formats, lenient=lenient)
    return f"(SELECT {wanted}, filename FROM ({text}))"


_known: dict[DataFile, dict[str, str]] = {}


def columns_of(database: DuckDBPyConnection, form: str, file: DataFile) -> dict[str, str]:
    """Type of each column of a file, which is looked at once while it stays as it is."""
    if file not in _known:
        is_parquet = form == "parquet"
        table = f"read_parquet({literal(file.path)})" if is_parquet else _registered(database, file)
        found = _opened(database, table, file, form)
        _known[file] = dict(zip(found.columns, map(str, found.types), strict=True))
    return _known[file]


def _opened(
    database: DuckDBPyConnection, table: str, file: DataFile, form: str
) -> DuckDBPyRelation:
    try:
        return database.sql(f"FROM {table}")
    except need_duckdb().Error as problem:
        raise unreadable(file.path, form.capitalize(), problem) from None


def _registered(database: DuckDBPyConnection, file: DataFile) -> str:
    name = f"arrow {file.path}"
    database.register(name, read_frame(file.path))
    return identifier(name)


def _checked(
    found: Mapping[str, str],
    expected: Mapping[str, str],
    file: DataFile,
    casts: Mapping[str, str],
) -> Mapping[str, str]:
    for name, kind in expected.items():
        if name not in found:
            said = f"has no column {name!r}; its columns are {listed(list(found))}."
        elif found[name] != kind and name not in casts:
            said = f"has the type {found[name]} in the column {name!r}, not {kind}."
        else:
            continue
        raise InvalidInput(
            f"{file.path} {said}",
            hint="If the data has changed, make the dataset anew; set_column_types has columns of "
            "several types read as one.",
            details={"path": file.path, "column": name},
        )
    return expected or found
