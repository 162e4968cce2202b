"""Programs that build environments: their output goes to a log, and they can be stopped."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tandemlab.bridge import without_r
from tandemlab.domain import InvalidState

_PAUSE = 0.5


def run_logged(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[int, str]:
    """Run a program to its end; its exit code and what it printed, which is also in `log`.

    Args:
        environment: variables beside those of this process, which may be a session of R.
        stopped: asked twice a second; when it is True the program and its children are killed.

    Raises:
        InvalidState: it was stopped.
    """
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        start = output.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**without_r(os.environ), **(environment or {})},
            start_new_session=True,
            cwd="/",
        )
        try:
            _wait(process, stopped)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    with log.open("rb") as printed:
        printed.seek(start)
        return process.returncode, printed.read().decode("utf-8", "replace")


def _wait(process: subprocess.Popen[bytes], stopped: Callable[[], bool]) -> None:
    while True:
        try:
            process.wait(_PAUSE)
            return
        except subprocess.TimeoutExpired:
            if stopped():
                raise InvalidState("The build of the environment was stopped.") from None
