"""Early termination: whether a trial of a sweep is worth going on with.

Each policy is arithmetic over what trials have logged. An interval is one logged value of the
primary metric. A trial is judged when it reaches an interval that its policy looks at, against
what the others had logged by then, so that the verdict does not depend on when somebody looks.
Values that are no finite numbers count as intervals, and as nothing else.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from statistics import median
from typing import Any, ClassVar

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.pipeline_places import has_open_fields
from tandemlab.domain.scalars import Scalar, as_number, as_whole
from tandemlab.domain.schemas import nearest


class PrimaryMetricGoal(str, Enum):
    """Whether the primary metric should become large or small."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"

    def __str__(self) -> str:
        return self.value

    @classmethod
    def of(cls, value: object) -> PrimaryMetricGoal:
        """The goal of a word in any case.

        Raises:
            InvalidInput: another word.

        >>> PrimaryMetricGoal.of("MAXIMIZE").value
        'maximize'
        """
        try:
            return cls(str(value).lower().removeprefix("primarymetricgoal."))
        except ValueError:
            raise InvalidInput(
                f"primary_metric_goal is 'maximize' or 'minimize', not {value!r}."
            ) from None

    def is_better(self, one: float, other: float) -> bool:
        """Whether a value is better than another."""
        return one > other if self is PrimaryMetricGoal.MAXIMIZE else one < other

    def best(self, values: Sequence[float]) -> float:
        """The best of some values."""
        return max(values) if self is PrimaryMetricGoal.MAXIMIZE else min(values)


class History:
    """What a trial has logged of the primary metric, with the best and the mean up to each value.

    Args:
        values: in the order in which they were logged.
        times: when each was logged, in microseconds.

    >>> history = History(PrimaryMetricGoal.MAXIMIZE, [0.5, 0.75, float("nan")], [1, 2, 3])
    >>> history.best_at(3), history.mean_at(2), history.count_by(2)
    (0.75, 0.625, 2)
    """

    def __init__(
        self, goal: PrimaryMetricGoal, values: Sequence[Scalar] = (), times: Sequence[int] = ()
    ) -> None:
        self._goal = goal
        self.times: list[int] = []
        self.values: list[float | None] = []
        self._best: list[float | None] = []
        self._sums: list[tuple[float, int]] = []
        for value, time in zip(values, times, strict=True):
            self._add(_finite(value), time)

    def _add(self, value: float | None, time: int) -> None:
        best = self._best[-1] if self._best else None
        total, count = self._sums[-1] if self._sums else (0.0, 0)
        if value is not None:
            if best is None or self._goal.is_better(value, best):
                best = value
            total, count = total + value, count + 1
        self.values.append(value)
        self.times.append(max(time, self.times[-1]) if self.times else time)
        self._best.append(best)
        self._sums.append((total, count))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def best(self) -> float | None:
        """The best finite value; None if there is none."""
        return self._best[-1] if self._best else None

    def best_at(self, interval: int) -> float | None:
        """The best of the first values; None if none of them is finite."""
        return self._best[min(interval, len(self)) - 1] if self and interval > 0 else None

    def mean_at(self, interval: int) -> float | None:
        """The mean of the first values; None if none of them is finite."""
        total, count = self._sums[min(interval, len(self)) - 1] if self else (0.0, 0)
        return total / count if count else None

    def count_by(self, time: int) -> int:
        """How many values were there at a time."""
        return bisect_right(self.times, time)


