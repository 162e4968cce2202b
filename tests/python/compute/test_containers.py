"""Jobs in containers: the command lines of all engines, and real ones where podman can run here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from plugins.waiting import wait_until
from tandemlab import Environment, ScriptRunConfig, Workspace
from tandemlab.compute.containers import command_line, launcher
from tandemlab.domain import InvalidInput, MissingDependency, RunFailed, RunStatus
from tandemlab.domain.jobs import Distribution, Job, JobContainer, Resources
from tandemlab.environments import ContainerSection, PythonSection
from tandemlab.environments.containers import Engine

PLACES = (Path("/lab/runs/demo_1"), "/lab/runs/demo_1")


def words(engine: str, section: ContainerSection, **job: object) -> list[str]:
    container = JobContainer(section, {"/lab": True, "/data": False})
    made = Job("demo_1", *PLACES, ["python3", "a.py"], container=container, **job)  # type: ignore[arg-type]
    program = Engine(engine, f"/usr/bin/{engine}")
    return command_line(program, made, container, made.command, {"A": "1, 'x'"})


@pytest.mark.parametrize("engine", ["podman", "docker"])
def test_a_container_has_the_runs_places_user_and_variables(engine: str) -> None:
    line = words(engine, ContainerSection("python:3.12", arguments=("--read-only",)))
    text = " ".join(line)
    assert line[:5] == [f"/usr/bin/{engine}", "run", "--rm", "--name", "tandemlab-demo_1"]
    assert "--volume /lab:/lab --volume /data:/data:ro" in text
    assert f"--user {os.getuid()}:{os.getgid()}" in text and "--pull never" in text
    assert "A=1, 'x'" in line and "--workdir /lab/runs/demo_1/work --entrypoint" in text
    assert line[-4:] == ["--read-only", "python:3.12", "python3", "a.py"]
    assert "--ipc host" in text and "--memory" not in text
    limited = " ".join(words(engine, ContainerSection("i", shm_size="2g"), max_memory=1000))
    assert "--shm-size 2g --memory 1000b --memory-swap 1000b" in limited
    assert "--ipc" not in limited


def test_apptainer_gets_variables_whole_and_images_of_registries() -> None:
    line = words("apptainer", ContainerSection("python:3.12"))
    assert line[0] == "env" and "APPTAINERENV_A=1, 'x'" in line
    assert line[line.index("/usr/bin/apptainer") + 1] == "exec"
    assert line[-3:] == ["docker://python:3.12", "python3", "a.py"]
    assert "/data:/data:ro" in line


def test_processes_are_started_by_the_python_of_the_image() -> None:
    container = JobContainer(ContainerSection("i"), {})
    job = Job("demo_1", *PLACES, ["python3"], processes=2, container=container)
    assert launcher(job)[0] == "python3"


def test_a_machine_without_an_engine_is_told_before_the_run_starts(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").touch()
    environment = Environment("boxed", container=ContainerSection("python:3.12"))
    config = ScriptRunConfig(tmp_path, "a.py", environment=environment)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependency, match="no podman, docker, apptainer"):
        workspace.experiment("jobs").submit(config)
    broken = tmp_path / "docker"
    broken.write_text("#!/bin/sh\necho 'Is the docker daemon running?' >&2; exit 1\n")
    broken.chmod(0o755)
    with pytest.raises(MissingDependency, match="docker does not work: Is the docker daemon"):
        workspace.experiment("jobs").submit(config)
    assert list(workspace.experiment("jobs").get_runs()) == []


def test_an_image_brings_all_packages_and_comes_from_a_file_too() -> None:
    section = ContainerSection("python:3.12", "podman", "2g", ("--read-only",))
    environment = Environment("boxed", container=section)
    assert Environment.from_dict(environment.to_dict()) == environment
    with pytest.raises(InvalidInput, match="packages beside it"):
        Environment("boxed", PythonSection(("six",)), container=section)
    with pytest.raises(InvalidInput, match="no engine of containers"):
        ContainerSection("python:3.12", "lxc")


# For real


@pytest.fixture
def boxed(podman: str) -> Environment:
    return Environment("boxed", container=ContainerSection(podman, "podman"))


def submit(workspace: Workspace, folder: Path, code: str, environment: Environment, **more: object):  # type: ignore[no-untyped-def]
    (folder / "job.py").write_text(code)
    config = ScriptRunConfig(folder, "job.py", environment=environment, **more)  # type: ignore[arg-type]
    return workspace.experiment("jobs").submit(config)


@pytest.mark.services
def test_a_script_runs_in_the_image_and_logs_as_ever(
    workspace: Workspace, tmp_path: Path, boxed: Environment
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.txt").write_text("42")
    source = tmp_path / "source"
    source.mkdir()
    code = (
        "import os, sys\nfrom tandemlab import Run\nrun = Run.get_context()\n"
        "run.log('answer', int(open(sys.argv[1]).read()))\n"
        "print(open('/etc/image').read(), os.getuid(), os.environ['GREETING'])\n"
        "open('outputs/made.txt', 'w').write('yes')\n"
        "print('refused', file=sys.stderr) if not os.access(sys.argv[1], os.W_OK) else None\n"
    )
    run = submit(
        workspace,
        source,
        code,
        boxed,
        inputs={"data": tmp_path / "data" / "x.txt"},
        arguments=["${inputs.data}"],
        environment_variables={"GREETING": 'it\'s "here", $HOME'},
    )
    run.wait_for_completion(timeout_seconds=90)
    assert run.get_metrics() == {"answer": 42}
    assert run.read_log()[0].splitlines()[0] == f'boxed {os.getuid()} it\'s "here", $HOME'
    assert "outputs/made.txt" in run.get_file_names()


@pytest.mark.services
def test_exit_codes_and_cancel_are_those_of_the_script(
    workspace: Workspace, tmp_path: Path, boxed: Environment
) -> None:
    run = submit(workspace, tmp_path, "import sys; sys.exit(3)", boxed)
    with pytest.raises(RunFailed):
        run.wait_for_completion(timeout_seconds=90)
    assert run.record.exit_code == 3
    run = submit(
        workspace, tmp_path, "import time\nprint('on', flush=True)\ntime.sleep(600)", boxed
    )
    wait_until(lambda: run.read_log()[0] == "on\n", seconds=60)
    run.cancel()
    run.wait_for_completion(raise_on_error=False, timeout_seconds=60)
    assert run.status is RunStatus.CANCELED
    listed = subprocess.run(["podman", "ps", "--all", "--quiet"], capture_output=True, check=True)
    assert listed.stdout == b""


@pytest.mark.services
def test_an_image_that_cannot_be_had_fails_the_run_by_name_before_its_script(
    workspace: Workspace, tmp_path: Path, boxed: Environment
) -> None:
    missing = boxed.replace(container=ContainerSection("localhost:1/none:1", "podman"))
    run = submit(workspace, tmp_path, "print('on')", missing)
    with pytest.raises(RunFailed, match=r"localhost:1/none:1' of the environment 'boxed' cannot"):
        run.wait_for_completion(timeout_seconds=90)
    assert run.read_log()[0] == ""


@pytest.mark.services
def test_processes_in_a_container_find_each_other_and_their_memory_is_limited(
    workspace: Workspace, tmp_path: Path, boxed: Environment
) -> None:
    code = (
        "import os, socket\n"
        "place = (os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']))\n"
        "if os.environ['RANK'] == '0':\n"
        "    with socket.create_server(place) as server, server.accept()[0] as other:\n"
        "        print(other.recv(9).decode(), open('/etc/image').read())\n"
        "else:\n"
        "    while True:\n"
        "        try:\n"
        "            socket.create_connection(place).sendall(b'rank 1 of')\n"
        "            break\n"
        "        except ConnectionRefusedError:\n"
        "            pass\n"
    )
    run = submit(workspace, tmp_path, code, boxed, distribution=Distribution(2))
    run.wait_for_completion(timeout_seconds=90)
    assert run.read_log()[0] == "rank 1 of boxed\n"
    code = "import time\nkept = bytearray(400_000_000)\ntime.sleep(90)"
    run = submit(workspace, tmp_path, code, boxed, resources=Resources(memory="200MB"))
    run.wait_for_completion(raise_on_error=False, timeout_seconds=90)
    assert run.status is RunStatus.FAILED
    assert "memory" in run.get_details()["error"]["message"]


@pytest.mark.services
def test_a_script_of_r_logs_by_the_package_of_this_machine(
    workspace: Workspace, tmp_path: Path, boxed: Environment
) -> None:
    (tmp_path / "job.R").write_text(
        "library(tandemlab)\n"
        "log_metric_to_run('answer', 42)\n"
        "cat(readLines('/etc/image', warn = FALSE), commandArgs(TRUE), '\\n')\n"
        "saveRDS(cars, 'outputs/cars.rds')\n"
        "if (nchar(get_current_run()$id) == 0) stop('no run')\n"
    )
    config = ScriptRunConfig(tmp_path, "job.R", {"share": 0.5}, environment=boxed)
    run = workspace.experiment("jobs").submit(config)
    run.wait_for_completion(timeout_seconds=90)
    assert run.get_metrics() == {"answer": 42}
    assert run.read_log()[0] == "boxed --share 0.5 \n"
    assert "outputs/cars.rds" in run.get_file_names()
