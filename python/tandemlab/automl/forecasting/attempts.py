"""Attempts: candidates on their way to being trials."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.automl.forecasting.measures import measure
from tandemlab.automl.forecasting.members import LocalMember, Member, Stored
from tandemlab.automl.forecasting.portfolio import Candidate
from tandemlab.automl.forecasting.statistical import SeasonalNaive
from tandemlab.automl.forecasting.study import Study
from tandemlab.automl.forecasting.tasks import GlobalPart, LocalPart, Task, TaskResult, fit_series
from tandemlab.automl.metrics import FORECASTING
from tandemlab.automl.trial_charts import charts_of
from tandemlab.automl.trials import Chart, Trial

if TYPE_CHECKING:
    import numpy as np

_FALLBACK = "SeasonalNaive"


@dataclass(frozen=True)
class Fallback:
    """What series get that a model did not come to.

    Attributes:
        forecasts: from the origins, shape ``(series, folds, horizon)``.
        models: of each series.
    """

    forecasts: np.ndarray
    models: list[SeasonalNaive | Stored]

    @classmethod
    def of(cls, study: Study, algorithm: str = _FALLBACK) -> Fallback:
        """A model that costs nothing, for all series."""
        import numpy as np

        fitted = [fit_series(study, algorithm, series) for series in range(len(study.panel))]
        models = [model for _, model in fitted if isinstance(model, SeasonalNaive)]
        return cls(np.stack([made for made, _ in fitted]), list(models))


@dataclass(frozen=True)
class Made:
    """What a trial made.

    Attributes:
        forecasts: from the origins, shape ``(series, folds, horizon)``.
        covered: the share of the series that the model itself came to.
    """

    forecasts: np.ndarray
    member: Member
    covered: float


@dataclass
class Attempt:
    """A candidate, and what has become of its parts.

    Attributes:
        tasks: those that are not done.
        paths: of the files that its parts write.
        seconds: work that it took.
        error: of the first part that failed.
        nodes: of the cluster, that did some of it.
    """

    iteration: int
    candidate: Candidate
    tasks: list[Task]
    paths: list[Path]
    seconds: float = 0.0
    error: str | None = None
    left: int = field(default=0)
    nodes: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.left = len(self.tasks)

    def take(self, result: TaskResult) -> bool:
        """Note a result; whether it was the last."""
        self.seconds += result.seconds
        self.left -= 1
        if result.error is not None and self.error is None:
            self.error = result.error
        if result.node is not None:
            self.nodes.add(result.node)
        return self.left == 0

    def collect(self, study: Study, fallback: Fallback) -> Made | None:
        """Put together what the parts have written; None if there is nothing."""
        parts = []
        for path in self.paths:
            with suppress(FileNotFoundError):
                parts.append(pickle.loads(path.read_bytes()))
        if not parts:
            return None
        if isinstance(parts[0], GlobalPart):
            return Made(parts[0].forecasts, parts[0].member, 1.0)
        return _of_local(self.candidate.algorithm, parts, study, fallback)

    def trial(self, study: Study, made: Made | None, metric: str) -> Trial:
        """What it came to, for people."""
        parameters = self.candidate.parameters(study.season)
        if made is None:
            return Trial(
                iteration=self.iteration,
                algorithm=self.candidate.algorithm,
                parameters=parameters,
                status="failed",
                score=None,
                seconds=self.seconds,
                error=self.error or "time was up before anything was made",
            )
        return trial_of(
            study,
            made.forecasts,
            metric,
            iteration=self.iteration,
            algorithm=self.candidate.algorithm,
            parameters=parameters,
            seconds=self.seconds,
            status="completed" if made.covered == 1.0 else "stopped",
            nodes=sorted(self.nodes),
        )


def trial_of(
    study: Study,
    forecasts: np.ndarray,
    metric: str,
    *,
    iteration: int,
    algorithm: str,
    parameters: Mapping[str, Any],
    seconds: float = 0.0,
    status: str = "completed",
    pipeline: Sequence[str] = (),
    nodes: Sequence[str] = (),
) -> Trial:
    """A trial by the forecasts that were made from the origins."""
    metrics = measure(study.origins, forecasts)
    return Trial(
        iteration=iteration,
        algorithm=algorithm,
        parameters=parameters,
        status=status,
        score=metrics.get(metric),
        metrics=metrics,
        seconds=seconds,
        folds=study.origins.folds,
        pipeline=pipeline or (algorithm,),
        charts=_charts(study, forecasts),
        nodes=nodes,
    )


def _charts(study: Study, forecasts: np.ndarray) -> list[Chart]:
    import numpy as np

    there = ~np.isnan(study.origins.actual)
    return charts_of(FORECASTING, study.origins.actual[there], forecasts[there], [])


def _of_local(algorithm: str, parts: Sequence[LocalPart], study: Study, fallback: Fallback) -> Made:
    forecasts = fallback.forecasts.copy()
    models = list(fallback.models)
    covered = 0
    for part in parts:
        forecasts[part.series] = part.forecasts
        covered += len(part.series)
        for series, model in zip(part.series, part.models, strict=True):
            models[series] = model
    member = LocalMember(algorithm, models, study.panel.lengths)
    return Made(forecasts, member, covered / len(study.panel))
