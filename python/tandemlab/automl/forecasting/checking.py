"""What is odd about series, and what is done about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tandemlab.automl.forecasting.panel import Panel
from tandemlab.automl.forecasting.parameters import ForecastingParameters
from tandemlab.automl.forecasting.validation import Origins, least_known
from tandemlab.automl.guardrails import Guardrail
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import numpy as np

_NAMED = 5


def handle_short_series(
    panel: Panel, parameters: ForecastingParameters, horizon: int, season: int
) -> Panel:
    """Drop or pad series that are too short to be validated, as was asked.

    Raises:
        InvalidInput: there are some, and none is allowed; or all were dropped.
    """
    import numpy as np

    needed = horizon + min(least_known(season), max(4, int(panel.lengths.max()) - horizon))
    short = panel.lengths < needed
    handling = parameters.short_series_handling_configuration
    if not short.any() or handling == "auto":
        return panel
    if handling is None:
        raise InvalidInput(
            f"{_named(panel, np.flatnonzero(short))} {'has' if short.sum() == 1 else 'have'} "
            f"fewer than the {needed} steps that a validation needs.",
            hint="Leave them out, or give short_series_handling_configuration.",
        )
    if handling == "pad":
        return _padded(panel, needed)
    if short.all():
        raise InvalidInput(
            f"All series have fewer than the {needed} steps that a validation needs, and "
            "would be dropped.",
            hint="Give a shorter forecast_horizon or more data.",
        )
    return panel.take(np.flatnonzero(~short).tolist())


def guardrails_of(before: Panel, after: Panel, origins: Origins) -> list[Guardrail]:
    """What was found in series, and done about it."""
    import numpy as np

    missing = int(sum(np.isnan(values).sum() for values in before.values))
    steps = int(before.lengths.sum())
    constant = [series for series, values in enumerate(after.values) if np.nanstd(values) == 0]
    dropped = len(before) - len(after)
    short = np.flatnonzero(~origins.validated)
    return [
        Guardrail(
            "frequency",
            "passed",
            f"All times lie on steps of {after.freq}.",
        ),
        Guardrail(
            "missing steps",
            "done" if missing else "passed",
            f"{missing:,} of {steps:,} values are missing; models of one series see values on a "
            "line between those around."
            if missing
            else "No series misses a step.",
        ),
        Guardrail(
            "short series",
            "done" if dropped or len(short) else "passed",
            f"{dropped} series were dropped as too short."
            if dropped
            else f"{_named(after, short)} took no part in validation, being too short."
            if len(short)
            else "All series are long enough to be validated.",
        ),
        Guardrail(
            "constant series",
            "alerted" if constant else "passed",
            f"{_named(after, constant)} never changed." if constant else "All series change.",
        ),
    ]


def _padded(panel: Panel, length: int) -> Panel:
    """Series with their first value repeated before them."""
    from dataclasses import replace

    import numpy as np
    import pandas as pd

    more = np.maximum(length - panel.lengths, 0)
    before = max(0, int((more - panel.first).max()))
    start = panel.calendar[0] - before * pd.tseries.frequencies.to_offset(panel.freq)
    calendar = pd.date_range(start, panel.calendar[-1], freq=panel.freq, unit="us")
    return replace(
        panel,
        calendar=calendar,
        first=panel.first + before - more,
        values=[
            np.concatenate([np.full(count, own[0]), own])
            for count, own in zip(more, panel.values, strict=True)
        ],
        features=[
            np.concatenate([np.full((count, own.shape[1]), np.nan), own])
            for count, own in zip(more, panel.features, strict=True)
        ],
    )


def _named(panel: Panel, series: Sequence[int] | np.ndarray) -> str:
    shown = "; ".join(panel.name(int(one)) for one in series[:_NAMED])
    return shown + (f" and {len(series) - _NAMED:,} more" if len(series) > _NAMED else "")
