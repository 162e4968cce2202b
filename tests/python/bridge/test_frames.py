"""Frames over the bridge's own streams, without R: out by `write`, in by `read`."""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
import threading
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandemlab.bridge import read, write, write_frame
from tandemlab.domain.errors import InvalidInput, MissingDependency

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
np = pytest.importorskip("numpy")


class Place:
    """An empty stream as R makes it; released at the end as R's finalizer does."""

    def __init__(self) -> None:
        self.words = (ctypes.c_void_p * 5)()
        self.address = str(ctypes.addressof(self.words))

    def release(self) -> None:
        if self.words[3]:
            ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.words[3])(ctypes.addressof(self.words))


def across(frame: Any, library: str) -> Any:
    place = Place()
    try:
        assert json.loads(write(frame, place.address)) == []
        return read(place.address, library)
    finally:
        place.release()


TYPES = {
    "Int8": st.integers(-128, 127),
    "Int32": st.integers(-(2**31), 2**31 - 1),
    "Int64": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "str": st.text(st.characters(exclude_categories=("Cs",))),
    "datetime64[us, Europe/Berlin]": st.datetimes(
        min_value=pd.Timestamp("1700-01-01").to_pydatetime(),
        max_value=pd.Timestamp("2250-01-01").to_pydatetime(),
        timezones=st.just(timezone.utc),
    ),
    "timedelta64[us]": st.timedeltas(timedelta(days=-90_000), timedelta(days=90_000)),
    "date32[pyarrow]": st.dates(),
    "binary[pyarrow]": st.binary(),
    "list<item: int32>[pyarrow]": st.lists(st.integers(0, 9)),
}
ARROW = {"date32": pa.date32(), "binary": pa.binary(), "list<item: int32>": pa.list_(pa.int32())}


@st.composite
def frames(draw: st.DrawFn) -> Any:
    rows = draw(st.integers(0, 5))
    columns = {}
    for name in draw(st.lists(st.text("abü ", max_size=3), unique=True, max_size=4)):
        dtype = draw(st.sampled_from(sorted(TYPES)))
        values = draw(st.lists(st.none() | TYPES[dtype], min_size=rows, max_size=rows))
        kind = ARROW.get(dtype.removesuffix("[pyarrow]"))
        columns[name] = (
            pd.Series(values, dtype=pd.ArrowDtype(kind) if kind else dtype)
            if kind or "64[" not in dtype
            else pd.Series(values, dtype="object").astype(dtype)
        )
    return pd.DataFrame(columns, index=range(rows))


@given(frames())
def test_frames_come_back_equal(frame: Any) -> None:
    pd.testing.assert_frame_equal(across(frame, "pandas"), frame, check_column_type=False)


def test_doubles_keep_their_bits_and_so_the_na_of_r() -> None:
    bits = np.array([0x7FF00000000007A2, 0x7FF8000000000000, 0x3FF8000000000000], "uint64")
    frame = across(pd.DataFrame({"x": bits.view("float64")}), "pandas")
    assert list(frame["x"].to_numpy().view("uint64") | (1 << 51)) == list(bits | (1 << 51))


def test_an_index_comes_back_with_its_names() -> None:
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", "j"])
    frame = pd.DataFrame({"v": [1.0, 2.0]}, index=index)
    pd.testing.assert_frame_equal(across(frame, "pandas"), frame)


def test_an_index_that_shares_a_name_with_a_column_is_refused() -> None:
    frame = pd.DataFrame({"k": [1.0]}, index=pd.Index(["a"], name="k"))
    with pytest.raises(InvalidInput, match="share the name 'k'"):
        write(frame, Place().address)


def test_tags_of_r_stay_with_the_frame() -> None:
    tag = b'{"kind":"double","attributes":{}}'
    field = pa.field("x", pa.float64(), metadata={b"tandemlab:r": tag})
    table = pa.table({"x": [1.0]}, schema=pa.schema([field]))
    frame = across(table, "pandas")
    assert frame.attrs["tandemlab"]["columns"] == [["x", tag.decode()]]
    assert across(frame[["x"]].copy(), "arrow").schema.field("x").metadata == {b"tandemlab:r": tag}


