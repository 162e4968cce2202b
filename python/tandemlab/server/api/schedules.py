"""Schedules: what runs by itself, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from tandemlab.domain import InvalidInput
from tandemlab.domain.schedules import Firing, FiringState, next_times
from tandemlab.domain.times import now
from tandemlab.schedules import Schedule, ScheduleRecurrence
from tandemlab.schedules.positions import begin
from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.server.api.request_content import RequestContent
from tandemlab.store.http.wire import encode

router = APIRouter(prefix="/workspaces/{workspace}", tags=["schedules"])
recurrences_router = APIRouter(prefix="/recurrences", tags=["schedules"])


class ScheduleContent(BaseModel):
    """A schedule; it fires next at `next`, where that goes by time."""

    name: str
    version: int
    status: str
    description: str | None
    trigger: dict[str, Any]
    action: dict[str, Any]
    experiment: str
    start: datetime | None
    end: datetime | None
    catch_up: str
    overlap: str
    data_parameter: str | None
    tags: dict[str, str | None]
    next: list[datetime]


class NewSchedule(RequestContent, BaseModel):
    """A schedule of a published pipeline; one of `recurrence` to `after_schedule` says when."""

    name: str
    pipeline: str = Field(description="NAME or NAME:VERSION")
    experiment: str | None = None
    description: str | None = None
    recurrence: dict[str, Any] | None = Field(
        default=None, description="cron, or frequency and interval; and time_zone"
    )
    datastore: str | None = None
    dataset: str | None = None
    after: str | None = Field(default=None, description="A published pipeline.")
    after_schedule: str | None = None
    after_status: str = "Completed"
    path_on_datastore: str | None = None
    polling_interval: float | None = Field(default=None, gt=0, description="Minutes.")
    settle_seconds: float = Field(default=5.0, ge=0)
    pipeline_parameters: dict[str, bool | int | float | str | list[Any] | None] = {}
    data_path_parameter_name: str | None = None
    continue_on_step_failure: bool | None = None
    start: datetime | None = None
    end: datetime | None = None
    catch_up: str = "latest"
    overlap: str = "skip"
    tags: dict[str, str | None] = {}
    exist_ok: bool = False


class Timing(RequestContent, BaseModel):
    """When something would run by itself."""

    recurrence: dict[str, Any] = Field(description="cron, or frequency and interval; and time_zone")
    start: AwareDatetime | None = Field(default=None, description="Nothing fires before.")
    end: AwareDatetime | None = Field(default=None, description="Nothing fires after.")


class RunId(BaseModel):
    """A run that there will be."""

    run_id: str


def _content(found: Schedule) -> ScheduleContent:
    return ScheduleContent(
        name=found.name,
        version=found.asset.version,
        status=found.status,
        description=found.description,
        next=list(found.next_times()),
        **found.definition.to_dict(),
    )


@router.get("/schedules", dependencies=[READER])
def list_schedules(found: Found) -> list[ScheduleContent]:
    """The schedules by name."""
    return [_content(each) for each in Schedule.list(found)]


@router.post("/schedules", status_code=201, dependencies=[CONTRIBUTOR])
def create_schedule(found: Found, body: NewSchedule) -> ScheduleContent:
    """Have a published pipeline run by itself from now on."""
    given = body.model_dump()
    recurrence, waits_for = given.pop("recurrence"), given.pop("after_schedule")
    if recurrence is not None:
        recurrence = ScheduleRecurrence.from_dict(recurrence)
    if waits_for is not None:
        if given["after"] is not None:
            raise InvalidInput("A schedule is after a pipeline or after a schedule, not both.")
        given["after"] = Schedule.get(found, waits_for)
    made = Schedule.create(
        found,
        given.pop("name"),
        given.pop("pipeline"),
        given.pop("experiment"),
        recurrence,
        **given,
    )
    return _content(made)


@router.get("/schedules/{name}", dependencies=[READER])
def get_schedule(found: Found, name: str) -> ScheduleContent:
    """A schedule."""
    return _content(Schedule.get(found, name))


@router.post("/schedules/{name}/pause", dependencies=[CONTRIBUTOR])
def pause_schedule(found: Found, name: str) -> ScheduleContent:
    """Have a schedule not fire until it is resumed."""
    return _content(Schedule.get(found, name).pause())


@router.post("/schedules/{name}/resume", dependencies=[CONTRIBUTOR])
def resume_schedule(found: Found, name: str) -> ScheduleContent:
    """Have a schedule go on; what was due meanwhile does not fire."""
    return _content(Schedule.get(found, name).resume())


@router.post("/schedules/{name}/begin", status_code=204, dependencies=[CONTRIBUTOR])
def begin_schedule(found: Found, name: str) -> None:
    """Begin with a schedule that was registered, or with its new version."""
    begin(found, Schedule.get(found, name).asset)
    found.attend()


@router.post("/schedules/{name}/runs", status_code=201, dependencies=[CONTRIBUTOR])
def run_schedule(found: Found, name: str) -> RunId:
    """Have a schedule fire once, now."""
    return RunId(run_id=Schedule.get(found, name).run_now())


@router.delete("/schedules/{name}", status_code=204, dependencies=[CONTRIBUTOR])
def delete_schedule(found: Found, name: str) -> None:
    """Forget a schedule; its runs stay."""
    Schedule.get(found, name).delete()


@router.get("/firings", dependencies=[READER], response_model=list[Firing])
def list_firings(
    found: Found,
    schedule: str | None = None,
    state: Annotated[list[FiringState] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:
    """Times at which schedules were due, those that were due last first."""
    content = encode(found.store.find_firings(schedule, state, limit))
    return Response(content, media_type="application/json")


@recurrences_router.post("/next-times", dependencies=[READER])
def list_next_times(body: Timing) -> list[datetime]:
    """When a schedule of that recurrence, made now, would fire: the first three times."""
    recurrence = ScheduleRecurrence.from_dict(body.recurrence)
    return next_times(recurrence, 3, now(), body.start, body.end)
