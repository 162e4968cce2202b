"""Separators at the ends of rows: each begins one more value, which DuckDB passes over if empty."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import lru_cache

from tandemlab.data.locations import DataFile

_PIECE = 1 << 23  # bytes


@lru_cache(maxsize=10_000)
def surplus_row(file: DataFile, columns: int, separator: str, encoding: str) -> int | None:
    """The line of the first row that has empty values behind those of its columns; None without.

    A file is looked at once while it stays as it is.
    """
    if encoding != "utf-16" and not _may_have_surplus(file, columns, separator, encoding):
        return None
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    with open(file.path, encoding=name, errors="replace", newline="") as stream:
        rows = csv.reader(stream, delimiter=separator)
        try:
            return next((rows.line_num for row in rows if _is_surplus(row, columns)), None)
        except csv.Error:  # DuckDB says what is wrong
            return None


def _is_surplus(row: list[str], columns: int) -> bool:
    return len(row) > columns and not any(row[columns:])


def _may_have_surplus(file: DataFile, columns: int, separator: str, encoding: str) -> bool:
    """Whether some line may be such a row: for most files, that none ends with a separator."""
    end = separator.encode(encoding)
    for piece in _pieces(file.path):
        if not any(end + sign in piece for sign in (b"\n", b"\r")) and not piece.endswith(end):
            continue
        for line in piece.splitlines():
            if not line.endswith(end):
                continue
            # An odd number: a value of several lines ends here, and the row began before.
            if line.count(b'"') % 2:
                return True
            (row,) = csv.reader([line.decode(encoding, "replace")], delimiter=separator)
            if _is_surplus(row, columns):
                return True
    return False


def _pieces(path: str) -> Iterator[bytes]:
    """The bytes of a file, whole lines at a time."""
    with open(path, "rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece + stream.readline()
