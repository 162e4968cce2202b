"""What is tried: an ordered list of configurations, and changes of those that did well."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from tandemlab.automl.metrics import CLASSIFICATION, REGRESSION
from tandemlab.domain import InvalidInput
from tandemlab.domain.schemas import nearest

_BOTH = (CLASSIFICATION, REGRESSION)


@dataclass(frozen=True, slots=True)
class Range:
    """Values of a parameter between two bounds.

    Attributes:
        is_log: whether ratios count rather than differences.
    """

    low: float
    high: float
    is_log: bool = False
    is_whole: bool = False

    def draw(self, source: random.Random) -> float | int:
        """Any of them."""
        low, high = self._ends()
        return self._value(source.uniform(low, high))

    def near(self, value: float, source: random.Random) -> float | int:
        """One near a value."""
        low, high = self._ends()
        middle = math.log(value) if self.is_log else float(value)
        moved = middle + source.gauss(0, 0.2) * (high - low)
        return self._value(min(high, max(low, moved)))

    def _ends(self) -> tuple[float, float]:
        return (math.log(self.low), math.log(self.high)) if self.is_log else (self.low, self.high)

    def _value(self, place: float) -> float | int:
        value = math.exp(place) if self.is_log else place
        return round(value) if self.is_whole else float(f"{value:.4g}")


@dataclass(frozen=True, slots=True)
class Choice:
    """Values of a parameter that have no order."""

    values: Sequence[Any]

    def draw(self, source: random.Random) -> Any:
        """Any of them."""
        return source.choice(self.values)

    def near(self, value: Any, source: random.Random) -> Any:
        """Any of them."""
        return source.choice(self.values)


Space = Mapping[str, Range | Choice]


@dataclass(frozen=True)
class Family:
    """A kind of model, with what may be changed of it.

    Attributes:
        library: package that it needs.
        space: what mutations change.
        starts: configurations of the portfolio.
        most_rows: more rows than that are sampled before it is trained.
        row_cost: how many times as long as boosting it takes for a row.
        most_columns: with more features than that it is not tried.
        can_stop: whether it can be stopped at any time and be of use.
        takes_weights: whether rows can count more or less; else it is not tried where they do.
    """

    name: str
    library: str
    space: Space
    starts: Sequence[Mapping[str, Any]]
    tasks: Sequence[str] = _BOTH
    most_rows: int = 10_000_000
    row_cost: float = 1.0
    most_columns: int = 100_000
    can_stop: bool = True
    takes_weights: bool = True

    @property
    def is_installed(self) -> bool:
        """Whether its library is here."""
        return find_spec(self.library) is not None

    def mutate(self, parameters: Mapping[str, Any], source: random.Random) -> dict[str, Any]:
        """Parameters with some of them changed, now and then all of them."""
        names = sorted(self.space)
        afresh = source.random() < 0.2
        count = len(names) if afresh else max(1, round(len(names) * source.uniform(0.2, 0.6)))
        changed = dict(parameters)
        for name in source.sample(names, count):
            space = self.space[name]
            if afresh or name not in parameters or parameters[name] is None:
                changed[name] = space.draw(source)
            else:
                changed[name] = space.near(parameters[name], source)
        return changed


FAMILIES: dict[str, Family] = {
    each.name: each
    for each in (
        Family(
            "LightGBM",
            "lightgbm",
            {
                "learning_rate": Range(0.015, 0.2, is_log=True),
                "num_leaves": Range(4, 128, is_log=True, is_whole=True),
                "min_data_in_leaf": Range(2, 100, is_log=True, is_whole=True),
                "feature_fraction": Range(0.3, 1.0),
                "bagging_fraction": Range(0.5, 1.0),
                "lambda_l2": Range(0.001, 30, is_log=True),
                "extra_trees": Choice([False, True]),
                "cat_smooth": Range(1, 100, is_log=True),
            },
            [
                {"learning_rate": 0.1, "num_leaves": 31},
                {"learning_rate": 0.05, "num_leaves": 31, "extra_trees": True},
                {
                    "learning_rate": 0.03,
                    "num_leaves": 12,
                    "min_data_in_leaf": 10,
                    "feature_fraction": 0.6,
                    "bagging_fraction": 0.8,
                    "lambda_l2": 3.0,
                },
                {
                    "learning_rate": 0.04,
                    "num_leaves": 96,
                    "min_data_in_leaf": 5,
                    "feature_fraction": 0.8,
                },
            ],
        ),
        Family(
            "Linear",
            "sklearn",
            {"C": Range(1e-4, 100, is_log=True)},
            [{"C": 0.5}, {"C": 0.02}],
            most_rows=200_000,
            can_stop=False,
        ),
        Family(
            "ExtraTrees",
            "sklearn",
            {
                "max_features": Range(0.2, 1.0),
                "min_samples_leaf": Range(1, 20, is_log=True, is_whole=True),
                "criterion": Choice(["gini", "entropy"]),
            },
            [
                {"n_estimators": 100, "max_features": 0.6, "min_samples_leaf": 2},
                {
                    "n_estimators": 100,
                    "max_features": 0.8,
                    "min_samples_leaf": 8,
                    "criterion": "entropy",
                },
            ],
            most_rows=200_000,
            row_cost=4.0,
        ),
        Family(
            "CatBoost",
            "catboost",
            {
                "learning_rate": Range(0.02, 0.2, is_log=True),
                "depth": Range(3, 8, is_whole=True),
                "l2_leaf_reg": Range(1, 30, is_log=True),
                "random_strength": Range(0.1, 5, is_log=True),
                "max_ctr_complexity": Range(1, 3, is_whole=True),
            },
            [
                {"learning_rate": 0.08, "depth": 6},
                {"learning_rate": 0.06, "depth": 4, "l2_leaf_reg": 6.0},
            ],
        ),
        Family(
            "XGBoost",
            "xgboost",
            {
                "learning_rate": Range(0.02, 0.2, is_log=True),
                "max_depth": Range(2, 9, is_whole=True),
                "min_child_weight": Range(0.5, 30, is_log=True),
                "subsample": Range(0.5, 1.0),
                "colsample_bytree": Range(0.3, 1.0),
                "reg_lambda": Range(0.01, 30, is_log=True),
            },
            [
                {
                    "learning_rate": 0.07,
                    "max_depth": 6,
                    "subsample": 0.85,
                    "colsample_bytree": 0.8,
                },
                {
                    "learning_rate": 0.05,
                    "max_depth": 3,
                    "subsample": 0.8,
                    "colsample_bytree": 0.6,
                    "reg_lambda": 3.0,
                },
            ],
        ),
        Family(
            "NeuralNetwork",
            "sklearn",
            {
                "width": Range(16, 256, is_log=True, is_whole=True),
                "depth": Range(1, 3, is_whole=True),
                "alpha": Range(1e-5, 1.0, is_log=True),
                "learning_rate_init": Range(3e-4, 1e-2, is_log=True),
                "activation": Choice(["relu", "tanh"]),
            },
            [
                {
                    "width": 96,
                    "depth": 2,
                    "alpha": 0.001,
                    "learning_rate_init": 0.002,
                    "epochs": 150,
                },
                {
                    "width": 48,
                    "depth": 1,
                    "alpha": 0.1,
                    "learning_rate_init": 0.004,
                    "activation": "tanh",
                    "epochs": 150,
                },
            ],
            most_rows=300_000,
            most_columns=3000,
        ),
        Family(
            "RandomForest",
            "sklearn",
            {
                "max_features": Range(0.2, 1.0),
                "min_samples_leaf": Range(1, 20, is_log=True, is_whole=True),
                "criterion": Choice(["gini", "entropy"]),
            },
            [{"n_estimators": 100, "max_features": 0.4, "min_samples_leaf": 4}],
            most_rows=200_000,
            row_cost=4.0,
        ),
        Family(
            "HistGradientBoosting",
            "sklearn",
            {
                "learning_rate": Range(0.02, 0.3, is_log=True),
                "max_leaf_nodes": Range(4, 64, is_log=True, is_whole=True),
                "min_samples_leaf": Range(3, 60, is_log=True, is_whole=True),
                "l2_regularization": Range(1e-3, 30, is_log=True),
            },
            [{"learning_rate": 0.08, "max_leaf_nodes": 15}],
        ),
        Family(
            "NearestNeighbors",
            "sklearn",
            {
                "n_neighbors": Range(3, 60, is_log=True, is_whole=True),
                "weights": Choice(["distance", "uniform"]),
            },
            [{"n_neighbors": 25, "weights": "distance"}],
            most_rows=50_000,
            most_columns=500,
            can_stop=False,
            takes_weights=False,
        ),
        Family(
            "ElasticNet",
            "sklearn",
            {},
            [{}],
            tasks=(REGRESSION,),
            most_rows=100_000,
            most_columns=1000,
            can_stop=False,
        ),
    )
}
MODELS = tuple(FAMILIES)


def chosen_families(
    task: str,
    allowed: Sequence[str] | None,
    blocked: Sequence[str],
    columns: int = 0,
    *,
    is_weighted: bool = False,
) -> list[Family]:
    """The families that are tried for a task, in order.

    Args:
        columns: features of the matrix.
        is_weighted: whether rows have weights.

    Raises:
        InvalidInput: there is none.
    """
    found = [
        family
        for family in FAMILIES.values()
        if task in family.tasks
        and (allowed is None or family.name in allowed)
        and family.name not in blocked
        and (family.takes_weights or not is_weighted)
        and family.is_installed
    ]
    fitting = [family for family in found if columns <= family.most_columns]
    if not found:
        raise InvalidInput(
            f"No model is left to be tried for {task}.",
            hint="Allow more models, block fewer, or install their packages: "
            "pip install 'tandemlab[automl]'.",
        )
    return fitting or found


def check_models(names: Sequence[str] | None, what: str) -> None:
    """Refuse names of models that there are not.

    Raises:
        InvalidInput: one of them.
    """
    for name in names or ():
        if name not in FAMILIES:
            meant = nearest(name, MODELS)
            raise InvalidInput(
                f"{name!r} in {what} is no model.",
                hint=f"Did you mean {meant!r}?" if meant else f"Known are {', '.join(MODELS)}.",
            )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A configuration to try."""

    algorithm: str
    parameters: Mapping[str, Any]
    origin: str = "portfolio"


