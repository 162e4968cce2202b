"""Slurm: what its queue says reaches the run, and what a run asks for reaches the queue."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from plugins.slurm import Slurm, attach_slurm
from plugins.ssh import Sshd, reached_by
from plugins.waiting import wait_until
from tandemlab import Run, ScriptRunConfig, SlurmCompute, Workspace
from tandemlab.compute import find_target
from tandemlab.compute.remote.launchers import FUNCTIONS
from tandemlab.compute.remote.shell import LocalShell
from tandemlab.compute.remote.slurm import Slurm as LaunchedBySlurm
from tandemlab.domain import InvalidInput, MissingDependency, RunFailed, RunStatus, StorageError
from tandemlab.domain.jobs import Distribution, Job, Resources, StartedJob

SECONDS = 60


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


ACROSS = """
import json, os, socket, sys
from tandemlab import Run
node, rank = os.environ["SLURMD_NODENAME"], int(os.environ["RANK"])
if rank == 0:
    server = socket.create_server((os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])))
    met = {0}
    while len(met) < int(os.environ["WORLD_SIZE"]):
        met.add(int(server.accept()[0].recv(9)))
    Run.get_context().log("met", len(met))
else:
    while True:
        try:
            place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
            socket.create_connection(place).send(str(rank).encode())
            break
        except ConnectionRefusedError:
            pass
