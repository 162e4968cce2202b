"""The agent's part in schedules: they are looked after in a thread beside its loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import Protocol

from tandemlab.domain import TandemlabError
from tandemlab.store.folder import WorkspaceFolder

_log = logging.getLogger("tandemlab.agent")
_AFTER_PROBLEM = 5.0
_NONE = 5.0  # seconds between looks whether there are schedules


class ScheduleDriver(Protocol):
    """What fires schedules (`tandemlab.schedules.driver`)."""

    def recover(self) -> None:
        """Remove what this folder began of runs that another folder's agent has taken over."""

    def advance(self) -> float | None:
        """Fire what is due; seconds until there may be more, None for never."""


class Schedules:
    """Has schedules fired: in a thread, since that may ask other machines for data.

    Args:
        poke: has the agent look, which calls `look`.
    """

    def __init__(self, folder: WorkspaceFolder, poke: Callable[[], None]) -> None:
        self._folder = folder
        self._poke = poke
        self._driver: ScheduleDriver | None = None
        self._worker = ThreadPoolExecutor(1, "schedules")
        self._pending: Future[float | None] | None = None
        self._due = 0.0
        self._is_asked = False
        self.are_there = False

    def recover(self) -> None:
        """Make ready; nothing of this folder that another has taken over is gone on with."""
        if self._folder.store.list_assets("schedule", archived=True):
            self._drive().recover()
            self.are_there = True

    def _drive(self) -> ScheduleDriver:
        if self._driver is None:
            driver = import_module("tandemlab.schedules.driver")  # above this layer
            self._driver = driver.ScheduleDriver(self._folder, self._poke)
        assert self._driver is not None
        return self._driver

    def look_now(self) -> None:
        """Look again at once."""
        self._is_asked = True

    def look(self) -> None:
        """Fire what is due, unless that is being done."""
        if self._pending is not None:
            if not self._pending.done():
                return
            self._take_note(self._pending)
            self._pending = None
        if self._is_asked or time.monotonic() >= self._due:
            self._is_asked = False
            self._pending = self._worker.submit(self._advance)

    def _advance(self) -> float | None:
        if not self.are_there and not self._folder.store.list_assets("schedule", archived=True):
            return None
        return self._drive().advance()

    def _take_note(self, done: Future[float | None]) -> None:
        try:
            pause = done.result()
        except TandemlabError as problem:
            _log.error("schedules: %s", problem)
            pause = _AFTER_PROBLEM
        except Exception:
            _log.exception("schedules")
            pause = _AFTER_PROBLEM
        self.are_there = pause is not None
        self._due = time.monotonic() + (_NONE if pause is None else pause)

    def close(self) -> None:
        """Begin nothing more; what is being done is done."""
        self._worker.shutdown()
