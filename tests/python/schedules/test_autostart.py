"""The agent comes back when the machine starts.

Small programs take the places of crontab and systemctl where the machine has neither a manager for
users nor cron, and keep what they are given. systemd itself checks the unit, and runs it in
namespaces of its own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins import systemd
from plugins.waiting import wait_until
from plugins.workspaces import agent_pid, stop_agent
from tandemlab import Workspace
from tandemlab.domain import InvalidInput, InvalidState
from tandemlab.schedules.autostart import agent_status, install_agent, uninstall_agent

CRONTAB = """#!/bin/sh
case $1 in
  -l) cat "$KEPT" 2>/dev/null || { echo "no crontab for you" >&2; exit 1; } ;;
  -) cat > "$KEPT" ;;
  -r) rm "$KEPT" ;;
esac
"""
CRONS = {"HOME": "/", "LOGNAME": "ana", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$CALLS"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A machine with these programs, and a home of its own."""

    def make(**programs: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("sh", "cat", "env", "rm"):
            (folder / name).symlink_to(str(shutil.which(name)))
        for name, text in programs.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setenv("KEPT", str(tmp_path / "crontab"))
        monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config home"))
        return tmp_path

    return make


@pytest.mark.full
def test_a_line_of_the_crontab_starts_an_agent_that_stays(
    tmp_path: Path, machine: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "0")
    workspace = Workspace.create(tmp_path / "my 100% 'lab'")
    kept = machine(crontab=CRONTAB) / "crontab"
    kept.write_text("0 5 * * * backup\n")
    assert agent_status(workspace).installation is None
    made = install_agent(workspace)
    assert install_agent(workspace).content == made.content
    lines = kept.read_text().splitlines()
    assert lines == ["0 5 * * * backup", made.content]
    assert made.content.startswith("@reboot /bin/sh ")
    wait_until(lambda: agent_pid(workspace))
    stop_agent(workspace)
    wait_until(lambda: agent_pid(workspace) is None)
    command = made.content.removeprefix("@reboot ").replace("\\%", "%")
    with subprocess.Popen(["/bin/sh", "-c", command], cwd="/", env=CRONS) as started:
        wait_until(lambda: agent_status(workspace).pid)
        assert started.poll() is None
        stop_agent(workspace)
    found = uninstall_agent(workspace)
    assert found is not None and found.place == "crontab"
    assert kept.read_text() == "0 5 * * * backup\n"
    assert uninstall_agent(workspace) is None
    kept.write_text(f"{made.content}\n")
    uninstall_agent(workspace)
    assert not kept.exists()


def test_a_unit_of_systemd_is_written_enabled_and_removed(
    tmp_path: Path, machine: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = shutil.which("systemd-analyze")
    machine(systemctl=SYSTEMCTL, loginctl="#!/bin/sh\nexit 1\n", crontab=CRONTAB)
    workspace = Workspace.create(tmp_path / 'my 100% "lab"')
    made = install_agent(workspace)
    unit = Path(made.place)
    assert made.way == "systemd" and unit.parent.parts[-2:] == ("systemd", "user")
    calls = (tmp_path / "calls").read_text()
    assert f"--user enable --now {unit.name}" in calls
    assert "enable-linger" in made.notes[0]
    if verify is not None:
        done = subprocess.run([verify, "verify", unit], capture_output=True, text=True, check=False)
        assert unit.name not in done.stderr, done.stderr
    assert uninstall_agent(workspace) is not None
    assert not unit.exists()
    assert f"--user disable --now {unit.name}" in (tmp_path / "calls").read_text()


@pytest.mark.services
def test_systemd_starts_the_agent_after_it_was_killed_and_after_a_start_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd.skip_unless_possible()
    monkeypatch.setenv("TANDEMLAB_CA_FILE", "/in 100% of '$HOME'")
    told = systemd.run_script(Path(__file__).with_name("reboot.py"), tmp_path)
    found = json.loads(told.splitlines()[-1])
    assert found.pop("unit").startswith("tandemlab-my-100-lab-")
    assert found == {
        "enabled": "enabled",
        "said": "/in 100% of '$HOME'\n",
        "removed": True,
        "left": "",
        "status": None,
    }


def test_a_machine_without_both_says_what_to_do(
    workspace: Workspace, machine: Callable[..., Path]
) -> None:
    machine(systemctl="#!/bin/sh\necho no bus >&2\nexit 1\n")
    with pytest.raises(InvalidState, match="neither") as problem:
        install_agent(workspace)
    assert "tandemlab.compute.stay" in problem.value.hint
    with pytest.raises(InvalidState, match="no cron"):
        install_agent(workspace, "cron")
    with pytest.raises(InvalidInput):
        install_agent(workspace, "launchd")
    assert not (workspace.path / "agent" / "start.sh").exists()


@pytest.mark.full
def test_the_agent_of_a_workspace_at_a_server_is_there(remote: Workspace) -> None:
    with pytest.raises(InvalidInput, match="on its server's machine"):
        install_agent(remote)
