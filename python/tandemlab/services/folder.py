"""The folder of a service: its files, and who may write them.

``WORKSPACE/services/NAME/``::

    service.json     what the service is; see `Deployment`
    state.json       how it is: written by its process, for others to read
    proposal.json    what it is to become; its process takes it up or says why not
    revisions/N/     source/ and models/NAME/VERSION/: what its replicas work on
    keys.json        the keys that requests show, mode 0600
    service.log      what its process says and its scripts print
    lock             held by its process while it lives
    change.lock      held by whoever changes the service
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from tandemlab.compute.processes import is_alive
from tandemlab.domain import NotFound, StorageError
from tandemlab.domain.names import check_name
from tandemlab.services.deployment import Deployment
from tandemlab.store.daemons import take_lock
from tandemlab.store.durable import storage_errors, write_json

LOOK_SECONDS = 0.05  # between two looks at the files, by its process and by who waits for it


class ServiceState(str, Enum):
    """How a service is.

    ``deploying`` until its first replicas are ready, ``running``, ``unhealthy`` while no replica
    is ready, ``stopped``, or ``failed`` when it could not be deployed.
    """

    DEPLOYING = "deploying"
    RUNNING = "running"
    UNHEALTHY = "unhealthy"
    STOPPED = "stopped"
    FAILED = "failed"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """A replica as it was last heard of.

    Attributes:
        started: of the process, in the system's own form.
        ready: whether it answers requests.
        restarts: how often its place was filled again.
    """

    pid: int
    started: str
    ready: bool
    restarts: int


@dataclass(frozen=True, slots=True)
class Status:
    """How a service is, as its process writes it.

    Attributes:
        generation: the newest change that it has taken up.
        refused: the newest change that it has not taken up; 0 for none.
        error: why it could not be deployed, or why the change was refused.
        pid, started: of its process.
        url: where it answers; None before it listens.
    """

    state: ServiceState
    pid: int
    started: str
    generation: int = 0
    refused: int = 0
    error: dict[str, Any] | None = None
    url: str | None = None
    replicas: tuple[ReplicaState, ...] = ()


@dataclass(frozen=True)
class ServiceFolder:
    """The files of one service."""

    path: Path

    @property
    def lock(self) -> Path:
        """Held by the service's process."""
        return self.path / "lock"

    @property
    def log(self) -> Path:
        """What the service says."""
        return self.path / "service.log"

    @property
    def keys(self) -> Path:
        """The file of the service's keys."""
        return self.path / "keys.json"

    def revision(self, number: int) -> Path:
        """The folder of a source and its models."""
        return self.path / "revisions" / str(number)

    @property
    def exists(self) -> bool:
        """Whether there is such a service."""
        return (self.path / "service.json").is_file()

    def read(self) -> Deployment:
        """What the service is.

        Raises:
            NotFound: there is no such service.
        """
        content = _read(self.path / "service.json")
        if content is None:
            raise NotFound(
                f"There is no service {self.path.name!r}.",
                hint="`tandemlab service list` shows those that exist.",
                details={"name": self.path.name},
            )
        return Deployment.from_dict(content)

    def write(self, deployment: Deployment) -> None:
        """Make the service that."""
        write_json(self.path / "service.json", deployment.to_dict())

    def next_generation(self) -> int:
        """A number that no change of the service has had, taken up or refused."""
        known = self.read().generation if self.exists else 0
        status = self.read_status()
        return 1 + max(known, status.refused if status else 0)

    def propose(self, deployment: Deployment) -> None:
        """Ask the service's process for a change."""
        write_json(self.path / "proposal.json", deployment.to_dict())

    def proposal(self) -> Deployment | None:
        """The change that is asked for, if any."""
        content = _read(self.path / "proposal.json")
        return None if content is None else Deployment.from_dict(content)

    def settle(self) -> None:
        """Have no change asked for any more."""
        with storage_errors(self.path):
            (self.path / "proposal.json").unlink(missing_ok=True)

    def write_status(self, status: Status) -> None:
        """Tell others how the service is."""
        write_json(self.path / "state.json", asdict(status), flush=False)

    def read_status(self) -> Status | None:
        """What its process wrote last, whether it still lives or not."""
        content = _read(self.path / "state.json")
        if content is None:
            return None
        content["state"] = ServiceState(content["state"])
        content["replicas"] = tuple(ReplicaState(**each) for each in content["replicas"])
        return Status(**content)

    def running(self) -> Status | None:
        """How it is, if its process lives."""
        status = self.read_status()
        return status if status and is_alive(status.pid, status.started) else None

    def is_locked(self) -> bool:
        """Whether a process is the service, or is about to be."""
        lock = take_lock(self.lock)
        if lock is None:
            return True
        os.close(lock)
        return False

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep others from changing the service at the same time."""
        with storage_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            os.chmod(self.path, 0o700)
            stream = (self.path / "change.lock").open("w")
        with stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def forget_revision(self, number: int) -> None:
        """Remove what no replica works on any more."""
        shutil.rmtree(self.revision(number), ignore_errors=True)

    def forget_others(self, number: int) -> None:
        """Remove all revisions but one, of a service that does not run."""
        for folder in (self.path / "revisions").iterdir():
            if folder.name != str(number):
                shutil.rmtree(folder, ignore_errors=True)

    def remove(self) -> None:
        """Remove the service's files; its own first, so that nobody takes it for one any more."""
        with storage_errors(self.path):
            (self.path / "service.json").unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)


def service_folder(workspace_path: Path, name: str) -> ServiceFolder:
    """The folder of the service of that name.

    Raises:
        InvalidInput: the name cannot be one.
    """
    return ServiceFolder(workspace_path / "services" / check_name(name, what="service"))


def service_folders(workspace_path: Path) -> list[ServiceFolder]:
    """The folders of all services, by name."""
    found = [ServiceFolder(path) for path in sorted((workspace_path / "services").glob("*/"))]
    return [folder for folder in found if folder.exists]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StorageError(
            f"{path} is damaged: {error}.", hint="Remove the service and deploy it again."
        ) from error
