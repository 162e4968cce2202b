"""``tandemlab server`` and ``tandemlab sync``, with servers that really run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from python.cli.conftest import Answer
from tandemlab import Workspace
from tandemlab.server import process

Call = Callable[..., Answer]


@pytest.fixture
def lab(workspace: Workspace, local_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TANDEMLAB_CONFIG_DIR", str(local_data / "config"))
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "0")
    yield workspace.path
    running = process.find_running(workspace.path)
    if running is not None:
        os.kill(running.pid, signal.SIGKILL)


def result(answer: Answer) -> Any:
    assert answer.status == 0, answer.err
    return json.loads(answer.out)


def test_a_server_is_started_asked_and_stopped(call: Call, lab: Path) -> None:
    root = ("--root", str(lab), "-o", "json")
    assert call("server", "status", *root).status == 5
    started = result(call("server", "start", "--port", "0", "--detach", *root))
    assert (started["status"], started["workspaces"]) == ("running", ["lab"])
    assert call("server", "start", "--port", "0", "--detach", *root).status == 5
    assert result(call("server", "status", *root))["pid"] == started["pid"]
    asked = result(call("server", "status", started["url"], "-o", "json"))
    assert (asked["workspaces"], asked["pid"]) == (["lab"], None)
    assert result(call("server", "stop", *root))["status"] == "stopped"
    assert call("server", "status", started["url"]).status == 10
    assert call("server", "stop", *root).status == 5


def test_a_server_behind_a_proxy_goes_by_its_public_url(call: Call, lab: Path) -> None:
    start = ("server", "start", "--root", str(lab), "--port", "0", "--detach", "-o", "json")
    public = ("--public-url", "https://Lab.example.org/")
    assert call(*start, "--trusted-proxy", "10.0.0.7").status == 2
    assert call(*start, "--public-url", "https://lab.example.org/lab").status == 2
    assert call(*start, *public).status == 11
    result(call("server", "token", "create", "ana", "--root", str(lab), "-o", "json"))
    started = result(call(*start, *public, "--trusted-proxy", "10.0.0.7"))
    assert started["url"] == "https://lab.example.org"


def test_in_the_foreground_it_tells_its_url_and_ends_at_an_interrupt(lab: Path) -> None:
    command = [sys.executable, "-m", "tandemlab.cli", "server", "start", "--root", str(lab)]
    child = subprocess.Popen(
        [*command, "--port", "0", "-o", "tsv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stderr is not None
    child.stdout.readline()
    assert child.stdout.readline().startswith("http://127.0.0.1:")
    child.send_signal(signal.SIGINT)
    assert child.wait(30) in (0, 130)
    lines = [json.loads(line) for line in child.stderr.read().splitlines()]
    assert lines[-1]["message"] == "stopped"


def test_tokens_are_made_used_and_revoked(
    call: Call, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = ("--root", str(lab))
    url = result(call("server", "start", "--port", "0", "--detach", *root, "-o", "json"))["url"]
    made = result(call("server", "token", "create", "ana", *root, "-o", "json"))
    listed = call("server", "token", "list", *root, "-o", "json")
    assert [item["name"] for item in result(listed)] == ["ana"]
    assert made["token"] not in listed.out
    refused = call("run", "list", "--workspace", f"{url}/lab")
    assert refused.status == 11 and "tandemlab server login" in refused.err
    script = [sys.executable, "-m", "tandemlab.cli", "server", "login", url]
    wrong = subprocess.run(script, input="nonsense\n", capture_output=True, text=True, check=False)
    assert wrong.returncode == 11
    right = subprocess.run(
        script, input=made["token"] + "\n", capture_output=True, text=True, check=False
    )
    assert right.returncode == 0 and made["token"] not in right.stdout + right.stderr
    kept = Path(os.environ["TANDEMLAB_CONFIG_DIR"]) / "credentials.json"
    assert kept.stat().st_mode & 0o077 == 0
    assert call("run", "list", "--workspace", f"{url}/lab").status == 0
    assert call("server", "token", "revoke", made["id"], "--yes", *root).status == 0
    assert call("run", "list", "--workspace", f"{url}/lab").status == 11
    assert call("server", "token", "revoke", made["id"], "--yes", *root).status == 3
    assert call("server", "logout", url).status == 0
    monkeypatch.setenv("TANDEMLAB_TOKEN", made["token"])
    assert call("run", "list", "--workspace", f"{url}/lab").status == 11


def test_the_commands_work_by_url(call: Call, lab: Path, tmp_path: Path) -> None:
    root = ("--root", str(lab), "-o", "json")
    url = result(call("server", "start", "--port", "0", "--detach", *root))["url"]
    there = ("--workspace", f"{url}/lab")
    (tmp_path / "train.py").write_text(
        "from tandemlab import get_current_run\nget_current_run().log('x', 0.5)\nprint('hello')\n"
    )
    script = str(tmp_path / "train.py")
    submitted = call("run", "submit", "--wait", "-o", "json", *there, script)
    assert result(submitted)["status"] == "Completed"
    shown = result(call("run", "show", "train/1", "-o", "json", *there))
    assert shown["metrics"] == {"x": 0.5}
    assert call("run", "logs", shown["id"][:-3], *there).out == "hello\n"
    files = result(call("run", "files", "latest", "-o", "json", *there))
    assert {"user_logs/std_log.txt"} <= {item["name"] for item in files}
    assert result(call("experiment", "list", "-o", "json", *there))[0]["runs"] == 1
    assert result(call("workspace", "show", "-o", "json", *there))["path"] == f"{url}/lab"
    put = [sys.executable, "-m", "tandemlab.cli", "keyvault", "set", "db", *there]
    subprocess.run(put, input="tiger\n", text=True, check=True, capture_output=True)
    assert call("keyvault", "get", "db", *there).out == "tiger\n"
    assert result(call("keyvault", "list", "-o", "json", *there)) == [{"name": "db"}]
    assert result(call("workspace", "check", f"{url}/lab", "--deep", "-o", "json")) == []
    listed = result(call("workspace", "list", "-o", "json"))
    assert f"{url}/lab" in [item["path"] for item in listed]


def test_what_waits_is_sent_by_a_command(
    call: Call, lab: Path, tmp_path: Path, workspace: Workspace
) -> None:
    offline = Workspace.create(tmp_path / "offline")
    with offline.experiment("offline").create_run(type="offline") as run:
        run.log("x", 0.5)
    url = result(
        call("server", "start", "--root", str(lab), "--port", "0", "--detach", "-o", "json")
    )
    there = ("--workspace", f"{url['url']}/lab", "-o", "json")
    sent = result(call("sync", "--from", str(offline.path), *there))
    assert [(item["run"], item["status"]) for item in sent] == [(run.id, "Completed")]
    assert workspace.get_run(run.id).get_metrics() == {"x": 0.5}
    assert result(call("sync", "-o", "json")) == []
    assert call("sync", "--workspace", str(lab)).status == 2
