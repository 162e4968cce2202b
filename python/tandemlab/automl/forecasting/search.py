"""The search for the best forecast within a budget of time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tandemlab.automl.forecasting.attempts import Attempt, Fallback, Made, trial_of
from tandemlab.automl.forecasting.checking import guardrails_of, handle_short_series
from tandemlab.automl.forecasting.forecaster import Forecaster
from tandemlab.automl.forecasting.intervals import learn_intervals
from tandemlab.automl.forecasting.measures import loss_of
from tandemlab.automl.forecasting.members import LocalMember
from tandemlab.automl.forecasting.parameters import ForecastingParameters, parameters_of
from tandemlab.automl.forecasting.portfolio import AT_ONCE, Candidate, candidates
from tandemlab.automl.forecasting.reading import Reader
from tandemlab.automl.forecasting.seasons import find_season
from tandemlab.automl.forecasting.study import Study, make_table
from tandemlab.automl.forecasting.tasks import GlobalTask, LocalTask, Task
from tandemlab.automl.forecasting.validation import Origins, choose_origins, usual_horizon
from tandemlab.automl.forecasting.weighing import choose_weights
from tandemlab.automl.problem import Outcome, Problem, slowness
from tandemlab.automl.shared_data import SharedData
from tandemlab.automl.trials import Trial
from tandemlab.automl.worker_pool import start_pool
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import numpy as np

ENSEMBLE = "VotingEnsemble"
_PARTS = 64  # at most, of the series, for each kind of local model
_SPARING_PARTS = 16  # the same, where series are so many that models are sparing
_SPARING = 200  # series, from which on models of one series are sparing
_GLOBAL_SHARE = 0.5  # of the time, that a model of all series may take beside many of one
_RESERVE = 0.02  # of the time, to put together what was found
_LEAST_RESERVE = 0.5  # seconds, beside that
_MOST_RESERVE = 0.2  # of the time
_LOOK = 0.2
_GRACE = 0.2
_MODULES = ("tandemlab.automl.forecasting.tasks", "pandas", "lightgbm", "statsforecast.models")
_MOST_TO_WEIGH = 20_000  # values, by which weights are chosen
_MANY = 20  # series, beyond which one model of all comes first
_SMALL = 5_000  # values, for which a simple global model is tried first
_ABSOLUTE = (
    "mean_absolute_error",
    "normalized_mean_absolute_error",
    "median_absolute_error",
    "mean_absolute_scaled_error",
    "mean_absolute_percentage_error",
    "symmetric_mean_absolute_percentage_error",
)


def search(problem: Problem) -> Outcome:
    """Look for the best forecast until the budget is spent.

    The seasonal naive forecast is there at once; others come from processes that are ended when
    time is up, and series that a model did not come to keep the seasonal naive one.

    Raises:
        InvalidInput: the table cannot be forecast; the message says why, with rows and times.
    """
    return _Search(problem).run()


class _Search:
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.config = problem.config
        self.metric = problem.config.metric.name
        self.trials: list[Trial] = []
        self.made: dict[int, Made] = {}
        self.problem.folder.mkdir(parents=True, exist_ok=True)
        self.shared = SharedData(self.problem.folder, self.problem.folder)

    def run(self) -> Outcome:
        study = self.study
        study.write(self.shared.folder)
        fallback = Fallback.of(study)
        listed = self._listed()
        for iteration, candidate in enumerate(listed):
            if candidate.algorithm in AT_ONCE:
                self._at_once(iteration, candidate)
        self._in_processes(
            [
                self._attempt(iteration, candidate)
                for iteration, candidate in enumerate(listed)
                if candidate.algorithm not in AT_ONCE
            ],
            fallback,
        )
        if not self.made:  # what was allowed came to nothing, and something must come out
            self._at_once(len(listed), Candidate("SeasonalNaive"))
        return self._outcome(len(listed) + 1)

    @cached_property
    def parameters(self) -> ForecastingParameters:
        return parameters_of(self.config.forecasting_parameters)

    @cached_property
    def reader(self) -> Reader:
        if self.config.label_column_name is None:
            raise InvalidInput("label_column_name is missing: the column to forecast.")
        return Reader.for_training(
            self.problem.frame, self.config.label_column_name, self.parameters
        )

    @cached_property
    def study(self) -> Study:
        parameters = self.parameters
        self.read = self.reader.read(self.problem.frame)
        season = (
            find_season(self.read)
            if isinstance(parameters.seasonality, str)
            else parameters.seasonality
        )
        horizon = (
            usual_horizon(self.read.lengths, season)
            if isinstance(parameters.forecast_horizon, str)
            else parameters.forecast_horizon
        )
        panel = handle_short_series(self.read, parameters, horizon, season)
        step = parameters.cv_step_size
        origins = choose_origins(
            panel,
            horizon,
            season,
            self.config.n_cross_validations,
            None if isinstance(step, str) else step,
        )
        table = make_table(
            panel,
            self.reader.clock,
            parameters.country_or_region_for_holidays,
            list(self.reader.categories),
            steps=horizon,
        )
        return Study(panel, table, origins, season, self.config.seed)

    @cached_property
    def ends(self) -> float:
        """When no more is begun, by `time.monotonic`."""
        budget = self.problem.budget
        if budget.deadline is None or budget.seconds is None:
            return float("inf")
        needed = (_LEAST_RESERVE + _RESERVE * budget.seconds) * slowness()
        return budget.deadline - min(_MOST_RESERVE * budget.seconds, needed)

    def _listed(self) -> list[Candidate]:
        import numpy as np

        panel = self.study.panel
        listed = candidates(
            self.parameters,
            season=self.study.season,
            shortest=int(np.median(panel.lengths)),
            is_positive=all(np.nanmin(values) > 0 for values in panel.values),
            has_many=len(panel) > _MANY,
            is_small=int(panel.lengths.sum()) < _SMALL,
            absolute=self.metric in _ABSOLUTE,
            allowed=self.config.allowed_models,
            blocked=self.config.blocked_models,
        )
        return listed[: self.problem.budget.iterations]

    def _at_once(self, iteration: int, candidate: Candidate) -> None:
        began = time.monotonic()
        found = Fallback.of(self.study, candidate.algorithm)
        member = LocalMember(candidate.algorithm, found.models, self.study.panel.lengths)
        made = Made(found.forecasts, member, 1.0)
        trial = trial_of(
            self.study,
            made.forecasts,
            self.metric,
            iteration=iteration,
            algorithm=candidate.algorithm,
            parameters=candidate.parameters(self.study.season),
            seconds=time.monotonic() - began,
        )
        self._report(made, trial)

    def _attempt(self, iteration: int, candidate: Candidate) -> Attempt:
        series = list(range(len(self.study.panel)))
        size = 1 if candidate.lags is None else len(series)
        parts = _SPARING_PARTS if self._is_sparing else _PARTS
        size = max(size, -(-len(series) // parts))
        folder = self.problem.folder / f"trial-{iteration}"
        folder.mkdir(exist_ok=True)
        tasks, paths = [], []
        for part, begin in enumerate(range(0, len(series), size)):
            name = f"part-{part}.pickle"
            paths.append(folder / name)
            if not paths[-1].exists():
                chosen = tuple(series[begin : begin + size])
                path = f"{folder.name}/{name}"
                tasks.append(self._task(iteration, part, candidate, path, chosen))
        return Attempt(iteration, candidate, tasks, paths)

    def _task(
        self, iteration: int, part: int, candidate: Candidate, path: str, series: tuple[int, ...]
    ) -> Task:
        if candidate.lags is None:
            return LocalTask(
                iteration,
                part,
                candidate.algorithm,
                path,
                self.ends,
                series,
                self._is_sparing,
            )
        return GlobalTask(
            iteration,
            part,
            candidate.algorithm,
            path,
            self._global_ends,
            lags=candidate.lags,
            settings=candidate.settings,
            threads=self.config.max_cores_per_iteration,
        )

    @property
    def _is_sparing(self) -> bool:
        """Whether there are so many series that models of one have to be cheap."""
        return len(self.study.panel) >= _SPARING

    @property
    def _global_ends(self) -> float:
        """When a model of all series is to be done, so that there is time for those of one."""
        now = time.monotonic()
        return now + _GLOBAL_SHARE * (self.ends - now) if self._is_sparing else self.ends

    def _in_processes(self, attempts: list[Attempt], fallback: Fallback) -> None:
        waiting = deque(task for attempt in attempts for task in attempt.tasks)
        by_iteration = {attempt.iteration: attempt for attempt in attempts}
        if waiting:
            self._work(waiting, by_iteration, fallback)
        for attempt in attempts:
            if attempt.iteration not in {trial.iteration for trial in self.trials}:
                self._end(attempt, fallback)

    def _work(
        self, waiting: deque[Task], attempts: Mapping[int, Attempt], fallback: Fallback
    ) -> None:
        with start_pool(self.problem, self.shared, _MODULES) as pool:
            while not pool.wait_until_ready(_LOOK):
                if time.monotonic() > self.ends or self._is_enough():
                    return
            while waiting or pool.busy:
                if time.monotonic() > self.ends or self._is_enough():
                    waiting.clear()
                if time.monotonic() > self.ends + _GRACE or self._is_enough():
                    return
                while waiting and pool.idle:
                    task = self._within_iteration(waiting.popleft())
                    pool.give(task, deadline=task.deadline + _GRACE)
                for result in pool.results(min(_LOOK, max(0.01, self.ends - time.monotonic()))):
                    attempt = attempts[result.iteration]
                    if attempt.take(result):
                        self._end(attempt, fallback)

    def _within_iteration(self, task: Task) -> Task:
        minutes = self.config.iteration_timeout_minutes
        if minutes is None:
            return task
        return replace(task, deadline=min(task.deadline, time.monotonic() + 60 * minutes))

    def _is_enough(self) -> bool:
        score, exit_score = self._best_score(), self.config.experiment_exit_score
        reached = (
            score is not None
            and exit_score is not None
            and self.config.metric.loss(score) <= self.config.metric.loss(exit_score)
        )
        return reached or self.problem.stopped()

    def _best_score(self) -> float | None:
        scores = [trial.score for trial in self.trials if trial.score is not None]
        return min(scores, key=self.config.metric.loss, default=None)

    def _end(self, attempt: Attempt, fallback: Fallback) -> None:
        made = attempt.collect(self.study, fallback)
        self._report(made, attempt.trial(self.study, made, self.metric))

    def _report(self, made: Made | None, trial: Trial) -> None:
        if made is not None:
            self.made[trial.iteration] = made
        self.trials.append(trial)
        self.problem.report(trial)

    def _outcome(self, iteration: int) -> Outcome:
        weights = self._weights()
        best = max(weights, key=weights.__getitem__)
        if len(weights) > 1:
            self._report_ensemble(iteration, weights)
            best = iteration
        guardrails = guardrails_of(self.read, self.study.panel, self.study.origins)
        forecaster = self._forecaster(weights)
        return Outcome(
            predictor=forecaster,
            trials=sorted(self.trials, key=lambda trial: trial.iteration),
            best=best,
            models={
                iteration: partial(self._forecaster, {iteration: 1.0}) for iteration in self.made
            },
            guardrails=[guardrail.row() for guardrail in guardrails],
            featurization=self._featurization(),
            facts=self._facts(best, forecaster),
        )

    def _report_ensemble(self, iteration: int, weights: Mapping[int, float]) -> None:
        algorithms = {trial.iteration: trial.algorithm for trial in self.trials}
        trial = trial_of(
            self.study,
            self._honest,
            self.metric,
            iteration=iteration,
            algorithm=ENSEMBLE,
            parameters={
                f"{algorithms[place]}_{place}": round(weights[place], 4) for place in weights
            },
            pipeline=tuple(f"{weights[at]:.3f} × {algorithms[at]}" for at in weights),
        )
        self.trials.append(trial)
        self.problem.report(trial)

    def _weights(self, folds: list[int] | None = None) -> dict[int, float]:
        """The weights of the trials that take part, by the forecasts from some origins or all."""
        import numpy as np

        iterations = sorted(self.made)
        origins = _some(self.study.origins, folds)
        chosen = np.arange(self.study.origins.folds) if folds is None else folds
        forecasts = [
            self.made[place].forecasts[: len(origins.known), chosen] for place in iterations
        ]
        if self.config.enable_voting_ensemble and len(iterations) > 1:
            weights = choose_weights(origins, forecasts, self.metric)
        else:
            losses = [loss_of(origins, each, self.metric) for each in forecasts]
            weights = [float(place == losses.index(min(losses))) for place in range(len(losses))]
        found = zip(iterations, weights, strict=True)
        return {place: weight for place, weight in found if weight > 0}

    def _together(self, weights: Mapping[int, float]) -> np.ndarray:
        parts = [weight * self.made[place].forecasts for place, weight in weights.items()]
        total: np.ndarray = sum(parts[1:], parts[0])
        return total

    def _forecaster(self, weights: Mapping[int, float]) -> Forecaster:
        return Forecaster(
            reader=self.reader,
            panel=self.study.panel,
            horizon=self.study.horizon,
            season=self.study.season,
            members=[self.made[place].member for place in weights],
            weights=list(weights.values()),
            intervals=learn_intervals(self.study.origins, self._honest),
        )

    @cached_property
    def _honest(self) -> np.ndarray:
        """Forecasts from each origin by the weights that the others give.

        Weights that were chosen by the same errors would make these, and intervals, too small. It
        is of the end, when all is made.
        """
        import numpy as np

        folds = self.study.origins.folds
        if folds == 1:
            return self._together(self._weights())
        made = np.empty_like(self.study.origins.actual)
        for fold in range(folds):
            weights = self._weights([other for other in range(folds) if other != fold])
            made[:, fold] = self._together(weights)[:, fold]
        return made

    def _featurization(self) -> list[dict[str, Any]]:
        parameters = self.parameters
        unknown = parameters.features_unknown_at_forecast_time or ()
        purposes = {
            parameters.time_column_name: "time",
            self.reader.target: "target",
            **dict.fromkeys(parameters.series_columns, "series"),
            **dict.fromkeys(unknown, "unknown ahead, left out"),
        }
        return [
            {
                "column": str(column),
                "purpose": purposes.get(str(column), "known ahead"),
                "dropped": column in unknown,
                "reason": str(self.problem.frame[column].dtype),
                "missing": int(self.problem.frame[column].isna().sum()),
            }
            for column in self.problem.frame.columns
        ]

    def _facts(self, best: int, forecaster: Forecaster) -> dict[str, Any]:
        study = self.study
        trial = next(trial for trial in self.trials if trial.iteration == best)
        return {
            "forecast_horizon": study.horizon,
            "freq": study.panel.freq,
            "seasonality": study.season,
            "series": len(study.panel),
            "origins": study.origins.folds,
            "score": trial.score,
            "metrics": dict(trial.metrics),
            "pipeline": forecaster.describe(),
        }


def _some(origins: Origins, folds: list[int] | None) -> Origins:
    """So many series as a choice of weights needs, and some origins."""
    most = max(20, _MOST_TO_WEIGH // (origins.folds * origins.horizon))
    chosen = slice(None) if folds is None else folds
    return replace(
        origins,
        known=origins.known[:most, chosen],
        actual=origins.actual[:most, chosen],
        scales=origins.scales[:most],
        ranges=origins.ranges[:most],
    )
