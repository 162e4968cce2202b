"""Seasons: how many steps they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.automl.forecasting.panel import Panel
from tandemlab.automl.forecasting.statistical import fill_gaps

if TYPE_CHECKING:
    import numpy as np

_DAY = 86_400.0
_LOOKED_AT = 50  # series
_LEAST = 0.3  # autocorrelation at which a season is believed
_USUAL: tuple[tuple[float, tuple[int, ...]], ...] = (
    # A step of at least so many seconds, and the seasons that it may have, in steps.
    (360 * _DAY, ()),
    (85 * _DAY, (4,)),
    (27 * _DAY, (12,)),
    (6.5 * _DAY, (52,)),
)


def find_season(panel: Panel) -> int:
    """The season with the highest autocorrelation among those that a step usually has.

    Longer steps than a quarter have none of the calendar, so that the data alone say whether there
    is a cycle.

    Returns:
        Steps of one season; 1 where there is none.
    """
    import numpy as np

    usual = usual_seasons(panel)
    longest = sorted(range(len(panel)), key=lambda series: -len(panel.values[series]))[:_LOOKED_AT]
    correlations = [_autocorrelation(panel.values[series]) for series in longest]
    found: dict[int, float] = {}
    for season in usual or range(3, max((len(one) for one in correlations), default=0)):
        values = [one[season] for one in correlations if len(one) > season]
        if values:
            found[season] = float(np.mean(values))
    if not usual:
        found = {season: value for season, value in found.items() if _is_peak(found, season)}
    if not found:
        return 1
    best = max(found, key=lambda season: (round(found[season], 3), -season))
    least = _LEAST if not usual else _LEAST / 3
    return best if found[best] >= least else 1


def usual_seasons(panel: Panel) -> tuple[int, ...]:
    """Seasons that a step of this length may have, in steps."""
    import numpy as np

    if panel.freq == "B":
        return (5,)
    calendar = panel.extended_calendar(2)
    step = float(np.median(np.diff(calendar.to_numpy()) / np.timedelta64(1, "s")))
    for least, seasons in _USUAL:
        if step >= least:
            return seasons
    if step >= _DAY:
        return (7,) if step == _DAY else ()
    day = round(_DAY / step)
    return tuple(season for season in (day, 7 * day, round(3600 / step)) if season > 1)


def _is_peak(found: dict[int, float], season: int) -> bool:
    around = (found.get(season - 1, -1.0), found.get(season + 1, -1.0))
    return found[season] > max(around)


def _autocorrelation(values: np.ndarray) -> np.ndarray:
    """Of changes around a straight line, for lags up to a third of the series' length."""
    import numpy as np

    filled = fill_gaps(values)[-4_000:]
    steps = np.arange(len(filled))
    if len(filled) < 6 or np.ptp(filled) == 0:
        return np.empty(0)
    rest = filled - np.polyval(np.polyfit(steps, filled, 1), steps)
    power = np.abs(np.fft.rfft(rest, 2 * len(rest))) ** 2
    whole = np.fft.irfft(power)[: len(rest) // 3 + 1]
    whole = whole * len(rest) / (len(rest) - np.arange(len(whole)))
    return whole / whole[0] if whole[0] > 0 else np.empty(0)
