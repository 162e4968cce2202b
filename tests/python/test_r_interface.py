"""The function that the R package calls: text in, text out."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandemlab import Workspace, __version__
from tandemlab.r_interface import call, frame, vector, wire


def answer(verb: str, /, **arguments: Any) -> Any:
    return json.loads(call(json.dumps({"call": verb, "arguments": arguments})))


def test_versions_can_be_compared() -> None:
    assert answer("version") == {"value": __version__, "warnings": []}


def test_an_error_has_code_message_hint_and_details(workspace: Workspace) -> None:
    error = answer("run.get", workspace=str(workspace.path), run="nope")["error"]
    assert error["code"] == "not_found"
    assert "nope" in error["message"]
    assert error["details"] == {"$map": [["run_id", "nope"]]}


def test_a_mistake_of_ours_is_an_answer_too() -> None:
    error = answer("no.such.call")["error"]
    assert error["code"] == "internal"
    assert "KeyError" in error["message"]


def test_an_unknown_workspace_is_null() -> None:
    assert answer("workspace.get", name="no such workspace")["value"] is None


def test_a_name_of_users_is_never_a_mark_of_ours() -> None:
    assert wire({"$vector": 1}) == {"$map": [["$vector", 1]]}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None], "logical"),
        ([True, None], "logical"),
        ([1, None], "integer"),
        ([2**31], "double"),
        ([2**53 + 1], "integer64"),
        ([1, 0.5], "double"),
        (["a", None], "character"),
        ([datetime(2024, 1, 1, tzinfo=timezone.utc)], "time"),
        ([1, "a"], "list"),
        ([True, 1], "list"),
    ],
)
def test_a_column_has_the_narrowest_type(values: list[Any], kind: str) -> None:
    assert frame({"x": values})["$frame"][0]["type"] == kind


def test_numbers_that_are_not_finite_are_named_by_their_places() -> None:
    found = vector([0.5, math.nan, None, math.inf, -math.inf])["$vector"]
    assert found["values"] == [0.5, None, None, None, None]
    assert (found["nan"], found["inf"], found["-inf"]) == ([2], [4], [5])


@given(st.text())
def test_any_text_becomes_text_that_r_can_hold(text: str) -> None:
    found = wire(text + "\ud800\0")
    found.encode()
    assert "\0" not in found


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
