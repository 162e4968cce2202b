from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tandemlab import Workspace

PIPELINE = """\
name: study
parameters: {n: 2, fast: false}
steps:
  first: {command: "echo ${parameters.n} > ${outputs.n}", outputs: {n: json}}
  second: {command: "[ ${parameters.n} -gt 2 ]", run_after: [first]}
"""


@pytest.fixture
def file(folder: Path) -> str:
    (folder / "study.yml").write_text(PIPELINE)
    return "study.yml"


def test_a_pipeline_is_shown_as_tree_chart_and_document(call: Callable, file: str) -> None:
    assert "└─ second: [" in call("pipeline", "show", file).out
    assert "first -.-> second" in call("pipeline", "show", file, "--mermaid").out
    document = call("pipeline", "show", file, "-o", "json").json
    assert document["steps"]["first"]["outputs"] == {"n": {"type": "json"}}
    schema = call("pipeline", "schema").json
    assert "script" in schema["$defs"]["step"]["properties"]


def test_mistakes_are_results_with_a_status_of_their_own(
    call: Callable, file: str, workspace: Workspace, folder: Path
) -> None:
    place = ("-w", workspace.address)
    assert call("pipeline", "validate", file, *place).status == 0
    (folder / "bad.yml").write_text("steps: {a: {script: a.py}, b: {script: b.R}}")
    answer = call("pipeline", "validate", "bad.yml", *place, "-o", "json")
    assert answer.status == 2
    assert [each["mistake"].split(":")[0] for each in answer.json] == ["steps.a", "steps.b"]
    alone = call("pipeline", "validate", file)
    assert alone.status == 0 and "were not looked at" in alone.err
    (folder / "circle.yml").write_text(
        "steps: {a: {command: x, run_after: [b]}, b: {command: y, run_after: [a]}}"
    )
    assert call("pipeline", "validate", "circle.yml").status == 2
    assert call("pipeline", "validate", file, "-w", "nowhere").status == 3
    refused = call("pipeline", "run", "bad.yml", *place, "-o", "json")
    assert (refused.status, len(refused.error["details"]["mistakes"])) == (2, 2)
    wrong = call("pipeline", "run", file, "-p", "n=many", *place, "-o", "json")
    assert "n: 'many' is no integer" in wrong.error["message"]
    wrong = call("pipeline", "validate", file, "-p", "n=many", "-p", "m=1", "-o", "json")
    assert [each["mistake"].split(":")[0] for each in wrong.json] == [
        "parameters.n",
        "parameters.m",
    ]
    assert not workspace.experiments


@pytest.mark.full
def test_a_pipeline_runs_fails_and_is_resumed(
    call: Callable, file: str, workspace: Workspace
) -> None:
    place = ("-w", workspace.address)
    failed = call("pipeline", "run", file, *place, "--wait", "-o", "json")
    assert failed.status == 6
    reference = failed.json["run"]
    steps = call("pipeline", "steps", reference, *place, "-o", "json").json
    assert [each["status"] for each in steps] == ["Completed", "Failed"]
    again = call("pipeline", "resume", reference, *place, "--wait", "-o", "json")
    assert again.status == 6
    steps = call("pipeline", "steps", again.json["run"], *place, "-o", "json").json
    assert [each["reused"] for each in steps] == [True, False]
    why = call("pipeline", "why", again.json["run"], "first", *place, "-o", "json").json
    assert why["reason"] == "taken"
    shown = call("run", "show", reference, *place)
    assert "steps=" in shown.out and max(map(len, shown.out.splitlines())) < 2000
    done = call("pipeline", "run", file, "-p", "n=3", *place, "--wait")
    assert done.status == 0
    assert "second: completed" in done.out
    told = call("pipeline", "why", "study/latest", "first", *place).out
    assert "The step 'first' was run: something has changed since" in told
    fresh = call("pipeline", "run", file, "-p", "n=3", *place, "--wait", "--regenerate")
    assert "first: completed" in fresh.out


@pytest.mark.full
def test_a_pipeline_is_published_run_by_name_and_rolled_back(
    call: Callable, file: str, workspace: Workspace, folder: Path
) -> None:
    place = ("-w", workspace.address)
    made = call("pipeline", "publish", file, "--default", "--tag", "a=b", *place, "-o", "json").json
    assert (made["pipeline"], made["default"], made["tags"]) == ("study:1", "default", {"a": "b"})
    (folder / file).write_text(PIPELINE.replace("fast", "quick"))
    assert call("pipeline", "publish", file, *place, "-o", "json").json["version"] == 2
    (folder / file).unlink()
    assert "n=2 quick=False" in call("pipeline", "list", "study", *place).out
    assert "├─ first: echo" in call("pipeline", "show", "study", *place).out
    wrong = call("pipeline", "run", "study", "-p", "quick=true", *place, "-o", "json")
    assert "there is no parameter 'quick'" in wrong.error["message"]
    done = call("pipeline", "run", "study", "-p", "n=3", *place, "--wait", "-o", "json")
    assert done.status == 0
    assert call("pipeline", "set-default", "study:2", *place, "-o", "json").json["version"] == 2
    assert call("pipeline", "disable", "study:2", *place).status == 0
    assert call("pipeline", "run", "study", *place).status == 5
    assert call("pipeline", "roll-back", "study", *place, "-o", "json").json["version"] == 1
    assert len(call("pipeline", "list", "--all", *place, "-o", "json").json) == 2
    path = call("pipeline", "export", "study", "copy", *place, "-o", "json").json["path"]
    assert call("pipeline", "validate", path, *place).status == 0
    assert call("pipeline", "show", "stady", *place).status == 3


def test_a_pipeline_is_exported_as_a_script_of_each_language(
    call: Callable, file: str, workspace: Workspace, folder: Path
) -> None:
    from tandemlab.pipelines import Pipeline

    pipeline = Pipeline.load_yaml(file)
    assert call("pipeline", "export", file, "--language", "r").out == pipeline.to_r()
    place = ("-w", workspace.address)
    call("pipeline", "publish", file, "--name", "kept", *place)
    published = call("pipeline", "export", "kept", "--language", "python", *place).out
    assert "n = PipelineParameter" in published
    assert call("pipeline", "export", "kept", *place).status == 2
