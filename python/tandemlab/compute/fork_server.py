"""A process that has imported what jobs need, and is forked for each of them.

``python -m tandemlab.compute.fork_server REQUESTS ANSWERS``; `forks` starts it. A job finds what a
new process would find: a session, output and variables of its own, and nothing that another job has
changed; only the modules are there already. It keeps its files in ``job/`` as ``job.sh`` does.

Both pipes carry texts, each as its length in four bytes, lowest first, and its bytes. A request is
``{"place", "command", "variables", "modules", "wake"}``, the answer ``{"pid"}``. When the pipe is
closed the server ends, once its jobs have ended.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import sys
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

ENDED = b"e"
"""What a job writes to ``agent/wake`` when it has ended."""


class ForkServer:
    """Forks for requests, and says how jobs ended that could not say so themselves."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers
        self._signals, self._signals_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._jobs: dict[int, dict[str, Any]] = {}
        self._is_open = True

    def serve(self) -> None:
        """Answer until the pipe is closed and all jobs have ended."""
        signal.set_wakeup_fd(self._signals_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while self._is_open or self._jobs:
            watched = [self._signals, self._requests] if self._is_open else [self._signals]
            ready, _, _ = select.select(watched, [], [])
            if self._signals in ready:
                with suppress(BlockingIOError):
                    os.read(self._signals, 4096)
                self._reap()
            if self._requests in ready:
                text = _receive(self._requests)
                if text is None:
                    self._is_open = False
                else:
                    self._start(json.loads(text))

    def _start(self, request: dict[str, Any]) -> None:
        missing = [name for name in request["modules"] if name not in sys.modules]
        for name in missing:
            with suppress(Exception):  # the job will say it itself
                import_module(name)
        if missing:
            gc.freeze()  # a collection in a job would copy all pages that objects are on
        pid = os.fork()
        if pid == 0:
            for descriptor in (self._requests, self._answers, self._signals, self._signals_in):
                os.close(descriptor)
            run_job(request)
        self._jobs[pid] = request
        _send(self._answers, json.dumps({"pid": pid}).encode())

    def _reap(self) -> None:
        """Say how jobs ended; if that cannot be written, this process ends, and so it is seen."""
        while self._jobs:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            request = self._jobs.pop(pid, None)
            code = os.waitstatus_to_exitcode(status)
            if request is not None and not os.path.exists(f"{request['place']}/job/exit"):
                _note_end(request, code if code >= 0 else 128 - code)


def run_job(request: dict[str, Any]) -> NoReturn:
    """Be the job of a request, from here to the end of this process."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    code = 1
    try:
        os.chdir(request["place"])
        try:
            os.mkdir("job/claim")
        except FileExistsError:
            os._exit(0)  # a second start does nothing
        _write("job/pid", f"{os.getpid()}\n{_stat('self')}\n{_stat(str(os.getppid()))}\n")
        log = os.open("files/user_logs/std_log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.chdir("work")
        os.environ.update(request["variables"])
        if "numpy" in sys.modules:  # as Python does with its own generator
            sys.modules["numpy"].random.seed()
        code = run_script(request["command"])
        if threading := sys.modules.get("threading"):  # unused, it would cost each fork half a ms
            threading._shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        _note_end(request, code)
    finally:
        os._exit(code)


def run_script(command: list[str]) -> int:
    """Run a script as ``python SCRIPT ARGUMENTS`` does; its exit status."""
    path = os.path.abspath(command[0])
    sys.argv = list(command)
    sys.path[0] = os.path.dirname(path)
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__file__ = path
    try:
        with open(path, "rb") as stream:
            code = compile(stream.read(), path, "exec", dont_inherit=True)
        exec(code, main.__dict__)
    except SystemExit as end:
        return _status(end.code)
    except BaseException as problem:
        of_script = problem.__traceback__.tb_next if problem.__traceback__ else None
        sys.excepthook(type(problem), problem.with_traceback(of_script), of_script)
        return 128 + signal.SIGINT if isinstance(problem, KeyboardInterrupt) else 1
    return 0


def _status(code: object) -> int:
    """The exit status of what `sys.exit` was given.

    >>> _status(None), _status(3), _status(-1)
    (0, 3, 255)
    """
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _note_end(request: dict[str, Any], code: int) -> None:
    """Keep how a job has ended, and have the workspace's agent look."""
    _write(f"{request['place']}/job/exit", f"{code}\n")
    with suppress(OSError):
        wake = os.open(request["wake"], os.O_WRONLY | os.O_NONBLOCK)
        os.write(wake, ENDED)
        os.close(wake)


def _write(path: str, text: str) -> None:
    with open(f"{path}.new", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.rename(f"{path}.new", path)


def _stat(process: str) -> str:
    """A process's line in ``/proc``, which says when it was started; nothing elsewhere."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as stream:
            return stream.readline().rstrip("\n")
    except OSError:
        return ""


def _receive(descriptor: int) -> bytes | None:
    head = _read(descriptor, 4)
    return None if head is None else _read(descriptor, int.from_bytes(head, "little"))


def _read(descriptor: int, size: int) -> bytes | None:
    found = b""
    while len(found) < size:
        part = os.read(descriptor, size - len(found))
        if not part:
            return None
        found += part
    return found


def _send(descriptor: int, text: bytes) -> None:
    with suppress(BrokenPipeError):  # the agent is gone; the jobs are not
        os.write(descriptor, len(text).to_bytes(4, "little") + text)


if __name__ == "__main__":
    ForkServer(int(sys.argv[1]), int(sys.argv[2])).serve()
