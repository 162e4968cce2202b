"""The local target and its agent, with real processes."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from plugins.waiting import wait_until
from plugins.workspaces import agent_pid
from tandemlab import Run, ScriptRunConfig, Workspace
from tandemlab.compute.queue import Queue
from tandemlab.compute.scripts import job_script
from tandemlab.domain import InvalidInput, InvalidState, NewRun, RunFailed, RunStatus
from tandemlab.domain.times import now

pytestmark = pytest.mark.full


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    return made


@pytest.fixture
def submit(workspace: Workspace, source: Path) -> Callable[..., Run]:
    def submit_script(code: str, **options: Any) -> Run:
        name = f"script_{len(list(source.iterdir()))}.py"
        (source / name).write_text(code)
        return workspace.experiment("jobs").submit(ScriptRunConfig(source, name, **options))

    return submit_script


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_fifty_runs_on_two_slots_all_complete(
    workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_SLOTS", "2")
    config = ScriptRunConfig(source, command="date +%s.%N; sleep 0.05; date +%s.%N")
    runs = [workspace.experiment("jobs").submit(config) for _ in range(50)]
    for run in runs:
        run.wait_for_completion(timeout_seconds=60)
    times = [tuple(map(float, run.read_log()[0].split())) for run in runs]
    assert all(sum(start <= at < end for start, end in times) <= 2 for at, _ in times)
    frame = workspace.runs_table("jobs")
    assert set(frame["status"]) == {"Completed"} and len(frame["run_id"]) == 50


def test_of_runs_with_a_limit_no_more_run_at_once_and_others_pass_them(
    workspace: Workspace, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_SLOTS", "8")
    gate = tmp_path / "gate"
    waits = f"date +%s.%N; while [ ! -e {gate} ]; do sleep 0.02; done; date +%s.%N"
    config = ScriptRunConfig(source, command=waits)
    experiment = workspace.experiment("jobs")
    runs = experiment.submit_all([config] * 6, max_concurrent_runs=2)
    other = experiment.submit(ScriptRunConfig(source, command="true"))
    other.wait_for_completion(timeout_seconds=60)
    assert [run.status for run in runs[2:]] == [RunStatus.QUEUED] * 4
    gate.touch()
    for run in runs:
        run.wait_for_completion(timeout_seconds=60)
    times = [tuple(map(float, run.read_log()[0].split())) for run in runs]
    assert max(sum(start <= at < end for start, end in times) for at, _ in times) == 2
    with pytest.raises(InvalidInput, match="max_concurrent_runs must be a whole number"):
        experiment.submit_all([config], max_concurrent_runs=0)


def test_a_script_works_on_a_copy_of_its_folder(source: Path, submit: Callable[..., Run]) -> None:
    (source / "data.csv").write_text("a\n1\n")
    (source / "outputs").mkdir()
    (source / "outputs" / "old.txt").write_text("from before")
    run = submit("open('data.csv', 'a').write('2'); open('outputs/new.txt', 'w').write('3')")
    run.wait_for_completion()
    assert (source / "data.csv").read_text() == "a\n1\n"
    assert run.get_file_names() == [
        "outputs/new.txt",
        "system/environment.json",
        "user_logs/std_log.txt",
    ]


def test_output_and_errors_are_followed_while_the_script_runs(
    submit: Callable[..., Run], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    run = submit(
        "import sys, os, time\n"
        "print('one'); print('two', file=sys.stderr)\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
        "print('three')"
    )
    wait_until(lambda: run.read_log()[0] == "one\ntwo\n")
    assert run.status is RunStatus.RUNNING
    gate.touch()
    run.wait_for_completion()
    text, offset = run.read_log(8)
    assert (text, offset) == ("three\n", 14)


def test_waiting_shows_the_output(submit: Callable[..., Run], capsys: Any) -> None:
    submit("print('häh 🚗')").wait_for_completion(show_output=True)
    assert capsys.readouterr().out == "häh 🚗\n"


def test_bytes_that_are_no_text_and_fifty_megabytes_are_fine(submit: Callable[..., Run]) -> None:
    run = submit(
        "import sys; out = sys.stdout.buffer\n"
        "out.write(b'\\xff\\xfe start\\n')\n"
        "for _ in range(50): out.write(b'x' * (1 << 20) + b'\\n')"
    )
    run.wait_for_completion()
    text, offset = run.read_log(limit=100)
    assert text.startswith("\ufffd\ufffd start\nxxx") and offset == 100
    assert run.log_path.stat().st_size == 9 + 50 * ((1 << 20) + 1)


@pytest.mark.parametrize(
    ("code", "exit_code", "error_code", "words"),
    [
        ("import sys; sys.exit(3)", 3, "exit", "exit code 3"),
        ("raise ValueError('no rows')", 1, "exit", "ValueError: no rows"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -11, "signal", "SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, "signal", "memory"),
        ("import os, signal; os.killpg(0, signal.SIGKILL)", None, "lost", "went away"),
    ],
)
def test_a_script_that_dies_says_how(
    submit: Callable[..., Run], code: str, exit_code: int | None, error_code: str, words: str
) -> None:
    run = submit(code)
    with pytest.raises(RunFailed, match=words) as caught:
        run.wait_for_completion()
    assert caught.value.details["exit_code"] == exit_code
    assert run.get_details()["error"]["code"] == error_code
    assert (run.directory / "work").is_dir()


def test_a_time_limit_ends_the_run(submit: Callable[..., Run]) -> None:
    run = submit("import time; time.sleep(60)", max_run_duration_seconds=0.3)
    with pytest.raises(RunFailed, match=r"longer than 0\.3 seconds"):
        run.wait_for_completion(timeout_seconds=20)
    assert run.status is RunStatus.FAILED


TREE = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.{handler})
child = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"])
open({pids!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(60)
"""


