"""Where the next values of a sweep's hyper-parameters come from.

A sampler keeps nothing that decides: it is asked with the trials that there are, so that one that
is made anew after a kill goes on as the former one would have.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from tandemlab.domain import InvalidInput, MissingDependency
from tandemlab.domain.early_termination import History, PrimaryMetricGoal
from tandemlab.domain.scalars import Scalar
from tandemlab.domain.search_spaces import (
    Choice,
    Expression,
    RandInt,
    SearchSpace,
    Uniform,
    Values,
    key_of_values,
)
from tandemlab.domain.sweeps import BayesianParameterSampling, ParameterSampling

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

_TRIES = 200


@dataclass(frozen=True)
class Tried:
    """A trial that there is, as samplers see it.

    Attributes:
        history: what it has logged of the primary metric.
        has_ended: whether it ran to its end, or was stopped; one that failed has not.
        is_stopped: whether its sweep has ended it.
        is_running: whether it has still to end.
    """

    values: Values
    history: History
    has_ended: bool
    is_stopped: bool = False
    is_running: bool = False


class Sampler(Protocol):
    """What finds the next values."""

    def suggest(self, number: int, tried: Sequence[Tried]) -> Values | None:
        """The values of a trial; None if there are no more.

        Args:
            number: of the trial, from 1 on.
            tried: all trials that there are, also of earlier sweeps.
        """


def sampler_of(sampling: ParameterSampling, goal: PrimaryMetricGoal) -> Sampler:
    """The sampler of a sampling, which has a seed."""
    if isinstance(sampling, BayesianParameterSampling):
        return _Bayesian(sampling, goal)
    kinds: dict[str, Callable[[ParameterSampling], Sampler]] = {
        "random": _Random,
        "grid": _Grid,
        "sobol": _Sobol,
    }
    return kinds[sampling.method](sampling)


def check_packages(sampling: ParameterSampling) -> None:
    """Whether what a sampling needs is installed.

    Raises:
        MissingDependency: it is not.
    """
    needed = {"sobol": ["scipy"], "bayesian": ["optuna"]}.get(sampling.method, [])
    if isinstance(sampling, BayesianParameterSampling) and sampling.algorithm == "gp":
        needed = [*needed, "torch"]
    from importlib.util import find_spec

    for name in needed:
        if find_spec(name) is None:
            package = "PyTorch (the package torch)" if name == "torch" else name
            raise MissingDependency(
                f"{sampling.method} sampling needs {package}, which is not installed.",
                hint="pip install torch, or use the algorithm tpe."
                if name == "torch"
                else "pip install 'tandemlab[sweeps]'",
            )


def _unseen(
    space: SearchSpace, tried: Sequence[Tried], suggestions: Iterator[Values]
) -> Values | None:
    """The first suggestion that is not there yet, or any combination that is not."""
    if not space.is_finite:
        return next(suggestions)
    seen = {key_of_values(each.values) for each in tried}
    for _, values in zip(range(_TRIES), suggestions, strict=False):
        if key_of_values(values) not in seen:
            return values
    return next((each for each in space.grid() if key_of_values(each) not in seen), None)


class _Random:
    def __init__(self, sampling: ParameterSampling) -> None:
        self._space, self._seed = sampling.space, sampling.seed

    def suggest(self, number: int, tried: Sequence[Tried]) -> Values | None:
        return _unseen(self._space, tried, self.draws(number))

    def draws(self, number: int) -> Iterator[Values]:
        """Values of a trial, and others for it if these have been tried."""
        attempt = 0
        while True:
            yield self._space.draw(
                lambda name, n=attempt: random.Random(  # type: ignore[misc]
                    f"{self._seed}/{number}/{n}/{name}"
                ).random()
            )
            attempt += 1


class _Grid:
    def __init__(self, sampling: ParameterSampling) -> None:
        self._combinations = sampling.space.grid()

    def suggest(self, number: int, tried: Sequence[Tried]) -> Values | None:
        seen = {key_of_values(each.values) for each in tried}
        return next((v for v in self._combinations if key_of_values(v) not in seen), None)


class _Sobol:
    def __init__(self, sampling: ParameterSampling) -> None:
        self._space, self._seed = sampling.space, sampling.seed
        self._random = _Random(sampling)

    def suggest(self, number: int, tried: Sequence[Tried]) -> Values | None:
        return _unseen(self._space, tried, self._draws(number))

    def _draws(self, number: int) -> Iterator[Values]:
        names = list(self._space.expressions)
        places = dict(zip(names, self._point(number), strict=True))
        yield self._space.draw(places.__getitem__)
        yield from self._random.draws(number)

    def _point(self, number: int) -> list[float]:
        from scipy.stats import qmc

        engine = qmc.Sobol(len(self._space.expressions), scramble=True, seed=self._seed)
        if number > 1:
            engine.fast_forward(number - 1)
        return [float(place) for place in engine.random(1)[0]]


class _Bayesian:
    """Optuna's samplers, on a study that is put together anew for each question."""

    def __init__(self, sampling: BayesianParameterSampling, goal: PrimaryMetricGoal) -> None:
        self._sampling, self._goal = sampling, goal
        self._space = sampling.space
        self._random = _Random(sampling)

    def suggest(self, number: int, tried: Sequence[Tried]) -> Values | None:
        return _unseen(self._space, tried, self._draws(number, tried))

    def _draws(self, number: int, tried: Sequence[Tried]) -> Iterator[Values]:
        study = study_of(self._space, self._goal, tried, self._sampler(number))
        for _ in range(_TRIES // 20):
            asked = study.ask()
            yield self._space.in_turn(
                lambda name, expression, asked=asked: _Dimension(expression).ask(  # type: ignore[misc]
                    name, asked
                )
            )
        yield from self._random.draws(number)

    def _sampler(self, number: int) -> BaseSampler:
        from optuna.samplers import GPSampler, TPESampler

        seed = random.Random(f"{self._sampling.seed}/{number}").randrange(2**31)
        if self._sampling.algorithm == "gp":
            return GPSampler(seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `group` may change some day
            return TPESampler(seed=seed, constant_liar=True, multivariate=True, group=True)


class _Dimension:
    """An expression as Optuna has it.

    Options, and multiples of a step, are known by their number; what Optuna has no form for is a
    place between 0 and 1.
    """

    def __init__(self, expression: Expression) -> None:
        self._expression = expression
        self._is_numbered = isinstance(expression, Choice) or (
            isinstance(expression, Uniform) and expression.q is not None and not expression.is_log
        )
        self._is_plain = isinstance(expression, RandInt) or (
            isinstance(expression, Uniform) and expression.q is None
        )

    @cached_property
    def distribution(self) -> BaseDistribution:
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        found = self._expression
        if isinstance(found, Choice):
            return CategoricalDistribution(range(found.count))
        if isinstance(found, RandInt):
            return IntDistribution(found.lower, found.upper - 1)
        if isinstance(found, Uniform) and self._is_plain:
            return FloatDistribution(found.min_value, found.max_value, log=found.is_log)
        if self._is_numbered:
            return IntDistribution(0, (found.count or 1) - 1)
        return FloatDistribution(0.0, 1.0)

    def ask(self, name: str, trial: Trial) -> Scalar:
        """A value that Optuna suggests."""
        from optuna.distributions import CategoricalDistribution, IntDistribution

        found, inner = self.distribution, 0.0
        if isinstance(found, CategoricalDistribution):
            inner = trial.suggest_categorical(name, found.choices)  # type: ignore[assignment]
        elif isinstance(found, IntDistribution):
            inner = trial.suggest_int(name, found.low, found.high)
        else:
            inner = trial.suggest_float(name, found.low, found.high, log=found.log)  # type: ignore[attr-defined]
        if self._is_plain:
            return inner
        if self._is_numbered:
            return self._expression.values()[int(inner)]
        return self._expression.value_at(inner)

    def inner_of(self, value: Scalar) -> float | None:
        """What Optuna knows a value by; None if it cannot be one."""
        if self._is_plain:
            return value  # type: ignore[return-value]
        if not self._is_numbered:
            return self._expression.place_of(value)
        keys = [key_of_values({"": each}) for each in self._expression.values()]
        key = key_of_values({"": value})
        return keys.index(key) if key in keys else None


def study_of(
    space: SearchSpace,
    goal: PrimaryMetricGoal,
    tried: Sequence[Tried],
    sampler: BaseSampler | None = None,
    *,
    are_complete: bool = False,
) -> Study:
    """What has been tried, as a study of Optuna's in memory.

    Args:
        are_complete: whether trials that were stopped count as those that were not.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=goal.value, sampler=sampler)
    study.add_trials(
        [
            each
            for one in tried
            if (each := _frozen(space, replace(one, is_stopped=False) if are_complete else one))
            is not None
        ]
    )
    return study


def _frozen(space: SearchSpace, tried: Tried) -> FrozenTrial | None:
    from optuna.trial import TrialState, create_trial

    best = tried.history.best
    if tried.is_running:
        state, value = TrialState.RUNNING, None
    elif not tried.has_ended or best is None:
        return None
    else:
        state = TrialState.PRUNED if tried.is_stopped else TrialState.COMPLETE
        value = best
    dimensions = {name: _Dimension(space.expressions[name]) for name in tried.values}
    params = {name: each.inner_of(tried.values[name]) for name, each in dimensions.items()}
    if None in params.values():
        return None
    steps = {} if tried.is_running or best is None else {len(tried.history): best}
    try:
        return create_trial(
            state=state,
            value=value,
            params=params,
            distributions={name: each.distribution for name, each in dimensions.items()},
            intermediate_values=steps,
        )
    except ValueError as problem:
        raise InvalidInput(f"Optuna does not take a trial: {problem}.") from None
