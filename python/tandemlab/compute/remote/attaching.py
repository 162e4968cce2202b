"""Attaching a machine or a cluster: what the user says of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tandemlab import ssh
from tandemlab.domain import InvalidInput


@dataclass(frozen=True)
class AttachConfiguration:
    """A machine or cluster that is to be attached.

    Attributes:
        kind: such as ``ssh``.
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
