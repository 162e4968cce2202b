"""The workspace's agent: starts queued runs, follows them, and takes in what they leave.

``python -m tandemlab.compute.agent WORKSPACE LOCK``; the first submitted run starts it, and hands
it the descriptor of the workspace's lock. Jobs do not depend on it: they go on when it ends,
however it ends, and the next agent takes them over.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import import_module
from itertools import count, islice
from pathlib import Path
from typing import Protocol, TypeVar

from tandemlab.compute import lifecycle
from tandemlab.compute.lock import AgentLock
from tandemlab.compute.packages import record_packages
from tandemlab.compute.settings import AgentSettings
from tandemlab.compute.targets import ComputeTarget, find_target
from tandemlab.domain import InvalidInput, RunQuery, RunRecord, RunStatus, TandemlabError
from tandemlab.domain.jobs import Job
from tandemlab.domain.status import ACTIVE
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.tracking.agent import take_lock

_log = logging.getLogger("tandemlab.agent")
_T = TypeVar("_T")
_HEARTBEAT = 1.0
_RETRY = 2.0


class PipelineDriver(Protocol):
    """What takes the run of a pipeline forward (`tandemlab.pipelines.driver`)."""

    def advance(self) -> bool:
        """Take note of what has ended, and start what can be; whether there is more to come."""


@dataclass(slots=True)
class _Followed:
    """A job that runs.

    Attributes:
        asked: when it was asked to end, on the monotonic clock.
    """

    job: Job
    handle: str
    target: ComputeTarget
    asked: float | None = None


class Agent:
    """Works on the submitted runs of one workspace until there are none."""

    def __init__(self, folder: WorkspaceFolder, settings: AgentSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._targets: dict[str, ComputeTarget] = {}
        self._followed: dict[str, _Followed] = {}
        self._busy: dict[str, Future[None]] = {}
        self._slots: dict[str, int] = {}
        self._pipelines: dict[str, PipelineDriver] = {}
        self._questions: dict[str, Future[None]] = {}
        self._workers = ThreadPoolExecutor(max_workers=2 * settings.slots + 2)
        self._signals, self._signals_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake = -1
        self._stopping = False

    def serve(self, lock: int) -> None:
        """Work until idle for long enough, told to stop, or the workspace is gone.

        Between the last look at the queue and giving the lock back a client may have queued a run
        and seen a living agent; hence the look after it.
        """
        self._listen()
        held: int | None = lock
        while held is not None:
            with AgentLock(held):
                _log.info("agent %d works with %d slots", os.getpid(), self._settings.slots)
                self._recover()
                self._work()
            more = self._may_work() and (self._queue(1) or self._active_pipelines())
            held = take_lock(self._folder) if more else None
        self._workers.shutdown(wait=True)
        _log.info("agent %d ends", os.getpid())

    def _listen(self) -> None:
        wake = self._folder.agent / "wake"
        if not wake.exists():
            os.mkfifo(wake)
        self._wake = os.open(wake, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._signals_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _may_work(self) -> bool:
        return not self._stopping and self._folder.exists

    def _work(self) -> None:
        idle_since = time.monotonic()
        while self._may_work():
            try:
                self._step()
                pause = _HEARTBEAT
            except TandemlabError as error:
                _log.error("%s", error)
                pause = _RETRY
            if self._followed or self._busy or self._pipelines:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since >= self._settings.idle_seconds:
                return
            self._wait(pause)

    def _wait(self, seconds: float) -> None:
        ready, _, _ = select.select([self._wake, self._signals], [], [], seconds)
        for descriptor in ready:
            os.read(descriptor, 4096)

    def _step(self) -> None:
        self._finish_workers()
        for run_id in list(self._followed):
            self._look_after(run_id)
        self._drive_pipelines()
        for record in self._find({RunStatus.CANCEL_REQUESTED}):
            self._cancel(record)
        free = self._settings.slots - sum(
            self._slots.get(run_id, 1) for run_id in {*self._followed, *self._busy}
        )
        for record in self._queue(free) if free > 0 else []:
            needed = min(lifecycle.slots_of(record), self._settings.slots)
            if needed > free:
                break  # those behind it do not overtake it
            free -= needed
            self._slots[record.id] = needed
            self._in_background(record.id, self._start, record)

    def _recover(self) -> None:
        """Take over the runs that an earlier agent left."""
        for record in self._find(ACTIVE - {RunStatus.NOT_STARTED, RunStatus.QUEUED}):
            if record.id in self._followed or record.id in self._busy:
                continue
            _log.info("taking over run %s (%s)", record.id, record.status)
            self._slots[record.id] = lifecycle.slots_of(record)
            if record.status in (RunStatus.PREPARING, RunStatus.RUNNING):
                self._in_background(record.id, self._start, record)
            elif record.status is RunStatus.FINALIZING:
                self._in_background(record.id, self._end, record.id)

    def _active_pipelines(self) -> list[RunRecord]:
        return self._find(ACTIVE - {RunStatus.NOT_STARTED}, type="pipeline")

    def _drive_pipelines(self) -> None:
        """Take pipelines forward: they start runs, which then wait in the queue as all do."""
        for record in self._active_pipelines():
            try:
                if record.id not in self._pipelines:
                    driver = import_module("tandemlab.pipelines.driver")  # above this layer
                    self._pipelines[record.id] = driver.PipelineDriver(self._folder, record)
                if not self._pipelines[record.id].advance():
                    del self._pipelines[record.id]
            except InvalidInput as problem:
                self._pipelines.pop(record.id, None)
                lifecycle.fail(self._folder, record.id, problem)

    def _find(
        self, statuses: frozenset[RunStatus] | set[RunStatus], type: str = "script"
    ) -> list[RunRecord]:
        found = self._folder.store.find_runs(
            RunQuery(status=frozenset(statuses), type=type, include_children=True)
        )
        return [record for record in found if self._folder.owns_run(record.id)]

    def _queue(self, number: int) -> list[RunRecord]:
        """The `number` oldest queued runs that nobody works on."""
        return list(islice(self._waiting(number + len(self._busy)), number))

    def _waiting(self, page: int) -> Iterator[RunRecord]:
        """Queued runs of this folder, oldest first, asked for by the page."""
        for offset in count(0, page):
            found = self._folder.store.find_runs(
                RunQuery(
                    status=frozenset({RunStatus.QUEUED}),
                    type="script",
                    include_children=True,
                    oldest_first=True,
                    limit=page,
                    offset=offset,
                )
            )
            for record in found:
                if record.id not in self._busy and self._folder.owns_run(record.id):
                    yield record
            if len(found) < page:
                return

    def _target(self, name: str | None) -> ComputeTarget:
        name = name or "local"
        if name not in self._targets:
            self._targets[name] = find_target(name, self._folder)
        return self._targets[name]

    # Workers: what takes long happens beside the loop, one task per run at a time.

    def _in_background(self, run_id: str, task: Callable[[_T], None], argument: _T) -> None:
        self._busy[run_id] = self._workers.submit(task, argument)
        self._busy[run_id].add_done_callback(lambda _: os.write(self._signals_in, b"d"))

    def _finish_workers(self) -> None:
        for run_id, future in list(self._busy.items()):
            if future.done():
                del self._busy[run_id]
                problem = future.exception()
                if problem is not None:
                    _log.error("run %s: %s", run_id, problem, exc_info=problem)
                    self._after_problem(run_id, problem)

    def _after_problem(self, run_id: str, problem: BaseException) -> None:
        """A run whose start failed is over; a run whose end failed is tried again."""
        record = self._folder.store.get_run(run_id)
        if record is None or record.status.is_terminal:
            return
        if record.status in (RunStatus.FINALIZING, RunStatus.CANCEL_REQUESTED):
            self._in_background(run_id, self._end_later, run_id)
        else:
            lifecycle.fail(self._folder, run_id, problem)

    def _end_later(self, run_id: str) -> None:
        time.sleep(_RETRY)
        self._end(run_id)

    def _start(self, record: RunRecord) -> None:
        target = self._target(record.target)
        job = lifecycle.job_of(self._folder, record)
        handle = target.find(job)
        if handle is None:
            if not lifecycle.prepare(self._folder, record):
                return
            handle = target.submit(job)
            _log.info("run %s started as %s", record.id, handle)
        language = record.definition["language"]
        if language and job.container is None:
            self._questions[record.id] = self._workers.submit(record_packages, job, language)
        self._followed[record.id] = _Followed(job, handle, target)

    def _end(self, run_id: str) -> None:
        record = self._folder.store.get_run(run_id)
        if record is None or record.status.is_terminal:
            return
        job = lifecycle.job_of(self._folder, record)
        target = self._target(record.target)
        handle = target.find(job)
        exit_code = None if handle is None else target.poll(job, handle).exit_code
        if question := self._questions.pop(run_id, None):
            wait([question])
        status = lifecycle.finalize(self._folder, record, exit_code)
        self._slots.pop(run_id, None)
        _log.info("run %s ended as %s", run_id, status)

    # Following

    def _look_after(self, run_id: str) -> None:
        followed = self._followed[run_id]
        job = followed.job
        state = followed.target.poll(job, followed.handle)
        if not state.is_running:
            del self._followed[run_id]
            self._in_background(run_id, self._end, run_id)
        elif job.max_seconds is not None and lifecycle.age(job) > job.max_seconds:
            lifecycle.note_time_limit(job)
            self._terminate(followed)
        elif job.max_memory is not None and (state.memory or 0) > job.max_memory:
            lifecycle.note_memory_limit(job, state.memory or 0)
            followed.target.cancel(job, followed.handle, force=True)

    def _cancel(self, record: RunRecord) -> None:
        followed = self._followed.get(record.id)
        if followed is None and record.id not in self._busy:
            followed = self._find_started(record)
            if followed is None:
                self._in_background(record.id, self._end, record.id)
        if followed is not None:
            self._terminate(followed)

    def _find_started(self, record: RunRecord) -> _Followed | None:
        target, job = self._target(record.target), lifecycle.job_of(self._folder, record)
        handle = target.find(job)
        if handle is None:
            return None
        return self._followed.setdefault(record.id, _Followed(job, handle, target))

    def _terminate(self, followed: _Followed) -> None:
        """Ask a job to end, once; when its time of grace is over, end it."""
        if followed.asked is None:
            followed.asked = time.monotonic()
            followed.target.cancel(followed.job, followed.handle)
        elif time.monotonic() - followed.asked >= self._settings.grace_seconds:
            followed.target.cancel(followed.job, followed.handle, force=True)


def main() -> None:
    """Run the agent of the workspace and with the lock that the arguments name."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    folder = WorkspaceFolder(Path(sys.argv[1]))
    Agent(folder, AgentSettings.from_environment()).serve(lock=int(sys.argv[2]))


if __name__ == "__main__":
    main()