@dataclass(frozen=True)
class TerminationPolicy:
    """What all policies have in common.

    Attributes:
        evaluation_interval: a trial is judged at each multiple of so many logged values.
        delay_evaluation: the first of these that counts is not before so many values.
    """

    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not has_open_fields(self):
            self._check()

    def _check(self) -> None:
        """Refuse settings that it cannot have, once no parameter of a pipeline stands there."""

    def intervals(self, count: int, since: int = 0) -> Iterator[int]:
        """The intervals after `since` that a trial with so many values is judged at."""
        raise NotImplementedError

    def verdict(
        self, interval: int, trial: History, others: Sequence[History], goal: PrimaryMetricGoal
    ) -> str | None:
        """Why a trial is not worth going on with at an interval; None if it is.

        Args:
            others: all other trials, also those that have ended.
        """
        raise NotImplementedError

    def reason_to_stop(
        self,
        trial: History,
        others: Sequence[History],
        goal: PrimaryMetricGoal,
        since: int = 0,
    ) -> str | None:
        """The first verdict against a trial at an interval after `since`; None if there is none."""
        for interval in self.intervals(len(trial), since):
            if reason := self.verdict(interval, trial, others, goal):
                return f"{self.name} at value {interval}: {reason}"
        return None

    def to_dict(self) -> dict[str, Any]:
        """The policy as documents have it, without what is as usual."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        usual = {each.name: each.default for each in fields(self)}
        return {self.name: {key: v for key, v in found.items() if v != usual[key]}}


@dataclass(frozen=True)
class NoTerminationPolicy(TerminationPolicy):
    """Every trial goes on to its end."""

    name: ClassVar[str] = "none"

    def intervals(self, count: int, since: int = 0) -> Iterator[int]:
        return iter(())


@dataclass(frozen=True)
class _Regular(TerminationPolicy):
    """A policy that looks at every so many values."""

    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def _check(self) -> None:
        _check_count(self, "evaluation_interval", 1)
        _check_count(self, "delay_evaluation", 0)

    def intervals(self, count: int, since: int = 0) -> Iterator[int]:
        step = self.evaluation_interval
        first = max(since // step + 1, -(-self.delay_evaluation // step), 1) * step
        return iter(range(first, count + 1, step))


@dataclass(frozen=True)
class BanditPolicy(_Regular):
    """Ends trials whose best value is not within a slack of the best of all at that interval.

    With a factor, and a goal to maximize, a trial ends whose best is below best / (1 + factor);
    to minimize, above best * (1 + factor). With an amount: farther from the best than that. For a
    best below 0, multiplying and dividing change places, so that a slack is always one.

    Attributes:
        slack_factor: allowed ratio, above 0.
        slack_amount: allowed difference, above 0, in the metric's own unit.

    Raises:
        InvalidInput: not one of factor and amount, or a number that is not above 0.

    >>> policy = BanditPolicy(slack_factor=0.25)
    >>> policy.bound(0.8, PrimaryMetricGoal.MAXIMIZE)
    0.64
    """

    name: ClassVar[str] = "bandit"
    slack_factor: float | None = None
    slack_amount: float | None = None

    def _check(self) -> None:
        super()._check()
        if (self.slack_factor is None) is (self.slack_amount is None):
            raise InvalidInput(
                "A bandit policy has either slack_factor or slack_amount.",
                hint="BanditPolicy(slack_factor=0.1)",
            )
        for key in ("slack_factor", "slack_amount"):
            value = getattr(self, key)
            number = as_number(value)
            if value is not None and (number is None or number <= 0):
                raise InvalidInput(f"{key} must be a number above 0, not {value!r}.")
            object.__setattr__(self, key, number)

    def bound(self, best: float, goal: PrimaryMetricGoal) -> float:
        """The worst value that is still tolerated, in the metric's own unit."""
        is_max = goal is PrimaryMetricGoal.MAXIMIZE
        if self.slack_amount is not None:
            return best - self.slack_amount if is_max else best + self.slack_amount
        ratio = 1 + (self.slack_factor or 0)
        return best / ratio if is_max is (best >= 0) else best * ratio

    def verdict(
        self, interval: int, trial: History, others: Sequence[History], goal: PrimaryMetricGoal
    ) -> str | None:
        time = trial.times[interval - 1]
        found = [each.best_at(min(interval, each.count_by(time))) for each in others]
        bests = [each for each in found if each is not None]
        own = trial.best_at(interval)
        if not bests:
            return None
        bound = self.bound(goal.best(bests), goal)
        if own is None or goal.is_better(bound, own):
            return f"{_text(own)} is not within the slack, {_text(bound)}"
        return None


@dataclass(frozen=True)
class MedianStoppingPolicy(_Regular):
    """Ends trials whose best value is worse than the median of the means of all trials.

    The mean of a trial is that of its values up to the interval; trials that have not come so far
    take no part. Source: Golovin et al., Google Vizier (2017), section 3.2.2.
    """

    name: ClassVar[str] = "median_stopping"

    def verdict(
        self, interval: int, trial: History, others: Sequence[History], goal: PrimaryMetricGoal
    ) -> str | None:
        peers = [trial, *_that_came_so_far(interval, trial, others)]
        means = [mean for each in peers if (mean := each.mean_at(interval)) is not None]
        own = trial.best_at(interval)
        if not means:
            return None
        middle = median(means)
        if own is None or goal.is_better(middle, own):
            return f"{_text(own)} is worse than the median of means, {_text(middle)}"
        return None


