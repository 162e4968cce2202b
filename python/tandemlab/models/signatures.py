"""Signatures that are found by looking at data: frames of every library, and arrays."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from tandemlab.bridge.crossing import source_of
from tandemlab.bridge.libraries import need
from tandemlab.domain import InvalidInput
from tandemlab.domain.signatures import (
    ArraySchema,
    ColumnSchema,
    DataSchema,
    ModelSignature,
    TableSchema,
    ValueType,
)

_MAX_VALUES = 1000
_SAMPLE_ROWS = 5


def infer_signature(inputs: Any, outputs: Any = None) -> ModelSignature:
    """The signature of a model by what it takes and gives.

    Args:
        inputs: a data frame of pandas, polars, Arrow or R, a tabular dataset, a list of records,
            an array of numpy, or nested lists. A column may be missing later where it has missing
            values here; the levels of a factor or a categorical column are all that is let through.
        outputs: the same, or a pandas Series; None where it is not known.

    Raises:
        InvalidInput: it is none of these, or has a column of a type that no signature has.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"age": [31, 52], "weight": [70.5, None]})
    >>> print(infer_signature(frame, [0.5, 0.25]))
    age integer, weight double or missing → array of double (any)
    """
    return ModelSignature(schema_of(inputs), None if outputs is None else schema_of(outputs))


def schema_of(data: Any) -> DataSchema:
    """What data looks like; see `infer_signature`."""
    found = _array(data)
    if found is not None:
        return ArraySchema(_array_type(found), (None, *found.shape[1:]))
    table = _table(data)
    return TableSchema(
        tuple(_column(name, table.column(at)) for at, name in enumerate(table.column_names))
    )


def sample_of(data: Any) -> Any:
    """The first rows of data as plain JSON, to keep as an example: records, or nested lists."""
    found = _array(data)
    if found is not None:
        return _plain(found[:_SAMPLE_ROWS].tolist())
    return [_plain(row) for row in _table(data).slice(0, _SAMPLE_ROWS).to_pylist()]


def _array(data: Any) -> Any:
    """The array of numpy that data is or stands for; None for a table."""
    np = sys.modules.get("numpy")
    if np is not None and isinstance(data, np.ndarray):
        return _with_rows(data)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.Series):
        return need("numpy").asarray(data.dropna().infer_objects())
    if isinstance(data, (list, tuple)) and not any(isinstance(row, Mapping) for row in data):
        return _with_rows(_from_lists(data))
    return None


def _from_lists(data: Sequence[Any]) -> Any:
    try:
        return need("numpy").asarray(data)
    except ValueError:
        raise InvalidInput(
            "The lists are of different lengths, so that they make no array."
        ) from None


def _with_rows(array: Any) -> Any:
    if array.ndim == 0:
        raise InvalidInput("A single value is no array of inputs.", hint="Give a list of one.")
    return array


def _array_type(array: Any) -> ValueType:
    kinds: dict[str, ValueType] = {
        "b": "boolean",
        "i": "integer",
        "u": "integer",
        "f": "double",
        "U": "string",
        "S": "binary",
        "M": "datetime",
    }
    if array.dtype.kind == "O" and all(isinstance(each, str) for each in array.flat):
        return "string"
    if array.dtype.kind not in kinds:
        raise InvalidInput(f"An array of {array.dtype} has no place in a signature.")
    return kinds[array.dtype.kind]


def _table(data: Any) -> Any:
    pa = need("pyarrow", "Signatures of tables")
    if isinstance(data, (list, tuple)):
        try:
            return pa.Table.from_pylist([dict(row) for row in data])
        except (pa.ArrowException, TypeError, ValueError) as problem:
            raise InvalidInput(f"The records do not make a table: {problem}") from None
    if hasattr(data, "take") and hasattr(data, "to_arrow") and hasattr(data, "definition"):
        return data.take(1000).to_arrow()
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        data = data.reset_index(drop=True)  # names of rows are no input
    source, _ = source_of(data)
    return pa.RecordBatchReader.from_stream(source).read_all()


def _column(name: str, column: Any) -> ColumnSchema:
    types = need("pyarrow").types
    kind, values = column.type, None
    if types.is_dictionary(kind):
        kind = column.type.value_type
        values = _levels(column)
    found = next((each for test, each in _kinds(types) if test(kind)), None)
    if types.is_null(kind):
        raise InvalidInput(
            f"The column {name!r} has no value in the sample, so that its type is not known.",
            hint="Give a sample with a value in each column.",
            details={"column": name},
        )
    if found is None:
        raise InvalidInput(
            f"The column {name!r} is of the type {column.type}, which no signature has.",
            hint="Leave it out of the sample, or give it a simple type.",
            details={"column": name},
        )
    return ColumnSchema(name, found, _has_missing(column), values if found == "string" else None)


def _kinds(types: Any) -> list[tuple[Any, ValueType]]:
    return [
        (types.is_boolean, "boolean"),
        (types.is_integer, "integer"),
        (lambda kind: types.is_floating(kind) or types.is_decimal(kind), "double"),
        (
            lambda kind: (
                types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
            ),
            "string",
        ),
        (types.is_date, "date"),
        (types.is_timestamp, "datetime"),
        (
            lambda kind: (
                types.is_binary(kind)
                or types.is_large_binary(kind)
                or types.is_fixed_size_binary(kind)
            ),
            "binary",
        ),
    ]


def _has_missing(column: Any) -> bool:
    types = need("pyarrow").types
    if column.null_count:
        return True
    if not types.is_floating(column.type) or types.is_float16(column.type):
        return False
    return bool(need("pyarrow.compute").any(need("pyarrow.compute").is_nan(column)).as_py())


def _levels(column: Any) -> tuple[str, ...] | None:
    """The levels of a factor; None where there are too many to be a choice."""
    levels = dict.fromkeys(
        level for chunk in column.chunks for level in chunk.dictionary.to_pylist()
    )
    return tuple(map(str, levels)) if 0 < len(levels) <= _MAX_VALUES else None


def _plain(value: Any) -> Any:
    """A value as JSON has it; what is missing or not finite is null."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, datetime):
        utc = value.astimezone(timezone.utc) if value.tzinfo else value
        return utc.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
