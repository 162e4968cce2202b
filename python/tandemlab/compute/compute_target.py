"""`ComputeTarget`: a machine or cluster that a workspace knows by name."""

from __future__ import annotations

import builtins
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tandemlab.compute import registrations
from tandemlab.compute.kinds import kind_of
from tandemlab.compute.ray import provisioning as made
from tandemlab.compute.remote.attaching import AttachConfiguration
from tandemlab.compute.remote.probing import Step
from tandemlab.compute.targets import LOCAL, Cleans, Target, find_target
from tandemlab.domain import InvalidInput, InvalidState, RunQuery, Unavailable
from tandemlab.domain.jobs import Capacity, ComputeStatus, Kept, Node
from tandemlab.domain.records import JOBS
from tandemlab.domain.status import ACTIVE
from tandemlab.tracking.registered import Registered

if TYPE_CHECKING:
    from tandemlab.compute.ray.cluster import RayCluster
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Workspace


class ComputeTarget(Registered):
    """Where runs run: this machine (``local``), a machine behind SSH, a cluster.

    Every workspace has ``local`` from the start; others are attached by `attach`. Passwords and
    keys go to the workspace's keyvault, and nowhere else.

    Attributes:
        workspace: the workspace that knows it.
        name: what a run configuration calls it.
        kind: ``local``, ``ssh``, ``slurm``, ``spark`` or ``ray``.
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

    @classmethod
    def create(
        cls,
        workspace: Workspace,
        name: str,
        provisioning_configuration: RayCluster,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> ComputeTarget:
        """Have a cluster be made, which grows and shrinks with its work.

        This returns at once: `wait_for_completion` waits until it takes runs. Ray's launcher, which
        has to be installed beside tandemlab, makes it from this machine (``ray up``); its head is
        reached by SSH from then on. One that could not be made may be created again.

        Args:
            workspace: the workspace.
            name: as for `attach`, without ``.``.
            provisioning_configuration: what `RayCompute.provisioning_configuration` gives.
            description: what it is for.
            tags: labels, text to text.

        Raises:
            InvalidInput: a name that cannot be one, or a cluster that Ray does not take.
            AlreadyExists: there is a target of that name.
            InvalidState: it is being made; or the workspace is at a server.
            MissingDependency: Ray is not installed here.
        """
        registrations.check_target_name(name)
        asset = made.create(workspace, name, provisioning_configuration, description, tags)
        return cls._of(workspace, asset)

    @property
    def provisioning_state(self) -> str:
        """``Creating``, ``Updating``, ``Succeeded`` or ``Failed``; attached ones have succeeded."""
        return self.get_status().provisioning_state

    @property
    def min_nodes(self) -> int | None:
        """Nodes beside the head that are there always; None for what was not created."""
        return self._cluster.min_nodes if self._cluster else None

    @property
    def max_nodes(self) -> int | None:
        """Nodes beside the head that are there at most; None likewise."""
        return self._cluster.most_nodes if self._cluster else None

    @property
    def idle_seconds_before_scaledown(self) -> float | None:
        """After which a node goes; None likewise."""
        return self._cluster.idle_seconds_before_scaledown if self._cluster else None

    @property
    def _cluster(self) -> RayCluster | None:
        """What was asked for of a cluster that was created."""
        from tandemlab.compute.ray.cluster import RayCluster

        return RayCluster(**self.settings["cluster"]) if "cluster" in self.settings else None

    def get_status(self) -> ComputeStatus:
        """How far it is; what is asked of the workspace alone."""
        if self._provisioning is None:
            return ComputeStatus("Succeeded")
        state, error = self._provisioning.state
        return ComputeStatus(state.value, error or None)

    def provisioning_news(self, begin: int = 0) -> tuple[str, int]:
        """What Ray's launcher has said of it from a place on, and the place behind that."""
        return ("", begin) if self._provisioning is None else self._provisioning.news(begin)

    @property
    def _provisioning(self) -> made.Provisioning | None:
        """How it is made; None for what was not created, and where only its server knows."""
        if "cluster" not in self.settings or self.workspace.is_remote:
            return None
        return made.Provisioning(self.workspace.folder, self.name)

    def wait_for_completion(
        self,
        show_output: bool = False,
        min_node_count: int | None = None,
        timeout_in_minutes: float = 25,
    ) -> None:
        """Wait until it has been created or updated; what was attached is there.

        Args:
            show_output: whether to print what Ray's launcher says, as it does.
            min_node_count: wait for so many nodes beside the head as well.
            timeout_in_minutes: how long.

        Raises:
            InvalidInput: more nodes than there may be.
            InvalidState: it could not be made; the message says why.
            Unavailable: it takes longer. It goes on.
        """
        if self._provisioning is None or self._cluster is None:
            return
        if min_node_count is not None and min_node_count > self._cluster.most_nodes:
            raise InvalidInput(
                f"{self.name!r} has at most {self._cluster.most_nodes} nodes beside the head."
            )
        deadline = time.monotonic() + 60 * timeout_in_minutes
        self._provisioning.wait(show_output, 60 * timeout_in_minutes)
        self._fill(self.workspace, self.name, registrations.get(self.workspace, self.name))
        while min_node_count and len(self.nodes()) <= min_node_count:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"{self.name!r} has fewer than {min_node_count} nodes beside the head.",
                    hint="They may still come; its own log is on the head, in "
                    "/tmp/ray/session_latest/logs/monitor.log.",
                )
            time.sleep(1)

    def update(
        self,
        min_nodes: int | None = None,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: float | None = None,
    ) -> None:
        """Change how a created cluster grows and shrinks; runs go on.

        This returns at once, as `create` does.

        Args:
            min_nodes: nodes beside the head that are there always; as it is if None, as the next.
            max_nodes: nodes beside the head that are there at most.
            idle_seconds_before_scaledown: after which a node goes.

        Raises:
            InvalidInput: numbers that do not go together.
            InvalidState: it was not created, has not been made, or is being changed.
        """
        if self._cluster is None:
            raise InvalidState(
                f"{self.name!r} was attached, so that its size is not ours to change.",
                hint="ComputeTarget.create() makes a cluster that has one.",
                details={"name": self.name},
            )
        changes = {
            "min_nodes": min_nodes,
            "max_nodes": max_nodes,
            "idle_seconds_before_scaledown": idle_seconds_before_scaledown,
        }
        asset = made.update(
            self.workspace,
            self.name,
            {name: value for name, value in changes.items() if value is not None},
        )
        self._fill(self.workspace, self.name, asset)

    def delete(self) -> None:
        """Forget the target; a cluster that was created is ended first (``ray down``).

        Raises:
            InvalidState: it is ``local``, has runs that have not ended, or is being made or
                changed; or Ray's launcher could not end it. `detach` forgets it all the same.
        """
        self._refuse_if_used()
        if self._cluster is not None:
            made.end(self.workspace, self.name)
        self.detach()

    def detach(self) -> None:
        """Have the workspace forget the target, with its credentials. What is there stays there.

        Raises:
            InvalidState: it is ``local``, or has runs that have not ended.
        """
        self._refuse_if_used()
        registrations.forget(self.workspace, self.name)

    def _refuse_if_used(self) -> None:
        if self.kind == LOCAL:
            raise InvalidState("'local' is this machine, and stays.")
        if active := self._active():
            raise InvalidState(
                f"The target {self.name!r} has runs that have not ended, such as {active[0].id}.",
                hint="Cancel them first, or wait for them.",
                details={"name": self.name},
            )

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
        query = RunQuery(status=ACTIVE, type=JOBS, target=self.name, include_children=True)
        return builtins.list(self.workspace.store.find_runs(query))

    @property
    def _target(self) -> Target:
        if self.workspace.is_remote:
            raise InvalidState(
                f"The runs of {self.workspace.address} run by its server, which asks its targets.",
                hint="Ask on the server's machine.",
            )
        return find_target(self.name, self.workspace.folder)
