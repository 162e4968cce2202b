"""One thread for each workspace takes in what its clients log, all that waits in one transaction.

A database has one writer at a time: threads that all want to write would wait for each other, and
those of SQLite do so by asking again and again. The more clients wait, the more of them share the
cost of a transaction. A client hears of its events once they have been committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeAlias, TypeVar

from tandemlab.domain import EventBatch
from tandemlab.server.api.checks import check_events, check_writer
from tandemlab.server.api.stored import keep_files
from tandemlab.store.http.wire import Batch, events_of
from tandemlab.tracking import Workspace

T = TypeVar("T")
AnyBatch: TypeAlias = Batch | Callable[[], Batch]
_MOST = 64  # batches in one transaction: nobody waits for more than those


class Writers:
    """The writing threads of a server."""

    def __init__(self) -> None:
        self._threads: dict[str, _Writer] = {}

    async def take_in(self, workspace: Workspace, run_id: str, batch: AnyBatch) -> int:
        """Take in a batch of a run, with those that come at the same time; how many are new.

        Args:
            batch: itself, or what gives it in the writing thread.

        Raises:
            TandemlabError: it cannot be taken in.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(run_id, batch, loop, loop.create_future())
        # What else has arrived by now shares the transaction.
        loop.call_soon(self._put, workspace, waiting)
        return await waiting.result

    async def run(self, workspace: Workspace, task: Callable[..., T], *arguments: Any) -> T:
        """What a task gives, beside which nothing else is taken in."""
        loop = asyncio.get_running_loop()
        waiting = _Task(partial(task, *arguments), loop, loop.create_future())
        self._writer_of(workspace).queue.put(waiting)
        result: T = await waiting.result
        return result

    def _put(self, workspace: Workspace, waiting: _Waiting) -> None:
        self._writer_of(workspace).queue.put(waiting)

    def _writer_of(self, workspace: Workspace) -> _Writer:
        writer = self._threads.get(workspace.address)
        if writer is None or writer.workspace is not workspace:
            if writer is not None:  # the workspace was made anew
                writer.queue.put(None)
            writer = self._threads[workspace.address] = _Writer(workspace)
        return writer

    def close(self) -> None:
        """Finish what was begun."""
        for writer in self._threads.values():
            writer.queue.put(None)
        for writer in self._threads.values():
            writer.thread.join()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A batch whose client waits."""

    run_id: str
    batch: AnyBatch
    loop: asyncio.AbstractEventLoop
    result: asyncio.Future[int]


@dataclass(frozen=True, slots=True)
class _Task:
    """Something else that a client waits for."""

    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    result: asyncio.Future[Any]

    def do(self) -> None:
        """Do it, and tell what came of it."""
        try:
            result = self.work()
        except Exception as error:  # whatever it is, the client has to hear of it
            result = error
        self.loop.call_soon_threadsafe(_tell, [self], [result])


class _Writer:
    """The thread of a workspace; None in its queue ends it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.queue: SimpleQueue[_Waiting | _Task | None] = SimpleQueue()
        self.thread = Thread(target=self._work, name="writer", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        is_over = False
        while not is_over:
            waiting, task, is_over = self._next()
            if waiting:
                results = _take_in(self.workspace, waiting)
                waiting[0].loop.call_soon_threadsafe(_tell, waiting, results)
            if task is not None:
                task.do()

    def _next(self) -> tuple[list[_Waiting], _Task | None, bool]:
        """All batches that wait, once something does; the task behind them; whether it is over."""
        found: list[_Waiting] = []
        item = self.queue.get()
        while isinstance(item, _Waiting):
            found.append(item)
            if len(found) == _MOST:
                return found, None, False
            try:
                item = self.queue.get_nowait()
            except Empty:
                return found, None, False
        return found, item, item is None


def _take_in(workspace: Workspace, waiting: Sequence[_Waiting]) -> list[int | Exception]:
    """For each batch how many events were new, or why it was not taken in."""
    found: list[EventBatch | Exception] = [_checked(workspace, item) for item in waiting]
    sound = [item for item in found if isinstance(item, EventBatch)]
    try:
        results = iter(workspace.store.ingest_all(sound))
        digests = [file.digest for batch in sound for file in batch.files.values()]
        if digests:
            workspace.place.blobs.commit(digests)
    except Exception as error:  # whatever it is, those who wait have to hear of it
        return [error] * len(waiting)
    return [item if isinstance(item, Exception) else next(results) for item in found]


def _checked(workspace: Workspace, waiting: _Waiting) -> EventBatch | Exception:
    """What a client sent, as the store takes it, with the files that it names in their place."""
    try:
        batch = waiting.batch if isinstance(waiting.batch, Batch) else waiting.batch()
        events = events_of(batch)
        check_events(events)
        check_writer(batch.writer)
        if batch.files:
            keep_files(workspace, waiting.run_id, batch.files)
    except Exception as error:  # whatever it is, the client has to hear of it
        return error
    files = {file.name: file for file in batch.files}
    return EventBatch(waiting.run_id, batch.writer, events, batch.end, files)


def _tell(waiting: Sequence[_Waiting | _Task], results: Sequence[Any]) -> None:
    for item, result in zip(waiting, results, strict=True):
        if item.result.done():  # its client has gone
            continue
        if isinstance(result, Exception):
            item.result.set_exception(result)
        else:
            item.result.set_result(result)
