"""A process that has imported what jobs need, and is forked for each of them.

``python -m tandemlab.compute.fork_server REQUESTS ANSWERS``; `forks` starts it. A job finds what a
new process would find: a session, output and variables of its own, and nothing that another job has
changed; only the modules are there already. It keeps its files in ``job/`` as ``job.sh`` does.

Jobs that name the same ``sharing`` give some of that up for speed: a fork takes one of them after
the other, and the next one gets an idle fork, or a new one. Each still has its own output, folder,
arguments and variables of the environment, and ends what it has started of threads. ``sharing`` is
a folder for what such processes keep beyond a job.

Both pipes carry texts, each as its length in four bytes, lowest first, and its bytes. A request is
``{"place", "command", "variables", "modules", "sharing", "wake"}``, the answer ``{"pid"}``. When
the pipe is closed the server ends, once its jobs have ended.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

ENDED = b"e"
"""What a job writes to ``agent/wake`` when it has ended."""
_LOG = "files/user_logs/std_log.txt"
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT
_IDLE_SECONDS = 5.0  # after which a shared process ends that has nothing to do


class _Idle(NamedTuple):
    """A shared process that waits for its next job."""

    pid: int
    since: float


class ForkServer:
    """Forks for requests, and says how jobs ended that could not say so themselves."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers
        self._signals, self._signals_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._done, self._done_in = os.pipe()  # pids of shared processes that wait again
        self._jobs: dict[int, dict[str, Any]] = {}
        self._shared: dict[int, int] = {}  # shared processes, each with the pipe of its requests
        self._idle: dict[str, list[_Idle]] = {}  # by what they are shared for
        self._is_open = True

    def serve(self) -> None:
        """Answer until the pipe is closed and all jobs have ended."""
        signal.set_wakeup_fd(self._signals_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while self._is_open or self._jobs:
            watched = [self._signals, self._done]
            if self._is_open:
                watched.append(self._requests)
            pause = _IDLE_SECONDS if any(self._idle.values()) else None
            ready, _, _ = select.select(watched, [], [], pause)
            if self._signals in ready:
                with suppress(BlockingIOError):
                    os.read(self._signals, 4096)
                self._reap()
            if self._done in ready:
                self._take_back(int.from_bytes(os.read(self._done, 4), "little"))
            if self._requests in ready:
                text = _receive(self._requests)
                if text is None:
                    self._is_open = False
                else:
                    self._start(text)
            self._end_idle()

    def _start(self, text: bytes) -> None:
        request = json.loads(text)
        missing = [name for name in request["modules"] if name not in sys.modules]
        for name in missing:
            with suppress(Exception):  # the job will say it itself
                import_module(name)
        if missing:
            gc.freeze()  # a collection in a job would copy all pages that objects are on
        sharing = request["sharing"]
        pid = self._fork(request) if sharing is None else self._share(sharing, text)
        self._jobs[pid] = request
        _send(self._answers, json.dumps({"pid": pid}).encode())

    def _fork(self, request: dict[str, Any]) -> int:
        pid = os.fork()
        if pid == 0:
            self._let_go()
            os.close(self._done_in)
            run_job(request)
        return pid

    def _share(self, sharing: str, text: bytes) -> int:
        """Give a job to a shared process; its pid."""
        waiting = self._idle.get(sharing, [])
        while waiting:
            pid = waiting.pop().pid
            if pid in self._shared and _send(self._shared[pid], text):
                return pid
        requests, requests_in = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(requests_in)
            self._let_go()
            run_shared_jobs(requests, self._done_in)
        os.close(requests)
        self._shared[pid] = requests_in
        _send(requests_in, text)
        return pid

    def _let_go(self) -> None:
        """In a fork: close what is the server's."""
        for descriptor in (
            *(self._requests, self._answers, self._signals, self._signals_in, self._done),
            *self._shared.values(),
        ):
            os.close(descriptor)

    def _take_back(self, pid: int) -> None:
        """A shared process has ended its job, and kept how."""
        request = self._jobs.pop(pid, None)
        if request is not None:
            self._idle.setdefault(request["sharing"], []).append(_Idle(pid, time.monotonic()))

    def _end_idle(self) -> None:
        """Let shared processes go that have waited for long."""
        before = time.monotonic() - _IDLE_SECONDS
        for sharing, waiting in list(self._idle.items()):
            for each in [each for each in waiting if each.since <= before]:
                waiting.remove(each)
                self._close(each.pid)
            if not waiting:
                del self._idle[sharing]

    def _close(self, pid: int) -> None:
        """Have a shared process end, if it has not."""
        requests = self._shared.pop(pid, None)
        if requests is not None:
            os.close(requests)

    def _reap(self) -> None:
        """Say how jobs ended; if that cannot be written, this process ends, and so it is seen."""
        while self._jobs or self._shared:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._close(pid)
            request = self._jobs.pop(pid, None)
            code = os.waitstatus_to_exitcode(status)
            if request is not None and _has_not_said(request, pid):
                _note_exit(request, code if code >= 0 else 128 - code)
                _tell(request)


def run_job(request: dict[str, Any]) -> NoReturn:
    """Be the job of a request, from here to the end of this process."""
    _lead_session()
    code = 1
    try:
        if not _claim(request):
            os._exit(0)
        code = _run(request, partial(os.open, _LOG, _APPEND, 0o666))
        if threading := sys.modules.get("threading"):  # unused, it would cost each fork half a ms
            threading._shutdown()
        atexit._run_exitfuncs()
        _flush()
        _note_exit(request, code)
        _tell(request)
    finally:
        os._exit(code)


def run_shared_jobs(requests: int, done: int) -> NoReturn:
    """Be one job after the other, as requests come, until there are no more."""
    _lead_session()
    try:
        variables, path = dict(os.environ), list(sys.path)
        silence = os.open(os.devnull, os.O_WRONLY)
        log = None
        ended_well = None  # how the last job did that has ended with 0, as a file
        while (text := _receive(requests)) is not None:
            request = json.loads(text)
            if _claim(request):
                loaded = {*sys.modules}
                log = log or _PassedLog(request["sharing"])
                code = _run(request, log.begin)
                _join_threads()
                _flush()
                log.end(request)
                ended_well = _note_exit_again(request, code, ended_well)
                _forget_modules(loaded, f"{request['place']}/work/")
            sys.path[:] = path
            _set_variables(variables)
            os.chdir("/")
            for output in (1, 2):
                os.dup2(silence, output)
            with suppress(BrokenPipeError):  # the server is gone, and no more will come
                os.write(done, os.getpid().to_bytes(4, "little"))
            _tell(request)  # last: whoever hears of it may ask for the next one
        atexit._run_exitfuncs()
    finally:
        os._exit(0)


def _lead_session() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()


def _claim(request: dict[str, Any]) -> bool:
    """Take up a job; False if that has been done: a second start does nothing."""
    os.chdir(request["place"])
    mine = f"job/pid.{os.getpid()}"
    with open(mine, "w", encoding="utf-8") as stream:
        stream.write(f"{os.getpid()}\n{_stat('self')}\n{_stat(str(os.getppid()))}\n")
    try:
        _link_or_make(mine, "job/claim")
    except FileExistsError:
        os.unlink(mine)
        return False
    os.rename(mine, "job/pid")
    return True


def _link_or_make(source: str, target: str) -> None:
    """Have a name be taken, once: a link takes a hundredth of what a folder or a file does."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # there are file systems without links
        os.mkdir(target)


def _run(request: dict[str, Any], open_log: Callable[[], int]) -> int:
    """Run the script of a job that was taken up; its exit status."""
    log = open_log()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir("work")
    os.environ.update(request["variables"])
    for name in ("random", "numpy.random"):  # a fork has the numbers of what it comes from
        if name in sys.modules:
            sys.modules[name].seed()
    return run_script(request["command"])


class _PassedLog:
    """A file that is the log of one job after the other, until one of them prints something.

    It then stays that job's, and the next one gets a new file; so what prints nothing makes none.
    """

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        self._file = f"{folder}/log.{os.getpid()}"
        self._is_there = False

    def begin(self) -> int:
        """A descriptor of the log of the job whose folder is the working directory."""
        if self._is_there and os.path.getsize(self._file):  # something that a job has left runs
            self._is_there = False
        if not self._is_there:
            with suppress(FileNotFoundError):
                os.unlink(self._file)  # that of another process, which had the same id
        made = os.open(self._file, _APPEND, 0o666)
        self._is_there = True
        try:
            os.link(self._file, _LOG)
        except OSError:  # there are file systems without links
            os.close(made)
            return os.open(_LOG, _APPEND, 0o666)
        return made

    def end(self, request: dict[str, Any]) -> None:
        """Have the log be the job's, or its no more."""
        log = f"{request['place']}/{_LOG}"
        with suppress(OSError):
            if os.path.getsize(log):
                os.unlink(self._file)
                self._is_there = False
            elif os.path.samefile(log, self._file):
                os.unlink(log)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def _join_threads() -> None:
    """Wait for the threads that a process would wait for before it ends."""
    if threading := sys.modules.get("threading"):
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()


def _forget_modules(known: set[str], folder: str) -> None:
    """Have the next job load its own modules, where they have the names of this one's."""
    for name in sys.modules.keys() - known:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
            del sys.modules[name]


def _set_variables(variables: dict[str, str]) -> None:
    for name in os.environ.keys() - variables:
        del os.environ[name]
    os.environ.update({k: v for k, v in variables.items() if os.environ.get(k) != v})


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


def _note_exit(request: dict[str, Any], code: int) -> None:
    """Keep how a job has ended."""
    _write(f"{request['place']}/job/exit", f"{code}\n")


def _note_exit_again(request: dict[str, Any], code: int, known: str | None) -> str | None:
    """As `_note_exit`, by a link to what the same process has kept of a job before, if it may be.

    Returns:
        A file that says that a job has ended with 0; None if there is none.
    """
    file = f"{request['place']}/job/exit"
    if code == 0 and known is not None:
        with suppress(OSError):  # it is gone, or has as many links as it may
            os.link(known, file)
            return file
    _note_exit(request, code)
    return file if code == 0 else known


def _has_not_said(request: dict[str, Any], pid: int) -> bool:
    """Whether a job has ended without a word, and that process was it: no second start."""
    place = request["place"]
    if os.path.exists(f"{place}/job/exit"):
        return False
    try:
        with open(f"{place}/job/pid", encoding="utf-8") as stream:
            return stream.readline() == f"{pid}\n"
    except FileNotFoundError:
        return not os.path.exists(f"{place}/job/claim")


def _tell(request: dict[str, Any]) -> None:
    """Have the workspace's agent look."""
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


def _send(descriptor: int, text: bytes) -> bool:
    """Write a text; False if nobody reads it: an agent is gone, its jobs are not."""
    data = len(text).to_bytes(4, "little") + text
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except BrokenPipeError:
        return False
    return True


if __name__ == "__main__":
    ForkServer(int(sys.argv[1]), int(sys.argv[2])).serve()
