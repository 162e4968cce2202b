"""Search expressions: what they can be, how they are distributed, and what is refused."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from statistics import NormalDist, mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandemlab.domain import InvalidInput
from tandemlab.domain.search_spaces import (
    Expression,
    RandInt,
    SearchSpace,
    choice,
    expression_of,
    key_of_values,
    lognormal,
    loguniform,
    normal,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)

SIZE = 4000
CONTINUOUS = {
    "uniform": (uniform(-1, 3), lambda x: (x + 1) / 4),
    "loguniform": (loguniform(1e-4, 10), lambda x: (math.log10(x) + 4) / 5),
    "normal": (normal(2, 0.5), NormalDist(2, 0.5).cdf),
    "lognormal": (lognormal(-1, 0.7), lambda x: NormalDist(-1, 0.7).cdf(math.log(x))),
}
EVERY: list[Expression] = [
    choice("a", 2, True, None),
    randint(7, lower=-2),
    *(each for each, _ in CONTINUOUS.values()),
    quniform(1, 9, 2),
    quniform(0, 1, 0.1),
    qloguniform(8, 1024, 8),
    qnormal(0, 3, 0.5),
    qlognormal(3, 1, 4),
]


def draws(expression: Expression) -> list[object]:
    generator = random.Random(20261127)
    return [expression.value_at(generator.random()) for _ in range(SIZE)]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_numbers_have_the_distribution_of_their_name(name: str) -> None:
    """By Kolmogorov and Smirnov's test at the level of 0.001."""
    expression, cumulative = CONTINUOUS[name]
    assert expression.name == name
    places = sorted(cumulative(value) for value in draws(expression))
    distance = max(max((n + 1) / SIZE - place, place - n / SIZE) for n, place in enumerate(places))
    assert distance < 1.95 / math.sqrt(SIZE)


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        (choice("a", 2, True, None), ["a", 2, True, None]),
        (randint(7, lower=-2), range(-2, 7)),
        (randint(3), range(3)),
    ],
)
def test_each_value_of_a_finite_expression_is_as_likely(
    expression: Expression, values: list[object]
) -> None:
    """By a chi-squared test at about the level of 0.001."""
    counts = Counter(map(repr, draws(expression)))
    assert set(counts) == set(map(repr, values))
    assert expression.count == len(values)
    expected = SIZE / len(values)
    statistic = sum((count - expected) ** 2 / expected for count in counts.values())
    freedom = len(values) - 1
    assert statistic < freedom + 3.1 * math.sqrt(2 * freedom) + 5


@pytest.mark.parametrize(
    ("expression", "support"),
    [
        (quniform(1, 9, 2), [2, 4, 6, 8]),
        (quniform(0, 1, 0.25), [0.0, 0.25, 0.5, 0.75, 1.0]),
        (quniform(0, 0.3, 0.1), [0.0, 0.1, 0.2, 0.3]),
        (qloguniform(8, 64, 16), [16, 32, 48, 64]),
    ],
)
def test_steps_are_multiples_within_the_bounds(
    expression: Expression, support: list[float]
) -> None:
    found = set(draws(expression))
    assert found == set(support)
    assert list(expression.values()) == support
    assert {type(value) for value in found} == {type(value) for value in support}


def test_rounded_normal_numbers_are_those_of_the_normal_distribution() -> None:
    found = draws(qnormal(10, 4, 2))
    assert all(isinstance(value, int) and value % 2 == 0 for value in found)
    assert abs(mean(found) - 10) < 4 * 4 / math.sqrt(SIZE)  # type: ignore[type-var]
    share = sum(value == 10 for value in found) / SIZE
    expected = NormalDist(10, 4).cdf(11) - NormalDist(10, 4).cdf(9)
    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / SIZE)
    assert all(value > 0 and value % 4 == 0 for value in draws(qlognormal(5, 0.5, 4)))  # type: ignore[operator]


@pytest.mark.parametrize("expression", EVERY, ids=lambda each: each.name)
def test_a_value_has_the_place_that_it_comes_from(expression: Expression) -> None:
    for value in draws(expression)[:200]:
        place = expression.place_of(value)
        assert place is not None
        again = expression.value_at(place)
        assert again == pytest.approx(value) and type(again) is type(value)
    assert expression.place_of("no such value") is None
    assert expression_of(json.loads(json.dumps(expression.to_dict()))) == expression


