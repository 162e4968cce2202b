"""What a global model sees of the target. Nothing here knows tandemlab: it can be exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Lags:
    """Which past values of the target a global model sees.

    Attributes:
        season: steps of one season, 1 for none.
        recent: lags before the first step that is forecast; 1 is the last value known.
        windows: steps over which means of the last values are taken.
        logarithm: whether differences of logarithms are learned, which fits series that grow by
            percents; all values must be positive.
    """

    season: int
    recent: tuple[int, ...]
    windows: tuple[int, ...]
    logarithm: bool = False


def choose_lags(season: int, shortest: int) -> tuple[int, ...]:
    """Lags for a season: all of the last one up to 24, else 12, then its multiples.

    Args:
        shortest: steps that series have; longer lags are left out.

    >>> choose_lags(4, 100)
    (1, 2, 3, 4, 5, 6, 7, 8, 12)
    """
    near = range(1, min(max(season, 8), 24) + 1)
    lags = {*near, season, 2 * season, 3 * season}
    return tuple(sorted(lag for lag in lags if lag < max(shortest // 2, 2)))


def choose_windows(season: int) -> tuple[int, ...]:
    """Windows for a season.

    >>> choose_windows(12)
    (3, 12, 24)
    """
    return tuple(sorted({3, season if season > 1 else 6, 2 * season if season > 1 else 12}))


def scale_of(values: np.ndarray, season: int) -> float:
    """The mean change over one season, by which errors and differences are divided; never 0.

    >>> import numpy as np
    >>> scale_of(np.array([1.0, 3.0, 5.0]), 1)
    2.0
    """
    import numpy as np

    for lag in (season, 1):
        changes = np.abs(values[lag:] - values[:-lag])
        changes = changes[~np.isnan(changes)]
        if len(changes) and changes.mean() > 0:
            return float(changes.mean())
    spread = np.nanstd(values) if len(values) else 0.0
    return float(spread) if spread > 0 else 1.0


def lagged(
    values: np.ndarray, origins: np.ndarray, horizon: int, lags: Lags
) -> tuple[np.ndarray, np.ndarray]:
    """What is known of the target at each origin, for each step ahead.

    Args:
        values: a series, on the scale of the model; NaN is missing.
        origins: places of the last values that are known, shape ``(origins,)``.
        horizon: steps ahead.

    Returns:
        Levels, shape ``(origins,)``, and the table of shape ``(origins * horizon, features)``, the
        steps of an origin one after another; targets are to be taken relative to the level.
    """
    import numpy as np

    longest = max(*lags.recent, *lags.windows, 2 * lags.season + horizon, 3) + 1
    padded = np.concatenate([np.full(longest, np.nan), values])
    places = origins + longest
    recent = np.stack([padded[places + 1 - lag] for lag in lags.recent], axis=1)
    means = np.stack([_window_mean(padded, places, window) for window in lags.windows], axis=1)
    level = _window_mean(padded, places, max(lags.season, 3))
    level = np.where(np.isnan(level), np.nanmean(padded) if len(values) else 0.0, level)
    per_origin = np.concatenate([recent, means], axis=1) - level[:, None]
    ahead = np.arange(1, horizon + 1)
    seasons_back = -(-ahead // lags.season) * lags.season
    columns = [np.repeat(per_origin, horizon, axis=0), np.tile(ahead, len(origins))[:, None]]
    for more in (0, lags.season):
        same_season = padded[places[:, None] + ahead - seasons_back - more] - level[:, None]
        columns.append(same_season.reshape(-1, 1))
    return level, np.concatenate(columns, axis=1)


def lag_names(lags: Lags) -> list[str]:
    """The names of the columns of `lagged`."""
    return [
        *(f"lag_{lag}" for lag in lags.recent),
        *(f"mean_{window}" for window in lags.windows),
        "step",
        "last_season",
        "season_before",
    ]


def _window_mean(padded: np.ndarray, places: np.ndarray, window: int) -> np.ndarray:
    import numpy as np

    there = ~np.isnan(padded)
    sums = np.concatenate([[0.0], np.cumsum(np.where(there, padded, 0.0))])
    counts = np.concatenate([[0], np.cumsum(there)])
    total = sums[places + 1] - sums[places + 1 - window]
    number = counts[places + 1] - counts[places + 1 - window]
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)
