"""The step of time: found from the times of series, and held against them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import numpy as np

_DAY = 86_400_000_000  # times are counted in microseconds
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
# Offsets of the calendar by the days that they are about.
_CALENDAR: tuple[tuple[range, tuple[str, ...]], ...] = (
    (range(28, 32), ("MS", "ME", "BMS", "BME")),
    (range(89, 94), ("QS-JAN", "QS-FEB", "QS-MAR", "QE-DEC", "QE-JAN", "QE-FEB")),
    (range(365, 367), tuple(f"{kind}-{month}" for kind in ("YS", "YE") for month in _MONTHS)),
)
# The share of times that lie on an offset of the calendar; the others are told as mistakes.
_ON_CALENDAR = 0.8
# A finer grid than the usual step is one that at least a quarter of its steps fill.
_FILLED = 4
# What older versions of pandas and SDK v1 call the same.
_FORMER = {"M": "ME", "Q": "QE", "Y": "YE", "A": "YE", "AS": "YS", "H": "h", "T": "min", "S": "s"}


def parse_frequency(freq: str) -> str:
    """The name that pandas has today for an offset.

    Raises:
        InvalidInput: there is no such offset.

    >>> parse_frequency("M"), parse_frequency("15T"), parse_frequency("W-SUN")
    ('ME', '15min', 'W-SUN')
    """
    import pandas as pd

    count = "".join(letter for letter in freq if letter.isdigit())
    name = freq.removeprefix(count)
    head, dash, anchor = name.partition("-")
    try:
        offset = pd.tseries.frequencies.to_offset(count + _FORMER.get(head, head) + dash + anchor)
    except ValueError:
        raise InvalidInput(
            f"freq is {freq!r}, which is no step of time.",
            hint="It is an offset of pandas, such as 'D', 'W-SUN', 'MS', 'h' or '15min'.",
        ) from None
    return str(offset.freqstr)


def infer_frequency(times: Sequence[np.ndarray]) -> str:
    """The step between the times of series.

    The most frequent distance says what it is; days of the month, of the quarter and of the year
    are held against the calendar. Steps may be missing, as long as what is there lies on a grid.

    Args:
        times: of each series, ``datetime64[us]``, ascending and without repetition.

    Raises:
        InvalidInput: no series has two times, or no step fits.

    >>> import numpy as np
    >>> months = np.array(["2024-01", "2024-02", "2024-04"], "datetime64[us]")
    >>> infer_frequency([months])
    'MS'
    """
    import numpy as np

    parts = [np.diff(one.astype("int64")) for one in times if len(one) > 1]
    if not parts:
        raise InvalidInput(
            "No series has two rows, so that the step of time is not known.",
            hint="Give freq=, or more rows.",
        )
    distances, counts = np.unique(np.concatenate(parts), return_counts=True)
    usual = int(distances[np.argmax(counts)])
    every = np.unique(np.concatenate(times))
    return _of_calendar(every, distances, usual) or _fixed(_grid(every, distances, usual), every)


def _grid(every: np.ndarray, distances: np.ndarray, usual: int) -> int:
    """The usual distance, or the finer one that all are multiples of if that is well filled."""
    import numpy as np

    shared = int(np.gcd.reduce(distances))
    steps = int(every[-1].astype("int64") - every[0].astype("int64")) // shared + 1
    return shared if len(every) * _FILLED >= steps else usual


def _fixed(step: int, every: np.ndarray) -> str:
    import pandas as pd

    weeks, rest = divmod(step, 7 * _DAY)
    if rest == 0:
        return f"{weeks if weeks > 1 else ''}W-{pd.Timestamp(every[0]).strftime('%a').upper()}"
    days, rest = divmod(step, _DAY)
    if rest == 0:
        return f"{days if days > 1 else ''}D"
    return str(pd.tseries.frequencies.to_offset(pd.Timedelta(step, "us")).freqstr)


def _of_calendar(every: np.ndarray, distances: np.ndarray, usual: int) -> str | None:
    """The offset of the calendar of about this step on which most times lie."""
    import numpy as np
    import pandas as pd

    index = pd.DatetimeIndex(every)
    if usual % _DAY:
        return None
    if usual == _DAY and 3 * _DAY in distances and not (index.day_of_week > 4).any():
        return "B"
    names = next((names for days, names in _CALENDAR if usual // _DAY in days), ())
    offsets = [pd.tseries.frequencies.to_offset(name) for name in names]
    shares = [np.mean([offset.is_on_offset(time) for time in index]) for offset in offsets]
    best = int(np.argmax(shares)) if shares else 0
    return str(offsets[best].freqstr) if shares and shares[best] >= _ON_CALENDAR else None
