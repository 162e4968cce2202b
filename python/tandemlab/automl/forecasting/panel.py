"""Series on one regular grid of time, made from a table that was checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_FARTHEST = 100_000


@dataclass(frozen=True)
class Panel:
    """Series on one grid: what all models read.

    Attributes:
        ids: one row per series, with the columns that name it; without columns where there is one
            series.
        calendar: every time from the first to the last, without a zone.
        freq: the step, an offset of pandas.
        first: the place of each series' first value in the calendar, shape ``(series,)``.
        values: the target of each series, from its first to its last value; NaN is missing.
        features: of each series, shape ``(steps, features)``; codes for texts; NaN is missing.
        feature_names: their columns.
    """

    ids: pd.DataFrame
    calendar: pd.DatetimeIndex
    freq: str
    first: np.ndarray
    values: list[np.ndarray]
    features: list[np.ndarray]
    feature_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each series, missing ones included."""
        import numpy as np

        return np.array([len(values) for values in self.values])

    @property
    def ends(self) -> np.ndarray:
        """The place in the calendar just behind each series' last value."""
        return self.first + self.lengths

    def name(self, series: int) -> str:
        """How messages call a series.

        >>> import numpy as np, pandas as pd
        >>> ids = pd.DataFrame({"shop": [7]})
        >>> one = Panel(ids, pd.DatetimeIndex(["2024-01-01"]), "D", np.zeros(1), [np.ones(1)], [])
        >>> one.name(0)
        'shop=7'
        """
        row = self.ids.iloc[series]
        return ", ".join(f"{column}={value}" for column, value in row.items()) or "the series"

    def extended_calendar(self, steps: int) -> pd.DatetimeIndex:
        """The calendar and this many steps behind it."""
        import pandas as pd

        return pd.date_range(
            self.calendar[0], periods=len(self.calendar) + steps, freq=self.freq, unit="us"
        )

    def calendar_until(self, time: pd.Timestamp) -> pd.DatetimeIndex:
        """The calendar, up to a time at least.

        Raises:
            InvalidInput: the time is so far away that it is a mistake.
        """
        import pandas as pd

        last = self.calendar[-1]
        if time <= last:
            return self.calendar
        step = self.extended_calendar(1)[-1] - last
        if (time - last) / step > _FARTHEST:
            raise InvalidInput(
                f"{time} is more than {_FARTHEST:,} steps of {self.freq} after {last}.",
                hint="Is the date wrong?",
            )
        return pd.date_range(self.calendar[0], time, freq=self.freq, unit="us")

    def take(self, chosen: Sequence[int]) -> Panel:
        """Some of the series."""
        return replace(
            self,
            ids=self.ids.iloc[list(chosen)].reset_index(drop=True),
            first=self.first[list(chosen)],
            values=[self.values[series] for series in chosen],
            features=[self.features[series] for series in chosen],
        )
