"""A line of progress on a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tandemlab.data.datastores.transfer import Progress, Watcher

_EVERY = 0.1


@contextmanager
def watched(watch: Watcher | None, *, shown: bool) -> Iterator[Watcher | None]:
    """Who hears of the progress: `watch`, or else a line on standard error if it is a terminal."""
    if watch is not None or not shown or not sys.stderr.isatty():
        yield watch
        return
    line = _Line()
    try:
        yield line.show
    finally:
        line.clear()


class _Line:
    def __init__(self) -> None:
        self._shown = 0.0
        self._lock = threading.Lock()

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._shown > _EVERY:
                self._shown = now
                sys.stderr.write(f"\r\x1b[K{progress.text}")
                sys.stderr.flush()

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
