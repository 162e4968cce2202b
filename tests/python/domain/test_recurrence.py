"""When something is due: over both changes of the clock, and by the calendar."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tandemlab.domain import InvalidInput
from tandemlab.domain.recurrence import ScheduleRecurrence
from tandemlab.domain.schedules import CatchUp, PipelineAction, ScheduleDefinition

UTC = timezone.utc
BERLIN = {"time_zone": "Europe/Berlin"}
SPRING, AUTUMN = datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC)
DAILY = {"frequency": "Day", "time_of_day": "2:30", "start_time": "2026-01-01T00:00"}
HALF_HOURS = {"frequency": "Minute", "interval": 30, "start_time": "2026-01-01T00:00"}


@pytest.mark.parametrize(
    ("settings", "after", "expected"),
    [
        # 2:30 is left out on 29 March, and comes twice on 25 October.
        ({"cron": "30 2 * * *", **BERLIN}, SPRING, ["29 01:00", "30 00:30"]),
        ({"cron": "30 2 * * *", **BERLIN}, AUTUMN, ["25 00:30", "26 01:30"]),
        ({**DAILY, **BERLIN}, SPRING, ["29 01:00", "30 00:30"]),
        ({**DAILY, **BERLIN}, AUTUMN, ["25 00:30", "26 01:30"]),
        # What goes by the hour goes on through both.
        (
            {"cron": "0 * * * *", **BERLIN},
            SPRING,
            ["28 21:00", "28 22:00", "28 23:00", "29 00:00", "29 01:00", "29 02:00"],
        ),
        (
            {"cron": "*/30 * * * *", **BERLIN},
            datetime(2026, 10, 25, 0, tzinfo=UTC),
            ["25 00:30", "25 01:00", "25 01:30", "25 02:00"],
        ),
        (
            {**HALF_HOURS, **BERLIN},
            datetime(2026, 10, 25, 0, tzinfo=UTC),
            ["25 00:30", "25 01:00", "25 01:30", "25 02:00"],
        ),
        # Two times that the gap moves to one moment are one.
        ({"cron": "0,30 2,3 * * *", **BERLIN}, SPRING, ["29 01:00", "29 01:30", "30 00:00"]),
        # The southern half has it the other way round; half an hour on Lord Howe.
        (
            {"cron": "30 2 * * *", "time_zone": "Australia/Sydney"},
            datetime(2026, 10, 3, 0, tzinfo=UTC),
            ["03 16:00", "04 15:30"],
        ),
        (
            {"cron": "15 2 * * *", "time_zone": "Australia/Lord_Howe"},
            datetime(2026, 10, 3, 0, tzinfo=UTC),
            ["03 15:30", "04 15:15"],
        ),
        (
            {"frequency": "Month", "start_time": "2026-01-31T09:00"},
            datetime(2026, 2, 1, tzinfo=UTC),
            ["28 09:00", "31 09:00", "30 09:00"],
        ),
        (
            {
                "frequency": "Week",
                "interval": 2,
                "week_days": ["fri", "Monday"],
                "time_of_day": "9:00",
                "start_time": "2026-01-07T00:00",
            },
            datetime(2026, 1, 7, tzinfo=UTC),
            ["09 09:00", "19 09:00", "23 09:00"],
        ),
        (
            {
                "frequency": "Day",
                "hours": [6, 18],
                "minutes": [0, 30],
                "start_time": "2026-01-01T00:00",
            },
            datetime(2026, 1, 1, 6, tzinfo=UTC),
            ["01 06:30", "01 18:00", "01 18:30", "02 06:00"],
        ),
        ({"cron": "0 0 29 2 *"}, datetime(2026, 1, 1, tzinfo=UTC), ["29 00:00"]),
        ({"cron": "@weekly"}, datetime(2026, 1, 1, tzinfo=UTC), ["04 00:00", "11 00:00"]),
    ],
)
def test_moments_that_are_due(
    settings: dict[str, object], after: datetime, expected: list[str]
) -> None:
    recurrence = ScheduleRecurrence(**settings).starting(datetime(2020, 1, 1, tzinfo=UTC))  # type: ignore[arg-type]
    found = recurrence.next(len(expected), after=after)
    assert [f"{each:%d %H:%M}" for each in found] == expected
    assert ScheduleRecurrence.from_dict(recurrence.to_dict()) == recurrence


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"cron": "* * * *"},
        {"cron": "* * * * * *"},
        {"cron": "0 0 30 2 *"},
        {"cron": "61 * * * *"},
        {"cron": "@daily", "interval": 2},
        {"cron": "@daily", "frequency": "Day"},
        {"cron": "@daily", "time_zone": "Europe/Berln"},
        {"cron": "@daily", "time_zone": "../etc/passwd"},
        {"frequency": "Fortnight"},
        {"frequency": "Day", "interval": 0},
        {"frequency": "Day", "interval": True},
        {"frequency": "Day", "time_of_day": "25:00"},
        {"frequency": "Day", "time_of_day": "6:00", "hours": [6]},
        {"frequency": "Day", "hours": []},
        {"frequency": "Day", "hours": [24]},
        {"frequency": "Day", "start_time": "soon"},
        {"frequency": "Minute", "hours": [1]},
        {"frequency": "Day", "week_days": ["Monday"]},
        {"frequency": "Week", "week_days": ["Mo"]},
        {"frequency": "Week", "week_days": []},
    ],
)
def test_what_is_no_recurrence_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        ScheduleRecurrence(**settings)  # type: ignore[arg-type]


def test_an_interval_that_is_too_long_is_told_the_longest() -> None:
    with pytest.raises(InvalidInput, match="from 1 to 999999, not 1000000"):
        ScheduleRecurrence("Day", 10**6)


@settings(max_examples=60)
@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"]),
    cron=st.sampled_from(["*/20 * * * *", "30 2 * * *", "0,30 1-3 * * *", "5 4 * * SUN"]),
)
def test_no_moment_comes_twice_or_is_lost_wherever_one_begins(
    start: datetime, zone: str, cron: str
) -> None:
    recurrence = ScheduleRecurrence(cron=cron, time_zone=zone)
    found = recurrence.next(8, after=start)
    assert found == sorted({*found}) and found[0] > start
    assert recurrence.next(4, after=found[3]) == found[4:]
    assert recurrence.last_before(found[5], after=start) == found[5]
    assert recurrence.last_before(found[5] + timedelta(seconds=1), after=found[5]) is None


def test_what_was_missed_fires_as_the_policy_says() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    recurrence = ScheduleRecurrence("Hour", start_time=start)

    def due(catch_up: CatchUp, now: datetime, **limits: datetime) -> tuple[list[str], str]:
        definition = ScheduleDefinition(
            recurrence,
            PipelineAction("p"),
            "e",
            catch_up=catch_up,
            **limits,  # type: ignore[arg-type]
        )
        found = definition.due(start + timedelta(minutes=30), now)
        return [f"{each:%H}" for each in found.times], f"{found.missed:%H}" if found.missed else ""

    late, on_time = start + timedelta(hours=5, minutes=30), start + timedelta(hours=5, seconds=2)
    assert due(CatchUp.SKIP, late) == ([], "05")
    assert due(CatchUp.LATEST, late) == (["05"], "")
    assert due(CatchUp.ALL, late) == (["01", "02", "03", "04", "05"], "")
    assert due(CatchUp.SKIP, on_time) == (["05"], "04")
    assert due(CatchUp.LATEST, on_time) == (["05"], "04")
    assert due(CatchUp.ALL, late, end=start + timedelta(hours=2)) == (["01", "02"], "")
    assert due(CatchUp.LATEST, late, start=late) == ([], "")
    years = start + timedelta(days=3000, minutes=5)
    assert due(CatchUp.LATEST, years) == (["00"], "")
