"""One R process that answers calls, one after another; `tandemlab.bridge.pool` keeps several.

Two pipes of their own carry requests and answers, so that what R prints stays the user's. The R
side is ``R/worker.R``. A worker has a session and process group of its own: Ctrl-C in a terminal
reaches Python alone, which hands it on.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from tandemlab.bridge import values
from tandemlab.bridge.rscript import find_r, r_environment
from tandemlab.domain.errors import (
    InvalidState,
    MissingDependency,
    RCrashed,
    RTimeout,
    TandemlabError,
    VersionMismatch,
)
from tandemlab.version import __version__

PROTOCOL = 2
START_SECONDS = 60.0
GRACE_SECONDS = 2.0
_KEPT_LINES = 60
_SHOWN_LINES = 20
_NO_PACKAGE, _NO_WORKER = 78, 79
_BEGUN = b'{"begun":true}'

Writer = Callable[[str], object]


class RWorker:
    """An R process, started at once.

    Args:
        rscript: path or name of an Rscript; by default the one of `find_r`.
        libraries: folders where R looks for packages before all others.

    Raises:
        MissingDependency: there is no R, or no package tandemlab in it.
        VersionMismatch: R's package tandemlab is of another version.
    """

    def __init__(
        self,
        *,
        rscript: str | os.PathLike[str] | None = None,
        libraries: Sequence[str | os.PathLike[str]] = (),
    ) -> None:
        self.rscript = find_r(rscript).rscript
        self.alive = True
        self.has_begun = self.has_answered = False
        self._temporary: str | None = None
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        shared = "/dev/shm"
        place = shared if os.access(shared, os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="tandemlab-", dir=place))
        theirs, self._requests = os.pipe()
        self._answers, theirs_too = os.pipe()
        try:
            self._process = subprocess.Popen(
                [self.rscript, "--no-save", "-e", self._program(theirs, theirs_too)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=worker_environment(libraries),
                pass_fds=(theirs, theirs_too),
                start_new_session=True,
            )
        except OSError:
            os.close(self._requests)
            os.close(self._answers)
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        finally:
            os.close(theirs)
            os.close(theirs_too)
        assert self._process.stdout is not None and self._process.stderr is not None
        self._output = self._process.stdout.fileno()
        self._errors = self._process.stderr.fileno()
        for descriptor in (self._requests, self._answers, self._output, self._errors):
            os.set_blocking(descriptor, False)
        try:
            self._greet()
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Process id of R."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether R is still there; also true for a moment after something has killed it."""
        return self.alive and self._process.poll() is None

    @property
    def died_waiting(self) -> bool:
        """Whether R ended between two calls, so that it has seen nothing of the second."""
        return not self.alive and self.has_answered and not self.has_begun

    def _program(self, requests: int, answers: int) -> str:
        arguments = f"{requests}L,{answers}L,{os.getpid()}L,{json.dumps(str(self.folder))}"
        return worker_program("run_worker", arguments)

    def _greet(self) -> None:
        try:
            hello = values.decode(self._exchange(b"", time.monotonic() + START_SECONDS, _drop, {}))
        except RCrashed as crash:
            self._say_why_not(crash)
        if (hello["version"], hello["protocol"]) != (__version__, PROTOCOL):
            raise other_version(self.rscript, hello["version"])
        self._temporary = hello["temporary"]

    def _say_why_not(self, crash: RCrashed) -> NoReturn:
        status = crash.details["exit_code"]
        if (problem := no_worker(self.rscript, status)) is not None:
            raise problem from None
        raise RCrashed(f"R did not start. {crash.message}", details=crash.details) from None

    def call(
        self,
        request: str,
        *,
        timeout: float | None = None,
        on_output: Writer,
        on_message: Writer,
    ) -> dict[str, Any]:
        """The answer to one request, both as in ``R/worker.R``.

        Args:
            timeout: seconds after which R is interrupted.
            on_output: gets what R prints, as it comes.
            on_message: gets each message that R code gives.

        Raises:
            RCrashed: R ended.
            RTimeout: it took too long.
        """
        if not self.alive:
            raise InvalidState("This R process has ended.")
        self.has_begun = False
        body = request.encode()
        deadline = None if timeout is None else time.monotonic() + timeout
        events = {"message": on_message}
        try:
            answer = self._exchange(
                len(body).to_bytes(4, "little") + body, deadline, on_output, events
            )
        except TimeoutError:
            self._interrupt(on_output, events)
            raise RTimeout(
                f"R took longer than {timeout:g} seconds and was interrupted.",
                hint="Give it more by timeout=.",
            ) from None
        except RCrashed:
            raise
        except BaseException:  # Ctrl-C, or an error of a callback
            self._interrupt(on_output, events)
            raise
        self.has_answered = True
        found: dict[str, Any] = json.loads(answer)
        return found

    def _interrupt(self, on_output: Writer, events: dict[str, Writer]) -> None:
        """Interrupts R until it has answered; ends it if it does not."""
        deadline = time.monotonic() + GRACE_SECONDS
        try:
            while time.monotonic() < deadline:
                self._signal(signal.SIGINT)
                try:
                    self._exchange(None, time.monotonic() + 0.1, _drop, {})
                    return
                except TimeoutError:
                    continue
        except RCrashed:
            return
        finally:
            if self._unanswered:
                self.kill()

    def _exchange(
        self,
        request: bytes | None,
        deadline: float | None,
        on_output: Writer,
        events: dict[str, Writer],
    ) -> bytes:
        """Sends a request and reads up to its answer; without one goes on reading.

        Raises:
            TimeoutError: the deadline is past.
            RCrashed: R ended.
        """
        if request is not None:
            self._unsent = memoryview(request)
            self._received = bytearray()
            self._unanswered = True
            self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with selectors.PollSelector() as selector:
            for descriptor in (self._answers, self._output, self._errors):
                selector.register(descriptor, selectors.EVENT_READ)
            if self._unsent:
                selector.register(self._requests, selectors.EVENT_WRITE)
            while True:
                rest = 0.5 if deadline is None else min(0.5, deadline - time.monotonic())
                ready = [key.fd for key, _ in selector.select(max(rest, 0))]
                if self._requests in ready and not self._send():
                    selector.unregister(self._requests)
                for descriptor in (self._output, self._errors):
                    if descriptor in ready and not self._pass_on(descriptor, on_output):
                        selector.unregister(descriptor)
                if self._answers in ready:
                    ended = not self._receive()
                    while (text := self._next_text()) is not None:
                        self._drain(on_output)
                        if not self._is_event(text, events):
                            self._unanswered = False
                            return text
                    if ended:
                        self._crashed(on_output)
                elif not ready and self._process.poll() is not None:
                    self._crashed(on_output)
                if deadline is not None and time.monotonic() >= deadline:
                    raise TimeoutError

    def _send(self) -> bool:
        """Whether more of the request is to be sent."""
        try:
            self._unsent = self._unsent[os.write(self._requests, self._unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # what ended R shows where answers are read
            self._unsent = memoryview(b"")
        return bool(self._unsent)

    def _receive(self) -> bool:
        """Whether the pipe is still open."""
        try:
            piece = os.read(self._answers, 1 << 20)
        except BlockingIOError:
            return True
        self._received += piece
        return bool(piece)

    def _next_text(self) -> bytes | None:
        size = int.from_bytes(self._received[:4], "little")
        if len(self._received) < max(4, 4 + size):
            return None
        text = bytes(self._received[4 : 4 + size])
        del self._received[: 4 + size]
        return text

    def _is_event(self, text: bytes, events: dict[str, Writer]) -> bool:
        if text == _BEGUN:
            self.has_begun = True
            return True
        if not text.startswith(b'{"message":'):
            return False
        events.get("message", _drop)(json.loads(text)["message"])
        return True

    def _pass_on(self, descriptor: int, on_output: Writer) -> bool:
        """Hands on what was printed; whether the pipe is still open."""
        try:
            piece = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return True
        if descriptor == self._output:
            if text := self._decoder.decode(piece, final=not piece):
                on_output(text)
        else:
            lines = piece.decode("utf-8", "replace").split("\n")
            if self._lines:
                lines[0] = self._lines.pop() + lines[0]
            self._lines.extend(lines)
        return bool(piece)

    def _drain(self, on_output: Writer) -> None:
        """Hands on everything that R had printed before its answer."""
        with selectors.PollSelector() as selector:
            for descriptor in (self._output, self._errors):
                selector.register(descriptor, selectors.EVENT_READ)
            while ready := selector.select(0):
                for key, _ in ready:
                    if not self._pass_on(key.fd, on_output):
                        selector.unregister(key.fd)
                if not selector.get_map():
                    break

    def _crashed(self, on_output: Writer) -> NoReturn:
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            status = self._process.wait()
        self._drain(on_output)
        last = _user_lines(self._lines)
        self._clean_up()
        if status < 0:
            how = f"it was ended by the signal {signal.Signals(-status).name}"
        else:
            how = f"it quit with the status {status}"
        said = "".join(f"\n  {line}" for line in last)
        raise RCrashed(
            f"R ended while it worked: {how}.{said and ' It said last:'}{said}",
            hint="The next call gets a new R process."
            if status != -signal.SIGKILL
            else "Was memory exhausted? The next call gets a new R process.",
            details={"exit_code": status, "stderr": last},
        )

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Lets R end in order; kills it when it does not within two seconds."""
        if not self.alive:
            return
        os.close(self._requests)
        self._requests = -1
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Ends R and all that it has started."""
        if not self.alive:
            return
        if self._process.poll() is None:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._clean_up()

    def forget(self) -> None:
        """Lets go of a worker that belongs to the process that this one was forked from."""
        self.alive = False
        self._close_pipes()
        self._process.returncode = 0  # not ours to wait for

    def clear(self) -> None:
        """Removes the frames of a call."""
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            path.unlink(missing_ok=True)

    def _clean_up(self) -> None:
        self.alive = False
        self._close_pipes()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _close_pipes(self) -> None:
        for descriptor in (self._requests, self._answers):
            if descriptor >= 0:
                os.close(descriptor)
        self._requests = self._answers = -1
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def _user_lines(lines: Iterable[str]) -> list[str]:
    """Without the calls of the worker itself, which R lists when it crashes."""
    found: list[str] = []
    ours = False
    for line in lines:
        call = re.match(r"\s*\d+: ", line)
        ours = bool(call) and (ours or "user_code(" in line)
        if line.strip() and not ours:
            found.append(line)
    return found[-_SHOWN_LINES:]


def _drop(text: str) -> None:
    """Takes no notice."""


def worker_program(function: str, arguments: str) -> str:
    """R code that calls a function of R's package tandemlab; `no_worker` knows how it may end."""
    return (
        f"if(!requireNamespace('tandemlab',quietly=TRUE))quit('no',{_NO_PACKAGE}L);"
        f"run<-get0('{function}',asNamespace('tandemlab'));"
        f"if(is.null(run))quit('no',{_NO_WORKER}L);run({arguments})"
    )


def no_worker(rscript: str, status: int | None) -> TandemlabError | None:
    """Why `worker_program` could not even begin, by its exit status; None if it could."""
    if status == _NO_PACKAGE:
        return MissingDependency(
            f"The R of {rscript} has no package tandemlab.",
            hint="Install it there with R CMD INSTALL, or name the library that has it "
            "(libraries=, or the variable R_LIBS).",
            details={"exit_code": status},
        )
    return other_version(rscript, "older") if status == _NO_WORKER else None


def worker_environment(libraries: Sequence[str | os.PathLike[str]]) -> dict[str, str]:
    """Variables of a process of R.

    Args:
        libraries: folders where R looks for packages before all others.
    """
    names = {**os.environ, **r_environment()}
    if libraries:
        paths = [
            *(os.fspath(path) for path in libraries),
            *filter(None, names.get("R_LIBS", "").split(":")),
        ]
        names["R_LIBS"] = ":".join(paths)
    charset = names.get("LC_ALL") or names.get("LC_CTYPE") or names.get("LANG") or ""
    if "utf" not in charset.lower():  # or R prints <U+00E4> for ä
        names.pop("LC_ALL", None)
        names["LC_CTYPE"] = "C.UTF-8"
    return names


def other_version(rscript: str, version: str) -> VersionMismatch:
    """The error for an R package that is not of this version."""
    return VersionMismatch(
        f"R's package tandemlab is version {version}, Python's {__version__}; they must agree.",
        hint="Install the same version of both.",
        details={"r": version, "python": __version__, "rscript": rscript},
    )
