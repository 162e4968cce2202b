"""WorkerPool: processes that train for a search, here and on a cluster, within time and memory."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from tandemlab.automl.shared_data import SharedData
from tandemlab.bridge import without_r
from tandemlab.compute.processes import memory_of
from tandemlab.domain import TandemlabError
from tandemlab.domain.jobs import Resources

if TYPE_CHECKING:
    from tandemlab.automl.automl_config import AutoMLConfig
    from tandemlab.automl.problem import Problem

_THREADS = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMEXPR_NUM", "VECLIB_MAXIMUM")
_LOOK_EVERY = 0.5
_USED = 0.9  # of memory that may be used: it takes a moment until too much is seen
_GROWN = 100_000_000  # bytes, with which a worker that has done a task is replaced by a fresh fork


class Task(Protocol):
    """Something that a worker can do. It is pickled, and so is its result."""

    @property
    def is_at_home(self) -> bool:
        """Whether it reads what other tasks have made, and is done on the search's machine."""

    def run(self, data: SharedData) -> Any:
        """Do it."""

    def lost(self, reason: str) -> Any:
        """The result if the worker was killed, or could not do it."""


class WorkersFailed(TandemlabError):
    """The processes that train could not be started, or are gone."""

    code = "error"


class Link(Protocol):
    """The way to a process that does one task after another."""

    def fileno(self) -> int:
        """What can be read once a result, or the end of the process, is there."""

    def send(self, task: Task, /) -> None:
        """Give it a task."""

    def recv(self) -> Any:
        """The result.

        Raises:
            EOFError, OSError: the process is gone.
        """

    def close(self) -> None:
        """Let go of it."""


class Cluster(Protocol):
    """Machines whose processes train beside those of this one, as they come."""

    def start(self, shared: SharedData, threads: int, modules: Sequence[str], count: int) -> None:
        """Have processes started, with which `joined` comes up.

        Args:
            shared: data of the search; they are written by the time the first task is sent.
            threads: that the libraries of each may use.
            modules: imported before a process joins.
            count: of the processes.
        """

    def processors(self) -> int:
        """Of all its machines."""

    def joined(self) -> list[Link]:
        """Processes that have become ready since the last question.

        One that was closed is replaced.
        """

    def close(self) -> None:
        """End all processes, whatever they do."""


@dataclass
class _Worker:
    """A process.

    Attributes:
        pid: None for one of a cluster, which its link ends.
        reason: why it was ended, if it was.
    """

    link: Link
    pid: int | None = None
    task: Task | None = None
    kill_at: float = float("inf")
    reason: str = "the process ended by itself"


