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
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Protocol

from tandemlab.compute import lifecycle
from tandemlab.compute.lanes import AtOnce, Ended, Followed, Lane
from tandemlab.compute.lock import AgentLock
from tandemlab.compute.packages import Asked, record_known_packages, record_packages
from tandemlab.compute.queue import Queue
from tandemlab.compute.registrations import version_of
from tandemlab.compute.settings import AgentSettings
from tandemlab.compute.sideline import Sideline
from tandemlab.compute.targets import LOCAL, HasForks, TakesArrays, find_target, known_targets
from tandemlab.domain import (
    InvalidInput,
    RunQuery,
    RunRecord,
    RunStatus,
    TandemlabError,
    Unavailable,
)
from tandemlab.domain.jobs import Job, JobState, StartedJob
from tandemlab.domain.records import JOBS
from tandemlab.domain.status import ACTIVE
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.tracking.agent import CALLED, take_lock

_log = logging.getLogger("tandemlab.agent")
_HEARTBEAT = 1.0  # seconds after which others are looked after, whether they have called or not
_RETRY = 2.0
_MANY = 100  # runs that a target with a queue of its own is given at once
_DONE = b"d"
_AT_ONCE = AtOnce()
_ENDING = (RunStatus.FINALIZING, RunStatus.CANCEL_REQUESTED)


# What is above this layer and takes runs of many runs forward, by the type of such a run.
_DRIVERS = {
    "pipeline": "tandemlab.pipelines.driver:PipelineDriver",
    "sweep": "tandemlab.sweeps.driver:SweepDriver",
}


class Driver(Protocol):
    """What takes a run of many runs forward, such as that of a pipeline."""

    def advance(
        self, ended: Mapping[str, RunStatus] | None = None, *, room: int = 0
    ) -> list[RunRecord] | None:
        """Take note of what has ended, and start what can be.

        Args:
            ended: the runs that have ended since, where nothing else has happened; None asks the
                store.
            room: so many runs of this machine may be Running from the beginning, which saves a
                transaction for each: there are slots for them, and nothing waits before them.

        Returns:
            The runs that it has made, which are Running or wait as all do; None if there is no more
            to come.
        """


@dataclass(slots=True)
class _Task:
    """What is done for a run beside the loop, or will be when it is due.

    Attributes:
        is_end: whether it takes in what a job has left.
        future: None while it waits to be done again.
        due: when it is done again, on the monotonic clock.
    """

    lane: Lane
    work: Callable[[Lane, str], RunStatus | None]
    is_end: bool = False
    future: Future[RunStatus | None] | None = None
    due: float = 0.0


