"""What steps write and where: datastores, declared columns, datasets, and transfers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tandemlab import Dataset, Model, Workspace
from tandemlab.data import Datastore, OutputFileDatasetConfig
from tandemlab.domain import RunFailed
from tandemlab.domain.reuse import Reason
from tandemlab.pipelines import (
    CommandStep,
    DataTransferStep,
    Pipeline,
    PipelineParameter,
    PipelineRun,
    PythonFunctionStep,
    RFunctionStep,
    StepOutput,
)

pytestmark = pytest.mark.full

Submit = Callable[..., PipelineRun]


@pytest.fixture
def submit(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Submit:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def submit_pipeline(*steps: Any) -> PipelineRun:
        return workspace.experiment("study").submit(Pipeline(steps))

    return submit_pipeline


@pytest.fixture
def lake(workspace: Workspace, tmp_path: Path) -> Datastore:
    (tmp_path / "lake").mkdir()
    return Datastore.register_folder(workspace, "lake", tmp_path / "lake")


def test_outputs_go_to_datastores_and_stay_with_the_run(
    submit: Submit, workspace: Workspace, lake: Datastore, tmp_path: Path
) -> None:
    kept = OutputFileDatasetConfig("kept", lake.path("kept/{output-name}"))
    kept = kept.register_on_complete("numbers").read_delimited_files()
    write = CommandStep(
        ["sh", "-c", "printf 'a,b\\n1,2\\n' > $0/x.csv; echo 5 > $1", kept, "${outputs.n}"],
        "write",
        outputs={"n": StepOutput("json", datastore="lake", path="n")},
    )
    read = CommandStep(
        ["sh", "-c", "cat $0/x.csv $1", write.output("kept"), write.output("n")], "read"
    )
    run = submit(read)
    run.wait_for_completion()
    assert run.find_step_run("read")[0].read_log()[0] == "a,b\n1,2\n5\n"
    assert (tmp_path / "lake/kept/kept/x.csv").read_text() == "a,b\n1,2\n"
    assert (tmp_path / "lake/n/n.json").read_text() == "5\n"
    assert Dataset.get_by_name(workspace, "numbers").to_pandas_dataframe()["b"].tolist() == [2]
    again = submit(read)
    again.wait_for_completion()
    assert again.why("write").reason is Reason.REUSED


def test_a_table_with_other_columns_than_declared_fails_its_step(submit: Submit) -> None:
    columns = {"id": "integer", "name": "string", "when": "datetime", "x": "double"}
    good = RFunctionStep(
        "function() data.frame(id = 1L, name = factor('a'), when = Sys.time(), x = 0.5)",
        "good",
        outputs={"rows": StepOutput("table", columns=columns)},
    )
    named = RFunctionStep(
        "function() { x <- data.frame(id = 1:3); x[c(1, 3), , drop = FALSE] }",
        "named",
        outputs={"rows": StepOutput("table", columns={"id": "integer"})},
    )
    indexed = PythonFunctionStep(
        "def indexed():\n    import pandas\n    return pandas.DataFrame({'x': [0.5, 1.5]}).tail(1)",
        "indexed",
        outputs={"rows": StepOutput("table", columns={"x": "double"})},
    )
    submit(good, named, indexed).wait_for_completion()
    bad = RFunctionStep(
        "function() data.frame(id = 0.5, name = 'a', when = Sys.time(), more = TRUE)",
        "bad",
        outputs={"rows": StepOutput("table", columns=columns)},
    )
    run = submit(bad)
    with pytest.raises(RunFailed) as caught:
        run.wait_for_completion()
    for words in (
        "The table 'rows' is not what was declared",
        "the column 'id' is to be integer, and is double",
        "the column 'x' is to be double, and is absent",
        "the column 'more' is to be absent, and is boolean",
    ):
        assert words in str(caught.value)


def test_models_and_datasets_are_made_and_read_by_steps(
    submit: Submit, workspace: Workspace
) -> None:
    Path("old.txt").write_text("old")
    old = Model.register(workspace, "old.txt", "churn")
    fit = CommandStep(
        "cat ${inputs.old} > ${outputs.fit}/a.txt; echo new >> ${outputs.fit}/a.txt; "
        "echo 1 > ${outputs.rows}/b.txt",
        "fit",
        inputs={"old": old},
        outputs={
            "fit": StepOutput("model", register_as="churn", tags={"stage": "new"}),
            "rows": StepOutput("dataset", register_as="rows"),
        },
    )
    show = CommandStep(
        "cat ${inputs.fit}/* ${inputs.rows}/*",
        "show",
        inputs=[fit.output("fit"), fit.output("rows")],
    )
    run = submit(show)
    run.wait_for_completion()
    assert run.find_step_run("show")[0].read_log()[0] == "oldnew\n1\n"
    made = Model(workspace, "churn")
    assert (made.version, made.tags) == (2, {"stage": "new"})
    assert made.run_id == run.find_step_run("fit")[0].id
    assert made.run_id in old.used_by()
    assert Dataset.get_by_name(workspace, "rows").version == 1
    again = submit(show)
    again.wait_for_completion()
    assert again.why("fit").reason is Reason.REUSED
    name, rows = PipelineParameter("name", "churn"), PipelineParameter("rows", type="string")
    inputs = {"model": {"model": name}, "rows": {"dataset": rows}}
    by_name = Pipeline([CommandStep("cat ${inputs.model}/*", "by_name", inputs=inputs)])
    assert by_name.validate(workspace) == []
    assert "no model 'chum'" in by_name.validate(workspace, {"name": "chum"})[0]
    published = by_name.publish(workspace, "by-name")
    newest = published.submit(pipeline_parameters={"rows": "rows"})
    newest.wait_for_completion()
    assert newest.find_step_run("by_name")[0].read_log()[0] == "oldnew\n"
    gone = CommandStep("true", "gone", inputs={"m": old})
    old.delete()
    assert "churn" in Pipeline([gone]).validate(workspace)[0]


def test_a_transfer_copies_what_is_not_there_and_tells_of_it(
    submit: Submit, lake: Datastore, tmp_path: Path
) -> None:
    Path("raw").mkdir()
    for name in ("a", "b"):
        Path("raw", name).write_text(name)
    backup = tmp_path / "backup"

    def copied() -> list[dict[str, Any]]:
        found = []
        for source, place in ((Path("raw"), lake.path("raw")), (lake.path("raw"), backup)):
            run = submit(DataTransferStep("copy", source, place, overwrite=True))
            run.wait_for_completion()
            found.append(run.get_output("copy"))
        return found

    first = {"copied": ["raw/a", "raw/b"], "unchanged": [], "bytes": 2}
    keep, out = copied()
    assert keep == first
    assert out == {"copied": ["a", "b"], "unchanged": [], "bytes": 2}
    Path("raw/b").write_text("bb")
    keep, out = copied()
    assert keep == {"copied": ["raw/b"], "unchanged": ["raw/a"], "bytes": 2}
    assert out == {"copied": ["b"], "unchanged": ["a"], "bytes": 2}
    assert {each.name for each in backup.rglob("*") if each.is_file()} == {"a", "b"}
    Path("raw/a").write_text("other")
    run = submit(DataTransferStep("keep", Path("raw"), lake.path("raw")))
    with pytest.raises(RunFailed, match="There are other files of these names"):
        run.wait_for_completion()
    assert (tmp_path / "lake/raw/a").read_text() == "a"
