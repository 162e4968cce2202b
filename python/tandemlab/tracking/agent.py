"""The workspace's agent as its users see it: start it, wake it.

The agent (`tandemlab.compute.agent`) is one process per workspace that starts queued runs and
follows them. It holds a lock on ``agent/lock`` while it lives and listens on ``agent/wake``.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from tandemlab.bridge import without_r
from tandemlab.store import daemons
from tandemlab.store.folder import WorkspaceFolder

JOB_VARIABLES = (
    "TANDEMLAB_RUN_ID",
    "TANDEMLAB_RUN_DIR",
    "TANDEMLAB_WORKSPACE",
    "TANDEMLAB_EXPERIMENT",
)
CALLED = b"w"
"""What a client writes to ``agent/wake`` when it has changed something."""

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
    """The descriptor of the workspace's lock, now held; see `tandemlab.store.daemons.take_lock`."""
    return daemons.take_lock(folder.agent / "lock")


def wake(folder: WorkspaceFolder) -> None:
    """Poke the agent; if it is not listening, it is starting and will look by itself."""
    with suppress(OSError):
        descriptor = os.open(folder.agent / "wake", os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(descriptor, CALLED)
        finally:
            os.close(descriptor)


def _start(folder: WorkspaceFolder, lock: int) -> None:
    command = [*_AGENT, str(folder.path), str(lock)]
    daemons.start_daemon(command, lock, folder.agent / "agent.log", environment_without_run())


def environment_without_run() -> dict[str, str]:
    """This process's environment, less what R and the run that it may belong to put there."""
    found = without_r(os.environ)
    return {name: value for name, value in found.items() if name not in JOB_VARIABLES}
