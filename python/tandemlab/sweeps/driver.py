"""What takes a sweep's run forward, in the workspace's agent.

Nothing about how far a sweep is lives here alone. The run of a trial has an id that follows from
the sweep's run and its number, its hyper-parameters are parameters of that run, and the sampler
is asked with what the store has: whoever takes over after a kill neither loses nor repeats any.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

from tandemlab.compute.driven import DrivenRun
from tandemlab.compute.lifecycle import ask_to_stop
from tandemlab.compute.settings import AgentSettings
from tandemlab.compute.targets import LOCAL
from tandemlab.domain import (
    FileRecord,
    NewRun,
    RunError,
    RunQuery,
    RunRecord,
    RunStatus,
)
from tandemlab.domain.early_termination import History, NoTerminationPolicy
from tandemlab.domain.pipelines import METRICS
from tandemlab.domain.scalars import to_json
from tandemlab.domain.schemas import nearest
from tandemlab.domain.search_spaces import Values
from tandemlab.domain.sweeps import STOPPED, TRIAL, SweepPlan
from tandemlab.domain.times import now
from tandemlab.environments.registry import record_environment
from tandemlab.store.durable import link_or_copy, storage_errors, write_json
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.run_files import STOP_FILE, folder_files
from tandemlab.store.spool import SpoolWriter
from tandemlab.sweeps.config import writer_of
from tandemlab.sweeps.samplers import Tried, sampler_of
from tandemlab.sweeps.trials import Trial, best_of, history_of, trial_id
from tandemlab.tracking.agent import wake

BEST_RUN = "best_run"
_AT_ONCE = 100  # trials that wait at a target with a queue of its own
_HOPELESS = 3  # trials that end without a result, and none with one, before a sweep gives up
_SOON = 0.02  # seconds that the agent waits for values; what takes longer calls it
_QUEUED = (RunStatus.QUEUED, RunStatus.PREPARING)


class SweepDriver:
    """Takes the run of one sweep forward.

    Args:
        record: of the run.

    Raises:
        InvalidInput: its definition holds no sweep.
    """

    def __init__(self, folder: WorkspaceFolder, record: RunRecord) -> None:
        self._folder = folder
        self._record = record
        self._plan = SweepPlan.of(record.definition)
        self._settings = self._plan.settings
        self._goal = self._settings.primary_metric_goal
        self._space = self._settings.sampling.space
        self._sampler = sampler_of(self._settings.sampling, self._goal)
        self._write = writer_of(self._plan.trial.definition)
        self._own = DrivenRun(folder, record.id)
        self._judged: Counter[str] = Counter()
        self._places: dict[str, object] = {}
        self._active: dict[str, Trial] = {}
        self._ended: dict[str, Trial] = {}
        self._others = [
            trial
            for run_id in (*self._plan.taken, *self._plan.earlier)
            if (trial := self._read(run_id)) is not None
        ]
        children = folder.store.find_runs(RunQuery(parent=record.id))
        trials = [each for each in children if TRIAL in each.properties]
        histories = self._histories([each.id for each in trials])
        for child in trials:
            self._keep(Trial(child, histories[child.id]))
        self._is_exhausted = False
        self._thinker = ThreadPoolExecutor(1, "sweep")
        self._asked: tuple[int, Future[Values | None]] | None = None
        self._best = self._logged_best()
        for trial in sorted(self._ended.values(), key=lambda each: each.number):
            self._log_best(trial)  # who had to was perhaps killed before

    def advance(
        self, ended: Mapping[str, RunStatus] | None = None, *, room: int = 0
    ) -> list[RunRecord] | None:
        """As `Driver.advance`; the store is asked in any case: what runs log counts, too."""
        try:
            is_more = self._advance()
        finally:
            self._own.write_log()
        return self._own.take_queued() if is_more else None

    def _advance(self) -> bool:
        statuses = self._folder.store.known_runs([self._record.id, *self._active])
        status = statuses.get(self._record.id)
        if status is None or status.is_terminal:
            return False
        for run_id in list(self._active):
            if run_id not in statuses:  # it was deleted
                del self._active[run_id]
            elif statuses[run_id].is_terminal:
                self._take_note(run_id)
        if status is RunStatus.CANCEL_REQUESTED:
            return self._cancel_all() or self._end(RunStatus.CANCELED)
        if status is not RunStatus.RUNNING:
            self._folder.store.move_run(self._record.id, RunStatus.RUNNING)
            self._record = self._folder.store.get_run(self._record.id) or self._record
        if reason := self._reason_to_give_up():
            return self._cancel_all() or self._end(RunStatus.FAILED, reason)
        if self._seconds_left() <= 0:
            self._let_all_end(statuses)
        else:
            self._judge()
            self._start_more()
        return bool(self._active) or self._may_start() or self._end(*self._outcome())

    # What has happened

    def _read(self, run_id: str) -> Trial | None:
        record = self._folder.store.get_run(run_id)
        return None if record is None else Trial(record, self._history(run_id))

    def _keep(self, trial: Trial) -> None:
        kind = self._ended if trial.record.status.is_terminal else self._active
        kind[trial.record.id] = trial

    def _history(self, run_id: str) -> History:
        """What a trial has logged of the primary metric by now."""
        return self._histories([run_id])[run_id]

    def _histories(self, run_ids: Sequence[str]) -> dict[str, History]:
        for run_id in run_ids:
            self._folder.catch_up(run_id)
        found = self._folder.store.series_of(run_ids, self._settings.primary_metric_name)
        return {run_id: history_of(self._goal, found.get(run_id)) for run_id in run_ids}

    def _take_note(self, run_id: str) -> None:
        trial = self._read(run_id)
        del self._active[run_id]
        if trial is None:
            return
        self._ended[run_id] = trial
        best = trial.history.best
        told = "" if best is None else f", {self._settings.primary_metric_name} {best:.6g}"
        if trial.record.error is not None:
            told += f" ({trial.record.error.message})"
        elif best is None and trial.counts:
            told += f", without a finite value of {self._settings.primary_metric_name}"
        self._own.say(f"{trial}: {trial.status.lower()}{told}")
        self._log_best(trial)

    def _logged_best(self) -> float | None:
        """The best value that the sweep's own run has logged."""
        return self._history(self._record.id).best

    def _log_best(self, trial: Trial) -> None:
        """Log the best value so far, when it is new, at the number of its trial."""
        best = trial.history.best
        if best is None or not trial.counts:
            return
        if self._best is None or self._goal.is_better(best, self._best):
            self._best = best
            self._own.spool.log_scalar(self._settings.primary_metric_name, best, trial.number)

    @property
    def _results(self) -> list[Trial]:
        return [each for each in self._ended.values() if each.history.best is not None]

    def _reason_to_give_up(self) -> RunError | None:
        """Why no more trials are worth it: the first of them have all ended without a result."""
        ended = list(self._ended.values())
        least = max(_HOPELESS, self._settings.max_concurrent_runs or 0)
        is_seen = any(each.history.best is not None for each in (*ended, *self._active.values()))
        if len(ended) < least or is_seen or self._plan.taken:
            return None
        return self._error_without_result()

    def _error_without_result(self) -> RunError | None:
        """What is wrong when all trials that have ended are without a result."""
        ended = sorted(self._ended.values(), key=lambda each: each.number)
        failed = [each for each in ended if each.record.status is RunStatus.FAILED]
        completed = [each for each in ended if each.counts]
        if completed:
            return self._error_without_metric(completed)
        if failed and len(failed) == len(ended):
            first = failed[0].record.error
            why = first.message if first else ""
            return RunError(f"All {len(failed)} trials have failed. The first: {why}", "trials")
        return None

    def _error_without_metric(self, completed: list[Trial]) -> RunError:
        name = self._settings.primary_metric_name
        logged = self._folder.store.get_metrics(completed[-1].record.id)
        if name in logged:
            return RunError(f"No trial has logged a finite number as {name!r}.", "metric")
        meant = nearest(name, logged)
        hint = f" Did you mean {meant!r}?" if meant else ""
        there = f" They have logged {', '.join(logged)}." if logged and not meant else ""
        if not logged:
            there = f" They have logged nothing; run.log({name!r}, value) in a script does, in R "
            there += f"log_metric_to_run({name!r}, value)."
        return RunError(f"No trial has logged the metric {name!r}.{hint}{there}", "metric")

    # Early ends

    def _seconds_left(self) -> float:
        began = self._record.started or self._record.created
        limit = self._settings.max_duration_minutes * 60
        return began.timestamp() + limit - time.time()

    def _let_all_end(self, statuses: Mapping[str, RunStatus]) -> None:
        """The time of the sweep is over: stop what runs, and cancel what waits."""
        reason = f"the sweep has taken {self._settings.max_duration_minutes:g} minutes"
        for run_id, trial in self._active.items():
            if statuses[run_id] is RunStatus.RUNNING:
                self._stop(trial, reason)
            elif statuses[run_id] in _QUEUED:
                self._own.cancel(run_id)

    def _judge(self) -> None:
        """Stop the running trials that the policy finds not worth going on with."""
        policy = self._settings.policy
        if isinstance(policy, NoTerminationPolicy):
            return
        for run_id in list(self._active):
            self._active[run_id] = replace(
                self._active[run_id], history=self._fresh_history(run_id)
            )
        everyone = {**self._ended, **self._active}
        others = [each.history for each in self._others]
        for run_id, trial in self._active.items():
            if trial.reason is not None or not len(trial.history):
                continue
            peers = [each.history for key, each in everyone.items() if key != run_id]
            reason = policy.reason_to_stop(
                trial.history, [*peers, *others], self._goal, self._judged[run_id]
            )
            self._judged[run_id] = len(trial.history)
            if reason is not None:
                self._stop(trial, f"stopped by policy: {reason}")

    def _fresh_history(self, run_id: str) -> History:
        """That of an active trial, read again only if it has logged something."""
        self._folder.catch_up(run_id)
        places = self._folder.store.positions(run_id)
        if self._places.get(run_id) == places:
            return self._active[run_id].history
        self._places[run_id] = places
        return self._history(run_id)

    def _stop(self, trial: Trial, reason: str) -> None:
        """Have a trial end by itself: say why, then have its job know."""
        run_id = trial.record.id
        directory = self._folder.run_directory(run_id)
        if trial.reason is None:
            spool = SpoolWriter(directory)
            spool.append("property", STOPPED, reason)
            spool.close()
            self._folder.catch_up(run_id)
            self._own.say(f"{trial}: {reason}")
        ask_to_stop(directory, reason, self._settings.stop_grace_seconds)
        properties = {**trial.record.properties, STOPPED: trial.reason or reason}
        self._active[run_id] = replace(trial, record=replace(trial.record, properties=properties))

    def _cancel_all(self) -> bool:
        """Cancel what runs; whether anything still does."""
        for run_id in self._active:
            self._own.cancel(run_id)
        return bool(self._active)

    # More trials

    @property
    def _numbers(self) -> list[int]:
        """Of the trials that are still to be made."""
        there = {each.number for each in (*self._ended.values(), *self._active.values())}
        return [number for number in range(1, self._plan.total + 1) if number not in there]

    def _may_start(self) -> bool:
        return not self._is_exhausted and self._seconds_left() > 0 and bool(self._numbers)

    def _room(self) -> int:
        """How many trials may be queued now."""
        most = self._settings.max_concurrent_runs
        if most is None:
            here = self._plan.trial.target == LOCAL
            most = AgentSettings.from_environment().slots if here else _AT_ONCE
        return most - len(self._active)

    def _start_more(self) -> None:
        for run_id, trial in list(self._active.items()):
            told = self._folder.run_directory(run_id) / STOP_FILE
            if trial.reason is not None and not told.exists():  # an agent has died in between
                self._stop(trial, trial.reason)
        if not self._may_start() or self._room() <= 0:
            return
        batch: str | None = None
        for number in self._numbers[: self._room()]:
            answer = self._next_values(number)
            if not answer.done():
                return
            values = answer.result()
            if values is None:
                self._is_exhausted = True
                return
            run_id = trial_id(self._record.id, number)
            batch = batch or run_id
            self._start(number, run_id, values, batch)

    def _next_values(self, number: int) -> Future[Values | None]:
        """The values of a trial, found beside the agent's loop: that may take a second."""
        if self._asked is None or self._asked[0] != number:
            answer = self._thinker.submit(self._suggest, number, [*self._tried()])
            self._asked = number, answer
            if not wait([answer], _SOON).done:
                answer.add_done_callback(lambda _: wake(self._folder))
        return self._asked[1]

    def _suggest(self, number: int, tried: Sequence[Tried]) -> Values | None:
        first = self._plan.first
        if number <= len(first):
            return dict(first[number - 1])
        return self._sampler.suggest(self._plan.offset + number - len(first), tried)

    def _tried(self) -> Iterator[Tried]:
        for trial in (*self._others, *self._ended.values(), *self._active.values()):
            found = trial.as_tried(self._space)
            if found is not None:
                yield found

    def _start(self, number: int, run_id: str, values: Values, batch: str) -> None:
        """Make the run of a trial, and queue it."""
        planned = self._plan.trial
        definition, params = planned.with_values(values, self._write)
        new = NewRun(
            id=run_id,
            experiment=self._record.experiment,
            type="script",
            display_name=f"trial {number}",
            created=now(),
            status=RunStatus.QUEUED,
            parent=self._record.id,
            target=planned.target,
            snapshot=planned.snapshot,
            definition={**definition, "array": batch},
            context=self._record.context,
            properties={TRIAL: str(number)},
            params={name: to_json(value) for name, value in params.items()},
        )
        (record,) = self._own.queue([new])
        record_environment(self._folder, run_id, definition)
        self._keep(Trial(record, History(self._goal)))
        told = ", ".join(f"{name}={_shown(value)}" for name, value in values.items())
        self._own.say(f"trial {number}: queued with {told}")

    # The end

    def _outcome(self) -> tuple[RunStatus, RunError | None]:
        if self._results or self._plan.taken:
            return RunStatus.COMPLETED, None
        error = self._error_without_result()
        if error is None and not self._ended:
            return RunStatus.COMPLETED, None
        return RunStatus.FAILED, error or RunError("No trial has a result.", "trials")

    def _end(self, status: RunStatus, error: RunError | None = None) -> bool:
        best = self._best_trial()
        if best is not None:
            self._own.spool.append("property", BEST_RUN, best.record.id)
            value = f"{self._settings.primary_metric_name} {best.history.best:.6g}"
            self._own.say(f"The best is {best}, run {best.record.id}: {value}")
        kept: list[FileRecord] = []
        if status is RunStatus.COMPLETED and self._plan.outputs is not None:
            taken = self._best_trial(has_completed=True)
            if taken is None:
                status, error = RunStatus.FAILED, RunError("No trial has completed.", "trials")
            else:
                kept += self._take_outputs(taken)
        self._own.say(f"The sweep {status.ending}.")
        self._own.end(status, error, kept)
        return False

    def _take_outputs(self, best: Trial) -> Iterator[FileRecord]:
        """Have outputs of the best trial be those of the sweep, and tell of all trials."""
        source = self._folder.run_directory(best.record.id) / "files"
        target = self._folder.run_directory(self._record.id) / "files"
        shutil.rmtree(target / "outputs", ignore_errors=True)
        trials = sorted(self._ended.values(), key=lambda each: each.number)
        content = {"best": self._told_of(best), "trials": [self._told_of(each) for each in trials]}
        metrics = f"outputs/{METRICS}/{METRICS}.json"
        with storage_errors(target):
            (target / metrics).parent.mkdir(parents=True)
            write_json(target / metrics, content)
            names = [metrics]
            for output in self._plan.outputs or ():
                (target / "outputs" / output).mkdir(parents=True)
                for name in folder_files(source / "outputs" / output):
                    place = target / "outputs" / output / name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    link_or_copy(source / "outputs" / output / name, place)
                    names.append(f"outputs/{output}/{name}")
        for name in names:
            yield FileRecord(name, *self._folder.blobs.adopt(target / name))

    def _told_of(self, trial: Trial) -> dict[str, object]:
        return {
            "run_id": trial.record.id,
            "status": trial.status,
            "hyperparameters": trial.params(self._space),
            self._settings.primary_metric_name: trial.history.best,
        }

    def _best_trial(self, *, has_completed: bool = False) -> Trial | None:
        found = [
            each
            for each in (*self._others, *self._results)
            if each.counts and (not has_completed or each.record.status is RunStatus.COMPLETED)
        ]
        return best_of(self._goal, found)


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
