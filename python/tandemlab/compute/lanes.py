"""What an agent does for one target, beside what it does for others.

A target may be slow, or away: nothing of it may hold up the runs of another one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from tandemlab.compute import lifecycle
from tandemlab.compute.targets import TakesArrays, Target, TellsJobs
from tandemlab.domain import RunRecord, TandemlabError
from tandemlab.domain.jobs import JobState, StartedJob

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_log = logging.getLogger("tandemlab.agent")
_PAUSE_HERE = 1.0
_PAUSE_ELSEWHERE = 0.3
_RETRY = 2.0
_WORKERS_ELSEWHERE = 4


@dataclass(slots=True)
class Followed:
    """A job that runs, or waits at its target.

    Attributes:
        record: of its run, as it was when the job was started.
        is_canceled: whether somebody wants it to end.
        asked: when it was asked to end, on the monotonic clock.
        has_begun: whether its target has been seen to run it.
        is_told: whether it knows that it is to end by itself.
    """

    record: RunRecord
    started: StartedJob
    is_canceled: bool = False
    asked: float | None = None
    has_begun: bool = False
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that was followed until its end, and how that came."""

    followed: Followed
    state: JobState


class AtOnce(Executor):
    """Does what it is given before it returns."""

    def submit(
        self,
        task: Callable[_Arguments, _Result],
        /,
        *args: _Arguments.args,
        **named: _Arguments.kwargs,
    ) -> Future[_Result]:
        """As `Executor.submit`; what it returns is done."""
        done: Future[_Result] = Future()
        try:
            done.set_result(task(*args, **named))
        except Exception as problem:
            done.set_exception(problem)
        return done


@dataclass(slots=True)
class Lane:
    """A target with the jobs that run on it, and the threads that work for it.

    Attributes:
        version: of the attached target.
        followed: its jobs by run.
        slots: how many slots each of its runs takes, those that are being started included.
        limited: the array of each of these runs whose array has a limit.
        is_away: whether the last look at the jobs has failed.
        arrays: held while jobs are submitted together.
    """

    target: Target
    grace_seconds: float
    wake: Callable[[], None]
    version: int | None = None
    followed: dict[str, Followed] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    limited: dict[str, str] = field(default_factory=dict)
    is_away: bool = False
    arrays: threading.Lock = field(default_factory=threading.Lock)
    workers: ThreadPoolExecutor = field(init=False)
    _looker: ThreadPoolExecutor = field(init=False)
    _look: Future[list[Ended]] | None = None
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

    def take(self, record: RunRecord, slots: int) -> None:
        """Count a run among those that are started or run."""
        self.slots[record.id] = slots
        if "max_concurrent_runs" in record.definition:
            self.limited[record.id] = record.definition["array"]

    def let_go(self, run_id: str) -> None:
        """A run has ended, or is not started."""
        self.slots.pop(run_id, None)
        self.limited.pop(run_id, None)

    def holds_back(self, record: RunRecord) -> bool:
        """Whether as many runs of its array run as may. A queue of arrays sees to that itself."""
        limit: int | None = record.definition.get("max_concurrent_runs")
        if limit is None or self.takes_arrays:
            return False
        return list(self.limited.values()).count(record.definition["array"]) >= limit

    @property
    def takes_arrays(self) -> bool:
        """Whether its target's own queue is given arrays."""
        return self.target.slots is None and isinstance(self.target, TakesArrays)

    def look(self, began: Callable[[str], None]) -> None:
        """Ask after the jobs when it is time: beside the loop, where that may take time.

        Args:
            began: told of each run that its target has begun to run.
        """
        now = time.monotonic()
        if self._look is None and self.followed and now >= self._due:
            jobs = list(self.followed.values())
            looker = self._looker if any(map(self._takes_time, jobs)) else AtOnce()
            self._look = looker.submit(self._ask, jobs, began)
            self._look.add_done_callback(lambda _: self.wake())

    @property
    def pause(self) -> float:
        """Seconds until it is time to look, or longer if a look is under way."""
        is_waiting = self._look is None and self.followed
        return max(0.0, self._due - time.monotonic()) if is_waiting else _PAUSE_HERE

    def _takes_time(self, followed: Followed) -> bool:
        """Whether looking at a job may do so."""
        job = followed.started.job
        return not self.target.is_here or job.container is not None or job.max_memory is not None

    def look_now(self) -> None:
        """Something may have changed: do not wait with the next look."""
        if not self.is_away:
            self._due = 0.0

    def look_soon(self) -> None:
        """A job was started: here it may have ended already."""
        if self.target.is_here:
            self.look_now()

    def ended(self) -> list[Ended]:
        """Jobs that have ended since the last question; they are not followed any more."""
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
        for ended in found:
            self.followed.pop(ended.followed.record.id, None)
        return found

    def close(self) -> None:
        """Wait for what has begun."""
        self._looker.shutdown(wait=True)
        self.workers.shutdown(wait=True)

    def _ask(self, jobs: Sequence[Followed], began: Callable[[str], None]) -> list[Ended]:
        ended = []
        states = self.target.poll([followed.started for followed in jobs])
        for followed, state in zip(jobs, states, strict=True):
            if not state.is_running:
                ended.append(Ended(followed, state))
                continue
            if not (followed.has_begun or state.is_waiting):
                followed.has_begun = True
                began(followed.record.id)
            self._hold_to_limits(followed, state)
        return ended

    def _hold_to_limits(self, followed: Followed, state: JobState) -> None:
        job = followed.started.job
        if followed.is_canceled:
            self._terminate(followed)
        elif (seconds_left := lifecycle.seconds_to_stop(job)) is not None:
            self._let_end(followed, seconds_left)
        elif job.max_seconds is not None and lifecycle.age(job) > job.max_seconds:
            lifecycle.note_time_limit(job)
            self._terminate(followed)
        elif job.max_memory is not None and (state.memory or 0) > job.max_memory:
            lifecycle.note_memory_limit(job, state.memory or 0)
            self.target.cancel(followed.started, force=True)

    def _let_end(self, followed: Followed, seconds_left: float) -> None:
        """Tell a job, once, to end by itself; when its time for that is over, end it."""
        if not followed.is_told and isinstance(self.target, TellsJobs):
            self.target.tell_to_stop(followed.started)
        followed.is_told = True
        if seconds_left <= 0:
            self._terminate(followed)

    def _terminate(self, followed: Followed) -> None:
        """Ask a job to end, once; when its time of grace is over, end it."""
        if followed.asked is None:
            self.target.cancel(followed.started)
            followed.asked = time.monotonic()
        elif time.monotonic() - followed.asked >= self.grace_seconds:
            self.target.cancel(followed.started, force=True)
