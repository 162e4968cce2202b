"""Generated frames go to R and come back equal, as tables of Arrow and as frames of pandas."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

for library in ("pyarrow", "pandas", "polars", "duckdb"):
    pytest.importorskip(library)

import pyarrow as pa  # noqa: E402

from conformance.frames import values  # noqa: E402
from python.bridge import r_session  # noqa: E402
from tandemlab.bridge.pandas_frames import from_table  # noqa: E402

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed"),
]


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    opened = r_session.RSession()
    yield opened
    opened.close()


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=9)
DAYS = st.integers(-719_162, 2_932_896)  # what Python's dates hold: the years from 1 to 9999
MICROSECONDS = st.integers(-(2**51), 2**51)  # what R's doubles hold to the last one
# Arrow's types that R has, too, and values that R's type can hold.
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    pa.bool_(): st.booleans(),
    pa.int32(): st.integers(-(2**31) + 1, 2**31 - 1),
    pa.int64(): st.integers(-(2**63) + 1, 2**63 - 1),
    pa.float64(): st.floats(),
    pa.string(): TEXT,
    pa.binary(): st.binary(max_size=5),
    pa.date32(): DAYS,
    pa.timestamp("us"): MICROSECONDS,
    pa.timestamp("us", "Europe/Berlin"): MICROSECONDS,
    pa.duration("us"): MICROSECONDS,
    pa.time64("us"): st.integers(0, 86_399_999_999),
}


# What an element of a list can be: R knows the type of these without any value.
ELEMENTS = [kind for kind in SIMPLE if not pa.types.is_binary(kind)]


def plain(draw: st.DrawFn, rows: int, kind: pa.DataType) -> pa.Array:
    found = draw(st.lists(st.none() | SIMPLE[kind], min_size=rows, max_size=rows))
    if pa.types.is_binary(kind) and not any(found):
        found[:1] = [b"x"]  # nothing but NULL has no type in R
    return pa.array(found, kind)


def codes(draw: st.DrawFn, rows: int) -> pa.Array:
    levels = draw(st.lists(TEXT, unique=True, min_size=1, max_size=4))
    code = st.none() | st.integers(0, len(levels) - 1)
    found = draw(st.lists(code, min_size=rows, max_size=rows))
    return pa.DictionaryArray.from_arrays(pa.array(found, pa.int32()), levels)


def fixed(draw: st.DrawFn, rows: int) -> pa.Array:
    width = draw(st.integers(1, 3))
    items = plain(draw, rows * width, draw(st.sampled_from(ELEMENTS)))
    return pa.FixedSizeListArray.from_arrays(items, width)


def struct(draw: st.DrawFn, rows: int, *, in_list: bool) -> pa.Array:
    names = draw(st.lists(TEXT, unique=True, max_size=3))
    children = [draw(arrays(rows, in_list=in_list, nested=True)) for _ in names]
    kind = pa.struct([pa.field(n, c.type) for n, c in zip(names, children, strict=True)])
    if not names:
        return pa.array([{}] * rows, kind)
    return pa.StructArray.from_arrays(children, fields=list(kind))


def lists(draw: st.DrawFn, rows: int) -> pa.Array:
    sizes = draw(st.lists(st.none() | st.integers(0, 3), min_size=rows, max_size=rows))
    if all(size is None for size in sizes):
        sizes[0] = 0
    offsets, at = [], 0
    for size in sizes:
        offsets.append(None if size is None else at)
        at += size or 0
    child = draw(arrays(at, in_list=True))
    return pa.ListArray.from_arrays(pa.array([*offsets, at], pa.int32()), child)


@st.composite
def arrays(draw: st.DrawFn, rows: int, *, in_list: bool = False, nested: bool = False) -> pa.Array:
    shapes = ["plain"] * 4 + ["codes"]
    shapes += [] if in_list else ["list", "fixed"]
    shapes += [] if nested else ["struct"]
    shape = draw(st.sampled_from(shapes))
    if shape == "codes":
        return codes(draw, rows)
    if shape == "struct":
        return struct(draw, rows, in_list=in_list)
    if shape == "fixed":
        return fixed(draw, rows)
    if shape == "list":
        return lists(draw, rows)
    return plain(draw, rows, draw(st.sampled_from(ELEMENTS if in_list else [*SIMPLE])))


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 6))
    names = draw(st.lists(TEXT, unique=True, min_size=1, max_size=4))
    return pa.table([draw(arrays(rows)) for _ in names], names=names)


many = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


def there_and_back(session: Any, frame: Any, library: str) -> Any:
    values.dump(frame, session.frame)
    answer = session.ask("take", library=library, options={"int64": "integer64"})
    assert answer["error"] is None and answer["warning"] == [], answer
    assert answer["back"]["error"] is None and answer["back"]["warning"] == [], answer
    return values.load(session.frame)


@many
@given(table=tables())
def test_tables_come_back_equal(session: Any, table: pa.Table) -> None:
    assert values.differences(table, there_and_back(session, table, "arrow")) == ""


@many
@given(table=tables())
def test_frames_of_pandas_come_back_equal(session: Any, table: pa.Table) -> None:
    frame = from_table(table)
    assert values.differences(frame, there_and_back(session, frame, "pandas")) == ""