def _few_of_each(ranked: Sequence[Proposal]) -> list[Proposal]:
    """Without those behind the best of their family: different models make good ensembles."""
    counts: dict[str, int] = {}
    found = []
    for each in ranked:
        counts[each.algorithm] = counts.get(each.algorithm, 0) + 1
        if counts[each.algorithm] <= _MOST_PARENTS:
            found.append(each)
    return found


_MOST_PARENTS = 3  # of a family, that changes are made of
_LEAVES = {"LightGBM": "min_data_in_leaf", "HistGradientBoosting": "min_samples_leaf"}
_USUAL_LEAF = 20  # rows, of both libraries
_ORDER = (
    ("Linear", 0),
    ("LightGBM", 0),
    ("ExtraTrees", 0),
    ("NeuralNetwork", 1),
    ("CatBoost", 0),
    ("XGBoost", 1),
    ("ElasticNet", 0),
    ("NearestNeighbors", 0),
    ("RandomForest", 0),
    ("HistGradientBoosting", 0),
    ("LightGBM", 2),
    ("CatBoost", 1),
    ("LightGBM", 1),
    ("XGBoost", 0),
    ("Linear", 1),
    ("NeuralNetwork", 0),
    ("LightGBM", 3),
    ("ExtraTrees", 1),
)


