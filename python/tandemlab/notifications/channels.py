"""The ways by which events are told. Each raises `Unavailable` where it may go well later."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import smtplib
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from typing import Any

from tandemlab.domain import InvalidInput, NotFound, Unavailable
from tandemlab.domain.notifications import Channel, Command, Email, Webhook, check_url
from tandemlab.store.http.client import trusted_authorities
from tandemlab.tracking.agent import environment_without_run

_SECONDS = 30.0
Secrets = Callable[[str], str]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed message goes where it was meant to go, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse."""


def tell(channel: Channel, event: Mapping[str, Any], key: str, secrets: Secrets) -> None:
    """Tell an event, and return when it has arrived.

    Args:
        key: the same whenever this event is told again.
        secrets: gives the secret of a name.

    Raises:
        Unavailable: it did not arrive.
    """
    try:
        if isinstance(channel, Webhook):
            _post(channel, event, key, secrets)
        elif isinstance(channel, Email):
            _mail(channel, event, key, secrets)
        else:
            _run(channel, event, key)
    except (NotFound, InvalidInput) as problem:  # a secret that is not there yet
        raise Unavailable(problem.message) from None


def signature(secret: str, key: str, timestamp: int, body: bytes) -> str:
    """The signature of a webhook, as Standard Webhooks has it.

    A secret that begins with ``whsec_`` is base64 behind that; others sign as they are.
    """
    given = secret.removeprefix("whsec_")
    material = base64.b64decode(given) if given != secret else secret.encode()
    signed = f"{key}.{timestamp}.".encode() + body
    digest = hmac.new(material, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _post(channel: Webhook, event: Mapping[str, Any], key: str, secrets: Secrets) -> None:
    url = channel.url or check_url(secrets(str(channel.url_secret)))
    body = json.dumps(event, ensure_ascii=False).encode()
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "tandemlab",
        "webhook-id": key,
        "webhook-timestamp": str(timestamp),
    }
    if channel.secret is not None:
        headers["webhook-signature"] = signature(secrets(channel.secret), key, timestamp, body)
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        secured = urllib.request.HTTPSHandler(context=trusted_authorities())
        opener = urllib.request.build_opener(_NoRedirect, secured)
        with opener.open(request, timeout=_SECONDS):
            return
    except urllib.error.HTTPError as problem:
        raise Unavailable(f"The webhook answered with status {problem.code}.") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", problem)
        raise Unavailable(f"The webhook cannot be reached: {reason}.") from None


def _mail(channel: Email, event: Mapping[str, Any], key: str, secrets: Secrets) -> None:
    message = EmailMessage()
    message["Subject"] = " ".join(str(event["text"]).split())[:150]
    message["From"], message["To"] = channel.sender, ", ".join(channel.recipients)
    message["Message-ID"] = f"<{key}@tandemlab>"
    details = json.dumps({k: v for k, v in event.items() if k != "text"}, indent=2)
    message.set_content(f"{event['text']}\n\n{details}\n")
    context = trusted_authorities()
    try:
        if channel.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                channel.host, channel.port, timeout=_SECONDS, context=context
            )
        else:
            server = smtplib.SMTP(channel.host, channel.port, timeout=_SECONDS)
        with server:
            if channel.security == "starttls":
                server.starttls(context=context)
            if channel.user is not None:
                server.login(channel.user, str(secrets(str(channel.password_secret))))
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as problem:
        raise Unavailable(
            f"The mail server {channel.host}:{channel.port} did not take the mail: "
            f"{type(problem).__name__}."
        ) from None


def _run(channel: Command, event: Mapping[str, Any], key: str) -> None:
    variables = {
        **environment_without_run(),
        "TANDEMLAB_EVENT": str(event["event"]),
        "TANDEMLAB_EVENT_TEXT": str(event["text"]),
        "TANDEMLAB_EVENT_ID": key,
    }
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", channel.command],
            input=f"{json.dumps(event)}\n".encode(),  # so that appending makes JSON lines
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=variables,
            cwd=os.path.expanduser("~"),
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"The command took more than {_SECONDS:.0f} seconds.") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-200:]
        raise Unavailable(f"The command ended with status {done.returncode}. {said}".strip())
