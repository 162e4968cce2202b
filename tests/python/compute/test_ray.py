"""Ray: what its cluster says reaches the run, and what a run asks for reaches the cluster."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from plugins.ray import Ray, attach_ray
from plugins.waiting import stay_away, wait_until
from tandemlab import ComputeTarget, Environment, RayCompute, Run, ScriptRunConfig, Workspace
from tandemlab.compute import find_target
from tandemlab.compute.processes import start_time
from tandemlab.compute.ray.client import RayClient
from tandemlab.domain import InvalidInput, RunFailed, RunStatus, Unavailable
from tandemlab.domain.environments import PythonSection
from tandemlab.domain.jobs import Distribution, Resources

SECONDS = 120
Submit = Callable[..., Run]


class Line:
    """A line to a server at a port of this machine, which may be cut."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._ends: list[socket.socket] = []
        self.is_cut = False
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._server_port))
                self._ends += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=ends, daemon=True).start()

    def cut(self) -> None:
        """Let nobody through any more."""
        self.is_cut = True
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let everybody through again."""
        self.is_cut = False

    def close(self) -> None:
        """Take it away."""
        self.cut()
        self._door.close()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def submit(workspace: Workspace, source: Path) -> Submit:
    def submit_script(code: str, **settings: object) -> Run:
        name = f"script_{len(list(source.iterdir()))}.py"
        (source / name).write_text(code)
        config = ScriptRunConfig(source, name, compute_target="ray", **settings)  # type: ignore[arg-type]
        return workspace.experiment("jobs").submit(config)

    return submit_script


@pytest.mark.services
@pytest.mark.timeout(600)
def test_ray_sets_apart_what_a_run_asks_for_and_says_what_it_cannot_run(
    workspace: Workspace, ray: Ray, submit: Submit
) -> None:
    target = attach_ray(workspace, ray)
    assert target.capacity().slots is None
    assert [step.name for step in target.check() if step.problem] == []
    code = (
        "import os; from tandemlab import Run\n"
        "Run.get_context().log('threads', int(os.environ['OMP_NUM_THREADS']))\n"
        "print(repr(os.environ.get('CUDA_VISIBLE_DEVICES')))"
    )
    small = submit(code, resources=Resources(cpus=2, memory="200MB"))
    large = submit(code, resources=Resources(cpus=64))
    with_gpu = submit(code, resources=Resources(cpus=1, gpus=1))
    small.wait_for_completion(timeout_seconds=SECONDS)
    assert small.get_metrics() == {"threads": 2} and small.read_log()[0] == "''\n"
    with_gpu.wait_for_completion(timeout_seconds=SECONDS)
    assert with_gpu.read_log()[0] == "'0'\n"
    assert [node.gpus for node in target.nodes()] == [1]
    job = RayClient(ray.address).job(small.id)
    assert job is not None and job["status"] == "SUCCEEDED"
    assert job["metadata"]["tandemlab_run_id"] == small.id
    with pytest.raises(RunFailed, match=r"No available node types can fulfill.*'CPU': 64"):
        large.wait_for_completion(timeout_seconds=SECONDS)
    with pytest.raises(InvalidInput, match="one machine of the cluster, not 2"):
        submit("pass", distribution=Distribution(node_count=2))


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_run_that_waits_for_others_can_be_canceled(
    workspace: Workspace, ray: Ray, submit: Submit
) -> None:
    attach_ray(workspace, ray)
    holds = submit("import time; time.sleep(100)", resources=Resources(cpus=4))
    wait_until(lambda: holds.status is RunStatus.RUNNING, SECONDS)
    waits = submit("pass", resources=Resources(cpus=4))
    client = RayClient(ray.address)
    wait_until(lambda: (client.job(waits.id) or {}).get("status") == "PENDING", SECONDS)
    assert waits.status is RunStatus.PREPARING
    for run in (waits, holds):
        run.cancel()
        run.wait_for_completion(raise_on_error=False, timeout_seconds=SECONDS)
        assert run.status is RunStatus.CANCELED


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_cluster_that_cannot_be_reached_for_a_while_loses_nothing(
    workspace: Workspace, ray: Ray, submit: Submit, tmp_path: Path
) -> None:
    line = Line(ray.ports["dashboard-port"])
    try:
        attach_ray(workspace, ray, address=f"127.0.0.1:{line.port}")
        gate, begun = tmp_path / "gate", tmp_path / "begun"
        run = submit(
            "import os, time\nfrom tandemlab import Run\n"
            f"open({str(begun)!r}, 'a').write('x')\n"
            "Run.get_context().log('x', -1)\n"
            f"while not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
            "for step in range(100): Run.get_context().log('x', step)\n"
            "open('outputs/big.bin', 'wb').write(bytes(range(256)) * 1000)"
        )
        wait_until(lambda: run.get_metrics() == {"x": -1}, SECONDS)
        line.cut()
        gate.touch()
        queued = submit(f"open({str(begun)!r}, 'a').write('y')")
        wait_until(lambda: "does not answer" in _log_of(workspace), SECONDS)
        with pytest.raises(Unavailable, match="does not answer"):
            find_target("ray", workspace.folder).nodes()
        stay_away()
        line.mend()
        for each in (run, queued):
            each.wait_for_completion(timeout_seconds=SECONDS)
        assert run.get_metrics() == {"x": [-1, *range(100)]}
        assert run.read_file("outputs/big.bin") == bytes(range(256)) * 1000
        assert sorted(begun.read_text()) == ["x", "y"]
    finally:
        line.close()


def _log_of(workspace: Workspace) -> str:
    return (workspace.path / "agent" / "agent.log").read_text()


@pytest.mark.services
@pytest.mark.timeout(600)
def test_machines_build_environments_and_memory_has_a_limit(
    workspace: Workspace, ray: Ray, submit: Submit
) -> None:
    attach_ray(workspace, ray)
    built = submit(
        "import sys, iniconfig; print(sys.prefix)",
        environment=Environment("small", PythonSection(("iniconfig",))),
    )
    missing = submit(
        "pass", environment=Environment("none", PythonSection(("tandemlab-no-such-thing",)))
    )
    greedy = submit(
        "import time; held = bytearray(300_000_000); time.sleep(60)",
        resources=Resources(memory="100MB"),
    )
    built.wait_for_completion(timeout_seconds=SECONDS)
    assert "/environments/" in built.read_log()[0]
    assert "system/environment_build.log" in built.get_file_names()
    with pytest.raises(RunFailed, match=r"could not be started.*tandemlab-no-such-thing"):
        missing.wait_for_completion(timeout_seconds=SECONDS)
    with pytest.raises(RunFailed, match="of 100 MB of memory"):
        greedy.wait_for_completion(timeout_seconds=SECONDS)


@pytest.mark.services
@pytest.mark.timeout(600)
def test_nothing_of_a_script_outlives_what_ray_has_started(
    workspace: Workspace, ray: Ray, submit: Submit, tmp_path: Path
) -> None:
    attach_ray(workspace, ray)
    told = tmp_path / "told"
    run = submit(
        "import os, time\n"
        f"open({str(told)!r}, 'w').write(f'{{os.getpid()}} {{os.getpgid(0)}} .')\n"
        "time.sleep(100)"
    )
    wait_until(lambda: told.exists() and told.read_text().endswith("."), SECONDS)
    script, relay, _ = told.read_text().split()
    os.kill(int(relay), signal.SIGKILL)
    wait_until(lambda: start_time(int(script)) is None, SECONDS)
    with pytest.raises(RunFailed, match="ended by ray"):
        run.wait_for_completion(timeout_seconds=SECONDS)


def test_what_cannot_be_an_address_is_refused(workspace: Workspace) -> None:
    for address in ("ray://head:10001", "http://ana:pw@head", "http://head:x", ""):
        with pytest.raises(InvalidInput):
            RayCompute.attach_configuration(address)
    with pytest.raises(InvalidInput):
        RayCompute.attach_configuration("head", directory="here")
    away = RayCompute.attach_configuration("127.0.0.1:1", token="tiger-7f3a-plain")
    assert "tiger" not in repr(away)
    with pytest.raises(Unavailable, match="does not answer"):
        ComputeTarget.attach(workspace, "ray", away)
