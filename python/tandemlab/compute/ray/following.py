"""Reads the logs of a cluster of Ray as they come."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar

from tandemlab.compute.ray.client import RayClient
from tandemlab.compute.ray.journal import Lines
from tandemlab.domain import NotFound, TandemlabError

_log = logging.getLogger("tandemlab.agent")
_LAST_WORDS_WITHIN = 5.0
_PAUSE = 0.1

Read = TypeVar("Read", bound=Lines)


class Follower(Generic[Read]):
    """Reads the log of something that runs, beside whoever asks after it.

    Args:
        journal: takes in what is read.
        is_known: whether it need not be told that something runs before what it says is read.

    Attributes:
        journal: has what was read by now.
    """

    def __init__(self, client: RayClient, journal: Read, *, is_known: bool = False) -> None:
        self.journal = journal
        self._client = client
        self._thread: threading.Thread | None = None
        self._is_known = is_known
        self._is_whole = False
        self._deadline: float | None = None

    def follow(self, found: Mapping[str, Any]) -> None:
        """Read on from the start, if nobody reads.

        Args:
            found: what Ray says of the job now.
        """
        if found["status"] != "RUNNING" or found["driver_node_id"] is None:
            return
        if not self._is_known:
            self._is_known = True
        elif self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._read, args=[found, self._begin_anew()], daemon=True
            )
            self._thread.start()

    def has_all(self, found: Mapping[str, Any]) -> bool:
        """Whether all is here that a job has said which has ended; what is not coming is read."""
        if self.journal.has_ended or self._is_whole:
            return True
        if self._is_coming:
            return False
        self.read_again(found)
        self._is_whole = True
        return True

    @property
    def _is_coming(self) -> bool:
        """Whether what was said last is awaited."""
        if self._thread is None or not self._thread.is_alive():
            return False
        if self._deadline is None:
            self._deadline = time.monotonic() + _LAST_WORDS_WITHIN
        return time.monotonic() < self._deadline

    def read_again(self, found: Mapping[str, Any]) -> None:
        """Read what is there by now."""
        if found["driver_node_id"] is None:  # it has never run
            return
        journal = self._begin_anew()
        with suppress(NotFound), self._client.log(found) as log:  # or its machine is gone
            for data in log:
                journal.feed(data)

    def _begin_anew(self) -> Read:
        """A journal in the place of the one that was read; that one takes nothing any more."""
        self.journal.close()
        self.journal = self.journal.anew()
        return self.journal

    def stop(self) -> None:
        """Read no more."""
        self.journal.close()

    def _read(self, found: Mapping[str, Any], journal: Read) -> None:
        try:
            with self._client.follow(found) as log:
                for data in log:
                    journal.feed(data)
                    if journal.is_closed or journal.has_ended:
                        return
        except NotFound:  # there is no log yet
            time.sleep(_PAUSE)
        except TandemlabError as problem:
            _log.info("the log of %s: %s", found["submission_id"], problem)
