"""Servers for tests: real processes on loopback.

`remote` is a workspace at a server that all tests of a process share; `server` is one that a test
may kill and start again.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from tandemlab import Workspace
from tandemlab.compute.processes import is_alive
from tandemlab.server import process
from tandemlab.server.process import Running
from tandemlab.server.settings import ServerSettings
from tandemlab.tracking import context

_numbers = count(1)
_SETTINGS = pytest.StashKey[str]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the settings of all tests, before one has its own."""
    session.config.stash[_SETTINGS] = os.environ["TANDEMLAB_CONFIG_DIR"]


class Server:
    """A server that may be killed, and started again at its port.

    Args:
        root: a workspace folder, or a folder of workspaces.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = 0
        self.running: Running | None = None
        self.start()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, at the same port as before."""
        self.running = process.start(ServerSettings(self.root, port=self.port))
        self.port = int(self.running.url.rpartition(":")[2])

    def kill(self) -> None:
        """End it as a power cut would."""
        running, self.running = self.running, None
        if running is not None:
            with suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
            while is_alive(running.pid, running.started) or _has_threads(running.pid):
                pass

    def stop(self) -> None:
        """Have it end by itself."""
        process.stop(self.root)
        self.running = None


def _has_threads(pid: int) -> bool:
    """Whether threads of a killed process are still ending, which hold its files and locks."""
    try:
        return len(os.listdir(f"/proc/{pid}/task")) > 1
    except FileNotFoundError:
        return False


@pytest.fixture
def local_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What waits on this machine to be sent is in a folder of the test."""
    monkeypatch.setattr(context, "_active", [])
    monkeypatch.setenv("TANDEMLAB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "2")
    return tmp_path / "data"


@pytest.fixture(scope="session")
def shared_server(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of a folder of workspaces, with the settings of all tests."""
    with pytest.MonkeyPatch.context() as patch:
        # The test that happens to be its first may have settings of its own.
        patch.setenv("TANDEMLAB_CONFIG_DIR", pytestconfig.stash[_SETTINGS])
        patch.setenv("TANDEMLAB_IDLE_SECONDS", "2")
        patch.setenv("TANDEMLAB_GRACE_SECONDS", "1")
        server = Server(tmp_path_factory.mktemp("labs"))
    yield server
    server.kill()


@pytest.fixture
def remote(shared_server: Server, local_data: Path) -> Iterator[Workspace]:
    """A new workspace, opened by its URL."""
    remote = Workspace.create(f"{shared_server.url}/lab{next(_numbers)}")
    yield remote
    remote.store.close()


def behind(remote: Workspace, server: Server) -> Workspace:
    """The folder behind a workspace at a server of this machine."""
    return Workspace(server.root / remote.name)


@pytest.fixture
def server(workspace: Workspace, local_data: Path) -> Iterator[Server]:
    """A server of the workspace `workspace` alone."""
    server = Server(workspace.path)
    yield server
    server.kill()