class Agent:
    """Works on the submitted runs of one workspace until there are none."""

    def __init__(self, folder: WorkspaceFolder, settings: AgentSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._lanes: dict[str, Lane] = {}
        self._queue = Queue(folder)
        self._busy: dict[str, _Task] = {}
        self._drivers: dict[str, Driver] = {}
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
        self._targets: list[str] = []
        self._next_look = 0.0
        self._may_have_lost = False  # runs that are Running and that nothing is done for
        self._stopping = False

    def serve(self, lock: int) -> None:
        """Work until idle for long enough, told to stop, or the workspace is gone.

        Between the last look and giving the lock back a client may have queued a run or made a
        schedule, and seen a living agent; hence the look after it.
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
            self._queue.forget()
            held = take_lock(self._folder) if self._may_work() and self._has_work() else None
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

    def _has_work(self) -> bool:
        return (
            any(map(self._has_queued, self._names()))
            or bool(self._driven())
            or any(sideline.is_needed() for sideline in self._sidelines)
        )

    def _work(self) -> None:
        idle_since = time.monotonic()
        while not self._stopping:
            if self._is_due and not self._folder.exists:
                return
            try:
                pause = self._step()
            except TandemlabError as error:
                _log.error("%s", error)
                pause, self._may_have_lost = _RETRY, True
            is_following = any(lane.followed for lane in self._lanes.values())
            is_asked = any(sideline.are_there for sideline in self._sidelines)
            if self._busy or self._drivers or is_following or is_asked:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since >= self._settings.idle_seconds:
                return
            self._wait(pause)

    def _wait(self, seconds: float) -> None:
        """Wait for news; those that a job has ended, or of a client, are looked after at once."""
        ready, _, _ = select.select([self._wake, self._signals], [], [], seconds)
        news = b"".join(os.read(descriptor, 4096) for descriptor in ready)
        if CALLED in news:
            self._next_look = 0.0
            for sideline in self._sidelines:
                sideline.look_now()
        if news.strip(_DONE):
            for lane in self._lanes.values():
                lane.look_now()

    @property
    def _is_due(self) -> bool:
        """Whether it is time to look after what others may have done."""
        return time.monotonic() >= self._next_look

    def _step(self) -> float:
        """Do what is to be done now; how long to wait if nothing happens.

        What others may have changed in the store is looked for when they call, and every second.
        """
        if self._may_have_lost:
            self._may_have_lost = False
            self._recover()
        is_due = self._is_due
        if is_due:
            self._next_look = time.monotonic() + _HEARTBEAT
            self._targets = self._names()
            self._queue.forget()
        for lane in self._lanes.values():
            lane.look(self._begin)
            for job in lane.ended():
                work, record = partial(self._finish, ended=job), job.followed.record
                is_quick = lane.target.is_here and lifecycle.ends_quickly(self._folder, record)
                self._do(lane, record.id, work, is_end=True, is_quick=is_quick)
        ended = self._finish_tasks()
        if is_due:
            self._find_drivers()
            for name in [name for name, lane in self._lanes.items() if lane.is_away]:
                self._lane(name)
        if is_due or ended:
            self._drive(None if is_due else ended)
        for sideline in self._sidelines:
            sideline.look()
        if is_due:
            for record in self._folder.store.submitted_runs(RunStatus.CANCEL_REQUESTED):
                if self._folder.owns_run(record.id):
                    self._cancel(record)
        if is_due or ended:
            for name in self._targets:
                self._start_queued(name)
        pauses = [lane.pause for lane in self._lanes.values()]
        return max(0.0, min(self._next_look - time.monotonic(), *pauses, _HEARTBEAT))

    def _start_queued(self, name: str) -> None:
        """Start the oldest queued runs of a target, as far as it has room."""
        known = self._lanes.get(name)
        is_attached = name != LOCAL  # so that it may have been given more room
        if known is not None and not is_attached and known.free is not None and known.free <= 0:
            return
        if not self._has_queued(name):
            return
        lane = self._lane(name)
        slots = lane.target.slots
        waiting = (
            record
            for record in self._queue.waiting(name, self._busy)
            if not lane.holds_back(record)
        )
        for record in islice(waiting, _MANY if lane.free is None else max(0, lane.free)):
            needed = lifecycle.slots_of(record)
            if slots is not None:
                needed = min(needed, slots)
                if needed > (lane.free or 0):
                    break  # those behind it do not overtake it
            self._queue.remove(record)
            self._begin_start(lane, record, needed)

    def _begin_start(self, lane: Lane, record: RunRecord, slots: int) -> None:
        lane.take(record, slots)
        work = partial(self._start, record=record)
        self._do(lane, record.id, work, is_quick=self._starts_quickly(lane, record))

    def _starts_quickly(self, lane: Lane, record: RunRecord) -> bool:
        """Whether the loop may start a run itself: that saves it a thread."""
        modules, target = record.definition.get("warm"), lane.target
        if modules is None or not isinstance(target, HasForks) or not target.is_warm(modules):
            return False
        return lifecycle.is_laid_out_quickly(self._folder, record)

    def _recover(self) -> None:
        """Take over the runs that an earlier agent left, or this one as something failed."""
        for record in self._find(ACTIVE - {RunStatus.NOT_STARTED, RunStatus.QUEUED}):
            lane = self._lane_of(record)
            if lane is None or record.id in lane.followed or record.id in self._busy:
                continue
            _log.info("taking over run %s (%s)", record.id, record.status)
            lane.take(record, lifecycle.slots_of(record))
            if record.status in (RunStatus.PREPARING, RunStatus.RUNNING):
                self._do(lane, record.id, self._start)
            elif record.status is RunStatus.FINALIZING:
                self._do(lane, record.id, self._end, is_end=True)

    def _driven(self) -> list[str]:
        """Runs of many runs that have not ended.

        Ids alone: the definition of such a run is long, and read once, for its driver.
        """
        query = RunQuery(
            status=ACTIVE - {RunStatus.NOT_STARTED}, type=tuple(_DRIVERS), include_children=True
        )
        found = self._folder.store.table_runs(query).fields["run_id"]
        return [run_id for run_id in found if self._folder.owns_run(run_id)]

    def _find_drivers(self) -> None:
        for run_id in self._driven():
            if run_id not in self._drivers:
                with self._failing(run_id):
                    self._drivers[run_id] = self._driver_of(run_id)

    def _drive(self, ended: Mapping[str, RunStatus] | None) -> None:
        """Take runs of many runs forward: they queue runs, which then wait as all do."""
        for run_id in list(self._drivers):
            with self._failing(run_id):
                made = self._drivers[run_id].advance(ended, room=self._room())
                if made is None:
                    del self._drivers[run_id]
                else:
                    self._queue.add([each for each in made if each.status is RunStatus.QUEUED])
                    for record in made:
                        if record.status is RunStatus.RUNNING:
                            self._begin_start(self._lane(LOCAL), record, 1)
                # Another driver may wait for this run's end, or be needed for what it has queued.
                if made is None or any(each.type in _DRIVERS for each in made):
                    self._next_look = 0.0

    def _room(self) -> int:
        """How many runs of this machine may begin that do not wait yet."""
        lane = self._lanes.get(LOCAL)
        return 0 if lane is None or self._has_queued(LOCAL) else max(0, lane.free or 0)

    @contextmanager
    def _failing(self, run_id: str) -> Iterator[None]:
        """What is wrong with such a run ends it."""
        try:
            yield
        except InvalidInput as problem:
            self._drivers.pop(run_id, None)
            self._may_have_lost = True
            lifecycle.fail(self._folder, run_id, problem)

    def _driver_of(self, run_id: str) -> Driver:
        record = self._folder.store.get_run(run_id)
        assert record is not None
        module, _, name = _DRIVERS[record.type].partition(":")
        made: Driver = getattr(import_module(module), name)(self._folder, record)
        return made

    def _find(self, statuses: frozenset[RunStatus] | set[RunStatus]) -> list[RunRecord]:
        found = self._folder.store.find_runs(
            RunQuery(status=frozenset(statuses), type=JOBS, include_children=True)
        )
        return [record for record in found if self._folder.owns_run(record.id)]

    def _names(self) -> list[str]:
        return known_targets(self._folder)

    def _has_queued(self, target: str) -> bool:
        return any(True for _ in self._queue.waiting(target, self._busy))

    def _lane(self, name: str) -> Lane:
        """The lane of a target, as it was last attached: its jobs know it by name alone."""
        version = None if name == LOCAL else version_of(name, self._folder)
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

    # Tasks: what may take long happens beside the loop, one task per run at a time.

    def _poke(self) -> None:
        os.write(self._signals_in, _DONE)

    def _poke_sidelines(self) -> None:
        for sideline in self._sidelines:
            sideline.look_now()
        self._poke()

    def _do(
        self,
        lane: Lane,
        run_id: str,
        work: Callable[[Lane, str], RunStatus | None],
        *,
        is_end: bool = False,
        is_quick: bool = False,
    ) -> None:
        """Do something for a run, beside the loop unless it is quick."""
        task = self._busy[run_id] = _Task(lane, work, is_end)
        self._submit(run_id, task, _AT_ONCE if is_quick else lane.workers)

    def _submit(self, run_id: str, task: _Task, workers: Executor) -> None:
        task.future = workers.submit(task.work, task.lane, run_id)
        task.future.add_done_callback(lambda _: self._poke())

    def _finish_tasks(self) -> dict[str, RunStatus]:
        """Take note of what was done beside the loop; the runs that have ended, or given up."""
        ended: dict[str, RunStatus] = {}
        for run_id, task in list(self._busy.items()):
            if task.future is None:
                if time.monotonic() >= task.due:
                    self._submit(run_id, task, task.lane.workers)
            elif task.future.done():
                problem = task.future.exception()
                if problem is None:
                    del self._busy[run_id]
                else:
                    self._after_problem(run_id, task, problem)
                if run_id in task.lane.followed:
                    task.lane.look_soon()
                elif run_id not in self._busy:
                    task.lane.let_go(run_id)
                    ended[run_id] = self._status_after(run_id, task)
        if ended:
            for sideline in self._sidelines:
                sideline.run_has_ended()
        return ended

    def _status_after(self, run_id: str, task: _Task) -> RunStatus:
        """The status of a run that nothing is done for any more."""
        future = task.future
        known = None if future is None or future.exception() else future.result()
        return known or self._folder.store.known_runs([run_id]).get(run_id, RunStatus.FAILED)

    def _after_problem(self, run_id: str, task: _Task, problem: BaseException) -> None:
        """A run whose start failed is over; what a target that is away keeps us from comes later.

        So does the end of a run that failed for another reason: its job has run.
        """
        is_away = isinstance(problem, Unavailable)
        _log.error("run %s: %s", run_id, problem, exc_info=None if is_away else problem)
        record = self._folder.store.get_run(run_id)
        if record is None or record.status.is_terminal:
            del self._busy[run_id]
        elif is_away or task.is_end or record.status in _ENDING:
            task.future, task.due = None, time.monotonic() + _RETRY
        else:
            del self._busy[run_id]
            lifecycle.fail(self._folder, run_id, problem)

    def _start(self, lane: Lane, run_id: str, record: RunRecord | None = None) -> None:
        """Start a run's job.

        Args:
            record: of the run, if it was just read.
        """
        record = record or self._folder.store.get_run(run_id)
        if record is None or record.status.is_terminal:
            return
        target = lane.target
        array = record.definition.get("array")
        if array and lane.takes_arrays:
            assert isinstance(target, TakesArrays)
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
        self._follow(lane, record, job, handle)

    def _start_array(self, lane: Lane, target: TakesArrays, array: str) -> None:
        """Start the runs of an array that wait here, together; one that cannot be is over."""
        ready: list[tuple[RunRecord, Job]] = []
        for record in self._find({RunStatus.QUEUED, RunStatus.PREPARING}):
            if (record.target, record.definition.get("array")) != (lane.target.name, array):
                continue
            try:
                job = lifecycle.job_of(self._folder, record, lane.target)
                handle = lane.target.find(job)
                if handle is not None:
                    self._follow(lane, record, job, handle)
                elif lifecycle.prepare(self._folder, record, lane.target):
                    ready.insert(0, (record, job))  # the oldest first
            except Unavailable:
                raise
            except TandemlabError as problem:
                lifecycle.fail(self._folder, record.id, problem)
        try:
            handles = target.submit_array([job for _, job in ready]) if ready else {}
        except Unavailable:
            raise
        except TandemlabError as problem:
            _log.error("array %s: %s", array, problem)
            for record, _ in ready:
                lifecycle.fail(self._folder, record.id, problem)
            return
        _log.info("array %s started with %d runs", array, len(handles))
        for record, job in ready:
            if record.id in handles:
                self._follow(lane, record, job, handles[record.id])

    def _follow(self, lane: Lane, record: RunRecord, job: Job, handle: str) -> None:
        """From now on look after a job, and ask what is installed where it runs."""
        target, run_id = lane.target, job.run_id
        if (
            job.language
            and job.container is None
            and isinstance(target, Asked)
            and not record_known_packages(job, job.language, target, self._folder.blobs)
        ):
            question = lane.workers.submit(record_packages, job, job.language, target)
            self._questions[run_id] = question
        has_begun = target.slots is not None
        lane.followed[run_id] = Followed(record, StartedJob(job, handle), has_begun=has_begun)

    def _end(self, lane: Lane, run_id: str) -> RunStatus | None:
        """End a run whose job nobody has followed."""
        found = self._find_job(lane, run_id)
        if isinstance(found, Followed):
            (state,) = lane.target.poll([found.started])
            return self._finish(lane, run_id, Ended(found, state))
        return found

    def _find_job(self, lane: Lane, run_id: str) -> Followed | RunStatus | None:
        """The job of a run that is to end; a run that has none is over, and this is how.

        None if it was over before.
        """
        record = self._folder.store.get_run(run_id)
        if record is None or record.status.is_terminal:
            return None
        job = lifecycle.job_of(self._folder, record, lane.target)
        handle = lane.target.find(job)
        if handle is None:
            return lifecycle.finalize(self._folder, record, JobState(is_running=False))
        return Followed(record, StartedJob(job, handle))

    def _finish(self, lane: Lane, run_id: str, ended: Ended) -> RunStatus:
        """Take in what a job has left, and end its run."""
        lane.target.fetch(ended.followed.started)
        if lane.target.slots is None:
            lifecycle.begin(self._folder, run_id)
        if question := self._questions.pop(run_id, None):
            wait([question])
        status = lifecycle.finalize(self._folder, ended.followed.record, ended.state)
        _log.info("run %s ended as %s", run_id, status)
        return status

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
            self._do(lane, record.id, self._follow_or_end)

    def _follow_or_end(self, lane: Lane, run_id: str) -> RunStatus | None:
        """Go on with a job that is to end; a run that has none is over."""
        found = self._find_job(lane, run_id)
        if isinstance(found, Followed):
            found.is_canceled = True
            lane.followed[run_id] = found
            return None
        return found


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
