"""HyperDriveConfig: a script whose hyper-parameters are searched, ready to become a run."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.early_termination import (
    NoTerminationPolicy,
    PrimaryMetricGoal,
    TerminationPolicy,
)
from tandemlab.domain.pipeline_places import refuse_places, written_places
from tandemlab.domain.schemas import unknown_key
from tandemlab.domain.search_spaces import Values
from tandemlab.domain.sweeps import (
    GRACE,
    WEEK,
    GridParameterSampling,
    ParameterSampling,
    PlannedTrial,
    SweepPlan,
    SweepSettings,
    check_command,
)
from tandemlab.store.snapshots import source_files, take_snapshot
from tandemlab.sweeps.samplers import check_packages, sampler_of
from tandemlab.training import ScriptRunConfig
from tandemlab.training.languages import Language, format_arguments, parameters_of

if TYPE_CHECKING:
    from tandemlab.sweeps.sweep_run import HyperDriveRun
    from tandemlab.tracking import Experiment, Run, Workspace


class HyperDriveConfig:
    """A script, or a command, that runs many times with different hyper-parameters.

    Each trial is a run of its own with the hyper-parameters as arguments, ``--NAME VALUE``, behind
    those that the configuration has; ``${hyperparameters.NAME}`` in its arguments or its command
    puts a value elsewhere. The script logs the primary metric, as often as it likes.

    Args:
        run_config: what runs: a `ScriptRunConfig` or an estimator.
        hyperparameter_sampling: what is searched, and how.
        primary_metric_name: the metric that trials log; the best value of each counts.
        primary_metric_goal: ``maximize`` or ``minimize``.
        max_total_runs: trials in all; None for as many as a grid, or another finite space, has.
        max_concurrent_runs: trials at once; None for as many as the target has room for.
        max_duration_minutes: after so long no trial begins, and those that run are stopped.
        policy: which trials are ended early; None for none.
        stop_grace_seconds: how long a trial that is stopped may take to end by itself
            (`Run.should_stop`) before it is sent TERM.
        estimator: SDK v1's name for `run_config`.
        resume_from: earlier sweeps of the same metric, whose results the sampling starts from.
        resume_child_runs: trials of earlier sweeps whose hyper-parameters are tried first.
        name, description: of the sweep, for its file.

    In a `HyperDriveStep` parameters of the pipeline may stand for numbers, options and limits, as
    in ``uniform(0, PipelineParameter("most", 1.0))``.

    Raises:
        InvalidInput: an argument that cannot be used.

    >>> from tandemlab.sweeps import RandomParameterSampling, loguniform
    >>> config = HyperDriveConfig(
    ...     ScriptRunConfig("study", "train.py"),
    ...     RandomParameterSampling({"rate": loguniform(1e-4, 1e-1)}, seed=1),
    ...     "loss",
    ...     "minimize",
    ...     max_total_runs=20,
    ... )
    >>> config.settings.total
    20
    """

    def __init__(
        self,
        run_config: ScriptRunConfig | None = None,
        hyperparameter_sampling: ParameterSampling | None = None,
        primary_metric_name: str | None = None,
        primary_metric_goal: PrimaryMetricGoal | str = PrimaryMetricGoal.MAXIMIZE,
        max_total_runs: int | None = None,
        max_concurrent_runs: int | None = None,
        max_duration_minutes: float = WEEK,
        policy: TerminationPolicy | None = None,
        *,
        stop_grace_seconds: float = GRACE,
        estimator: ScriptRunConfig | None = None,
        resume_from: Run | Sequence[Run] | None = None,
        resume_child_runs: Run | Sequence[Run] | None = None,
        name: str | None = None,
        description: str | None = None,
    ) -> None:
        given = [each for each in (run_config, estimator) if each is not None]
        if len(given) != 1 or not isinstance(given[0], ScriptRunConfig):
            raise InvalidInput(
                "A sweep runs one ScriptRunConfig or estimator.",
                hint="HyperDriveConfig(run_config=ScriptRunConfig(...), ...)",
            )
        if not isinstance(hyperparameter_sampling, ParameterSampling):
            raise InvalidInput(
                "hyperparameter_sampling says what is searched, and how.",
                hint='RandomParameterSampling({"rate": uniform(0, 1)})',
            )
        if policy is not None and not isinstance(policy, TerminationPolicy):
            raise InvalidInput(f"policy is such as BanditPolicy(slack_factor=0.1), not {policy!r}.")
        if primary_metric_name is None:
            raise InvalidInput("A sweep needs primary_metric_name, the metric that its trials log.")
        self.run_config: ScriptRunConfig = given[0]
        self.settings = SweepSettings(
            sampling=hyperparameter_sampling,
            primary_metric_name=primary_metric_name,
            primary_metric_goal=PrimaryMetricGoal.of(primary_metric_goal),
            max_total_runs=max_total_runs,
            max_concurrent_runs=max_concurrent_runs,
            max_duration_minutes=max_duration_minutes,
            policy=policy or NoTerminationPolicy(),
            stop_grace_seconds=stop_grace_seconds,
        )
        self.resume_from = _as_runs(resume_from, "resume_from")
        self.resume_child_runs = _as_runs(resume_child_runs, "resume_child_runs")
        self.name, self.description = name, description

    def __repr__(self) -> str:
        found = self.settings
        return (
            f"HyperDriveConfig({found.sampling.method} search of "
            f"{', '.join(found.sampling.space.names)} to {found.primary_metric_goal} "
            f"{found.primary_metric_name})"
        )

    def replace(self, **changes: Any) -> HyperDriveConfig:
        """A copy with some arguments changed.

        Args:
            changes: arguments of the class by name, such as ``hyperparameter_sampling``, ``policy``
                or ``max_total_runs``.

        Raises:
            InvalidInput: there is no such argument, or it cannot be used.
        """
        given = self._arguments()
        for name in changes:
            if name not in given:
                raise InvalidInput(f"A sweep cannot have {name!r}: {unknown_key(name, given)}.")
        return HyperDriveConfig(**{**given, **changes})

    def _arguments(self) -> dict[str, Any]:
        """What makes an equal one."""
        found = self.settings
        return {
            "run_config": self.run_config,
            "hyperparameter_sampling": found.sampling,
            "primary_metric_name": found.primary_metric_name,
            "primary_metric_goal": found.primary_metric_goal,
            "max_total_runs": found.max_total_runs,
            "max_concurrent_runs": found.max_concurrent_runs,
            "max_duration_minutes": found.max_duration_minutes,
            "policy": found.policy,
            "stop_grace_seconds": found.stop_grace_seconds,
            "resume_from": self.resume_from,
            "resume_child_runs": self.resume_child_runs,
            "name": self.name,
            "description": self.description,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> HyperDriveConfig:
        """The sweep of a document, as `to_dict` gives it.

        Raises:
            InvalidInput: it does not conform to the schema; all mistakes are told.
        """
        from tandemlab.sweeps.documents import read_sweep

        return read_sweep(content)

    @classmethod
    def load_yaml(cls, path: str | os.PathLike[str]) -> HyperDriveConfig:
        """The sweep that a YAML file holds; its paths are relative to the file.

        Raises:
            NotFound: there is no such file.
            InvalidInput: it cannot be used; the message has the line and key of each mistake.
        """
        from tandemlab.sweeps.documents import load_sweep

        return load_sweep(path)

    def save_yaml(self, path: str | os.PathLike[str]) -> Path:
        """Write the sweep as YAML; the path."""
        from tandemlab.sweeps.documents import save_sweep

        return save_sweep(self, path)

    def to_dict(self) -> dict[str, Any]:
        """The sweep's document: plain data, without what is as usual."""
        source = os.fspath(self.run_config.source_directory)
        found = {
            "name": self.name,
            "description": self.description,
            "run_config": {"source_directory": source, **self.run_config.to_dict()},
            **self.settings.to_dict(),
        }
        return {key: written_places(value) for key, value in found.items() if value is not None}

    def check(self, workspace: Workspace) -> dict[str, Any]:
        """What a trial of this sweep in `workspace` would be; nothing is made or changed.

        Raises:
            InvalidInput: the script, its target or the hyper-parameters cannot be used.
            MissingDependency: the sampling needs a package that is not installed.
        """
        refuse_places(self.settings.to_dict(), "the sweep", "a HyperDriveStep")
        check_packages(self.settings.sampling)
        definition = self.run_config.check(workspace)
        check_command(definition, self.settings.sampling.space)
        self.run_config.check_kept(source_files(Path(definition["source_directory"])))
        trial = PlannedTrial(definition, None, self.run_config.compute_target, {})
        seeded = with_seed(self.settings.sampling)
        values = sampler_of(seeded, self.settings.primary_metric_goal).suggest(1, ())
        assert values is not None
        trial.with_values(values, writer_of(definition))
        return definition

    def submit_to(
        self,
        experiment: Experiment,
        tags: Mapping[str, str | None],
        *,
        parent: str | None = None,
        run_id: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> HyperDriveRun:
        """Queue a run of this sweep; `Experiment.submit` is the usual way.

        Raises:
            InvalidInput: it cannot be run; nothing was changed.
            MissingDependency: the sampling needs a package that is not installed.
        """
        from tandemlab.sweeps.sweep_run import HyperDriveRun, create_sweep_run

        workspace = experiment.workspace
        definition = self.check(workspace)
        space = self.settings.sampling.space
        first: list[Values] = []
        for run in self.resume_child_runs:
            values = space.values_of(run.params)
            if values is None:
                raise InvalidInput(
                    f"The parameters of run {run.id} are not of this search space.",
                    details={"run_id": run.id},
                )
            first.append(values)
        earlier = [
            trial.run.id
            for run in self.resume_from
            for trial in HyperDriveRun.get(workspace, run.id).get_trials()
        ]
        source = Path(definition["source_directory"])
        snapshot, _ = take_snapshot(source, workspace.place.blobs)
        plan = SweepPlan(
            replace(self.settings, sampling=with_seed(self.settings.sampling)),
            PlannedTrial(
                definition,
                snapshot,
                self.run_config.compute_target,
                parameters_of(definition["arguments"]),
            ),
            first=first,
            earlier=earlier,
        )
        return create_sweep_run(
            experiment,
            plan,
            source=source,
            parent=parent,
            tags=tags,
            run_id=run_id,
            properties=properties,
        )


def with_seed(sampling: ParameterSampling) -> ParameterSampling:
    """A sampling that has a seed, drawn if it had none; a grid needs none."""
    if sampling.seed is not None or isinstance(sampling, GridParameterSampling):
        return sampling
    return replace(sampling, seed=random.SystemRandom().randrange(2**31))


def writer_of(definition: Mapping[str, Any]) -> Callable[[Any], list[str]]:
    """What writes values as the language of a definition's script has them."""
    return partial(format_arguments, language=Language(definition["language"] or "python"))


def _as_runs(given: Run | Sequence[Run] | None, name: str) -> list[Run]:
    from tandemlab.tracking import Run

    found: list[Any] = [*given] if isinstance(given, (list, tuple)) else [given]
    for each in found:
        if not isinstance(each, Run) and given is not None:
            raise InvalidInput(
                f"{name} is a run, or a list of runs, and no place for {each!r}.",
                hint="workspace.get_run(ID) gives one.",
            )
    return [] if given is None else found
