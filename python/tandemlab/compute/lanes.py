"""What an agent does for one target, beside what it does for others.

A target may be slow, or away: nothing of it may hold up the runs of another one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from tandemlab.compute import lifecycle
from tandemlab.compute.targets import Target
from tandemlab.domain import TandemlabError
from tandemlab.domain.jobs import JobState, StartedJob

_log = logging.getLogger("tandemlab.agent")
_PAUSE_HERE = 1.0
_PAUSE_ELSEWHERE = 0.3
_RETRY = 2.0
_WORKERS_ELSEWHERE = 4


@dataclass(slots=True)
class Followed:
    """A job that runs, or waits at its target.

    Attributes:
        is_canceled: whether somebody wants it to end.
        asked: when it was asked to end, on the monotonic clock.
        has_begun: whether its target has been seen to run it.
    """

    started: StartedJob
    is_canceled: bool = False
    asked: float | None = None
    has_begun: bool = False


@dataclass(slots=True)
class Lane:
    """A target with the jobs that run on it, and the threads that work for it.

    Attributes:
        version: of the attached target.
        followed: its jobs by run.
        slots: how many slots each of its runs takes, those that are being started included.
        is_away: whether the last look at the jobs has failed.
        arrays: held while jobs are submitted together.
    """

    target: Target
    grace_seconds: float
    wake: Callable[[], None]
    version: int | None = None
    followed: dict[str, Followed] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    is_away: bool = False
    arrays: threading.Lock = field(default_factory=threading.Lock)
    workers: ThreadPoolExecutor = field(init=False)
    _looker: ThreadPoolExecutor = field(init=False)
    _look: Future[list[tuple[str, JobState]]] | None = None
    _due: float = 0.0

    def __post_init__(self) -> None:
        slots = self.target.slots
        here = self.target.is_here and slots is not None
        self.workers = ThreadPoolExecutor(2 * (slots or 1) + 2 if here else _WORKERS_ELSEWHERE)
        self._looker = ThreadPoolExecutor(1)

    @property
    def free(self) -> int | None:
        """Slots that no run has; None if the target has a queue of its own."""
        slots = self.target.slots
        return None if slots is None else slots - sum(self.slots.values())

    def look(self, began: Callable[[str], None]) -> float:
        """Ask after the jobs, beside the loop, when it is time; seconds until the next time.

        Args:
            began: told of each run that its target has begun to run.
        """
        now = time.monotonic()
        if self._look is None and self.followed and now >= self._due:
            jobs = list(self.followed.values())
            self._look = self._looker.submit(self._ask, jobs, began)
            self._look.add_done_callback(lambda _: self.wake())
        return max(0.0, self._due - now) if self._look is None and self.followed else _PAUSE_HERE

    def look_now(self) -> None:
        """Something may have changed: do not wait with the next look."""
        if not self.is_away:
            self._due = 0.0

    def ended(self) -> list[tuple[str, JobState]]:
        """Runs whose jobs have ended since the last question, and how; they are not followed."""
        if self._look is None or not self._look.done():
            return []
        look, self._look = self._look, None
        pause = _PAUSE_HERE if self.target.is_here else _PAUSE_ELSEWHERE
        try:
            found = look.result()
            if self.is_away:
                _log.info("target %s is back", self.target.name)
            self.is_away = False
        except TandemlabError as error:
            if not self.is_away:
                _log.error("target %s: %s", self.target.name, error)
            self.is_away, pause, found = True, _RETRY, []
        is_wanted = any(each.is_canceled and each.asked is None for each in self.followed.values())
        self._due = time.monotonic() + (0.0 if is_wanted and not self.is_away else pause)
        for run_id, _ in found:
            self.followed.pop(run_id, None)
        return found

    def close(self) -> None:
        """Wait for what has begun."""
        self._looker.shutdown(wait=True)
        self.workers.shutdown(wait=True)

    def _ask(
        self, jobs: Sequence[Followed], began: Callable[[str], None]
    ) -> list[tuple[str, JobState]]:
        ended = []
        states = self.target.poll([followed.started for followed in jobs])
        for followed, state in zip(jobs, states, strict=True):
            if not state.is_running:
                ended.append((followed.started.job.run_id, state))
                continue
            if not (followed.has_begun or state.is_waiting):
                followed.has_begun = True
                began(followed.started.job.run_id)
            self._hold_to_limits(followed, state)
        return ended

    def _hold_to_limits(self, followed: Followed, state: JobState) -> None:
        job = followed.started.job
        if followed.is_canceled:
            self._terminate(followed)
        elif job.max_seconds is not None and lifecycle.age(job) > job.max_seconds:
            lifecycle.note_time_limit(job)
            self._terminate(followed)
        elif job.max_memory is not None and (state.memory or 0) > job.max_memory:
            lifecycle.note_memory_limit(job, state.memory or 0)
            self.target.cancel(followed.started, force=True)

    def _terminate(self, followed: Followed) -> None:
        """Ask a job to end, once; when its time of grace is over, end it."""
        if followed.asked is None:
            self.target.cancel(followed.started)
            followed.asked = time.monotonic()
        elif time.monotonic() - followed.asked >= self.grace_seconds:
            self.target.cancel(followed.started, force=True)
