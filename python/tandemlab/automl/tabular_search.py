"""The search for classification and regression.

With a time limit: first one of each family of models on the first fold, cheap ones first; then the
best of these on the other folds, one after the other, so that they can vote; then by turns further
folds of what does well, and the first fold of something new: other settings of families that do
well, and changes of the best. Whatever fold is finished can be used. Where iterations are the only
limit, every trial gets all its folds and what is tried depends on the results of trials that lie
some behind: nothing hangs on who is faster, and the same seed gives the same result.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.automl.fitted_pipeline import FittedPipeline, Member, StoredModel
from tandemlab.automl.importance import ImportanceTask
from tandemlab.automl.measuring import (
    Candidate,
    Combination,
    CombiningTask,
    Measured,
    MeasuringTask,
)
from tandemlab.automl.portfolio import (
    FAMILIES,
    Proposal,
    chosen_families,
    mutation,
    portfolio_of,
)
from tandemlab.automl.problem import Outcome, Problem, slowness
from tandemlab.automl.screening import kept_count
from tandemlab.automl.shared_data import SharedData
from tandemlab.automl.tabular_data import TabularData, prepare
from tandemlab.automl.training_task import TrainingResult, TrainingTask
from tandemlab.automl.trials import Trial
from tandemlab.automl.worker_pool import WorkerPool, start_pool
from tandemlab.domain import InvalidState
from tandemlab.store.durable import write_json

if TYPE_CHECKING:
    import pandas

    from tandemlab.automl.automl_config import AutoMLConfig
    from tandemlab.automl.explanations import Explanation

_log = logging.getLogger("tandemlab.automl")

_MODULES = (
    "tandemlab.automl.training_task",
    "tandemlab.automl.measuring",
    "tandemlab.automl.importance",
    "tandemlab.automl.estimators",
    "tandemlab.automl.trial_charts",
    "sklearn.metrics",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.compose",
    "sklearn.impute",
)
_KEPT = 8
_LEAST_CANDIDATES = 3  # of an ensemble, if there are so many
_DEEPENED = 3  # folds of what does well for each that is tried of something new
_FIRST_SHARE = 0.4  # of the time, that first folds of the families may take
_BASE_SHARE = 0.6  # of the time, by which the best of these is to have all its folds
_LAST_SHARE = 0.12  # of the time, when nothing new is worth trying any more
_GOOD_FAMILIES = 4  # whose other settings come before changes of the best
_COMBINED = 24
_LAG = 4
_PATIENCE = 40
_POLL = 0.2
_LEAST_PATIENCE = 30.0
_FOLD_SHARE = 0.15  # of the whole time, that one fold may take
_TRIAL_SHARE = 0.3  # of the time left, that a trial's other folds may take while others wait
_BEST_TRIAL_SHARE = 0.6  # the same, for the best one
_CLEARLY = 0.01  # of its loss, by which a trial is clearly better than another
_FIRST_FOLD_SHARE = 0.1  # of the whole time, that the first fold of a family may take
_MOST_SECONDS_TO_EXPLAIN = 5.0
_COMBINING_WHEN_STOPPED = 2.0  # seconds; what is canceled is soon killed
_LEAST_SAMPLE = 10_000
_CELLS_A_SECOND = 300_000  # that one thread boosts three hundred rounds on


@dataclass
class _Trial:
    """A trial under way.

    Attributes:
        given: folds that are, or were, worked on.
        is_open: whether more may come.
    """

    iteration: int
    proposal: Proposal
    folder: Path
    results: dict[int, TrainingResult] = field(default_factory=dict)
    given: set[int] = field(default_factory=set)
    error: str | None = None
    is_open: bool = True
    measured: Measured | None = None

    @property
    def done(self) -> list[int]:
        return sorted(self.results)

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.results.values())

    @property
    def is_running(self) -> bool:
        return len(self.given) > len(self.results) and self.error is None

    def loss(self, folds: Sequence[int]) -> float:
        """The mean loss over some folds."""
        return sum(self.results[fold].loss for fold in folds) / len(folds)


def search(problem: Problem) -> Outcome:
    """Look for the best model of a table; see `tandemlab.automl.problem.Search`."""
    config = problem.config
    scratch = problem.scratch
    scratch.mkdir(parents=True)
    shared = SharedData(scratch, problem.folder)
    pool = start_pool(problem, shared, _modules(config))
    try:
        data = prepare(problem.frame, problem.validation, config)
        _share(data, config.task, config.metric.name, shared)
        return _TabularSearch(problem, data, pool).run()
    finally:
        pool.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _modules(config: AutoMLConfig) -> list[str]:
    """What workers need, once for all of them: no library of which nothing is tried."""
    families = chosen_families(
        config.task,
        config.allowed_models,
        config.blocked_models,
        is_weighted=config.weight_column_name is not None,
    )
    return [*_MODULES, *dict.fromkeys(family.library for family in families)]


def _share(data: TabularData, task: str, metric: str, shared: SharedData) -> None:
    features = data.featurizer.features
    about = {
        "task": task,
        "metric": metric,
        "classes": len(data.labels.names),
        "categories": data.featurizer.categories,
        "levels": [feature.levels for feature in features],
        "never": data.never,
    }
    shared.write(data.x, data.labels.y, data.weights, data.held, about)


class _TabularSearch:
    def __init__(self, problem: Problem, data: TabularData, pool: WorkerPool) -> None:
        self._problem = problem
        self._config = problem.config
        self._budget = problem.budget
        self._data = data
        self._pool = pool
        self._folds = data.held.shape[1]
        self._is_timed = problem.budget.deadline is not None
        self._families = chosen_families(
            self._config.task,
            self._config.allowed_models,
            self._config.blocked_models,
            data.x.shape[1],
            is_weighted=data.weights is not None,
        )
        self._portfolio = portfolio_of(self._families, len(data.labels.y))
        self._deepened = 0
        self._measured_cells = int(data.held.any(axis=1).sum()) * max(1, len(data.labels.names))
        self._began = time.monotonic()
        self._trials: list[_Trial] = []
        self._known: set[str] = set()
        self._measuring: list[_Trial] = []
        self._reported: list[Trial] = []
        self._best_score: float = float("inf")
        self._best_at = 0
        self._deadline = self._search_deadline()
        self._most_rows = self._rows_in_time()

    def _rows_in_time(self) -> int:
        """How many rows boosting can learn from within what a fold may take."""
        seconds = self._budget.seconds
        if seconds is None:
            return len(self._data.labels.y)
        classes = len(self._data.labels.names)
        columns = kept_count(len(self._data.labels.y), self._data.x.shape[1])
        cells_a_row = columns * (classes if classes > 2 else 1)
        cells = _CELLS_A_SECOND * _FOLD_SHARE * seconds / slowness()
        return max(_LEAST_SAMPLE, int(cells / cells_a_row))

    def _search_deadline(self) -> float:
        """When training ends, so that the rest fits into the time."""
        if self._budget.deadline is None:
            return float("inf")
        seconds = self._budget.seconds or 0.0
        needed = (0.7 + 0.015 * seconds + 1e-6 * self._measured_cells) * slowness()
        return self._budget.deadline - min(0.25 * seconds, needed)

    # The loop

    def run(self) -> Outcome:
        """Search until the budget is spent."""
        self._go_on_from_before()
        if self._is_timed:
            latest = max(self._deadline, self._began) + self._patience
            self._pool.wait_until_ready(max(0.0, latest - time.monotonic()))
        self._began = time.monotonic()
        while not self._is_over():
            self._fill()
            busy = self._pool.busy
            if not busy:
                break
            self._deadline = self._search_deadline()
            self._take(min(_POLL, max(0.01, self._deadline - time.monotonic())))
        return self._finish()

    def _is_over(self) -> bool:
        if self._problem.stopped() or self._is_late():
            return True
        exit_score = self._config.experiment_exit_score
        if exit_score is not None and self._best_score <= self._config.metric.loss(exit_score):
            return True
        if self._config.enable_early_stopping and len(self._reported) >= len(self._portfolio):
            return len(self._reported) - self._best_at >= _PATIENCE
        return False

    def _is_late(self) -> bool:
        """Whether the time is up; without any result, the first one is waited for."""
        now = time.monotonic()
        if now < self._deadline:
            return False
        has_some = any(trial.results for trial in self._trials)
        return has_some or now >= max(self._deadline, self._began) + self._patience

    @property
    def _patience(self) -> float:
        """Seconds that a first result is waited for beyond the time, or once data are prepared."""
        return max(_LEAST_PATIENCE, self._budget.seconds or 0.0)

    def _take(self, seconds: float) -> None:
        for result in self._pool.results(seconds):
            if isinstance(result, TrainingResult):
                self._note(result)
            elif isinstance(result, Measured):
                trial = self._trials[result.iteration]
                if result.error is not None:  # its folds are there all the same
                    _log.info("trial %s is not measured: %s", trial.iteration, result.error)
                    result = self._roughly(trial)
                self._report(trial, result)

    def _note(self, result: TrainingResult) -> None:
        trial = self._trials[result.iteration]
        if result.error is not None:
            _log.info("trial %s (%s): %s", result.iteration, trial.proposal, result.error)
            trial.error, trial.is_open = result.error, False
            trial.given = set(trial.results)
        else:
            trial.results[result.fold] = result
        self._close_if_done(trial)

    def _close_if_done(self, trial: _Trial) -> None:
        if len(trial.results) == self._folds:
            trial.is_open = False
        if not trial.is_open and not trial.is_running and trial.measured is None:
            if trial.results:
                self._measuring.append(trial)
            else:
                self._report(trial, Measured(trial.iteration, error=trial.error))

    def _report(self, trial: _Trial, measured: Measured) -> None:
        trial.measured = measured
        row = self._as_trial(trial, measured)
        self._reported.append(row)
        write_json(trial.folder / "measured.json", {"status": row.status}, flush=False)
        if row.status == "completed" and row.score is not None:
            loss = self._config.metric.loss(row.score)
            if loss < self._best_score - 1e-4 * abs(self._best_score or 1.0) or (
                self._best_score == float("inf")
            ):
                self._best_score, self._best_at = loss, len(self._reported)
        self._problem.report(row)

    def _as_trial(self, trial: _Trial, measured: Measured) -> Trial:
        status = "completed" if len(trial.results) == self._folds else "stopped"
        if not trial.results:
            status = "failed"
        name = trial.proposal.algorithm
        settings = ", ".join(f"{key}={value}" for key, value in trial.proposal.parameters.items())
        return Trial(
            iteration=trial.iteration,
            algorithm=name,
            parameters=trial.proposal.parameters,
            status=status,
            score=measured.score,
            metrics=measured.metrics,
            seconds=trial.seconds,
            folds=len(trial.results),
            pipeline=[*self._first_steps(), f"{name}({settings})"],
            error=trial.error,
            charts=measured.charts,
            nodes=sorted({each.node for each in trial.results.values() if each.node is not None}),
        )

    def _first_steps(self) -> list[str]:
        made = dict.fromkeys(feature.transformer for feature in self._data.featurizer.features)
        return [f"Featurizer({', '.join(made)})"]

    # What is to be done next

    def _fill(self) -> None:
        while self._pool.idle:
            if self._measuring:
                trial = self._measuring.pop(0)
                task = MeasuringTask(self._candidate(trial), self._data.labels.names)
                self._pool.give(task, deadline=self._deadline)
                continue
            found = self._next()
            if found is None:
                return
            self._train(*found)

    def _next(self) -> tuple[_Trial, int] | None:
        """The trial and the fold that come next."""
        if not self._is_timed:
            return self._next_in_order()
        return self._next_of_families() or self._next_by_turns()

    def _next_in_order(self) -> tuple[_Trial, int] | None:
        for trial in self._trials:
            if fold := self._missing(trial, self._folds):
                return trial, fold[0]
        return self._try(self._in_order(len(self._trials) - max(_LAG, self._pool.size)))

    def _next_of_families(self) -> tuple[_Trial, int] | None:
        """The first fold of a family that was not tried yet, as long as that is not too late."""
        tried = {trial.proposal.algorithm for trial in self._trials}
        if self._passed > _FIRST_SHARE and any(trial.results for trial in self._trials):
            return None
        for proposal in self._portfolio:
            if proposal.algorithm not in tried:
                return self._try(proposal)
        return None

    def _next_by_turns(self) -> tuple[_Trial, int] | None:
        """Another fold of what does well, or, now and then, the first of something new."""
        ranked = self._ranked()
        is_base = self._passed > _BASE_SHARE or (
            bool(ranked) and len(ranked[0].results) == self._folds
        )
        is_for_new = is_base and self._passed < 1 - _LAST_SHARE and self._deepened >= _DEEPENED
        found = None if is_for_new else self._next_to_complete()
        if found is not None:
            self._deepened += 1
            return found
        self._deepened = 0
        return self._try(self._new_proposal()) or self._next_to_complete()

    @property
    def _passed(self) -> float:
        """The share of the time for training that has passed."""
        whole = self._deadline - self._began
        return (time.monotonic() - self._began) / max(whole, 1e-9)

    def _next_to_complete(self) -> tuple[_Trial, int] | None:
        """The other folds of those that do well; those that do not are closed."""
        ranked = self._ranked()
        worth = self._worth(ranked)
        for trial in ranked:
            if not trial.is_open or trial.iteration in worth:
                continue
            if not trial.is_running:
                trial.is_open = False
                self._close_if_done(trial)
        for is_cheap in (True, False):
            for place, trial in enumerate(ranked):
                missing = self._missing(trial, self._folds) if trial.iteration in worth else []
                share = _TRIAL_SHARE if place else _BEST_TRIAL_SHARE
                if missing and self._fits(trial) and (self._share(trial) < share or not is_cheap):
                    return trial, missing[0]
        return None

    def _new_proposal(self) -> Proposal | None:
        """Other settings of a family that does well, or else a change of the best."""
        ranked = self._sound_proposals()
        places: dict[str, int] = {}
        for proposal in ranked:
            places.setdefault(proposal.algorithm, len(places))
        known = [
            each
            for each in self._portfolio
            if _key(each) not in self._known and each.algorithm in places
        ]
        known.sort(key=lambda each: places[each.algorithm])
        if known and places[known[0].algorithm] < _GOOD_FAMILIES:
            return known[0]
        changed = self._change_of(ranked)
        return known[0] if changed is None and known else changed

    def _change_of(self, ranked: Sequence[Proposal]) -> Proposal | None:
        """A change of one of the best, drawn by a seed of the trial's number."""
        source = random.Random(f"{self._config.seed}:{len(self._trials)}")
        return mutation(ranked, source, lambda each: _key(each) in self._known)

    def _try(self, proposal: Proposal | None) -> tuple[_Trial, int] | None:
        """Begin a trial with its first fold; None if there are no more to be."""
        limit = self._budget.iterations
        if proposal is None or (limit is not None and len(self._trials) >= limit):
            return None
        return self._begin(proposal), 0

    def _missing(self, trial: _Trial, folds: int) -> list[int]:
        if not trial.is_open:
            return []
        return [fold for fold in range(folds) if fold not in trial.given]

    def _excess(self, trial: _Trial) -> float:
        """How much worse a trial is than the best, on the folds that it has."""
        folds = trial.done
        best = [
            min(each.results[fold].loss for each in self._trials if fold in each.results)
            for fold in folds
        ]
        return trial.loss(folds) - sum(best) / len(best)

    def _ranked(self) -> list[_Trial]:
        """Trials that have some result, the best first; they count whatever became of a fold."""
        some = [each for each in self._trials if each.results]
        return sorted(some, key=self._excess)

    def _sound_proposals(self, before: int | None = None) -> list[Proposal]:
        """What others may be made of, the best first: of trials of which no fold has failed."""
        some = [each for each in self._ranked() if each.error is None]
        return [each.proposal for each in some if before is None or each.iteration < before]

    def _worth(self, ranked: Sequence[_Trial]) -> set[int]:
        """The trials that get all their folds: the best, and the best of each family."""
        found = {trial.iteration for trial in ranked[:_KEPT]}
        seen: set[str] = set()
        for trial in ranked:
            if trial.proposal.algorithm not in seen and len(found) < _KEPT + 4:
                seen.add(trial.proposal.algorithm)
                found.add(trial.iteration)
        return found

    def _fits(self, trial: _Trial) -> bool:
        """Whether another fold of a trial can be done in the time that is left."""
        if FAMILIES[trial.proposal.algorithm].can_stop:
            return time.monotonic() + 0.4 * self._usual_seconds(trial) < self._deadline
        return time.monotonic() + 1.1 * self._usual_seconds(trial) < self._deadline

    def _share(self, trial: _Trial) -> float:
        """The share of the time left that a trial's other folds take."""
        left = (self._deadline - time.monotonic()) * self._pool.size
        needed = (self._folds - len(trial.results)) * self._usual_seconds(trial)
        return needed / max(left, 1e-9)

    def _usual_seconds(self, trial: _Trial) -> float:
        return max((each.seconds for each in trial.results.values()), default=0.0)

    def _in_order(self, before: int) -> Proposal | None:
        """The next of the portfolio, or a change of a good one of the first trials.

        Args:
            before: so many first trials, all of which have to have ended.
        """
        number = len(self._trials)
        if number < len(self._portfolio):
            return self._portfolio[number]
        if any(trial.measured is None for trial in self._trials[:before]):
            return None
        return self._change_of(self._sound_proposals(before))

    def _begin(self, proposal: Proposal) -> _Trial:
        folder = self._problem.folder / f"{len(self._trials):04d}"
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "proposal.json", asdict(proposal), flush=False)
        trial = _Trial(len(self._trials), proposal, folder)
        self._trials.append(trial)
        self._known.add(_key(proposal))
        return trial

    def _train(self, trial: _Trial, fold: int) -> None:
        family = FAMILIES[trial.proposal.algorithm]
        now = time.monotonic()
        deadline = self._deadline
        if self._config.iteration_timeout_minutes is not None:
            spent = trial.seconds
            deadline = min(deadline, now + 60 * self._config.iteration_timeout_minutes - spent)
        grace = 3600.0
        if self._is_timed:
            whole = self._budget.seconds or 0.0
            share = _FOLD_SHARE if fold or self._is_of_known_family(trial) else _FIRST_FOLD_SHARE
            deadline = min(deadline, now + max(0.5, share * whole))
            has_some = any(each.results for each in self._trials)
            grace = max(1.0, _FOLD_SHARE * whole)
            if not has_some:
                grace = max(0.0, now - deadline) + self._patience + whole
        elif self._config.iteration_timeout_minutes is not None:
            grace = max(1.0, 30 * self._config.iteration_timeout_minutes)
        trial.given.add(fold)
        task = TrainingTask(
            iteration=trial.iteration,
            fold=fold,
            algorithm=trial.proposal.algorithm,
            parameters=dict(trial.proposal.parameters),
            folder=trial.folder.name,
            deadline=deadline,
            seed=self._config.seed * 1000 + trial.iteration,
            threads=self._pool.threads,
            most_rows=min(family.most_rows, int(self._most_rows / family.row_cost)),
        )
        self._pool.give(task, deadline=deadline + grace)

    def _is_of_known_family(self, trial: _Trial) -> bool:
        return any(
            other.proposal.algorithm == trial.proposal.algorithm
            for other in self._trials[: trial.iteration]
        )

    # Going on from a search that was killed

    def _go_on_from_before(self) -> None:
        """Take over the trials that are in the folder already, as far as they came."""
        folder = self._problem.folder
        folder.mkdir(parents=True, exist_ok=True)
        mark = folder / "search.json"
        digest = self._digest()
        known = _read(mark)
        if known is None or known["digest"] != digest:
            for stale in folder.iterdir():
                shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
            write_json(mark, {"digest": digest}, flush=False)
            return
        for place in sorted(folder.glob("[0-9]" * 4)):
            if int(place.name) != len(self._trials) or not self._take_over(place):
                break

    def _take_over(self, place: Path) -> bool:
        content, measured = _read(place / "proposal.json"), _read(place / "measured.json")
        if content is None:
            return False
        was = None if measured is None else measured["status"]
        trial = self._begin(Proposal(**content))
        for path in place.glob("fold-*.json"):
            result = TrainingResult(**json.loads(path.read_text(encoding="utf-8")))
            trial.results[result.fold] = result
            trial.given.add(result.fold)
        if was == "stopped":
            trial.is_open = False
        self._close_if_done(trial)
        return True

    def _digest(self) -> str:
        """What decides whether earlier trials are of this very search."""
        config = {
            name: value
            for name, value in self._config.to_dict().items()
            if name not in ("experiment_timeout_minutes", "iterations", "compute_target")
        }
        found = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
        for array in (self._data.x, self._data.labels.y, self._data.held):
            found.update(array.tobytes())
        return found.hexdigest()

    # The end

    def _candidate(self, trial: _Trial) -> Candidate:
        return Candidate(trial.iteration, str(trial.folder), trial.done)

    def _finish(self) -> Outcome:
        candidates, folds = self._comparable()
        if not candidates:
            reasons = "; ".join(
                f"{each.proposal.algorithm}: {each.error}" for each in self._trials if each.error
            )
            raise InvalidState(
                "No model was finished." if not reasons else f"No model was finished: {reasons}.",
                hint="Give more time, or fewer rows.",
            )
        made, explanation = self._combine(candidates, folds)
        for trial in self._trials:
            if trial.measured is None and (trial.results or trial.error):
                trial.is_open = False
                self._report(trial, self._roughly(trial))
        outcome = self._outcome(candidates, made, explanation)
        for ensemble in outcome.trials[len(self._reported) :]:
            self._problem.report(ensemble)
        return outcome

    def _roughly(self, trial: _Trial) -> Measured:
        """What the folds have said of a trial that there is no time left to measure."""
        if not trial.results:
            return Measured(trial.iteration, error=trial.error)
        loss = trial.loss(trial.done)
        score = -loss if self._config.metric.greater_is_better else loss
        return Measured(trial.iteration, score, {self._config.metric.name: score})

    def _comparable(self) -> tuple[list[_Trial], list[int]]:
        """Trials that can be compared by the same folds, and these: many of both.

        The folds are such that no trial is left out that is clearly better than all others.
        """
        some = self._ranked()
        if not some:
            return [], []
        counts = [sum(fold in each.results for each in some) for fold in range(self._folds)]
        order = sorted(range(self._folds), key=lambda fold: -counts[fold])
        for size in range(self._folds, 0, -1):
            folds = order[:size]
            able = [each for each in some if all(fold in each.results for fold in folds)]
            if len(able) >= min(_LEAST_CANDIDATES, len(some)) and self._has_best(able, some[0]):
                able.sort(key=lambda trial: trial.loss(folds))
                return able[:_COMBINED], sorted(folds)
        return [], []

    def _has_best(self, able: Sequence[_Trial], best: _Trial) -> bool:
        """Whether one of some trials is not clearly worse than the best of all."""
        for trial in able:
            folds = [fold for fold in best.done if fold in trial.results]
            loss = best.loss(folds) if folds else float("inf")
            if folds and trial.loss(folds) <= loss + _CLEARLY * abs(loss):
                return True
        return False

    def _combine(
        self, candidates: Sequence[_Trial], folds: Sequence[int]
    ) -> tuple[list[Combination], Explanation | None]:
        """Ensembles of the trials, and which columns the best trial relies on, made by workers.

        If that takes too long there is the best trial alone.
        """
        best = candidates[0]
        combining = CombiningTask(
            candidates=[self._candidate(each) for each in candidates],
            folds=folds,
            class_names=self._data.labels.names,
            vote=self._config.enable_voting_ensemble,
            stack=self._config.enable_stack_ensemble and self._has_time_to_stack(folds),
            iteration=len(self._trials),
            seed=self._config.seed,
        )
        left = max(0.3, self._budget.left - 0.2)
        if self._problem.stopped():
            left = min(left, _COMBINING_WHEN_STOPPED)
        explaining = ImportanceTask(
            self._candidate(best),
            [feature.source for feature in self._data.featurizer.features],
            time.monotonic() + min(0.8 * left, _MOST_SECONDS_TO_EXPLAIN),
            self._config.seed,
        )
        made, explanation = self._pool.ask(combining, explaining, seconds=min(left, 600.0))
        if not made:
            made = [Combination({best.iteration: 1.0}, self._roughly(best))]
        return made, explanation

    def _has_time_to_stack(self, folds: Sequence[int]) -> bool:
        """A stack needs several folds, and not more time than there is."""
        return len(folds) > 1 and self._budget.left > 1.0 + 4e-6 * self._measured_cells

    def _outcome(
        self,
        candidates: Sequence[_Trial],
        made: Sequence[Combination],
        explanation: Explanation | None,
    ) -> Outcome:
        kind = self._config.metric
        losses = [
            float("inf") if each.measured.score is None else kind.loss(each.measured.score)
            for each in made
        ]
        chosen = made[losses.index(min(losses))]
        predictor = self._predictor(chosen)
        trials = sorted(self._reported, key=lambda trial: trial.iteration)
        best = next(iter(chosen.weights))
        if len(chosen.weights) > 1 or chosen.stack is not None:
            names = ("VotingEnsemble", "StackEnsemble")
            for each in made:
                if len(each.weights) > 1:
                    trials.append(self._ensemble(each, names[each.stack is not None]))
            best = chosen.measured.iteration
        return Outcome(
            predictor=predictor,
            trials=trials,
            best=best,
            models={
                **{
                    trial.iteration: partial(self._model_of, trial.iteration)
                    for trial in self._trials
                    if len(trial.results) == self._folds
                },
                **{each.measured.iteration: partial(self._predictor, each) for each in made},
            },
            explanation=self._covering(explanation, candidates[0], chosen),
            guardrails=[rail.row() for rail in self._data.rails],
            featurization=self._data.summary(),
            facts={
                "score": chosen.measured.score,
                "metrics": dict(chosen.measured.metrics),
                "threshold": chosen.threshold,
                "temperature": chosen.temperature,
                "pipeline": predictor.describe(),
                "classes": self._data.labels.names,
                "folds": self._folds,
                "rows": len(self._data.labels.y),
                "features": self._data.x.shape[1],
            },
        )

    def _ensemble(self, made: Combination, name: str) -> Trial:
        parts = {f"trial {each}": round(weight, 4) for each, weight in made.weights.items()}
        return Trial(
            iteration=made.measured.iteration,
            algorithm=name,
            parameters=parts,
            status="completed",
            score=made.measured.score,
            metrics=made.measured.metrics,
            folds=self._folds,
            pipeline=[*self._first_steps(), f"{name} of {len(parts)} trials"],
            charts=made.measured.charts,
        )

    def _model_of(self, iteration: int) -> FittedPipeline:
        """The model of a trial alone."""
        return self._predictor(Combination({iteration: 1.0}, Measured(iteration)))

    @staticmethod
    def _covering(
        explanation: Explanation | None, explained: _Trial, chosen: Combination
    ) -> Explanation | None:
        """An explanation that says how much of the chosen model it is about."""
        if explanation is None:
            return None
        share = chosen.weights.get(explained.iteration, 0.0) / sum(chosen.weights.values())
        return replace(explanation, covered=share)

    def _predictor(self, chosen: Combination) -> FittedPipeline:
        members = [
            self._member(self._trials[iteration], weight)
            for iteration, weight in chosen.weights.items()
        ]
        frame: pandas.DataFrame = self._problem.frame
        named = {column.name for column in self._data.featurizer.columns}
        return FittedPipeline(
            self._config.task,
            str(self._config.label_column_name),
            self._data.featurizer,
            {name: str(kind) for name, kind in frame.dtypes.items() if name in named},
            self._data.labels.classes,
            members,
            stack=chosen.stack,
            temperature=chosen.temperature,
            threshold=chosen.threshold,
        )

    def _member(self, trial: _Trial, weight: float) -> Member:
        models = [
            StoredModel((trial.folder / f"fold-{fold}.model").read_bytes()) for fold in trial.done
        ]
        return Member(
            trial.iteration, trial.proposal.algorithm, trial.proposal.parameters, weight, models
        )


def _key(proposal: Proposal) -> str:
    return json.dumps([proposal.algorithm, dict(proposal.parameters)], sort_keys=True)


def _read(path: Path) -> Any:
    """What a file of JSON holds; None if it is not there, or not whole."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
