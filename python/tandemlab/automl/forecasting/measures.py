"""How good forecasts are, by the names that SDK v1 gives to metrics.

R. J. Hyndman and A. B. Koehler, "Another look at measures of forecast accuracy" (2006).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tandemlab.automl.forecasting.validation import Origins

if TYPE_CHECKING:
    import numpy as np

GREATER_IS_BETTER = ("r2_score", "explained_variance", "spearman_correlation")


def measure(origins: Origins, forecast: np.ndarray) -> dict[str, float]:
    """All metrics of the forecasts from earlier origins.

    Errors that are normalised are so for each series, by its range of values
    (``normalized_…``) or its mean change over one season (``mean_absolute_scaled_error``), and
    then averaged over the series. R² and rank correlation are over all values together, others
    over all values in the target's unit, percentages as ratios (0.1 for 10 %).

    Args:
        forecast: shape ``(series, folds, horizon)``.

    Returns:
        Metrics by name. Percentage errors are left out where the target is 0 somewhere.
    """
    import numpy as np
    import pandas as pd

    there = ~np.isnan(origins.actual)
    actual, made = origins.actual[there], forecast[there]
    error = np.abs(made - actual)
    metrics = {
        "root_mean_squared_error": math.sqrt(float((error**2).mean())),
        "normalized_root_mean_squared_error": _by_range(origins, forecast, squared=True),
        "mean_absolute_error": float(error.mean()),
        "normalized_mean_absolute_error": _by_range(origins, forecast, squared=False),
        "median_absolute_error": float(np.median(error)),
        "mean_absolute_scaled_error": _mean_of_series(
            np.abs(forecast - origins.actual) / origins.scales[:, None, None]
        ),
        "symmetric_mean_absolute_percentage_error": float(
            np.mean(2 * error / np.maximum(np.abs(actual) + np.abs(made), 1e-300))
        ),
    }
    if (actual != 0).all():
        metrics["mean_absolute_percentage_error"] = float(np.mean(error / np.abs(actual)))
    spread = float(((actual - actual.mean()) ** 2).sum())
    if spread > 0:
        metrics["r2_score"] = 1 - float((error**2).sum()) / spread
        metrics["explained_variance"] = 1 - float(np.var(made - actual)) * len(actual) / spread
        if np.ptp(made) > 0:
            metrics["spearman_correlation"] = float(
                np.corrcoef(pd.Series(actual).rank(), pd.Series(made).rank())[0, 1]
            )
    return metrics


def loss_of(origins: Origins, forecast: np.ndarray, metric: str) -> float:
    """One metric as a loss: the smaller, the better; infinite where it cannot be told."""
    if metric == "normalized_root_mean_squared_error":  # asked for very often
        return _by_range(origins, forecast, squared=True)
    value = measure(origins, forecast).get(metric, math.inf)
    return -value if metric in GREATER_IS_BETTER and value != math.inf else value


def _by_range(origins: Origins, forecast: np.ndarray, *, squared: bool) -> float:
    import numpy as np

    error = np.abs(forecast - origins.actual) / origins.ranges[:, None, None]
    if not squared:
        return _mean_of_series(error)
    by_series = _of_series(error**2)
    return float(np.sqrt(by_series).mean())


def _mean_of_series(error: np.ndarray) -> float:
    return float(_of_series(error).mean())


def _of_series(error: np.ndarray) -> np.ndarray:
    """The mean of each series that has any value."""
    import numpy as np

    flat = error.reshape(len(error), -1)
    counts = (~np.isnan(flat)).sum(axis=1)
    sums = np.nansum(flat, axis=1)
    means: np.ndarray = sums[counts > 0] / counts[counts > 0]
    return means
