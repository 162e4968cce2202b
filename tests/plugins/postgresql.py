"""A PostgreSQL server for the tests, in a folder of its own and on a private socket."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

_DEBIAN = Path("/usr/lib/postgresql")
_OPTIONS = {"fsync": "off", "full_page_writes": "off"}
_STARTED_WITHIN = 60.0


@dataclass
class Server:
    """A server that may be stopped and started again.

    Attributes:
        folder: where its data and its socket are.
        programs: where ``initdb`` and ``postgres`` are.
        account: who it runs as: PostgreSQL refuses to be root.
    """

    folder: Path
    programs: Path
    account: pwd.struct_passwd
    _names: Iterator[int] = field(default_factory=count)
    _process: subprocess.Popen[Any] | None = None

    def make(self) -> None:
        """Make the data folder."""
        os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)
        subprocess.run(
            [
                self.programs / "initdb",
                *("-D", self.folder / "data", "-U", "tester", "--auth=trust"),
                *("--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._identity(),
        )

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = {**_OPTIONS, "listen_addresses": "", "unix_socket_directories": str(self.folder)}
        command: list[str | Path] = [self.programs / "postgres", "-D", self.folder / "data"]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._identity())
        deadline = time.monotonic() + _STARTED_WITHIN
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop at once: connections are cut, as they are by a server that is restarted."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def kill_worker(self) -> None:
        """Kill a process that serves a connection: the server cuts all others, and recovers."""
        with self.connect() as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
                " ORDER BY random() LIMIT 1"
            ).fetchone()
            os.kill(found[0], signal.SIGKILL)

    def new_database(self) -> str:
        """Address of an empty database: a schema of its own, which is made faster."""
        name = f"test_{next(self._names)}"
        with self.connect() as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return self.address(name)

    def address(self, schema: str = "public", user: str = "tester") -> str:
        """Address of a schema for a user."""
        options = quote(f"-csearch_path={schema}", safe="")
        return f"postgresql://{user}@/postgres?host={quote(str(self.folder))}&options={options}"

    def connect(self) -> Any:
        """A connection of an administrator, which commits each statement."""
        import psycopg

        return psycopg.connect(self.address(), autocommit=True)

    def _answers(self) -> bool:
        import psycopg

        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _identity(self) -> dict[str, Any]:
        if os.getuid() == self.account.pw_uid:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A running server; the test is skipped where PostgreSQL is not installed."""
    with running() as server:
        yield server


@pytest.fixture
def own_postgresql() -> Iterator[Server]:
    """A running server that the test may kill."""
    with running() as server:
        yield server


@contextmanager
def running() -> Iterator[Server]:
    """A running server; the test is skipped where PostgreSQL is not installed."""
    programs, account = find_programs(), find_account()
    if programs is None or account is None:
        pytest.skip("PostgreSQL is not installed; tools/bootstrap dev does that")
    # Not below pytest's own folder: the path of a socket has room for 107 bytes.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        server = Server(Path(name), programs, account)
        server.make()
        server.start()
        yield server
        server.stop()


@pytest.fixture
def database(postgresql: Server) -> str:
    """Address of an empty PostgreSQL database."""
    return postgresql.new_database()


def find_programs() -> Path | None:
    versions = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def find_account() -> pwd.struct_passwd | None:
    """This user, or one of no importance where this is root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None
