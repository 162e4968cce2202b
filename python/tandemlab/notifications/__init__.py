"""Notifications: what has ended is told by webhook, mail or command."""

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.domain.notifications import Command, Email, Webhook
    from tandemlab.notifications.notification import Notification

_PLAIN = "tandemlab.domain.notifications"
_HOMES = {
    "Command": _PLAIN,
    "Email": _PLAIN,
    "Notification": "tandemlab.notifications.notification",
    "Webhook": _PLAIN,
}

__all__ = ["Command", "Email", "Notification", "Webhook"]

__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
