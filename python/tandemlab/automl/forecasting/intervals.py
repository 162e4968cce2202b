"""Prediction intervals from the errors of earlier forecasts.

Split conformal prediction (V. Vovk, A. Gammerman, G. Shafer, "Algorithmic learning in a random
world", 2005) on errors that are divided by the series' scale and by how they grow with the step
ahead, so that series and steps with few errors learn from the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tandemlab.automl.forecasting.validation import Origins
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Intervals:
    """How far from a forecast the value may be.

    Attributes:
        scales: of each series, shape ``(series,)``.
        growth: how large errors are at each step ahead, shape ``(horizon,)``, never falling.
        scores: absolute errors divided by both, ascending.
    """

    scales: np.ndarray
    growth: np.ndarray
    scores: np.ndarray

    def offset(self, quantile: float, steps: int) -> np.ndarray:
        """What is added to a forecast for a quantile, shape ``(series, steps)``.

        The values between the quantiles q and 1 - q hold what comes with the probability 1 - 2q.
        Beyond the horizon errors grow with the square root of the step, as a random walk's do.
        """
        import numpy as np

        growth = self.growth
        if steps > len(growth):
            ahead = np.arange(len(growth) + 1, steps + 1)
            growth = np.concatenate([growth, growth[-1] * np.sqrt(ahead / len(growth))])
        inside = abs(2 * quantile - 1)
        count = len(self.scores)
        place = int(np.ceil(inside * (count + 1)))  # finite-sample correction
        score = 0.0 if inside == 0 or not count else self.scores[min(place, count) - 1]
        signed = np.sign(quantile - 0.5) * score * growth[:steps]
        offset: np.ndarray = self.scales[:, None] * signed[None, :]
        return offset


def learn_intervals(origins: Origins, forecast: np.ndarray) -> Intervals:
    """The intervals that errors of earlier forecasts give.

    Args:
        forecast: from the origins, shape ``(series, folds, horizon)``.
    """
    import numpy as np

    error = np.abs(forecast - origins.actual) / origins.scales[:, None, None]
    counts = (~np.isnan(error)).sum(axis=(0, 1))
    mean = np.nansum(error, axis=(0, 1)) / np.maximum(counts, 1)
    growth = _never_falling(mean, counts)
    scores = error / growth
    return Intervals(origins.scales, growth, np.sort(scores[~np.isnan(scores)]))


def check_quantiles(quantiles: Sequence[float] | None) -> list[float]:
    """Quantiles in ascending order.

    Raises:
        InvalidInput: one is not between 0 and 1.
    """
    values = sorted({float(quantile) for quantile in quantiles or ()})
    wrong = [value for value in values if not 0 < value < 1]
    if wrong:
        raise InvalidInput(f"A quantile is {wrong[0]:g}, and must lie between 0 and 1.")
    return values


def _never_falling(mean: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Isotonic regression by pooling neighbours that fall; at least a small positive number."""
    import numpy as np

    blocks: list[list[float]] = []
    for value, count in zip(mean, counts, strict=True):
        blocks.append([float(value), float(max(count, 1)), 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            last = blocks.pop()
            weight = blocks[-1][1] + last[1]
            pooled = (blocks[-1][0] * blocks[-1][1] + last[0] * last[1]) / weight
            blocks[-1] = [pooled, weight, blocks[-1][2] + last[2]]
    levels = np.concatenate([np.full(int(length), value) for value, _, length in blocks])
    growth: np.ndarray = np.maximum(levels, 1e-9)
    return growth
