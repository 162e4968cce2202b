"""The agent's part in schedules and notifications: threads beside its loop look after them."""

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
_NONE = 1.0  # seconds between looks where nothing is to be done


class Driver(Protocol):
    """What fires schedules, or tells of what has ended."""

    def recover(self) -> None:
        """Remove what this folder began of runs that another folder's agent has taken over."""

    def advance(self) -> float | None:
        """Fire what is due; seconds until there may be more, None for never."""


class Sideline:
    """Has assets of a kind looked after: in a thread, since that may ask other machines.

    Args:
        kind: of the assets; nothing is done while there are none.
        driver: ``MODULE:CLASS`` of what looks after them, which is above this layer.
        poke: has the agent look, which calls `look`.
    """

    def __init__(
        self, folder: WorkspaceFolder, kind: str, driver: str, poke: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._kind, self._program = kind, driver
        self._poke = poke
        self._driver: Driver | None = None
        self._worker = ThreadPoolExecutor(1, kind)
        self._pending: Future[float | None] | None = None
        self._due = 0.0
        self._is_asked = False
        self.are_there = False

    def is_needed(self) -> bool:
        """Whether there is anything to look after."""
        return bool(self._folder.store.list_assets(self._kind))

    def recover(self) -> None:
        """Make ready; nothing of this folder that another has taken over is gone on with."""
        if self._folder.store.list_assets(self._kind, archived=True):
            self._drive().recover()
            self.are_there = True

    def _drive(self) -> Driver:
        if self._driver is None:
            module, _, name = self._program.partition(":")
            self._driver = getattr(import_module(module), name)(self._folder, self._poke)
        assert self._driver is not None
        return self._driver

    def look_now(self) -> None:
        """Look again at once."""
        self._is_asked = True

    def run_has_ended(self) -> None:
        """Look at once if anything is looked after: it may wait for that, or tell of it."""
        if self.are_there:
            self.look_now()

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
        if not self.are_there and not self._folder.store.list_assets(self._kind, archived=True):
            return None
        return self._drive().advance()

    def _take_note(self, done: Future[float | None]) -> None:
        try:
            pause = done.result()
        except TandemlabError as problem:
            _log.error("%s: %s", self._kind, problem)
            pause = _AFTER_PROBLEM
        except Exception:
            _log.exception("%s", self._kind)
            pause = _AFTER_PROBLEM
        self.are_there = pause is not None
        self._due = time.monotonic() + (_NONE if pause is None else pause)

    def close(self) -> None:
        """Begin nothing more; what is being done is done."""
        self._worker.shutdown()
