"""One thread for each workspace takes in what its clients log, batch after batch.

A database has one writer at a time: threads that all want to write would wait for each other, and
those of SQLite do so by asking again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tandemlab.tracking import Workspace

T = TypeVar("T")


class Writers:
    """The writing threads of a server."""

    def __init__(self) -> None:
        self._threads: dict[str, ThreadPoolExecutor] = {}

    async def run(self, workspace: Workspace, task: Callable[..., T], *arguments: Any) -> T:
        """What `task` gives, in its turn."""
        thread = self._threads.get(workspace.address)
        if thread is None:
            thread = self._threads[workspace.address] = ThreadPoolExecutor(1, "writer")
        return await asyncio.get_running_loop().run_in_executor(thread, task, *arguments)

    def close(self) -> None:
        """Finish what was begun."""
        for thread in self._threads.values():
            thread.shutdown()