@given(st.floats(0, 1), st.sampled_from(EVERY))
def test_every_place_has_a_value_that_can_be_recorded(place: float, expression: Expression) -> None:
    value = expression.value_at(place)
    assert not isinstance(value, float) or math.isfinite(value)
    json.dumps(value, allow_nan=False)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: choice(), "nothing to choose from"),
        (lambda: choice(1, 2, 1), "twice"),
        (lambda: choice([[1, 2], [3]]), "an option of choice.. is a text, a number"),
        (lambda: choice({"a": 1}), "an option of choice"),
        (lambda: choice(1, math.nan), "no finite number"),
        (lambda: randint(0), "no number"),
        (lambda: randint(2.5), "whole number"),  # type: ignore[arg-type]
        (lambda: randint(10**30), "2.53"),
        (lambda: uniform(1, 1), "must be less"),
        (lambda: uniform("0", 1), "finite number"),  # type: ignore[arg-type]
        (lambda: uniform(0, math.inf), "finite number"),
        (lambda: loguniform(-6, -1), "above 0"),
        (lambda: quniform(0, 1, 0), "above 0"),
        (lambda: quniform(1.2, 1.8, 1), "no multiple"),
        (lambda: normal(0, 0), "above 0"),
        (lambda: lognormal(0, 100), "too large"),
        (lambda: randint(2).only_if(), "no condition"),
        (lambda: randint(2).only_if(y=[]), "no value of 'y'"),
        (lambda: SearchSpace({}), "no hyper-parameters"),
        (lambda: SearchSpace([uniform(0, 1)]), "by name"),  # type: ignore[arg-type]
        (lambda: SearchSpace({"a b": uniform(0, 1)}), "name of a hyper-parameter"),
        (lambda: SearchSpace({"x": 3}), "search expression"),  # type: ignore[dict-item]
        (lambda: SearchSpace({"--x": randint(2), "x": randint(2)}), "one name"),
        (lambda: SearchSpace({"x": randint(2).only_if(y=1)}), "no hyper-parameter"),
        (lambda: SearchSpace({"x": randint(2), "z": randint(2).only_if(x=5)}), "cannot be"),
        (
            lambda: SearchSpace({"x": randint(2).only_if(y=1), "y": randint(2).only_if(x=1)}),
            "wait for each other",
        ),
        (lambda: expression_of({"uniform": {}, "choice": [1]}), "one of"),
    ],
)
def test_what_cannot_be_searched_is_refused(make: object, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        make()  # type: ignore[operator]


def test_a_condition_that_names_an_argument_means_its_name() -> None:
    space = SearchSpace(
        {"depth": randint(3).only_if(kind="tree"), "--kind": choice("tree", "line")}
    )
    generator = random.Random(1)
    for _ in range(50):
        values = space.draw(lambda _: generator.random())
        assert ("depth" in values) is (values["--kind"] == "tree")


def test_a_grid_has_every_combination_once_and_no_more() -> None:
    space = SearchSpace(
        {
            "kind": choice("tree", "line"),
            "depth": randint(4, lower=2).only_if(kind="tree"),
            "leaf": choice(1, 5).only_if(depth=3),
            "seed": randint(2),
        }
    )
    combinations = list(space.grid())
    assert combinations[:2] == [
        {"kind": "tree", "depth": 2, "seed": 0},
        {"kind": "tree", "depth": 2, "seed": 1},
    ]
    assert len(combinations) == space.count(100) == 2 * (1 + 2 + 1)
    assert len({key_of_values(each) for each in combinations}) == len(combinations)
    assert space.count(3) == 3
    assert SearchSpace({"x": uniform(0, 1)}).count(3) is None


def test_a_runs_parameters_are_values_of_the_space_or_not() -> None:
    space = SearchSpace(
        {"--rate": uniform(0, 1), "kind": choice("a", "b"), "n": randint(3).only_if(kind="a")}
    )
    assert space.values_of({"rate": 0.5, "kind": "b", "data": "x.csv"}) == {
        "--rate": 0.5,
        "kind": "b",
    }
    assert space.values_of({"rate": 0.5, "kind": "a"}) is None
    assert space.values_of({"rate": 0.5, "kind": "b", "n": 1}) is None
    assert space.values_of({"rate": 2, "kind": "b"}) is None
    assert RandInt(3).place_of(True) is None
