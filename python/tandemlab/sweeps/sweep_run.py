"""HyperDriveRun: the run of a sweep, and its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, InvalidState, Metric, RunQuery, RunStatus, Scalar
from tandemlab.domain.sweeps import TRIAL, SweepPlan, SweepSettings
from tandemlab.sweeps.trials import Trial, best_of, history_of
from tandemlab.tracking import Run
from tandemlab.tracking.run_log import metrics_of
from tandemlab.training.languages import session_environment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tandemlab.tracking import Experiment, Workspace
    from tandemlab.tracking.panels import Panel

_ENDED_WELL = ("Completed", "Stopped")


@dataclass(frozen=True, slots=True)
class TrialState:
    """How a trial of a sweep is doing.

    Attributes:
        number: 1, 2, 3 … within its sweep.
        status: that of its run, or ``Stopped`` if it ended because its sweep stopped it.
        hyperparameters: by name; one that is not there for its conditions is not here.
        value: the best finite value that it has logged of the primary metric; None for none.
        values: how many values it has logged.
        duration: seconds that it took; None unless it has ended.
        reason: why its sweep stopped it; None if it did not.
        error: why it failed; None if it did not.
    """

    number: int
    run: Run
    status: str
    hyperparameters: Mapping[str, Scalar]
    value: float | None
    values: int
    duration: float | None
    reason: str | None
    error: str | None


class HyperDriveRun(Run):
    """The run of a sweep. Its children are the trials.

    Its own metric of the primary metric's name is the best value so far, at the number of the
    trial that has it.
    """

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> HyperDriveRun:
        """The sweep's run of that id.

        Raises:
            NotFound: there is no such run.
            InvalidInput: it is not the run of a sweep.
        """
        found = workspace.get_run(run_id)
        if not isinstance(found, HyperDriveRun):
            raise InvalidInput(
                f"Run {found.id} is of the type {found.record.type!r}, and no sweep.",
                details={"run_id": found.id},
            )
        return found

    @cached_property
    def _plan(self) -> SweepPlan:
        return SweepPlan.of(self.record.definition)

    @property
    def settings(self) -> SweepSettings:
        """What it searches for, as it was submitted."""
        return self._plan.settings

    def get_trials(self, *, include_resume_from_runs: bool = False) -> list[TrialState]:
        """How each trial is doing, by number.

        Args:
            include_resume_from_runs: also those of the sweeps that it was resumed from.
        """
        names = self.settings.sampling.space
        return [
            TrialState(
                trial.number,
                Run(self.workspace, trial.record.id, experiment=trial.record.experiment),
                trial.status,
                trial.params(names),
                trial.history.best,
                len(trial.history),
                trial.record.duration,
                trial.reason,
                trial.record.error.message if trial.record.error else None,
            )
            for trial in self._trials(include_resume_from_runs=include_resume_from_runs)
        ]

    def _trials(self, *, include_resume_from_runs: bool) -> list[Trial]:
        workspace, name = self.workspace, self.settings.primary_metric_name
        goal = self.settings.primary_metric_goal
        workspace.place.catch_up_all()
        records = [
            each
            for each in workspace.store.find_runs(RunQuery(parent=self.id, oldest_first=True))
            if TRIAL in each.properties
        ]
        records.sort(key=lambda each: int(each.properties[TRIAL]))
        if include_resume_from_runs:
            before = [*self._plan.earlier, *self._plan.taken]
            found = [workspace.store.get_run(run_id) for run_id in before]
            records = [*(each for each in found if each is not None), *records]
        logged = workspace.store.series_of([each.id for each in records], name)
        return [Trial(each, history_of(goal, logged.get(each.id))) for each in records]

    def get_best_run_by_primary_metric(
        self,
        include_failed: bool = True,
        include_canceled: bool = True,
        include_resume_from_runs: bool = True,
    ) -> Run | None:
        """The trial with the best value of the primary metric; None if none has a finite one.

        Args:
            include_failed: also trials that failed after they had logged it.
            include_canceled: also trials that were canceled, or stopped by the policy.
            include_resume_from_runs: also those of the sweeps that it was resumed from.
        """
        found = [
            each
            for each in self._trials(include_resume_from_runs=include_resume_from_runs)
            if (include_failed or each.record.status is not RunStatus.FAILED)
            and (include_canceled or each.status not in ("Canceled", "Stopped"))
        ]
        best = best_of(self.settings.primary_metric_goal, found)
        if best is None:
            return None
        return Run(self.workspace, best.record.id, experiment=best.record.experiment)

    def get_children_sorted_by_primary_metric(
        self, top: int = 0, reverse: bool = False, discard_no_metric: bool = False
    ) -> list[dict[str, Any]]:
        """The trials, the best first; those without a finite value come last.

        Args:
            top: so many of them; 0 for all.
            reverse: the worst first.
            discard_no_metric: leave out those without a finite value.

        Returns:
            A dict for each, with ``run_id``, ``hyperparameters`` (a dict),
            ``best_primary_metric`` and ``status``.
        """
        if type(top) is not int or top < 0:
            raise InvalidInput(f"top is a whole number from 0 on, not {top!r}.")
        found = self.sorted_trials(reverse=reverse, discard_no_metric=discard_no_metric)
        return [
            {
                "run_id": each.run.id,
                "hyperparameters": dict(each.hyperparameters),
                "best_primary_metric": each.value,
                "status": each.status,
            }
            for each in found[: top or None]
        ]

    def sorted_trials(
        self, *, reverse: bool = False, discard_no_metric: bool = False
    ) -> list[TrialState]:
        """The trials, the best first, or the worst; those without a finite value come last."""
        is_max = self.settings.primary_metric_goal.value == "maximize"
        trials = self.get_trials()
        with_value = [each for each in trials if each.value is not None]
        with_value.sort(key=lambda each: each.value or 0.0, reverse=is_max is not reverse)
        without = [] if discard_no_metric else [each for each in trials if each.value is None]
        return [*with_value, *without]

    def get_hyperparameters(self) -> dict[str, dict[str, Scalar]]:
        """The hyper-parameters of each trial, by the id of its run."""
        return {each.run.id: dict(each.hyperparameters) for each in self.get_trials()}

    def get_child_run_metrics(self) -> dict[str, dict[str, Any]]:
        """What each trial has logged, by the id of its run, in the form of `Run.get_metrics`."""
        logged = self.logged_metrics()
        return {
            run_id: {name: metric.value for name, metric in found.items()}
            for run_id, found in logged.items()
        }

    def logged_metrics(self) -> dict[str, dict[str, Metric]]:
        """What each trial has logged, with times and steps, by the id of its run."""
        return metrics_of(self.workspace, [each.run.id for each in self.get_trials()])

    def to_table(self) -> dict[str, list[Any]]:
        """The trials as columns of one length, a row for each.

        They are ``trial``, ``run_id``, ``status``, the best value under the primary metric's own
        name, ``values`` (how many were logged), ``duration`` (seconds), ``reason``, ``error``, and
        ``params.NAME`` for each hyper-parameter.
        """
        trials = self.get_trials()
        found: dict[str, list[Any]] = {
            "trial": [each.number for each in trials],
            "run_id": [each.run.id for each in trials],
            "status": [each.status for each in trials],
            f"metrics.{self.settings.primary_metric_name}": [each.value for each in trials],
            "values": [each.values for each in trials],
            "duration": [each.duration for each in trials],
            "reason": [each.reason for each in trials],
            "error": [each.error for each in trials],
        }
        for name in self.settings.sampling.space.names:
            found[f"params.{name}"] = [each.hyperparameters.get(name) for each in trials]
        return found

    def to_frame(self) -> Any:
        """`to_table` as a pandas frame."""
        import pandas

        return pandas.DataFrame(self.to_table())

    def get_importance(self) -> dict[str, float]:
        """How much of the differences between trials each hyper-parameter explains, by fANOVA.

        Returns:
            Shares of 1, the greatest first, of those that all trials have; empty where nothing can
            be said, with fewer than two different results.

        Raises:
            MissingDependency: optuna or scikit-learn is not installed.
        """
        from tandemlab.sweeps.pictures import importance_of

        return importance_of(self.settings, self._trials(include_resume_from_runs=False))

    def plot_sweep(self, kind: str | None = None) -> Figure:
        """Draw the sweep.

        Args:
            kind: ``history`` (the value of each trial, and the best so far), ``parallel`` (a line
                for each trial through its hyper-parameters, the better the darker),
                ``importance``, or None for what there is to draw of all three.

        Returns:
            A matplotlib figure, which notebooks show; ``savefig`` writes it to a file.

        Raises:
            NotFound: no trial has a value yet.
            MissingDependency: matplotlib is not installed.
        """
        from tandemlab.tracking.pictures import draw

        return draw(self.panels(kind))

    def panels(self, kind: str | None = None) -> list[Panel]:
        """What `plot_sweep` draws, as plain panels."""
        from tandemlab.sweeps.pictures import panels_of_sweep

        trials = self._trials(include_resume_from_runs=False)
        return panels_of_sweep(self.id, self.settings, trials, kind)

    def resume(
        self,
        *,
        max_total_runs: int | None = None,
        max_duration_minutes: float | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> HyperDriveRun:
        """Go on with a sweep that has ended: another run of it, which takes over what there is.

        Trials that completed, or were stopped by the policy, count; those that were canceled or
        failed are tried again with the same hyper-parameters. The source is that of this run.

        Args:
            max_total_runs: trials in all, those that are taken over included; None for as before.
            max_duration_minutes: of the new run; None for as before.
            tags: first tags of the new run.

        Raises:
            InvalidState: this run has not ended, or nothing is left to try.
            InvalidInput: a limit that cannot be one.
        """
        record = self.record
        if not record.status.is_terminal:
            raise InvalidState(
                f"Run {self.id} is {record.status}; only one that has ended can be resumed.",
                hint="Wait for it, or cancel it.",
            )
        plan = self._plan
        trials = self._trials(include_resume_from_runs=False)
        taken = [each.record.id for each in trials if each.status in _ENDED_WELL]
        space = plan.settings.sampling.space
        again = [
            values
            for each in trials
            if each.status not in _ENDED_WELL
            and (values := space.values_of(each.params(space))) is not None
        ]
        first = [*again, *plan.first[len(trials) :]]
        given: dict[str, Any] = {
            "max_total_runs": max_total_runs,
            "max_duration_minutes": max_duration_minutes,
        }
        limits = {name: limit for name, limit in given.items() if limit is not None}
        further = replace(
            plan,
            settings=replace(plan.settings, **limits),
            first=first,
            taken=[*plan.taken, *taken],
            offset=plan.offset + max(0, len(trials) - len(plan.first)),
        )
        if not further.total:
            count = len(further.taken)
            there = space.count(count + 1)
            raise InvalidState(
                f"Nothing of the sweep {self.id} is left to try: {count} trials have ended well, "
                f"of {further.settings.total} in all.",
                hint=f"Give a max_total_runs above {count}."
                if there is None or there > count
                else "A wider search space is another sweep; resume_from gives it these results.",
            )
        return create_sweep_run(
            self.experiment,
            further,
            source=None,
            parent=record.parent,
            tags=tags or {},
            properties={"resumes": self.id},
        )


def create_sweep_run(
    experiment: Experiment,
    plan: SweepPlan,
    *,
    source: Path | None,
    parent: str | None,
    tags: Mapping[str, str | None],
    run_id: str | None = None,
    properties: Mapping[str, str] | None = None,
) -> HyperDriveRun:
    """Queue the run of a plan; `HyperDriveConfig.submit_to` and `resume` make plans."""
    workspace = experiment.workspace
    run = experiment.create_run(
        type="sweep",
        status=RunStatus.QUEUED,
        parent=parent,
        snapshot=plan.trial.snapshot,
        source=source,
        definition=plan.to_definition(),
        environment={} if workspace.is_remote else session_environment(),
        tags=tags,
        properties=properties,
        run_id=run_id,
    )
    workspace.attend()
    return HyperDriveRun(workspace, run.id, experiment=experiment.name)