@dataclass(frozen=True)
class TruncationSelectionPolicy(_Regular):
    """Ends, at each interval, the given share of the trials that have reached it.

    Attributes:
        truncation_percentage: how many of a hundred, the worst, end; 1 to 99.
    """

    name: ClassVar[str] = "truncation_selection"
    truncation_percentage: int = 0

    def __init__(
        self,
        truncation_percentage: int,
        evaluation_interval: int = 1,
        delay_evaluation: int = 0,
    ) -> None:
        object.__setattr__(self, "truncation_percentage", truncation_percentage)
        object.__setattr__(self, "evaluation_interval", evaluation_interval)
        object.__setattr__(self, "delay_evaluation", delay_evaluation)
        self.__post_init__()

    def _check(self) -> None:
        super()._check()
        _check_count(self, "truncation_percentage", 1)
        if self.truncation_percentage > 99:
            raise InvalidInput(
                f"truncation_percentage is from 1 to 99, not {self.truncation_percentage}."
            )

    def verdict(
        self, interval: int, trial: History, others: Sequence[History], goal: PrimaryMetricGoal
    ) -> str | None:
        better, count = _standing(interval, trial, others, goal)
        kept = count - count * self.truncation_percentage // 100
        if better >= kept:
            own = _text(trial.best_at(interval))
            return f"{own} is place {better + 1} of {count}, and {kept} go on"
        return None


@dataclass(frozen=True)
class ASHAPolicy(TerminationPolicy):
    """Asynchronous successive halving: at each rung only the best of those that reach it go on.

    Rungs are at ``min_resource * reduction_factor ** k`` logged values, k = 0, 1, 2 … One in
    `reduction_factor` goes on; while fewer than that have reached a rung, the best of them.
    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning (2020), in the form
    that ends trials rather than pausing them.

    Attributes:
        reduction_factor: at least 2.
        min_resource: values that every trial may log, at least 1.

    >>> list(ASHAPolicy(reduction_factor=3).intervals(30))
    [1, 3, 9, 27]
    """

    name: ClassVar[str] = "asha"
    reduction_factor: int = 3
    min_resource: int = 1

    def _check(self) -> None:
        _check_count(self, "reduction_factor", 2)
        _check_count(self, "min_resource", 1)

    def intervals(self, count: int, since: int = 0) -> Iterator[int]:
        rung = self.min_resource
        while rung <= count:
            if rung > since:
                yield rung
            rung *= self.reduction_factor

    def verdict(
        self, interval: int, trial: History, others: Sequence[History], goal: PrimaryMetricGoal
    ) -> str | None:
        better, count = _standing(interval, trial, others, goal)
        kept = max(1, count // self.reduction_factor)
        if better >= kept:
            own = _text(trial.best_at(interval))
            return f"{own} is place {better + 1} of {count} at the rung, and {kept} go on"
        return None


POLICIES: dict[str, type[TerminationPolicy]] = {
    kind.name: kind
    for kind in (
        NoTerminationPolicy,
        BanditPolicy,
        MedianStoppingPolicy,
        TruncationSelectionPolicy,
        ASHAPolicy,
    )
}


def policy_of(content: Mapping[str, Any]) -> TerminationPolicy:
    """The policy of a document: its name, with its settings.

    Raises:
        InvalidInput: no such policy, or settings that it cannot have.

    >>> policy_of({"bandit": {"slack_factor": 0.1}}).to_dict()
    {'bandit': {'slack_factor': 0.1}}
    """
    if len(content) != 1:
        raise InvalidInput(f"A policy is one of {', '.join(POLICIES)}.")
    ((name, settings),) = content.items()
    if name not in POLICIES:
        meant = nearest(name, POLICIES)
        raise InvalidInput(
            f"There is no policy {name!r}.",
            hint=f"Did you mean {meant!r}?" if meant else f"There are {', '.join(POLICIES)}.",
        )
    try:
        return POLICIES[name](**(settings or {}))
    except TypeError as problem:
        raise InvalidInput(f"The policy {name!r} cannot be used: {problem}.") from None


def _that_came_so_far(interval: int, trial: History, others: Sequence[History]) -> list[History]:
    """The others that had reached an interval when the trial did."""
    time = trial.times[interval - 1]
    return [each for each in others if each.count_by(time) >= interval]


def _standing(
    interval: int, trial: History, others: Sequence[History], goal: PrimaryMetricGoal
) -> tuple[int, int]:
    """How many are better at an interval, and how many have reached it, the trial included."""
    own = trial.best_at(interval)
    found = [each.best_at(interval) for each in _that_came_so_far(interval, trial, others)]
    better = sum(each is not None and (own is None or goal.is_better(each, own)) for each in found)
    return better, len(found) + 1


def _check_count(policy: TerminationPolicy, name: str, least: int) -> None:
    value = getattr(policy, name)
    whole = as_whole(value)
    if whole is None or whole < least:
        raise InvalidInput(f"{name} must be a whole number from {least} on, not {value!r}.")
    object.__setattr__(policy, name, whole)


def _finite(value: object) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def _text(value: float | None) -> str:
    return "no finite value" if value is None else f"{value:.6g}"
