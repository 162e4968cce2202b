"""Schedules as plain data: what is run when, and what became of each time that it was due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from tandemlab.domain.asset_names import AssetReference, check_asset_name
from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.pipelines import ParameterValue
from tandemlab.domain.recurrence import ScheduleRecurrence

KIND = "schedule"
RUN_OF, SLOT = "schedule", "schedule_slot"
"""Properties of a run: which schedule it is of, and for which slot."""
MANUAL = "manual "
"""What the slots begin with of firings that somebody asked for."""
ON_TIME = timedelta(seconds=60)
"""What is noticed later than this counts as missed."""
_MOST_AT_ONCE = 100


class CatchUp(str, Enum):
    """What becomes of times that were missed while nobody looked."""

    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"


class Overlap(str, Enum):
    """What becomes of a firing while the run of an earlier one goes on."""

    SKIP = "skip"
    QUEUE = "queue"
    REPLACE = "replace"


class FiringState(str, Enum):
    """How far a firing is."""

    DECIDED = "decided"
    SUBMITTED = "submitted"
    ENDED = "ended"
    SKIPPED = "skipped"
    MISSED = "missed"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done about it."""
        return self in (FiringState.DECIDED, FiringState.SUBMITTED)


@dataclass(frozen=True, slots=True)
class DataTrigger:
    """Fires when files at a path of a datastore are new or changed, once they are complete.

    Attributes:
        path: a file, a folder or a pattern; empty for all of the datastore.
        polling_seconds: how often it is looked at; folders of this machine are also watched.
        settle_seconds: how long nothing may change before the files count as complete.
    """

    datastore: str
    path: str = ""
    polling_seconds: float = 60.0
    settle_seconds: float = 5.0

    def __str__(self) -> str:
        return f"on data in {self.datastore}:{self.path}"


@dataclass(frozen=True, slots=True)
class DatasetTrigger:
    """Fires when a dataset gets a new version."""

    dataset: str

    def __str__(self) -> str:
        return f"on new versions of the dataset {self.dataset}"


@dataclass(frozen=True, slots=True)
class AfterTrigger:
    """Fires when a run of a published pipeline, or of another schedule, has ended.

    Attributes:
        on: the status that it has to have ended with: ``Completed``, ``Failed``, or ``any``.
    """

    pipeline: str | None = None
    schedule: str | None = None
    on: str = "Completed"

    def __str__(self) -> str:
        what = f"pipeline {self.pipeline}" if self.pipeline else f"schedule {self.schedule}"
        how = "" if self.on == "Completed" else f", if it ended as {self.on}"
        return f"after the {what}{how}"


Trigger = ScheduleRecurrence | DataTrigger | DatasetTrigger | AfterTrigger


@dataclass(frozen=True, slots=True)
class PipelineAction:
    """Runs a published pipeline.

    Attributes:
        pipeline: ``NAME`` for the default version whenever it fires, or ``NAME:VERSION``.
    """

    pipeline: str
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    continue_on_step_failure: bool | None = None

    def __str__(self) -> str:
        return f"pipeline {self.pipeline}"


@dataclass(frozen=True, slots=True)
class ScriptAction:
    """Runs a script or a command, with the source that it had when the schedule was made.

    Attributes:
        configuration: the run configuration, as plain data.
        source: digest of the snapshot of its source directory.
        source_directory: where that was.
    """

    configuration: Mapping[str, Any]
    source: str
    source_directory: str | None = None

    def __str__(self) -> str:
        command = self.configuration.get("command")
        what = self.configuration.get("script") or command or ""
        return f"{'script' if command is None else 'command'} {what}"[:60]


Action = PipelineAction | ScriptAction

_TRIGGERS: dict[str, Any] = {
    "data": DataTrigger,
    "dataset": DatasetTrigger,
    "after": AfterTrigger,
}
_ACTIONS: dict[str, Any] = {"pipeline": PipelineAction, "script": ScriptAction}


