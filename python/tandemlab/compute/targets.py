"""The protocol of compute targets, and how they are found by name."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import Capacity, Job, JobState
from tandemlab.store.folder import WorkspaceFolder

GROUP = "tandemlab.compute"


@runtime_checkable
class ComputeTarget(Protocol):
    """A place where jobs run. Handles are text and survive a restart of whoever holds them."""

    name: str

    def submit(self, job: Job) -> str:
        """Start a job whose ``work/`` is ready; its handle. Starting it twice starts it once."""

    def find(self, job: Job) -> str | None:
        """Handle of a job that was started before, or None."""

    def poll(self, job: Job, handle: str) -> JobState:
        """How the job is doing."""

    def cancel(self, job: Job, handle: str, *, force: bool = False) -> None:
        """Ask all processes of a job to end; with `force` end them."""

    def capacity(self) -> Capacity:
        """How much can run."""


def target_names() -> list[str]:
    """Names of the targets that are installed."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def find_target(name: str, folder: WorkspaceFolder) -> ComputeTarget:
    """The target of that name, for a workspace.

    Raises:
        InvalidInput: no target has that name.
    """
    for entry in entry_points(group=GROUP, name=name):
        target = entry.load()(folder)
        assert isinstance(target, ComputeTarget)
        return target
    raise InvalidInput(
        f"There is no compute target {name!r}.",
        hint=f"Known are: {', '.join(target_names())}.",
        details={"compute_target": name},
    )
