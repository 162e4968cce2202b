"""Datasets as inputs of real jobs, and what runs record of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugins.jobs import Submit
from tandemlab import RunConfiguration, ScriptRunConfig, Workspace
from tandemlab.data import Dataset, Datastore, TabularDataset
from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.jobs import Input

pytest.importorskip("duckdb")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "letters" / "deep").mkdir(parents=True)
    (folder / "letters" / "a.txt").write_text("A")
    (folder / "letters" / "deep" / "b.txt").write_text("B")
    (folder / "cars.csv").write_text("speed,dist\n4,2\n7,4\n8,16\n")
    return folder


@pytest.fixture
def cars(source: Path) -> TabularDataset:
    return Dataset.Tabular.from_delimited_files(source / "cars.csv")


READ = """
import pathlib, sys
from tandemlab import get_current_run
from tandemlab.bridge import read_frame
run = get_current_run()
found = run.input_datasets
run.log("dist", int(found["cars"].to_pandas_dataframe()["dist"].sum()))
run.log("rows", read_frame(sys.argv[1]).num_rows)
run.log("names", " ".join(found["letters"].to_path()))
links = [path.is_symlink() for path in sorted(pathlib.Path(sys.argv[2]).rglob("*.txt"))]
run.log("links", sum(links))
"""


def test_tables_and_files_reach_a_script(
    submit: Submit, workspace: Workspace, cars: TabularDataset, source: Path
) -> None:
    registered = cars.register(workspace, "cars")
    letters = Dataset.File.from_files(source / "letters" / "*")
    fast = registered.filter("speed > 4").register(workspace, "cars", create_new_version=True)
    run = submit(
        READ,
        [fast.as_named_input("cars"), letters.as_named_input("letters").as_mount()],
        inputs={"same": registered},
    )
    assert run.get_status() == "Completed", run.read_log()[0]
    metrics = run.get_metrics()
    assert (metrics["dist"], metrics["rows"]) == (20, 2)
    assert metrics["names"] == "a.txt" and metrics["links"] == 1
    recorded = json.loads(run.read_file("system/inputs.json"))
    assert (recorded["cars"]["id"], recorded["cars"]["digest"]) == ("cars:2", cars.digest())
    assert recorded["cars"]["changed"] is False and recorded["letters"]["changed"] is None
    assert recorded["letters"]["digest"] == letters.digest()
    assert [each.id for each in fast.get_runs()] == [run.id]
    assert [each.id for each in registered.get_runs()] == [run.id]
    outside = run.input_datasets
    assert {name: each.id for name, each in outside.items()} == {
        "cars": "cars:2",
        "letters": None,
        "same": "cars:1",
    }


def test_data_that_changed_since_its_version_is_a_fact_of_the_run(
    submit: Submit, workspace: Workspace, cars: TabularDataset, source: Path
) -> None:
    registered = cars.register(workspace, "cars")
    (source / "cars.csv").write_text("speed,dist\n4,3\n")
    run = submit("", inputs={"cars": Input(dataset="cars:1")})
    recorded = json.loads(run.read_file("system/inputs.json"))["cars"]
    assert recorded["changed"] is True and recorded["digest"] == cars.digest()
    assert registered.has_changed()


def test_downloaded_files_may_be_changed(submit: Submit, source: Path) -> None:
    letters = Dataset.File.from_files(source / "letters")
    code = (
        "import os, pathlib; p = pathlib.Path(os.environ['TANDEMLAB_INPUT_letters'])\n"
        "(p / 'deep' / 'b.txt').write_text('new')"
    )
    run = submit(code, inputs=[letters.as_named_input("letters").as_download()])
    assert run.get_status() == "Completed", run.read_log()[0]
    assert (source / "letters" / "deep" / "b.txt").read_text() == "B"


def test_paths_in_a_datastore_are_inputs_and_arguments(
    submit: Submit, workspace: Workspace, source: Path
) -> None:
    store = Datastore.get_default(workspace)
    store.upload(source / "letters", "2026/letters", show_progress=False)
    code = (
        "import os, pathlib, sys\nfrom tandemlab import get_current_run\n"
        "run = get_current_run()\n"
        "given = [pathlib.Path(sys.argv[2]), pathlib.Path(os.environ['TANDEMLAB_INPUT_deep'])]\n"
        "for folder, name in zip(given, ('deep/b.txt', 'b.txt')):\n"
        "    run.log('text', (folder / name).read_text())\n"
        "(given[1] / 'b.txt').write_text('new')\n"
    )
    deep = store.path("2026/letters/deep").as_named_input("deep").as_download()
    run = submit(code, {"data-folder": store.path("2026/letters")}, inputs=[deep])
    assert run.get_status() == "Completed", run.read_log()[0]
    assert run.get_metrics()["text"] == ["B", "B"]
    assert sorted(run.input_datasets) == ["data_2026_letters", "deep"]
    with pytest.raises(NotFound, match="2027"):
        submit(code, [store.path("2027")])


def test_a_data_reference_of_sdk_v1_is_found_in_the_workspace_that_runs_it(
    workspace: Workspace, source: Path
) -> None:
    Datastore.get_default(workspace).upload(source / "letters", "raw", show_progress=False)
    (source / "job.py").write_text("import sys; print(open(sys.argv[1] + '/a.txt').read())")
    (source / "old.runconfig").write_text(
        "script: job.py\narguments: [$AZUREML_DATAREFERENCE_raw]\n"
        "dataReferences: {raw: {dataStoreName: workspaceblobstore, pathOnDataStore: raw}}\n"
    )
    loaded = RunConfiguration.load(source / "old.runconfig")
    run = workspace.experiment("jobs").submit(ScriptRunConfig(source, run_config=loaded))
    run.wait_for_completion(timeout_seconds=120)
    assert run.read_log()[0] == "A\n"


def test_a_dataset_that_cannot_be_had_is_told_before_a_run_is_made(
    workspace: Workspace, cars: TabularDataset, source: Path
) -> None:
    (source / "job.py").write_text("")
    with pytest.raises(NotFound, match="no dataset 'cars'"):
        ScriptRunConfig(source, "job.py", inputs={"x": Input(dataset="cars")}).check(workspace)
    config = ScriptRunConfig(source, "job.py", inputs={"x": cars})
    assert config.check(workspace)["inputs"]["x"]["dataset"]["kind"] == "tabular"
    (source / "cars.csv").write_text("speed\n1\n")
    with pytest.raises(InvalidInput, match=r"cars\.csv has the columns 'speed', not"):
        config.check(workspace)
    (source / "cars.csv").unlink()
    with pytest.raises(NotFound, match=r"cars\.csv"):
        config.check(workspace)
    with pytest.raises(InvalidInput, match="path or a dataset"):
        Input()


def test_datasets_are_kept_in_files_of_run_configurations(
    workspace: Workspace, cars: TabularDataset, tmp_path: Path
) -> None:
    registered = cars.register(workspace, "cars")
    config = RunConfiguration("job.py", inputs={"a": registered, "b": cars})
    path = config.save(tmp_path / "job.yml")
    inputs = RunConfiguration.load(path).inputs
    assert isinstance(inputs, dict)
    assert inputs["a"] == Input(dataset="cars:1")
    assert Dataset.from_json(inputs["b"].dataset).definition == cars.definition
