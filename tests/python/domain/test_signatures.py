"""Signatures of models: their forms, and what they let through."""

from __future__ import annotations

import base64
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandemlab.domain import InvalidInput
from tandemlab.domain.signatures import (
    ArraySchema,
    ColumnSchema,
    DataSchema,
    ModelSignature,
    TableSchema,
)

_TABLE = TableSchema(
    (
        ColumnSchema("age", "integer"),
        ColumnSchema("weight", "double", nullable=True),
        ColumnSchema("sex", "string", values=("f", "m")),
        ColumnSchema("born", "date", nullable=True),
        ColumnSchema("seen", "datetime", nullable=True),
        ColumnSchema("photo", "binary", nullable=True),
    )
)
_ROW = {"age": 31, "weight": 70.5, "sex": "f"}
_FULL = {
    **_ROW,
    "born": "1971-02-03",
    "seen": "2002-12-31T12:30:00Z",
    "photo": base64.b64encode(b"photo").decode(),
}


@pytest.mark.parametrize("rows", [[], [_ROW], [_FULL, {**_FULL, "weight": None, "born": None}]])
def test_rows_that_fit_pass_both_checkers(rows: list[dict[str, Any]]) -> None:
    jsonschema.Draft202012Validator(_TABLE.json_schema()).validate(rows)
    assert _TABLE.check(rows) == rows


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        ({"age": "31"}, "age", "must be a whole number, not the text '31'"),
        ({"age": 31.5}, "age", "must be a whole number, not the number 31.5"),
        ({"age": None}, "age", "must be a whole number, not nothing"),
        ({"age": True}, "age", "must be a whole number, not true"),
        ({"weight": "heavy"}, "weight", "must be a number or nothing, not the text 'heavy'"),
        ({"sex": "x"}, "sex", "must be one of 'f', 'm', not the text 'x'"),
        ({"born": "3.2.1971"}, "born", "'3.2.1971' cannot be read; write it as '2002-12-31'"),
        ({"photo": "not base64!"}, "photo", "cannot be read"),
        ({"wieght": 70.5}, "wieght", "no such key; did you mean 'weight'?"),
    ],
)
def test_rows_that_do_not_fit_are_told_by_row_and_column(
    change: dict[str, Any], key: str, message: str
) -> None:
    rows = [_FULL, {**_FULL, **change}]
    assert not jsonschema.Draft202012Validator(_TABLE.json_schema()).is_valid(rows)
    with pytest.raises(InvalidInput, match="do not fit the model's signature") as caught:
        _TABLE.check(rows)
    (mistake,) = caught.value.details["mistakes"]
    assert mistake["key"] == f"[1].{key}"
    assert message in mistake["message"]


def test_a_row_that_lacks_a_column_is_told() -> None:
    with pytest.raises(InvalidInput, match=r"\[0\]: lacks the key 'age'"):
        _TABLE.check([{"sex": "f"}])


def test_columns_are_checked_as_rows_are() -> None:
    columns = {"age": [31.0, 52], "sex": ["f", "m"]}
    jsonschema.validate(columns, _TABLE.json_schema("columns"))
    assert _TABLE.check(columns, "columns") == {"age": [31, 52], "sex": ["f", "m"]}
    with pytest.raises(InvalidInput, match=r"sex\[1\]: must be one of 'f', 'm'"):
        _TABLE.check({"age": [31, 52], "sex": ["f", "x"]}, "columns")
    with pytest.raises(InvalidInput, match="the same length, not age 2, sex 1"):
        _TABLE.check({"age": [31, 52], "sex": ["f"]}, "columns")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2]], ""),
        ([], ""),
        ([[1, 2, 3]], r"\[0\]: must have 2 items, not 3"),
        ([[1, "2"]], r"\[0\]\[1\]: must be a number, not the text '2'"),
        ([1, 2], r"\[0\]: must be a list, not the number 1"),
    ],
)
def test_arrays_have_the_shape_of_the_signature(value: list[Any], message: str) -> None:
    schema = ArraySchema("double", (None, 2))
    validator = jsonschema.Draft202012Validator(schema.json_schema())
    assert validator.is_valid(value) is not bool(message)
    if not message:
        assert schema.check(value) == value
        return
    with pytest.raises(InvalidInput, match=message):
        schema.check(value)


def test_many_mistakes_are_told_in_few_words() -> None:
    with pytest.raises(InvalidInput, match="and 97 more") as caught:
        _TABLE.check([{**_ROW, "age": "old"}] * 100)
    assert len(caught.value.details["mistakes"]) == 100


_types = st.sampled_from(["boolean", "integer", "double", "string", "date", "datetime", "binary"])
_columns = st.builds(
    ColumnSchema,
    st.text(),
    _types,
    st.booleans(),
    st.none() | st.lists(st.text(), max_size=3).map(tuple),
)
_schemas = st.builds(
    TableSchema,
    st.lists(_columns, min_size=1, max_size=5, unique_by=lambda each: each.name).map(tuple),
) | st.builds(
    ArraySchema,
    _types,
    st.lists(st.none() | st.integers(0, 99), min_size=1, max_size=4).map(tuple),
)


@given(_schemas, st.none() | _schemas)
def test_signatures_go_through_json(inputs: DataSchema, outputs: DataSchema | None) -> None:
    signature = ModelSignature(inputs, outputs)
    assert ModelSignature.from_dict(json.loads(json.dumps(signature.to_dict()))) == signature
    jsonschema.Draft202012Validator.check_schema(inputs.json_schema())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "lacks the key 'inputs'"),
        ({"inputs": {"kind": "frame"}}, "inputs.kind: must be one of 'table', 'array'"),
        ({"inputs": {"kind": "table"}}, "inputs: of the kind 'table' lacks 'columns'"),
        (
            {"inputs": {"kind": "array", "type": "double", "shape": [None], "columns": []}},
            "inputs: of the kind 'array' cannot have 'columns'",
        ),
        ({"inputs": {"kind": "array", "type": "double", "shape": []}}, "no shape of an array"),
        ({"inputs": {"kind": "table", "columns": []}}, "no columns"),
        (
            {"inputs": {"kind": "table", "columns": [{"name": "x", "type": "double"}] * 2}},
            "two columns 'x'",
        ),
        (
            {"inputs": {"kind": "table", "columns": [{"name": "x", "type": "factor"}]}},
            r"inputs.columns\[0\].type: must be one of 'boolean', 'integer'",
        ),
    ],
)
def test_what_is_no_signature_is_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ModelSignature.from_dict(content)
