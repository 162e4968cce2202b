"""Runs of pipelines, with a real agent and real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.waiting import wait_until
from plugins.workspaces import agent_pid
from tandemlab import Run, Workspace
from tandemlab.domain import InvalidInput, InvalidState, NotFound, RunFailed, RunStatus
from tandemlab.pipelines import (
    CommandStep,
    Pipeline,
    PipelineParameter,
    PipelineRun,
    PythonScriptStep,
    Retries,
    RFunctionStep,
    step,
)

pytestmark = pytest.mark.full

Submit = Callable[..., PipelineRun]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TANDEMLAB_SLOTS", "4")


@pytest.fixture
def submit(workspace: Workspace) -> Submit:
    def submit_pipeline(*steps: Any, **options: Any) -> PipelineRun:
        pipeline = Pipeline(steps, parameters=options.pop("parameters", ()))
        return workspace.experiment("study").submit(pipeline, **options)

    return submit_pipeline


def statuses(run: PipelineRun) -> dict[str, str]:
    return {each.name: each.status.value for each in run.get_steps()}


def until(path: Path) -> str:
    """What a command does to wait for a file."""
    return f"while [ ! -e '{path}' ]; do sleep 0.02; done"


def test_the_run_of_a_pipeline_is_found_as_one(submit: Submit) -> None:
    run = submit(CommandStep("true", "only"))
    run.wait_for_completion()
    (found,) = run.experiment.get_runs()
    assert isinstance(found, PipelineRun) and found.get_steps()[0].name == "only"
    assert isinstance(run.workspace.get_run(run.id), PipelineRun)
    (step,) = run.get_children()
    assert type(run.workspace.get_run(step.id)) is Run


def test_what_one_step_writes_the_next_ones_read(submit: Submit, tmp_path: Path) -> None:
    Path("raw.txt").write_text("one two\n")
    word = PipelineParameter("word", "it's")
    first = CommandStep(
        ["sh", "-c", 'cat "$0" > "$1"; echo "$2" >> "$1"', "${inputs.raw}", "${outputs.all}", word],
        "first",
        inputs={"raw": "raw.txt"},
        outputs={"all": "file"},
    )
    shown = (
        "mkdir ${outputs.shown}/a; cat ${inputs.all} > ${outputs.shown}/a/b; echo ${parameters.n}"
    )
    second = CommandStep(shown, "second", inputs=[first.output()], outputs=["shown"])
    last = CommandStep(
        f"cat ${{inputs.folder}}/a/b; echo {word}",
        "last",
        inputs={"folder": second.output()},
    )
    parameters = [word, PipelineParameter("n", type="integer")]
    with pytest.raises(InvalidInput, match="n: has no default"):
        submit(last, parameters=parameters)
    run = submit(last, parameters=parameters, pipeline_parameters={"n": 3}, tags={"a": "b"})
    run.wait_for_completion()
    assert statuses(run) == dict.fromkeys(["first", "second", "last"], "Completed")
    assert run.find_step_run("last")[0].read_log()[0] == "one two\nit's\nit's\n"
    assert run.find_step_run("second")[0].read_log()[0] == "3\n"
    assert run.get_output("first").read_text() == "one two\nit's\n"
    assert (run.get_output("second", "shown") / "a" / "b").is_file()
    details = run.get_details()
    assert (details["params"], details["type"]) == ({"word": "it's", "n": 3}, "pipeline")
    assert {child.parent for child in run.get_children()} == {run}
    assert "first: completed\n" in run.read_log()[0]
    assert run.pipeline.to_dict() == Pipeline([last], parameters=parameters).to_dict()


def test_functions_get_and_give_frames_and_values(submit: Submit) -> None:
    @step(outputs={"rows": "table", "facts": "json", "note": "file"})
    def draw(n: int, note: str) -> dict[str, object]:
        import pandas

        with open(note, "w") as stream:
            stream.write("drawn")
        return {"rows": pandas.DataFrame({"x": range(n)}), "facts": {"n": n}}

    drawn = draw(n=PipelineParameter("n", 2))
    twice = RFunctionStep(
        "function(rows, facts) { rows$x <- rows$x * facts$n; rows }",
        "twice",
        inputs=[drawn.output("rows"), drawn.output("facts")],
        outputs={"rows": "table"},
    )

    @step(outputs={"sum": "json"})
    def total(rows: object, note: str) -> float:
        with open(note) as stream:
            return float(rows["x"].sum()) + len(stream.read())  # type: ignore[index]

    run = submit(
        total(rows=twice.output(), note=drawn.output("note")), pipeline_parameters={"n": 3}
    )
    run.wait_for_completion()
    assert run.get_output("total") == 14.0
    assert run.get_output("twice")["x"].tolist() == [0, 3, 6]
    assert run.get_output("draw", "facts") == {"n": 3}
    assert run.find_step_run("draw")[0].record.params == {"n": 3}


def test_steps_that_do_not_need_each_other_run_at_once(submit: Submit, tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    run = submit(
        CommandStep(f"touch '{a}'; {until(b)}", "first"),
        CommandStep(f"touch '{b}'; {until(a)}", "second"),
    )
    run.wait_for_completion(timeout_seconds=60)


def test_the_first_failure_ends_all(submit: Submit, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    failing = CommandStep(f"{until(begun)}; echo oh; exit 3", "failing")
    long = CommandStep(f"touch '{begun}'; sleep 600", "long")
    run = submit(failing, long, CommandStep("true", "behind", run_after=[failing]))
    with pytest.raises(RunFailed, match=r"The step 'failing' failed: .*exit code 3.*oh"):
        run.wait_for_completion()
    expected = {"failing": "Failed", "long": "Canceled", "behind": "NotStarted"}
    assert statuses(run) == expected
    assert run.record.error is not None
    assert run.record.error.code == "step"
    assert "long" not in run.record.error.message  # it was canceled, and has not failed


def test_steps_that_do_not_need_the_failed_one_may_go_on(submit: Submit) -> None:
    failing = CommandStep("exit 3", "failing")
    behind = CommandStep("true", "behind", run_after=[failing])
    one = CommandStep("true", "one")
    two = CommandStep("true", "two", run_after=[one])
    run = submit(behind, two, continue_on_step_failure=True)
    with pytest.raises(RunFailed):
        run.wait_for_completion()
    assert statuses(run) == {
        "failing": "Failed",
        "behind": "NotStarted",
        "one": "Completed",
        "two": "Completed",
    }


def test_a_step_that_fails_is_tried_again(submit: Submit, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    flaky = CommandStep(
        f"echo x >> '{mark}'; [ $(wc -l < '{mark}') -eq 3 ]", "flaky", retries=Retries(2)
    )
    run = submit(flaky)
    run.wait_for_completion()
    (state,) = run.get_steps()
    assert (state.status, state.attempts) == (RunStatus.COMPLETED, 3)
    assert [each.status.value for each in run.find_step_run("flaky")] == [
        "Failed",
        "Failed",
        "Completed",
    ]


def test_a_step_that_writes_nothing_has_failed(submit: Submit) -> None:
    run = submit(CommandStep("true", "idle", outputs={"rows": "table"}))
    with pytest.raises(RunFailed, match="has not written its output 'rows'"):
        run.wait_for_completion()


def test_a_canceled_pipeline_cancels_its_steps(submit: Submit, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    long = CommandStep(f"touch '{begun}'; sleep 600", "long")
    run = submit(long, CommandStep("true", "behind", run_after=[long]))
    wait_until(begun.exists)
    run.cancel()
    with pytest.raises(RunFailed, match="was canceled"):
        run.wait_for_completion()
    assert statuses(run) == {"long": "Canceled", "behind": "NotStarted"}


def _has_begun(workspace: Workspace, log: Path, number: int) -> bool:
    workspace.attend()
    return log.exists() and f"{number}\n" in log.read_text()


def test_killed_agents_and_clients_make_no_step_run_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    """The client is killed when it has submitted, the agents while steps run and between them."""
    log, gates = tmp_path / "log", [tmp_path / f"gate{number}" for number in range(3)]
    steps = ""
    for number, gate in enumerate(gates):
        command = f"echo {number} >> '{log}'; {until(gate)}"
        after = f", run_after: [step{number - 1}]" if number else ""
        steps += f"  step{number}: {{command: {command!r}{after}}}\n".replace("\\'", "''")
    Path("pipeline.yml").write_text(f"steps:\n{steps}")
    client = (
        "import os, signal, sys; from tandemlab import Workspace\n"
        "from tandemlab.pipelines import Pipeline\n"
        "run = Workspace(sys.argv[1]).experiment('study').submit(Pipeline.load_yaml(sys.argv[2]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", client, workspace.address, "pipeline.yml"], check=False)
    (found,) = workspace.experiment("study").get_runs(type="pipeline")
    run = PipelineRun.get(workspace, found.id)
    for number, gate in enumerate(gates):
        wait_until(lambda number=number: _has_begun(workspace, log, number))
        pid = agent_pid(workspace)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        gate.touch()
    run.wait_for_completion()
    assert log.read_text() == "0\n1\n2\n"
    assert [each.attempts for each in run.get_steps()] == [1, 1, 1]


def test_a_killed_process_of_a_step_is_a_failed_attempt(submit: Submit, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"[ -e '{mark}' ] || {{ touch '{mark}'; kill -9 $$; }}"
    run = submit(CommandStep(code, "once", retries=1))
    run.wait_for_completion()
    assert run.get_steps()[0].attempts == 2
    first = run.find_step_run("once")[0].record
    assert first.error is not None
    assert first.error.code == "signal"


def test_a_failed_run_is_resumed_where_it_failed(submit: Submit, tmp_path: Path) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    first = CommandStep(
        f"echo first >> '{log}'; echo 1 > ${{outputs.n}}", "first", outputs={"n": "json"}
    )
    second = CommandStep(
        f"echo second >> '{log}'; [ -e '{gate}' ] && cat ${{inputs.n}}",
        "second",
        inputs=[first.output()],
    )
    run = submit(second)
    with pytest.raises(RunFailed):
        run.wait_for_completion()
    gate.touch()
    again = run.resume()
    again.wait_for_completion()
    assert log.read_text() == "first\nsecond\nsecond\n"
    assert [each.reused for each in again.get_steps()] == [True, False]
    assert again.get_output("first") == 1
    assert again.find_step_run("second")[0].read_log()[0] == "1\n"
    whole = again.resume(from_step="first")
    whole.wait_for_completion()
    assert log.read_text() == "first\nsecond\nsecond\nfirst\nsecond\n"
    with pytest.raises(NotFound, match="no step 'frist'"):
        run.resume(from_step="frist")


def test_a_run_that_has_not_ended_is_not_resumed(submit: Submit, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = submit(CommandStep(until(gate), "long"))
    with pytest.raises(InvalidState, match="only one that has ended"):
        run.resume()
    gate.touch()
    run.wait_for_completion()


def test_what_cannot_run_is_told_before_anything_does(workspace: Workspace) -> None:
    (Path("a.py")).write_text("")
    steps = [
        PythonScriptStep("c.py", "target", compute_target="moon", inputs={"raw": "gone.csv"}),
        PythonScriptStep("b.py", "script", max_run_duration_seconds="soon", compute_target="moon"),
        PythonScriptStep("a.py", "data", inputs={"raw": "missing.csv"}),
        CommandStep("cat ${inputs.raw}", "dataset", inputs={"raw": "gone"}, environment="nowhere"),
    ]
    pipeline = Pipeline(steps)
    told = pipeline.validate(workspace)
    assert [line.split(":")[0] for line in told] == [
        *["steps.target"] * 3,
        *["steps.script"] * 3,
        "steps.data",
        "steps.dataset",
        "steps.dataset",
    ]
    assert "no compute target 'moon'" in told[0]
    assert "gone.csv" in told[1] and "c.py" in told[2]
    assert "max_run_duration_seconds" in told[3] and "moon" in told[4] and "b.py" in told[5]
    assert "missing.csv" in told[6]
    with pytest.raises(InvalidInput, match="9 mistakes"):
        workspace.experiment("study").submit(pipeline)
    many = Pipeline([PythonScriptStep("b.py", f"step{number}") for number in range(1000)])
    with pytest.raises(InvalidInput, match="1000 mistakes") as refused:
        workspace.experiment("study").submit(many)
    assert str(refused.value).endswith("\n  … and 980 more")
    assert len(refused.value.details["mistakes"]) == 1000
    assert workspace.experiment("study").get_runs() == []
