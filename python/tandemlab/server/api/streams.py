"""Server-sent events: what changes in a run, or in a workspace, as it does.

Every event has an id that says all that its reader has seen, so that the server keeps nothing for
readers who come back: they send the last id (`Last-Event-ID`) and get what is new since.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from tandemlab.domain import RunQuery, Unavailable
from tandemlab.server.access import READER, Found, services
from tandemlab.store.http.wire import encode, encode_latest
from tandemlab.tracking import Run, Workspace

router = APIRouter(prefix="/workspaces/{workspace}", tags=["streams"])
_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_HEARTBEAT = 15.0
_MOST = 200
_LOG_BYTES = 256 << 10
_EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "A stream of events."}
}


@dataclass(frozen=True, slots=True)
class RunCursor:
    """What a reader of a run has seen.

    Attributes:
        record, metrics: digests of them; empty if not seen.
        log: bytes of the log.
    """

    record: str = ""
    metrics: str = ""
    log: int = 0

    @classmethod
    def of(cls, text: str) -> RunCursor:
        """The cursor in the id of an event; the start if it is none of ours.

        >>> RunCursor.of("ab.cd.12"), RunCursor.of("nonsense")
        (RunCursor(record='ab', metrics='cd', log=12), RunCursor(record='', metrics='', log=0))
        """
        parts = text.split(".")
        if len(parts) != 3 or not parts[2].isdecimal() or len(parts[2]) > 15:
            return cls()
        return cls(parts[0], parts[1], int(parts[2]))

    def __str__(self) -> str:
        return f"{self.record}.{self.metrics}.{self.log}"


Step = Callable[[Any], "list[tuple[Any, str, bytes]]"]


@router.get("/runs/{run}/stream", dependencies=[READER], responses=_EVENT_STREAM)
async def stream_run(request: Request, found: Found, run: str) -> StreamingResponse:
    """What changes in a run.

    Events are `run` (its record), `metrics` (the newest value of each series, which says that there
    are new points), `log` (`text`, and the `offset` behind it) and, once it has ended, `end`.
    """
    record = await run_in_threadpool(found.get_record, run)
    start = RunCursor.of(request.headers.get("last-event-id", ""))
    return _answer(request, lambda cursor: list(_run_news(found, record.id, cursor)), start)


def _run_news(
    workspace: Workspace, run_id: str, cursor: RunCursor
) -> Iterator[tuple[Any, str, bytes]]:
    record = workspace.get_record(run_id)
    data = encode(record)
    if (digest := _digest(data)) != cursor.record:
        cursor = replace(cursor, record=digest)
        yield cursor, "run", data
    values = encode_latest(workspace.store.latest_values([run_id]))
    counts = encode(workspace.store.positions(run_id))
    if (digest := _digest(values + counts)) != cursor.metrics:
        cursor = replace(cursor, metrics=digest)
        yield cursor, "metrics", values
    run = Run(workspace, run_id)
    while True:
        text, end = run.read_log(cursor.log, _LOG_BYTES)
        if end == cursor.log:
            break
        cursor = replace(cursor, log=end)
        yield cursor, "log", encode({"text": text, "offset": end})
    if record.status.is_terminal:
        yield cursor, "end", b"{}"


@router.get("/stream", dependencies=[READER], responses=_EVENT_STREAM)
async def stream_workspace(request: Request, found: Found) -> StreamingResponse:
    """What changes in a workspace: `runs` has the newest runs, at most 200, as they are now."""
    start = request.headers.get("last-event-id", "")

    def news(cursor: str) -> list[tuple[Any, str, bytes]]:
        found.place.catch_up_all()
        data = encode(found.store.find_runs(RunQuery(include_children=True, limit=_MOST)))
        digest = _digest(data)
        return [] if digest == cursor else [(digest, "runs", data)]

    return _answer(request, news, start)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _answer(request: Request, step: Step, cursor: Any) -> StreamingResponse:
    counts = services(request).counts
    if counts.streams >= _MOST:
        raise Unavailable("The server has too many open streams.", hint="Try again later.")
    return StreamingResponse(
        _events(request, step, cursor),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(request: Request, step: Step, cursor: Any) -> AsyncIterator[bytes]:
    """Ask for news, more seldom while there are none, until the run, reader or server ends."""
    counts, closing = services(request).counts, services(request).closing
    counts.streams += 1
    pause, last = _PAUSE, time.monotonic()
    try:
        yield b"retry: 1000\n\n"
        while not closing.is_set() and not await request.is_disconnected():
            news = await run_in_threadpool(step, cursor)
            for cursor, kind, data in news:
                yield b"id: %b\nevent: %b\ndata: %b\n\n" % (
                    str(cursor).encode(),
                    kind.encode(),
                    data,
                )
                if kind == "end":
                    return
            now = time.monotonic()
            if news:
                pause, last = _PAUSE, now
            elif now - last > _HEARTBEAT:
                yield b": still here\n\n"
                last = now
            try:
                await asyncio.wait_for(closing.wait(), pause)
            except asyncio.TimeoutError:
                pause = min(1.5 * pause, _LONGEST_PAUSE)
    finally:
        counts.streams -= 1
