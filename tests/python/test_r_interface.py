"""The function that the R package calls: text in, text out."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest

from tandemlab import Workspace, __version__
from tandemlab.bridge.values import encode
from tandemlab.domain.warnings import PrecisionWarning
from tandemlab.r_interface import CALLS, call
from tandemlab.tracking.known import remember


def answer(verb: str, /, **arguments: Any) -> Any:
    return json.loads(call(f'{{"call":"{verb}","arguments":{encode(arguments)}}}'))


def test_versions_can_be_compared() -> None:
    assert answer("version") == {"value": __version__, "warnings": []}


def test_an_error_has_code_message_hint_and_details(workspace: Workspace) -> None:
    error = answer("run.get", workspace=str(workspace.path), run="nope")["error"]
    assert error["code"] == "not_found"
    assert "nope" in error["message"]
    assert error["details"] == {"$map": [["what", "run"], ["run_id", "nope"]]}


def test_a_mistake_of_ours_is_an_answer_too() -> None:
    error = answer("no.such.call")["error"]
    assert error["code"] == "internal"
    assert "KeyError" in error["message"]


def test_what_python_does_not_show_its_users_is_not_told_in_r(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def speak() -> None:
        warnings.warn("a connection was left open", ResourceWarning, stacklevel=1)
        warnings.warn("this is old", DeprecationWarning, stacklevel=1)
        warnings.warn("times were rounded", PrecisionWarning, stacklevel=1)

    monkeypatch.setitem(CALLS, "speak", speak)
    assert [each["message"] for each in answer("speak")["warnings"]] == ["times were rounded"]


def test_an_unknown_workspace_is_null() -> None:
    assert answer("workspace.get", name="no such workspace")["value"] is None


def test_workspaces_are_listed_while_a_server_is_away(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "0")
    remember("http://127.0.0.1:1/lab", "lab")
    listed = json.dumps(answer("workspace.list"))
    assert "http://127.0.0.1:1/lab" in listed and "error" not in listed


def test_runs_that_r_made_offline_are_taken_in(tmp_path: Any) -> None:
    folder = tmp_path / ".tandemlab" / "offline"
    run = folder / "runs" / "offline_1"
    (run / "spool").mkdir(parents=True)
    (folder / "live").mkdir()
    (folder / "live" / "offline_1").touch()
    identity = {
        "format": 1,
        "id": "offline_1",
        "experiment": "offline",
        "created": 1_700_000_000_000_000,
        "type": "offline",
        "display_name": "offline_20231114",
        "parent": None,
    }
    (run / "run.json").write_text(json.dumps(identity))
    event = {"seq": 1, "time": 1_700_000_000_000_001, "kind": "metric", "name": "x", "value": 1.5}
    (run / "spool" / "host-1-00000000.jsonl").write_text(json.dumps(event) + "\n")
    found = answer(
        "run.metrics", workspace=str(folder), run="offline_1", name=None, recursive=False
    )
    assert found["value"] == {"$map": [["x", {"$vector": {"type": "double", "values": [1.5]}}]]}


def test_a_workspace_made_anew_at_a_path_is_opened_anew(tmp_path: Any) -> None:
    path = str(tmp_path / "lab")
    Workspace.create(path)
    assert answer("experiment.ensure", workspace=path, experiment="a")["value"] == "a"
    assert "error" not in answer("workspace.delete", workspace=path)
    Workspace.create(path)
    found = answer("experiment.list", workspace=path)["value"]
    assert found == {"$vector": {"type": "character", "values": []}}
