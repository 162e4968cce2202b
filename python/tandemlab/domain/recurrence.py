"""Recurrence: the moments at which something is due, by cron, by interval or by the calendar.

All moments are in UTC. Local times follow the clock of the time zone: one that a change of the
clock leaves out is due at the first minute behind the gap, one that comes twice is due the first
time. Intervals of minutes and hours, and cron's ``*`` for the hour, go by the time that passes.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta, timezone
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.schemas import as_sentence, nearest, unknown_name

FREQUENCIES = ("Second", "Minute", "Hour", "Day", "Week", "Month")
WEEK_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SECONDS = {"Second": 1, "Minute": 60, "Hour": 3600}
_CRON_NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_WINDOWS = tuple(timedelta(hours=hours) for hours in (1, 26, 24 * 8, 24 * 32, 24 * 370, 24 * 3700))


@dataclass(frozen=True)
class ScheduleRecurrence:
    """When something is due, again and again.

    Attributes:
        frequency: ``Second``, ``Minute`` or ``Hour``, counted from `start_time`; or ``Day``,
            ``Week`` or ``Month``, by the calendar of the time zone. None with `cron`.
        interval: every how many of these.
        start_time: the first moment that can be one; for ``Day``, ``Week`` and ``Month`` without
            `hours` and `minutes` its time of day is theirs. Without a time zone of its own it is
            in `time_zone`. None for when the schedule is made.
        time_zone: an IANA name such as ``Europe/Berlin``; UTC if None.
        hours: of the day, for ``Day``, ``Week`` and ``Month``.
        minutes: of the hour, likewise.
        week_days: such as ``["Monday"]``, for ``Week``.
        time_of_day: ``"18:30"`` instead of hours and minutes.
        cron: five fields, such as ``"30 6 * * MON-FRI"``, or ``@daily`` and its like, instead of
            all others but `time_zone` and `start_time`. Days of the month and of the week are
            taken as Debian's cron does: if both are given, either will do.

    Raises:
        InvalidInput: what does not go together, or is no value of its kind.

    >>> weekly = ScheduleRecurrence("Week", week_days=["Monday"], time_of_day="6:30",
    ...     time_zone="Europe/Berlin")
    >>> [f"{moment:%d %H:%M}" for moment in weekly.next(2, after=datetime(2026, 3, 20,
    ...     tzinfo=timezone.utc))]
    ['23 05:30', '30 04:30']
    """

    frequency: str | None = None
    interval: int = 1
    start_time: datetime | str | None = None
    time_zone: str | None = None
    hours: Sequence[int] | None = None
    minutes: Sequence[int] | None = None
    week_days: Sequence[str] | None = None
    time_of_day: str | None = None
    cron: str | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "time_zone", check_time_zone(self.time_zone or "UTC"))
        set_(self, "start_time", _moment(self.start_time, self.zone))
        if (self.cron is None) is (self.frequency is None):
            raise InvalidInput("A recurrence has a frequency or a cron expression, and not both.")
        if self.cron is not None:
            self._check_alone()
            set_(self, "cron", _checked_cron(self.cron))
            return
        if self.frequency not in FREQUENCIES:
            raise InvalidInput(
                f"{self.frequency!r} is no frequency.",
                hint=f"Choose from {', '.join(FREQUENCIES)}.",
            )
        if not _is_count(self.interval) or not 0 < self.interval < 10**6:
            raise InvalidInput(
                f"An interval is a whole number from 1 to 999999, not {self.interval!r}."
            )
        self._read_time_of_day()
        set_(self, "hours", _checked(self.hours, 24, "hours"))
        set_(self, "minutes", _checked(self.minutes, 60, "minutes"))
        set_(self, "week_days", _checked_days(self.week_days))
        self._check_fitting()

    def _check_alone(self) -> None:
        others = ("hours", "minutes", "week_days", "time_of_day")
        if self.interval != 1 or any(getattr(self, name) is not None for name in others):
            raise InvalidInput("A cron expression says all: leave out intervals, hours and days.")

    def _read_time_of_day(self) -> None:
        if self.time_of_day is None:
            return
        found = _TIME_OF_DAY.fullmatch(str(self.time_of_day))
        if found is None or self.hours is not None or self.minutes is not None:
            raise InvalidInput(
                f"The time of day {self.time_of_day!r} cannot be used.",
                hint="Write it as '18:30', and leave out hours and minutes.",
            )
        object.__setattr__(self, "hours", (int(found[1]),))
        object.__setattr__(self, "minutes", (int(found[2]),))
        object.__setattr__(self, "time_of_day", None)

    def _check_fitting(self) -> None:
        by_calendar = self.frequency in ("Day", "Week", "Month")
        if not by_calendar and (self.hours is not None or self.minutes is not None):
            raise InvalidInput(f"Hours and minutes go with days, not with {self.frequency!r}.")
        if self.week_days is not None and self.frequency != "Week":
            raise InvalidInput(f"Days of the week go with 'Week', not with {self.frequency!r}.")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(str(self.time_zone))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ScheduleRecurrence:
        """The recurrence that `to_dict` gave.

        Raises:
            InvalidInput: keys or values that are none of a recurrence.
        """
        known = [each.name for each in fields(cls)]
        told = [unknown_name("key", name, known) for name in content if name not in known]
        if told:
            raise InvalidInput(f"That is no recurrence: {as_sentence(told)}")
        try:
            return cls(**content)
        except TypeError as problem:
            raise InvalidInput(f"That is no recurrence: {problem}.") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without what is as usual."""
        start = self.start_time
        found = {
            "cron": self.cron,
            "frequency": self.frequency,
            "interval": None if self.interval == 1 else self.interval,
            "hours": None if self.hours is None else list(self.hours),
            "minutes": None if self.minutes is None else list(self.minutes),
            "week_days": None if self.week_days is None else list(self.week_days),
            "start_time": start.isoformat() if isinstance(start, datetime) else None,
            "time_zone": self.time_zone,
        }
        return {name: value for name, value in found.items() if value is not None}

    def starting(self, moment: datetime) -> ScheduleRecurrence:
        """The same with a start, unless it has one; the start is kept to the second."""
        if self.start_time is not None:
            return self
        start = moment.replace(microsecond=0)
        return ScheduleRecurrence.from_dict({**self.to_dict(), "start_time": start.isoformat()})

    # Moments

    def next(self, number: int, *, after: datetime) -> list[datetime]:
        """The next moments behind `after`, in UTC; without a start, counted from there."""
        moments = self.starting(after).after(after)
        return [moment for moment, _ in zip(moments, range(number), strict=False)]

    def after(self, moment: datetime) -> Iterator[datetime]:
        """All moments behind `moment`, in UTC, one by one."""
        start = self.start_time
        if isinstance(start, datetime):
            moment = max(moment, start - timedelta(microseconds=1))
        last = moment.astimezone(timezone.utc)
        for each in self._from(last):
            if each > last:  # a gap of the clock moves several to one moment
                yield each
                last = each

    def last_before(self, moment: datetime, *, after: datetime) -> datetime | None:
        """The last moment behind `after` and not behind `moment`, however far it is back."""
        for window in _WINDOWS:
            start = max(after, moment - window)
            found = None
            for each in self.after(start):
                if each > moment:
                    break
                found = each
            if found is not None or start == after:
                return found
        return None

    def _from(self, moment: datetime) -> Iterator[datetime]:
        if self.cron is not None:
            return self._by_cron(moment)
        if self.frequency in _SECONDS:
            return self._by_interval(moment)
        return self._by_calendar(moment)

    def _by_cron(self, moment: datetime) -> Iterator[datetime]:
        from cronsim import CronSim

        assert self.cron is not None
        for found in CronSim(_CRON_NAMES.get(self.cron, self.cron), moment.astimezone(self.zone)):
            yield found.astimezone(timezone.utc)

    def _by_interval(self, moment: datetime) -> Iterator[datetime]:
        start = self.start_time
        assert isinstance(start, datetime) and self.frequency is not None
        step = timedelta(seconds=_SECONDS[self.frequency] * self.interval)
        passed = max(0, -((start - moment) // step))
        for number in count(passed):
            yield start.astimezone(timezone.utc) + number * step

    def _by_calendar(self, moment: datetime) -> Iterator[datetime]:
        start = self.start_time
        assert isinstance(start, datetime)
        first = start.astimezone(self.zone)
        hours = (
            self.hours
            if self.hours is not None
            else (first.hour,)
            if (self.minutes is None)
            else tuple(range(24))
        )
        minutes = (
            self.minutes
            if self.minutes is not None
            else ((first.minute,) if self.hours is None else (0,))
        )
        for day in self._days(first.date(), moment.astimezone(self.zone).date()):
            for hour in hours:
                for minute in minutes:
                    yield _localized(
                        datetime(day.year, day.month, day.day, hour, minute), self.zone
                    )

    def _days(self, first: date, today: date) -> Iterator[date]:
        """The days that are due, from the day before `today` on."""
        passed = max(0, (today - first).days - 1)
        if self.frequency == "Day":
            for number in count(passed // self.interval):
                yield first + timedelta(days=number * self.interval)
        elif self.frequency == "Week":
            monday = first - timedelta(days=first.weekday())
            wanted = [WEEK_DAYS.index(day) for day in self.week_days or ()] or [first.weekday()]
            for number in count(max(0, passed // (7 * self.interval) - 1)):
                for day in wanted:
                    yield monday + timedelta(days=number * self.interval * 7 + day)
        else:
            months = (today.year - first.year) * 12 + today.month - first.month - 1
            for number in count(max(0, months // self.interval)):
                year, month = divmod(first.month - 1 + number * self.interval, 12)
                year += first.year
                if year > 9998:
                    return
                last = calendar.monthrange(year, month + 1)[1]
                yield date(year, month + 1, min(first.day, last))

    def __str__(self) -> str:
        """For people: ``cron 30 6 * * * (Europe/Berlin)``."""
        if self.cron is not None:
            return f"cron {self.cron} ({self.time_zone})"
        assert self.frequency is not None
        unit = self.frequency.lower()
        every = f"every {unit}" if self.interval == 1 else f"every {self.interval} {unit}s"
        days = f" on {', '.join(self.week_days)}" if self.week_days else ""
        if self.hours is None and self.minutes is None:
            return f"{every}{days}" + ("" if self.frequency in _SECONDS else f" ({self.time_zone})")
        hours = self.hours if self.hours is not None else ("*",)
        times = [f"{hour}:{minute:02}" for hour in hours for minute in self.minutes or (0,)]
        return f"{every}{days} at {', '.join(times)} ({self.time_zone})"


def check_time_zone(name: object) -> str:
    """An IANA name of a time zone.

    Raises:
        InvalidInput: there is none of that name.
    """
    known = available_timezones()
    if not isinstance(name, str) or name not in known:
        meant = nearest(str(name), known)
        raise InvalidInput(
            f"{str(name)[:60]!r} is no time zone.",
            hint=f"Did you mean {meant!r}?" if meant else "Give an IANA name, as 'Europe/Berlin'.",
            details={"time_zone": str(name)[:60]},
        )
    return name


def _moment(given: datetime | str | None, zone: ZoneInfo) -> datetime | None:
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(str(given).replace("Z", "+00:00"))
    except ValueError:
        raise InvalidInput(
            f"{str(given)[:60]!r} is no time.", hint="Write it as '2026-11-30T06:00'."
        ) from None
    if found.tzinfo is None:
        return _localized(found, zone)
    return found.astimezone(timezone.utc)


def _localized(local: datetime, zone: ZoneInfo) -> datetime:
    """A local time in UTC: the first of two; for one that is left out, the first that is not."""
    while True:
        found = local.replace(tzinfo=zone).astimezone(timezone.utc)
        if found.astimezone(zone).replace(tzinfo=None) == local:
            return found
        local = local.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _checked_cron(text: object) -> str:
    from cronsim import CronSim, CronSimError

    known = " ".join(str(text).split())
    expression = _CRON_NAMES.get(known.lower(), known)
    try:
        if len(expression.split()) != 5:
            raise CronSimError("it has not five fields")
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=timezone.utc)))
    except (CronSimError, StopIteration) as problem:
        reason = str(problem) or "it is never due"
        raise InvalidInput(
            f"{str(text)[:60]!r} is no cron expression: {reason}.",
            hint="Give minute, hour, day, month and day of the week, such as '30 6 * * MON-FRI'.",
            details={"cron": str(text)[:60]},
        ) from None
    return known.lower() if known.startswith("@") else known


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _checked(values: Sequence[int] | None, limit: int, what: str) -> tuple[int, ...] | None:
    if values is None:
        return None
    found = tuple(values) if isinstance(values, (list, tuple)) else (values,)
    if not found or not all(_is_count(each) and 0 <= each < limit for each in found):
        raise InvalidInput(f"The {what} are whole numbers from 0 to {limit - 1}, not {values!r}.")
    return tuple(sorted({*found}))


def _checked_days(values: Sequence[str] | None) -> tuple[str, ...] | None:
    if values is None:
        return None
    given = [values] if isinstance(values, str) else [*values]
    short = {name[:3].lower(): name for name in WEEK_DAYS}
    found = [short.get(str(day)[:3].lower(), "") for day in given]
    for day, name in zip(given, found, strict=True):
        if not found or not name.lower().startswith(str(day).lower()) or len(str(day)) < 3:
            raise InvalidInput(
                f"{day!r} is no day of the week.", hint=f"Choose from {', '.join(WEEK_DAYS)}."
            )
    if not found:
        raise InvalidInput("There is no day of the week.")
    return tuple(sorted({*found}, key=WEEK_DAYS.index))
