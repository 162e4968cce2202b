"""What can be seen of a server: a line of JSON for every request, and counts for Prometheus."""

from __future__ import annotations

import logging
import re
import sys
import time
from datetime import datetime, timezone
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tandemlab.domain import TandemlabError
from tandemlab.domain.ids import new_ulid
from tandemlab.server.errors import answer_of, internal
from tandemlab.web.counts import Counts as RequestCounts
from tandemlab.web.counts import metric_head

_log = logging.getLogger("tandemlab.server")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_UNLESS_SET = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        content: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(content, enc_hook=str).decode()


def log_as_json() -> None:
    """Have everything that is logged go to standard error, as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True
    # What a line does not show is not looked for; it would take longer than the line.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class Counts(RequestCounts):
    """Counts of a server, in Prometheus's text format."""

    def __init__(self) -> None:
        super().__init__()
        self.events = 0
        self.streams = 0

    def add_events(self, count: int) -> None:
        """Count events that were taken in."""
        with self._lock:
            self.events += count

    def more(self) -> list[str]:
        """Lines of events and streams."""
        return [
            *metric_head("tandemlab_events_total", "counter", "Logged events taken in."),
            f"tandemlab_events_total {self.events}",
            *metric_head("tandemlab_streams", "gauge", "Event streams that are open."),
            f"tandemlab_streams {self.streams}",
        ]


class Observer:
    """Gives every request an id, its answer the headers that all answers have, and a log line."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wished = Headers(scope=scope).get("x-request-id", "")
        request_id = wished if _ID.fullmatch(wished) else new_ulid()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 0
        begin = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    *(header for header in _UNLESS_SET if header[0] not in given),
                ]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as problem:
            error = problem if isinstance(problem, TandemlabError) else internal()
            if not isinstance(problem, TandemlabError):
                _log.error(
                    "a request failed", exc_info=problem, extra=_fields(request_id=request_id)
                )
            if not status:
                await answer_of(error, scope)(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - begin
            route = scope.get("route")
            name = state.get("operation") or str(getattr(route, "name", "")) or "none"
            self._counts.request(name, status, seconds)
            user = state.get("user")
            _log.info(
                "request",
                extra=_fields(
                    request_id=request_id,
                    method=scope["method"],
                    path=scope["path"][:500],
                    status=status,
                    milliseconds=round(1000 * seconds, 2),
                    client=(scope.get("client") or ("",))[0],
                    user=None if user is None else user.name,
                ),
            )


def _fields(**fields: Any) -> dict[str, Any]:
    return {"fields": fields}
