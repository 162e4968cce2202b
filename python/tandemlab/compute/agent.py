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
from concurrent.futures import Future, wait
from dataclasses import dataclass
from importlib import import_module
from itertools import count, islice
from pathlib import Path
from typing import Protocol

from tandemlab.compute import lifecycle
from tandemlab.compute.lanes import Followed, Lane
from tandemlab.compute.lock import AgentLock
from tandemlab.compute.packages import Asked, record_packages
from tandemlab.compute.registrations import version_of
from tandemlab.compute.settings import AgentSettings
from tandemlab.compute.sideline import Sideline
from tandemlab.compute.targets import LOCAL, TakesArrays, find_target, known_targets
from tandemlab.domain import (
    InvalidInput,
    RunQuery,
    RunRecord,
    RunStatus,
    TandemlabError,
    Unavailable,
)
from tandemlab.domain.jobs import Job, JobState, StartedJob
from tandemlab.domain.status import ACTIVE
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.tracking.agent import take_lock

_log = logging.getLogger("tandemlab.agent")
_HEARTBEAT = 1.0
_RETRY = 2.0
_MANY = 100  # runs that a target with a queue of its own is given at once
_DONE = b"d"
_ENDING = (RunStatus.FINALIZING, RunStatus.CANCEL_REQUESTED)


class PipelineDriver(Protocol):
    """What takes the run of a pipeline forward (`tandemlab.pipelines.driver`)."""

    def advance(self) -> bool:
        """Take note of what has ended, and start what can be; whether there is more to come."""


@dataclass(slots=True)
class _Task:
    """What is done for a run beside the loop, or will be when it is due.

    Attributes:
        future: None while it waits to be done again.
        due: when it is done again, on the monotonic clock.
    """

    lane: Lane
    work: Callable[[Lane, str], None]
    future: Future[None] | None = None
    due: float = 0.0


