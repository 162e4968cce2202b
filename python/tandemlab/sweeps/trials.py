"""The trials of a sweep: their ids, and how each is doing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tandemlab.domain import RunRecord, RunStatus, Scalar
from tandemlab.domain.early_termination import History, PrimaryMetricGoal
from tandemlab.domain.records import Metric
from tandemlab.domain.scalars import as_scalars
from tandemlab.domain.search_spaces import SearchSpace
from tandemlab.domain.sweeps import STOPPED, TRIAL
from tandemlab.sweeps.samplers import Tried


def trial_id(run_id: str, number: int) -> str:
    """Id of the run of a trial.

    Args:
        number: of the trial, from 1 on.

    >>> trial_id("study_01jd", 2)
    'study_01jd.2'
    """
    return f"{run_id}.{number}"


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial as the store knows it.

    Attributes:
        record: of its run.
        history: what it has logged of the primary metric.
    """

    record: RunRecord
    history: History

    def __str__(self) -> str:
        return f"trial {self.number}"

    @property
    def number(self) -> int:
        """1, 2, 3 … within its sweep."""
        return int(self.record.properties[TRIAL])

    @property
    def reason(self) -> str | None:
        """Why its sweep has stopped it; None if it has not."""
        return self.record.properties.get(STOPPED)

    @property
    def status(self) -> str:
        """That of its run; ``Stopped`` once it has ended because its sweep stopped it."""
        if self.reason is not None and self.record.status in _STOPPABLE:
            return "Stopped"
        return self.record.status.value

    @property
    def counts(self) -> bool:
        """Whether its result does: it ran to its end, or was stopped."""
        return self.status in ("Completed", "Stopped")

    def params(self, space: SearchSpace) -> dict[str, Scalar]:
        """Its hyper-parameters, by name without leading ``-``; those that it does not have, not."""
        found = as_scalars(self.record.params)
        return {name: found[name] for name in space.names if name in found}

    def as_tried(self, space: SearchSpace) -> Tried | None:
        """As samplers see it; None if its hyper-parameters are not of the space."""
        values = space.values_of(self.params(space))
        if values is None:
            return None
        return Tried(
            values,
            self.history,
            self.counts,
            self.reason is not None,
            not self.record.status.is_terminal,
        )


_STOPPABLE = (RunStatus.COMPLETED, RunStatus.CANCELED)


def history_of(goal: PrimaryMetricGoal, logged: Metric | None) -> History:
    """The history of what a trial has logged of the primary metric."""
    return History(goal) if logged is None else History(goal, logged.values, logged.times)


def best_of(goal: PrimaryMetricGoal, trials: Iterable[Trial]) -> Trial | None:
    """The trial with the best value, the first of several; None if none has a finite one."""
    found: Trial | None = None
    for trial in trials:
        best = trial.history.best
        if best is not None and (
            found is None or found.history.best is None or goal.is_better(best, found.history.best)
        ):
            found = trial
    return found
