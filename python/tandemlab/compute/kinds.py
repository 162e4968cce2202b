"""The kinds of targets that can be attached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from tandemlab.domain import VersionMismatch

if TYPE_CHECKING:
    from tandemlab.compute.remote.attaching import AttachConfiguration
    from tandemlab.compute.remote.probing import Step
    from tandemlab.compute.targets import Target
    from tandemlab.store.folder import WorkspaceFolder


class Kind(Protocol):
    """What is done with a target before, and beside, running jobs."""

    def validated(self, configuration: AttachConfiguration, workspace_id: str) -> dict[str, Any]:
        """The settings of a target that was looked at, with what was found there.

        Raises:
            NotAllowed: it does not let this user in, or is another one than it should be.
            Unavailable: it does not answer.
            MissingDependency: it lacks what every run needs.
        """

    def open(
        self,
        name: str,
        settings: Mapping[str, Any],
        credentials: Mapping[str, str],
        folder: WorkspaceFolder,
    ) -> Target:
        """The target for a workspace's agent; nothing is connected to yet."""

    def steps(self, settings: Mapping[str, Any], credentials: Mapping[str, str]) -> list[Step]:
        """What is right and wrong with it, in the order in which it is repaired.

        Raises:
            TandemlabError: it is not even reached.
        """

    def location(self, settings: Mapping[str, Any]) -> str:
        """Where it is, for people; without any secret."""


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises:
        VersionMismatch: there is none: a newer program knows it.
    """
    from tandemlab.compute.ray.kind import RayKind
    from tandemlab.compute.remote.kind import ShellKind
    from tandemlab.compute.remote.launchers import Processes
    from tandemlab.compute.remote.slurm import Slurm
    from tandemlab.compute.remote.spark_submit import Spark

    kinds: dict[str, Kind] = {
        "ray": RayKind(),
        "slurm": ShellKind(Slurm),
        "spark": ShellKind(Spark),
        "ssh": ShellKind(Processes),
    }
    if name not in kinds:
        raise VersionMismatch(
            f"This tandemlab knows no compute targets of kind {name!r}.", hint="Upgrade tandemlab."
        )
    return kinds[name]
