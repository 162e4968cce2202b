"""``tandemlab workspace check`` and ``gc``."""

from __future__ import annotations

import os
from collections.abc import Callable

from python.cli.conftest import Answer
from tandemlab import Run

Call = Callable[..., Answer]


def test_a_whole_workspace_says_so(logged: Run, call: Call) -> None:
    answer = call("workspace", "check")
    assert answer.status == 0 and "as it should be" in answer.err
    assert call("workspace", "check", "--deep", "-o", "json").json == []


def test_findings_are_a_table_until_they_are_repaired(logged: Run, call: Call) -> None:
    lab = logged.workspace
    (lab.path / "live" / "gone_01").touch()
    (logged.directory / "files" / "outputs" / "model.txt").unlink()
    found = call("workspace", "check", "-o", "json")
    assert found.status == 7
    assert [(row["code"], row["state"], row["where"]) for row in found.json] == [
        ("live_stale", "open", "live/gone_01"),
        ("file_missing", "open", f"runs/{logged.id}/files/outputs/model.txt"),
    ]
    shown = call("workspace", "check")
    assert "live/gone_01" in shown.out and "workspace check --repair" in shown.err
    done = call("workspace", "check", lab.path, "--repair", "-o", "json")
    assert done.status == 0 and {row["state"] for row in done.json} == {"repaired"}
    assert call("workspace", "check").status == 0


def test_what_cannot_be_repaired_keeps_the_exit_status(logged: Run, call: Call) -> None:
    (file,) = [f for f in logged.workspace.store.list_files(logged.id) if "model" in f.name]
    logged.workspace.folder.blobs.path(file.digest).unlink()
    (logged.directory / "files" / "outputs" / "model.txt").unlink()
    answer = call("workspace", "check", "--repair", "-o", "json")
    assert answer.status == 7
    assert [(row["code"], row["state"]) for row in answer.json] == [("blob_missing", "open")]


def test_errors_of_reading_lead_to_the_check(logged: Run, call: Call) -> None:
    spool = next((logged.directory / "spool").glob("*.jsonl"))
    content = spool.read_bytes()
    spool.with_name("host-1-00000000.jsonl").write_bytes(b"x" + content)
    answer = call("run", "metrics", "demo/1")
    assert answer.status == 7 and "workspace check --repair" in answer.err
    assert call("workspace", "check", "--repair").status == 0
    assert call("run", "metrics", "demo/1").status == 0


def test_contents_of_deleted_runs_are_counted_and_then_removed(logged: Run, call: Call) -> None:
    lab = logged.workspace
    assert call("run", "delete", "demo/1", "--yes").status == 0
    for blob in lab.path.glob("blobs/*/*"):
        os.utime(blob, (0, 0))
    count = len(list(lab.path.glob("blobs/*/*")))
    dry = call("workspace", "gc", "--dry-run", "-o", "json")
    assert (dry.json["contents"], dry.json["dry_run"]) == (count, True)
    assert "workspace gc" in call("workspace", "gc", "--dry-run").err
    assert call("workspace", "gc", lab.path, "--older-than", "7d", "-o", "json").json == {
        **dry.json,
        "dry_run": False,
    }
    assert list(lab.path.glob("blobs/*/*")) == []
    refused = call("workspace", "gc", "--older-than", "5m")
    assert refused.status == 2 and "3600" in refused.err
