"""Steps that run on a condition, and steps that run for each item of a list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tandemlab import Workspace
from tandemlab.domain import InvalidInput, RunFailed, RunStatus
from tandemlab.domain.reuse import Reason
from tandemlab.pipelines import (
    CommandStep,
    Pipeline,
    PipelineParameter,
    PipelineRun,
    RFunctionStep,
    step,
)

pytestmark = pytest.mark.full

Submit = Callable[..., PipelineRun]


@pytest.fixture
def submit(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Submit:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("TANDEMLAB_SLOTS", "4")

    def submit_pipeline(*steps: Any, **options: Any) -> PipelineRun:
        pipeline = Pipeline(steps, parameters=options.pop("parameters", ()))
        return workspace.experiment("study").submit(pipeline, **options)

    return submit_pipeline


def test_steps_run_when_a_parameter_and_an_output_say_so(submit: Submit) -> None:
    rows = PipelineParameter("rows", 10)
    check = CommandStep(
        f"""echo '{{"ok": true, "share": 0.5}}' > ${{outputs.verdict}}; echo {rows}""",
        "check",
        outputs={"verdict": "json"},
    )
    good = CommandStep(
        "echo 1 > ${outputs.n}",
        "good",
        outputs={"n": "json"},
        when="outputs.check.verdict.ok = true and parameters.rows >= 10",
    )
    bad = CommandStep(
        "echo 1 > ${outputs.n}",
        "bad",
        outputs={"n": "json"},
        when="not outputs.check.verdict.share < 1",
    )
    behind = CommandStep("cat ${inputs.n}", "behind", inputs=[bad.output()])
    last = CommandStep("true", "last", run_after=[good, bad])
    run = submit(check, behind, last, parameters=[rows])
    run.wait_for_completion()
    states = {each.name: each for each in run.get_steps()}
    assert states["good"].status is RunStatus.COMPLETED
    assert states["bad"].skipped == (
        "its condition does not hold: not outputs.check.verdict.share < 1"
    )
    assert states["behind"].skipped == "it needs 'n' of 'bad', which was skipped"
    assert states["last"].status is RunStatus.COMPLETED
    assert run.why("behind").reason is Reason.SKIPPED
    assert "was skipped: it needs 'n'" in str(run.why("behind"))


def test_an_output_that_is_no_json_fails_the_step_that_asks(submit: Submit) -> None:
    check = CommandStep("echo oh > ${outputs.verdict}", "check", outputs={"verdict": "json"})
    run = submit(check, CommandStep("true", "asking", when="outputs.check.verdict.ok = true"))
    with pytest.raises(RunFailed, match="'verdict' of 'check' cannot be read as JSON"):
        run.wait_for_completion()


def test_a_step_runs_for_each_item_and_its_outputs_come_together_in_order(submit: Submit) -> None:
    @step(outputs={"parts": "json"})
    def split(n: int) -> list[dict[str, object]]:
        return [{"place": place, "word": "abc"[place]} for place in range(n)]

    end = PipelineParameter("end", " it's $(id)")
    parts = split(n=PipelineParameter("n", 3))
    work = CommandStep(
        "echo '${item.place}' > '${outputs.n}'; "
        'echo "$TANDEMLAB_ITEM_word${parameters.end}" > ${outputs.text}',
        "work",
        outputs={"n": "json", "text": "file"},
        for_each=parts.output(),
    )

    @step(outputs={"rows": "table"}, for_each=parts.output())
    def tables(part: dict[str, object]) -> object:
        import pandas

        return pandas.DataFrame({"word": [part["word"]] * 2})

    told = CommandStep(
        ["sh", "-c", "cat $0/*; cat $1", work.output("text"), work.output("n")], "told"
    )
    made = tables.named("tables")(part="${item}")
    run = submit(told, made, parameters=[end])
    run.wait_for_completion()
    lines = [f"{word} it's $(id)" for word in "abc"]
    assert run.find_step_run("told")[0].read_log()[0].splitlines() == [*lines, "[0, 1, 2]"]
    assert run.get_output("work", "n") == [0, 1, 2]
    assert sorted(each.name for each in run.get_output("work", "text").iterdir()) == ["0", "1", "2"]
    assert run.get_output("tables")["word"].tolist() == list("aabbcc")
    assert run.find_step_run("work", 1)[0].display_name == "work[1]"
    state = next(each for each in run.get_steps() if each.name == "work")
    assert (state.items, state.items_done) == (3, 3)
    more = submit(told, made, parameters=[end], pipeline_parameters={"n": 2})
    more.wait_for_completion()
    assert more.why("work").reason is Reason.CHANGED
    assert more.find_step_run("work", 1) == run.find_step_run("work", 1)
    assert more.get_output("work", "n") == [0, 1]
    again = submit(told, made, parameters=[end])
    again.wait_for_completion()
    assert again.why("work").reason is Reason.REUSED
    Path("note.txt").write_text("new\n")  # among the sources of the list's step
    changed = submit(told, parameters=[end])
    changed.wait_for_completion()
    assert "note.txt: added" in str(changed.why("work"))


def test_tables_of_items_made_by_r_have_all_levels(submit: Submit) -> None:
    make = RFunctionStep(
        "function(name) data.frame(name = factor(name), n = nchar(name))",
        "make",
        {"name": "${item}"},
        outputs={"rows": "table"},
        for_each=PipelineParameter("names", ["x", "yy"]),
    )
    run = submit(make)
    run.wait_for_completion()
    expected = {"name": ["x", "yy"], "n": [1, 2]}
    assert run.get_output("make").astype({"name": str}).to_dict("list") == expected


def test_an_item_that_fails_fails_the_step_and_is_resumed_alone(
    submit: Submit, tmp_path: Path
) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    fails = f"[ ${{item}} = b ] && [ ! -e '{gate}' ]"
    work = CommandStep(
        f"echo 1 > ${{outputs.all}}/n; echo ${{item}} >> '{log}'; ! {{ {fails}; }}",
        "work",
        outputs={"all": "folder"},
        for_each=["a", "b", "c"],
        allow_reuse=False,
    )
    run = submit(work, continue_on_step_failure=True)
    with pytest.raises(RunFailed, match=r"The step 'work' failed: work\[1\] failed: "):
        run.wait_for_completion()
    (state,) = run.get_steps()
    assert (state.status, state.items, state.items_done) == (RunStatus.FAILED, 3, 2)
    gate.touch()
    again = run.resume()
    again.wait_for_completion()
    assert sorted(log.read_text().split()) == ["a", "b", "b", "c"]
    assert len(list(again.get_output("work").iterdir())) == 3


def test_an_empty_list_gives_nothing(submit: Submit) -> None:
    work = CommandStep("true", "work", outputs={"n": "json", "rows": "table"}, for_each=[])
    run = submit(work)
    run.wait_for_completion()
    assert run.get_output("work", "n") == []
    assert len(run.get_output("work", "rows")) == 0


def test_what_is_no_list_is_told(submit: Submit) -> None:
    made = CommandStep("echo 3 > ${outputs.n}", "made", outputs={"n": "json"})
    run = submit(CommandStep("echo ${item}", "work", for_each=made.output()))
    with pytest.raises(RunFailed, match="'n' of 'made' is no list, but 3"):
        run.wait_for_completion()
    with pytest.raises(InvalidInput, match="for_each is a list"):
        CommandStep("true", "work", for_each="abc")
