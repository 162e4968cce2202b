"""Shells: what runs a script of `/bin/sh` on a machine, with bytes going in and coming out."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from tandemlab.domain import StorageError, TandemlabError, Unavailable

_CHUNK = 1 << 16
Receiver = Callable[[bytes], Any]


class Shell(Protocol):
    """Runs scripts on a machine.

    Attributes:
        location: where it is, for messages.
    """

    @property
    def location(self) -> str:
        """As above; only read."""

    def run(
        self, script: str, send: Iterable[bytes] = (), receive: Receiver | None = None
    ) -> bytes:
        """Run a script of ``/bin/sh`` to its end; what it prints.

        Args:
            send: what the script reads from its standard input; an error of it ends the script, and
                is raised.
            receive: takes what it prints, as it comes; then nothing is returned.

        Raises:
            Unavailable: the machine cannot be reached, or the connection was cut.
            StorageError: the script has failed; the message has what it said.
        """


class LocalShell:
    """The shell of this machine."""

    location = "this machine"

    def run(
        self, script: str, send: Iterable[bytes] = (), receive: Receiver | None = None
    ) -> bytes:
        """As the protocol says."""
        printed: list[bytes] = []
        take = receive or printed.append
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                ["/bin/sh", "-c", script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                cwd="/",
            )
            problems: list[BaseException] = []
            feeder = threading.Thread(target=_feed, args=(process, send, problems))
            feeder.start()
            assert process.stdout is not None
            while chunk := os.read(process.stdout.fileno(), _CHUNK):
                take(chunk)
            process.stdout.close()
            status = process.wait()
            feeder.join()
            if problems:
                raise problems[0]
            errors.seek(0)
            check_status(self.location, status, errors.read())
        return b"".join(printed)


def _feed(
    process: subprocess.Popen[bytes], send: Iterable[bytes], problems: list[BaseException]
) -> None:
    """Hand over what is sent; what cannot be read for that ends the script."""
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as stream:
        try:
            for chunk in send:
                stream.write(chunk)
        except TandemlabError as problem:
            problems.append(problem)
            os.killpg(process.pid, signal.SIGKILL)


def check_status(location: str, status: int, errors: bytes) -> None:
    """Nothing, if a script has ended well.

    Raises:
        Unavailable: it says that what it needs is away for now.
        StorageError: it has not.
    """
    if status != 0:
        said = errors.decode("utf-8", "replace").strip() or f"exit status {status}"
        if status == os.EX_TEMPFAIL:
            raise Unavailable(f"{location}: {said[-600:]}", details={"location": location})
        raise StorageError(f"{location}: {said[-600:]}", details={"location": location})
