"""Attaching a machine or a cluster: what the user says of it, and what is found there."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tandemlab import ssh
from tandemlab.compute.r_package import QUESTION
from tandemlab.compute.remote.shell import LocalShell, Shell
from tandemlab.compute.remote.ssh_shell import SshShell
from tandemlab.domain import InvalidInput, MissingDependency

_PROBE = (Path(__file__).parent / "probe.sh").read_text(encoding="utf-8")
_FOUND = ("directory", "platform", "python", "rscript", "uv", "r_platform", "r_tandemlab")
OLDEST_PYTHON = (3, 10)


@dataclass(frozen=True)
class AttachConfiguration:
    """A machine or cluster that is to be attached.

    Attributes:
        kind: ``ssh`` or ``slurm``.
        settings: what everybody may see.
        credentials: what nobody may see, which go to the keyvault.
    """

    kind: str
    settings: Mapping[str, Any]
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


class RemoteCompute:
    """A machine that is reached by SSH.

    >>> found = RemoteCompute.attach_configuration(username="ana", address="vm.example.org")
    >>> found.settings["port"]
    22
    """

    @staticmethod
    def attach_configuration(
        username: str | None = None,
        address: str = "",
        ssh_port: int = 22,
        password: str | None = None,
        private_key_file: str | os.PathLike[str] | None = None,
        private_key_passphrase: str | None = None,
        *,
        host_key: str | None = None,
        jump: str | None = None,
        jump_host_key: str | None = None,
        directory: str | None = None,
        slots: int | None = None,
        python: str | None = None,
        rscript: str | None = None,
    ) -> AttachConfiguration:
        """What `ComputeTarget.attach` takes.

        Args:
            username: there; each user's own if None.
            address: name or address of the machine.
            ssh_port: of its SSH server.
            password: goes to the keyvault, as the next two do. Without password and key, the
                agent and keys of the user who submits are used.
            private_key_file: path of the private key, or its text.
            private_key_passphrase: of that key.
            host_key: type and key, such as ``"ssh-ed25519 AAAA…"``; if None, the one that this
                user's ``~/.ssh/known_hosts`` has. The machine must show it each time.
            jump: ``"USER@HOST:PORT"`` of a machine through which this one is reached; the
                credentials serve both.
            jump_host_key: of that machine, as `host_key`.
            directory: folder there for all that runs; ``.tandemlab/WORKSPACE_ID`` in the home
                folder if None.
            slots: how many processors' runs run at once; as many as the machine has if None.
            python: program that runs scripts of Python; the search path's if None.
            rscript: program that runs scripts of R; the search path's if None.

        Raises:
            InvalidInput: a value that cannot be one.
        """
        login = Login(
            address=address,
            port=ssh_port,
            username=username,
            password=password,
            private_key=private_key_file,
            passphrase=private_key_passphrase,
            host_key=host_key,
            jump=jump,
            jump_host_key=jump_host_key,
        )
        settings, credentials = login.described()
        if slots is not None and (type(slots) is not int or slots < 1):
            raise InvalidInput(f"slots must be a whole number from 1 on, not {slots!r}.")
        named = {"directory": directory, "slots": slots, "python": python, "rscript": rscript}
        return AttachConfiguration("ssh", {**settings, **given(named)}, credentials)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How a machine, or the login node of a cluster, is reached by SSH.

    Attributes:
        address: name or address.
        port: of its SSH server.
        username: there; each user's own if None.
        password: goes to the keyvault, as the next two do.
        private_key: its text, or the path of its file.
        passphrase: of that key.
        host_key: type and key that it must show; that of ``~/.ssh/known_hosts`` if None.
        jump: ``"USER@HOST:PORT"`` of a machine through which it is reached.
        jump_host_key: of that machine.
    """

    address: str
    port: int = 22
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    private_key: str | os.PathLike[str] | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    host_key: str | None = None
    jump: str | None = None
    jump_host_key: str | None = None

    def described(self) -> tuple[dict[str, Any], dict[str, str]]:
        """As settings that everybody may see, and credentials that nobody may.

        Raises:
            InvalidInput: a value that cannot be one.
        """
        settings, credentials = ssh.described(
            self.address,
            port=self.port,
            username=self.username,
            password=self.password,
            private_key=self.private_key,
            passphrase=self.passphrase,
            host_key=self.host_key,
        )
        if self.jump is not None:
            settings["jump"] = _jump(self.jump, self.jump_host_key)
        return settings, credentials


