from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from python.cli.conftest import Answer
from tandemlab import Run, Workspace

Call = Callable[..., Answer]


def test_created_workspace_is_used_in_the_folder_and_below(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = call(
        *("workspace", "create", "lab", "--friendly-name", "The lab", "--tag", "team=safety"),
        *("--description", "Crashes"),
    )
    assert answer.status == 0
    assert f"Wrote {folder / '.tandemlab' / 'config.json'}" in answer.err
    assert answer.err.endswith("Next: tandemlab run submit train.py\n")

    (folder / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "down")
    details = call("workspace", "show", "-o", "json").json
    assert details["path"] == str(folder / "lab")
    assert details["friendly_name"] == "The lab"
    assert details["description"] == "Crashes"
    assert details["tags"] == {"team": "safety"}
    assert (details["experiments"], details["runs"]) == (0, 0)


def test_contents_may_be_kept_in_another_folder(call: Call, folder: Path) -> None:
    made = call("workspace", "create", "lab", "--artifacts", "elsewhere", "-o", "json")
    assert made.json["artifacts"] == f"file://{folder}/elsewhere"
    with Workspace(folder / "lab").experiment("demo").start_logging() as run:
        (folder / "model.txt").write_text("fitted")
        run.upload_file("model.txt", folder / "model.txt")
    sent = call("sync", "--workspace", "lab")
    assert sent.status == 0 and f"file://{folder}/elsewhere" in sent.err
    (content,) = (folder / "elsewhere").glob("blobs/*/*")
    assert content.read_text() == "fitted"
    assert call("workspace", "check", "--deep").status == 0
    gone = call("workspace", "delete", "lab", "--yes")
    assert "stay as they are" in gone.err and content.exists()


def test_config_of_another_workspace_stays(call: Call, folder: Path) -> None:
    call("workspace", "create", "first")
    answer = call("workspace", "create", "second")
    assert answer.status == 0
    assert "leads to another workspace and stays as it is" in answer.err
    assert call("workspace", "show", "-o", "json").json["name"] == "first"


def test_workspace_that_is_there_is_taken_when_that_is_fine(call: Call, folder: Path) -> None:
    first = call("workspace", "create", "lab", "-o", "json").json
    again = call("workspace", "create", "lab", "--exist-ok", "-o", "json")
    assert (again.json, again.err) == (first, "")


def test_no_config_leaves_the_folder_alone(call: Call, folder: Path) -> None:
    assert call("workspace", "create", "lab", "--no-config").status == 0
    assert [path.name for path in folder.iterdir()] == ["lab"]


def test_working_directory_that_becomes_a_workspace_needs_no_config(
    call: Call, folder: Path
) -> None:
    assert call("workspace", "create", ".").status == 0
    assert not (folder / ".tandemlab").exists()


def test_list_marks_the_current_workspace(call: Call, folder: Path) -> None:
    call("workspace", "create", "first")
    call("workspace", "create", "second", "--no-config")
    rows = call("workspace", "list", "-o", "json").json
    assert {row["name"]: row["current"] for row in rows} == {"first": True, "second": False}


def test_list_works_where_no_workspace_is_known(call: Call, folder: Path) -> None:
    assert call("workspace", "list") == Answer(
        0, "", "No workspaces are known.\nNext: tandemlab workspace create lab\n"
    )


def test_deleted_workspace_is_gone_and_forgotten(call: Call, logged: Run) -> None:
    path = logged.workspace.path
    answer = call("workspace", "delete", path, "--yes", "-o", "json")
    assert answer.json["runs"] == 1
    assert not path.exists()
    assert call("workspace", "list", "-o", "json").json == []


def test_workspace_with_an_active_job_is_not_deleted(call: Call, lab: Workspace) -> None:
    from tandemlab import RunStatus

    lab.experiment("demo").create_run(type="script", status=RunStatus.QUEUED)
    answer = call("workspace", "delete", lab.path, "--yes", "-o", "json")
    assert (answer.status, answer.error["code"]) == (5, "invalid_state")
    assert lab.path.exists()


def test_config_of_sdk_v1_leads_to_the_workspace_of_that_name(call: Call, folder: Path) -> None:
    Workspace.create(folder / "elsewhere" / "crashes")
    (folder / ".azureml").mkdir()
    old = {"subscription_id": "0", "resource_group": "r", "workspace_name": "crashes"}
    (folder / ".azureml" / "config.json").write_text(json.dumps(old))
    assert call("workspace", "show", "-o", "json").json["name"] == "crashes"
