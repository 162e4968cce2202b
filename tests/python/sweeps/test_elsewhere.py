"""Sweeps whose trials run on a cluster, or on another machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.ray import Ray, attach_ray
from plugins.slurm import Slurm, attach_slurm
from plugins.ssh import Sshd, attach_ssh
from tandemlab import ScriptRunConfig, Workspace
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
