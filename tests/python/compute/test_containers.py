"""Jobs in containers: the command lines of all engines, and real ones where podman can run here."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.waiting import wait_until
from tandemlab import Environment, ScriptRunConfig, Workspace
from tandemlab.compute.containers import command_line, launcher
from tandemlab.domain import InvalidInput, MissingDependency, RunFailed, RunStatus
from tandemlab.domain.jobs import Distribution, Job, JobContainer, Resources
from tandemlab.environments import ContainerSection, PythonSection
from tandemlab.environments.containers import Engine

IMAGE = "localhost/tandemlab-test:1"
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


def python_image() -> bytes:
    """A root with this Python, a shell and what tandemlab needs, as a tar file."""
    base = Path(sys.base_prefix)
    python = base / "bin" / f"python3.{sys.version_info.minor}"
    packages = Path(next(path for path in sys.path if path.endswith("site-packages")))
    files: dict[str, Path] = {}

    def add(path: Path, name: str | None = None) -> None:
        files[(name or str(path)).lstrip("/")] = path

    def add_folder(folder: Path, name: str) -> None:
        for path in folder.rglob("*"):
            parts = path.relative_to(folder).parts
            if path.is_file() and not {"__pycache__", "site-packages", "test"} & set(parts):
                add(path, f"{name}/{path.relative_to(folder)}")

    standard = base / "lib" / f"python3.{sys.version_info.minor}"
    add(python)
    add_folder(standard, str(standard))
    for package in ("sqlalchemy", "platformdirs", "msgspec"):
        add_folder(packages / package, f"{standard}/site-packages/{package}")
    add(packages / "typing_extensions.py", f"{standard}/site-packages/typing_extensions.py")
    add(Path("/bin/sh"))
    programs = [str(python), "/bin/sh", *map(str, standard.glob("lib-dynload/*.so"))]
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    for library in set(re.findall(r"(/\S+\.so\S*) \(", listed)):
        add(Path(library))
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, path in files.items():
            tar.add(path.resolve(), name, recursive=False)
        link = tarfile.TarInfo("usr/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, str(python)
        tar.addfile(link)
        for folder in ("tmp", "proc", "sys", "dev", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(entry)
        mark = tarfile.TarInfo("etc/image")
        mark.size = 5
        tar.addfile(mark, io.BytesIO(b"boxed"))
    return stream.getvalue()


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables with which podman has a place of its own, with the image."""
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed")
    root = tmp_path_factory.mktemp("podman")
    storage = root / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{root}/graph"\nrunroot = "{root}/run"\n'
    )
    settings = root / "containers.conf"
    limits = 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]'
    settings.write_text(f'[containers]\n{limits}\n[engine]\nruntime = "runc"\n')
    plain = {"CONTAINERS_STORAGE_CONF": str(storage)}
    imported = subprocess.run(
        ["podman", "import", "-", IMAGE],
        input=python_image(),
        capture_output=True,
        env={**os.environ, **plain},
    )
    if imported.returncode != 0:
        pytest.skip(f"podman cannot import an image here: {imported.stderr.decode()[-200:]}")
    problem = ""
    for variables in (plain, {**plain, "CONTAINERS_CONF": str(settings)}):
        command = ["podman", "run", "--rm", "--network", "host", IMAGE, "/bin/sh", "-c", "exit 7"]
        tried = subprocess.run(command, capture_output=True, env={**os.environ, **variables})
        if tried.returncode == 7:
            yield variables
            return
        problem = tried.stderr.decode()[-200:]
    pytest.skip(f"podman cannot run containers here: {problem}")


@pytest.fixture
def boxed(podman: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Environment:
    for name, value in podman.items():
        monkeypatch.setenv(name, value)
    return Environment("boxed", container=ContainerSection(IMAGE, "podman"))


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
