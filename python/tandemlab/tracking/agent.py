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
_AGENT = (sys.executable, "-m", "tandemlab.compute.agent")


def attend(folder: WorkspaceFolder) -> None:
    """See to it that an agent works on this workspace, and tell it to look now."""
    lock = take_lock(folder)
    if lock is None:
        wake(folder)
        return
    try:
        _start(folder, lock)
    finally:
        os.close(lock)


def take_lock(folder: WorkspaceFolder) -> int | None:
    """The descriptor of the workspace's lock, now held; None while somebody else holds it.

    It is None, too, for a user who may only read and so can start no agent. Whoever holds it is
    the agent, or starts one and hands it the descriptor: however many clients submit at once, one
    agent starts. The kernel gives the lock back when the last process that has it ends.
    """
    path = folder.agent / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as problem:
        if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return None
        with storage_errors(path):
            raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def wake(folder: WorkspaceFolder) -> None:
    """Poke the agent; if it is not listening, it is starting and will look by itself."""
    with suppress(OSError):
        descriptor = os.open(folder.agent / "wake", os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(descriptor, b"w")
        finally:
            os.close(descriptor)


def _start(folder: WorkspaceFolder, lock: int) -> None:
    """Start an agent in a session of its own, so that it outlives this process; it has the lock.

    The shell in between ends at once, which leaves no child behind here.
    """
    log = folder.agent / "agent.log"
    with storage_errors(log):
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
    with storage_errors(log), log.open("ab") as output:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *_AGENT, str(folder.path), str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(lock,),
            check=True,
            cwd="/",
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    """This process's environment, less the marks of the run that it may belong to."""
    return {name: value for name, value in os.environ.items() if name not in JOB_VARIABLES}
