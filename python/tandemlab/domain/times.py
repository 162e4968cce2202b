"""Times: aware datetimes in UTC inside, integer microseconds in files and tables."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def now() -> datetime:
    """The current time in UTC."""
    return datetime.now(timezone.utc)


def from_micros(micros: int) -> datetime:
    """The time that many microseconds after 1970-01-01 UTC.

    >>> from_micros(1_000_000).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    return _EPOCH + timedelta(microseconds=micros)


def to_micros(time: datetime) -> int:
    """Microseconds from 1970-01-01 UTC to an aware `time`, exact.

    >>> to_micros(from_micros(1_763_999_999_123_456))
    1763999999123456
    """
    return (time - _EPOCH) // _MICROSECOND
