"""Signatures by looking at data, of every library."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tandemlab import Dataset
from tandemlab.domain import InvalidInput
from tandemlab.domain.signatures import ArraySchema, ColumnSchema, TableSchema
from tandemlab.models import infer_signature
from tandemlab.models.signatures import sample_of, schema_of

_ROWS: list[dict[str, Any]] = [
    {"age": 31, "weight": 70.5, "sex": "f", "belt": True, "born": date(1971, 2, 3)},
    {"age": 52, "weight": None, "sex": "m", "belt": False, "born": None},
]
_TABLE = TableSchema(
    (
        ColumnSchema("age", "integer"),
        ColumnSchema("weight", "double", nullable=True),
        ColumnSchema("sex", "string"),
        ColumnSchema("belt", "boolean"),
        ColumnSchema("born", "date", nullable=True),
    )
)


@pytest.mark.parametrize(
    "data",
    [_ROWS, pd.DataFrame(_ROWS), pl.DataFrame(_ROWS), pa.Table.from_pylist(_ROWS)],
    ids=["records", "pandas", "polars", "arrow"],
)
def test_frames_of_every_library_have_the_same_signature(data: Any) -> None:
    assert schema_of(data) == _TABLE
    _TABLE.check(sample_of(data))


def test_the_rows_of_a_frame_may_have_names() -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5]}, index=[17, 4])
    assert schema_of(frame) == TableSchema((ColumnSchema("x", "double"),))
    assert sample_of(frame) == [{"x": 1.5}, {"x": 2.5}]


def test_levels_are_all_that_a_categorical_column_lets_through() -> None:
    frame = pd.DataFrame({"sex": pd.Categorical(["f", "f"], categories=["f", "m"])})
    (column,) = schema_of(frame).columns  # type: ignore[union-attr]
    assert column == ColumnSchema("sex", "string", values=("f", "m"))
    many = pl.DataFrame({"id": [str(i) for i in range(2000)]}, schema={"id": pl.Categorical})
    assert schema_of(many) == TableSchema((ColumnSchema("id", "string"),))


def test_times_and_bytes_are_kept_as_json_has_them() -> None:
    frame = pa.table(
        {
            "at": [datetime(2002, 1, 2, 3, 4, tzinfo=timezone.utc)],
            "clock": [datetime(2002, 1, 2, 3, 4)],
            "raw": [b"hello"],
            "gap": [float("nan")],
        }
    )
    found = schema_of(frame)
    assert str(found) == "at datetime, clock datetime, raw binary, gap double or missing"
    rows = sample_of(frame)
    assert rows == [
        {
            "at": "2002-01-02T03:04:00Z",
            "clock": "2002-01-02T03:04:00",
            "raw": "aGVsbG8=",
            "gap": None,
        }
    ]
    found.check(rows)


@pytest.mark.parametrize(
    ("data", "schema"),
    [
        (np.zeros((3, 28, 28), dtype=np.uint8), ArraySchema("integer", (None, 28, 28))),
        ([0.5, 0.25], ArraySchema("double", (None,))),
        ([["a", "b"]], ArraySchema("string", (None, 2))),
        (np.array(["a", "b"], dtype=object), ArraySchema("string", (None,))),
        (pd.Series([1, 0], name="y"), ArraySchema("integer", (None,))),
        (pd.Series(["a", None]), ArraySchema("string", (None,))),
        (np.array([True]), ArraySchema("boolean", (None,))),
    ],
)
def test_arrays_have_a_type_and_a_shape(data: Any, schema: ArraySchema) -> None:
    assert schema_of(data) == schema
    assert infer_signature(_ROWS, data).outputs == schema


def test_only_a_few_rows_are_kept() -> None:
    assert len(sample_of(pd.DataFrame({"x": range(1000)}))) == 5
    assert sample_of(np.arange(6).reshape(3, 2)) == [[0, 1], [2, 3], [4, 5]]


def test_a_dataset_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("speed,dist\n4,2.5\n7,\n")
    data = Dataset.Tabular.from_delimited_files(path)
    assert str(schema_of(data)) == "speed integer, dist double or missing"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "no data frame"),
        ([[1], [2, 3]], "different lengths"),
        (np.array(3), "single value"),
        (np.array([object()]), "array of object"),
        (pa.table({"x": pa.nulls(2)}), "'x' has no value in the sample"),
        (pa.table({"x": [[1], [2]]}), "'x' is of the type list"),
        (pd.DataFrame(), "no columns"),
    ],
)
def test_data_without_a_signature_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        schema_of(data)
