"""Tables with declared columns: whether what was written is what was said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa


def check_columns(name: str, path: Path, columns: Mapping[str, str]) -> None:
    """Refuse a table that has other columns than were declared.

    Args:
        name: of the output that it is.
        path: an Arrow or Parquet file.
        columns: the type of each: ``boolean``, ``integer``, ``double``, ``string``, ``date`` or
            ``datetime``. Their order does not matter, and names of rows do not count.

    Raises:
        InvalidInput: it has others; the message says of each column what was expected and found.
    """
    from tandemlab.bridge import read_frame
    from tandemlab.bridge.pandas_frames import names_of_rows

    schema = read_frame(path).schema
    columns_of_names = names_of_rows(schema)
    found = {
        field.name: _kind(field.type) for field in schema if field.name not in columns_of_names
    }
    problems = [
        f"the column {column!r} is to be {columns.get(column, 'absent')}, "
        f"and is {found.get(column, 'absent')}"
        for column in {**columns, **found}
        if columns.get(column) != found.get(column)
    ]
    if problems:
        raise InvalidInput(
            f"The table {name!r} is not what was declared: {'; '.join(problems)}.",
            hint="Change what the step writes, or the columns that its output declares.",
            details={"output": name, "columns": found},
        )


def _kind(type: pa.DataType) -> str:
    """The type of a column as it is declared; its own name if it cannot be."""
    import pyarrow as pa

    if pa.types.is_dictionary(type):
        return _kind(type.value_type)
    kinds = {
        "boolean": pa.types.is_boolean,
        "integer": pa.types.is_integer,
        "double": pa.types.is_floating,
        "date": pa.types.is_date,
        "datetime": pa.types.is_timestamp,
    }
    if pa.types.is_string(type) or pa.types.is_large_string(type) or pa.types.is_string_view(type):
        return "string"
    return next((kind for kind, fits in kinds.items() if fits(type)), str(type))
