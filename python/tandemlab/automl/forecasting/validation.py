"""Rolling-origin validation: what was known at earlier times, and what came then.

R. J. Hyndman and G. Athanasopoulos, "Forecasting: principles and practice" (3rd ed., 2021), 5.10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tandemlab.automl.forecasting.lag_features import scale_of
from tandemlab.automl.forecasting.panel import Panel
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Origins:
    """Earlier times from which forecasts are compared with what came.

    Attributes:
        horizon: steps ahead.
        known: steps of each series that are known at each origin, the latest origin last, shape
            ``(series, folds)``; 0 where a series is too short for it.
        actual: what came, shape ``(series, folds, horizon)``; NaN where it is missing.
        scales: mean change over a season of what was known at the first origin, shape
            ``(series,)``.
        ranges: greatest less smallest value of each series, 1 for constant ones.
    """

    horizon: int
    known: np.ndarray
    actual: np.ndarray
    scales: np.ndarray
    ranges: np.ndarray

    @property
    def folds(self) -> int:
        """How many origins there are."""
        return int(self.known.shape[1])

    @property
    def validated(self) -> np.ndarray:
        """Whether a series has any origin, shape ``(series,)``."""
        found: np.ndarray = self.known.max(axis=1) > 0
        return found


def least_known(season: int) -> int:
    """Steps that must be known before an origin.

    >>> least_known(12), least_known(1)
    (14, 4)
    """
    return max(season + 2, 4)


def usual_horizon(lengths: np.ndarray, season: int) -> int:
    """The horizon where none is given: one season, or a fifth of the usual series.

    >>> import numpy as np
    >>> usual_horizon(np.array([144]), 12), usual_horizon(np.array([20]), 12)
    (12, 4)
    """
    import numpy as np

    wanted = season if season > 1 else 8
    return int(max(1, min(wanted, np.median(lengths) // 5)))


def usual_folds(series: int) -> int:
    """Origins that are enough: many series say as much from one as few from three.

    >>> usual_folds(1), usual_folds(1000)
    (3, 1)
    """
    if series <= 100:
        return 3
    return 2 if series <= 300 else 1


def choose_origins(
    panel: Panel, horizon: int, season: int, folds: int | None = None, step: int | None = None
) -> Origins:
    """The last origins that at least half of the series that can be validated have.

    Args:
        horizon: steps ahead.
        season: steps of one season.
        folds: how many; None: as many as the data have, at most those of `usual_folds`.
        step: steps between them; None: the horizon.

    Raises:
        InvalidInput: no series is long enough, or none for as many as were asked for.
    """
    import numpy as np

    step = step or horizon
    least = min(least_known(season), max(4, int(panel.lengths.max()) - horizon))
    room = panel.lengths - horizon - least
    possible = np.where(room >= 0, room // step + 1, 0)
    longest = int(possible.max(initial=0))
    if longest < (folds or 1):
        raise InvalidInput(
            f"The series are too short: the longest has {panel.lengths.max()} steps, and "
            f"{folds or 1} validation{'s' if (folds or 1) > 1 else ''} of a horizon of {horizon} "
            f"need{'' if (folds or 1) > 1 else 's'} {horizon + least + step * ((folds or 1) - 1)}.",
            hint="Give a shorter forecast_horizon, fewer n_cross_validations or more data.",
        )
    if folds is None:
        folds = max(1, min(usual_folds(len(panel)), int(np.median(possible[possible > 0]))))
    back = horizon + step * np.arange(folds)[::-1]
    known = np.where(np.arange(folds)[::-1] < possible[:, None], panel.lengths[:, None] - back, 0)
    actual = np.full((len(panel), folds, horizon), np.nan)
    for series, fold in zip(*np.nonzero(known), strict=True):
        begin = known[series, fold]
        actual[series, fold] = panel.values[series][begin : begin + horizon]
    return Origins(horizon, known, actual, _scales(panel, known, season), _ranges(panel))


def origins_of(panel: Panel, actual: np.ndarray, season: int) -> Origins:
    """The end of all series as the one origin, for what came after it.

    Args:
        actual: shape ``(series, 1, steps)``; NaN where it is not known.
    """
    known = panel.lengths[:, None]
    return Origins(actual.shape[2], known, actual, _scales(panel, known, season), _ranges(panel))


def _scales(panel: Panel, known: np.ndarray, season: int) -> np.ndarray:
    import numpy as np

    first = [counts[counts > 0].min(initial=2**31) for counts in known]
    return np.array(
        [
            scale_of(values[:count], season)
            for values, count in zip(panel.values, first, strict=True)
        ]
    )


def _ranges(panel: Panel) -> np.ndarray:
    import numpy as np

    spread = np.array([np.nanmax(values) - np.nanmin(values) for values in panel.values])
    return np.where(spread > 0, spread, 1.0)
