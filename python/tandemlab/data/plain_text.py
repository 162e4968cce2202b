"""Delimited text without quotes, read by pyarrow with two thirds of the work that DuckDB has.

What it reads is what DuckDB reads, which the tests hold it to; whatever it is not sure of is left
to DuckDB, errors too, since that names the line.

Without quotes every end of a line ends a row, so that a file is read in pieces, each by one thread
from the bytes to the columns: half the time that pyarrow takes for the whole, whose threads hand
small blocks to each other. Bytes are read rather than mapped, since a mapped file that another
program cuts off would end this one.
"""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from tandemlab.bridge.libraries import need
from tandemlab.data.locations import DataFile

if TYPE_CHECKING:
    import pyarrow

    from tandemlab.data.definition import Source

_SEPARATORS = ",;\t|"
_UNSURE = (b'"', b"\r", b"\0")
_ISO_DATE = "%Y-%m-%d"
_PIECE = 1 << 23  # bytes


def read(source: Source, files: Sequence[DataFile]) -> pyarrow.Table | None:
    """The whole table of a source; None where it needs DuckDB."""
    types = _types_of(source)
    if types is None:
        return None
    pieces = [list(_pieces(file, source.options)) for file in files]
    if not all(pieces):  # an empty file
        return None
    pa = need("pyarrow", "Datasets of tables", "data")
    tables = []
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        try:
            waiting = [pool.submit(_read, piece, types, source.options) for piece in chain(*pieces)]
            for each in waiting:
                table = each.result()
                if table is None:
                    return None
                tables.append(table)
        finally:
            pool.shutdown(cancel_futures=True)
    return pa.concat_tables(tables)


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


@dataclass(frozen=True, slots=True)
class _Piece:
    """Whole lines of a file, from one place in it to another."""

    path: str
    start: int
    end: int
    has_header: bool


def _pieces(file: DataFile, options: Mapping[str, Any]) -> Iterator[_Piece]:
    has_header, start = options["header"] == "same", 0
    with open(file.path, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        while start < size:
            stream.seek(start + _PIECE - 1)
            stream.readline()
            end = min(stream.tell(), size)
            yield _Piece(file.path, start, end, has_header and not start)
            start = end


def _read(
    piece: _Piece, types: Mapping[str, pyarrow.DataType], options: Mapping[str, Any]
) -> pyarrow.Table | None:
    pa = need("pyarrow", "Datasets of tables", "data")
    from pyarrow import csv

    content = _content(piece)
    if content is None:
        return None
    names = None if piece.has_header else list(types)
    try:
        table = csv.read_csv(
            pa.BufferReader(content),
            read_options=csv.ReadOptions(
                column_names=names, block_size=len(content), use_threads=False
            ),
            parse_options=csv.ParseOptions(delimiter=options["separator"], quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types=types,
                null_values=options["missing_values"],
                strings_can_be_null=True,
                decimal_point=options.get("decimal", "."),
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table if table.schema == pa.schema(list(types.items())) else None


def _content(piece: _Piece) -> bytes | None:
    """The bytes of a piece; None if it is not plain, or if the file was cut off meanwhile."""
    with open(piece.path, "rb", buffering=0) as stream:
        content = os.pread(stream.fileno(), piece.end - piece.start, piece.start)
    if len(content) != piece.end - piece.start or any(sign in content for sign in _UNSURE):
        return None
    # pyarrow would take a mark of byte order away, which is one at the start of a file alone.
    return None if piece.start and content.startswith(BOM_UTF8) else content
