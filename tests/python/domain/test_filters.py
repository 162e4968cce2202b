"""The language of filters: what it means, and how it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandemlab.domain import InvalidInput
from tandemlab.domain.filters import (
    Both,
    Comparison,
    Field,
    Not,
    Order,
    parse_filter,
    parse_order,
)

A = Comparison(Field("metrics", "a"), ">", (1,))
B = Comparison(Field("params", "b"), "=", ("x",))
C = Comparison(Field("", "status"), "=", ("Completed",))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("metrics.a > 1", A),
        ("  METRIC.a>1 ", A),
        ('params.b = "x"', B),
        ("parameters.`b` == 'x'", B),
        ('params."b" = "x"', B),
        ("attributes.status = 'completed'", C),
        ("metrics.a > 1 and params.b = 'x' or status = 'Completed'", Both((Both((A, B)), C), True)),
        (
            "metrics.a > 1 AND (params.b = 'x' OR status = 'Completed')",
            Both((A, Both((B, C), True))),
        ),
        ("not metrics.a > 1", Not(A)),
        ("tags.t is null", Not(Comparison(Field("tags", "t"), "exists"))),
        ("tags.t is not null", Comparison(Field("tags", "t"), "exists")),
        ("tags.t not like 'a%'", Not(Comparison(Field("tags", "t"), "like", ("a%",)))),
        ("params.n in (1, 2.5, 'x')", Comparison(Field("params", "n"), "in", (1, 2.5, "x"))),
        ("params.on = true", Comparison(Field("params", "on"), "=", (True,))),
        ("tags.t = 'it''s'", Comparison(Field("tags", "t"), "=", ("it's",))),
        (
            "metrics.val/loss.x-1 < -1e-3",
            Comparison(Field("metrics", "val/loss.x-1"), "<", (-1e-3,)),
        ),
        ("metrics.`a b``c` <> 0", Comparison(Field("metrics", "a b`c"), "!=", (0,))),
        ("metrics.verlust_ö < .5", Comparison(Field("metrics", "verlust_ö"), "<", (0.5,))),
        ("text contains 'car'", Comparison(Field("", "text"), "contains", ("car",))),
        (
            "start_time >= '1970-01-01T00:00:01Z'",
            Comparison(Field("", "started"), ">=", (1_000_000,)),
        ),
        ("created < '1970-01-01 02:00+02:00'", Comparison(Field("", "created"), "<", (0,))),
        ("tags.mlflow.user = 'a'", Comparison(Field("tags", "mlflow.user"), "=", ("a",))),
    ],
)
def test_a_text_has_its_meaning(text: str, meaning: object) -> None:
    assert parse_filter(text) == meaning


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 0, "expected a field"),
        ("metrics.a >", 11, "expected a number or a text in quotes, but it ends"),
        ("metrics.a > and status = 'x'", 12, "there is 'and'"),
        ("metrics.a 1", 10, "expected an operator"),
        ("metrics.a > 1 status", 14, "expected 'and', 'or' or the end"),
        ("(metrics.a > 1", 14, "expected ')'"),
        ("colour = 'red'", 0, "there is no field 'colour'"),
        ("tags.fold = 3", 12, "expected a text in quotes"),
        ("number = 'x'", 9, "expected a number"),
        ("status = 'done'", 9, "is no status"),
        ("created > 'yesterday'", 10, "is no time"),
        ("tags.a = 'x", 9, "the quote is not closed"),
        ("metrics.a ~ 1", 10, "'~' means nothing here"),
        ("metrics. = 1", 9, "expected a name"),
        ("(" * 60 + "number = 1", 50, "nested too deeply"),
        ("text = 'x'", 5, "expected 'contains'"),
        ("created like 'x'", 8, "expected '='"),
        ("tags.a not = 'x'", 11, "expected 'in'"),
    ],
)
def test_an_error_points_to_its_place(text: str, position: int, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_filter(text)
    assert caught.value.details["position"] == position
    message, line, pointer = caught.value.message.split("\n")
    assert problem in message
    assert (line, pointer) == (f"  {text}", f"  {' ' * position}^")


def test_an_order_has_several_parts() -> None:
    assert parse_order("metrics.auc desc, created ASC") == (
        Order(Field("metrics", "auc"), descending=True),
        Order(Field("", "created")),
    )
    for text in ("", "auc", "metrics.a down", "text"):
        with pytest.raises(InvalidInput, match="order cannot be read"):
            parse_order(text)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_refused_with_a_place(text: str) -> None:
    try:
        parse_filter(text)
    except InvalidInput as error:
        assert 0 <= error.details["position"] <= len(text)


@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_every_name_and_text_can_be_written(name: str, value: str) -> None:
    quoted = name.replace("`", "``")
    text = value.replace("'", "''")
    found = parse_filter(f"tags.`{quoted}` = '{text}'")
    assert found == Comparison(Field("tags", name), "=", (value,))
