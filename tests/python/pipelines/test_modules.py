"""Published pipelines as steps of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tandemlab import Workspace
from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.reuse import Reason
from tandemlab.pipelines import (
    CommandStep,
    ModuleStep,
    Pipeline,
    PipelineParameter,
    PipelineRun,
    PublishedPipeline,
)

pytestmark = pytest.mark.full


@pytest.fixture
def module(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 1 of ``sorted``: sorts a file, and gives its first lines where ``least`` allows."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "theirs")
    Path("sort.sh").write_text("sort $1 > $2\n")
    raw = PipelineParameter("raw", type="string")
    number = PipelineParameter("number", 1)
    order = CommandStep(
        ["sh", "sort.sh", "${inputs.raw}", "${outputs.rows}"],
        "order",
        inputs={"raw": raw},
        outputs={"rows": "file"},
    )
    first = CommandStep(
        ["sh", "-c", "head -n $0 $1 > $2", number, order.output(), "${outputs.first}"],
        "first",
        outputs={"first": "file"},
        when="parameters.number > 0",
    )
    Pipeline([first]).publish(workspace, "sorted")
    monkeypatch.chdir(tmp_path / "here")


def submit(workspace: Workspace, *steps: CommandStep, **options: object) -> PipelineRun:
    run = workspace.experiment("study").submit(Pipeline(steps), **options)
    run.wait_for_completion()
    return run


def test_a_published_pipeline_runs_as_a_step_between_others(
    workspace: Workspace, module: None
) -> None:
    fetch = CommandStep("printf 'c\\nb\\na\\n' > ${outputs.raw}", "fetch", outputs={"raw": "file"})
    many = PipelineParameter("many", 2)
    own = ModuleStep("own", "sorted", {"number": many}, inputs=[fetch.output()])
    Path("other.txt").write_text("z\ny\n")
    other = ModuleStep("other", "sorted:1", inputs={"raw": "other.txt"}, run_after=[own])
    show = CommandStep(
        ["sh", "-c", "cat $0 $1 $2", "${inputs.all}", "${inputs.own}", "${inputs.other}"],
        "show",
        inputs={
            "all": own.output("order.rows"),
            "own": own.output("first"),
            "other": other.output("first"),
        },
    )
    run = submit(workspace, show)
    assert run.find_step_run("show")[0].read_log()[0].split() == list("abcaby")
    names = [each.name for each in run.get_steps()]
    assert set(names) == {
        *("fetch", "own__order", "own__first", "other__order", "other__first", "show"),
    }
    assert names.index("own__first") < names.index("other__order")
    few = submit(workspace, show, pipeline_parameters={"many": 1})
    assert few.why("own__order").reason is Reason.REUSED
    assert few.why("own__first").reason is Reason.CHANGED

    Pipeline([show]).publish(workspace, "whole")
    whole = PublishedPipeline.get(workspace, "whole")
    assert "own__order" in whole.get_step_names()
    outer = submit(workspace, CommandStep("true", "z", run_after=[ModuleStep("in", "whole")]))
    assert "in__own__order" in outer.pipeline.graph.steps
    assert outer.why("in__own__order").reason is Reason.REUSED


def test_what_a_module_cannot_take_is_told_before_anything_runs(
    workspace: Workspace, module: None
) -> None:
    raw = {"raw": "/etc/hostname"}
    wrong = {
        "no published pipeline|There is no": ModuleStep("a", "sortet", inputs=raw),
        "did you mean 'number'": ModuleStep("a", "sorted", {"nummer": 1}, inputs=raw),
        "needs a value of 'raw'": ModuleStep("a", "sorted"),
        "'number' is no integer: 'x'": ModuleStep("a", "sorted", {"number": "x"}, inputs=raw),
    }
    for words, step in wrong.items():
        with pytest.raises((InvalidInput, NotFound), match=words):
            workspace.experiment("study").submit(Pipeline([step]))
        assert Pipeline([step]).validate(workspace) != []
    good = ModuleStep("a", "sorted", inputs=raw)
    assert Pipeline([good]).validate(workspace) == []
    with pytest.raises(InvalidInput, match="The module has no outputs 'last'"):
        workspace.experiment("study").submit(
            Pipeline([CommandStep("true", "b", inputs={"x": good.output("last")})])
        )
    assert workspace.experiment("study").get_runs() == []
