"""The protocol of compute targets, and how they are found by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tandemlab.domain import InvalidInput
from tandemlab.domain.environments import Environment
from tandemlab.domain.jobs import Job, JobState, Kept, Node, StartedJob
from tandemlab.environments import BuiltEnvironment
from tandemlab.store.folder import WorkspaceFolder

GROUP = "tandemlab.compute"
LOCAL = "local"


@runtime_checkable
class EnvironmentBuilder(Protocol):
    """Where the environments of a target are built; `EnvironmentCache` is that of this machine."""

    def locate(self, environment: Environment) -> BuiltEnvironment:
        """What the environment is there once it is built; nothing is made."""

    def is_built(self, environment: Environment) -> bool:
        """Whether it can be used without building it."""

    def log_path(self, environment: Environment) -> Path:
        """Where the output of its newest build is, on this machine."""

    def build(
        self, environment: Environment, *, stopped: Callable[[], bool] = lambda: False
    ) -> BuiltEnvironment:
        """Build it there unless it is there.

        Raises:
            MissingDependency: a package cannot be had; the message names it.
            InvalidState: `stopped` has said True.
        """


@runtime_checkable
class Target(Protocol):
    """A place where jobs run, as the workspace's agent uses it.

    Handles are text: another process goes on with them. What changes something may be repeated.
    A target that cannot be reached raises `Unavailable`, and is asked again later.

    Attributes:
        name: what runs call it.
        is_here: whether jobs run on this machine, in the very directories of their runs.
        interpreters: for a target elsewhere, the program of each language there.
        slots: how many processors' jobs run at once; None for a target with a queue of its own,
            which may be given any number.
        environments: where the packages of its jobs are installed.
    """

    name: str
    is_here: bool

    @property
    def interpreters(self) -> Mapping[str, str | None]:
        """As above; only read."""

    @property
    def slots(self) -> int | None:
        """As above; only read."""

    @property
    def environments(self) -> EnvironmentBuilder:
        """As above; only read."""

    def place_of(self, run_id: str) -> str:
        """Path of a run's directory where its job runs."""

    def check(self, definition: Mapping[str, Any]) -> None:
        """Refuse a run that it can be known not to run.

        Raises:
            InvalidInput: it asks for what there is not.
        """

    def submit(self, job: Job) -> str:
        """Start a job, or queue it there; its handle. Doing it twice starts it once.

        Raises:
            InvalidInput: the target refuses it; the message has its own words.
        """

    def find(self, job: Job) -> str | None:
        """Handle of a job that was submitted before, or None."""

    def poll(self, jobs: Sequence[StartedJob]) -> Sequence[JobState]:
        """How jobs are doing. What they have logged by then is in their runs' directories."""

    def fetch(self, started: StartedJob) -> None:
        """Have all that a job which has ended has left in its run's directory."""

    def cancel(self, started: StartedJob, *, force: bool = False) -> None:
        """Ask all processes of a job to end; with `force` end them."""

    def nodes(self) -> list[Node]:
        """Its machines."""


@runtime_checkable
class TakesArrays(Protocol):
    """A target with a queue of its own that takes many jobs at once."""

    def submit_array(self, jobs: Sequence[Job]) -> Mapping[str, str]:
        """Give the queue jobs together; their handles by run. Doing it twice starts them once.

        It runs as many of them at once as their ``max_concurrent_runs`` says, at most.

        A job that has no handle then has to be submitted again.

        Raises:
            InvalidInput: the target refuses them; the message has its own words.
        """


@runtime_checkable
class TellsJobs(Protocol):
    """A target elsewhere that can have a job know that it is to end by itself."""

    def tell_to_stop(self, started: StartedJob) -> None:
        """Have `STOP_FILE` be there where the job runs."""


@runtime_checkable
class HasForks(Protocol):
    """A target here whose jobs may be forks of processes that are warm."""

    def is_warm(self, modules: Sequence[str]) -> bool:
        """Whether there is a process that has loaded them, so that forks of it begin at once."""


@runtime_checkable
class Cleans(Protocol):
    """A target that keeps things for jobs to come, and removes them when it is asked to."""

    def clean(self, *, unused_days: float) -> list[Kept]:
        """Remove what no job has used for so long; what was removed.

        What is there for jobs that have not ended stays, and so does what was used within an hour.
        """


def known_targets(folder: WorkspaceFolder) -> list[str]:
    """Names of all targets of a workspace: those that are installed, then the attached ones."""
    from tandemlab.compute.registrations import KIND

    attached = (asset.name for asset in folder.store.list_assets(KIND))
    return list(dict.fromkeys([*sorted(_installed()), *attached]))


@cache
def _installed() -> dict[str, EntryPoint]:
    """The targets of installed packages; to look for them reads files of every package."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def find_target(name: str, folder: WorkspaceFolder) -> Target:
    """The target of that name, for a workspace.

    Raises:
        InvalidInput: no target has that name.
    """
    from tandemlab.compute.registrations import open_target

    entry = _installed().get(name)
    if entry is not None:
        target: Target = entry.load()(folder)
        return target
    attached = open_target(name, folder)
    if attached is not None:
        return attached
    raise InvalidInput(
        f"There is no compute target {name!r}.",
        hint=f"Known are: {', '.join(known_targets(folder))}. ComputeTarget.attach() adds one.",
        details={"compute_target": name},
    )