def next_times(
    recurrence: ScheduleRecurrence,
    number: int,
    after: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[datetime]:
    """The next moments of a recurrence behind `after`, none before `start` and none after `end`.

    Raises:
        InvalidInput: the end is not behind the start.
    """
    _check_limits(start, end)
    begin = after if start is None else max(after, start - timedelta(microseconds=1))
    found = recurrence.next(number, after=begin)
    return [moment for moment in found if end is None or moment <= end]


def _check_limits(start: datetime | None, end: datetime | None) -> None:
    if start and end and start >= end:
        raise InvalidInput(f"The end {end} is not behind the start {start}.")


@dataclass(frozen=True, slots=True)
class ScheduleDefinition:
    """What is run when.

    Attributes:
        experiment: of the runs.
        start: nothing fires before; None for no such limit.
        end: nothing fires after; likewise.
        catch_up: what becomes of missed times of a recurrence.
        overlap: what becomes of a firing while an earlier run goes on.
        data_parameter: the parameter of the pipeline, or the input of the script, that is given
            what has changed.
        tags: of the runs.

    Raises:
        InvalidInput: what does not go together.
    """

    trigger: Trigger
    action: Action
    experiment: str
    start: datetime | None = None
    end: datetime | None = None
    catch_up: CatchUp = CatchUp.LATEST
    overlap: Overlap = Overlap.SKIP
    data_parameter: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_limits(self.start, self.end)
        if self.data_parameter and not isinstance(self.trigger, (DataTrigger, DatasetTrigger)):
            raise InvalidInput(
                "Only a schedule on data can hand over what has changed.",
                hint="Leave out the name of the parameter.",
            )
        trigger = self.trigger
        if isinstance(trigger, DataTrigger) and not (
            trigger.polling_seconds > 0 and trigger.settle_seconds >= 0
        ):
            raise InvalidInput("The times between looks at data are above 0.")
        if isinstance(trigger, AfterTrigger):
            if (trigger.pipeline is None) is (trigger.schedule is None):
                raise InvalidInput("A schedule fires after a pipeline or after a schedule.")
            if trigger.on not in ("Completed", "Failed", "any"):
                raise InvalidInput(f"A run ends as Completed, Failed or any, not {trigger.on!r}.")

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ScheduleDefinition:
        """The definition that `to_dict` gave.

        Raises:
            InvalidInput: it is none.
        """
        try:
            settings = dict(content)
            trigger, action = dict(settings.pop("trigger")), dict(settings.pop("action"))
            kind = trigger.pop("kind")
            found = (
                ScheduleRecurrence.from_dict(trigger)
                if kind == "recurrence"
                else _TRIGGERS[kind](**trigger)
            )
            return cls(
                found,
                _ACTIONS[action.pop("kind")](**action),
                settings.pop("experiment"),
                _time(settings.pop("start", None)),
                _time(settings.pop("end", None)),
                CatchUp(settings.pop("catch_up")),
                Overlap(settings.pop("overlap")),
                **settings,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise InvalidInput(f"That is no schedule: {problem!r}.") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as the registry keeps it."""
        return {
            "trigger": _named(self.trigger, _TRIGGERS),
            "action": _named(self.action, _ACTIONS),
            "experiment": self.experiment,
            "start": None if self.start is None else self.start.isoformat(),
            "end": None if self.end is None else self.end.isoformat(),
            "catch_up": self.catch_up.value,
            "overlap": self.overlap.value,
            "data_parameter": self.data_parameter,
            "tags": dict(self.tags),
        }

    def next_times(self, number: int, after: datetime) -> list[datetime]:
        """When it fires next; none where that does not go by time."""
        if not isinstance(self.trigger, ScheduleRecurrence):
            return []
        return next_times(self.trigger, number, after, self.start, self.end)

    def due(self, cursor: datetime, now: datetime) -> Due:
        """What a recurrence is to fire, of the times behind `cursor` and not behind `now`."""
        assert isinstance(self.trigger, ScheduleRecurrence)
        if self.start is not None:
            cursor = max(cursor, self.start - timedelta(microseconds=1))
        limit = now if self.end is None else min(now, self.end)
        if cursor >= limit:
            return Due()
        if self.catch_up is CatchUp.ALL:
            times = self._between(cursor, limit, _MOST_AT_ONCE)
            return Due(times)
        edge = max(cursor, now - ON_TIME)
        times = self._between(edge, limit, _MOST_AT_ONCE)
        late = self.trigger.last_before(min(edge, limit), after=cursor) if edge > cursor else None
        if late is None:
            return Due(times)
        if self.catch_up is CatchUp.LATEST and not times:
            return Due([late])
        return Due(times, late)

    def _between(self, cursor: datetime, limit: datetime, most: int) -> list[datetime]:
        assert isinstance(self.trigger, ScheduleRecurrence)
        found: list[datetime] = []
        for moment in self.trigger.after(cursor):
            if moment > limit or len(found) == most:
                break
            found.append(moment)
        return found

    def fires_at(self, moment: datetime) -> bool:
        """Whether a moment is between start and end."""
        return (self.start is None or moment >= self.start) and (
            self.end is None or moment <= self.end
        )


@dataclass(frozen=True, slots=True)
class Due:
    """What a recurrence has come to.

    Attributes:
        times: what is to fire.
        missed: the last of those that are passed over.
    """

    times: list[datetime] = field(default_factory=list)
    missed: datetime | None = None

    @property
    def last(self) -> datetime | None:
        """The last moment that is dealt with."""
        return max([*self.times, *([self.missed] if self.missed else [])], default=None)


@dataclass(frozen=True, slots=True)
class NewFiring:
    """A firing that is about to be decided, once for each slot of a schedule.

    Attributes:
        slot: what it is for: a time, a change of data, a run that has ended.
        due: when.
        run_id: of the run that it will have.
        data: what has changed, as plain data.
    """

    schedule: str
    slot: str
    version: int
    due: datetime
    run_id: str
    state: FiringState = FiringState.DECIDED
    reason: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Firing:
    """One time that a schedule was due.

    Attributes:
        slot: what it was for: a time, a change of data, a run that has ended, or ``manual``.
        version: of the schedule.
        due: when it was due.
        decided: when an agent took note.
        run_id: of its run; there is none unless it was submitted.
        reason: why it was skipped, missed or failed.
        owner: which folder's agent submits it.
        claims: how many agents have taken it up.
    """

    schedule: str
    slot: str
    version: int
    due: datetime
    decided: datetime
    state: FiringState
    run_id: str
    reason: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    owner: str | None = None
    claims: int = 0


@dataclass(frozen=True, slots=True)
class SchedulePosition:
    """How far a schedule is.

    Attributes:
        revision: changes with each change.
        content: what its trigger needs to know: the last time, or the files that were there.
    """

    revision: int
    content: Mapping[str, Any]


def _named(value: Any, kinds: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value, ScheduleRecurrence):
        return {"kind": "recurrence", **value.to_dict()}
    kind = next(name for name, each in kinds.items() if isinstance(value, each))
    content = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {"kind": kind, **{key: item for key, item in content.items() if item is not None}}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def check_schedule_name(name: object) -> str:
    """Name of a schedule; see `check_asset_name`."""
    return check_asset_name(name, kind=KIND)


def pipeline_name(reference: str) -> str:
    """The name in ``NAME`` or ``NAME:VERSION``."""
    return AssetReference.of(reference, kind="pipeline").name
