"""Events of a writer of the server's own: what people and MLflow's clients have it log for them."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from secrets import token_hex
from typing import Any

from tandemlab.domain import TandemlabError
from tandemlab.server.api.checks import check_events
from tandemlab.store.http.wire import Batch, EventLine, events_of
from tandemlab.tracking import Workspace

Entry = tuple[str, str, Any]
"""Kind, name and value of an event that is logged now."""

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric, in the spool's form; its time is in microseconds since 1970."""

    name: str
    value: Any
    time: int
    step: int


@dataclass(frozen=True, slots=True)
class Logged:
    """What a run logs: events of now, and points with times of their own."""

    entries: Sequence[Entry] = ()
    points: Sequence[Point] = ()


class OwnWriter:
    """Numbers what the server's process logs to the runs of a workspace, in the writing thread.

    No other process has its name, so that nobody else can take a number.
    """

    def __init__(self) -> None:
        self.name = f"server-{os.getpid()}-{token_hex(4)}"
        self._last: OrderedDict[str, int] = OrderedDict()

    def batch(self, workspace: Workspace, run_id: str, logged: Logged) -> Batch:
        """The next batch of a run.

        Raises:
            InvalidInput: a name or a value that cannot be one; no number was taken.
        """
        last = self._last.get(run_id)
        if last is None:
            last, _ = workspace.store.positions(run_id).get(self.name, (0, 0))
        now = time.time_ns() // 1000
        lines = [
            EventLine(seq, point.time, "metric", point.name, point.value, point.step)
            for seq, point in enumerate(logged.points, last + 1)
        ]
        lines += [
            EventLine(seq, now, kind, name, value)
            for seq, (kind, name, value) in enumerate(logged.entries, last + len(lines) + 1)
        ]
        batch = Batch(self.name, 0, lines)
        check_events(events_of(batch))
        self._last[run_id] = last + len(lines)
        if len(self._last) > _MOST:
            self._last.popitem(last=False)
        return batch

    def forget(self, run_id: str) -> None:
        """Ask the store for the next number of a run: a batch was not taken in."""
        self._last.pop(run_id, None)


@cache
def writer_of(address: str) -> OwnWriter:
    """The writer of the workspace at an address."""
    return OwnWriter()


def append(workspace: Workspace, run_id: str, entries: Sequence[Entry]) -> None:
    """Have a run log, in the writing thread.

    Raises:
        InvalidInput: a name or a value that cannot be one; nothing was logged.
        NotFound: no such run.
    """
    writer = writer_of(workspace.address)
    batch = writer.batch(workspace, run_id, Logged(entries))
    try:
        workspace.store.ingest(run_id, batch.writer, events_of(batch), end=0)
    except TandemlabError:
        writer.forget(run_id)
        raise
