"""Schedules: what runs by itself, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from tandemlab.domain.schedules import Firing, FiringState
from tandemlab.schedules import Schedule
from tandemlab.schedules.positions import begin
from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.store.http.wire import encode

router = APIRouter(prefix="/workspaces/{workspace}", tags=["schedules"])


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