def portfolio_of(families: Sequence[Family], rows: int) -> list[Proposal]:
    """What is tried first: one of each family, cheap ones that do well first; then others."""
    known = {family.name: family for family in families}
    return [
        Proposal(name, _fitting_leaves(name, known[name].starts[at], rows))
        for name, at in _ORDER
        if name in known
    ]


def _fitting_leaves(name: str, parameters: Mapping[str, Any], rows: int) -> Mapping[str, Any]:
    """Smaller leaves where few rows would not make two of the usual size worth having."""
    leaf = max(2, rows // 20)
    if name not in _LEAVES or leaf >= _USUAL_LEAF:
        return parameters
    return {_LEAVES[name]: leaf, **parameters}


def mutation(
    ranked: Sequence[Proposal], source: random.Random, known: Callable[[Proposal], bool]
) -> Proposal | None:
    """A change of a configuration that did well; None if nothing new was found.

    Args:
        ranked: what was tried, the best first.
        known: whether a configuration was tried already.
    """
    able = [each for each in _few_of_each(ranked) if FAMILIES[each.algorithm].space]
    for _ in range(20):
        if not able:
            return None
        place = min(int(source.expovariate(0.35)), len(able) - 1)
        parent = able[place]
        changed = FAMILIES[parent.algorithm].mutate(parent.parameters, source)
        found = Proposal(parent.algorithm, changed, "mutation")
        if not known(found):
            return found
    return None
