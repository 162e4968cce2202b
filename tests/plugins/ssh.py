"""SSH for tests: an sshd of OpenSSH on the loopback address, with keys of its own.

``ssh`` is the server, shared by all tests of a process; it lets this user in with `client_key`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tandemlab import ComputeTarget, RemoteCompute, Workspace
from tandemlab.bridge import find_r

_PROGRAM = Path("/usr/sbin/sshd")
_STARTED_WITHIN = 30.0
_SETTINGS = """Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication {by_password}
KbdInteractiveAuthentication no
PubkeyAuthentication {by_key}
PermitRootLogin yes
MaxStartups 50:30:100
MaxSessions 50
Subsystem sftp internal-sftp
SetEnv TANDEMLAB_TEST=1 HOME={folder}/home {variables}
"""
_GIVEN = ("SSL_CERT_FILE", "HTTPS_PROXY", "UV_DEFAULT_INDEX", "UV_CACHE_DIR", "SLURM_CONF")


@dataclass
class Sshd:
    """A server that may be stopped, and started again at its port with another host key.

    Attributes:
        password: lets this user in, and then no key does; None for keys alone.
    """

    folder: Path
    port: int
    password: str | None = None
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self._names = count()
        (self.folder / "home").mkdir()  # whatever the user's own has for shells to begin with
        self.client_key = make_key(self.folder / "client")
        shutil.copy(self.folder / "client.pub", self.folder / "authorized_keys")
        self.host_key = self.change_host_key()

    @property
    def user(self) -> str:
        """Who is let in."""
        return pwd.getpwuid(os.getuid()).pw_name

    def change_host_key(self) -> str:
        """Have another host key from the next start on; type and key of it."""
        for name in ("host", "host.pub"):
            (self.folder / name).unlink(missing_ok=True)
        make_key(self.folder / "host")
        self.host_key = " ".join((self.folder / "host.pub").read_text().split()[:2])
        return self.host_key

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        settings = self.folder / "sshd_config"
        found = {each: os.environ[each] for each in _GIVEN if each in os.environ}
        variables = " ".join(f"{name}={value}" for name, value in found.items())
        text = _SETTINGS.format(
            port=self.port,
            folder=self.folder,
            variables=variables,
            by_password="yes" if self.password else "no",
            by_key="no" if self.password else "yes",
        )
        settings.write_text(text)
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # systemd makes it elsewhere
        command: list[str | Path] = [_PROGRAM, "-D", "-f", settings, "-E", self.folder / "log"]
        if self.password is not None:
            command = [*self._with_password(self.password), *command]
        self.process = subprocess.Popen(command)
        deadline = time.monotonic() + _STARTED_WITHIN
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def _with_password(self, password: str) -> list[str | Path]:
        """What starts a program that takes this for the user's password; nobody else does.

        The server alone has a file of passwords before the machine's, in a mount namespace.
        """
        command = ["openssl", "passwd", "-6", "-stdin"]
        asked = subprocess.run(command, input=password, capture_output=True, text=True, check=True)
        lines = [line.split(":") for line in Path("/etc/shadow").read_text().splitlines()]
        for fields in lines:
            if fields[0] == self.user:
                fields[1] = asked.stdout.strip()
        shadow = self.folder / "shadow"
        shadow.touch(0o600)
        shadow.write_text("".join(":".join(fields) + "\n" for fields in lines))
        script = 'mount --bind "$1" /etc/shadow && shift && exec "$@"'
        return ["unshare", "--mount", "/bin/sh", "-c", script, "sh", shadow]

    def stop(self) -> None:
        """Stop; connections stay."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def cut(self) -> None:
        """Stop, and end all connections; what was started by them goes on."""
        assert self.process is not None
        asked = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        self.stop()
        for pid in asked.stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def new_folder(self) -> Path:
        """An empty folder."""
        path = self.folder / f"data-{next(self._names)}"
        path.mkdir()
        return path

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False


def make_key(path: Path) -> str:
    """A new private key, without a passphrase; its text."""
    command: list[str | Path] = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path]
    subprocess.run(command, check=True)
    return path.read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def ssh() -> Iterator[Sshd]:
    """A running server; the test is skipped where OpenSSH's is not installed."""
    with running() as server:
        yield server


@contextmanager
def running() -> Iterator[Sshd]:
    """A running server."""
    if not _PROGRAM.exists():
        pytest.skip("OpenSSH's server is not installed; tools/bootstrap dev does that")
    with tempfile.TemporaryDirectory(prefix="ssh-", ignore_cleanup_errors=True) as name:
        server = Sshd(Path(name), _free_port())
        server.start()
        yield server
        server.stop()


@pytest.fixture
def ssh_by_password(tmp_path: Path) -> Iterator[Sshd]:
    """A server that lets this user in with a password, which only root can arrange."""
    if not _PROGRAM.exists() or os.getuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a server that takes passwords needs OpenSSH's server and root")
    folder = tmp_path / "sshd"
    folder.mkdir(0o700)
    server = Sshd(folder, _free_port(), "correct horse 'battery' staple")
    server.start()
    yield server
    server.stop()


def reached_by(ssh: Sshd) -> dict[str, Any]:
    """Arguments that say how to reach this machine by a server's SSH, in a folder of its own."""
    return {
        "username": ssh.user,
        "address": "127.0.0.1",
        "ssh_port": ssh.port,
        "private_key_file": ssh.client_key,
        "host_key": ssh.host_key,
        "directory": str(ssh.new_folder()),
        "python": sys.executable,
        "rscript": find_r().rscript,
    }


def attach_ssh(workspace: Workspace, ssh: Sshd, **options: Any) -> ComputeTarget:
    """Attach this machine as ``ssh``."""
    configuration = RemoteCompute.attach_configuration(**{**reached_by(ssh), **options})
    return ComputeTarget.attach(workspace, "ssh", configuration)
