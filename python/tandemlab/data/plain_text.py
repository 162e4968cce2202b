"""Delimited text without quotes, read by pyarrow with two thirds of the work that DuckDB has.

What it reads is what DuckDB reads, which the tests hold it to; whatever it is not sure of is left
to DuckDB, errors too, since that names the line.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tandemlab.bridge.libraries import need
from tandemlab.data.locations import DataFile

if TYPE_CHECKING:
    import pyarrow

    from tandemlab.data.definition import Source

_SEPARATORS = ",;\t|"
_UNSURE = (b'"', b"\r", b"\0")
_ISO_DATE = "%Y-%m-%d"


def read(source: Source, files: Sequence[DataFile]) -> pyarrow.Table | None:
    """The whole table of a source; None where it needs DuckDB."""
    types = _types_of(source)
    if types is None or not all(map(_is_plain, files)):
        return None
    pa = need("pyarrow", "Datasets of tables", "data")
    try:
        tables = [_read(file, types, source.options) for file in files]
    except pa.ArrowInvalid:
        return None
    wanted = pa.schema(list(types.items()))
    return pa.concat_tables(tables) if all(each.schema == wanted for each in tables) else None


def _types_of(source: Source) -> dict[str, pyarrow.DataType] | None:
    """Types of the columns in Arrow; None if pyarrow does not read such text as DuckDB does."""
    options = source.options
    if (
        source.format != "delimited"
        or source.partition_format is not None
        or source.include_path
        or len(source.columns) < 2  # an empty line may be a row
        or options["header"] not in ("same", "none")
        or options["separator"] not in _SEPARATORS
        or options["encoding"] != "utf-8"
        or options.get("empty_as_string")
        or options.get("formats")
    ):
        return None
    pa = need("pyarrow", "Datasets of tables", "data")
    known = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string()}
    if options.get("date_format", _ISO_DATE) == _ISO_DATE:
        known["DATE"] = pa.date32()
    if not set(source.columns.values()) <= set(known):
        return None
    return {name: known[kind] for name, kind in source.columns.items()}


def _is_plain(file: DataFile) -> bool:
    with open(file.path, "rb") as stream:
        if not file.size:
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return all(content.find(sign) < 0 for sign in _UNSURE)


def _read(
    file: DataFile, types: Mapping[str, pyarrow.DataType], options: Mapping[str, Any]
) -> pyarrow.Table:
    need("pyarrow", "Datasets of tables", "data")
    from pyarrow import csv

    has_header = options["header"] == "same"
    return csv.read_csv(
        file.path,
        read_options=csv.ReadOptions(column_names=None if has_header else list(types)),
        parse_options=csv.ParseOptions(delimiter=options["separator"], quote_char=False),
        convert_options=csv.ConvertOptions(
            column_types=types, null_values=options["missing_values"], strings_can_be_null=True
        ),
    )
