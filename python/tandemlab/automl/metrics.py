"""Metrics: what a model is measured by, and which way is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.schemas import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSIFICATION = "classification"
REGRESSION = "regression"
FORECASTING = "forecasting"
TASKS = (CLASSIFICATION, REGRESSION, FORECASTING)

_MOST_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class MetricKind:
    """A metric.

    Attributes:
        greater_is_better: whether a greater value is the better one.
        of_labels: whether it goes by the predicted classes alone.
    """

    name: str
    greater_is_better: bool
    of_labels: bool = False

    def loss(self, value: float) -> float:
        """The value as something to be small."""
        return -value if self.greater_is_better else value


_CLASSIFICATION = [
    MetricKind("log_loss", False),
    MetricKind("AUC_weighted", True),
    MetricKind("average_precision_score_weighted", True),
    MetricKind("accuracy", True, of_labels=True),
    MetricKind("balanced_accuracy", True, of_labels=True),
    MetricKind("norm_macro_recall", True, of_labels=True),
    MetricKind("precision_score_weighted", True, of_labels=True),
    MetricKind("recall_score_weighted", True, of_labels=True),
    MetricKind("f1_score_weighted", True, of_labels=True),
    MetricKind("f1_score_macro", True, of_labels=True),
    MetricKind("matthews_correlation", True, of_labels=True),
]
_REGRESSION = [
    MetricKind("root_mean_squared_error", False),
    MetricKind("normalized_root_mean_squared_error", False),
    MetricKind("mean_absolute_error", False),
    MetricKind("normalized_mean_absolute_error", False),
    MetricKind("median_absolute_error", False),
    MetricKind("r2_score", True),
    MetricKind("explained_variance", True),
    MetricKind("spearman_correlation", True),
]
_FORECASTING = [
    *_REGRESSION,
    MetricKind("mean_absolute_percentage_error", False),
    MetricKind("symmetric_mean_absolute_percentage_error", False),
    MetricKind("mean_absolute_scaled_error", False),
]
METRICS: dict[str, dict[str, MetricKind]] = {
    CLASSIFICATION: {each.name: each for each in _CLASSIFICATION},
    REGRESSION: {each.name: each for each in _REGRESSION},
    FORECASTING: {each.name: each for each in _FORECASTING},
}
DEFAULTS = {
    CLASSIFICATION: "log_loss",
    REGRESSION: "root_mean_squared_error",
    FORECASTING: "normalized_root_mean_squared_error",
}


def metric_kind(task: str, name: str | None) -> MetricKind:
    """The metric of that name, or the usual one of a task.

    Raises:
        InvalidInput: the task has no such metric.

    >>> metric_kind("classification", None).name
    'log_loss'
    """
    known = METRICS[task]
    name = DEFAULTS[task] if name is None else name
    if name not in known:
        meant = nearest(name, known)
        raise InvalidInput(
            f"{name!r} is no metric of {task}.",
            hint=f"Did you mean {meant!r}?" if meant else f"Known are {', '.join(known)}.",
            details={"primary_metric": name},
        )
    return known[name]


def measure(
    task: str,
    truth: NDArray[Any],
    predicted: NDArray[Any],
    weights: NDArray[Any] | None = None,
    threshold: float | NDArray[Any] | None = None,
    *,
    only: str | None = None,
) -> dict[str, float]:
    """All metrics of a task, each in its own unit.

    Args:
        truth: codes of classes from 0 on, or values; of the length n.
        predicted: probabilities (n × classes), or values (n).
        weights: of the rows.
        threshold: of two classes: the second is predicted from that probability on; one, or one
            for each row.
        only: name of the one that is wanted.

    Returns:
        Metrics by name; those that cannot be told (one class alone) are left out.
    """
    compute = _measure_classes if task == CLASSIFICATION else _measure_values
    return compute(*_thinned(truth, predicted, weights, threshold), only=only)


def measure_one(
    kind: MetricKind,
    task: str,
    truth: NDArray[Any],
    predicted: NDArray[Any],
    weights: NDArray[Any] | None = None,
    threshold: float | None = None,
) -> float:
    """One metric as a loss; infinite where it cannot be told."""
    import math

    truth, predicted, weights, threshold = _thinned(truth, predicted, weights, threshold)
    if kind.name == "log_loss":
        return log_loss(truth, predicted, weights)
    if kind.name == "root_mean_squared_error":
        import numpy

        return float(numpy.sqrt(numpy.average((truth - predicted) ** 2, weights=weights)))
    compute = _measure_classes if task == CLASSIFICATION else _measure_values
    value = compute(truth, predicted, weights, threshold, only=kind.name).get(kind.name)
    return math.inf if value is None or math.isnan(value) else kind.loss(value)


def log_loss(
    truth: NDArray[Any], predicted: NDArray[Any], weights: NDArray[Any] | None = None
) -> float:
    """Mean negative logarithm (natural) of the probability of the true class."""
    import numpy

    return float(numpy.average(losses_of(truth, predicted), weights=weights))


def losses_of(truth: NDArray[Any], predicted: NDArray[Any]) -> NDArray[Any]:
    """Of each row the negative logarithm (natural) of the probability of the true class."""
    import numpy

    chosen = predicted[numpy.arange(len(truth)), truth]
    return -numpy.log(numpy.clip(chosen, 1e-15, 1.0))


def labels_of(
    predicted: NDArray[Any], threshold: float | NDArray[Any] | None = None
) -> NDArray[Any]:
    """Codes of the predicted classes."""
    if threshold is not None and predicted.shape[1] == 2:
        return (predicted[:, 1] >= threshold).astype("int64")
    return predicted.argmax(axis=1)


def _thinned(truth: Any, predicted: Any, weights: Any, threshold: Any) -> tuple[Any, Any, Any, Any]:
    """Every so many rows of very many: metrics of more take time and tell nothing new."""
    import numpy

    step = -(-len(truth) // _MOST_ROWS)
    if step <= 1:
        return truth, predicted, weights, threshold
    weights = None if weights is None else weights[::step]
    threshold = threshold[::step] if numpy.ndim(threshold) else threshold
    return truth[::step], predicted[::step], weights, threshold


def _measure_classes(
    truth: Any, predicted: Any, weights: Any, threshold: Any, only: str | None = None
) -> dict[str, float]:
    by_probability: dict[str, Callable[[], float]] = {
        "log_loss": lambda: log_loss(truth, predicted, weights),
        "AUC_weighted": lambda: _by_class(_area, truth, predicted, weights),
        "average_precision_score_weighted": lambda: _by_class(
            _average_precision, truth, predicted, weights
        ),
    }
    if only in by_probability:
        return _computed(by_probability, only)
    return _computed(
        {
            **by_probability,
            **_of_labels(truth, labels_of(predicted, threshold), weights, predicted),
        },
        only,
    )


def _of_labels(
    truth: Any, labels: Any, weights: Any, predicted: Any
) -> dict[str, Callable[[], float]]:
    """What the counts of each class and each prediction tell."""
    import numpy

    classes = predicted.shape[1]
    counts = numpy.bincount(classes * truth + labels, weights, classes**2)
    counts = counts.reshape(classes, classes).astype("float64")
    hits, true, found, all_ = counts.diagonal(), counts.sum(1), counts.sum(0), counts.sum()
    shares = true / all_
    precision = _ratio(hits, found)
    f1 = _ratio(2 * hits, true + found)
    recall = float((hits[true > 0] / true[true > 0]).mean())

    def correlation() -> float:
        spread = numpy.sqrt((all_**2 - (found**2).sum()) * (all_**2 - (true**2).sum()))
        return float((hits.sum() * all_ - true @ found) / spread) if spread > 0 else 0.0

    return {
        "accuracy": lambda: hits.sum() / all_,
        "balanced_accuracy": lambda: recall,
        "norm_macro_recall": lambda: _normed(recall, int((true > 0).sum())),
        "precision_score_weighted": lambda: shares @ precision,
        "recall_score_weighted": lambda: hits.sum() / all_,
        "f1_score_weighted": lambda: shares @ f1,
        "f1_score_macro": lambda: f1.mean(),
        "matthews_correlation": correlation,
    }


def _ratio(above: Any, below: Any) -> Any:
    """One by the other; 0 where there is nothing to divide by."""
    import numpy

    return numpy.divide(above, below, out=numpy.zeros_like(above), where=below > 0)


def _cumulated(is_class: Any, score: Any, weights: Any) -> tuple[Any, Any]:
    """Weights of true and false positives from each value of a score on, the greatest first."""
    import numpy

    order = numpy.argsort(-score, kind="stable")
    own = numpy.ones(len(score)) if weights is None else weights[order]
    hit = own * is_class[order]
    ends = numpy.append(numpy.diff(score[order]).nonzero()[0], len(score) - 1)
    return numpy.cumsum(hit)[ends], numpy.cumsum(own - hit)[ends]


def _area(is_class: Any, score: Any, weights: Any) -> float:
    """The area under the receiver operating characteristic."""
    import numpy

    true, false = (numpy.insert(each, 0, 0.0) for each in _cumulated(is_class, score, weights))
    return float((numpy.diff(false) * (true[1:] + true[:-1])).sum() / 2 / (true[-1] * false[-1]))


def _average_precision(is_class: Any, score: Any, weights: Any) -> float:
    """The mean of precisions, weighted by how much recall each adds."""
    import numpy

    true, false = _cumulated(is_class, score, weights)
    added = numpy.diff(numpy.insert(true, 0, 0.0)) / true[-1]
    return float((added * _ratio(true, true + false)).sum())


def _computed(computations: dict[str, Callable[[], float]], only: str | None) -> dict[str, float]:
    import math

    chosen = computations if only is None else {only: computations[only]}
    found = {name: float(compute()) for name, compute in chosen.items()}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def _normed(recall: float, classes: int) -> float:
    return (recall - 1 / classes) / (1 - 1 / classes) if classes > 1 else float("nan")


def _by_class(score: Callable[..., float], truth: Any, predicted: Any, weights: Any) -> float:
    """One class against all others, weighted by how frequent each is."""
    import numpy

    if predicted.shape[1] == 2:
        if truth.min() == truth.max():
            return float("nan")
        return score(truth == 1, predicted[:, 1], weights)
    counts = numpy.bincount(truth, minlength=predicted.shape[1])
    known = [code for code, count in enumerate(counts) if 0 < count < len(truth)]
    if not known:
        return float("nan")
    found = [score(truth == code, predicted[:, code], weights) for code in known]
    return float(numpy.average(found, weights=counts[known]))


def _measure_values(
    truth: Any, predicted: Any, weights: Any, threshold: Any, only: str | None = None
) -> dict[str, float]:
    import numpy
    from sklearn import metrics

    spread = float(truth.max() - truth.min()) or float("nan")

    def rmse() -> float:
        return float(numpy.sqrt(numpy.average((truth - predicted) ** 2, weights=weights)))

    def mae() -> float:
        return float(numpy.average(numpy.abs(truth - predicted), weights=weights))

    def spearman() -> float:
        from scipy.stats import spearmanr

        varies = truth.min() < truth.max() and predicted.min() < predicted.max()
        return float(spearmanr(truth, predicted).statistic) if varies else float("nan")

    def of_two(score: Callable[..., float]) -> float:
        return (
            float(score(truth, predicted, sample_weight=weights)) if len(truth) > 1 else numpy.nan
        )

    return _computed(
        {
            "root_mean_squared_error": rmse,
            "normalized_root_mean_squared_error": lambda: rmse() / spread,
            "mean_absolute_error": mae,
            "normalized_mean_absolute_error": lambda: mae() / spread,
            "median_absolute_error": lambda: float(numpy.median(numpy.abs(truth - predicted))),
            "r2_score": lambda: of_two(metrics.r2_score),
            "explained_variance": lambda: of_two(metrics.explained_variance_score),
            "spearman_correlation": spearman,
        },
        only,
    )