@pytest.mark.parametrize("rows", [0, 3])
def test_tables_without_columns_or_rows_keep_what_they_have(rows: int) -> None:
    assert across(pd.DataFrame(index=range(rows)), "arrow").num_rows == rows
    categories = pd.DataFrame({"x": pd.Categorical([], categories=["z", "a"])})
    assert list(across(categories, "pandas")["x"].cat.categories) == ["z", "a"]


def test_a_stream_outlives_the_frame_that_it_came_from() -> None:
    place, frame = Place(), pa.table({"x": pa.array(["a", "b"])})
    write(frame, place.address)
    del frame
    gc.collect()
    assert read(place.address, "arrow").column("x").to_pylist() == ["a", "b"]


def test_a_stream_that_is_not_read_can_be_released() -> None:
    before, place = pa.total_allocated_bytes(), Place()
    write(pa.table({"x": pa.array(range(100_000))}), place.address)
    place.release()
    gc.collect()
    assert pa.total_allocated_bytes() == before


@pytest.mark.parametrize(
    ("column", "why"), [([1, "a"], "'x' of type object"), ([1j], "'x' of type complex128")]
)
def test_columns_without_a_form_in_arrow_are_refused_by_name(column: list[Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=f"Column {why} has no form in Arrow"):
        write(pd.DataFrame({"x": column}), Place().address)


@pytest.mark.parametrize("value", [{"x": 1}, [1, 2], "a", None, pd.DataFrame, pa.Table])
def test_what_is_no_frame_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="no data frame"):
        write(value, Place().address)


class Offers:
    """Has the method of a stream, which gives what it is told."""

    def __init__(self, capsule: object) -> None:
        self.capsule = capsule

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.capsule


@pytest.mark.parametrize("capsule", [3, None, pa.schema([]).__arrow_c_schema__()])
def test_what_is_no_stream_is_refused(capsule: object, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="of Offers gives is no stream"):
        write(Offers(capsule), Place().address)
    with pytest.raises(InvalidInput, match="of Offers gives is no stream"):
        write_frame(Offers(capsule), tmp_path / "frame.arrow")


def test_a_stream_is_read_once(tmp_path: Path) -> None:
    stream, place = Offers(pa.table({"x": [1]}).__arrow_c_stream__()), Place()
    write(stream, place.address)
    with pytest.raises(InvalidInput, match="read already"):
        write(stream, place.address)
    with pytest.raises(InvalidInput, match="read already"):
        write_frame(stream, tmp_path / "frame.arrow")


@pytest.mark.parametrize("column", [pa.array([1]), pa.chunked_array([[1]])])
def test_a_column_is_no_frame(column: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="one column"):
        write_frame(column, tmp_path / "frame.arrow")


def test_a_column_name_that_is_no_text_is_refused() -> None:
    names = pd.Index(["\ud800"], dtype=object)
    with pytest.raises(InvalidInput, match="no valid text"):
        write(pd.DataFrame([[1]]).set_axis(names, axis=1), Place().address)


@pytest.mark.parametrize("tag", ["{", "[]", '{"index": [[]]}', '{"index": 1}', '{"row_names": {}}'])
def test_a_tag_that_is_damaged_is_no_error(tag: str) -> None:
    table = pa.table({"x": [1.5]}).replace_schema_metadata({"tandemlab:r": tag})
    assert list(across(table, "pandas")["x"]) == [1.5]


def test_a_frame_that_changes_while_it_crosses_has_old_and_new_values() -> None:
    frame = pd.DataFrame({"x": np.zeros(2_000_000), "c": pd.Categorical(["a"] * 2_000_000, ["a"])})
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            frame.loc[::7, "x"] = 1.0
            frame["new"] = 2

    thread = threading.Thread(target=change)
    thread.start()
    try:
        found = [across(frame, "arrow") for _ in range(5)]
    finally:
        done.set()
        thread.join()
    for table in found:
        table.validate(full=True)
        assert set(np.unique(table["x"].to_numpy())) <= {0.0, 1.0}


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingDependency, match="polars") as caught:
        read("0", "polars")
    assert "pip install" in caught.value.hint


def test_the_bridge_imports_neither_pandas_nor_pyarrow() -> None:
    code = "import sys, tandemlab.bridge; print({'pandas', 'pyarrow', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
