"""The kind of targets that are clusters of Ray."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from tandemlab.compute.ray.client import ENDED, RayClient
from tandemlab.compute.ray.cluster import DASHBOARD_PORT
from tandemlab.compute.ray.target import RayTarget
from tandemlab.compute.ray.tunnel import Tunnel
from tandemlab.compute.remote import probing
from tandemlab.compute.remote.probing import Step
from tandemlab.domain import InvalidState, MissingDependency, NotFound, Unavailable

if TYPE_CHECKING:
    from tandemlab.compute.remote.attaching import AttachConfiguration
    from tandemlab.store.folder import WorkspaceFolder

_WITHIN = 60.0
_READY_WITHIN = 20.0
_PAUSE = 0.1
_MARK = "found: "


class RayKind:
    """Clusters of Ray."""

    def validated(self, configuration: AttachConfiguration, workspace_id: str) -> dict[str, Any]:
        """As the protocol says."""
        settings = {
            "directory": f"/tmp/tandemlab/{workspace_id}",
            **configuration.settings,
        }
        with _open_client(settings, configuration.credentials) as client:
            settings["ray"] = client.version()
            found = _probe(client, settings)
        probing.require(_steps_of(found), client.address)
        return {**settings, **probing.kept(found)}

    def open(
        self,
        name: str,
        settings: Mapping[str, Any],
        credentials: Mapping[str, str],
        folder: WorkspaceFolder,
    ) -> RayTarget:
        """As the protocol says."""
        if "address" not in settings:
            raise InvalidState(
                f"The cluster of the target {name!r} has not been made yet.",
                hint="Wait for it: wait_for_completion(), or `tandemlab compute wait`.",
                details={"name": name},
            )
        return RayTarget(name, settings, _client(settings, credentials), folder)

    def steps(self, settings: Mapping[str, Any], credentials: Mapping[str, str]) -> list[Step]:
        """As the protocol says."""
        with _open_client(settings, credentials) as client:
            steps = [Step("connection", f"{client.address}, Ray {client.version()}")]
            alive = [each for each in client.nodes() if each["state"] == "ALIVE"]
            cpus = sum(int(each["resources_total"].get("CPU", 0)) for each in alive)
            machines = "1 machine" if len(alive) == 1 else f"{len(alive)} machines"
            steps.append(Step("machines", f"{machines}, {cpus} CPUs"))
            try:
                found = _probe(client, settings)
            except (MissingDependency, Unavailable) as problem:
                text, repair = problem.message, problem.hint
                return [*steps, Step("job", problem=text, repair=repair, is_needed=True)]
            return [*steps, Step("job", "runs"), *_steps_of(found)]

    def location(self, settings: Mapping[str, Any]) -> str:
        """As the protocol says."""
        cluster = settings.get("cluster")
        if cluster is None:
            return str(settings["address"])
        return f"Ray at {cluster['head'] if 'head' in cluster else cluster['provider']['type']}"


def _client(settings: Mapping[str, Any], credentials: Mapping[str, str]) -> RayClient:
    if "address" not in settings:
        raise Unavailable(
            "The cluster has not been made yet.",
            hint="`tandemlab compute show` says how far it is.",
        )
    tunnel = Tunnel(settings["login"], DASHBOARD_PORT) if "login" in settings else None
    return RayClient(str(settings["address"]), credentials.get("token"), tunnel)


@contextmanager
def _open_client(
    settings: Mapping[str, Any], credentials: Mapping[str, str]
) -> Iterator[RayClient]:
    client = _client(settings, credentials)
    try:
        yield client
    finally:
        client.close()


def _steps_of(found: Mapping[str, str]) -> list[Step]:
    return [
        probing.folder_step(found),
        probing.python_step(found, is_needed=True),
        probing.r_step(found),
        probing.uv_step(found),
    ]


def _probe(client: RayClient, settings: Mapping[str, Any]) -> dict[str, str]:
    """What a machine of the cluster has, by a job of Ray.

    Raises:
        MissingDependency: the job failed.
        Unavailable: the cluster has not run it in a minute.
    """
    name = f"tandemlab_probe_{token_hex(8)}"
    question = probing.question(settings, "")
    entrypoint = f"{{ {question}\n}} | sed 's/^/{_MARK}/'"  # Ray's log begins with this very text
    _submit(client, {"submission_id": name, "entrypoint": entrypoint})
    found = _wait(client, name)
    if found["status"] != "SUCCEEDED":
        raise MissingDependency(
            f"{client.address}: A first job has failed there: {found['message']}",
            hint="The logs of Ray's head say more.",
        )
    with client.log(found) as log:
        lines = b"".join(log).splitlines()
    mark = _MARK.encode()
    return probing.read_answer(
        b"\n".join(line.removeprefix(mark) for line in lines if line.startswith(mark))
    )


def _submit(client: RayClient, job: Mapping[str, Any]) -> None:
    """Have a cluster run a job; one that has just been started takes none for some seconds."""
    deadline = time.monotonic() + _READY_WITHIN
    while True:
        try:
            return client.submit(job)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def _wait(client: RayClient, name: str) -> Mapping[str, Any]:
    deadline = time.monotonic() + _WITHIN
    while True:
        found = client.job(name)
        if found is None:
            raise NotFound(f"The cluster at {client.address} has lost a job, {name}.")
        if found["status"] in ENDED:
            return found
        if time.monotonic() > deadline:
            client.stop(name)
            raise Unavailable(
                f"{client.address}: A first job has not ended in {_WITHIN:.0f} seconds; "
                f"Ray says: {found['message']}",
                hint="Has the cluster machines that are free, or that it may start?",
            )
        time.sleep(_PAUSE)