names = ("RANK", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE")
task = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
found = [node, task, *(os.environ[name] for name in names)]
open(f"outputs/{rank}.json", "w").write(json.dumps(found))
if "fail" in sys.argv and rank == 3:
    sys.exit(7)
"""


@pytest.mark.services
@pytest.mark.timeout(600)
def test_processes_of_several_machines_meet_and_end_together(
    workspace: Workspace, slurm: Slurm, source: Path
) -> None:
    attach_slurm(workspace, slurm)
    (source / "job.py").write_text(ACROSS)
    config = ScriptRunConfig(
        source,
        "job.py",
        compute_target="slurm",
        distribution=Distribution(process_count_per_node=2, node_count=2),
        resources=Resources(cpus=1),
    )
    experiment = workspace.experiment("jobs")
    run = experiment.submit(config)
    failing = experiment.submit(config.replace(arguments=["fail"]))
    run.wait_for_completion(timeout_seconds=SECONDS)
    assert run.get_metrics() == {"met": 4}
    told = [json.loads(run.read_file(f"outputs/{rank}.json") or b"") for rank in range(4)]
    assert [each[1:] for each in told] == [
        [rank, str(rank), str(rank % 2), str(rank // 2), "4", "2"] for rank in range(4)
    ]
    assert [each[0] for each in told] == ["n1", "n1", "n2", "n2"]
    with pytest.raises(RunFailed, match="exit code 7"):
        failing.wait_for_completion(timeout_seconds=SECONDS)


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_gpu_is_dealt_out_and_more_than_there_are_is_refused(
    workspace: Workspace, slurm: Slurm, source: Path
) -> None:
    target = attach_slurm(workspace, slurm)
    assert [(node.name, node.gpus) for node in target.nodes()] == [("n1", 1), ("n2", 0)]
    (source / "job.py").write_text(
        "import os; from tandemlab import Run\n"
        "Run.get_context().log('gpus', os.environ.get('CUDA_VISIBLE_DEVICES', 'none'))"
    )
    experiment = workspace.experiment("jobs")

    def run(gpus: int) -> Run:
        config = ScriptRunConfig(
            source, "job.py", compute_target="slurm", resources=Resources(gpus=gpus)
        )
        submitted = experiment.submit(config)
        submitted.wait_for_completion(timeout_seconds=SECONDS)
        return submitted

    assert run(1).get_metrics() == {"gpus": "0"}
    assert run(0).get_metrics() == {"gpus": ""}
    with pytest.raises(RunFailed, match="Requested node configuration is not available"):
        run(9)


@pytest.mark.services
@pytest.mark.timeout(600)
def test_runs_that_are_submitted_together_are_one_array_for_each_demand(
    workspace: Workspace, slurm: Slurm, source: Path
) -> None:
    attach_slurm(workspace, slurm)
    (source / "job.py").write_text(
        "import os, sys; from tandemlab import Run\n"
        "Run.get_context().log('rate', float(sys.argv[1]))\n"
        "Run.get_context().log('array', int(os.environ['SLURM_ARRAY_JOB_ID']))\n"
        "sys.exit(5 if sys.argv[1] == '0.3' else 0)"
    )
    config = ScriptRunConfig(source, "job.py", compute_target="slurm", resources=Resources(cpus=1))
    rates = [0.1, 0.2, 0.3, 0.4]
    configs = [config.replace(arguments=[rate]) for rate in rates]
    configs.append(configs[0].replace(resources=Resources(cpus=2)))
    slurm.ask("scontrol", "update", "partitionname=main", "state=down")
    try:
        runs = workspace.experiment("study").submit_all(configs, tags={"sweep": "rates"})
        handles = [run.directory / "job" / "handle" for run in runs]
        wait_until(lambda: all(path.exists() for path in handles), SECONDS)
        runs[3].cancel()
        runs[3].wait_for_completion(raise_on_error=False, timeout_seconds=SECONDS)
    finally:
        slurm.ask("scontrol", "update", "partitionname=main", "state=up")
    for run in runs:
        run.wait_for_completion(raise_on_error=False, timeout_seconds=SECONDS)
    names = [path.read_text().partition("_") for path in handles]
    assert [index for _, _, index in names] == ["0", "1", "2", "3", "0"]
    assert len({array for array, _, _ in names[:4]}) == 1 and names[4][0] != names[0][0]
    statuses = [run.status.value for run in runs]
    assert statuses == ["Completed", "Completed", "Failed", "Canceled", "Completed"]
    assert [run.get_metrics().get("rate") for run in runs] == [0.1, 0.2, 0.3, None, 0.1]
    assert runs[0].get_metrics()["array"] == runs[1].get_metrics()["array"] == int(names[0][0])
    assert runs[2].get_details()["exitCode"] == 5 and runs[0].tags == {"sweep": "rates"}
    limited = workspace.experiment("study").submit_all(configs[:2] * 2, max_concurrent_runs=1)
    wait_until(lambda: (limited[0].directory / "job" / "handle").exists(), SECONDS)
    array = (limited[0].directory / "job" / "handle").read_text().partition("_")[0]
    assert "ArrayTaskThrottle=1" in slurm.ask("scontrol", "-o", "show", "job", array)
    for run in limited:
        run.wait_for_completion(timeout_seconds=SECONDS)
    too_much = config.replace(resources=Resources(memory="90TB"))
    for refused in workspace.experiment("study").submit_all([too_much, too_much]):
        with pytest.raises(RunFailed, match="Memory specification can not be satisfied"):
            refused.wait_for_completion(timeout_seconds=SECONDS)


@pytest.mark.services
@pytest.mark.timeout(600)
def test_accounting_says_what_became_of_forgotten_jobs_and_refuses_unknown_accounts(
    workspace: Workspace, slurm_with_accounting: Slurm, source: Path, tmp_path: Path
) -> None:
    cluster = slurm_with_accounting
    for name, code in (("good", "exit 0"), ("bad", "exit 3"), ("long", "sleep 100")):
        job = tmp_path / "runs" / name / "job"
        job.mkdir(parents=True)
        (job / "job.sh").write_text(f"#!/bin/sh\n#SBATCH --mem=50M\n{code}\n")
    head = f"root={tmp_path}\n{FUNCTIONS}\n{LaunchedBySlurm.functions}\n"
    shell = LocalShell()
    handles = {
        name: shell.run(f"{head}begin {name}").decode().split()[-1]
        for name in ("good", "bad", "long")
    }
    cluster.ask("scancel", handles["long"])
    ended = {"COMPLETED", "FAILED", "CANCELLED by 0"}
    states = ("sacct", "-n", "-X", "-P", "-o", "State")
    wait_until(lambda: set(cluster.ask(*states).split("\n")) - {""} == ended, SECONDS)
    found = shell.run(f"{head}queue=\nfor run in good bad long; do follow $run 0 0; done")
    assert found.decode().splitlines() == [
        "state good gone COMPLETED",
        "state bad gone FAILED",
        "state long gone CANCELLED by 0",
    ]
    target = attach_slurm(workspace, cluster, account="nobody")
    cluster.ask_for_accounts()
    (source / "job.py").write_text("")
    config = ScriptRunConfig(source, "job.py", compute_target="slurm")
    refused = workspace.experiment("jobs").submit(config)
    with pytest.raises(RunFailed, match="Invalid account or account/partition combination"):
        refused.wait_for_completion(timeout_seconds=SECONDS)
    assert [step.name for step in target.check() if "Invalid account" in (step.problem or "")]
    with pytest.raises(MissingDependency, match=r"does not take jobs: .* Invalid account"):
        attach_slurm(workspace, cluster, account="nobody", qos="urgent")


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_submission_that_is_killed_behind_sbatch_starts_its_job_once(
    workspace: Workspace, slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach_slurm(workspace, slurm)
    tools, begun = tmp_path / "tools", tmp_path / "begun"
    tools.mkdir()
    sbatch = tools / "sbatch"
    sbatch.write_text(f'#!/bin/sh\n{shutil.which("sbatch")} "$@"\nkill -KILL 0\n')
    sbatch.chmod(0o755)
    run = workspace.experiment("jobs").create_run(type="script", target="slurm")
    place = find_target("slurm", workspace.folder).place_of(run.id)
    job = Job(run.id, run.directory, place, ["/bin/sh", "-c", f"echo x >> {begun}"])
    (run.directory / "work").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
        with pytest.raises(StorageError):
            find_target("slurm", workspace.folder).submit(job)
    assert not (run.directory / "job" / "handle").exists()
    assert not (Path(place) / "job" / "slurm").exists()
    other = find_target("slurm", workspace.folder)
    started = StartedJob(job, other.find(job) or other.submit(job))
    wait_until(lambda: not other.poll([started])[0].is_running, SECONDS)
    assert other.poll([started])[0].exit_code == 0
    named = slurm.ask("squeue", "-h", "-t", "all", "-n", f"tandemlab-{run.id}", "-o", "%A")
    assert named.split() == [started.handle] and begun.read_text() == "x\n"


@pytest.mark.services
@pytest.mark.timeout(600)
def test_what_is_wrong_with_a_cluster_is_told_step_by_step(
    workspace: Workspace, slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingDependency, match=r"does not take jobs: .* invalid partition"):
        attach_slurm(workspace, slurm, partition="nosuch")
    target = attach_slurm(workspace, slurm, partition="main")

    def problems() -> dict[str, str]:
        return {step.name: step.problem for step in target.check() if step.problem}

    assert problems() == {}
    slurm.ask("scontrol", "update", "partitionname=main", "state=inactive")
    try:
        assert "inactive" in problems()["queue"]
    finally:
        slurm.ask("scontrol", "update", "partitionname=main", "state=up")
    tools = tmp_path / "tools"
    tools.mkdir()
    for path in Path("/usr/bin").iterdir():
        if path.name not in ("sbatch", "squeue", "sinfo"):
            (tools / path.name).symlink_to(path)
    monkeypatch.setenv("PATH", str(tools))
    assert "no sbatch" in problems()["Slurm"]


def test_what_cannot_be_an_option_is_refused() -> None:
    for options in ({"partition": "a b"}, {"options": ["-x"]}, {"memory": "much"}):
        with pytest.raises(InvalidInput):
            SlurmCompute.attach_configuration(**options)  # type: ignore[arg-type]
