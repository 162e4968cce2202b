"""Clusters of Ray that a workspace makes, changes and ends, by Ray's own launcher.

What is known of one stands in ``compute/NAME/`` of the workspace: Ray's file and what its launcher
keeps, the log, and how far it is. ``python -m tandemlab.compute.ray.provisioning WORKSPACE NAME
LOCK`` makes or changes one while its starter goes on; Ray's launcher has the lock as well, so that
there are never two.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from tandemlab import ssh
from tandemlab.bridge.libraries import need
from tandemlab.compute import registrations
from tandemlab.compute.ray.cluster import DASHBOARD_PORT, RayCluster
from tandemlab.compute.ray.kind import RayKind
from tandemlab.compute.ray.tunnel import Tunnel
from tandemlab.compute.remote.attaching import AttachConfiguration, given
from tandemlab.domain import AlreadyExists, InvalidInput, InvalidState, TandemlabError, Unavailable
from tandemlab.store.daemons import start_daemon, take_lock
from tandemlab.store.durable import write_json
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.tracking.agent import environment_without_run

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Workspace

_log = logging.getLogger("tandemlab.provisioning")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LAST_LINES = 6
_PAUSE = 0.2
_ENDS_WITHIN = 10.0


class ProvisioningState(str, Enum):
    """How far a cluster is that was asked for."""

    CREATING = "Creating"
    UPDATING = "Updating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


_UNFINISHED = (ProvisioningState.CREATING, ProvisioningState.UPDATING)


class Provisioning:
    """A cluster that a workspace makes.

    Args:
        folder: the workspace.
        name: of the target.
    """

    def __init__(self, folder: WorkspaceFolder, name: str) -> None:
        self._workspace = folder
        self._name = name
        self.folder = folder.path / "compute" / name

    @property
    def state(self) -> tuple[ProvisioningState, str]:
        """How far it is, and what went wrong."""
        state, error = self._kept()
        if state in _UNFINISHED and (lock := take_lock(self.folder / "lock")) is not None:
            os.close(lock)
            return ProvisioningState.FAILED, "What made or changed it was interrupted."
        return state, error

    def _kept(self) -> tuple[ProvisioningState, str]:
        try:
            found = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ProvisioningState.FAILED, "Nothing is known of it in the workspace's folder."
        return ProvisioningState(found["state"]), str(found["error"])

    def begin(self, state: ProvisioningState, register: Callable[[], Asset]) -> Asset:
        """Have it be registered, and then made or changed beside this process.

        Raises:
            InvalidState: that is being done already.
        """
        lock = self._take()
        try:
            asset = register()
            self._keep(state)
            (self.folder / "log").unlink(missing_ok=True)
            words = [sys.executable, "-m", __name__, self._workspace.address, self._name, str(lock)]
            start_daemon(words, lock, self.folder / "log", environment_without_run())
            return asset
        finally:
            os.close(lock)

    def news(self, begin: int) -> tuple[str, int]:
        """What Ray's launcher has said from a place of the log on, and the place behind it."""
        with (self.folder / "log").open("rb") as log:
            log.seek(begin)
            text = log.read()
        return _plain(text), begin + len(text)

    def wait(self, show_output: bool, seconds: float) -> None:
        """Wait until it is there.

        Raises:
            InvalidState: it could not be made; the message says why.
            Unavailable: it takes longer.
        """
        deadline, shown = time.monotonic() + seconds, 0
        while True:
            state, error = self.state
            if show_output:
                text, shown = self.news(shown)
                sys.stdout.write(text)
                sys.stdout.flush()
            if state is ProvisioningState.FAILED:
                raise InvalidState(
                    f"The cluster {self._name!r} is not as it should be: {error}",
                    hint=f"{self.folder / 'log'} has what Ray's launcher said.",
                    details={"name": self._name},
                )
            if state is ProvisioningState.SUCCEEDED:
                return
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"The cluster {self._name!r} is still {state.value.lower()}.",
                    hint="It goes on; wait again.",
                    details={"name": self._name},
                )
            time.sleep(_PAUSE)

    def end(self, cluster: RayCluster) -> None:
        """End the cluster, and give back machines that were made for it.

        Raises:
            InvalidState: it is being made or changed, or Ray's launcher has failed.
        """
        lock = self._take()
        try:
            with (self.folder / "log").open("ab") as log:
                self._launch("down", cluster, log, lock)
        finally:
            os.close(lock)
        shutil.rmtree(self.folder, ignore_errors=True)

    def make(self, workspace: Workspace, lock: int) -> None:
        """Make or change it, and say how that went."""
        try:
            self._make(workspace, lock)
        except TandemlabError as problem:
            _log.error("%s", problem)
            self._keep(ProvisioningState.FAILED, problem.message)
        except BaseException:
            self._keep(ProvisioningState.FAILED, "An error of tandemlab; its log tells more.")
            raise
        else:
            self._keep(ProvisioningState.SUCCEEDED)

    def _make(self, workspace: Workspace, lock: int) -> None:
        asset = registrations.get(workspace, self._name)
        settings = dict(asset.definition["settings"])
        cluster = RayCluster(**settings["cluster"])
        if cluster.head is not None:
            _reach(_login(cluster, cluster.head))  # by the key that it must show; Ray takes any
        options = ["--no-restart"] if "address" in settings else []
        self._launch("up", cluster, sys.stdout.buffer, lock, "--no-config-cache", *options)
        head = cluster.head or self._launch("get-head-ip", cluster, None, lock).split()[-1]
        login = _login(cluster, head)
        if cluster.head is None:  # Ray took the key of a machine that it has made
            login.setdefault("host_key", ssh.shown_host_key(head))
        login["host_key"] = _reach(login)
        address = f"http://127.0.0.1:{DASHBOARD_PORT}"
        made = {**settings, "address": address, "login": login}
        found = RayKind().validated(AttachConfiguration("ray", made), workspace.id)
        registrations.keep(
            workspace,
            self._name,
            {"kind": "ray", "settings": found},
            {},
            description=asset.description,
            tags=dict(asset.tags),
        )

    def _launch(self, verb: str, cluster: RayCluster, log: Any, lock: int, *options: str) -> str:
        """What a verb of Ray's launcher has printed, unless that goes to the log."""
        file = cluster.write(self.folder / "cluster.yaml")
        answers = [] if verb == "get-head-ip" else ["--yes"]
        done = subprocess.run(
            [*_launcher(), verb, *answers, *options, str(file)],
            env={**os.environ, "RAY_TMPDIR": str(self.folder), "RAY_USAGE_STATS_ENABLED": "0"},
            stdin=subprocess.DEVNULL,
            stdout=log or subprocess.PIPE,
            stderr=log or subprocess.PIPE,
            pass_fds=(lock,),
            check=False,
        )
        if done.returncode != 0:
            said = (self.folder / "log").read_bytes() if log else done.stderr
            raise InvalidState(
                f"`ray {verb}` has failed: {_last_lines(said)}",
                hint=f"{self.folder / 'log'} has all that it said.",
                details={"name": self._name},
            )
        return "" if log else done.stdout.decode("utf-8", "replace")

    def _take(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + _ENDS_WITHIN
        while (lock := take_lock(self.folder / "lock")) is None:
            if self._kept()[0] in _UNFINISHED or time.monotonic() > deadline:
                raise InvalidState(
                    f"The cluster {self._name!r} is being made or changed.",
                    hint="Wait for that: wait_for_completion(), or `tandemlab compute wait`.",
                    details={"name": self._name},
                )
            time.sleep(_PAUSE)  # whoever made it says so, and then ends
        return lock

    def _keep(self, state: ProvisioningState, error: str = "") -> None:
        write_json(self.folder / "state.json", {"state": state.value, "error": error})


def create(
    workspace: Workspace,
    name: str,
    configuration: RayCluster,
    description: str | None,
    tags: Mapping[str, str] | None,
) -> Asset:
    """As `ComputeTarget.create`."""
    if not isinstance(configuration, RayCluster):
        raise InvalidInput(
            f"A {type(configuration).__name__} makes no cluster.",
            hint="Give what RayCompute.provisioning_configuration() gives; what is there already "
            "is attached.",
        )
    cluster = replace(configuration, name=configuration.name or name)
    cluster.check()
    if cluster.provider is not None and None in (cluster.username, cluster.private_key_file):
        raise InvalidInput(
            "The head of a cluster that a provider makes is reached by SSH.",
            hint="Give username and private_key_file, of the key that its machines are made with.",
        )
    known = workspace.assets.find(registrations.KIND, name)
    if known is not None and not _is_to_be_made(known):
        raise AlreadyExists(
            f"There is a compute target {name!r}.",
            hint="Change its size with update(), or delete() it first.",
            details={"name": name},
        )
    own = {each: getattr(cluster, each) for each in ("directory", "python", "rscript")}
    settings = {"cluster": cluster.settings, **given(own)}
    provisioning = Provisioning(_folder_of(workspace), name)
    definition = {"kind": "ray", "settings": settings}
    return provisioning.begin(
        ProvisioningState.CREATING,
        lambda: registrations.keep(
            workspace, name, definition, {}, description=description, tags=tags
        ),
    )


def update(workspace: Workspace, name: str, changes: Mapping[str, Any]) -> Asset:
    """As `ComputeTarget.update`."""
    asset = registrations.get(workspace, name)
    if _is_to_be_made(asset):
        raise InvalidState(f"The cluster {name!r} has not been made yet.", hint="Wait for it.")
    settings = asset.definition["settings"]
    cluster = replace(RayCluster(**settings["cluster"]), **changes)
    cluster.check()
    definition = {"kind": "ray", "settings": {**settings, "cluster": cluster.settings}}
    return Provisioning(_folder_of(workspace), name).begin(
        ProvisioningState.UPDATING,
        lambda: registrations.keep(
            workspace, name, definition, {}, description=asset.description, tags=dict(asset.tags)
        ),
    )


def end(workspace: Workspace, name: str) -> None:
    """End the cluster of a target, and forget what is known of it."""
    settings = registrations.get(workspace, name).definition["settings"]
    Provisioning(_folder_of(workspace), name).end(RayCluster(**settings["cluster"]))


def _is_to_be_made(asset: Asset) -> bool:
    """Whether it is a cluster that was asked for, and never was there."""
    settings = asset.definition["settings"]
    return "cluster" in settings and "address" not in settings


def _folder_of(workspace: Workspace) -> WorkspaceFolder:
    if workspace.is_remote:
        raise InvalidState(
            f"The clusters of {workspace.address} are made by its server's machine.",
            hint="Make it there.",
        )
    return workspace.folder


def _launcher() -> list[str]:
    need("ray", "Clusters of Ray that are to be made", None)
    return [sys.executable, "-m", "ray.scripts.scripts"]


def _login(cluster: RayCluster, head: str) -> dict[str, Any]:
    """How a head is reached by SSH, as settings."""
    settings, _ = ssh.described(head, username=cluster.login_name, host_key=cluster.host_key)
    key = cluster.private_key_file
    return {**settings, **({} if key is None else {"private_key_file": str(key)})}


def _reach(login: Mapping[str, Any]) -> str:
    """Type and key that a machine shows.

    Raises:
        NotAllowed: it is another one, or lets nobody in.
        Unavailable: it cannot be reached.
    """
    tunnel = Tunnel(login, DASHBOARD_PORT)
    try:
        return tunnel.host_key
    finally:
        tunnel.close()


def _last_lines(said: bytes) -> str:
    lines = [line.strip() for line in _plain(said).splitlines() if line.strip()]
    return " ".join(lines[-_LAST_LINES:])[-600:]


def _plain(text: bytes) -> str:
    return _COLOUR.sub("", text.decode("utf-8", "replace"))


def main() -> None:
    """Make or change the cluster that the arguments name."""
    from tandemlab.tracking import Workspace

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    workspace = Workspace(sys.argv[1])
    Provisioning(workspace.folder, sys.argv[2]).make(workspace, int(sys.argv[3]))


if __name__ == "__main__":
    main()
