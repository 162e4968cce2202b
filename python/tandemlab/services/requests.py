"""Requests to a model's ``predict()``, checked by its signature."""

from __future__ import annotations

from typing import Any

from tandemlab.domain.signatures import DataSchema, TableSchema


def check_request(inputs: DataSchema, value: Any) -> Any:
    """A request as scripts get it: a table as a list of records, an array as lists in lists.

    Args:
        value: records, or an object of columns, for a table.

    Raises:
        InvalidInput: it does not fit; the message and ``details["mistakes"]`` name the fields.

    >>> from tandemlab.domain.signatures import ColumnSchema
    >>> check_request(TableSchema((ColumnSchema("age", "integer"),)), {"age": [31, 52.0]})
    [{'age': 31}, {'age': 52}]
    """
    if isinstance(inputs, TableSchema) and isinstance(value, dict):
        columns = inputs.check(value, "columns")
        rows = zip(*columns.values(), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]
    return inputs.check(value)


def request_schema(inputs: DataSchema) -> dict[str, Any]:
    """JSON Schema of the requests that `check_request` takes."""
    if isinstance(inputs, TableSchema):
        return {"oneOf": [inputs.json_schema("records"), inputs.json_schema("columns")]}
    return inputs.json_schema()
