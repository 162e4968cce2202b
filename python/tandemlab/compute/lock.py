"""The lock that makes an agent the only one of its workspace."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from types import TracebackType

from tandemlab.compute.processes import start_time


class AgentLock:
    """The workspace's lock in the hands of its agent, until it is released or the process ends.

    The lock's file says who holds it: host, pid and start time of the process.

    Args:
        descriptor: of the locked file (`tandemlab.tracking.agent.take_lock`).
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> AgentLock:
        os.set_inheritable(self._descriptor, False)  # a job would keep the lock for its own life
        owner = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": start_time(os.getpid()),
        }
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(owner).encode() + b"\n", 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.ftruncate(self._descriptor, 0)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)
