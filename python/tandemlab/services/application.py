"""What a service answers over HTTP."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from tandemlab.domain import (
    InvalidInput,
    NotAllowed,
    NotFound,
    ServiceFailed,
    TandemlabError,
    Unavailable,
)
from tandemlab.domain.ids import new_ulid
from tandemlab.domain.signatures import DataSchema, ModelSignature
from tandemlab.services.deployment import Deployment
from tandemlab.services.fleet import Fleet
from tandemlab.services.keys import KeyFile
from tandemlab.services.openapi import describe
from tandemlab.services.replica import ReplicaEnded, ScriptError, TooSlow
from tandemlab.services.requests import check_request
from tandemlab.version import __version__
from tandemlab.web.addresses import Address
from tandemlab.web.checks import TooLarge, check_origin, limited
from tandemlab.web.counts import Counts, metric_head

_log = logging.getLogger("tandemlab.services")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_JSON = (b"content-type", b"application/json")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
_GET = {"/healthz", "/readyz", "/openapi.json", "/metrics"}
_WITH_KEY = {"/score", "/metrics"}


class _Counts(Counts):
    """Counts of a service."""

    fleet: Fleet | None = None

    def more(self) -> list[str]:
        """Lines of replicas and of requests that wait."""
        states = self.fleet.states() if self.fleet else ()
        waiting = self.fleet.waiting if self.fleet else 0
        return [
            *metric_head("tandemlab_replicas_ready", "gauge", "Replicas that can answer."),
            f"tandemlab_replicas_ready {sum(each.ready for each in states)}",
            *metric_head("tandemlab_replica_restarts", "gauge", "Replicas that were replaced."),
            f"tandemlab_replica_restarts {sum(each.restarts for each in states)}",
            *metric_head("tandemlab_requests_waiting", "gauge", "Requests without a replica yet."),
            f"tandemlab_requests_waiting {waiting}",
        ]


class Application:
    """The ASGI application of a service.

    Args:
        keys: the file of the keys that requests show.
    """

    def __init__(self, deployment: Deployment, keys: Path) -> None:
        self._deployment = deployment
        self._keys = KeyFile(keys)
        self._fleet: Fleet | None = None
        self._counts = _Counts()
        self._description = b""
        self._inputs: DataSchema | None = None

    def answer_by(self, deployment: Deployment, fleet: Fleet) -> None:
        """Have requests answered so from now on."""
        self._deployment = deployment
        self._fleet = self._counts.fleet = fleet
        self._description = b""
        signature = deployment.signature
        self._inputs = None if signature is None else ModelSignature.from_dict(signature).inputs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        begin = time.perf_counter()
        headers = Headers(scope=scope)
        wished = headers.get("x-request-id", "")
        request_id = wished if _ID.fullmatch(wished) else new_ulid()
        more: list[tuple[bytes, bytes]] = [_JSON]
        try:
            status, content = 200, await self._answer(scope, headers, receive)
            if scope["path"] == "/metrics":
                more = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]
        except Exception as problem:
            status, error = self._error(problem, request_id)
            content = msgspec.json.encode({"error": error})
            if status == 401:
                more.append((b"www-authenticate", b"Bearer"))
            if "retry_after" in error["details"]:
                more.append((b"retry-after", str(error["details"]["retry_after"]).encode()))
        length = (b"content-length", str(len(content)).encode())
        ident = (b"x-request-id", request_id.encode())
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*more, length, ident, *_HEADERS],
            }
        )
        await send({"type": "http.response.body", "body": content})
        known = scope["path"] in _GET or scope["path"] == "/score"
        operation = scope["path"].strip("/") if known else "none"
        self._counts.request(operation, status, time.perf_counter() - begin)

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive) -> bytes:
        settings, path = self._deployment.settings, scope["path"]
        address = Address(settings.host)
        address.check_host(headers.getlist("host"))
        check_origin(address.origin(headers["host"], scope["scheme"]), headers)
        if settings.needs_key and path in _WITH_KEY:
            self._check_key(headers)
        if path == "/score":
            if scope["method"] != "POST":
                raise _WrongMethod("Requests are sent to /score by POST.")
            return await self._score(await _body(receive, headers, settings.max_request_bytes))
        if path not in _GET:
            raise NotFound(
                f"There is nothing at {path[:200]}.",
                hint="POST requests to /score; /openapi.json describes them.",
                details={"what": "path"},
            )
        if scope["method"] not in ("GET", "HEAD"):
            raise _WrongMethod(f"{path} is read by GET.")
        return self._told(path)

    def _check_key(self, headers: Headers) -> None:
        kind, _, text = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not self._keys.fit(text.strip()):
            raise NotAllowed(
                "The service asks for a key." if not text else "The key is not valid, or not now.",
                hint="Send `Authorization: Bearer KEY`; `tandemlab service keys NAME` shows them.",
                details={"reason": "unknown"},
            )

    async def _score(self, body: bytes) -> bytes:
        if self._fleet is None:
            raise Unavailable("The service is being deployed.", details={"retry_after": 1})
        try:
            value = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"The request is not JSON: {error}.", hint="/openapi.json describes requests."
            ) from error
        if self._inputs is not None:
            body = msgspec.json.encode(check_request(self._inputs, value))
        answer = await self._fleet.score(body, self._deployment.settings.timeout_seconds)
        return _as_json(answer)

    def _told(self, path: str) -> bytes:
        if path == "/healthz":
            return msgspec.json.encode({"status": "ok", "version": __version__})
        if path == "/metrics":
            return self._counts.text().encode()
        if path == "/openapi.json":
            if not self._description:
                self._description = msgspec.json.encode(describe(self._deployment))
            return self._description
        if self._fleet is None or not self._fleet.is_ready:
            raise Unavailable("No replica is ready.", details={"retry_after": 1})
        return msgspec.json.encode({"status": "ok"})

    def _error(self, problem: Exception, request_id: str) -> tuple[int, dict[str, Any]]:
        """Status and content for a problem; what the script said goes to the log alone."""
        status, error = _known(problem, self._deployment)
        if status >= 500 and not isinstance(problem, Unavailable):
            said = getattr(problem, "traceback", None)
            if said is None:
                _log.error("request %s: %s", request_id, error.message, exc_info=_own(problem))
            else:
                _log.error("request %s: %s\n%s", request_id, problem, said)
        return status, {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": error.details,
            "request_id": request_id,
        }


class _WrongMethod(InvalidInput):
    """A path is asked in a way in which it is not answered."""


def _known(problem: Exception, deployment: Deployment) -> tuple[int, TandemlabError]:
    hint = f"`tandemlab service logs {deployment.name}` has the request's id, and says more."
    seconds = deployment.settings.timeout_seconds
    if isinstance(problem, ScriptError):
        return 500, ServiceFailed("The script raised an error.", hint=hint)
    if isinstance(problem, ReplicaEnded):
        return 500, ServiceFailed("The script's process ended before it answered.", hint=hint)
    if isinstance(problem, TooSlow):
        return 504, ServiceFailed(f"The script took longer than {seconds:g} seconds.", hint=hint)
    if isinstance(problem, NotAllowed):
        return 401 if problem.details.get("reason") == "unknown" else 403, problem
    statuses: dict[type[Exception], int] = {
        _WrongMethod: 405,
        TooLarge: 413,
        InvalidInput: 400,
        NotFound: 404,
        Unavailable: 503,
    }
    for kind, status in statuses.items():
        if isinstance(problem, kind):
            assert isinstance(problem, TandemlabError)
            return status, problem
    return 500, ServiceFailed("The service made a mistake.", hint=hint)


def _own(problem: Exception) -> Exception | None:
    return None if isinstance(problem, (ReplicaEnded, TooSlow)) else problem


async def _body(receive: Receive, headers: Headers, limit: int) -> bytes:
    receive = limited(receive, headers, limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


def _as_json(answer: bytes) -> bytes:
    """An answer that is JSON as it is; other text as a JSON string."""
    try:
        msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.encode(answer.decode("utf-8", "replace"))
    return answer
