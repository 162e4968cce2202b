"""Workspaces for tests, with agents that do not outlive them for long."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tandemlab import Workspace
from tandemlab.compute.processes import is_alive
from tandemlab.store.daemons import take_lock
from tandemlab.tracking import context


@pytest.fixture
def store_address() -> str | None:
    """Where `workspace` keeps its runs: in its folder, unless a test module overrides this."""
    return None


@pytest.fixture
def artifacts_address() -> str | None:
    """Where `workspace` keeps contents: in its folder, unless a test module overrides this."""
    return None


@pytest.fixture
def workspace(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store_address: str | None,
    artifacts_address: str | None,
) -> Iterator[Workspace]:
    """A new workspace in a folder of its own, which is also the working directory's parent."""
    monkeypatch.setattr(context, "_active", [])  # a test may leave runs open
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "2")
    monkeypatch.setenv("TANDEMLAB_GRACE_SECONDS", "1")
    lab = Workspace.create(tmp_path / "lab", store=store_address, artifacts=artifacts_address)
    yield lab
    stop_agent(lab)
    lab.store.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a script and its data, unless a test module has one of its own."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "train.py").write_text("print(1)")
    (folder / "data.csv").write_text("x\n1\n")
    return folder


def agent_pid(workspace: Workspace) -> int | None:
    """Pid of the workspace's agent, from its lock; None while there is none or it comes or goes."""
    lock = workspace.folder.agent / "lock"
    owner = lock.read_text() if lock.exists() else ""
    if not owner:
        return None
    named = json.loads(owner)
    return int(named["pid"]) if is_alive(named["pid"], named["started"]) else None


def stop_agent(workspace: Workspace) -> None:
    """Ask the workspace's agent to end, also one that is only starting; its jobs go on."""
    deadline = time.monotonic() + 10
    while workspace.folder.exists and time.monotonic() < deadline:
        pid = agent_pid(workspace)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            return
        lock = take_lock(workspace.folder.agent / "lock")
        if lock is not None:  # nobody is there, and nobody is coming
            os.close(lock)
            return
        time.sleep(0.02)
