"""Notifications, which R keeps as plain data and finds again by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.domain.notifications import NotificationDefinition
from tandemlab.notifications import Notification
from tandemlab.r_interface.handles import open_workspace


def _handle(found: Notification) -> object:
    return {
        "name": found.name,
        "workspace": found.workspace.address,
        "status": found.status,
        "on": Vector(list(found.definition.on), "character"),
        "about": found.definition.about,
        "by": str(found.definition.channel),
        "description": found.description,
    }


def _open(workspace: str, name: str) -> Notification:
    return Notification.get(open_workspace(workspace), name)


def _create(
    workspace: str, name: str, channel: Mapping[str, Any], on: Sequence[str], **options: Any
) -> object:
    definition = NotificationDefinition.from_dict({"channel": channel, "on": on})
    made = Notification.create(
        open_workspace(workspace), name, definition.channel, definition.on, **options
    )
    return _handle(made)


def _get(workspace: str, name: str) -> object:
    return _handle(_open(workspace, name))


def _list(workspace: str) -> object:
    found = Notification.list(open_workspace(workspace))
    return Table(
        {
            "name": Vector([each.name for each in found], "character"),
            "status": Vector([each.status for each in found], "character"),
            "on": Vector([", ".join(each.definition.on) for each in found], "character"),
            "about": Vector([each.definition.about for each in found], "character"),
            "by": Vector([str(each.definition.channel) for each in found], "character"),
        }
    )


def _change(workspace: str, name: str, change: str) -> object:
    found = _open(workspace, name)
    return _handle(found.pause() if change == "pause" else found.resume())


def _delete(workspace: str, name: str) -> None:
    _open(workspace, name).delete()


def _test(workspace: str, name: str) -> None:
    _open(workspace, name).test()


def _deliveries(workspace: str, name: str, limit: int | None) -> object:
    found = _open(workspace, name).get_deliveries(limit)
    return Table(
        {
            "due": Vector([each.due for each in found], "time"),
            "state": Vector([each.state.value for each in found], "character"),
            "event": Vector([each.slot for each in found], "character"),
            "reason": Vector([each.reason for each in found], "character"),
        }
    )


CALLS: dict[str, Callable[..., object]] = {
    "notification.change": _change,
    "notification.create": _create,
    "notification.delete": _delete,
    "notification.deliveries": _deliveries,
    "notification.get": _get,
    "notification.list": _list,
    "notification.test": _test,
}
