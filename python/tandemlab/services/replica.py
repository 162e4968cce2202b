"""A replica: one process that answers requests, one at a time, by the script of a service."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import cast

from tandemlab.bridge.worker import no_worker, other_version
from tandemlab.compute.processes import signal_group, start_time
from tandemlab.domain import ServiceFailed
from tandemlab.services.launch import Launch
from tandemlab.version import __version__

_GOOD = b"="
_WAIT_SECONDS = 2.0


class ScriptError(Exception):
    """The script raised an error; ``traceback`` is what its language says of it."""

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


class ReplicaEnded(Exception):
    """The process ended before it answered."""


class TooSlow(Exception):
    """The script took longer than it may."""


class Replica(asyncio.Protocol):
    """The process of a replica, and the channel to it.

    Attributes:
        ended: is done once the process can answer no more.
        answered: how many requests it has answered.
        is_busy: whether it has a request to answer.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.started = start_time(process.pid) or ""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answered = 0
        self.is_busy = False
        self._answer: asyncio.Future[bytes] | None = None
        self._received = bytearray()
        self._channel: asyncio.Transport | None = None

    @classmethod
    async def start(cls, launch: Launch, log: Path) -> Replica:
        """Start a process; `ready` waits for its script."""
        ours, theirs = socket.socketpair()
        with theirs, log.open("ab") as output:
            try:
                process = subprocess.Popen(
                    launch.command(theirs.fileno()),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=dict(launch.environment),
                    cwd=launch.folder,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        _, replica = await loop.create_unix_connection(lambda: cls(process), sock=ours)
        return replica

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def _program(self) -> str:
        return cast("list[str]", self._process.args)[0]

    @property
    def is_open(self) -> bool:
        """Whether it may be asked: its process has not ended, as far as is known."""
        return self._channel is not None and not self._channel.is_closing()

    async def ready(self, timeout: float) -> None:
        """Wait until the script has been loaded and its ``init()`` has ended.

        Raises:
            ServiceFailed: it raised an error, took too long, or its process ended.
            MissingDependency, VersionMismatch: R has no package tandemlab, or another one.
        """
        try:
            said = json.loads(await self._exchange(None, timeout))
        except ScriptError as error:
            raise ServiceFailed(
                f"The script failed to start: {str(error).rstrip('.')}.",
                details={"traceback": error.traceback},
            ) from None
        except TooSlow:
            raise ServiceFailed(
                f"The script was not ready after {timeout:g} seconds.",
                hint="Give it more with start_timeout_seconds, or let init() do less.",
            ) from None
        except ReplicaEnded:
            raise self._why_ended() from None
        if said.get("version", __version__) != __version__:
            raise other_version(self._program, said["version"])

    def _why_ended(self) -> Exception:
        status = self._process.returncode
        problem = no_worker(self._program, status)
        how = (
            f"by the signal {signal.Signals(-status).name}"
            if status is not None and status < 0
            else f"with the status {status}"
        )
        return problem or ServiceFailed(f"The process of the script ended {how}, before init().")

    async def call(self, request: bytes, timeout: float) -> bytes:
        """The script's answer to one request.

        Raises:
            ScriptError: it raised an error.
            TooSlow: it took too long; the process has been killed.
            ReplicaEnded: the process ended.
        """
        return await self._exchange(request, timeout)

    async def _exchange(self, request: bytes | None, timeout: float) -> bytes:
        if self._channel is None or not self.is_open:
            raise ReplicaEnded
        loop = asyncio.get_running_loop()
        self._answer = answer = loop.create_future()
        if request is not None:
            self._channel.write(len(request).to_bytes(4, "little") + request)
        alarm = loop.call_later(timeout, self._too_slow)
        try:
            found: bytes = await answer
        finally:
            alarm.cancel()
            self._answer = None
        if found[:1] != _GOOD:
            said = json.loads(found[1:])
            raise ScriptError(said["message"], said["traceback"])
        self.answered += 1
        return found[1:]

    def _too_slow(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(TooSlow())
            self.kill()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the channel."""
        self._channel = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Put an answer together."""
        self._received += data
        size = int.from_bytes(self._received[:4], "little")
        if len(self._received) < 4 or len(self._received) < 4 + size:
            return
        text = bytes(self._received[4 : 4 + size])
        self._received.clear()  # one request, one answer: nothing can follow
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(text)

    def connection_lost(self, error: Exception | None) -> None:
        """Take note of the end, and see to it that nothing is left of the process."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)
        signal_group(self.pid, signal.SIGKILL)
        if self._process.poll() is None:
            self._process.wait()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ReplicaEnded())
        if not self.ended.done():
            self.ended.set_result(None)

    def kill(self) -> None:
        """End the process and its children now."""
        signal_group(self.pid, signal.SIGKILL)
        if self._channel is not None:
            self._channel.abort()

    async def close(self) -> None:
        """Let the process end in order; kill it when it does not."""
        if self.ended.done():
            return
        if self._channel is not None:
            self._channel.write_eof()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.ended), _WAIT_SECONDS)
        self.kill()


def kill_leftover(pid: int, started: str) -> None:
    """End the process of a replica that has outlived its service."""
    if start_time(pid) == started and os.getpgid(pid) == pid:
        signal_group(pid, signal.SIGKILL)
