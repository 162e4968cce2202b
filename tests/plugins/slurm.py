"""Slurm for tests: Debian's, on two nodes of this machine, without systemd and cgroups.

The nodes differ by their ports; the first has a GPU, as far as Slurm knows.

``slurm`` is the cluster, shared by all tests of a process.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tandemlab import ComputeTarget, SlurmCompute, Workspace
from tandemlab.bridge import find_r

_STARTED_WITHIN = 30.0
_PROGRAMS = ("munged", "slurmctld", "slurmd")
_SETTINGS = """ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/sock
CryptoType=crypto/munge
SlurmctldPort={controller}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
GresTypes=gpu
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
CommunicationParameters=NoInAddrAny,DisableIPv6
MinJobAge=600
AccountingStorageType=accounting_storage/none
KillWait=2
NodeName=DEFAULT CPUs={cpus} RealMemory=4000
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} Gres=gpu:1
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

_ACCOUNTING = """AuthType=auth/munge
AuthInfo=socket={folder}/munge/sock
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
"""


@dataclass
class Slurm:
    """A cluster of two nodes, which are this machine."""

    folder: Path
    has_accounting: bool = False
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names = count()
        for name in ("state", "spool-n1", "spool-n2", "munge"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        (self.folder / "munge").chmod(0o711)
        key = self.folder / "munge" / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        self.settings = self.folder / "slurm.conf"
        text = _SETTINGS.format(
            host=socket.gethostname().split(".")[0],
            folder=self.folder,
            controller=_free_port(),
            first=_free_port(),
            second=_free_port(),
            cpus=os.cpu_count(),
        )
        self.settings.write_text(text)
        (self.folder / "gres.conf").write_text("NodeName=n1 Name=gpu File=/dev/null\n")

    def start(self) -> None:
        """Start its daemons, and wait until the nodes are idle."""
        if self.has_accounting:
            self._start_database()
        munge = self.folder / "munge"
        self._start(
            ["munged", "--foreground", f"--key-file={munge}/key", f"--socket={munge}/sock"]
            + [f"--{each}-file={munge}/{each}" for each in ("pid", "log", "seed")]
        )
        self._wait(lambda: (munge / "sock").exists())
        if self.has_accounting:
            self._start_accounting()
        self.start_controller()
        for node in ("n1", "n2"):
            self._start(["slurmd", "-N", node, *self._logged(f"slurmd-{node}")], f"slurmd-{node}")
        self._wait(lambda: self.ask("sinfo", "-h", "-N", "-o", "%T").split() == ["idle", "idle"])

    def start_controller(self) -> None:
        """Start what takes jobs; those that it had before it was stopped are there again."""
        self._start(["slurmctld", *self._logged("slurmctld")])

    def stop_controller(self) -> None:
        """Stop what takes jobs; those that run go on."""
        process = self.processes.pop("slurmctld")
        process.send_signal(signal.SIGTERM)
        process.wait(10)

    def ask_for_accounts(self) -> None:
        """From now on take jobs only of accounts that the accounting knows."""
        with self.settings.open("a") as settings:
            settings.write("AccountingStorageEnforce=associations\n")
        self.stop_controller()
        self.start_controller()
        self._wait(lambda: "UP" in self.ask("scontrol", "ping"))

    def _logged(self, name: str) -> list[str]:
        return ["-D", "-f", str(self.settings), "-L", str(self.folder / f"{name}.log")]

    def _start_database(self) -> None:
        """A database for the accounting, which only this cluster's socket leads to."""
        data = self.folder / "data"
        data.mkdir()
        socket_path = self.folder / "database"
        options = ["--no-defaults", "--user=root", "--skip-networking", "--skip-grant-tables"]
        options += ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M"]
        options += ["--innodb-flush-log-at-trx-commit=0", f"--datadir={data}"]
        self._start(["mariadbd", *options, f"--socket={socket_path}"])
        self._wait(socket_path.exists)

    def _start_accounting(self) -> None:
        port = _free_port()
        settings = self.folder / "slurmdbd.conf"
        settings.write_text(_ACCOUNTING.format(folder=self.folder, port=port))
        settings.chmod(0o600)
        text = self.settings.read_text().replace(
            "accounting_storage/none",
            f"accounting_storage/slurmdbd\nAccountingStorageHost=127.0.0.1\n"
            f"AccountingStoragePort={port}\nAccountingStoragePass={self.folder}/munge/sock",
        )
        self.settings.write_text(text)
        self._start(["slurmdbd", "-D"], MYSQL_UNIX_PORT=str(self.folder / "database"))
        self._wait(lambda: "tests" in self.ask("sacctmgr", "-i", "add", "cluster", "tests"))

    def stop(self) -> None:
        """Stop its daemons; those that started first end last."""
        for process in reversed(self.processes.values()):
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()

    def ask(self, *command: str) -> str:
        """What a command of Slurm prints."""
        environment = {**os.environ, "SLURM_CONF": str(self.settings)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.stdout

    def new_folder(self) -> Path:
        """An empty folder."""
        path = self.folder / f"data-{next(self._names)}"
        path.mkdir()
        return path

    def _start(self, command: Sequence[str], name: str = "", **variables: str) -> None:
        program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        with (self.folder / "out").open("ab") as out:
            process = subprocess.Popen(
                [program, *command[1:]],
                stdout=out,
                stderr=out,
                env={**os.environ, "SLURM_CONF": str(self.settings), **variables},
            )
        self.processes[name or command[0]] = process

    def _wait(self, condition: Any) -> None:
        deadline = time.monotonic() + _STARTED_WITHIN
        while not condition():
            logs = "".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))
            assert time.monotonic() < deadline, (self.folder / "out").read_text() + logs
            time.sleep(0.05)


def attach_slurm(workspace: Workspace, slurm: Slurm, **options: Any) -> ComputeTarget:
    """Attach the cluster as ``slurm``; ``SLURM_CONF`` must say which one it is."""
    configuration = SlurmCompute.attach_configuration(
        **{
            "directory": str(slurm.new_folder()),
            "python": sys.executable,
            "rscript": find_r().rscript,
            "memory": "100MB",
            **options,
        }
    )
    return ComputeTarget.attach(workspace, "slurm", configuration)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[Slurm]:
    """A running cluster; the test is skipped where Slurm is not installed, or not for root."""
    search = f"{os.environ['PATH']}:/usr/sbin"
    if os.getuid() != 0 or not all(shutil.which(name, path=search) for name in _PROGRAMS):
        pytest.skip("Slurm and munge are not installed for root; tools/bootstrap dev does that")
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as name:
        cluster = Slurm(Path(name))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def slurm_with_accounting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    """A cluster of its own, whose accounting works."""
    search = f"{os.environ['PATH']}:/usr/sbin"
    programs = (*_PROGRAMS, "slurmdbd", "mariadbd")
    if os.getuid() != 0 or not all(shutil.which(name, path=search) for name in programs):
        pytest.skip("Slurm's accounting and MariaDB are not installed for root")
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as name:
        cluster = Slurm(Path(name), has_accounting=True)
        monkeypatch.setenv("SLURM_CONF", str(cluster.settings))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def slurm(slurm_cluster: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """The cluster, as the one that this process and what it starts know."""
    monkeypatch.setenv("SLURM_CONF", str(slurm_cluster.settings))
    return slurm_cluster
