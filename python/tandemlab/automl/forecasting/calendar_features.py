"""What a time tells models. Nothing here knows tandemlab: it can be exported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

_HOUR = np.timedelta64(3600, "s")
_DAY = np.timedelta64(24, "h")


def calendar_features(
    times: pd.DatetimeIndex, country: str | None = None
) -> tuple[list[str], np.ndarray]:
    """Parts of the calendar that differ between times, and public holidays.

    Args:
        times: of a regular grid, as the clock on the wall shows them.
        country: whose holidays count; None for none.

    Returns:
        Names, and numbers of shape ``(times, names)``.

    >>> names, numbers = calendar_features(pd.date_range("2024-01-01", periods=3, freq="MS"))
    >>> names, numbers[:, 1].tolist()
    (['year', 'month'], [1.0, 2.0, 3.0])
    """
    step = np.min(np.diff(times.to_numpy())) if len(times) > 1 else _DAY
    parts: dict[str, Any] = {"year": times.year}
    if step < 360 * _DAY:
        parts["month"] = times.month
    if step < 28 * _DAY:
        parts["week"] = times.isocalendar().week.to_numpy()
    if step < 7 * _DAY:
        parts["day_of_week"] = times.day_of_week
        parts["day"] = times.day
        parts["day_of_year"] = times.day_of_year
    if step < _DAY:
        parts["hour"] = times.hour
    if step < _HOUR:
        parts["minute"] = times.minute
    if country is not None:
        parts.update(holiday_features(times, country, step))
    return list(parts), np.column_stack([np.asarray(part, dtype=float) for part in parts.values()])


def holiday_features(
    times: pd.DatetimeIndex, country: str, step: np.timedelta64
) -> dict[str, np.ndarray]:
    """Whether a day is a public holiday and how near the next ones are, or how many a step has."""
    import holidays

    years = range(times[0].year - 1, times[-1].year + 3)
    known = holidays.country_holidays(country, years=years)
    days = np.sort(np.array(list(known), dtype="datetime64[D]"))
    own = times.to_numpy().astype("datetime64[D]")
    if step > _DAY:
        ends = np.append(own[1:], own[-1] + step.astype("timedelta64[D]"))
        return {"holidays": np.searchsorted(days, ends) - np.searchsorted(days, own)}
    after = days[np.minimum(np.searchsorted(days, own), len(days) - 1)]
    before = days[np.maximum(np.searchsorted(days, own, side="right") - 1, 0)]
    until = (after - own).astype(int)
    return {
        "holiday": until == 0,
        "days_to_holiday": np.minimum(until, 14),
        "days_since_holiday": np.minimum((own - before).astype(int), 14),
    }