class Agent:
    """Works on the submitted runs of one workspace until there are none."""

    def __init__(self, folder: WorkspaceFolder, settings: AgentSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._lanes: dict[str, Lane] = {}
        self._busy: dict[str, _Task] = {}
        self._pipelines: dict[str, PipelineDriver] = {}
        self._questions: dict[str, Future[None]] = {}
        # What is above this layer, each in a thread of its own.
        self._sidelines = [
            Sideline(folder, kind, driver, self._poke_sidelines)
            for kind, driver in (
                ("schedule", "tandemlab.schedules.driver:ScheduleDriver"),
                ("notification", "tandemlab.notifications.driver:NotificationDriver"),
            )
        ]
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
                for sideline in self._sidelines:
                    sideline.recover()
                self._recover()
                self._work()
            more = self._may_work() and (
                any(self._queue(name, 1) for name in self._names()) or self._active_pipelines()
            )
            held = take_lock(self._folder) if more else None
        for sideline in self._sidelines:
            sideline.close()
        for lane in self._lanes.values():
            lane.close()
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
                pause = self._step()
            except TandemlabError as error:
                _log.error("%s", error)
                pause = _RETRY
            is_following = any(lane.followed for lane in self._lanes.values())
            is_asked = any(sideline.are_there for sideline in self._sidelines)
            if self._busy or self._pipelines or is_following or is_asked:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since >= self._settings.idle_seconds:
                return
            self._wait(pause)

    def _wait(self, seconds: float) -> None:
        """Wait for news; those that a child has ended, or of a client, are looked after at once."""
        ready, _, _ = select.select([self._wake, self._signals], [], [], seconds)
        news = b"".join(os.read(descriptor, 4096) for descriptor in ready)
        if news.strip(_DONE):
            for sideline in self._sidelines:
                sideline.look_now()
            for lane in self._lanes.values():
                lane.look_now()

    def _step(self) -> float:
        """Do what is to be done now; how long to wait if nothing happens."""
        self._finish_tasks()
        for lane in self._lanes.values():
            for run_id, _ in lane.ended():
                self._in_background(lane, run_id, self._end)
        self._drive_pipelines()
        for sideline in self._sidelines:
            sideline.look()
        for record in self._find({RunStatus.CANCEL_REQUESTED}):
            self._cancel(record)
        for name in [name for name, lane in self._lanes.items() if lane.is_away]:
            self._lane(name)
        for name in self._names():
            self._start_queued(name)
        return min([_HEARTBEAT, *(lane.look(self._begin) for lane in self._lanes.values())])

    def _start_queued(self, name: str) -> None:
        """Start the oldest queued runs of a target, as far as it has room."""
        known = self._lanes.get(name)
        is_attached = name != LOCAL  # so that it may have been given more room
        if known is not None and not is_attached and known.free is not None and known.free <= 0:
            return
        if not self._queue(name, 1):
            return
        lane = self._lane(name)
        slots = lane.target.slots
        wanted = _MANY if lane.free is None else lane.free
        for record in self._queue(name, wanted) if wanted > 0 else []:
            needed = lifecycle.slots_of(record)
            if slots is not None:
                needed = min(needed, slots)
                if needed > (lane.free or 0):
                    break  # those behind it do not overtake it
            lane.slots[record.id] = needed
            self._in_background(lane, record.id, self._start)

    def _recover(self) -> None:
        """Take over the runs that an earlier agent left."""
        for record in self._find(ACTIVE - {RunStatus.NOT_STARTED, RunStatus.QUEUED}):
            lane = self._lane_of(record)
            if lane is None or record.id in lane.followed or record.id in self._busy:
                continue
            _log.info("taking over run %s (%s)", record.id, record.status)
            lane.slots[record.id] = lifecycle.slots_of(record)
            if record.status in (RunStatus.PREPARING, RunStatus.RUNNING):
                self._in_background(lane, record.id, self._start)
            elif record.status is RunStatus.FINALIZING:
                self._in_background(lane, record.id, self._end)

    def _active_pipelines(self) -> list[str]:
        """Ids alone: the definition of a pipeline is long, and read once, for its driver."""
        query = RunQuery(
            status=ACTIVE - {RunStatus.NOT_STARTED}, type="pipeline", include_children=True
        )
        found = self._folder.store.table_runs(query).fields["run_id"]
        return [run_id for run_id in found if self._folder.owns_run(run_id)]

    def _drive_pipelines(self) -> None:
        """Take pipelines forward: they start runs, which then wait in the queue as all do."""
        for run_id in self._active_pipelines():
            try:
                if run_id not in self._pipelines:
                    self._pipelines[run_id] = self._driver_of(run_id)
                if not self._pipelines[run_id].advance():
                    del self._pipelines[run_id]
            except InvalidInput as problem:
                self._pipelines.pop(run_id, None)
                lifecycle.fail(self._folder, run_id, problem)

    def _driver_of(self, run_id: str) -> PipelineDriver:
        driver = import_module("tandemlab.pipelines.driver")  # above this layer
        record = self._folder.store.get_run(run_id)
        made: PipelineDriver = driver.PipelineDriver(self._folder, record)
        return made

    def _find(self, statuses: frozenset[RunStatus] | set[RunStatus]) -> list[RunRecord]:
        found = self._folder.store.find_runs(
            RunQuery(status=frozenset(statuses), type="script", include_children=True)
        )
        return [record for record in found if self._folder.owns_run(record.id)]

    def _names(self) -> list[str]:
        return known_targets(self._folder)

    def _queue(self, target: str, number: int) -> list[RunRecord]:
        """The `number` oldest queued runs of a target that nobody works on."""
        return list(islice(self._waiting(target, number + len(self._busy)), number))

    def _waiting(self, target: str, page: int) -> Iterator[RunRecord]:
        """Queued runs of this folder, oldest first, asked for by the page."""
        for offset in count(0, page):
            found = self._folder.store.find_runs(
                RunQuery(
                    status=frozenset({RunStatus.QUEUED}),
                    type="script",
                    target=target,
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

    def _lane(self, name: str) -> Lane:
        """The lane of a target, as it was last attached: its jobs know it by name alone."""
        version = version_of(name, self._folder)
        lane = self._lanes.get(name)
        if lane is None:
            target = find_target(name, self._folder)
            lane = Lane(target, self._settings.grace_seconds, self._poke, version)
            self._lanes[name] = lane
        elif lane.version != version:
            lane.target, lane.version = find_target(name, self._folder), version
        return lane

    def _lane_of(self, record: RunRecord) -> Lane | None:
        """The lane of a run; a run whose target is gone for good is over."""
        try:
            return self._lane(record.target or LOCAL)
        except InvalidInput as problem:
            lifecycle.fail(self._folder, record.id, problem)
            return None

    # Tasks: what takes long happens beside the loop, one task per run at a time.

    def _poke(self) -> None:
        os.write(self._signals_in, _DONE)

    def _poke_sidelines(self) -> None:
        for sideline in self._sidelines:
            sideline.look_now()
        self._poke()

    def _in_background(self, lane: Lane, run_id: str, work: Callable[[Lane, str], None]) -> None:
        task = self._busy[run_id] = _Task(lane, work)
        self._do(run_id, task)

    def _do(self, run_id: str, task: _Task) -> None:
        task.future = task.lane.workers.submit(task.work, task.lane, run_id)
        task.future.add_done_callback(lambda _: self._poke())

    def _finish_tasks(self) -> None:
        for run_id, task in list(self._busy.items()):
            if task.future is None:
                if time.monotonic() >= task.due:
                    self._do(run_id, task)
            elif task.future.done():
                problem = task.future.exception()
                if problem is None:
                    del self._busy[run_id]
                else:
                    self._after_problem(run_id, task, problem)
                if run_id not in self._busy and run_id not in task.lane.followed:
                    task.lane.slots.pop(run_id, None)

    def _after_problem(self, run_id: str, task: _Task, problem: BaseException) -> None:
        """A run whose start failed is over; what a target that is away keeps us from comes later.

        So does the end of a run that failed for another reason: its job has run.
        """
        is_away = isinstance(problem, Unavailable)
        _log.error("run %s: %s", run_id, problem, exc_info=None if is_away else problem)
        record = self._folder.store.get_run(run_id)
        if record is None or record.status.is_terminal:
            del self._busy[run_id]
        elif is_away or task.work == self._end or record.status in _ENDING:
            task.future, task.due = None, time.monotonic() + _RETRY
        else:
            del self._busy[run_id]
            lifecycle.fail(self._folder, run_id, problem)

    def _start(self, lane: Lane, run_id: str) -> None:
        record = self._folder.store.get_run(run_id)
        if record is None or record.status.is_terminal:
            return
        target = lane.target
        array = record.definition.get("array")
        if array and target.slots is None and isinstance(target, TakesArrays):
            with lane.arrays:
                if run_id not in lane.followed:
                    self._start_array(lane, target, array)
            return
        job = lifecycle.job_of(self._folder, record, target)
        handle = target.find(job)
        if handle is None:
            if not lifecycle.prepare(self._folder, record, target):
                return
            handle = target.submit(job)
            _log.info("run %s started as %s", record.id, handle)
        self._follow(lane, job, handle)

    def _start_array(self, lane: Lane, target: TakesArrays, array: str) -> None:
        """Start the runs of an array that wait here, together; one that cannot be is over."""
        ready = []
        for record in self._find({RunStatus.QUEUED, RunStatus.PREPARING}):
            if (record.target, record.definition.get("array")) != (lane.target.name, array):
                continue
            try:
                job = lifecycle.job_of(self._folder, record, lane.target)
                handle = lane.target.find(job)
                if handle is not None:
                    self._follow(lane, job, handle)
                elif lifecycle.prepare(self._folder, record, lane.target):
                    ready.append(job)
            except Unavailable:
                raise
            except TandemlabError as problem:
                lifecycle.fail(self._folder, record.id, problem)
        try:
            handles = target.submit_array(ready[::-1]) if ready else {}  # the oldest first
        except Unavailable:
            raise
        except TandemlabError as problem:
            _log.error("array %s: %s", array, problem)
            for job in ready:
                lifecycle.fail(self._folder, job.run_id, problem)
            return
        _log.info("array %s started with %d runs", array, len(handles))
        for job in ready:
            if job.run_id in handles:
                self._follow(lane, job, handles[job.run_id])

    def _follow(self, lane: Lane, job: Job, handle: str) -> None:
        """From now on look after a job, and ask what is installed where it runs."""
        target, run_id = lane.target, job.run_id
        if job.language and job.container is None and isinstance(target, Asked):
            question = lane.workers.submit(record_packages, job, job.language, target)
            self._questions[run_id] = question
        lane.followed[run_id] = Followed(StartedJob(job, handle))

    def _end(self, lane: Lane, run_id: str) -> None:
        record = self._folder.store.get_run(run_id)
        if record is None or record.status.is_terminal:
            return
        target, job = lane.target, lifecycle.job_of(self._folder, record, lane.target)
        handle = target.find(job)
        state = JobState(is_running=False)
        if handle is not None:
            started = StartedJob(job, handle)
            (state,) = target.poll([started])
            target.fetch(started)
            lifecycle.begin(self._folder, run_id)
        if question := self._questions.pop(run_id, None):
            wait([question])
        status = lifecycle.finalize(self._folder, record, state)
        _log.info("run %s ended as %s", run_id, status)

    def _begin(self, run_id: str) -> None:
        """A target runs a job, which may have waited in its own queue."""
        lifecycle.begin(self._folder, run_id)

    # Canceling

    def _cancel(self, record: RunRecord) -> None:
        lane = self._lane_of(record)
        if lane is None:
            return
        if record.id in lane.followed:
            followed = lane.followed[record.id]
            if not followed.is_canceled:
                followed.is_canceled = True
                lane.look_now()
        elif record.id not in self._busy:
            self._in_background(lane, record.id, self._follow_or_end)

    def _follow_or_end(self, lane: Lane, run_id: str) -> None:
        """Go on with a job that is to end; a run that has none is over."""
        record = self._folder.store.get_run(run_id)
        if record is None or record.status.is_terminal:
            return
        job = lifecycle.job_of(self._folder, record, lane.target)
        handle = lane.target.find(job)
        if handle is None:
            self._end(lane, run_id)
        else:
            lane.followed[run_id] = Followed(StartedJob(job, handle), is_canceled=True)


def main() -> None:
    """Run the agent of the workspace and with the lock that the arguments name."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it tells of every channel
    folder = WorkspaceFolder(Path(sys.argv[1]))
    Agent(folder, AgentSettings.from_environment()).serve(lock=int(sys.argv[2]))


if __name__ == "__main__":
    main()
