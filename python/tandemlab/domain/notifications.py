"""Notifications as plain data: what is told to whom, and by which way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.records import RunRecord
from tandemlab.domain.schedules import Firing

KIND = "notification"
PREFIX = "notification/"
"""What stands before a notification's name where its deliveries are kept, beside firings."""
STATUSES = ("Completed", "Failed", "Canceled")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A POST of JSON to a URL, signed as Standard Webhooks has it.

    Attributes:
        url: where to; None where the URL itself is a secret.
        url_secret: name of the secret in the keyvault that is the URL.
        secret: name of the secret that signs: the header ``webhook-signature`` is ``v1,`` and the
            base64 of HMAC-SHA256, with that secret, over ``ID.TIMESTAMP.BODY``.

    Raises:
        InvalidInput: not one of `url` and `url_secret`, or no URL.
    """

    url: str | None = None
    url_secret: str | None = None
    secret: str | None = None

    def __post_init__(self) -> None:
        if (self.url is None) is (self.url_secret is None):
            raise InvalidInput("A webhook has a URL, or the name of the secret that is its URL.")
        if self.url is not None:
            check_url(self.url)

    def __str__(self) -> str:
        return f"webhook {self.url or 'of the secret ' + str(self.url_secret)}"


@dataclass(frozen=True, slots=True)
class Email:
    """A mail by SMTP.

    Attributes:
        security: ``starttls``, ``tls``, or ``none`` for a server of this machine.
        user: for servers that ask who sends.
        password_secret: name of the secret in the keyvault that is the user's password.

    Raises:
        InvalidInput: no recipient, or what is no address.
    """

    recipients: tuple[str, ...]
    sender: str
    host: str
    port: int = 587
    security: str = "starttls"
    user: str | None = None
    password_secret: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipients", tuple(self.recipients))
        for address in (*self.recipients, self.sender):
            if "@" not in address or any(letter in address for letter in "\r\n,"):
                raise InvalidInput(f"{address[:80]!r} is no address for mail.")
        if not self.recipients:
            raise InvalidInput("A mail has at least one recipient.")
        if self.security not in ("starttls", "tls", "none"):
            raise InvalidInput(f"Security is starttls, tls or none, not {self.security!r}.")
        if (self.user is None) is not (self.password_secret is None):
            raise InvalidInput("A user and the secret that is the password go together.")

    def __str__(self) -> str:
        return f"mail to {', '.join(self.recipients)}"


@dataclass(frozen=True, slots=True)
class Command:
    """A line for the shell of the agent's machine, which gets the event as JSON to read."""

    command: str

    def __post_init__(self) -> None:
        if not self.command.strip():
            raise InvalidInput("There is no command.")

    def __str__(self) -> str:
        return f"command {self.command}"


Channel = Webhook | Email | Command
_CHANNELS: dict[str, Any] = {"webhook": Webhook, "email": Email, "command": Command}


@dataclass(frozen=True, slots=True)
class NotificationDefinition:
    """What is told, and by which way.

    Attributes:
        on: how a run has to have ended.
        experiment: only runs of this one.
        pipeline: only runs of this published pipeline.
        schedule: only runs of this schedule, and times at which it could not run.

    Raises:
        InvalidInput: a status that no run ends with.
    """

    channel: Channel
    on: tuple[str, ...] = ("Failed",)
    experiment: str | None = None
    pipeline: str | None = None
    schedule: str | None = None

    def __post_init__(self) -> None:
        found = tuple(str(each).capitalize() for each in self.on)
        if not found or any(each not in STATUSES for each in found):
            given = ", ".join(map(str, self.on)) or "nothing"
            raise InvalidInput(f"A notification is on {', '.join(STATUSES)}, not {given}.")
        object.__setattr__(self, "on", tuple(dict.fromkeys(found)))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> NotificationDefinition:
        """The definition that `to_dict` gave.

        Raises:
            InvalidInput: it is none.
        """
        try:
            settings = dict(content)
            channel = dict(settings.pop("channel"))
            made = _CHANNELS[channel.pop("kind")](**channel)
            return cls(made, tuple(settings.pop("on")), **settings)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise InvalidInput(f"That is no notification: {problem!r}.") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as the registry keeps it."""
        kind = next(name for name, each in _CHANNELS.items() if isinstance(self.channel, each))
        fields = {name: getattr(self.channel, name) for name in self.channel.__dataclass_fields__}
        return {
            "channel": {"kind": kind, **{key: each for key, each in fields.items() if each}},
            "on": list(self.on),
            "experiment": self.experiment,
            "pipeline": self.pipeline,
            "schedule": self.schedule,
        }

    @property
    def about(self) -> str:
        """What it is about, for people."""
        scopes = {name: getattr(self, name) for name in ("experiment", "pipeline", "schedule")}
        named = [f"{what} {name}" for what, name in scopes.items() if name is not None]
        return ", ".join(named) or "all runs"


def run_event(workspace: str, run: RunRecord) -> dict[str, Any]:
    """What is told of a run that has ended, as plain data; ``text`` is for people."""
    error = None if run.error is None else run.error.message
    text = f"Run {run.number} of {run.experiment} in {workspace} ({run.display_name}) "
    text += f"{run.status.ending}." + (f" {error}" if error else "")
    return {
        "event": f"run.{run.status.value.lower()}",
        "text": text,
        "workspace": workspace,
        "run": {
            "id": run.id,
            "number": run.number,
            "experiment": run.experiment,
            "display_name": run.display_name,
            "type": run.type,
            "status": run.status.value,
            "error": error,
            "started": None if run.started is None else run.started.isoformat(),
            "ended": None if run.ended is None else run.ended.isoformat(),
            "duration": run.duration,
            "tags": dict(run.tags),
            "properties": dict(run.properties),
        },
    }


def firing_event(workspace: str, firing: Firing) -> dict[str, Any]:
    """What is told of a time at which a schedule could not run."""
    text = f"The schedule {firing.schedule} in {workspace}, due {firing.due.isoformat()}, could not"
    return {
        "event": f"schedule.{firing.state.value}",
        "text": f"{text} run: {firing.reason}",
        "workspace": workspace,
        "schedule": {
            "name": firing.schedule,
            "slot": firing.slot,
            "due": firing.due.isoformat(),
            "state": firing.state.value,
            "reason": firing.reason,
        },
    }


def check_url(url: str) -> str:
    """An address that can be asked over HTTP.

    Raises:
        InvalidInput: another one.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput("A webhook's URL begins with http:// or https://, and has a host.")
    return url
