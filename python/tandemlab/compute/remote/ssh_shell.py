"""The shell of a machine that is reached by SSH, over one connection that stays open."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from tandemlab import ssh
from tandemlab.compute.remote.shell import Receiver, check_status

_CHUNK = 1 << 16
_CHANNELS = 8  # servers allow 10 by default


class SshShell:
    """The shell of another machine.

    The script goes in by standard input, before what it reads itself: so no login shell has to
    understand it, and nothing of it is seen in the list of processes. One shell is always started
    ahead: what a login shell does first, often a tenth of a second, is over when it is needed.

    Args:
        settings: as `tandemlab.ssh.Connection` takes them.
        credentials: as there.
    """

    def __init__(self, settings: Mapping[str, Any], credentials: Mapping[str, str]) -> None:
        self._settings = settings
        self._credentials = credentials
        self._channels = threading.BoundedSemaphore(_CHANNELS)
        self._lock = threading.Lock()
        self._opened: tuple[int, ssh.Connection, _Spare] | None = None

    @property
    def location(self) -> str:
        """``ssh://HOST:PORT``."""
        return f"ssh://{self._settings['host']}:{self._settings['port']}"

    @property
    def host_key(self) -> str:
        """Type and key that the machine has shown."""
        with ssh.errors(self.location, self._settings):
            return self._connection()[0].host_key

    def run(
        self, script: str, send: Iterable[bytes] = (), receive: Receiver | None = None
    ) -> bytes:
        """As the protocol says."""
        printed: list[bytes] = []
        with self._channels, ssh.errors(self.location, self._settings):
            connection, spare = self._connection()
            status, errors = connection.wait(
                _run(spare, script.encode(), send, receive or printed.append)
            )
        check_status(self.location, status, errors)
        return b"".join(printed)

    def close(self) -> None:
        """End the connection; the next script opens another."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None and opened[0] == os.getpid():
            opened[1].close()

    def _connection(self) -> tuple[ssh.Connection, _Spare]:
        """The connection; a forked child, and whoever comes after one that was cut, has another."""
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid() or self._opened[1].is_cut:
                connection = ssh.Connection(self._settings, self._credentials)
                self._opened = (os.getpid(), connection, _Spare(connection.ssh))
            return self._opened[1:]


class _Spare:
    """Starts shells of a connection, one ahead; used in the connection's own thread."""

    _COMMAND = "exec /bin/sh -c 'read -r n && eval \"$(dd bs=1 count=$n 2>/dev/null)\"'"

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._next: asyncio.Task[Any] | None = None

    async def take(self) -> Any:
        """A shell that waits for the length of its script, and the script."""
        found, self._next = self._next, asyncio.ensure_future(self._start())
        self._next.add_done_callback(lambda task: task.cancelled() or task.exception())
        with suppress(OSError, ssh.library().Error):  # then one that is started now says why
            if found is not None and not (process := await found).stdin.is_closing():
                return process
        return await self._start()

    async def _start(self) -> Any:
        return await self._connection.create_process(self._COMMAND, encoding=None)


async def _run(
    spare: _Spare, script: bytes, send: Iterable[bytes], take: Receiver
) -> tuple[int, bytes]:
    process, own = await spare.take(), asyncio.current_task()

    def fed(feeding: asyncio.Task[None]) -> None:
        if own is not None and not feeding.cancelled() and feeding.exception() is not None:
            own.cancel()  # what the script says has no meaning now

    feeding = asyncio.ensure_future(_feed(process.stdin, script, send))
    feeding.add_done_callback(fed)
    complaining = asyncio.ensure_future(process.stderr.read())
    try:
        while chunk := await process.stdout.read(_CHUNK):
            take(chunk)
        errors = await complaining
        await process.wait_closed()
    finally:
        feeding.cancel()
        complaining.cancel()
        process.close()
        with suppress(asyncio.CancelledError):
            await feeding  # an error of it goes before all others
    if process.exit_status is None:
        raise ssh.library().ConnectionLost("the connection was cut")
    return process.exit_status, errors


async def _feed(stdin: Any, script: bytes, send: Iterable[bytes]) -> None:
    with suppress(BrokenPipeError, ConnectionError):  # it has ended without reading all
        stdin.write(b"%d\n%s" % (len(script), script))
        for chunk in send:
            stdin.write(chunk)
            await stdin.drain()
        stdin.write_eof()
