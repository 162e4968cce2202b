"""Schedules: scripts and pipelines that run by themselves, by time, on data or after others."""

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.domain.recurrence import ScheduleRecurrence
    from tandemlab.domain.schedules import CatchUp, Firing, FiringState, Overlap
    from tandemlab.schedules.schedule import Schedule

_PLAIN = "tandemlab.domain.schedules"
_HOMES = {
    "CatchUp": _PLAIN,
    "Firing": _PLAIN,
    "FiringState": _PLAIN,
    "Overlap": _PLAIN,
    "Schedule": "tandemlab.schedules.schedule",
    "ScheduleRecurrence": "tandemlab.domain.recurrence",
}

__all__ = ["CatchUp", "Firing", "FiringState", "Overlap", "Schedule", "ScheduleRecurrence"]

__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
