"""`ComputeTarget`: a machine or cluster that a workspace knows by name."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tandemlab.compute import registrations
from tandemlab.compute.kinds import kind_of
from tandemlab.compute.remote.attaching import AttachConfiguration
from tandemlab.compute.remote.probing import Step
from tandemlab.compute.targets import LOCAL, Cleans, Target, find_target
from tandemlab.domain import InvalidInput, InvalidState, RunQuery
from tandemlab.domain.jobs import Capacity, Kept, Node
from tandemlab.domain.status import ACTIVE
from tandemlab.tracking.registered import Registered

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Workspace


class ComputeTarget(Registered):
    """Where runs run: this machine (``local``), a machine behind SSH, a cluster.

    Every workspace has ``local`` from the start; others are attached by `attach`. Passwords and
    keys go to the workspace's keyvault, and nowhere else.

    Attributes:
        workspace: the workspace that knows it.
        name: what a run configuration calls it.
        kind: ``local``, ``ssh``, ``slurm`` or ``ray``.
        settings: where it is and what was found there: plain data without secrets.
        version: 1, 2, 3 … as attached; None for ``local``, as for the next.
        created_time: when this version was attached, in UTC.
        description: what it is for.
        tags: labels, text to text.

    >>> workspace = getfixture("workspace")
    >>> [target.name for target in ComputeTarget.list(workspace)]
    ['local']
    >>> ComputeTarget.get(workspace, "local").capacity().used
    0
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        """The newest version of the target of that name.

        Raises:
            NotFound: there is none.
        """
        asset = None if name == LOCAL else registrations.get(workspace, name)
        self._fill(workspace, name, asset)

    def _fill(self, workspace: Workspace, name: str, asset: Asset | None) -> None:
        self.workspace = workspace
        self.name = name
        self.kind = str(asset.definition["kind"]) if asset else LOCAL
        self.settings: dict[str, Any] = dict(asset.definition["settings"]) if asset else {}
        self._asset = asset

    @property
    def description(self) -> str | None:
        """What it is for."""
        return super().description if self._asset else "This machine."

    def __repr__(self) -> str:
        return f"ComputeTarget({self.name!r}, {self.kind!r}, {self.location!r})"

    @classmethod
    def _of(cls, workspace: Workspace, asset: Asset) -> ComputeTarget:
        found = cls.__new__(cls)
        found._fill(workspace, asset.name, asset)
        return found

    @classmethod
    def get(cls, workspace: Workspace, name: str) -> ComputeTarget:
        """The newest version of the target of that name.

        Raises:
            NotFound: there is none.
        """
        return cls(workspace, name)

    @classmethod
    def list(cls, workspace: Workspace) -> builtins.list[ComputeTarget]:
        """All targets of a workspace: ``local``, then the attached ones by name."""
        known = registrations.all_of(workspace)
        return [cls(workspace, LOCAL), *(cls._of(workspace, asset) for asset in known)]

    @classmethod
    def attach(
        cls,
        workspace: Workspace,
        name: str,
        attach_configuration: AttachConfiguration,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> ComputeTarget:
        """Have a workspace know a machine or cluster, which is looked at first.

        Attaching a name again makes its next version, which is used from then on.

        Args:
            workspace: the workspace.
            name: letters, digits, ``_``, ``-`` and ``.``, at most 80 characters.
            attach_configuration: what `RemoteCompute.attach_configuration`, or that of
                `SlurmCompute` or `RayCompute`, gives.
            description: what it is for.
            tags: labels, text to text.

        Raises:
            InvalidInput: a name that cannot be one, or ``local``.
            NotAllowed: the host key is unknown or another one, or the credentials do not suffice.
            Unavailable: it does not answer.
            MissingDependency: it lacks what every target needs; or asyncssh is not installed.
        """
        registrations.check_target_name(name)
        kind = kind_of(attach_configuration.kind)
        settings = kind.validated(attach_configuration, workspace.id)
        asset = registrations.keep(
            workspace,
            name,
            {"kind": attach_configuration.kind, "settings": settings},
            attach_configuration.credentials,
            description=description,
            tags=tags,
        )
        return cls._of(workspace, asset)

    def detach(self) -> None:
        """Have the workspace forget the target, with its credentials. What is there stays there.

        Raises:
            InvalidState: it is ``local``, or has runs that have not ended.
        """
        if self.kind == LOCAL:
            raise InvalidState("'local' is this machine, and stays.")
        if active := self._active():
            raise InvalidState(
                f"The target {self.name!r} has runs that have not ended, such as {active[0].id}.",
                hint="Cancel them first, or wait for them.",
                details={"name": self.name},
            )
        registrations.forget(self.workspace, self.name)

    delete = detach

    @property
    def location(self) -> str:
        """Where it is, for people; without any secret."""
        return "this machine" if self.kind == LOCAL else kind_of(self.kind).location(self.settings)

    def capacity(self) -> Capacity:
        """How many processors' runs it runs at once, and how many runs have not ended.

        No number of slots for a cluster with a queue of its own, and for a server's machine.
        """
        slots = self.settings.get("slots")
        if self.kind == LOCAL and not self.workspace.is_remote:
            slots = self._target.slots
        return Capacity(slots, len(self._active()))

    def nodes(self) -> builtins.list[Node]:
        """Its machines, asked now.

        Raises:
            Unavailable: it does not answer.
        """
        return self._target.nodes()

    def clean(self, *, unused_days: float = 30) -> builtins.list[Kept]:
        """Remove what the target keeps for runs to come and none has used for long.

        These are sources, environments and earlier versions of tandemlab; what is needed again is
        sent or built again. What is there for runs that have not ended stays, and so does what was
        used within the last hour.

        Args:
            unused_days: remove what was not used for so many days; at least 0.

        Returns:
            What was removed.

        Raises:
            InvalidInput: fewer than 0 days.
            InvalidState: it is ``local``, or of a kind that keeps nothing.
            Unavailable: it does not answer.
        """
        if not unused_days >= 0:
            raise InvalidInput(f"unused_days must be at least 0, not {unused_days!r}.")
        target = self._target
        if not isinstance(target, Cleans):
            raise InvalidState(
                f"The target {self.name!r} keeps nothing for runs to come.",
                hint="For what this machine keeps there are `tandemlab environment prune`, "
                "`tandemlab data prune` and `tandemlab model prune`.",
                details={"name": self.name},
            )
        return target.clean(unused_days=unused_days)

    def check(self) -> builtins.list[Step]:
        """Look at it step by step: what is there, what is wrong, and what can be done about it."""
        return registrations.steps(self.workspace, self.name) if self.version else []

    def _active(self) -> builtins.list[Any]:
        query = RunQuery(status=ACTIVE, type="script", target=self.name, include_children=True)
        return builtins.list(self.workspace.store.find_runs(query))

    @property
    def _target(self) -> Target:
        if self.workspace.is_remote:
            raise InvalidState(
                f"The runs of {self.workspace.address} run by its server, which asks its targets.",
                hint="Ask on the server's machine.",
            )
        return find_target(self.name, self.workspace.folder)
