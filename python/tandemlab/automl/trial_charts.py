"""Charts of a trial, in the forms that runs log and draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tandemlab.automl.metrics import CLASSIFICATION, labels_of
from tandemlab.automl.trials import Chart

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS = 50
_BINS = 20
_MOST_CLASSES = 20


def charts_of(
    task: str,
    truth: NDArray[Any],
    predicted: NDArray[Any],
    class_names: Sequence[str],
    threshold: float | NDArray[Any] | None = None,
) -> list[Chart]:
    """Charts of predictions for rows that the model was not trained on.

    Of classes: an accuracy table (whose counts are the receiver operating characteristic and
    precision against recall), a confusion matrix, and tables of calibration and lift. Of values:
    residuals, and predictions by the truth.

    Args:
        truth: codes of classes, or values; n.
        predicted: probabilities (n × classes), or values (n).
    """
    if len(truth) == 0:
        return []
    if task != CLASSIFICATION:
        return [_residuals(truth, predicted), _predictions(truth, predicted)]
    found = [_confusion(truth, labels_of(predicted, threshold), class_names)]
    if len(class_names) <= _MOST_CLASSES:
        found.append(_accuracy(truth, predicted, class_names))
        found += [_calibration(truth, predicted, class_names), _lift(truth, predicted, class_names)]
    return found


def _confusion(truth: Any, labels: Any, class_names: Sequence[str]) -> Chart:
    import numpy

    size = len(class_names)
    matrix = numpy.zeros((size, size), dtype="int64")
    numpy.add.at(matrix, (truth, labels), 1)
    value = {"class_labels": list(class_names), "matrix": matrix.tolist()}
    return Chart("confusion_matrix", "confusion_matrix", value)


def _accuracy(truth: Any, predicted: Any, class_names: Sequence[str]) -> Chart:
    import numpy

    thresholds = numpy.linspace(0, 1, _STEPS + 1)
    by_probability, by_share = [], []
    for code in range(len(class_names)):
        of_class = predicted[:, code]
        cuts = numpy.quantile(of_class, thresholds)
        by_probability.append(_counts(truth == code, of_class, thresholds))
        by_share.append(_counts(truth == code, of_class, cuts))
    value = {
        "probability_tables": by_probability,
        "percentile_tables": by_share,
        "probability_thresholds": thresholds.tolist(),
        "percentile_thresholds": thresholds.tolist(),
        "class_labels": list(class_names),
    }
    return Chart("accuracy_table", "accuracy_table", value)


def _counts(is_class: Any, probabilities: Any, cuts: Any) -> list[list[int]]:
    """True and false positives, true and false negatives for each threshold."""
    import numpy

    yes = numpy.sort(probabilities[is_class])
    no = numpy.sort(probabilities[~is_class])
    true = len(yes) - numpy.searchsorted(yes, cuts, side="left")
    false = len(no) - numpy.searchsorted(no, cuts, side="left")
    counts = numpy.column_stack([true, false, len(no) - false, len(yes) - true])
    return [[int(count) for count in row] for row in counts]


def _calibration(truth: Any, predicted: Any, class_names: Sequence[str]) -> Chart:
    """How often a class is true where it is predicted with about some probability."""
    import numpy

    columns: dict[str, list[Any]] = {"predicted": [], "observed": [], "count": [], "class": []}
    codes = [1] if len(class_names) == 2 else range(len(class_names))
    edges = numpy.linspace(0, 1, 11)
    for code in codes:
        place = numpy.clip(numpy.digitize(predicted[:, code], edges) - 1, 0, 9)
        for each in numpy.unique(place):
            here = place == each
            columns["predicted"].append(float(predicted[here, code].mean()))
            columns["observed"].append(float((truth[here] == code).mean()))
            columns["count"].append(int(here.sum()))
            columns["class"].append(class_names[code])
    return Chart("table", "calibration", columns)


def _lift(truth: Any, predicted: Any, class_names: Sequence[str]) -> Chart:
    """How much more frequent a class is among those that are predicted most surely."""
    import numpy

    columns: dict[str, list[Any]] = {"share": [], "lift": [], "gain": [], "class": []}
    codes = [1] if len(class_names) == 2 else range(len(class_names))
    for code in codes:
        is_class = truth == code
        if not is_class.any():
            continue
        ordered = is_class[numpy.argsort(-predicted[:, code], kind="stable")]
        found = numpy.cumsum(ordered)
        for share in numpy.linspace(0.05, 1, 20):
            taken = max(1, round(share * len(truth)))
            gain = float(found[taken - 1] / found[-1])
            columns["share"].append(round(float(share), 2))
            columns["gain"].append(gain)
            columns["lift"].append(gain / (taken / len(truth)))
            columns["class"].append(class_names[code])
    return Chart("table", "lift", columns)


def _residuals(truth: Any, predicted: Any) -> Chart:
    import numpy

    counts, edges = numpy.histogram(predicted - truth, bins=_BINS)
    value = {"bin_edges": edges.tolist(), "bin_counts": counts.tolist()}
    return Chart("residuals", "residuals", value)


def _predictions(truth: Any, predicted: Any) -> Chart:
    import numpy

    edges = numpy.linspace(truth.min(), truth.max(), _BINS + 1)
    place = numpy.clip(numpy.digitize(truth, edges) - 1, 0, _BINS - 1)
    value: dict[str, list[Any]] = {"bin_averages": [], "bin_errors": [], "bin_counts": []}
    for each in range(_BINS):
        here = predicted[place == each]
        value["bin_averages"].append(float(here.mean()) if len(here) else None)
        value["bin_errors"].append(float(here.std()) if len(here) else 0.0)
        value["bin_counts"].append(len(here))
    return Chart("predictions", "predicted_true", {**value, "bin_edges": edges.tolist()})
