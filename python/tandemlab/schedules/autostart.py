"""Having the workspace's agent come back when the machine starts: by systemd, or by cron."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.compute.processes import is_alive
from tandemlab.domain import InvalidInput, InvalidState
from tandemlab.domain.ids import slug
from tandemlab.domain.schedules import KIND
from tandemlab.store import daemons
from tandemlab.store.durable import write_file
from tandemlab.tracking.agent import environment_without_run
from tandemlab.training.languages import session_environment

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace

WAYS = ("systemd", "cron")
_SCRIPT = "start.sh"
_SETTINGS = (  # what the agent goes by, beside what jobs need; tokens and keys are in no file
    *("TANDEMLAB_CACHE_DIR", "TANDEMLAB_CACHE_SIZE", "TANDEMLAB_CA_FILE", "TANDEMLAB_DATA_DIR"),
    *("TANDEMLAB_GRACE_SECONDS", "TANDEMLAB_PATIENCE_SECONDS", "TANDEMLAB_RSCRIPT"),
    *("TANDEMLAB_SLOTS", "SSL_CERT_FILE"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
_UNIT = """\
[Unit]
Description=tandemlab agent of the workspace {name}
After=network-online.target

[Service]
ExecStart=/bin/sh {script}
Restart=on-failure
RestartSec=5
KillMode=process

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """How the agent comes back when the machine starts.

    Attributes:
        way: ``systemd`` or ``cron``.
        place: the unit's file, or ``crontab``.
        content: what stands there: the unit, or the line of the crontab.
        script: what is started: it sets the variables of this session, and begins the agent.
        notes: what is still to be done, for people.
    """

    way: str
    place: str
    content: str
    script: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """How the agent of a workspace is doing.

    Attributes:
        pid: of its process; None while there is none.
        schedules: how many are not paused.
        installation: how it comes back when the machine starts; None if it does not.
    """

    pid: int | None
    schedules: int
    installation: Installation | None = field(default=None)


def install_agent(workspace: Workspace, way: str | None = None) -> Installation:
    """Have the workspace's agent be there from now on, also after the machine has started anew.

    Args:
        way: ``systemd`` for a unit of the user's manager, ``cron`` for a line of the user's
            crontab; the first of these that this machine has if None.

    Raises:
        InvalidInput: the workspace is at a server, or there is no such way.
        InvalidState: this machine has neither, or not the one that is asked for.
    """
    folder = _folder(workspace)
    if way is not None and way not in WAYS:
        raise InvalidInput(
            f"{way!r} is no way to start agents.", hint="There are systemd and cron."
        )
    chosen = [each for each in WAYS if way in (None, each) and _CHECKS[each]()]
    if not chosen:
        what = "neither a systemd manager for users nor crontab" if way is None else f"no {way}"
        raise InvalidState(
            f"This machine has {what}: the agent cannot be started with it.",
            hint=f"Have whatever starts services here run: {_command(folder)}",
            details={"ways": list(WAYS)},
        )
    script = folder / "agent" / _SCRIPT
    known = environment_without_run()
    variables = {name: known[name] for name in _SETTINGS if name in known} | session_environment()
    lines = [f"export {name}={shlex.quote(text)}" for name, text in sorted(variables.items())]
    program = "\n".join(["#!/bin/sh", *lines, f"exec {_command(folder)}", ""])
    write_file(script, program.encode())
    script.chmod(0o700)
    return (_install_unit if chosen[0] == "systemd" else _install_line)(workspace, script)


def uninstall_agent(workspace: Workspace) -> Installation | None:
    """Have the agent not come back any more; what there was.

    systemd ends it at once, and the next use of the workspace starts another; one that cron has
    started goes on until the machine ends. Runs go on in any case.
    """
    folder = _folder(workspace)
    found = find_installation(workspace)
    if found is None:
        return None
    if found.way == "systemd":
        unit = _unit(workspace)
        _run("systemctl", "--user", "disable", "--now", unit.name)
        unit.unlink(missing_ok=True)
        _run("systemctl", "--user", "daemon-reload")
    else:
        _write_crontab([line for line in _crontab() if _mark(workspace) not in line])
    (folder / "agent" / _SCRIPT).unlink(missing_ok=True)
    return found


def agent_status(workspace: Workspace) -> AgentStatus:
    """Whether the agent is at work, and whether it comes back when the machine starts."""
    folder = _folder(workspace)
    known = workspace.assets.list(KIND, archived=True)
    active = sum(not each.archived for each in known)
    return AgentStatus(_pid(folder / "agent" / "lock"), active, find_installation(workspace))


