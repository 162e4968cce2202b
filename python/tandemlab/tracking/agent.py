"""The workspace's agent as its users see it: start it, wake it.

The agent (`tandemlab.compute.agent`) is one process per workspace that starts queued runs and
follows them. It holds a lock on ``agent/lock`` while it lives and listens on ``agent/wake``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from contextlib import suppress

from tandemlab.store.durable import storage_errors
from tandemlab.store.folder import WorkspaceFolder

JOB_VARIABLES = (
    "TANDEMLAB_RUN_ID",
    "TANDEMLAB_RUN_DIR",
    "TANDEMLAB_WORKSPACE",
    "TANDEMLAB_EXPERIMENT",
)

_LOG_BYTES = 5_000_000
_AGENT = ("-m", "tandemlab.compute.agent")


def attend(folder: WorkspaceFolder) -> None:
    """See to it that an agent works on this workspace, and tell it to look now."""
    if is_running(folder):
        wake(folder)
    else:
        _start(folder)


def is_running(folder: WorkspaceFolder) -> bool:
    """Whether an agent holds the workspace's lock; the lock goes when its process ends."""
    try:
        descriptor = os.open(folder.agent / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return True
        raise
    finally:
        os.close(descriptor)
    return False


def wake(folder: WorkspaceFolder) -> None:
    """Poke the agent; if it is not listening, it is starting and will look by itself."""
    with suppress(OSError):
        descriptor = os.open(folder.agent / "wake", os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(descriptor, b"w")
        finally:
            os.close(descriptor)


def _start(folder: WorkspaceFolder) -> None:
    """Start an agent in a session of its own, so that it outlives this process.

    The shell in between ends at once, which leaves no child behind here.
    """
    log = folder.agent / "agent.log"
    with storage_errors(log):
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
    with storage_errors(log), log.open("ab") as output:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", sys.executable, *_AGENT, str(folder.path)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            check=True,
            cwd="/",
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    """This process's environment, less the marks of the run that it may belong to."""
    return {name: value for name, value in os.environ.items() if name not in JOB_VARIABLES}
