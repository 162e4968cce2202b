"""What the matrix's expressions in Python mean, and how frames of Python are compared.

Both suites use it: pytest directly, testthat by reticulate.
"""

from __future__ import annotations

import datetime as dt
import pickle
import warnings
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from tandemlab.bridge import write_frame

NAMES = {"dt": dt, "D": D, "np": np, "pd": pd, "pa": pa, "pl": pl, "duckdb": duckdb}


def case_value(text: str) -> Any:
    """The frame of a case; an array becomes the column ``x`` of a table."""
    value = eval(text, dict(NAMES))
    return pa.table({"x": value}) if isinstance(value, (pa.Array, pa.ChunkedArray)) else value


def library_of(frame: Any) -> str:
    """The library that a frame comes back to."""
    if isinstance(frame, pd.DataFrame):
        return "pandas"
    return "polars" if isinstance(frame, pl.DataFrame) else "arrow"


def type_of(frame: Any) -> str:
    """The type of the column ``x``, or of the first, in the library's words."""
    if isinstance(frame, pd.DataFrame):
        kinds = list(frame.dtypes)
        at = list(frame.columns).index("x") if "x" in frame.columns else 0
    elif isinstance(frame, pl.DataFrame):
        kinds, at = frame.dtypes, frame.columns.index("x") if "x" in frame.columns else 0
    else:
        kinds, names = frame.schema.types, frame.schema.names
        at = names.index("x") if "x" in names else 0
    return str(kinds[at]) if kinds else ""


def differences(before: Any, after: Any) -> str:
    """How two frames of one library differ; empty if they are equal."""
    if isinstance(before, pd.DataFrame):
        try:
            pd.testing.assert_frame_equal(before, after)
        except AssertionError as problem:
            return str(problem)
        return ""
    if isinstance(before, pl.DataFrame):
        same = before.schema == after.schema and before.equals(after)
        return "" if same else f"{before} {after}"
    table = before if isinstance(before, pa.Table) else pa.table(before)
    same = table.schema.equals(after.schema) and _unified(table).equals(_unified(after))
    return "" if same else f"{table} {after}"


def _unified(table: pa.Table) -> pa.Table:
    """One chunk with one dictionary, and every NaN as text, since it is not equal to itself."""
    columns = [_comparable(column) for column in table.unify_dictionaries().combine_chunks()]
    return pa.table(columns, names=[str(i) for i in range(len(columns))])


def _comparable(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if pa.types.is_floating(column.type):
        return column.cast(pa.string())
    if pa.types.is_nested(column.type):
        return pa.array([repr(value) for value in column.to_pylist()])
    return column


def load(path: str) -> Any:
    """A frame that ``dump`` has left."""
    return pickle.loads(Path(path).read_bytes())


def dump(value: Any, path: str) -> None:
    """Leaves a frame for another process, as it is to the last attribute."""
    Path(path).write_bytes(pickle.dumps(value))


def written(frame: Any, path: str, compression: str | None) -> list[str]:
    """Writes a frame to a file; what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)  # of what other tests have left
        write_frame(frame, path, compression=compression)
    return [str(one.message) for one in caught]
