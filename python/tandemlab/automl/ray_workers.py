"""Processes of a Ray cluster that train for a search, beside those of the job's own machine."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Any

from tandemlab.automl.shared_data import SharedData
from tandemlab.automl.trial_folders import temporary_trials
from tandemlab.automl.worker import preload, result_of
from tandemlab.automl.worker_pool import Link, Task, memory_of_each, thread_variables
from tandemlab.bridge.libraries import need
from tandemlab.compute.processes import memory_of
from tandemlab.domain import Unavailable
from tandemlab.store.durable import write_file

_log = logging.getLogger("tandemlab.automl")
_LOOK_EVERY = 0.5


class RayWorkers:
    """Actors of Ray, each a process with processors and memory that Ray sets apart for it.

    Args:
        memory: bytes that each may use; None for its share of what is free on its machine.

    Raises:
        MissingDependency: this Python has no Ray.
        Unavailable: it cannot join the cluster that its job is of.
    """

    def __init__(self, memory: int | None) -> None:
        self._ray = need("ray", "Workers on a cluster of Ray", "ray")
        self._memory = memory
        self._coming: list[_Link] = []
        self._there: list[_Link] = []
        self._connect()

    def _connect(self) -> None:
        """Join the cluster; signals stay those of whoever asks."""
        handler = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(log_to_driver=False, logging_level=logging.ERROR)
        except (RuntimeError, ConnectionError, ValueError) as problem:
            raise Unavailable(f"The cluster cannot be joined: {problem}") from problem
        finally:
            signal.signal(signal.SIGTERM, handler)

    def processors(self) -> int:
        """As the protocol says."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def start(self, shared: SharedData, threads: int, modules: Sequence[str], count: int) -> None:
        """As the protocol says. What there is no room for comes once there is, if ever."""
        self._shared = shared
        self._given = (list(modules), self._memory, threads)
        self._actor = self._ray.remote(
            num_cpus=threads,
            memory=self._memory,
            runtime_env={"env_vars": thread_variables(threads)},
        )(_Trainer)
        self._coming = [self._begin() for _ in range(count)]

    def _begin(self) -> _Link:
        return _Link(self, self._actor.remote(*self._given))

    def joined(self) -> list[Link]:
        """As the protocol says."""
        gone = [link for link in self._there if link.is_closed]
        done = [link for link in self._coming if link.is_done]
        new = [link for link in done if link.problem is None]
        for problem in {str(link.problem) for link in done if link.problem is not None}:
            _log.warning("a worker could not be started: %s", problem)
        self._coming = [link for link in self._coming if not link.is_done]
        self._coming += [self._begin() for _ in gone]
        self._there = [link for link in self._there if not link.is_closed] + new
        return list(new)

    def close(self) -> None:
        """As the protocol says."""
        for link in (*self._coming, *self._there):
            link.close()
        self._coming, self._there = [], []

    @cached_property
    def data(self) -> list[Any]:
        """What the processes of a machine share; in a list, so that each fetches it once."""
        return [self._ray.put(self._shared.loaded())]

    def keep(self, files: dict[str, bytes]) -> None:
        """Put what a task has made where those that are done here leave it."""
        for name, content in files.items():
            path = self._shared.trials / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, content, flush=False)


class _Link:
    """The way to an actor; what waits for sockets hears of its answers."""

    def __init__(self, workers: RayWorkers, actor: Any) -> None:
        self._workers = workers
        self._actor = actor
        self._near, self._far = socket.socketpair()
        self._joining = actor.node.remote().future()
        self._answer: Future[Any] | None = None
        self.is_closed = False

    @property
    def is_done(self) -> bool:
        """Whether its process has begun, or never will."""
        return bool(self._joining.done())

    @property
    def problem(self) -> BaseException | None:
        """Why it never will; only once that is known."""
        found: BaseException | None = self._joining.exception()
        return found

    def fileno(self) -> int:
        """As the protocol says."""
        return self._near.fileno()

    def send(self, task: Task, /) -> None:
        """As the protocol says."""
        self._answer = self._actor.run.remote(self._workers.data, task, time.monotonic()).future()
        self._answer.add_done_callback(self._wake)

    def _wake(self, _: Future[Any]) -> None:
        with suppress(OSError):  # nobody waits any more
            self._far.send(b".")

    def recv(self) -> Any:
        """As the protocol says; what the task has written is here then."""
        assert self._answer is not None
        self._near.recv(1)
        if (problem := self._answer.exception()) is not None:
            raise EOFError(str(problem)) from problem
        result, files = self._answer.result()
        self._workers.keep(files)
        return result

    def close(self) -> None:
        """As the protocol says, and end the process."""
        import ray

        self.is_closed = True
        ray.kill(self._actor)
        self._near.close()
        self._far.close()


class _Trainer:
    """In a process of the cluster: does tasks, and gives their results with what they wrote.

    Args:
        modules: that they need.
        memory: bytes that it may use; None for its share of what is free.
        threads: that its libraries may use.
    """

    def __init__(self, modules: Sequence[str], memory: int | None, threads: int) -> None:
        import ray

        preload(modules)
        self._data: SharedData | None = None
        self._is_busy = False
        own = ray.get_runtime_context().get_node_id()
        nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
        node = next(each for each in nodes if each["NodeID"] == own)
        self._node = str(node["NodeName"])
        at_once = max(1, int(node["Resources"].get("CPU", 1)) // threads)
        most = memory or memory_of_each(at_once)
        if most is not None:
            threading.Thread(target=self._end_above, args=[most], daemon=True).start()

    def _end_above(self, most_memory: int) -> None:
        """End this process when a task uses more memory: whoever waits for it hears of that."""
        while not (self._is_busy and (memory_of([os.getpid()]) or 0) > most_memory):
            time.sleep(_LOOK_EVERY)
        os.kill(os.getpid(), signal.SIGKILL)

    def node(self) -> str:
        """The name of the machine that it is on."""
        return self._node

    def run(self, data: list[Any], task: Task, asked: float) -> tuple[Any, dict[str, bytes]]:
        """Do a task.

        Args:
            data: a reference to those of the search.
            asked: when, by the clock that the task's deadline is of.

        Returns:
            The result, and the files that were written, by name, in that order.
        """
        if self._data is None:
            import ray

            self._data = ray.get(data[0])
            self._data.node = self._node
        deadline = getattr(task, "deadline", None)
        if deadline is not None:
            task = replace(task, deadline=deadline - asked + time.monotonic())  # type: ignore[type-var]
        with temporary_trials() as folder:
            self._data.trials = folder / "trials"
            self._is_busy = True
            result = result_of(task, self._data)
            self._is_busy = False
            written = [path for path in self._data.trials.rglob("*") if path.is_file()]
            written.sort(key=lambda path: path.stat().st_mtime_ns)
            names = {path: path.relative_to(self._data.trials).as_posix() for path in written}
            return result, {name: path.read_bytes() for path, name in names.items()}
