"""Ray for tests: a head on this machine, which is all of its cluster.

``ray`` is the cluster, shared by all tests of a process.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from plugins.waiting import wait_until
from tandemlab import ComputeTarget, RayCompute, Workspace
from tandemlab.bridge import find_r
from tandemlab.compute import registrations
from tandemlab.compute.ray.client import RayClient

_STARTED_WITHIN = 90.0
_CLIENTS = "ray-client-server-port"
_PORTS = (
    "port",
    "dashboard-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    _CLIENTS,
    "metrics-export-port",
    "runtime-env-agent-port",
    "node-manager-port",
    "object-manager-port",
)
_OF_NODES = [name for name in _PORTS if name not in ("port", "dashboard-port", _CLIENTS)]
_START = (
    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
    *("--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", "--num-cpus=4"),
    "--num-gpus=1",
    *("--object-store-memory=80000000", "--disable-usage-stats"),
)
_QUIET = {
    "RAY_enable_worker_prestart": "0",  # processes that no test needs
    "RAY_prestart_worker_first_driver": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
_COMMANDS = ("initialization", "setup", "head_setup", "worker_setup")
_WHOLE: dict[str, Any] = {  # Ray ships no usual values for its provider for tests
    "auth": {"ssh_user": "nobody"},
    "upscaling_speed": 1.0,
    **{name: {} for name in ("docker", "file_mounts")},
    **{name: [] for name in ("cluster_synced_files", "rsync_exclude", "rsync_filter")},
    **{f"{name}_commands": [] for name in _COMMANDS},
    **{f"{name}_start_ray_commands": [] for name in ("head", "worker")},
    "file_mounts_sync_continuously": False,
}


@dataclass
class Ray:
    """A head, which may be stopped for a while.

    Attributes:
        folder: of all that it keeps.
        options: further ones of its start, which win.
        environment: further variables of its start.
        definition: of the target that it was attached as; None for none yet.
    """

    folder: Path
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    definition: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        self._names = count()
        self.ports = _free_ports()

    @property
    def address(self) -> str:
        """Of its dashboard."""
        return f"http://127.0.0.1:{self.ports['dashboard-port']}"

    def start(self) -> None:
        """Start it, and wait until it takes jobs."""
        ports = [f"--{name}={port}" for name, port in self.ports.items()]
        with (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen(
                [*_START, *ports, f"--temp-dir={self.folder}", *self.options],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **_QUIET, **self.environment},
                start_new_session=True,
            )
        deadline = time.monotonic() + _STARTED_WITHIN
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "out").read_text()
            assert self.process.poll() is None, (self.folder / "out").read_text()
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/api/jobs/", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @contextmanager
    def second_node(self, name: str, cpus: int) -> Iterator[None]:
        """Another node of the cluster, on this machine, too."""
        ports = [f"--{port}={number}" for port, number in _free_ports(_OF_NODES).items()]
        with (self.folder / name).open("ab") as out:
            node = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block"),
                    f"--address=127.0.0.1:{self.ports['port']}",
                    *("--node-ip-address=127.0.0.1", f"--node-name={name}", f"--num-cpus={cpus}"),
                    *("--object-store-memory=80000000", "--disable-usage-stats", *ports),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **_QUIET},
                start_new_session=True,
            )
        try:
            yield
        finally:
            _end(node)
            wait_until(lambda: name not in self.nodes().values())

    def nodes(self) -> dict[str, str]:
        """Names of the nodes that are there, by their ids."""
        found = RayClient(self.address).nodes()
        return {each["node_id"]: each["node_name"] for each in found if each["state"] == "ALIVE"}

    def stop(self) -> None:
        """Stop it with all its processes."""
        if self.process is not None:
            _end(self.process)

    def new_folder(self) -> Path:
        """An empty folder."""
        path = self.folder / f"data-{next(self._names)}"
        path.mkdir()
        return path


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(2)


def attach_ray(workspace: Workspace, ray: Ray, **options: Any) -> ComputeTarget:
    """Attach the cluster as ``ray``; what a first job found there serves all later times."""
    if ray.definition is not None and not options:
        settings = {**ray.definition["settings"], "directory": str(ray.new_folder())}
        definition = {**ray.definition, "settings": settings}
        registrations.keep(workspace, "ray", definition, {}, description=None, tags=None)
        return ComputeTarget.get(workspace, "ray")
    configuration = RayCompute.attach_configuration(
        **{
            "address": ray.address,
            "directory": str(ray.new_folder()),
            "python": sys.executable,
            "rscript": find_r().rscript,
            **options,
        }
    )
    target = ComputeTarget.attach(workspace, "ray", configuration)
    if not options:
        ray.definition = registrations.get(workspace, "ray").definition
    return target


def _free_ports(names: Sequence[str] = _PORTS) -> dict[str, int]:
    found = {}
    with ExitStack() as stack:
        for name in names:
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            found[name] = int(probe.getsockname()[1])
    return found


@pytest.fixture(scope="session")
def ray() -> Iterator[Ray]:
    """A running cluster; the test is skipped where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed; tools/bootstrap dev does that")
    with running() as head:
        yield head


@contextmanager
def running() -> Iterator[Ray]:
    """A running cluster."""
    with _prepared() as head:
        head.start()
        yield head


@pytest.fixture
def growing_ray() -> Iterator[Ray]:
    """A cluster of a head without processors, and at most one node while there is work.

    Its node is of this machine, too: Ray's provider for tests of its autoscaler makes it.
    """
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed; tools/bootstrap dev does that")
    environment = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
    with _prepared(environment=environment) as head:
        provider = {
            "type": "fake_multinode",
            "gcs_address": f"127.0.0.1:{head.ports['port']}",
            "disable_node_updaters": True,
            "use_node_id_as_ip": True,
        }
        cluster = RayCompute.provisioning_configuration(
            "growing",
            provider=provider,
            max_nodes=1,
            idle_seconds_before_scaledown=3,
            cpus=2,
            sections=_WHOLE,
        )
        file = cluster.write(head.folder / "cluster.yaml")
        head.options = ("--num-cpus=0", f"--autoscaling-config={file}")
        head.start()
        yield head


@contextmanager
def _prepared(**settings: Any) -> Iterator[Ray]:
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # its sockets allow no long path
    head = Ray(folder, **settings)
    try:
        yield head
    finally:
        head.stop()
        shutil.rmtree(folder, ignore_errors=True)
