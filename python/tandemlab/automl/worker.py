"""Processes that train: one that has the libraries loaded, and its forks, which do the work.

``python -m tandemlab.automl.worker FD FOLDER TRIALS MODULE …``: the first process imports the
modules, says so, and listens at a socket that it inherits. For ``start PID …`` it forks a worker,
which talks through the descriptor that came along, and takes leave of workers that have ended. When
its socket is closed it ends all its workers, whatever they do, so that none outlives the search.
Forks share the libraries' memory, and the data, which are mapped from files; a worker that was
killed is replaced in milliseconds.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.automl.shared_data import SharedData

if TYPE_CHECKING:
    from tandemlab.automl.worker_pool import Task


_NOT_NEEDED = {"catboost": ("polars", "IPython")}  # of what it imports if it is there, for show


def result_of(task: Task, data: SharedData) -> Any:
    """What a task gives, or what it says of a failure."""
    try:
        return task.run(data)
    except MemoryError:
        return task.lost("memory did not suffice")
    except Exception as problem:  # of whatever library it is: the search goes on
        said = f"{type(problem).__name__}: {problem}".partition("\n")[0]
        return task.lost(said[:300])


def preload(modules: Sequence[str]) -> None:
    """Import modules, as far as they are there."""
    from importlib import import_module

    for name in modules:
        with suppress(ImportError), _hidden(_NOT_NEEDED.get(name, ())):
            import_module(name)


class _Hiding:
    """A finder for which some packages are not installed."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Refuse those; leave others to the finders that follow."""
        if name in self._names:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)


@contextmanager
def _hidden(names: Sequence[str]) -> Iterator[None]:
    """Let packages that are not imported yet seem not to be installed."""
    finder = _Hiding(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _serve(link: Connection, data: SharedData) -> None:
    """A worker: one task after another, until nobody asks any more."""
    while True:
        try:
            task = link.recv()
        except (EOFError, OSError):
            return
        link.send(result_of(task, data))


def main(descriptor: int, data: SharedData, modules: Sequence[str]) -> None:
    """Fork workers as they are asked for."""
    control = socket.socket(fileno=descriptor)
    workers: set[int] = set()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the search ends in its own way first
    preload(modules)
    gc.freeze()  # else a collection in a fork would write to, and so copy, all that it shares
    try:
        control.send(b"ready")
        while True:
            try:
                said, passed, _, _ = socket.recv_fds(control, 4096, 1)
            except ConnectionResetError:  # nobody has heard that it is ready
                return
            if not said:
                return
            _, *gone = said.decode().split()
            pid = os.fork()
            if pid == 0:
                control.close()
                _run_worker(passed[0], data)
            os.close(passed[0])
            workers.add(pid)
            control.send(str(pid).encode())
            for number in map(int, gone):
                workers.discard(number)
                os.waitpid(number, 0)
    finally:
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _run_worker(descriptor: int, data: SharedData) -> None:
    status = 1
    try:
        _serve(Connection(descriptor), data)
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]), SharedData(Path(sys.argv[2]), Path(sys.argv[3])), sys.argv[4:])
