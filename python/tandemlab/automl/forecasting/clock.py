"""Times with a zone, which series keep without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Clock:
    """How the times of a table become those of a regular grid, and back.

    Days begin at another distance when the clock changes, hours do not: so times that all have the
    same time of day are kept as the clock on the wall shows them, others in UTC.

    Attributes:
        zone: the time zone of the table's times; None where they have none.
        in_utc: whether the grid is in UTC.

    >>> import pandas as pd
    >>> hours = pd.Series(pd.date_range("2024-03-31", periods=4, freq="h", tz="Europe/Berlin"))
    >>> Clock.of(hours).grid(hours).diff().nunique()
    1
    """

    zone: str | None = None
    in_utc: bool = False

    @classmethod
    def of(cls, times: pd.Series) -> Clock:
        """The clock that times of a table go by."""
        if times.dt.tz is None:
            return cls()
        wall = times.dt.tz_localize(None)
        return cls(str(times.dt.tz), bool((wall - wall.dt.normalize()).nunique() > 1))

    def grid(self, times: pd.Series) -> pd.Series:
        """Times of a table as the grid has them: without a zone, in microseconds.

        Raises:
            InvalidInput: they have a zone and those before had none, or the other way round.
        """
        if (times.dt.tz is None) != (self.zone is None):
            raise InvalidInput(
                f"Times {'without' if times.dt.tz is None else 'with'} a time zone came "
                f"where those that models were trained on had {self.zone or 'none'}."
            )
        if self.zone is None:
            return times.astype("datetime64[us]")
        moved = times.dt.tz_convert("UTC" if self.in_utc else self.zone)
        return moved.dt.tz_localize(None).astype("datetime64[us]")

    def shown(self, times: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Times of the grid as the table has them."""
        if self.zone is None:
            return times
        if self.in_utc:
            return times.tz_localize("UTC").tz_convert(self.zone)
        return times.tz_localize(self.zone, ambiguous=True, nonexistent="shift_forward")

    def wall(self, times: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Times of the grid as the clock on the wall shows them."""
        return self.shown(times).tz_localize(None)