def _jump(address: str, host_key: str | None) -> dict[str, Any]:
    try:
        found = urlsplit(f"ssh://{address}")
        host, port = found.hostname, found.port or 22
    except ValueError:
        host, port = None, 22
    if not host or found.password or found.path:
        raise InvalidInput(f"{address!r} is no jump host.", hint="Write USER@HOST or USER@HOST:22.")
    settings, _ = ssh.described(host, port=port, username=found.username, host_key=host_key)
    return settings


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given."""
    return {name: value for name, value in options.items() if value is not None}


def open_shell(settings: Mapping[str, Any], credentials: Mapping[str, str]) -> Shell:
    """The shell of a target; nothing is connected to yet."""
    return SshShell(settings, credentials) if "host" in settings else LocalShell()


def probe(shell: Shell, settings: Mapping[str, Any], directory: str) -> dict[str, str]:
    """What is found on a machine, by name.

    Args:
        directory: the target's folder if the settings name none, relative to the home folder.
    """
    words = [
        settings.get("directory") or directory,
        settings.get("python") or "",
        settings.get("rscript") or "",
        QUESTION,
    ]
    answer = shell.run(f"{_PROBE}\n{shlex.join(['probe', *words])}").decode("utf-8", "replace")
    lines = (line.partition(" ") for line in answer.splitlines())
    return {name: value for name, space, value in lines if space}


def validated(configuration: AttachConfiguration, workspace_id: str) -> dict[str, Any]:
    """The settings of a target that was looked at, with what was found there.

    Raises:
        NotAllowed: the host key is unknown or another one, or the credentials do not suffice.
        Unavailable: it does not answer.
        MissingDependency: it lacks what every target needs.
    """
    settings = dict(configuration.settings)
    shell = open_shell(settings, configuration.credentials)
    try:
        found = probe(shell, settings, f".tandemlab/{workspace_id}")
        if isinstance(shell, SshShell):
            settings["host_key"] = shell.host_key
    finally:
        if isinstance(shell, SshShell):
            shell.close()
    for step in steps_of(found, configuration.kind):
        if step.problem and step.is_needed:
            raise MissingDependency(f"{shell.location}: {step.problem}", hint=step.repair)
    if configuration.kind == "ssh":
        settings.setdefault("slots", int(found.get("cpus", "1")))
    return {**settings, **{name: found[name] for name in _FOUND if name in found}}


@dataclass(frozen=True)
class Step:
    """A thing that was looked at on a target.

    Attributes:
        found: what is there, if nothing is wrong.
        problem: what is wrong; empty if nothing is.
        repair: what the user can do about it.
        is_needed: whether nothing can run without it.
    """

    name: str
    found: str = ""
    problem: str = ""
    repair: str = ""
    is_needed: bool = False


def steps_of(found: Mapping[str, str], kind: str) -> list[Step]:
    """What is right and wrong on a machine, in the order in which it is repaired."""
    directory = found.get("directory", "")
    steps = [
        Step("folder", f"{directory}, {_gigabytes(found)} free")
        if "writable" in found
        else Step(
            "folder",
            problem=f"The folder {directory} cannot be written.",
            repair="Attach the target with another `directory`.",
            is_needed=True,
        )
    ]
    missing = [name for name in ("tar", "head", "tail", "find") if name not in found]
    steps.append(
        Step("tools", "tar, head, tail, find")
        if not missing
        else Step(
            "tools",
            problem=f"There is no {', '.join(missing)} on the search path.",
            repair="Install it there.",
            is_needed=True,
        )
    )
    steps.append(_python(found))
    steps.append(
        Step("R", f"{found['rscript']} ({found['r_platform']})")
        if "r_platform" in found
        else Step(
            "R", problem="No Rscript works there.", repair="Install R there, or give rscript."
        )
    )
    uv = found.get("uv") or "sent along where an environment needs it"
    steps.append(Step("uv", uv))
    if kind == "slurm":
        steps.append(
            Step("Slurm", found["sbatch"])
            if "sbatch" in found
            else Step(
                "Slurm",
                problem="There is no sbatch on the search path.",
                repair="Give the address of the cluster's login node.",
                is_needed=True,
            )
        )
    return steps


def _gigabytes(found: Mapping[str, str]) -> str:
    return f"{int(found.get('free') or 0) / 1e6:.0f} GB"


def _python(found: Mapping[str, str]) -> Step:
    version = tuple(map(int, found.get("python_version", "0.0").split(".")))
    if version >= OLDEST_PYTHON:
        return Step("Python", f"{found['python']} ({found['python_version']})")
    oldest = ".".join(map(str, OLDEST_PYTHON))
    there = f"is {found['python_version']}" if "python_version" in found else "does not work"
    return Step(
        "Python",
        problem=f"The Python there ({found.get('python', 'none')}) {there}; scripts need {oldest}.",
        repair=f"Give the path of a Python from {oldest} on, or run scripts in an environment.",
    )
