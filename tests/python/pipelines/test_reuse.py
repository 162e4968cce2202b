"""Steps that are not run again, and why others are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from plugins.servers import Server
from tandemlab import Workspace
from tandemlab.domain import InvalidState, NotFound
from tandemlab.domain.reuse import Reason
from tandemlab.pipelines import (
    CommandStep,
    Pipeline,
    PipelineParameter,
    PipelineRun,
    PythonFunctionStep,
    PythonScriptStep,
)
from tandemlab.server.settings import make_state_folder
from tandemlab.server.tokens import Role, Tokens

pytestmark = pytest.mark.full

Submit = Callable[..., PipelineRun]


@pytest.fixture
def submit(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Submit:
    """Runs a pipeline of two steps to its end: the first sorts a file, the second repeats it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("raw.txt").write_text("b\na\n")
    Path("study").mkdir()
    Path("empty").mkdir()
    Path("study/sort.sh").write_text("sort $1 > $2\n")
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "10")
    script = ["sh", "sort.sh", "${inputs.raw}", "${outputs.rows}"]
    times = ["sh", "-c", 'yes "$(cat $0)" | head -n $1 > $2']

    def run_pipeline(n: int = 2, allow_reuse: bool = True, **options: Any) -> PipelineRun:
        first = CommandStep(
            script, "first", "study", inputs={"raw": Path("../raw.txt")}, outputs={"rows": "file"}
        )
        second = CommandStep(
            [*times, first.output(), PipelineParameter("n", 2), "${outputs.more}"],
            "second",
            "empty",
            outputs={"more": "file"},
            allow_reuse=allow_reuse,
        )
        run = workspace.experiment("study").submit(
            Pipeline([second]), pipeline_parameters={"n": n}, **options
        )
        run.wait_for_completion()
        return run

    return run_pipeline


def reasons(run: PipelineRun) -> list[Reason]:
    return [run.why(step).reason for step in ("first", "second")]


def test_only_what_has_changed_runs_again_and_says_why(submit: Submit) -> None:
    run = submit()
    assert reasons(run) == [Reason.FIRST, Reason.FIRST]
    same = submit()
    assert reasons(same) == [Reason.REUSED, Reason.REUSED]
    assert [each.reused for each in same.get_steps()] == [True, True]
    assert same.get_output("second").read_text() == run.get_output("second").read_text()
    assert same.get_children() == []
    assert f"first: reused from run {run.find_step_run('first')[0].id}\n" in same.read_log()[0]

    other = submit(n=3)
    assert reasons(other) == [Reason.REUSED, Reason.CHANGED]
    assert "parameters" not in {change.part for change in other.why("second").changes}
    assert [change.part for change in other.why("second").changes] == ["command"]

    Path("raw.txt").write_text("a\nb\n")
    sorted_already = submit()
    assert reasons(sorted_already) == [Reason.CHANGED, Reason.REUSED]
    assert [change.part for change in sorted_already.why("first").changes] == ["inputs.raw"]

    Path("study/sort.sh").write_text("sort -r $1 > $2\n")
    reverse = submit()
    assert reasons(reverse) == [Reason.CHANGED, Reason.CHANGED]
    assert "-sort $1 > $2\n      +sort -r $1 > $2" in str(reverse.why("first"))
    with pytest.raises(NotFound, match="no step 'third'"):
        reverse.why("third")


def test_outputs_that_are_gone_or_damaged_are_made_again(submit: Submit) -> None:
    run = submit()
    damaged = run.get_output("first")
    damaged.chmod(0o644)
    damaged.write_text("b\nb\n")
    run.get_output("second").unlink()
    again = submit()
    assert reasons(again) == [Reason.DAMAGED, Reason.DAMAGED]
    assert again.get_output("first").read_text() == "a\nb\n"
    assert reasons(submit()) == [Reason.REUSED, Reason.REUSED]


def test_steps_run_again_where_that_is_asked_for(submit: Submit) -> None:
    run = submit()
    assert reasons(submit(allow_reuse=False)) == [Reason.REUSED, Reason.NOT_ALLOWED]
    assert reasons(submit(regenerate_outputs=True)) == [Reason.FORCED, Reason.FORCED]
    again = run.resume(from_step="second")
    again.wait_for_completion()
    assert reasons(again) == [Reason.TAKEN, Reason.FORCED]


def test_users_of_a_server_share_what_steps_have_made(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens(make_state_folder(server.root))
    step = CommandStep("echo made > ${outputs.text}", "make", outputs={"text": "file"})
    runs = {}
    for user in ("ana", "rui"):
        _, token = tokens.create(user, Role.CONTRIBUTOR)
        monkeypatch.setenv("TANDEMLAB_TOKEN", token)
        runs[user] = (
            Workspace(f"{server.url}/{server.root.name}").experiment(user).submit(Pipeline([step]))
        )
        runs[user].wait_for_completion()
    assert [run.why("make").reason for run in runs.values()] == [Reason.FIRST, Reason.REUSED]
    (made,), (used,) = (run.find_step_run("make") for run in runs.values())
    assert used.id == made.id
    published = Pipeline([step]).publish(runs["rui"].workspace, "make")
    assert published.submit().get_details()["submittedBy"] == "rui"
    url = f"{server.url}/api/v1/workspaces/{server.root.name}/pipelines/make/runs"
    refused = httpx.post(
        url, json={"pipeline_paramters": {}}, headers={"Authorization": f"Bearer {token}"}
    )
    assert refused.status_code == 400
    assert "did you mean 'pipeline_parameters'?" in refused.json()["error"]["message"]


def test_a_changed_parameter_is_told_once_by_its_name(workspace: Workspace, tmp_path: Path) -> None:
    n = PipelineParameter("n", 1)
    scale = PythonFunctionStep(
        "def scale(n):\n    return n", arguments={"n": n}, outputs={"rows": "json"}
    )
    script = tmp_path / "show.py"
    script.write_text("import os\nopen(os.environ['TANDEMLAB_OUTPUT_n'], 'w').write('1')\n")
    show = PythonScriptStep(
        "show.py", arguments={"n": n}, source_directory=tmp_path, outputs={"n": "json"}
    )
    for value in (1, 2):
        run = workspace.experiment("study").submit(
            Pipeline([scale, show]), pipeline_parameters={"n": value}
        )
        run.wait_for_completion()
    for name in ("scale", "show"):
        (change,) = run.why(name).changes
        assert (change.part, change.before, change.after) == ("parameters.n", 1, 2)


def test_a_step_without_outputs_always_runs(workspace: Workspace) -> None:
    step = CommandStep(["true"], "idle")
    runs = [workspace.experiment("study").submit(Pipeline([step])) for _ in range(2)]
    for run in runs:
        run.wait_for_completion()
    assert [run.why("idle").reason for run in runs] == [Reason.NO_OUTPUTS] * 2


def test_a_step_that_has_not_begun_has_no_reason(workspace: Workspace) -> None:
    first = CommandStep("exit 1", "first")
    run = workspace.experiment("study").submit(
        Pipeline([CommandStep("true", "behind", run_after=[first])])
    )
    run.wait_for_completion(raise_on_error=False)
    with pytest.raises(InvalidState, match="has not begun"):
        run.why("behind")
