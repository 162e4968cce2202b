"""What workers measure: a trial by all its folds, and ensembles of all trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.automl.ensembles import (
    by_others,
    find_temperatures,
    find_threshold,
    heat,
    select,
    thinned,
)
from tandemlab.automl.shared_data import SharedData
from tandemlab.automl.trials import Chart

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHART_ROWS = 20_000


@dataclass(frozen=True)
class Candidate:
    """A trial whose models may be used.

    Attributes:
        folds: those that were finished.
    """

    iteration: int
    folder: str
    folds: Sequence[int]


@dataclass(frozen=True)
class Measured:
    """How good predictions are.

    Attributes:
        score: the primary metric.
    """

    iteration: int
    score: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    charts: Sequence[Chart] = ()
    error: str | None = None


@dataclass(frozen=True)
class MeasuringTask:
    """A trial, measured on the rows of its finished folds."""

    is_at_home = True
    candidate: Candidate
    class_names: Sequence[str]

    def run(self, data: SharedData) -> Measured:
        """Do it."""
        rows = rows_of(data, self.candidate.folds)
        predicted = predictions_of(data, self.candidate, self.candidate.folds)
        return _measured(data, self.candidate.iteration, rows, predicted, None, self.class_names)

    def lost(self, reason: str) -> Measured:
        """The result if it could not be done."""
        return Measured(self.candidate.iteration, error=reason)


@dataclass(frozen=True)
class Combination:
    """An ensemble.

    Attributes:
        weights: of trials by iteration; of a stack 1 for each.
        stack: what puts the predictions of these together; None for their weighted mean.
        temperature: of the probabilities; 1 leaves them.
        threshold: of two classes: from which probability on the second is predicted.
    """

    weights: Mapping[int, float]
    measured: Measured
    stack: Any = None
    temperature: float = 1.0
    threshold: float | None = None


@dataclass(frozen=True)
class CombiningTask:
    """The best ensembles of trials, by what these predict for rows that they were not trained on.

    Attributes:
        folds: those on whose rows the trials are compared; all of them have these.
        vote, stack: whether several may be put together in these ways; else the best one serves.
    """

    is_at_home = True
    candidates: Sequence[Candidate]
    folds: Sequence[int]
    class_names: Sequence[str]
    vote: bool
    stack: bool
    iteration: int
    seed: int

    def run(self, data: SharedData) -> list[Combination]:
        """Do it: the voting ensemble (or the best trial) first, then the stack, if there is one."""
        rows = rows_of(data, self.folds)
        found = [predictions_of(data, each, self.folds) for each in self.candidates]
        made = [self._vote(data, rows, found)]
        if self.stack and len(found) > 1 and len(self.folds) > 1:
            made.append(self._stack(data, rows, found))
        return made

    def lost(self, reason: str) -> list[Combination]:
        """The result if it could not be done."""
        return []

    def _vote(self, data: SharedData, rows: Any, found: Sequence[NDArray[Any]]) -> Combination:
        import numpy

        weights = self._weights(data, rows, found, thinned(len(rows)))
        if sum(weight > 0 for weight in weights) == 1:  # a trial, and measured as one
            together = found[weights.index(max(weights))]
        else:
            together = numpy.empty_like(found[0])
            for part, others in by_others(len(rows), self.seed):
                own = self._weights(data, rows, found, others)
                together[part] = _mean(own, [each[part] for each in found])
        named = {
            each.iteration: weight
            for each, weight in zip(self.candidates, weights, strict=True)
            if weight
        }
        return self._finished(data, rows, together, named, None, self.iteration)

    def _weights(
        self, data: SharedData, rows: Any, found: Sequence[NDArray[Any]], part: Any
    ) -> list[float]:
        """What each trial counts, chosen by a part of the rows."""
        loss = _Loss(data, rows[part])
        parts = [loss.needed(each[part]) for each in found]
        if self.vote:
            return select(parts, loss)
        losses = [loss(each) for each in parts]
        best = losses.index(min(losses))
        return [float(place == best) for place in range(len(parts))]

    def _stack(self, data: SharedData, rows: Any, found: Sequence[NDArray[Any]]) -> Combination:
        from tandemlab.automl.stacking import Stack, predict_held

        truth = data.y[rows]
        weights = None if data.weights is None else data.weights[rows]
        held = data.held[rows][:, list(self.folds)]
        classes = data.about["classes"]
        together = predict_held(found, truth, weights, held, classes)
        stack = Stack(found, truth, weights, classes)
        named = {each.iteration: 1.0 for each in self.candidates}
        return self._finished(data, rows, together, named, stack, self.iteration + 1)

    def _finished(
        self,
        data: SharedData,
        rows: Any,
        together: Any,
        weights: Mapping[int, float],
        stack: Any,
        iteration: int,
    ) -> Combination:
        temperature, threshold, own_threshold = 1.0, None, None
        if data.about["classes"]:
            weights_of_rows = None if data.weights is None else data.weights[rows]
            temperature, own = find_temperatures(together, data.y[rows], weights_of_rows, self.seed)
            together = heat(together, own)
            threshold, own_threshold = self._thresholds(data, rows, together)
        measured = _measured(data, iteration, rows, together, own_threshold, self.class_names)
        return Combination(weights, measured, stack, temperature, threshold)

    def _thresholds(self, data: SharedData, rows: Any, together: Any) -> tuple[Any, Any]:
        """The threshold that suits all rows best, and those of the rows by other ones alone."""
        import numpy

        some = thinned(len(rows))
        threshold = _threshold(data, rows[some], together[some])
        if threshold in (None, 0.5):
            return threshold, threshold
        own = numpy.empty(len(rows))
        for part, others in by_others(len(rows), self.seed):
            own[part] = _threshold(data, rows[others], together[others])
        return threshold, own


def _mean(weights: Sequence[float], found: Sequence[NDArray[Any]]) -> Any:
    return sum(weight * each for weight, each in zip(weights, found, strict=True) if weight)


class _Loss:
    """The primary metric of predictions as a loss, with a little of the proper one beside it."""

    def __init__(self, data: SharedData, rows: Any) -> None:
        from tandemlab.automl.metrics import METRICS

        about = data.about
        self._task = about["task"]
        self._truth = data.y[rows]
        self._weights = None if data.weights is None else data.weights[rows]
        self._kind = METRICS[self._task][about["metric"]]
        self._is_log_loss = self._kind.name == "log_loss"

    def needed(self, predicted: NDArray[Any]) -> NDArray[Any]:
        """What is asked of predictions: of a mean it is the mean, and often less than all."""
        import numpy

        if not self._is_log_loss:
            return predicted
        found: NDArray[Any] = predicted[numpy.arange(len(predicted)), self._truth]
        return found

    def __call__(self, needed: NDArray[Any]) -> float:
        import numpy

        from tandemlab.automl.metrics import log_loss, measure_one

        if self._is_log_loss:
            losses = -numpy.log(numpy.clip(needed, 1e-15, 1.0))
            return float(numpy.average(losses, weights=self._weights))
        loss = measure_one(self._kind, self._task, self._truth, needed, self._weights)
        if self._kind.of_labels:  # of equal ones that which is surer of the truth
            loss += 0.02 * log_loss(self._truth, needed, self._weights)
        return loss


def _threshold(data: SharedData, rows: Any, predicted: NDArray[Any]) -> float | None:
    """The threshold that suits a metric of labels best; 0.5 for others; None unless two classes."""
    from tandemlab.automl.metrics import METRICS, measure_one

    about = data.about
    if about["classes"] != 2:
        return None
    kind = METRICS[about["task"]][about["metric"]]
    if not kind.of_labels:
        return 0.5
    truth = data.y[rows]
    weights = None if data.weights is None else data.weights[rows]

    def loss(threshold: float) -> float:
        return measure_one(kind, about["task"], truth, predicted, weights, threshold)

    return find_threshold(predicted[:, 1], loss)


def rows_of(data: SharedData, folds: Sequence[int]) -> NDArray[Any]:
    """The rows that some folds are measured on, in their order."""
    import numpy

    return numpy.asarray(data.held[:, list(folds)].any(axis=1)).nonzero()[0]


def predictions_of(data: SharedData, candidate: Candidate, folds: Sequence[int]) -> NDArray[Any]:
    """What a trial has predicted for the rows of some folds; the mean where a row is in several."""
    import numpy

    shape = (len(data.y), data.about["classes"]) if data.about["classes"] else (len(data.y),)
    total = numpy.zeros(shape, dtype="float64")
    count = numpy.zeros(len(data.y))
    for fold in folds:
        held = numpy.asarray(data.held[:, fold])
        total[held] += numpy.load(Path(candidate.folder, f"fold-{fold}.npy"))
        count[held] += 1
    rows = count.nonzero()[0]
    counts = count[rows]
    return total[rows] / (counts[:, None] if total.ndim == 2 else counts)


def _measured(
    data: SharedData,
    iteration: int,
    rows: NDArray[Any],
    predicted: NDArray[Any],
    threshold: float | NDArray[Any] | None,
    class_names: Sequence[str],
) -> Measured:
    import numpy

    from tandemlab.automl.metrics import METRICS, measure
    from tandemlab.automl.trial_charts import charts_of

    about = data.about
    kind = METRICS[about["task"]][about["metric"]]
    truth = data.y[rows]
    weights = None if data.weights is None else data.weights[rows]
    score = measure(about["task"], truth, predicted, weights, threshold, only=kind.name)
    few = slice(None, None, -(-len(rows) // _CHART_ROWS))
    few_weights = None if weights is None else weights[few]
    cut = threshold[few] if isinstance(threshold, numpy.ndarray) else threshold
    metrics = measure(about["task"], truth[few], predicted[few], few_weights, cut)
    charts = charts_of(about["task"], truth[few], predicted[few], class_names, cut)
    return Measured(iteration, score.get(kind.name), {**metrics, **score}, charts)