@pytest.mark.parametrize("handler", ["SIG_DFL", "SIG_IGN"])
def test_cancel_ends_every_process_even_those_that_ignore_it(
    submit: Callable[..., Run], tmp_path: Path, handler: str
) -> None:
    file = tmp_path / "pids"
    run = submit(TREE.format(handler=handler, pids=str(file)))
    wait_until(lambda: file.exists() and len(file.read_text().split()) == 2)
    run.cancel()
    with pytest.raises(RunFailed, match="was canceled"):
        run.wait_for_completion(timeout_seconds=20)
    wait_until(lambda: not any(is_running(int(pid)) for pid in file.read_text().split()))
    assert run.status is RunStatus.CANCELED
    with pytest.raises(InvalidState):
        run.cancel()


def test_a_queued_run_is_canceled_without_being_started(
    submit: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_SLOTS", "1")
    first = submit("import time; time.sleep(60)")
    wait_until(lambda: first.status is RunStatus.RUNNING)
    second = submit("print('started')")
    second.cancel()
    second.wait_for_completion(raise_on_error=False, timeout_seconds=20)
    assert (second.status, second.read_log()[0]) == (RunStatus.CANCELED, "")
    first.cancel()
    first.wait_for_completion(raise_on_error=False, timeout_seconds=20)


def test_jobs_survive_the_agents_death_and_the_next_agent_takes_over(
    workspace: Workspace, submit: Callable[..., Run], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    run = submit(
        "import os, time\nfrom tandemlab import Run\n"
        "print('begun')\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
        "Run.get_context().log('x', 0.5)"
    )
    wait_until(lambda: run.read_log()[0] == "begun\n")
    first = agent_pid(workspace)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: agent_pid(workspace) is None)
    gate.touch()
    run.wait_for_completion(timeout_seconds=30)
    assert run.get_metrics() == {"x": 0.5}
    assert agent_pid(workspace) != first
    assert run.read_log()[0] == "begun\n"  # it ran once


def test_a_run_that_ended_while_no_agent_lived_keeps_its_outcome(
    workspace: Workspace, submit: Callable[..., Run], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    run = submit(
        "import os, sys, time\nprint('begun')\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
        "sys.exit(7)"
    )
    wait_until(lambda: run.read_log()[0] == "begun\n")
    pid = agent_pid(workspace)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    gate.touch()
    wait_until(lambda: (run.directory / "job" / "exit").exists())
    assert run.status is RunStatus.RUNNING
    run.wait_for_completion(raise_on_error=False, timeout_seconds=30)
    assert (run.status, run.record.exit_code) == (RunStatus.FAILED, 7)


def test_killing_the_agent_again_and_again_runs_every_job_once(
    workspace: Workspace, submit: Callable[..., Run], tmp_path: Path
) -> None:
    started = tmp_path / "started"
    code = (
        "import time\nfrom tandemlab import Run\n"
        f"open({str(started)!r}, 'a').write('x'); time.sleep(0.1)\n"
        "for step in range(20): Run.get_context().log('x', step)"
    )
    runs = [submit(code) for _ in range(8)]

    def attended() -> int | None:
        workspace.attend()
        return agent_pid(workspace)

    for _ in range(5):
        wait_until(attended)
        time.sleep(0.2)
        pid = attended()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda killed=pid: not is_running(killed))
    for run in runs:
        run.wait_for_completion(timeout_seconds=60)
    assert started.read_text() == "x" * 8
    assert [run.get_metrics() for run in runs] == [{"x": list(range(20))}] * 8
    assert workspace.check(deep=True) == []


def test_however_many_submit_at_once_one_agent_starts(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    (source / "job.py").write_text("pass")
    code = (
        "from tandemlab import ScriptRunConfig, Workspace\n"
        f"experiment = Workspace({str(workspace.path)!r}).experiment('jobs')\n"
        f"config = ScriptRunConfig({str(source)!r}, 'job.py')\n"
        "for _ in range(2): print(experiment.submit(config).id)"
    )
    clients = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ids = [line for client in clients for line in client.communicate()[0].split()]
    for run_id in ids:
        workspace.get_run(run_id).wait_for_completion(timeout_seconds=60)
    log = (workspace.folder.agent / "agent.log").read_text()
    assert (len(ids), log.count("works with")) == (6, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_who_may_only_read_starts_no_agent_and_sees_no_error() -> None:
    with tempfile.TemporaryDirectory() as folder:  # others may enter it, unlike pytest's
        Path(folder).chmod(0o755)
        lab = Workspace.create(Path(folder) / "lab")
        code = (
            "import os; import tandemlab.tracking.agent; from tandemlab import Workspace\n"
            f"lab = Workspace({str(lab.path)!r}); os.setuid(65534); lab.attend()"
        )
        command = [sys.executable, "-c", code]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        lab.store.close()
        assert (result.returncode, result.stderr, agent_pid(lab)) == (0, "", None)


def test_a_run_that_is_being_started_is_not_started_again_from_what_was_read_meanwhile(
    workspace: Workspace,
) -> None:
    folder = workspace.folder
    run = NewRun(
        id="jobs_1",
        experiment="jobs",
        type="script",
        display_name="one",
        created=now(),
        status=RunStatus.QUEUED,
        target="local",
    )
    folder.add_run(run)
    queue = Queue(folder)
    assert [each.id for each in queue.waiting("local", busy=())] == [run.id]
    queue.forget()
    assert [*queue.waiting("local", busy={run.id})] == []
    folder.store.move_run(run.id, RunStatus.RUNNING)
    assert [*queue.waiting("local", busy=())] == []


def test_what_was_installed_is_recorded(submit: Callable[..., Run]) -> None:
    run = submit("pass")
    run.wait_for_completion(timeout_seconds=30)
    found = run.get_environment()
    assert found is not None
    assert found["version"] == ".".join(map(str, sys.version_info[:3]))
    assert found["packages"]["numpy"] == numpy.__version__


def test_a_run_whose_snapshot_is_lost_fails_and_says_so(
    workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tandemlab.tracking.Workspace.attend", lambda self: None)
    (source / "job.py").write_text("pass")
    run = workspace.experiment("jobs").submit(ScriptRunConfig(source, "job.py"))
    snapshot = run.record.snapshot
    assert snapshot is not None
    workspace.folder.blobs.path(snapshot).unlink()
    monkeypatch.undo()
    workspace.attend()
    with pytest.raises(RunFailed, match="could not be started"):
        run.wait_for_completion(timeout_seconds=30)


def test_an_interrupt_of_the_wait_leaves_the_run_alive(
    workspace: Workspace, submit: Callable[..., Run], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    run = submit(
        "import os, time\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
        "print('alive')"
    )
    code = (
        f"from tandemlab import Workspace; run = Workspace({str(workspace.path)!r})"
        f".get_run({run.id!r}); print('waiting', flush=True); run.wait_for_completion()"
    )
    waiter = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert waiter.stdout is not None and waiter.stdout.readline() == "waiting\n"
    time.sleep(0.1)
    waiter.send_signal(signal.SIGINT)
    assert f"run {run.id} goes on" in waiter.communicate()[1]
    gate.touch()
    run.wait_for_completion(timeout_seconds=30)
    assert run.read_log()[0] == "alive\n"


def test_an_idle_agent_ends(
    workspace: Workspace, submit: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "0.2")
    submit("pass").wait_for_completion(timeout_seconds=30)
    wait_until(lambda: agent_pid(workspace) is None)
    submit("pass").wait_for_completion(timeout_seconds=30)


def test_a_submitter_that_is_killed_leaves_its_run_alive(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    (source / "job.py").write_text("import time; time.sleep(0.5); print('alive')")
    code = (
        "import os, signal\nfrom tandemlab import ScriptRunConfig, Workspace\n"
        f"experiment = Workspace({str(workspace.path)!r}).experiment('jobs')\n"
        f"print(experiment.submit(ScriptRunConfig({str(source)!r}, 'job.py')).id, flush=True)\n"
        "os.killpg(0, signal.SIGKILL)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    run = workspace.get_run(result.stdout.strip())
    run.wait_for_completion(timeout_seconds=30)
    assert run.read_log()[0] == "alive\n"


def test_a_script_sees_its_variables_and_not_the_submitters_run(
    workspace: Workspace, submit: Callable[..., Run]
) -> None:
    run = submit(
        "import json, os; print(json.dumps({k: v for k, v in os.environ.items() "
        "if k.startswith('TANDEMLAB_RUN') or k == 'GREETING'}))",
        environment_variables={"GREETING": 'it\'s "fine"\nhere $HOME'},
    )
    run.wait_for_completion()
    assert json.loads(run.read_log()[0]) == {
        "GREETING": 'it\'s "fine"\nhere $HOME',
        "TANDEMLAB_RUN_ID": run.id,
        "TANDEMLAB_RUN_DIR": str(run.directory),
    }


def test_a_child_can_be_submitted_from_a_job(source: Path, submit: Callable[..., Run]) -> None:
    (source / "child.py").write_text("from tandemlab import Run; Run.get_context().log('x', 1)")
    run = submit(
        "from tandemlab import Run, ScriptRunConfig\n"
        "run = Run.get_context()\n"
        "child = run.submit_child(ScriptRunConfig('.', 'child.py'))\n"
        "child.wait_for_completion()\n"
        "run.log('from child', child.get_metrics()['x'])"
    )
    run.wait_for_completion(timeout_seconds=30)
    (child,) = run.get_children()
    assert (run.get_metrics(), child.get_metrics()) == ({"from child": 1}, {"x": 1})


def test_a_workspace_with_a_difficult_path_works(
    tmp_path: Path, submit: Callable[..., Run], source: Path
) -> None:
    lab = Workspace.create(tmp_path / 'it\'s a "läb" $HOME 🚗')
    (source / "job.py").write_text("import sys; print(sys.argv[1])")
    config = ScriptRunConfig(source, "job.py", ["a b 'c' \"d\" $HOME `x`"])
    run = lab.experiment("Unfälle 🚗").submit(config)
    run.wait_for_completion(timeout_seconds=30)
    assert run.read_log()[0] == "a b 'c' \"d\" $HOME `x`\n"
    lab.store.close()


@pytest.fixture
def job_place() -> Iterator[Path]:
    """A run's directory that is laid out for its job, where every user may write."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "run's"
        for part in ("job", "work", "files/user_logs"):
            (place / part).mkdir(parents=True)
        for each in (Path(folder), *Path(folder).rglob("*")):
            each.chmod(0o777)
        yield place


def run_job(place: Path, command: list[str], before: str = "", **options: Any) -> str:
    """Run the shell script of a job to its end; what is in its log."""
    script = place / "job.sh"
    script.write_text(before + job_script("run", str(place), command, {}))
    subprocess.run(["/bin/sh", script], check=False, timeout=60, **options)
    log = place / "files" / "user_logs" / "std_log.txt"
    return log.read_text() if log.exists() else ""


def test_a_job_whose_folder_is_gone_says_so(job_place: Path) -> None:
    (job_place / "work").rmdir()
    assert "work/ was removed as the job began" in run_job(job_place, ["true"])
    assert (job_place / "job" / "exit").read_text() == "126\n"


def test_a_job_that_cannot_be_claimed_says_so(job_place: Path) -> None:
    (job_place / "job").rmdir()
    log = run_job(job_place, ["echo", "ran"])
    assert "No such file" in log and log.endswith("could not begin. Submit the run again.\n")


def test_a_second_start_of_a_job_does_nothing(job_place: Path) -> None:
    assert run_job(job_place, ["echo", "ran"]) == "ran\n"
    assert run_job(job_place, ["echo", "again"]) == "ran\n"
    assert (job_place / "job" / "exit").read_text() == "0\n"


@pytest.mark.parametrize("is_claiming", [True, False])
def test_a_job_whose_shell_cannot_fork_says_so(job_place: Path, is_claiming: bool) -> None:
    def have_no_more_processes() -> None:
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        if os.geteuid() == 0:  # whom the limit does not bind
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

    words = ["/bin/echo", "ran"]
    mkdir = "" if is_claiming else 'mkdir() { : > "$1"; }\n'  # as if a process were left for it
    log = run_job(job_place, words, mkdir, preexec_fn=have_no_more_processes)
    assert "fork" in log.lower() and "ran" not in log
    assert (job_place / "job" / "exit").exists() is not is_claiming


def test_that_it_cannot_be_told_whether_a_process_lives_is_no_end() -> None:
    code = """
import os, resource
from tandemlab.compute.processes import is_alive, start_time
from tandemlab.domain import Unavailable
began = start_time(os.getpid())
resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
try:
    print(is_alive(os.getpid(), began))
except Unavailable as problem:
    print(problem, flush=True)
    os._exit(0)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Too many open files" in told.stdout and "ulimit -n" in told.stdout, told
