"""Two runs side by side: values, packages and code."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from plugins.servers import Server
from tandemlab import Run, Workspace, compare_runs
from tandemlab.domain import InvalidInput
from tandemlab.domain.comparison import ComparedValue

ENVIRONMENT = {"language": "python", "version": "3.11.7", "interpreter": "/usr/bin/python"}


def two_runs(workspace: Workspace, folder: Path) -> list[Run]:
    """Two ended runs of an experiment, different in a bit of everything."""
    experiment = workspace.experiment("demo")
    source = folder / "source"
    source.mkdir()
    (source / "same.py").write_text("x = 1\n")
    runs = []
    for number in (1, 2):
        (source / "train.py").write_text(f"depth = {number}\nfit(depth)\n")
        (source / "data.bin").write_bytes(b"\xff\x00" * number)
        if number == 2:
            (source / "same.py").rename(source / "moved.py")
        with experiment.start_logging(
            snapshot_directory=source, display_name=f"try {number}", tags={"team": "a"}
        ) as run:
            run.log("auc", 0.5 + number / 4)
            run.log("steps", 10)
            run.log_param("depth", number)
            run.log_param("model", "glm")
            if number == 1:
                run.tag("best")
            packages = {"numpy": "2.0", "pandas": f"{number}.0", f"only{number}": "1"}
            text = json.dumps({**ENVIRONMENT, "packages": packages})
            run.upload_file("system/environment.json", io.BytesIO(text.encode()))
        runs.append(run)
    return runs


def check_two_runs(found: dict[str, Any]) -> None:
    assert (found["left"], found["right"]) == ("demo/1", "demo/2")
    differences = {(v["group"], v["name"]): v for v in found["values"] if v["differs"]}
    assert {group for group, _ in differences} == {"run", "metrics", "params", "tags"}
    auc = differences["metrics", "auc"]
    assert (auc["left"], auc["right"]) == (0.75, 1.0)
    assert ("params", "model") not in differences and ("metrics", "steps") not in differences
    best = differences["tags", "best"]
    assert (best["left"], best["right"]) == ("", None)
    assert [(p["package"], p["change"]) for p in found["packages"]] == [
        ("only1", "removed"),
        ("only2", "added"),
        ("pandas", "changed"),
    ]
    code = {file["path"]: file for file in found["code"]}
    assert {path: file["change"] for path, file in code.items()} == {
        "data.bin": "changed",
        "moved.py": "added",
        "same.py": "removed",
        "train.py": "changed",
    }
    assert "-depth = 1\n+depth = 2\n fit(depth)" in code["train.py"]["diff"]
    assert code["data.bin"]["diff"] == ""
    assert code["moved.py"]["diff"].startswith("--- /dev/null\n+++ b/moved.py\n")


def test_runs_are_compared_in_all_that_they_are(workspace: Workspace, tmp_path: Path) -> None:
    left, right = two_runs(workspace, tmp_path)
    found = compare_runs(left, right)
    check_two_runs(json.loads(json.dumps(found.to_dict())))
    text = str(found)
    for line in ("demo/1 → demo/2", "  auc    0.75  1   +0.25", "  ~ train.py", "    +depth = 2"):
        assert line in text
    assert "model" not in text
    frame = found.to_frame()
    assert list(frame.columns) == ["group", "name", "left", "right", "differs"]
    row = frame[(frame.group == "params") & (frame.name == "depth")].iloc[0]
    assert (row.left, row.right, row.differs) == (1, 2, True)
    assert set(frame[frame.group == "packages"].name) == {"only1", "only2", "pandas"}


def test_a_run_is_the_same_as_itself(workspace: Workspace) -> None:
    with workspace.experiment("demo").start_logging() as run:
        run.log("x", float("nan"))
    found = compare_runs(run, run)
    assert found.differences == [] and found.code is None and found.packages is None
    assert "not kept with both runs" in str(found)


def test_runs_at_a_server_are_compared_there_and_here(
    remote: Workspace, shared_server: Server, tmp_path: Path
) -> None:
    left, right = two_runs(remote, tmp_path)
    check_two_runs(compare_runs(left, right).to_dict())
    path = f"/workspaces/{remote.name}/runs/{left.id}/comparison/{right.id}"
    answer = remote.place.client.request("GET", path)  # type: ignore[attr-defined]
    check_two_runs(answer.json())


def test_only_runs_are_compared(workspace: Workspace) -> None:
    run = workspace.experiment("demo").create_run(type="interactive")
    with pytest.raises(InvalidInput, match="not a run"):
        compare_runs(run, run.id)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "right", "differs"),
    [(1, 1.0, False), (1, True, True), (None, 0, True), ("1", 1, True), (2, 2.5, True)],
)
def test_values_differ_by_kind_too_but_numbers_are_numbers(
    left: Any, right: Any, differs: bool
) -> None:
    assert ComparedValue("params", "x", left, right).differs is differs
