"""Machines for tests: namespaces of this one, with an address, an sshd and processes of their own.

``machines`` makes them; what they start ends with them, and sees nothing of this machine's
processes. They share its files, but for the home folder.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from plugins.ssh import make_key

_PROGRAMS = ("ip", "unshare", "rsync", "bash")
_SSHD = "/usr/sbin/sshd"
_STARTED_WITHIN = 30.0
_SETTINGS = """ListenAddress {address}
HostKey {folder}/host
AuthorizedKeysFile {keys}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
MaxStartups 50:30:100
Subsystem sftp internal-sftp
"""
# The network comes from outside: `go` is there once it has.
_INSIDE = """
mount --bind {folder}/passwd /etc/passwd || exit
while [ ! -e {folder}/go ]; do sleep 0.05; done
ip link set lo up
exec {sshd} -D -e -f {folder}/sshd_config
"""


@dataclass
class Machine:
    """A machine that is reached by SSH.

    Attributes:
        address: its own.
        host_key: type and key that it shows.
    """

    folder: Path
    address: str
    host_key: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it with all its processes."""
        self.process.kill()
        self.process.wait()


@dataclass
class Network:
    """A network of machines.

    Attributes:
        client_key: path of the key that all machines let in, as root.
    """

    folder: Path
    name: str
    prefix: str
    client_key: Path

    def __post_init__(self) -> None:
        self._machines: list[Machine] = []
        _ip("link", "add", self.name, "type", "bridge")
        _ip("addr", "add", f"{self.prefix}.1/24", "dev", self.name)
        _ip("link", "set", self.name, "up")

    def add(self) -> Machine:
        """Another machine, which takes connections."""
        number = len(self._machines) + 2
        address = f"{self.prefix}.{number}"
        folder = self.folder / str(number)
        (folder / "home").mkdir(parents=True)
        make_key(folder / "host")
        host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        settings = _SETTINGS.format(address=address, folder=folder, keys=f"{self.client_key}.pub")
        (folder / "sshd_config").write_text(settings)
        (folder / "passwd").write_text(
            f"root:x:0:0:root:{folder}/home:/bin/bash\nsshd:x:100:65534::/run/sshd:/bin/false\n"
        )
        variables = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAY_TMPDIR": str(folder),
        }
        profile = "".join(f"export {name}={value}\n" for name, value in variables.items())
        (folder / "home" / ".bashrc").write_text(profile)
        (folder / "home" / ".profile").write_text(profile)
        Path("/run/sshd").mkdir(exist_ok=True)
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [
                    *("unshare", "--net", "--pid", "--mount", "--fork", "--kill-child"),
                    *("--mount-proc", "/bin/sh", "-c", _INSIDE.format(folder=folder, sshd=_SSHD)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        machine = Machine(folder, address, host_key, process)
        self._machines.append(machine)
        self._connect(machine, f"{self.name}{number}")
        (folder / "go").touch()
        deadline = time.monotonic() + _STARTED_WITHIN
        while not _answers(address):
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        return machine

    def _connect(self, machine: Machine, link: str) -> None:
        inside = ("nsenter", "--net", "--target", str(machine.process.pid))
        deadline = time.monotonic() + _STARTED_WITHIN
        while os.readlink(f"/proc/{machine.process.pid}/ns/net") == os.readlink(
            "/proc/self/ns/net"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        _ip("link", "add", link, "type", "veth", "peer", "name", f"{link}e")
        _ip("link", "set", link, "master", self.name, "up")
        _ip("link", "set", f"{link}e", "netns", str(machine.process.pid))
        for words in (
            ("addr", "add", f"{machine.address}/24", "dev", f"{link}e"),
            ("link", "set", f"{link}e", "up"),
            ("route", "add", "default", "via", f"{self.prefix}.1"),
        ):
            subprocess.run([*inside, "ip", *words], check=True)

    @property
    def strange_key(self) -> str:
        """A host key that no machine has."""
        make_key(self.folder / "strange")
        return " ".join((self.folder / "strange.pub").read_text().split()[:2])

    def close(self) -> None:
        """End all machines."""
        for machine in self._machines:
            machine.stop()
        _ip("link", "del", self.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _answers(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), 1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


@pytest.fixture
def network() -> Iterator[Network]:
    """A network without machines; the test is skipped where it cannot be made."""
    search = f"{os.environ['PATH']}:/usr/sbin"
    there = all(shutil.which(name, path=search) for name in _PROGRAMS) and Path(_SSHD).exists()
    if os.getuid() != 0 or not there:
        pytest.skip("machines for tests need root, iproute2, rsync and OpenSSH's server")
    token = secrets.token_bytes(3)
    with tempfile.TemporaryDirectory(prefix="net-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        make_key(folder / "client")
        prefix = f"10.{200 + token[1] % 50}.{token[2]}"
        made = Network(folder, f"tl{token.hex()}", prefix, folder / "client")
        try:
            yield made
        finally:
            made.close()
