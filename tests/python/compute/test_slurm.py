"""Slurm: what its queue says reaches the run, and what a run asks for reaches the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.slurm import Slurm, attach_slurm
from plugins.ssh import Sshd, reached_by
from plugins.waiting import wait_until
from tandemlab import ScriptRunConfig, SlurmCompute, Workspace
from tandemlab.domain import InvalidInput, RunFailed, RunStatus
from tandemlab.domain.jobs import Resources

SECONDS = 120


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_run_waits_in_the_queue_and_what_slurm_refuses_or_ends_says_why(
    workspace: Workspace, slurm: Slurm, tmp_path: Path
) -> None:
    target = attach_slurm(workspace, slurm, partition="main", options=["--nice=10"])
    assert target.capacity().slots is None
    assert [step.name for step in target.check() if step.problem] == []
    source = tmp_path / "source"
    source.mkdir()
    (source / "job.py").write_text("import time; time.sleep(100)")
    experiment = workspace.experiment("jobs")

    def config(**resources: object) -> ScriptRunConfig:
        asked = Resources(**resources)  # type: ignore[arg-type]
        return ScriptRunConfig(source, "job.py", compute_target="slurm", resources=asked)

    slurm.ask("scontrol", "update", "partitionname=main", "state=down")
    try:
        waiting = experiment.submit(config(cpus=1, memory="300MiB"))
        canceled = experiment.submit(config())
        handle = waiting.directory / "job" / "handle"
        wait_until(handle.exists, SECONDS)
        wait_until(lambda: canceled.status is RunStatus.PREPARING, SECONDS)
        assert waiting.status is RunStatus.PREPARING
        shown = slurm.ask("scontrol", "-o", "show", "job", handle.read_text())
        assert "MinMemoryNode=300M" in shown and "NumCPUs=1" in shown and "Nice=10" in shown
        canceled.cancel()
        canceled.wait_for_completion(raise_on_error=False, timeout_seconds=SECONDS)
        assert canceled.status is RunStatus.CANCELED
    finally:
        slurm.ask("scontrol", "update", "partitionname=main", "state=up")
    wait_until(lambda: waiting.status is RunStatus.RUNNING, SECONDS)
    slurm.ask("scancel", handle.read_text())
    with pytest.raises(RunFailed, match="ended by slurm: CANCELLED"):
        waiting.wait_for_completion(timeout_seconds=SECONDS)
    refused = experiment.submit(config(memory="90TB"))
    with pytest.raises(RunFailed, match="Memory specification can not be satisfied"):
        refused.wait_for_completion(timeout_seconds=SECONDS)


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_cluster_is_reached_by_its_login_node(
    workspace: Workspace, slurm: Slurm, ssh: Sshd, tmp_path: Path
) -> None:
    ssh.stop()
    ssh.start()  # its sessions know the cluster from now on
    target = attach_slurm(workspace, slurm, **reached_by(ssh))
    assert target.location.startswith("ssh://") and [node.state for node in target.nodes()]
    (tmp_path / "job.py").write_text(
        "import os; from tandemlab import Run\n"
        "Run.get_context().log('job', int(os.environ['SLURM_JOB_ID']))"
    )
    config = ScriptRunConfig(tmp_path, "job.py", compute_target="slurm")
    run = workspace.experiment("jobs").submit(config)
    run.wait_for_completion(timeout_seconds=SECONDS)
    assert run.get_metrics() == {"job": int((run.directory / "job" / "handle").read_text())}


def test_what_cannot_be_an_option_is_refused() -> None:
    for options in ({"partition": "a b"}, {"options": ["-x"]}, {"memory": "much"}):
        with pytest.raises(InvalidInput):
            SlurmCompute.attach_configuration(**options)  # type: ignore[arg-type]
