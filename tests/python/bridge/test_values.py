"""Values as text and back, without R; tests/conformance/values has what R makes of them."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tandemlab.bridge.values import Table, Vector, decode, encode
from tandemlab.domain import InvalidInput
from tandemlab.domain.warnings import PrecisionWarning, ZoneWarning

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=5)
DAYS = st.datetimes(datetime(1700, 1, 1), datetime(2240, 1, 1))
INSTANTS = DAYS.map(lambda at: at.replace(fold=0))  # of an instant in UTC it means nothing
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns"])
SPANS = st.timedeltas(timedelta(days=-90_000), timedelta(days=90_000))


def vector(items: st.SearchStrategy[Any], kind: str, **attributes: Any) -> Any:
    values = st.lists(st.none() | items, max_size=4)
    return values.map(lambda found: Vector(found, kind, attributes=attributes))


@st.composite
def times(draw: st.DrawFn) -> Vector:
    zone = draw(ZONES)
    tz = timezone.utc if zone == "UTC" else ZoneInfo(zone)
    found = draw(st.lists(st.none() | INSTANTS, max_size=3))
    moments = [x and x.replace(tzinfo=timezone.utc).astimezone(tz) for x in found]
    return Vector(moments, "time", attributes={"zone": zone})


@st.composite
def named(draw: st.DrawFn) -> Vector:
    values = draw(st.lists(st.floats(), max_size=3))
    names = draw(st.lists(st.none() | TEXT, min_size=len(values), max_size=len(values)))
    return Vector(values, "double", names=names)


VECTORS = st.one_of(
    vector(st.booleans(), "logical"),
    vector(st.integers(-(2**31) + 1, 2**31 - 1), "integer"),
    vector(st.floats(), "double"),
    vector(TEXT, "character"),
    vector(st.integers(-(2**63) + 1, 2**63 - 1), "integer64"),
    vector(st.dates(), "date"),
    vector(SPANS, "difftime", units="secs"),
    vector(st.sampled_from("ab"), "factor", levels=["b", "a"], ordered=True),
    times(),
    named(),
)
VALUES = st.recursive(
    st.none() | VECTORS | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT.filter(len), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
@example(datetime(1833, 1, 1, 0, 0, 0, 7, timezone.utc))
@example(datetime(2108, 9, 27, 0, 0, 0, 979237))
def test_what_r_can_hold_comes_back_the_same(value: Any) -> None:
    assert repr(decode(encode(value))) == repr(value)


@given(st.text())
def test_any_text_can_be_made_one_that_r_can_hold(text: str) -> None:
    found = encode(text + "\ud800\0", repair=True)
    found.encode()
    assert "\0" not in found and "\\u0000" not in found


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None], "logical"),
        ([True, None], "logical"),
        ([1, None], "integer"),
        ([2**31], "double"),
        ([2**53 + 1], "integer64"),
        ([1, 0.5], "double"),
        (["a", None], "character"),
        ([datetime(2024, 1, 1, tzinfo=timezone.utc)], "time"),
        ([1, "a"], "list"),
        ([True, 1], "list"),
    ],
)
def test_a_column_of_a_table_has_the_narrowest_type(values: list[Any], kind: str) -> None:
    assert f'"name":"x","type":"{kind}"' in encode(Table({"x": values}))


def test_a_key_is_never_a_mark_of_ours() -> None:
    assert encode({"$vector": 1}) == '{"$map":[["$vector",1]]}'
    assert decode(encode({"$map": {"$float": None}})) == {"$map": {"$float": None}}


def test_an_error_says_where() -> None:
    with pytest.raises(InvalidInput, match=r"The input 'cars'\['a'\]\[1\] cannot go to R: object"):
        encode({"a": [1, object()]}, what="input 'cars'")


def test_what_is_rounded_is_a_warning_by_name() -> None:
    with pytest.warns(PrecisionWarning, match="9007199254740993"):
        encode([2**53 + 1, 0.5])
    with pytest.warns(ZoneWarning):
        encode(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode([date(2026, 1, 1), datetime(2026, 1, 1)])


def test_pandas_scalars_are_plain_ones() -> None:
    pd = pytest.importorskip("pandas")
    found = decode(encode([pd.Timestamp("2026-01-01", tz="Europe/Berlin"), pd.NaT]))
    berlin = ZoneInfo("Europe/Berlin")
    assert found == [datetime(2026, 1, 1, tzinfo=berlin), None]
    assert found.attributes == {"zone": "Europe/Berlin"}
    with pytest.warns(PrecisionWarning, match="microseconds"):
        encode(pd.Timestamp(1))
    with pytest.raises(InvalidInput, match="a column of a data frame"):
        encode(pd.Series([1]))


def test_data_frames_go_to_files() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": [1]})
    kept: list[Any] = []
    text = encode({"t": [frame]}, frame=lambda one: kept.append(one) or "1.arrow")  # type: ignore[func-returns-value]
    assert kept[0] is frame
    assert decode(text, frame=str.upper) == {"t": ["1.ARROW"]}
    with pytest.raises(InvalidInput, match="data frames do not cross here"):
        encode(frame)


def test_a_vector_is_a_list_that_knows_more() -> None:
    one = Vector([0.5, math.inf], "double", names=["a", "b"])
    assert one == [0.5, math.inf] and one.to_dict() == {"a": 0.5, "b": math.inf}
    for twin in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert repr(twin) == repr(one)
    assert Vector([1]).item() == 1
    with pytest.raises(InvalidInput, match="has 2 values"):
        one.item()
    with pytest.raises(InvalidInput, match="the name 'a'"):
        Vector([1, 2], names=["a", "a"]).to_dict()
    with pytest.raises(InvalidInput, match="no type of a vector"):
        Vector([], "float")
