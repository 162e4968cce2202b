"""Sweeps whose trials run on a cluster, or on another machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.ray import Ray, attach_ray
from plugins.slurm import Slurm, attach_slurm
from plugins.ssh import Sshd, attach_ssh
from plugins.waiting import wait_until
from plugins.workspaces import agent_pid
from tandemlab import ScriptRunConfig, Workspace
from tandemlab.compute import find_target
from tandemlab.compute.lifecycle import job_of
from tandemlab.compute.processes import start_time
from tandemlab.compute.ray.client import RayClient
from tandemlab.domain import RunStatus
from tandemlab.sweeps import BanditPolicy, GridParameterSampling, HyperDriveConfig, choice
from tandemlab.sweeps.sweep_run import TrialState

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]
Search = Callable[[str], list[TrialState]]
TRIAL = """
import sys, time
from tandemlab import Run
run, x = Run.get_context(), float(sys.argv[2])
run.log("score", x)
while x < 1 and not run.should_stop():
    time.sleep(0.2)
    run.log("score", x)
"""


@pytest.fixture
def search(workspace: Workspace, source: Path) -> Search:
    """Run a good trial and a hopeless one on a target; the latter ends when it is told."""

    def run(target: str) -> list[TrialState]:
        (source / "trial.py").write_text(TRIAL)
        config = HyperDriveConfig(
            ScriptRunConfig(source, "trial.py", compute_target=target),
            GridParameterSampling({"x": choice(1.0, 0.25)}),
            "score",
            policy=BanditPolicy(slack_factor=0.5),
            stop_grace_seconds=60,
        )
        made = workspace.experiment("study").submit(config)
        made.wait_for_completion(timeout_seconds=300)
        trials = made.get_trials()
        assert [each.status for each in trials] == ["Completed", "Stopped"]
        assert trials[1].run.status is RunStatus.COMPLETED  # it has ended by itself
        return trials

    return run


def test_trials_go_to_a_queue_as_one_array(
    workspace: Workspace, slurm: Slurm, search: Search
) -> None:
    attach_slurm(workspace, slurm)
    trials = search("slurm")
    handles = [(each.run.directory / "job" / "handle").read_text() for each in trials]
    jobs = {handle.partition("_")[0] for handle in handles}
    assert (len(jobs), all("_" in handle for handle in handles)) == (1, True)


def test_trials_on_another_machine_hear_that_they_are_to_end(
    workspace: Workspace, ssh: Sshd, search: Search
) -> None:
    attach_ssh(workspace, ssh)
    search("ssh")


def test_trials_on_ray_hear_that_they_are_to_end(
    workspace: Workspace, ray: Ray, search: Search
) -> None:
    attach_ray(workspace, ray)
    search("ray")


KINDS = ("fails", "stays-1", "gated", "stays-2", "stays-3", "last")
ALL_KINDS = """
import os, subprocess, sys, time
from tandemlab import Run
folder, kind, run = sys.argv[1], sys.argv[3], Run.get_context()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
with open(f"{folder}/{kind}", "a") as file:
    file.write(f"{os.getpid()} {child.pid} .")
if kind == "fails":
    raise ValueError("no rows")
while kind.startswith("stays") or (kind == "gated" and not os.path.exists(f"{folder}/gate")):
    time.sleep(0.02)
for step in range(100):
    run.log("score", step)
open("outputs/model.txt", "w").write(kind)
"""


def test_trials_on_ray_survive_the_agent_and_end_with_what_has_begun_them(
    workspace: Workspace, ray: Ray, source: Path, tmp_path: Path
) -> None:
    attach_ray(workspace, ray)
    (source / "trial.py").write_text(ALL_KINDS)
    config = HyperDriveConfig(
        ScriptRunConfig(source, "trial.py", [str(tmp_path)], compute_target="ray"),
        GridParameterSampling({"kind": choice(*KINDS)}),
        "score",
        max_concurrent_runs=2,
    )
    sweep = workspace.experiment("study").submit(config)

    def pids_of(kind: str) -> list[int]:
        wait_until(lambda: _told(tmp_path / kind).endswith("."), 120)
        return [int(pid) for pid in _told(tmp_path / kind).split()[:2]]

    first, _ = pids_of("stays-1"), pids_of("gated")
    trials = sweep.get_trials()
    wait_until(lambda: trials[2].run.status is RunStatus.RUNNING, 60)
    pid = agent_pid(workspace)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: agent_pid(workspace) is None)
    (tmp_path / "gate").touch()
    trials[1].run.cancel()
    for pid in first:
        wait_until(lambda pid=pid: workspace.attend() or start_time(pid) is None, 60)

    second = [*pids_of("stays-2"), *pids_of("stays-3")]
    driver = RayClient(ray.address).job(f"{sweep.id}.tasks.1")
    assert driver is not None
    os.kill(int(driver["driver_info"]["pid"]), signal.SIGKILL)
    sweep.wait_for_completion(timeout_seconds=300)
    for pid in second:
        wait_until(lambda pid=pid: start_time(pid) is None, 60)
    trials = sweep.get_trials()
    assert [each.status for each in trials] == [
        *("Failed", "Canceled", "Completed", "Failed", "Failed", "Completed")
    ]
    assert "ValueError: no rows" in str(trials[0].run.get_details()["error"])
    assert "was ended by ray" in str(trials[3].run.get_details()["error"])
    assert trials[2].run.get_metrics() == {"score": list(range(100))}
    assert trials[5].run.read_file("outputs/model.txt") == b"last"
    assert all(len(_told(tmp_path / kind).split()) == 3 for kind in KINDS)  # each began once

    own = trials[5].run.directory / "job"
    handle = (own / "handle").read_text()
    (own / "handle").unlink()  # as an agent leaves it that is killed as it submits
    target = find_target("ray", workspace.folder)
    job = job_of(workspace.folder, trials[5].run.record, target)
    assert target.find(job) == handle
    (own / "submitting").write_text(f"{handle}0")  # which nobody has taken
    assert target.find(job) is None


def _told(path: Path) -> str:
    return path.read_text() if path.exists() else ""
