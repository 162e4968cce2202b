"""Sweeps as plain data: what is searched, by which rules, and what the run of a sweep keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from tandemlab.domain.early_termination import (
    NoTerminationPolicy,
    PrimaryMetricGoal,
    TerminationPolicy,
    policy_of,
)
from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.names import check_metric_name
from tandemlab.domain.pipeline_places import has_places, is_place
from tandemlab.domain.scalars import Scalar, as_number, as_whole
from tandemlab.domain.schemas import nearest, unknown_name
from tandemlab.domain.search_spaces import Expression, SearchSpace, Values, plain_name
from tandemlab.domain.shell_lines import fill_line, value_in

STOPPED = "stopped"
"""The property of a trial that its sweep has ended: why."""

TRIAL = "trial"
"""The property of a trial: its number."""

MOST_TRIALS = 10_000
WEEK = 7 * 24 * 60
GRACE = 30.0
_PLACE = re.compile(r"\$\{hyperparameters\.([^{}]*)\}")


@dataclass(frozen=True)
class ParameterSampling:
    """How the next values of hyper-parameters are found.

    Attributes:
        parameter_space: search expressions by name.
        seed: the same seed, and the same results of trials so far, give the same values; None for
            one that is drawn when the sweep is submitted.
    """

    method: ClassVar[str] = ""
    parameter_space: Mapping[str, Expression]
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.seed is not None and not is_place(self.seed):
            seed = as_whole(self.seed)
            if seed is None or not 0 <= seed < 2**31:
                raise InvalidInput(
                    f"A seed is a whole number from 0 to 2^31 - 1, not {self.seed!r}."
                )
            object.__setattr__(self, "seed", seed)
        _ = self.space

    @property
    def space(self) -> SearchSpace:
        """The space, checked."""
        return SearchSpace(self.parameter_space)

    def to_dict(self) -> dict[str, Any]:
        """The sampling as documents have it, without what is as usual."""
        found: dict[str, Any] = {"method": self.method}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name != "parameter_space" and value != each.default:
                found[each.name] = value
        return {**found, "parameter_space": self.space.to_dict()}


@dataclass(frozen=True)
class RandomParameterSampling(ParameterSampling):
    """Values at random; no combination comes twice."""

    method: ClassVar[str] = "random"


@dataclass(frozen=True)
class GridParameterSampling(ParameterSampling):
    """Every combination of values, for hyper-parameters that have only so many.

    Raises:
        InvalidInput: one has no end of values.
    """

    method: ClassVar[str] = "grid"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, each in self.parameter_space.items():
            if not each.is_open and each.count is None:
                raise InvalidInput(
                    f"A grid needs values that can be counted, and {name!r} is a {each.name}().",
                    hint="Use choice(), randint() or quniform() there, or another sampling.",
                    details={"name": name},
                )


@dataclass(frozen=True)
class SobolParameterSampling(ParameterSampling):
    """Values that cover the space more evenly than random ones: a scrambled Sobol sequence."""

    method: ClassVar[str] = "sobol"


@dataclass(frozen=True)
class BayesianParameterSampling(ParameterSampling):
    """Values that the results of earlier trials make promising, found by Optuna.

    Attributes:
        algorithm: ``tpe`` (tree-structured Parzen estimator) or ``gp`` (Gaussian process, which
            needs PyTorch and serves small numbers of trials).
    """

    method: ClassVar[str] = "bayesian"
    algorithm: str = "tpe"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.algorithm not in ("tpe", "gp"):
            raise InvalidInput(f"The algorithm is 'tpe' or 'gp', not {self.algorithm!r}.")


SAMPLINGS: dict[str, type[ParameterSampling]] = {
    kind.method: kind
    for kind in (
        RandomParameterSampling,
        GridParameterSampling,
        BayesianParameterSampling,
        SobolParameterSampling,
    )
}


def sampling_of(content: Mapping[str, Any]) -> ParameterSampling:
    """The sampling of a document that conforms to the schema.

    Raises:
        InvalidInput: no such method, or settings that it does not have.
    """
    settings = dict(content)
    method = settings.pop("method")
    if method not in SAMPLINGS:
        raise InvalidInput(f"{unknown_name('sampling method', str(method), SAMPLINGS)}.")
    space = SearchSpace.of(settings.pop("parameter_space"))
    known = {each.name for each in fields(SAMPLINGS[method])}
    if unknown := sorted(set(settings) - known):
        raise InvalidInput(f"{method} sampling has no {', '.join(unknown)}.")
    return SAMPLINGS[method](space.expressions, **settings)


@dataclass(frozen=True)
class SweepSettings:
    """What a sweep searches for, and how far it goes.

    Attributes:
        primary_metric_name: the metric that trials log.
        max_total_runs: trials in all; None for as many as a grid, or another finite space, has.
        max_concurrent_runs: trials at once; None for as many as the target has room for.
        max_duration_minutes: after so long no trial begins, and those that run are stopped.
        stop_grace_seconds: how long a trial that is stopped may take to end by itself.

    Raises:
        InvalidInput: a number that it cannot be, or no end.
    """

    sampling: ParameterSampling
    primary_metric_name: str
    primary_metric_goal: PrimaryMetricGoal
    max_total_runs: int | None = None
    max_concurrent_runs: int | None = None
    max_duration_minutes: float = WEEK
    policy: TerminationPolicy = field(default_factory=NoTerminationPolicy)
    stop_grace_seconds: float = GRACE

    def __post_init__(self) -> None:
        check_metric_name(self.primary_metric_name)
        if self.is_open:
            return
        for name in ("max_total_runs", "max_concurrent_runs"):
            value = getattr(self, name)
            whole = as_whole(value)
            if value is not None and (whole is None or not 1 <= whole <= MOST_TRIALS):
                raise InvalidInput(
                    f"{name} must be a whole number from 1 to {MOST_TRIALS}, not {value!r}."
                )
            object.__setattr__(self, name, whole)
        minutes = as_number(self.max_duration_minutes)
        if minutes is None or minutes <= 0:
            raise InvalidInput(
                "max_duration_minutes must be a finite number above 0, not "
                f"{self.max_duration_minutes!r}."
            )
        grace = as_number(self.stop_grace_seconds)
        if grace is None or grace < 0:
            raise InvalidInput(
                "stop_grace_seconds must be a finite number, at least 0, not "
                f"{self.stop_grace_seconds!r}."
            )
        object.__setattr__(self, "max_duration_minutes", minutes)
        object.__setattr__(self, "stop_grace_seconds", grace)
        if self.max_total_runs is None and not self.sampling.space.is_finite:
            raise InvalidInput(
                "Nothing says how many trials there are to be.", hint="Give max_total_runs."
            )

    @property
    def is_open(self) -> bool:
        """Whether they wait for values of parameters of a pipeline."""
        return has_places(self.to_dict())

    @property
    def total(self) -> int:
        """How many trials there are to be at most."""
        most = self.max_total_runs or MOST_TRIALS
        found = self.sampling.space.count(most)
        return most if found is None else found

    def to_dict(self) -> dict[str, Any]:
        """The settings as documents have them, without what is as usual."""
        found: dict[str, Any] = {
            "hyperparameter_sampling": self.sampling.to_dict(),
            "primary_metric_name": self.primary_metric_name,
            "primary_metric_goal": self.primary_metric_goal.value,
            "max_total_runs": self.max_total_runs,
            "max_concurrent_runs": self.max_concurrent_runs,
        }
        if self.max_duration_minutes != WEEK:
            found["max_duration_minutes"] = self.max_duration_minutes
        if self.stop_grace_seconds != GRACE:
            found["stop_grace_seconds"] = self.stop_grace_seconds
        if not isinstance(self.policy, NoTerminationPolicy):
            found["policy"] = self.policy.to_dict()
        return {key: value for key, value in found.items() if value is not None}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> SweepSettings:
        """The settings of a document that conforms to the schema.

        Raises:
            InvalidInput: they cannot be used.
        """
        settings = dict(content)
        policy = settings.pop("policy", None)
        return cls(
            sampling_of(settings.pop("hyperparameter_sampling")),
            primary_metric_goal=PrimaryMetricGoal.of(settings.pop("primary_metric_goal")),
            policy=NoTerminationPolicy() if policy is None else policy_of(policy),
            **settings,
        )


@dataclass(frozen=True)
class PlannedTrial:
    """A trial that is ready to become a run, but for its hyper-parameters.

    Attributes:
        definition: of the run.
        snapshot: of its source.
        target: where it runs.
        params: of the run, beside the hyper-parameters.
    """

    definition: Mapping[str, Any]
    snapshot: str | None
    target: str
    params: Mapping[str, Any]

    def with_values(
        self, values: Values, write: Callable[[Any], list[str]]
    ) -> tuple[dict[str, Any], dict[str, Scalar]]:
        """The definition and the parameters of the run of a trial.

        Values fill ``${hyperparameters.NAME}`` where that stands in the command; the others
        become arguments behind it, ``--NAME VALUE``. What is not there leaves an empty text.

        Args:
            write: a value, or flags by name, as words of a command line.
        """
        definition = dict(self.definition)
        named = placed_names(definition["command"])
        plain = {plain_name(name): value for name, value in values.items()}
        given = {name: _word(plain.get(name), write) for name in named}
        is_shell = definition["language"] is None and definition["command"][:2] == _SHELL
        flags = write({name: v for name, v in values.items() if plain_name(name) not in named})
        for part in ("command", "arguments"):
            words = [fill_values(word, given, is_shell=is_shell) for word in definition[part]]
            definition[part] = words if is_shell else [*words, *flags]
        return definition, {**self.params, **plain}


_SHELL = ["/bin/sh", "-c"]


def placed_names(command: Sequence[str]) -> list[str]:
    """The hyper-parameters that a command names by itself.

    >>> placed_names(["train", "--lr=${hyperparameters.rate}"])
    ['rate']
    """
    return [plain_name(name) for word in command for name in _PLACE.findall(word)]


def fill_values(word: str, values: Mapping[str, str], *, is_shell: bool) -> str:
    """A word of a command with values in their places."""

    def value_of(found: re.Match[str]) -> str:
        return values.get(plain_name(found[1]), "")

    if is_shell:
        return fill_line(word, _PLACE, lambda found, quote: value_in(value_of(found), quote))
    return _PLACE.sub(value_of, word)


def check_command(definition: Mapping[str, Any], space: SearchSpace) -> None:
    """Whether the command of a trial can take the hyper-parameters of a space.

    Raises:
        InvalidInput: it names one that there is not, or is a line for the shell without them.
    """
    named = placed_names(definition["command"])
    for name in named:
        if name not in space.names:
            meant = nearest(name, space.names)
            raise InvalidInput(
                f"${{hyperparameters.{name}}} stands in the command, and there is no such "
                "hyper-parameter.",
                hint=f"Did you mean {meant!r}?"
                if meant
                else f"There are {', '.join(space.names)}.",
            )
    is_shell = definition["language"] is None and list(definition["command"][:2]) == _SHELL
    missing = [name for name in space.names if name not in named]
    if is_shell and missing:
        raise InvalidInput(
            f"The command does not use the hyper-parameter {missing[0]!r}.",
            hint=f"Write ${{hyperparameters.{missing[0]}}} where its value belongs.",
        )


def _word(value: Scalar, write: Callable[[Any], list[str]]) -> str:
    return "" if value is None else write([value])[0]


@dataclass(frozen=True)
class SweepPlan:
    """A sweep as its run keeps it: all that is needed to go on with it, whatever else changes.

    Attributes:
        first: the values that the first trials have, before the sampling is asked.
        taken: ids of trials of an earlier run of this sweep, which count as trials of this one.
        earlier: ids of trials of other sweeps that the sampling knows the results of.
        offset: how far random numbers and sequences were used before.
        outputs: the outputs that it takes from its best trial, beside one that tells of all
            trials, where it is a step of a pipeline; None for a sweep by itself.
    """

    settings: SweepSettings
    trial: PlannedTrial
    first: Sequence[Values] = ()
    taken: Sequence[str] = ()
    earlier: Sequence[str] = ()
    offset: int = 0
    outputs: Sequence[str] | None = None

    @property
    def total(self) -> int:
        """How many trials this run may make."""
        return max(self.settings.total - len(self.taken), 0)

    def to_definition(self) -> dict[str, Any]:
        """The definition of the sweep's run."""
        return {
            "sweep": self.settings.to_dict(),
            "trial": {each.name: getattr(self.trial, each.name) for each in fields(self.trial)},
            "first": [dict(each) for each in self.first],
            "taken": list(self.taken),
            "earlier": list(self.earlier),
            "offset": self.offset,
            "step_outputs": None if self.outputs is None else list(self.outputs),
        }

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> SweepPlan:
        """The plan that a run's definition holds.

        Raises:
            InvalidInput: it holds none.
        """
        try:
            return cls(
                SweepSettings.of(definition["sweep"]),
                PlannedTrial(**definition["trial"]),
                [dict(each) for each in definition.get("first", ())],
                list(definition.get("taken", ())),
                list(definition.get("earlier", ())),
                int(definition.get("offset", 0)),
                definition.get("step_outputs"),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            raise InvalidInput(f"The run's definition holds no sweep: {problem!r}.") from None
