"""Where the values of trials come from: the same again for the same seed and results."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from typing import Any

import pytest

from tandemlab.domain import Scalar
from tandemlab.domain.early_termination import History, PrimaryMetricGoal
from tandemlab.domain.search_spaces import (
    Values,
    choice,
    key_of_values,
    loguniform,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)
from tandemlab.domain.sweeps import (
    BayesianParameterSampling,
    GridParameterSampling,
    ParameterSampling,
    RandomParameterSampling,
    SobolParameterSampling,
)
from tandemlab.sweeps.samplers import Tried, sampler_of

MIN = PrimaryMetricGoal.MINIMIZE
SPACE = {
    "x": uniform(-5, 5),
    "rate": loguniform(1e-5, 1),
    "units": quniform(8, 64, 8),
    "n": randint(10),
    "size": qloguniform(1, 1000, 5),
    "shift": qnormal(0, 1, 0.5),
    "kind": choice("a", "b", True, None),
    "depth": randint(9).only_if(kind="a"),
}
SEEDED = [RandomParameterSampling, SobolParameterSampling, BayesianParameterSampling]


def loss_of(values: Values) -> float:
    x = values["x"]
    assert isinstance(x, (int, float))
    return (x - 2) ** 2 + (0 if values["kind"] == "b" else 3)


def tried_of(values: Values, loss: float | None, **settings: Any) -> Tried:
    history = History(MIN, [] if loss is None else [loss], [] if loss is None else [1])
    return Tried(values, history, **{"has_ended": True, **settings})


def search(
    sampling: ParameterSampling, count: int, loss: Callable[[Values], float] = loss_of
) -> list[Tried]:
    """Trials one after another, each question to a sampler that is made anew."""
    found: list[Tried] = []
    for number in range(1, count + 1):
        values = sampler_of(sampling, MIN).suggest(number, found)
        if values is None:
            break
        found.append(tried_of(values, loss(values)))
    return found


@pytest.mark.parametrize("kind", SEEDED)
def test_the_same_seed_and_results_give_the_same_values(kind: type[ParameterSampling]) -> None:
    first = [each.values for each in search(kind(SPACE, seed=3), 12)]
    assert [each.values for each in search(kind(SPACE, seed=3), 12)] == first
    assert [each.values for each in search(kind(SPACE, seed=4), 12)] != first
    assert all(("depth" in values) is (values["kind"] == "a") for values in first)
    space = kind(SPACE).space
    assert all(space.values_of({k: v for k, v in each.items()}) == each for each in first)


@pytest.mark.parametrize("kind", [*SEEDED, GridParameterSampling])
def test_a_finite_space_is_tried_once_and_whole(kind: Callable[..., ParameterSampling]) -> None:
    space = {"a": choice("x", "y"), "b": randint(3).only_if(a="x"), "c": quniform(0, 1, 0.5)}
    found = search(kind(space, seed=1), 50, lambda values: float(values["c"] or 0))
    keys = [key_of_values(each.values) for each in found]
    assert len(keys) == len(set(keys)) == kind(space).space.count(100) == (3 + 1) * 3


def test_bayesian_sampling_finds_better_values_than_chance() -> None:
    losses = {
        kind: [
            min(each.history.best or 0.0 for each in search(kind(SPACE, seed=seed), 40))
            for seed in range(3)
        ]
        for kind in (RandomParameterSampling, BayesianParameterSampling)
    }
    assert mean(losses[BayesianParameterSampling]) < mean(losses[RandomParameterSampling])
    assert mean(losses[BayesianParameterSampling]) < 0.1


@pytest.mark.parametrize("algorithm", ["tpe", pytest.param("gp", marks=pytest.mark.frameworks)])
def test_bayesian_sampling_takes_trials_of_every_kind(algorithm: str) -> None:
    """Those that failed, still run, were stopped, or have logged nothing."""
    if algorithm == "gp":
        pytest.importorskip("torch")
    sampling = BayesianParameterSampling({"x": uniform(-5, 5)}, seed=1, algorithm=algorithm)
    places = [n / 2 for n in range(-10, 11)]
    good = [tried_of({"x": x}, (x - 2) ** 2, is_stopped=x < -2) for x in places]
    others = [
        tried_of({"x": 1.0}, None, has_ended=False),
        tried_of({"x": 0.5}, None, has_ended=False, is_running=True),
        tried_of({"x": 0.0}, None),
    ]
    found = [sampler_of(sampling, MIN).suggest(number, [*good, *others]) for number in range(1, 11)]
    near = [each for each in found if each and abs(float(each["x"] or 0.0) - 2) < 1]
    assert len(near) >= 7


def test_a_sobol_sequence_fills_the_space_evenly() -> None:
    sampling = SobolParameterSampling({"x": uniform(0, 1), "y": uniform(0, 1)}, seed=5)
    points = [each.values for each in search(sampling, 16, lambda _: 0.0)]

    def cell(value: Scalar) -> int:
        return int(float(value or 0) * 4)

    assert {(cell(each["x"]), cell(each["y"])) for each in points} == {
        (i, j) for i in range(4) for j in range(4)
    }