def find_installation(workspace: Workspace) -> Installation | None:
    """How the agent comes back when the machine starts; None if it does not."""
    script = str(_folder(workspace) / "agent" / _SCRIPT)
    unit = _unit(workspace)
    if unit.is_file():
        return Installation("systemd", str(unit), unit.read_text("utf-8"), script)
    line = next((line for line in _crontab() if _mark(workspace) in line), None)
    return None if line is None else Installation("cron", "crontab", line, script)


def _folder(workspace: Workspace) -> Path:
    if workspace.is_remote:
        raise InvalidInput(
            f"The agent of {workspace.address} is on its server's machine.",
            hint="Do this there, with the workspace's folder.",
        )
    return workspace.path


def _command(folder: Path) -> str:
    return shlex.join([sys.executable, "-m", "tandemlab.compute.stay", str(folder)])


def _pid(lock: Path) -> int | None:
    try:
        owner = json.loads(lock.read_text("utf-8"))
        return int(owner["pid"]) if is_alive(owner["pid"], owner["started"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


# systemd


def _has_systemd() -> bool:
    return shutil.which("systemctl") is not None and (
        _run("systemctl", "--user", "show-environment").returncode == 0
    )


def _unit(workspace: Workspace) -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    name = f"tandemlab-{slug(workspace.name)}-{_short(workspace)}.service"
    return Path(home, "systemd", "user", name)


def _short(workspace: Workspace) -> str:
    return hashlib.sha256(str(workspace.path).encode()).hexdigest()[:8]


def _install_unit(workspace: Workspace, script: Path) -> Installation:
    unit = _unit(workspace)
    unit.parent.mkdir(parents=True, exist_ok=True)
    content = _UNIT.format(name=_escaped(workspace.name), script=_quoted(str(script)))
    write_file(unit, content.encode())
    notes = []
    for words in (("daemon-reload",), ("enable", "--now", unit.name)):
        done = _run("systemctl", "--user", *words)
        if done.returncode != 0:
            unit.unlink(missing_ok=True)
            raise InvalidState(f"systemd refused the agent: {done.stderr.strip()}.")
    if _run("loginctl", "enable-linger").returncode != 0:
        notes.append(
            "The agent starts when you log in. To have it start with the machine: "
            f"sudo loginctl enable-linger {getpass.getuser()}"
        )
    return Installation("systemd", str(unit), content, str(script), tuple(notes))


def _escaped(text: str) -> str:
    return text.replace("%", "%%").replace("\n", " ")


def _quoted(text: str) -> str:
    """A word of a unit's command."""
    inner = _escaped(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{inner}"'


# cron


def _has_cron() -> bool:
    return shutil.which("crontab") is not None


def _mark(workspace: Workspace) -> str:
    return f"# tandemlab agent {_short(workspace)}"


def _crontab() -> list[str]:
    """The lines of the user's crontab; a user without one has none."""
    if not _has_cron():
        return []
    done = _run("crontab", "-l")
    return done.stdout.splitlines() if done.returncode == 0 else []


def _write_crontab(lines: Sequence[str]) -> None:
    """Have these be the lines; a crontab that would be empty goes."""
    text = "".join(f"{line}\n" for line in lines)
    way = "-" if lines else "-r"
    done = subprocess.run(["crontab", way], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InvalidState(f"crontab refused the change: {done.stderr.strip()}.")


def _install_line(workspace: Workspace, script: Path) -> Installation:
    log = workspace.path / "agent" / "agent.log"
    command = f"/bin/sh {shlex.quote(str(script))} >> {shlex.quote(str(log))} 2>&1"
    escaped = command.replace("%", "\\%")
    line = f"@reboot {escaped} {_mark(workspace)}"
    kept = [each for each in _crontab() if _mark(workspace) not in each]
    _write_crontab([*kept, line])
    _start_now(workspace, script)
    return Installation("cron", "crontab", line, str(script))


def _start_now(workspace: Workspace, script: Path) -> None:
    """Cron starts it at the next boot; until then it is started from here."""
    starting = daemons.take_lock(workspace.path / "agent" / "starting")
    if starting is None:
        return
    try:
        log = workspace.path / "agent" / "agent.log"
        daemons.start_daemon(["/bin/sh", str(script)], starting, log, environment_without_run())
    finally:
        os.close(starting)


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)


_CHECKS: dict[str, Callable[[], bool]] = {"systemd": _has_systemd, "cron": _has_cron}
