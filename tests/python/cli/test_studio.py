"""``tandemlab studio``: it starts a server where none runs, and says where to look."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from python.cli.conftest import Answer
from tandemlab import Workspace
from tandemlab.server import process
from tandemlab.server.settings import ServerSettings

Call = Callable[..., Answer]


@pytest.fixture
def labs(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    yield workspace.path.parent
    for root in (workspace.path, workspace.path.parent):
        running = process.find_running(root)
        if running is not None:
            os.kill(running.pid, signal.SIGKILL)


def result(answer: Answer) -> Any:
    assert answer.status == 0, answer.err
    return json.loads(answer.out)


def test_the_studio_starts_a_server_once(call: Call, labs: Path) -> None:
    open_lab = ("studio", "--workspace", str(labs / "lab"), "-o", "json")
    first = result(call(*open_lab))
    running = process.find_running(labs / "lab")
    assert running is not None and running.url.startswith("http://127.0.0.1:")
    assert first == {"url": f"{running.url}/studio/lab/", "link": first["url"], "started": True}
    assert result(call(*open_lab, "--no-browser")) == {**first, "started": False}
    said = call("studio", "--workspace", str(labs / "lab"))
    assert first["url"] in said.out and "Open the link in a browser." in said.err


def test_a_server_of_the_folder_of_workspaces_is_used(call: Call, labs: Path) -> None:
    running = process.start(ServerSettings(labs, port=0))
    found = result(call("studio", "--workspace", str(labs / "lab"), "-o", "json"))
    assert (found["url"], found["started"]) == (f"{running.url}/studio/lab/", False)
    remote = result(call("studio", "--workspace", f"{running.url}/lab", "-o", "json"))
    assert remote["url"] == found["url"]


def test_where_there_is_no_workspace_that_is_said(call: Call, tmp_path: Path) -> None:
    answer = call("studio", "--workspace", str(tmp_path / "none"), "-o", "json")
    assert answer.status == 3
