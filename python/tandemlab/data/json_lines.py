"""JSON lines: how DuckDB is to read them, and where they are malformed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tandemlab.data.engine import literal
from tandemlab.data.locations import DataFile
from tandemlab.data.types import selection


def scan(
    files: Sequence[DataFile],
    columns: Mapping[str, str],
    options: Mapping[str, Any],
    *,
    lenient: bool = False,
) -> str:
    """The files as a table in SQL, with the column ``filename`` besides theirs.

    Args:
        columns: types by name; empty to find out.
        options: ``invalid_lines`` is ``error``, or ``drop`` for lines that are no JSON.
        lenient: whether a value that does not fit its column is a missing one.
    """
    paths = literal([file.path for file in files])
    dropping = options["invalid_lines"] == "drop"
    formats = options.get("formats", {})
    read = {name: "VARCHAR" if name in formats else kind for name, kind in columns.items()}
    if columns and (dropping or lenient):
        # read_json() would make a row without values of a line that is no JSON.
        fields = f"unnest(from_json(json, {literal(json.dumps(read))}))"
        table = (
            f"(SELECT filename, {fields} FROM read_ndjson_objects({paths}, "
            f"ignore_errors = {literal(dropping)}, filename = true) WHERE json IS NOT NULL)"
        )
    else:
        types = f"columns = {literal(read)}, " if columns else ""
        table = (
            f"read_json({paths}, {types}format = 'newline_delimited', "
            f"ignore_errors = {literal(dropping)}, filename = true)"
        )
    if not formats:
        return table
    later = {name: columns[name] for name in formats}
    wanted = selection(columns, later, formats, lenient=lenient or dropping)
    return f"(SELECT {wanted}, filename FROM {table})"


def malformed_line(path: str) -> int | None:
    """The first line of a file that is no JSON, from 1; None if all are."""
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                if line.strip():
                    json.loads(line)
            except ValueError:
                return number
    return None
