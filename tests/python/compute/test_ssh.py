"""Machines behind SSH: what is sent, who is let in, and what happens when one is away."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.ssh import Sshd, attach_ssh, make_key, reached_by
from plugins.waiting import wait_until
from tandemlab import (
    ComputeTarget,
    Dataset,
    Environment,
    Run,
    ScriptRunConfig,
    Workspace,
)
from tandemlab.bridge import find_r
from tandemlab.compute.remote.launchers import FUNCTIONS
from tandemlab.compute.remote.shell import LocalShell
from tandemlab.compute.remote.ssh_shell import SshShell
from tandemlab.domain import (
    InvalidInput,
    InvalidState,
    NotAllowed,
    NotFound,
    RunFailed,
    RunStatus,
    StorageError,
)
from tandemlab.domain.environments import ContainerSection
from tandemlab.domain.jobs import Distribution, Input, Output, Resources
from tandemlab.environments import PythonSection, RPackage, RSection

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]
SECONDS = 60


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    return made


def finished(workspace: Workspace, source: Path, code: str, **options: Any) -> Run:
    (source / "job.py").write_text(code)
    config = ScriptRunConfig(source, "job.py", compute_target="ssh", **options)
    run = workspace.experiment("jobs").submit(config)
    run.wait_for_completion(timeout_seconds=SECONDS)
    return run


def _broken() -> Iterator[bytes]:
    yield b"first"
    raise StorageError("It became shorter while it was sent.")


def test_a_shell_takes_any_script_and_bytes_and_says_what_went_wrong(ssh: Sshd) -> None:
    settings = {"host": "127.0.0.1", "port": ssh.port, "host_key": ssh.host_key}
    there = SshShell({**settings, "username": ssh.user}, {"private_key": ssh.client_key})
    data = os.urandom(300_000)
    for shell in (there, LocalShell()):
        text = "it's \"$HOME\" `x` \\ 'r 1'\n"
        assert shell.run(f"cat <<'E'\n{text}E\n") == text.encode()
        assert shell.run("cat", [data[:7], data[7:]]) == data
        assert shell.run("exit 0", [data] * 20) == b""
        with pytest.raises(StorageError, match="no such thing"):
            shell.run("echo no such thing >&2; exit 3")
        with pytest.raises(StorageError, match="became shorter"):
            shell.run("cat > /dev/null; sleep 60", _broken())
    there.close()
    assert there.run("echo again") == b"again\n"
    there.close()


def test_an_archive_that_ends_too_early_starts_nothing(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "cut.tar", "w") as tar:  # whole entries, but not all of them
        tar.add(__file__, "tmp/token/run/inputs/file")
    script = f"root={shlex.quote(str(tmp_path))}\n{FUNCTIONS}\nstage run '' token && echo begun"
    with pytest.raises(StorageError, match="cut on its way"):
        LocalShell().run(script, [(tmp_path / "cut.tar").read_bytes()])
    assert not (tmp_path / "runs").exists()


def test_only_what_has_changed_is_sent(workspace: Workspace, ssh: Sshd, source: Path) -> None:
    target = attach_ssh(workspace, ssh)
    root = Path(target.settings["directory"])
    (source / "data").mkdir()
    for number in range(20):
        (source / "data" / f"{number}.txt").write_text(str(number))
    (source / "tool.sh").write_text("#!/bin/sh\necho tool\n")
    (source / "tool.sh").chmod(0o755)
    code = "import os; print(os.access('tool.sh', os.X_OK), len(os.listdir('data')))"
    first = finished(workspace, source, code)
    assert first.read_log()[0] == "True 20\n"
    blobs = set(root.glob("blobs/*/*"))
    again = finished(workspace, source, code + "\nopen('data/0.txt', 'w').write('changed')")
    assert again.read_log()[0] == "True 20\n"
    assert len(set(root.glob("blobs/*/*")) - blobs) == 1
    assert (root / "snapshots" / str(again.record.snapshot) / "data" / "0.txt").read_text() == "0"
    assert not list((root / "runs").iterdir())
    wait_until(lambda: not list((root / "tmp").iterdir()), SECONDS)


def test_inputs_outputs_datasets_and_processes_are_there(
    workspace: Workspace, ssh: Sshd, source: Path, tmp_path: Path
) -> None:
    attach_ssh(workspace, ssh)
    table = tmp_path / "there.csv"
    table.write_text("a,b\n1,2\n")
    run = finished(
        workspace,
        source,
        "import os, sys\n"
        "names = ('copy', 'files', 'table')\n"
        "copy, files, table = (os.environ['TANDEMLAB_INPUT_' + name] for name in names)\n"
        "assert sys.argv[1] == copy and open(copy).read() == 'a,b\\n1,2\\n'\n"
        "assert os.listdir(files) == ['there.csv'] and open(table, 'rb').read(6) == b'ARROW1'\n"
        "rank = os.environ['RANK']\n"
        "open(os.environ['TANDEMLAB_OUTPUT_made'] + '/' + rank, 'w').write(rank)",
        arguments=["${inputs.copy}"],
        inputs={
            "copy": Input(str(table), mode="download"),
            "table": Dataset.Tabular.from_delimited_files(table).as_named_input("table"),
            "files": Dataset.File.from_files(table).as_named_input("files"),
        },
        outputs={"made": Output(register_as="made")},
        distribution=Distribution(2),
    )
    assert run.read_file("outputs/made/0") == b"0" and run.read_file("outputs/made/1") == b"1"
    assert len(Dataset.get_by_name(workspace, "made").to_path()) == 2
    config = ScriptRunConfig(
        source, "job.py", compute_target="ssh", inputs={"x": Input("/not/there")}
    )
    missing = workspace.experiment("jobs").submit(config)
    with pytest.raises(RunFailed, match="'x' is not there: /not/there"):
        missing.wait_for_completion(timeout_seconds=SECONDS)


def test_an_environment_is_built_there_once_by_a_uv_that_is_sent_along(
    workspace: Workspace, ssh: Sshd, source: Path
) -> None:
    target = attach_ssh(workspace, ssh)
    assert "uv" not in target.settings
    environment = Environment("six", python=PythonSection(("six==1.16.0",)))
    code = (
        "import six, sys; from tandemlab import Run; Run.get_context().tag('six', six.__version__)"
    )
    runs = [finished(workspace, source, code, environment=environment) for _ in range(2)]
    assert [run.tags["six"] for run in runs] == ["1.16.0"] * 2
    logs = ["system/environment_build.log" in run.get_file_names() for run in runs]
    assert logs == [True, False]
    missing = Environment("none", python=PythonSection(("tandemlab-no-such-package",)))
    with pytest.raises(RunFailed, match="tandemlab-no-such-package"):
        finished(workspace, source, code, environment=missing)


def test_r_packages_are_built_there_and_what_is_wrong_is_named(
    workspace: Workspace, ssh: Sshd, source: Path, repository: str
) -> None:
    attach_ssh(workspace, ssh)
    (source / "job.R").write_text(
        "tandemlab::log_metric_to_run('made', tart::bake())\n"
        "stopifnot(grepl('/environments/', find.package('tart')))\n"
    )
    experiment = workspace.experiment("jobs")

    def run(**r: Any) -> Run:
        section = RSection(**{"packages": (RPackage("tart"),), "repositories": (repository,), **r})
        environment = Environment("kitchen", r=section)
        config = ScriptRunConfig(source, "job.R", compute_target="ssh", environment=environment)
        submitted = experiment.submit(config)
        submitted.wait_for_completion(timeout_seconds=SECONDS)
        return submitted

    made = run()
    assert made.get_metrics() == {"made": "tart with plums 2.0"}
    recorded = made.get_environment() or {}
    assert recorded["language"] == "r" and recorded["packages"]["tart"] == "1.1"
    for options, words in (
        ({"packages": (RPackage("nosuch"),)}, "not in the repositories: nosuch"),
        ({"version": "3.1"}, "R 3.1 is needed, and .* is 4"),
        ({"system_packages": ("no-such-package",)}, "packages of the system .* no-such-package"),
        ({"libraries": ("/not/there",)}, "libraries of R are not there: /not/there"),
    ):
        with pytest.raises(RunFailed, match=words):
            run(**options)


def test_a_password_lets_in_and_stays_in_the_vault(
    workspace: Workspace, ssh_by_password: Sshd, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = ssh_by_password
    assert server.password is not None
    by_password = {"private_key_file": None, "password": server.password}
    with pytest.raises(NotAllowed, match="does not let you in"):
        attach_ssh(workspace, server)
    with pytest.raises(NotAllowed, match="does not let you in"):
        attach_ssh(workspace, server, **{**by_password, "password": "another"})
    target = attach_ssh(workspace, server, **by_password)
    run = finished(workspace, source, "print('in')")
    assert run.read_log()[0] == "in\n"
    kept = b"".join(path.read_bytes() for path in workspace.path.rglob("*") if path.is_file())
    assert server.password.encode() not in kept
    assert server.password not in caplog.text + repr(target) + str(target.settings)
    workspace.get_default_keyvault().delete_secret("compute.ssh")
    with pytest.raises(NotFound, match="Attach the target again"):
        finished(workspace, source, "print('out')")


def test_the_users_agent_of_keys_lets_in(
    workspace: Workspace,
    ssh: Sshd,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # no keys of whoever runs the tests
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        wait_until(socket.exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        with pytest.raises(NotAllowed, match="does not let you in"):
            attach_ssh(workspace, ssh, private_key_file=None)
        subprocess.run(["ssh-add", "-q", ssh.folder / "client"], check=True)
        target = attach_ssh(workspace, ssh, private_key_file=None)
        assert finished(workspace, source, "print('in')").read_log()[0] == "in\n"
        assert [step.name for step in target.check() if step.problem] == []
    finally:
        agent.terminate()
        agent.wait()
    assert workspace.get_default_keyvault().list_secrets() == []


def test_what_is_wrong_with_a_machine_is_told_step_by_step(
    workspace: Workspace, ssh: Sshd, tmp_path: Path
) -> None:
    python, small = tmp_path / "python", ssh.new_folder()
    python.symlink_to(sys.executable)
    target = attach_ssh(workspace, ssh, python=str(python), directory=str(small))

    def problems() -> dict[str, str]:
        return {step.name: step.problem for step in target.check() if step.problem}

    assert problems() == {}
    python.unlink()
    assert "does not work" in problems()["Python"]
    python.symlink_to(sys.executable)
    shutil.rmtree(small)
    small.write_text("a file")
    assert "cannot be written" in problems()["folder"]
    small.unlink()
    if os.getuid() == 0:
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
        try:
            assert "1 MB free" in problems()["folder"]
        finally:
            subprocess.run(["umount", small], check=True)
    allowed = ssh.folder / "authorized_keys"
    keys = allowed.read_text()
    try:
        allowed.write_text("")
        assert "does not let you in" in problems()["connection"]
        allowed.write_text(keys)
        ssh.stop()
        assert "cannot be reached" in problems()["connection"]
        ssh.change_host_key()
        ssh.start()
        (step,) = [each for each in target.check() if each.problem]
        assert "another host key" in step.problem and "register it again" in step.repair
    finally:
        allowed.write_text(keys)
        if ssh.process is None:
            ssh.start()


def test_what_no_run_has_used_for_long_is_removed_and_nothing_that_a_run_needs(
    workspace: Workspace, ssh: Sshd, source: Path, tmp_path: Path
) -> None:
    target = attach_ssh(workspace, ssh)
    root, gate = Path(target.settings["directory"]), tmp_path / "gate"
    (source / "data.txt").write_text("first")
    first = finished(workspace, source, "print(open('data.txt').read())")
    assert target.clean(unused_days=0) == []  # within the hour
    code = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)"
    (source / "job.py").write_text(code)
    config = ScriptRunConfig(source, "job.py", compute_target="ssh")
    running = workspace.experiment("jobs").submit(config)
    wait_until(lambda: running.status is RunStatus.RUNNING, SECONDS)
    wait_until(lambda: any(root.glob("runs/*/job/pid")), SECONDS)
    old = time.time() - 3 * 86400
    for path in (*root.glob("snapshots/*"), *root.glob("core/*")):
        os.utime(path, (old, old))
    assert target.clean(unused_days=5) == []
    (removed,) = target.clean(unused_days=1)
    assert (removed.kind, removed.name) == ("snapshots", first.record.snapshot)
    assert removed.size > 0 and (root / "snapshots" / str(running.record.snapshot)).is_dir()
    gate.touch()
    running.wait_for_completion(timeout_seconds=SECONDS)
    again = finished(workspace, source, "print(open('data.txt').read())")
    assert again.read_log()[0] == "first\n"
    with pytest.raises(InvalidInput, match="at least 0"):
        target.clean(unused_days=-1)
    with pytest.raises(InvalidState, match="environment prune"):
        ComputeTarget.get(workspace, "local").clean()


def test_a_machine_is_reached_through_another_and_known_by_its_key(
    workspace: Workspace, ssh: Sshd, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    user = f"{ssh.user}@127.0.0.1:{ssh.port}"
    target = attach_ssh(workspace, ssh, jump=user, jump_host_key=ssh.host_key)
    assert [node.state for node in target.nodes()] == ["up"]
    assert [step.name for step in target.check() if step.problem] == []
    assert ssh.client_key not in str(target.settings) + repr(target) + caplog.text
    other = make_key(ssh.folder / "other").splitlines() and (ssh.folder / "other.pub").read_text()
    with pytest.raises(NotAllowed, match="another host key"):
        attach_ssh(workspace, ssh, host_key=other)
    with pytest.raises(NotAllowed, match="another host key"):
        attach_ssh(workspace, ssh, jump=user, jump_host_key=other)
    with pytest.raises(NotAllowed, match="does not let you in"):
        attach_ssh(workspace, ssh, private_key_file=ssh.folder / "other")
    assert ComputeTarget.get(workspace, "ssh").version == 1
    config = ScriptRunConfig(source, "job.py", compute_target="ssh", resources=Resources(gpus=1))
    (source / "job.py").touch()
    with pytest.raises(InvalidInput, match="does not deal out GPUs"):
        workspace.experiment("jobs").submit(config)
    inside = Environment("inside", container=ContainerSection("debian:12"))
    config = ScriptRunConfig(source, "job.py", compute_target="ssh", environment=inside)
    with pytest.raises(InvalidInput, match="runs no containers"):
        workspace.experiment("jobs").submit(config)
    target.detach()
    with pytest.raises(NotFound, match="no compute target 'ssh'"):
        ComputeTarget(workspace, "ssh")
    assert workspace.get_default_keyvault().list_secrets() == []


def test_r_attaches_a_machine_and_runs_on_it(
    workspace: Workspace, ssh: Sshd, tmp_path: Path
) -> None:
    there = reached_by(ssh)
    script = tmp_path / "attach.R"
    script.write_text(
        "library(tandemlab)\n"
        f"ws <- get_workspace({str(workspace.path)!r})\n"
        f"vm <- attach_remote_compute(ws, 'vm', '127.0.0.1', username = {ssh.user!r},\n"
        f"  ssh_port = {ssh.port}L, private_key = {str(ssh.folder / 'client')!r},\n"
        f"  host_key = {ssh.host_key!r}, directory = {there['directory']!r},\n"
        f"  python = {sys.executable!r}, rscript = {there['rscript']!r})\n"
        "stopifnot(all(check_compute(vm)$ok), list_nodes_in_compute(vm)$cpus > 0)\n"
        "writeLines('library(tandemlab); log_metric_to_run(\"x\", 2)', 'job.R')\n"
        "config <- script_run_config('.', 'job.R', compute_target = 'vm')\n"
        "run <- submit_experiment(experiment(ws, 'study'), config)\n"
        "wait_for_run_completion(run, show_output = FALSE)\n"
        "stopifnot(identical(get_run_metrics(run)$x, 2), nrow(list_computes(ws)) == 2)\n"
        "detach_compute(vm)\n"
        "stopifnot(is.null(get_compute(ws, 'vm')))\n"
    )
    done = subprocess.run(
        [find_r().rscript, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
