"""The process of a service, from outside: started, stopped, and why it failed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from tandemlab.bridge import without_r
from tandemlab.compute.processes import is_alive
from tandemlab.domain import InvalidState, ServiceFailed, TandemlabError
from tandemlab.domain.errors import errors_by_code
from tandemlab.services.folder import LOOK_SECONDS, ServiceFolder, ServiceState, Status
from tandemlab.services.replica import kill_leftover
from tandemlab.store.daemons import start_daemon, take_lock

_STOP_SECONDS = 30.0


def start_process(folder: ServiceFolder) -> None:
    """Start the service's process, and wait until it listens.

    Raises:
        AlreadyExists: its port is taken.
        InvalidState: it runs already.
    """
    folder.settle()
    lock = take_lock(folder.lock)
    if lock is None:
        raise InvalidState(f"The service {folder.path.name!r} is being started or stopped.")
    command = [sys.executable, "-m", "tandemlab.services", str(folder.path), str(lock)]
    (folder.path / "state.json").unlink(missing_ok=True)
    try:
        start_daemon(command, lock, folder.log, without_r(os.environ))
    finally:
        os.close(lock)
    while (status := folder.read_status()) is None:
        if not folder.is_locked():
            break
        time.sleep(LOOK_SECONDS)
    if status is None:
        raise ServiceFailed(
            f"The process of the service {folder.path.name!r} did not start.",
            hint=f"{folder.log} has its output.",
            details={"name": folder.path.name, "log_tail": []},
        )
    has_listened = status.url is not None  # what fails after that, `wait_for_deployment` tells
    if status.state is ServiceState.FAILED and not has_listened:
        raise failure(folder.path.name, status.error)


def stop_process(status: Status) -> None:
    """End the process of a service, which answers what it has begun; kill it if it does not."""
    os.kill(status.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while is_alive(status.pid, status.started):
        if time.monotonic() > deadline:
            os.kill(status.pid, signal.SIGKILL)
        time.sleep(LOOK_SECONDS)
    for each in status.replicas:
        kill_leftover(each.pid, each.started)


def failure(name: str, error: Mapping[str, Any] | None) -> TandemlabError:
    """Why a service could not be deployed or changed, as it said it."""
    if error is None:
        return ServiceFailed(
            f"The service {name!r} has ended.",
            hint=f"`tandemlab service logs {name}` shows its output.",
            details={"name": name, "log_tail": []},
        )
    details = {"name": name, **error["details"]}
    said = "".join(f"\n  {line}" for line in details.get("log_tail", ()))
    message = f"The service {name!r}: {error['message']}{said and ' It said last:'}{said}"
    kind = errors_by_code().get(error["code"], ServiceFailed)
    return kind(message, hint=error["hint"], details=details)
