"""Explanations: how much a model relies on each column."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tandemlab.automl.frames import as_frame
from tandemlab.automl.metrics import metric_kind
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

    from tandemlab.automl.fitted_pipeline import FittedPipeline
    from tandemlab.automl.forecasting.forecaster import Forecaster

PERMUTATION = "permutation"
SHAP = "shap"
_MOST_ROWS = 2_000
_DRAWN = 20  # bars of a picture


class Scored(Protocol):
    """A model that can be measured on a frame with the label."""

    def score(self, frame: Any) -> Mapping[str, float]:
        """All metrics by name."""


@dataclass(frozen=True)
class Explanation:
    """How much a model relies on each column.

    Attributes:
        method: ``permutation`` or ``shap``.
        metric: what permutation importance is in units of; None for SHAP.
        importance: of each column, the greatest first. By permutation: how much worse the metric
            gets when the column's values are dealt out anew among the rows. By SHAP: the mean of
            the absolute contribution to the predictions.
        deviation: standard deviation over the repetitions; empty for SHAP.
        rows: that it was found on.
        covered: the share of the model (by weight) that it is about.
    """

    method: str
    metric: str | None
    importance: Mapping[str, float]
    deviation: Mapping[str, float] = field(default_factory=dict)
    rows: int = 0
    covered: float = 1.0

    def to_frame(self) -> pandas.DataFrame:
        """Columns ``feature``, ``importance`` and ``deviation``, the greatest first."""
        import pandas

        deviation = [self.deviation.get(name) for name in self.importance]
        return pandas.DataFrame(
            {
                "feature": list(self.importance),
                "importance": list(self.importance.values()),
                "deviation": pandas.Series(deviation, dtype="float64"),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "method": self.method,
            "metric": self.metric,
            "importance": dict(self.importance),
            "deviation": dict(self.deviation),
            "rows": self.rows,
            "covered": self.covered,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Explanation:
        """The explanation that `to_dict` gave."""
        return cls(**values)

    def plot(self) -> Any:
        """The most important columns as bars: a matplotlib figure.

        Raises:
            MissingDependency: matplotlib is not installed.
        """
        from tandemlab.tracking.pictures import COLOURS, Picture

        names = list(self.importance)[:_DRAWN][::-1]
        values = [self.importance[name] for name in names]
        errors = [self.deviation.get(name, 0.0) for name in names] if self.deviation else None
        figure = Picture(figsize=(7, 1 + 0.28 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        axes.barh(names, values, xerr=errors, color=COLOURS[0], ecolor="#333333")
        unit = "mean |contribution|" if self.method == SHAP else f"loss of {self.metric}"
        axes.set_xlabel(unit)
        axes.spines[["top", "right"]].set_visible(False)
        return figure


def permutation_importance(
    model: Scored,
    data: Any,
    label: str,
    metric: str,
    *,
    greater_is_better: bool,
    columns: Sequence[str],
    repeats: int = 5,
    seed: int = 0,
    most_rows: int | None = _MOST_ROWS,
    seconds: float | None = None,
) -> Explanation:
    """How much worse a model gets without each column, on data that it was not trained on.

    L. Breiman, "Random forests" (2001). Columns that say the same share their importance.

    Args:
        data: with the label.
        metric: what is measured.
        columns: those to look at.
        repeats: how often each column is dealt out anew.
        most_rows: of more rows a sample is taken; None for all of them.
        seconds: after which no further column is begun; those that are left are not in the result.

    Raises:
        InvalidInput: the data have no rows, or lack the label.
    """
    import numpy

    frame = as_frame(data)
    if label not in frame.columns:
        raise InvalidInput(
            f"The data have no column {label!r} to compare with.",
            hint="Explanations need held-out data with the label.",
        )
    if not len(frame) or repeats < 1:
        raise InvalidInput("Explanations need at least one row and one repetition.")
    random = numpy.random.default_rng(seed)
    if most_rows is not None and len(frame) > most_rows:
        frame = frame.iloc[numpy.sort(random.choice(len(frame), most_rows, replace=False))]
    frame = frame.reset_index(drop=True)
    ends = None if seconds is None else time.monotonic() + seconds
    sign = 1.0 if greater_is_better else -1.0
    base = model.score(frame)[metric]
    means: dict[str, float] = {}
    deviations: dict[str, float] = {}
    for column in columns:
        if ends is not None and means and time.monotonic() > ends:
            break
        losses = [
            sign * (base - model.score(_dealt_out(frame, column, random))[metric])
            for _ in range(repeats)
        ]
        means[column] = float(numpy.mean(losses))
        deviations[column] = float(numpy.std(losses))
    order = sorted(means, key=means.__getitem__, reverse=True)
    return Explanation(
        PERMUTATION,
        metric,
        {name: means[name] for name in order},
        {name: deviations[name] for name in order},
        len(frame),
    )


def _dealt_out(frame: pandas.DataFrame, column: str, random: Any) -> pandas.DataFrame:
    order = random.permutation(len(frame))
    return frame.assign(**{column: frame[column].iloc[order].reset_index(drop=True)})


def explain_pipeline(
    pipeline: FittedPipeline,
    data: Any,
    *,
    method: str,
    metric: str | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> Explanation:
    """See `FittedPipeline.explain`."""
    _check_method(method)
    frame = as_frame(data)
    if method == SHAP:
        return shap_importance(*_contributions(pipeline, frame.iloc[:_MOST_ROWS]))
    kind = metric_kind(pipeline.task, metric)
    return permutation_importance(
        pipeline,
        frame,
        pipeline.label,
        kind.name,
        greater_is_better=kind.greater_is_better,
        columns=pipeline.feature_names_in_,
        repeats=repeats,
        seed=seed,
    )


def _contributions(
    pipeline: FittedPipeline, frame: pandas.DataFrame
) -> tuple[dict[str, NDArray[Any]], float]:
    """Of each column to each prediction, and the share of the models that can tell them."""
    import numpy

    x = pipeline.featurizer.transform(frame)
    total, told = 0.0, 0.0
    together: Any = 0.0
    for member in pipeline.members:
        total += member.weight
        parts = [model.loaded.contributions(x) for model in member.models]
        if all(part is not None and part.shape == parts[0].shape for part in parts):
            told += member.weight
            together = together + member.weight * sum(parts) / len(parts)
    if not told:
        raise InvalidInput(
            "None of the models can tell what each column contributes.",
            hint="method='permutation' works for every model.",
        )
    sources = [feature.source for feature in pipeline.featurizer.features]
    by_column = {
        name: (together / told)[:, :, [at for at, source in enumerate(sources) if source == name]]
        for name in dict.fromkeys(sources)
    }
    return {name: numpy.sum(part, axis=2) for name, part in by_column.items()}, told / total


def explain_forecaster(
    forecaster: Forecaster,
    data: Any,
    *,
    method: str,
    metric: str | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> Explanation:
    """See `Forecaster.explain`."""
    _check_method(method)
    if method == SHAP:
        return shap_importance(*forecaster.contributions())
    if data is None:
        raise InvalidInput(
            "Permutation importance needs rows that follow the training data, with the target.",
            hint="Give data, or method='shap'.",
        )
    if not forecaster.panel.feature_names:
        raise InvalidInput(
            "The forecasts use no columns beside the target, so that there are none to deal out.",
            hint="method='shap' tells what lags and the calendar contribute.",
        )
    kind = metric_kind("forecasting", metric)
    return permutation_importance(
        forecaster,
        data,
        forecaster.reader.target,
        kind.name,
        greater_is_better=kind.greater_is_better,
        columns=list(forecaster.panel.feature_names),
        repeats=repeats,
        seed=seed,
        most_rows=None,
    )


def _check_method(method: str) -> None:
    if method not in (PERMUTATION, SHAP):
        raise InvalidInput(f"method is {method!r}, and can be {PERMUTATION!r} or {SHAP!r}.")


def shap_importance(contributions: Mapping[str, NDArray[Any]], covered: float) -> Explanation:
    """The mean absolute contribution of each column.

    Args:
        contributions: of each column to each prediction, one number a row.
        covered: the share of the model (by weight) that they are about.
    """
    import numpy

    means = {name: float(numpy.abs(values).mean()) for name, values in contributions.items()}
    order = sorted(means, key=means.__getitem__, reverse=True)
    rows = len(next(iter(contributions.values()))) if contributions else 0
    return Explanation(
        SHAP, None, {name: means[name] for name in order}, rows=rows, covered=covered
    )
