"""Notifications: who is told of what has ended, and whether it has arrived."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from tandemlab.domain import Unavailable
from tandemlab.domain.notifications import NotificationDefinition
from tandemlab.domain.schedules import Firing
from tandemlab.notifications import Notification
from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.server.api.request_content import RequestContent
from tandemlab.store.http.wire import encode

router = APIRouter(prefix="/workspaces/{workspace}/notifications", tags=["notifications"])


class NotificationSettings(BaseModel):
    """What is told, and by which way."""

    channel: dict[str, Any]
    on: list[str] = ["Failed"]
    experiment: str | None = None
    pipeline: str | None = None
    schedule: str | None = None


class NewNotification(RequestContent, NotificationSettings):
    """A notification that is to be."""

    name: str
    description: str | None = None
    exist_ok: bool = False


class NotificationContent(NotificationSettings):
    """A notification."""

    name: str
    version: int
    status: str
    description: str | None


class TestResult(BaseModel):
    """Why a made-up event did not arrive; null if it did."""

    problem: str | None


def _content(found: Notification) -> NotificationContent:
    return NotificationContent(
        name=found.name,
        version=found.asset.version,
        status=found.status,
        description=found.description,
        **found.definition.to_dict(),
    )


@router.get("", dependencies=[READER])
def list_notifications(found: Found) -> list[NotificationContent]:
    """The notifications by name."""
    return [_content(each) for each in Notification.list(found)]


@router.post("", status_code=201, dependencies=[CONTRIBUTOR])
def create_notification(found: Found, body: NewNotification) -> NotificationContent:
    """Have submitted runs that end from now on be told of."""
    options = body.model_dump(include={"name", "description", "exist_ok"})
    settings = body.model_dump(exclude={*options})
    wanted = NotificationDefinition.from_dict(settings)
    scope = {key: settings[key] for key in ("experiment", "pipeline", "schedule")}
    name = options.pop("name")
    return _content(Notification.create(found, name, wanted.channel, wanted.on, **scope, **options))


@router.get("/{name}", dependencies=[READER])
def get_notification(found: Found, name: str) -> NotificationContent:
    """A notification."""
    return _content(Notification.get(found, name))


@router.get("/{name}/deliveries", dependencies=[READER], response_model=list[Firing])
def list_deliveries(
    found: Found, name: str, limit: Annotated[int, Query(ge=1, le=10_000)] = 100
) -> Response:
    """What a notification had to tell, the last first: ``ended`` once it has arrived."""
    content = encode(Notification.get(found, name).get_deliveries(limit))
    return Response(content, media_type="application/json")


@router.post("/{name}/test", dependencies=[CONTRIBUTOR])
def test_notification(found: Found, name: str) -> TestResult:
    """Tell of a made-up event now, once."""
    try:
        Notification.get(found, name).test()
    except Unavailable as problem:
        return TestResult(problem=problem.message)
    return TestResult(problem=None)


@router.post("/{name}/pause", dependencies=[CONTRIBUTOR])
def pause_notification(found: Found, name: str) -> NotificationContent:
    """Have a notification tell nothing until it is resumed."""
    return _content(Notification.get(found, name).pause())


@router.post("/{name}/resume", dependencies=[CONTRIBUTOR])
def resume_notification(found: Found, name: str) -> NotificationContent:
    """Have a notification tell again."""
    return _content(Notification.get(found, name).resume())


@router.delete("/{name}", status_code=204, dependencies=[CONTRIBUTOR])
def delete_notification(found: Found, name: str) -> None:
    """Forget a notification."""
    Notification.get(found, name).delete()
