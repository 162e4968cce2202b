"""Ids, names and scalars."""

from __future__ import annotations

import math
import multiprocessing
import pickle
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.ids import new_display_name, new_run_id, new_ulid, slug
from tandemlab.domain.names import check_file_name, check_metric_name, check_name
from tandemlab.domain.scalars import as_scalar, from_json, to_json
from tandemlab.domain.times import from_micros, to_micros
from tandemlab.store.sql.forms import from_columns, to_columns


def test_ids_of_one_process_are_unique_and_sorted() -> None:
    ids = [new_ulid() for _ in range(10_000)]
    assert ids == sorted(set(ids))


def _ids(_: int) -> list[str]:
    return [new_ulid() for _ in range(200)]


def test_forked_children_make_different_ids() -> None:
    new_ulid()
    with multiprocessing.get_context("fork").Pool(4) as pool:
        ids = [found for part in pool.map(_ids, range(8)) for found in part]
    assert len(set(ids)) == len(ids)


@given(st.text())
def test_a_slug_is_safe_in_a_path(name: str) -> None:
    made = slug(name)
    assert made and made.isascii() and set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(new_run_id(name)) <= 36 + 1 + 26


def test_display_names_vary() -> None:
    assert len({new_display_name() for _ in range(200)}) > 150


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "...", "a/b", "../x", "a\\b", "a\0b", "a\nb", " a", "a ", "x" * 129],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_name(name, what="experiment")


@pytest.mark.parametrize("name", ["a", "Unfälle 2002", "🚗", "a.b-c_d (1)", "事故", "x" * 128])
def test_names_of_every_script_are_kept(name: str) -> None:
    assert check_name(name, what="experiment") == name


def test_two_ways_to_write_a_letter_are_one_name() -> None:
    assert check_name("Unfa\u0308lle", what="experiment") == "Unfälle"


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a//b", "../a", "a/..", "a/./b", "a\\b", "a\0", "a\nb", "x" * 256, "a/" * 600 + "a"],
)
def test_what_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_file_name(name)


@pytest.mark.parametrize("name", [None, 3, "", "  ", "x" * 251, "a\tb"])
def test_what_is_no_metric_name_is_refused(name: Any) -> None:
    with pytest.raises(InvalidInput):
        check_metric_name(name)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(codec="utf-8"))
)


def same(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return type(left) is type(right) and left == right


@given(scalars)
def test_every_scalar_survives_json_and_the_columns(value: Any) -> None:
    if isinstance(value, int) and abs(value) > 10**300:
        return
    assert same(from_json(to_json(value)), value)
    assert same(from_columns(*to_columns(to_json(value))), value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (np.str_("x"), "x"),
        (pd.NA, None),
        (pd.NaT, None),
        (datetime(2002, 1, 2, tzinfo=timezone.utc), "2002-01-02T00:00:00+00:00"),
    ],
)
def test_foreign_scalars_become_plain(value: Any, expected: Any) -> None:
    assert same(as_scalar(value), expected)


@pytest.mark.parametrize(
    "value", [[1], (1, 2), {}, object(), np.array([1, 2]), Decimal("0.1"), 1j, b"x", pd.Series([1])]
)
def test_what_is_no_scalar_is_refused_by_the_name_of_its_type(value: Any) -> None:
    with pytest.raises(InvalidInput, match=type(value).__name__):
        as_scalar(value)


@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_times_survive_as_microseconds(time: datetime) -> None:
    assert from_micros(to_micros(time)) == time


def test_errors_survive_pickling() -> None:
    error = NotFound("No run 'a'.", hint="Look.", details={"run_id": "a"})
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.code, copy.message, copy.hint, copy.details) == (
        "not_found",
        "No run 'a'.",
        "Look.",
        {"run_id": "a"},
    )
