"""What every compute target does, with the real thing: this machine, SSH, Slurm, Ray, Spark."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.ray import attach_ray
from plugins.slurm import attach_slurm
from plugins.spark import attach_spark
from plugins.ssh import attach_ssh
from plugins.waiting import stay_away, wait_until
from plugins.workspaces import agent_pid
from tandemlab import ComputeTarget, Dataset, Datastore, Run, ScriptRunConfig, Workspace
from tandemlab.compute import find_target
from tandemlab.compute.processes import start_time
from tandemlab.domain import RunFailed, RunStatus
from tandemlab.domain.jobs import Job, Output, StartedJob

SECONDS = 60
SERVICES = [pytest.mark.services, pytest.mark.timeout(600)]


@pytest.fixture(
    params=[
        pytest.param("local", marks=pytest.mark.full),
        pytest.param("ssh", marks=SERVICES),
        pytest.param("slurm", marks=SERVICES),
        pytest.param("ray", marks=SERVICES),
        pytest.param("spark", marks=SERVICES),
    ]
)
def target(request: pytest.FixtureRequest, workspace: Workspace) -> str:
    """Name of a target of the workspace."""
    if request.param == "ssh":
        attach_ssh(workspace, request.getfixturevalue("ssh"), slots=8)
    elif request.param == "slurm":
        attach_slurm(workspace, request.getfixturevalue("slurm"))
    elif request.param == "ray":
        attach_ray(workspace, request.getfixturevalue("ray"))
    elif request.param == "spark":
        attach_spark(workspace, request.getfixturevalue("spark"))
    return str(request.param)


@pytest.fixture
def submit(workspace: Workspace, tmp_path: Path, target: str) -> Callable[..., Run]:
    source = tmp_path / "source"
    source.mkdir()

    def submit_script(code: str, suffix: str = "py", **options: Any) -> Run:
        name = f"script_{len(list(source.iterdir()))}.{suffix}"
        (source / name).write_text(code)
        config = ScriptRunConfig(source, name, compute_target=target, **options)
        return workspace.experiment("jobs").submit(config)

    return submit_script


GATED = """
import os, time
from tandemlab import Run
run = Run.get_context()
print("one", flush=True)
run.log("loss", 0.5)
open("note.txt", "w").write("seen")
run.upload_file("notes/first.txt", "note.txt")
while not os.path.exists({gate!r}): time.sleep(0.02)
run.log("loss", 0.25)
os.makedirs("outputs/deep"); open("outputs/deep/model.txt", "w").write("42")
print(os.environ["GREETING"], open("script_0.py").read().count("one"))
"""


def test_logs_metrics_and_files_come_while_a_script_runs(
    submit: Callable[..., Run], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    run = submit(GATED.format(gate=str(gate)), environment_variables={"GREETING": "hej 'you'"})
    wait_until(lambda: run.get_metrics() == {"loss": 0.5}, SECONDS)
    wait_until(lambda: run.read_log()[0] == "one\n", SECONDS)
    wait_until(lambda: "notes/first.txt" in run.get_file_names(), SECONDS)
    assert run.status is RunStatus.RUNNING
    gate.touch()
    run.wait_for_completion(timeout_seconds=SECONDS)
    assert run.get_metrics() == {"loss": [0.5, 0.25]}
    assert run.read_log(4) == ("hej 'you' 2\n", 16)
    names = [name for name in run.get_file_names() if not name.startswith("system/")]
    assert names == ["notes/first.txt", "outputs/deep/model.txt", "user_logs/std_log.txt"]
    assert run.read_file("outputs/deep/model.txt") == b"42"


def test_a_script_of_r_logs_and_leaves_files(submit: Callable[..., Run]) -> None:
    run = submit(
        "library(tandemlab)\n"
        'cat("arguments:", commandArgs(trailingOnly = TRUE), "\\n")\n'
        'log_metric_to_run("rmse", 1.5)\n'
        'saveRDS(cars, "outputs/cars.rds")\n',
        "R",
        arguments=["a b", 3],
    )
    run.wait_for_completion(timeout_seconds=SECONDS)
    assert run.get_metrics() == {"rmse": 1.5}
    assert "tandemlab" in (run.get_environment() or {})["packages"]
    assert run.read_log()[0] == "arguments: a b 3 \n"
    assert "outputs/cars.rds" in run.get_file_names()


def test_what_a_script_writes_goes_to_a_datastore_and_becomes_a_dataset(
    workspace: Workspace, submit: Callable[..., Run], tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    Datastore.register_folder(workspace, "place", place)
    run = submit(
        "import os\n"
        "open(os.environ['TANDEMLAB_OUTPUT_rows'] + '/rows.csv', 'w').write('a,b\\n1,2\\n')\n"
        "open(os.environ['TANDEMLAB_OUTPUT_own'] + '/own.txt', 'w').write('own')",
        outputs={
            "rows": Output(
                "rows/{run-id}", "rows", datastore="place", table={"format": "delimited"}
            ),
            "own": Output(datastore="workspaceblobstore", path="own"),
        },
    )
    run.wait_for_completion(timeout_seconds=SECONDS)
    assert (place / "rows" / run.id / "rows.csv").read_text() == "a,b\n1,2\n"
    assert (workspace.path / "datastore" / "own" / "own.txt").read_text() == "own"
    dataset = Dataset.get_by_name(workspace, "rows")
    assert dataset.to_pandas_dataframe().to_dict("list") == {"a": [1], "b": [2]}


TREE = """
import os, signal, subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(100)"
child = subprocess.Popen([sys.executable, "-c", code])
open({pids!r}, "w").write(f"{{os.getpid()}} {{child.pid}} .")
time.sleep(100)
"""


def test_runs_that_end_badly_say_how(submit: Callable[..., Run], tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    failing = submit("print('before'); raise ValueError('no rows')")
    slow = submit("import time; time.sleep(100)", max_run_duration_seconds=1)
    tree = submit(TREE.format(pids=str(pids)))
    with pytest.raises(RunFailed, match=r"exit code 1.*ValueError: no rows"):
        failing.wait_for_completion(timeout_seconds=SECONDS)
    with pytest.raises(RunFailed, match="longer than 1 seconds"):
        slow.wait_for_completion(timeout_seconds=SECONDS)
    wait_until(lambda: pids.exists() and pids.read_text().endswith("."), SECONDS)
    tree.cancel()
    with pytest.raises(RunFailed, match="was canceled"):
        tree.wait_for_completion(timeout_seconds=SECONDS)
    for pid in pids.read_text().split()[:2]:
        wait_until(lambda pid=pid: start_time(int(pid)) is None, SECONDS)


def test_another_process_goes_on_with_what_a_killed_one_began(
    workspace: Workspace, submit: Callable[..., Run], tmp_path: Path
) -> None:
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    run = submit(
        "import os, time\nfrom tandemlab import Run\n"
        f"open({str(begun)!r}, 'a').write('x')\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
        "for step in range(100): Run.get_context().log('x', step)"
    )
    wait_until(begun.exists, SECONDS)
    wait_until(lambda: run.status is RunStatus.RUNNING, SECONDS)
    pid = agent_pid(workspace)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: agent_pid(workspace) is None)
    gate.touch()
    run.wait_for_completion(timeout_seconds=SECONDS)
    assert begun.read_text() == "x"
    assert run.get_metrics() == {"x": list(range(100))}


def test_many_runs_wait_and_each_is_run_once(
    workspace: Workspace, target: str, tmp_path: Path
) -> None:
    source, begun = tmp_path / "source", tmp_path / "begun"
    source.mkdir()
    config = ScriptRunConfig(
        source, command=f"echo $TANDEMLAB_RUN_ID >> {begun}", compute_target=target
    )
    number = 8 if target == "ray" else 50  # Ray starts two processes of Python for each
    runs = [workspace.experiment("jobs").submit(config) for _ in range(number)]
    for run in runs:
        run.wait_for_completion(timeout_seconds=SECONDS)
    assert sorted(begun.read_text().split()) == sorted(run.id for run in runs)
    assert ComputeTarget.get(workspace, target).capacity().used == 0


@pytest.mark.parametrize("target", ["ssh", "slurm"], indirect=True)
@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_target_that_is_away_loses_nothing_and_starts_nothing_twice(
    workspace: Workspace,
    submit: Callable[..., Run],
    tmp_path: Path,
    target: str,
    request: pytest.FixtureRequest,
) -> None:
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    code = (
        "import os, time\nfrom tandemlab import Run\nrun = Run.get_context()\n"
        f"open({str(begun)!r}, 'a').write('x')\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
        "for step in range(500): run.log('x', step)\nprint('done')"
    )
    run = submit(code)
    wait_until(begun.exists, SECONDS)
    log = workspace.folder.agent / "agent.log"
    server = request.getfixturevalue(target)
    leave, come = {
        "ssh": lambda: (server.cut, server.start),
        "slurm": lambda: (server.stop_controller, server.start_controller),
    }[target]()
    leave()
    try:
        gate.touch()
        second = submit(code)
        wait_until(lambda: f"run {second.id}: " in log.read_text(), SECONDS)
        stay_away()
        assert not run.status.is_terminal and not second.status.is_terminal
    finally:
        come()
    for each in (run, second):
        each.wait_for_completion(timeout_seconds=SECONDS)
        assert each.get_metrics() == {"x": list(range(500))}
    assert begun.read_text() == "xx"


def test_a_job_that_is_submitted_twice_starts_once(
    workspace: Workspace, target: str, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    run = workspace.experiment("jobs").create_run(type="script", target=target)
    place = find_target(target, workspace.folder).place_of(run.id)
    command = ["/bin/sh", "-c", f"echo x >> {begun}"]
    job = Job(run.id, run.directory, place, command)
    (run.directory / "work").mkdir(parents=True)
    first = find_target(target, workspace.folder)
    handle = first.submit(job)
    other = find_target(target, workspace.folder)
    other.submit(job)
    wait_until(lambda: other.find(job) is not None, SECONDS)  # once it has started
    started = StartedJob(job, handle)
    wait_until(lambda: not other.poll([started])[0].is_running, SECONDS)
    assert other.poll([started])[0].exit_code == 0
    other.fetch(started)
    assert begun.read_text() == "x\n"
    assert all(node.cpus > 0 for node in other.nodes())