class WorkerPool:
    """Processes that train. What a process of a cluster loses is done again on this machine.

    Args:
        shared: the data, which may be written until the first task is given.
        size: how many processes of this machine work at once.
        threads: that the libraries of each may use.
        most_memory: bytes that each may use; one that uses more is ended, and its task fails.
        modules: imported once, for all of them.
        cluster: has further processes; None for this machine alone.
        elsewhere: how many these are.
    """

    def __init__(
        self,
        shared: SharedData,
        size: int,
        threads: int,
        most_memory: int | None,
        modules: Sequence[str],
        *,
        cluster: Cluster | None = None,
        elsewhere: int = 0,
    ) -> None:
        self.size = size + elsewhere
        self.threads = threads
        self._size_here = size
        self._cluster = cluster
        self._most_memory = most_memory
        self._workers: list[_Worker] = []
        self._gone: list[int] = []
        self._again: list[tuple[Task, float]] = []
        self._looked = 0.0
        self._is_ready = False
        self._control, theirs = socket.socketpair()
        with theirs:
            folders = [str(shared.folder), str(shared.trials)]
            given = [str(theirs.fileno()), *folders, *modules]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tandemlab.automl.worker", *given],
                pass_fds=[theirs.fileno()],
                env=_environment(threads),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        if cluster is not None:
            cluster.start(shared, threads, modules, elsewhere)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, whatever they do."""
        for worker in self._workers:
            self._end(worker)
        self._workers = []
        if self._cluster is not None:
            self._cluster.close()
        self._control.close()
        try:
            self._process.wait(0.2)
        except subprocess.TimeoutExpired:  # it loads its libraries, or lets go of them
            self._process.kill()
            self._process.wait()

    @property
    def busy(self) -> list[Task]:
        """What is being worked on."""
        given = [worker.task for worker in self._workers if worker.task is not None]
        return [*given, *(task for task, _ in self._again)]

    @property
    def idle(self) -> int:
        """How many tasks could be begun now."""
        here = self._size_here - self._busy_here - len(self._again)
        return len(self._free_elsewhere()) + max(0, here)

    @property
    def _busy_here(self) -> int:
        return sum(each.pid is not None and each.task is not None for each in self._workers)

    def _free_elsewhere(self) -> list[_Worker]:
        """Processes of the cluster that wait for a task."""
        if self._cluster is not None:
            self._workers += [_Worker(link) for link in self._cluster.joined()]
        return [each for each in self._workers if each.pid is None and each.task is None]

    def wait_until_ready(self, seconds: float | None = None) -> bool:
        """Whether the modules are imported, so that a task can be begun without waiting for it.

        Args:
            seconds: most that is waited; None for no limit.

        Raises:
            WorkersFailed: the process that imports them is gone.
        """
        if not self._is_ready and wait([self._control], seconds):
            self._is_ready = self._answer() == "ready"
        return self._is_ready

    def give(self, task: Task, *, deadline: float) -> None:
        """Have a task done by a worker that is idle, or else by a further one of this machine.

        Args:
            deadline: by `time.monotonic`; a worker that takes longer is killed.
        """
        elsewhere = [] if task.is_at_home else self._free_elsewhere()
        self._give_to(elsewhere[0] if elsewhere else self._free_here(), task, deadline)

    @staticmethod
    def _give_to(worker: _Worker, task: Task, deadline: float) -> None:
        worker.task, worker.kill_at = task, deadline
        worker.link.send(task)

    def _free_here(self) -> _Worker:
        """A process of this machine that waits for a task, or else a further one."""
        for worker in self._workers:
            if worker.pid is not None and worker.task is None:
                return worker
        worker = self._start()
        self._workers.append(worker)
        return worker

    def _do_again(self) -> None:
        """Give this machine what others have lost, as it comes to it."""
        while self._again and self._busy_here < max(1, self._size_here):
            self._give_to(self._free_here(), *self._again.pop(0))

    def results(self, seconds: float) -> Iterator[Any]:
        """What has been done within some seconds; at least one if any is."""
        for _, result in self._done(seconds):
            yield result

    def _done(self, seconds: float) -> Iterator[tuple[Task, Any]]:
        """Tasks that have ended within some seconds, and their results."""
        self._check_memory()
        self._do_again()
        links = {worker.link: worker for worker in self._workers if worker.task is not None}
        now = time.monotonic()
        soonest = min((worker.kill_at for worker in links.values()), default=now)
        patience = max(0.0, min(seconds, soonest - now, _LOOK_EVERY))
        for link in wait(list(links), patience):  # type: ignore[arg-type]
            worker = links[link]  # type: ignore[index]
            task = worker.task
            assert task is not None
            try:
                result = worker.link.recv()
            except (EOFError, OSError):
                if worker.pid is None:  # perhaps its machine is gone
                    self._lose(worker, "")
                    worker.task = None
                    self._again.append((task, worker.kill_at))
                    continue
                result = self._lose(worker, worker.reason)
            worker.task = None
            self._replace_if_grown(worker)
            yield task, result
        for worker in links.values():
            task = worker.task
            if task is not None and time.monotonic() > worker.kill_at:
                yield task, self._lose(worker, "it took too long")

    def ask(self, *tasks: Task, seconds: float) -> list[Any]:
        """The results of tasks in their order, whatever else is under way, which is given up.

        They are done on this machine; the cluster is let go of.

        Args:
            seconds: most that all may take; what is not done by then is lost.
        """
        for worker in [each for each in self._workers if each.task is not None]:
            self._lose(worker, "given up")
        self._again.clear()
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None
            self._workers = [each for each in self._workers if each.pid is not None]
        until = time.monotonic() + seconds
        found: dict[int, Any] = {}
        waiting = list(enumerate(tasks))
        given: dict[int, int] = {}
        while len(found) < len(tasks):
            while waiting and self.idle:
                place, task = waiting.pop(0)
                given[id(task)] = place
                self.give(task, deadline=until)
            for task, result in self._done(until - time.monotonic() + 0.1):
                found[given[id(task)]] = result
        return [found[place] for place in range(len(tasks))]

    def _check_memory(self) -> None:
        now = time.monotonic()
        if self._most_memory is None or now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        for worker in self._workers:
            pid = worker.pid
            if pid is None or worker.task is None:
                continue
            if (used := memory_of([pid]) or 0) > self._most_memory:
                most = self._most_memory / 1e6
                worker.reason = f"it used {used / 1e6:.0f} of {most:.0f} MB of memory"
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _replace_if_grown(self, worker: _Worker) -> None:
        """Give back what allocators keep of a task that needed much memory."""
        if worker.pid is None or worker not in self._workers:
            return
        if (memory_of([worker.pid]) or 0) > _GROWN:
            self._remove(worker)

    def _lose(self, worker: _Worker, reason: str) -> Any:
        """End a worker that has not done its task."""
        task = worker.task
        assert task is not None
        self._remove(worker)
        return task.lost(reason)

    def _remove(self, worker: _Worker) -> None:
        """End a worker; another one takes its place when there is work."""
        self._workers.remove(worker)
        self._end(worker)
        if worker.pid is not None:
            self._gone.append(worker.pid)

    @staticmethod
    def _end(worker: _Worker) -> None:
        worker.link.close()
        if worker.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)

    def _start(self) -> _Worker:
        self.wait_until_ready()
        ours, theirs = socket.socketpair()
        with theirs:
            words = " ".join(["start", *map(str, self._gone)])
            self._gone.clear()
            pid = int(self._ask(words, theirs.fileno()))
        return _Worker(Connection(ours.detach()), pid)

    def _ask(self, words: str, *descriptors: int) -> str:
        """What the process that forks answers.

        Raises:
            WorkersFailed: it is gone.
        """
        with suppress(OSError):  # there will be no answer
            socket.send_fds(self._control, [words.encode()], list(descriptors))
        return self._answer()

    def _answer(self) -> str:
        try:
            answer = self._control.recv(64).decode()
        except OSError:
            answer = ""
        if not answer:
            raise WorkersFailed(
                "The process that starts workers has ended.",
                hint="What it said is in the log; was there not enough memory?",
            )
        return answer


def _environment(threads: int) -> dict[str, str]:
    """Variables of the processes: few threads, and this very package."""
    package = str(Path(__file__).parents[2])
    found = {**without_r(os.environ)}
    found["PYTHONPATH"] = os.pathsep.join(filter(None, [package, found.get("PYTHONPATH", "")]))
    return {**found, **thread_variables(threads)}


def thread_variables(threads: int) -> dict[str, str]:
    """What tells libraries how many threads they may use."""
    return {f"{name}_THREADS": str(threads) for name in _THREADS}


def start_pool(problem: Problem, shared: SharedData, modules: Sequence[str]) -> WorkerPool:
    """The processes of a search: those of this machine, or one of it and others of a cluster."""
    config, cluster = problem.config, problem.cluster
    threads = config.max_cores_per_iteration
    processors = _processors() if cluster is None else cluster.processors()
    size = config.max_concurrent_iterations or max(1, processors // threads)
    if cluster is None:
        most = _within(bytes_of_job(config), size, memory_of_each(size))
        return WorkerPool(shared, size, threads, most, modules)
    at_once = max(1, _processors() // threads)
    most = _within(bytes_of_job(config), 1, memory_of_each(at_once))
    return WorkerPool(shared, 1, threads, most, modules, cluster=cluster, elsewhere=size - 1)


def bytes_of_job(config: AutoMLConfig) -> int | None:
    """What the job may use; None where it has no limit."""
    return Resources(memory=config.memory).memory_bytes


def _within(memory: int | None, size: int, share: int | None) -> int | None:
    """That share of what is free, or less: what a job with so much memory leaves to each."""
    if memory is None:
        return share
    left = memory * _USED - (memory_of([os.getpid()]) or 0)
    each = max(0, int(left / size))
    return each if share is None else min(each, share)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_of_each(size: int) -> int | None:
    """What one of some processes may use of the memory that is free; None where none can tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    return int(free * 1024 * _USED / size)
