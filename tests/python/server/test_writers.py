"""Batches that wait share a transaction; once it is committed, each client hears of its own."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing

import pytest

from tandemlab import Workspace
from tandemlab.domain import EventBatch, InvalidInput, NotFound, StorageError
from tandemlab.server.writers import Writers
from tandemlab.store.http.wire import Batch, EventLine


def batch(first: int, value: float, kind: str = "metric") -> Batch:
    events = [EventLine(first + i, first + i, kind, "x", value) for i in range(2)]
    return Batch("w-1-00000000", first, events)


def test_what_waits_is_taken_in_together_and_told_apart(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [workspace.experiment("demo").create_run(type="interactive").id for _ in range(5)]
    sizes = []
    ingest_all = workspace.store.ingest_all
    begun = threading.Event()

    def counted(batches: Sequence[EventBatch]) -> object:
        sizes.append(len(batches))
        begun.set()
        return ingest_all(batches)

    monkeypatch.setattr(workspace.store, "ingest_all", counted)
    wanted = [
        *((run, batch(1, index / 8)) for index, run in enumerate(runs)),
        (runs[0], batch(3, 9.0)),
        (runs[0], batch(1, 7.0)),  # sent again
        ("demo_unknown", batch(1, 1.0)),
        (runs[1], batch(99, 1.0)),
        (runs[2], batch(3, 1.0, "nonsense")),
    ]

    async def work() -> list[int | BaseException]:
        writers = Writers()
        with closing(sqlite3.connect(workspace.path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            tasks = [
                asyncio.create_task(writers.take_in(workspace, run, batch)) for run, batch in wanted
            ]
            assert await asyncio.to_thread(begun.wait, 60)
            assert not any(task.done() for task in tasks)
            tasks[4].cancel()  # its client has gone
            other.execute("ROLLBACK")
        results = await asyncio.gather(*tasks, return_exceptions=True)
        writers.close()
        return results

    results = asyncio.run(work())
    assert results[:4] == [2, 2, 2, 2] and results[5:7] == [2, 0]
    assert [type(result) for result in (results[4], *results[7:])] == [
        asyncio.CancelledError,
        NotFound,
        StorageError,
        InvalidInput,
    ]
    found = [workspace.store.get_metrics(run)["x"].values for run in runs]
    assert found == [[0.0, 0.0, 9.0, 9.0], *([i / 8, i / 8] for i in range(1, 5))]
    assert len(sizes) <= 2 and sum(sizes) == 9
