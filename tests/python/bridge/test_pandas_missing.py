"""What is missing in Arrow is missing in pandas, whatever lies beneath its bitmap."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tandemlab.bridge import read_frame
from tandemlab.bridge.crossing import as_library

VALUES: dict[str, tuple[Any, Any]] = {
    "double": (1.5, pa.float64()),
    "float": (1.5, pa.float32()),
    "int8": (1, pa.int8()),
    "int64": (1, pa.int64()),
    "uint64": (1, pa.uint64()),
    "bool": (True, pa.bool_()),
    "string": ("a", pa.string()),
    "large_string": ("a", pa.large_string()),
    "factor": ("a", pa.dictionary(pa.int8(), pa.string())),
    "date": (dt.date(2026, 11, 27), pa.date32()),
    "time": (dt.datetime(2026, 11, 27, tzinfo=dt.timezone.utc), pa.timestamp("us", "UTC")),
    "duration": (dt.timedelta(1), pa.duration("us")),
    "decimal": (Decimal("1.5"), pa.decimal128(5, 1)),
    "binary": (b"a", pa.binary()),
    "list": ([1], pa.list_(pa.int64())),
}


@pytest.mark.parametrize("name", VALUES)
def test_missing_values_of_others_are_missing(name: str) -> None:
    value, kind = VALUES[name]
    whole = pa.chunked_array(
        [pa.array([None, value, None, value], kind), pa.array([value, None], kind)]
    )
    for column in (whole, whole.slice(1, 4), whole.slice(3)):
        missing = as_library(pa.table({"x": column}), "pandas")["x"].isna().tolist()
        assert missing == column.is_null().to_pylist()


def test_the_nan_beneath_a_bitmap_stays_the_one_that_it_is() -> None:
    beneath = np.array([0x7FF00000000007A2, 0x7FF8000000000000, 0], "u8")  # R's NA, NaN, and 0
    bits = pa.py_buffer(bytes([0b010]))
    column = pa.Array.from_buffers(pa.float64(), 3, [bits, pa.py_buffer(beneath)])
    found = as_library(pa.table({"x": column}), "pandas")["x"].to_numpy()
    assert np.isnan(found).all()
    assert found.view("u8")[0] == beneath[0] or found.view("u8")[0] == beneath[0] | (1 << 51)


def test_a_file_of_others_keeps_what_is_missing(tmp_path: Any) -> None:
    table = pa.table({"x": [1.0, None, 3.0]})
    with pa.ipc.new_file(tmp_path / "x.arrow", table.schema) as file:
        file.write_table(table)
    assert read_frame(tmp_path / "x.arrow", "pandas")["x"].isna().tolist() == [False, True, False]


def test_categories_that_repeat_or_are_missing_become_one_each() -> None:
    labels = pa.array(["a", None, "b", "a"])
    codes = pa.array([3, 1, 0, None, 2], pa.int8())
    frame = as_library(
        pa.table({"x": pa.DictionaryArray.from_arrays(codes, labels, ordered=True)}), "pandas"
    )
    assert list(frame["x"].cat.categories) == ["a", "b"]
    assert list(frame["x"].cat.codes) == [0, -1, 0, -1, 1]
    assert frame["x"].cat.ordered
