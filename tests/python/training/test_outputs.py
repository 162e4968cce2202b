"""Outputs of real jobs: they become datasets, and go to datastores."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.jobs import Submit
from tandemlab import Dataset, Datastore, RunConfiguration, ScriptRunConfig, Workspace
from tandemlab.compute.outputs import keep_outputs
from tandemlab.data import DataType, OutputFileDatasetConfig, TabularDataset
from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.jobs import Output

pytest.importorskip("duckdb")

WRITE = """
import os, pathlib, sys
for name, place in os.environ.items():
    if name.startswith("TANDEMLAB_OUTPUT_"):
        pathlib.Path(place, "x.csv").write_text("x;day\\n1;31.12.2026\\n")
        pathlib.Path(place, "deep").mkdir()
        pathlib.Path(place, "deep", "y.csv").write_text("x;day\\n2;1.1.2027\\n")
print(sys.argv[1:])
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def test_an_output_becomes_a_dataset_once(submit: Submit, workspace: Workspace) -> None:
    output = Output(register_as="clean", description="tidy", tags={"stage": "1"})
    run = submit(WRITE, outputs={"clean": output})
    assert run.get_status() == "Completed", run.get_details()
    found = Dataset.get_by_name(workspace, "clean")
    assert (found.id, found.description, found.tags) == ("clean:1", "tidy", {"stage": "1"})
    assert found.registration is not None and found.registration.asset.run_id == run.id
    assert [each.id for each in found.get_runs()] == [run.id]
    assert [file.name for file in found.files()] == ["x.csv", "deep/y.csv"]
    keep_outputs(workspace.folder, run.record)  # as the next agent does after a kill
    assert len(Dataset.get_versions(workspace, "clean")) == 1
    assert submit(WRITE, outputs={"clean": output}).get_status() == "Completed"
    assert Dataset.get_by_name(workspace, "clean").version == 2


def test_an_output_without_files_fails_the_run(submit: Submit, workspace: Workspace) -> None:
    run = submit("", outputs={"clean": Output(register_as="clean")})
    assert run.get_status() == "Failed"
    assert "could not become the dataset 'clean'" in run.get_details()["error"]["message"]
    assert Dataset.get_all(workspace) == {}
    with pytest.raises(InvalidInput, match="cannot be the name of a dataset"):
        Output(register_as="clean:1")


def test_outputs_go_to_datastores_and_become_tables(
    submit: Submit, workspace: Workspace, datastore: Datastore
) -> None:
    rows = (
        OutputFileDatasetConfig("rows", (datastore, "{output-name}/{run-id}"))
        .as_upload()
        .register_on_complete("rows", tags={"stage": "1"})
        .read_delimited_files(
            separator=";", set_column_types={"day": DataType.to_datetime("%d.%m.%Y")}
        )
    )
    files = OutputFileDatasetConfig("files", datastore.path("files")).as_mount()
    run = submit(WRITE, ["--to", rows], outputs=[files.register_on_complete("files")])
    assert run.get_status() == "Completed", run.get_details()
    names = ["files/deep/y.csv", "files/x.csv"]
    names += [f"rows/{run.id}/deep/y.csv", f"rows/{run.id}/x.csv"]
    assert [file.name for file in datastore.files_below()] == names
    table = workspace.datasets["rows"]
    assert isinstance(table, TabularDataset) and table.tags == {"stage": "1"}
    assert [str(row["day"])[:10] for row in table.to_arrow().to_pylist()] == [
        "2026-12-31",
        "2027-01-01",
    ]
    assert sorted(workspace.datasets["files"].definition.source.paths) == [datastore.path("files")]
    assert sorted(workspace.datasets) == ["files", "rows"]
    assert not (run.directory / "staged").exists()
    assert not [name for name in run.get_file_names() if name.startswith("outputs/")]
    places = {link.target.id for link in run.get_lineage().links if link.target.kind == "file"}
    assert f"place:rows/{run.id}" in places


def test_what_an_upload_would_replace_fails_the_run(
    submit: Submit, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "lake" / "rows").mkdir(parents=True)
    (tmp_path / "lake" / "rows" / "x.csv").write_text("mine")
    Datastore.register_folder(workspace, "lake", tmp_path / "lake")
    run = submit(WRITE, outputs={"rows": Output("rows", datastore="lake", mode="upload")})
    assert run.get_status() == "Failed"
    message = run.get_details()["error"]["message"]
    assert "'rows' could not be copied to the datastore 'lake'" in message and "x.csv" in message
    assert (tmp_path / "lake" / "rows" / "x.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (Output("../x", datastore="lake"), "cannot be a path in a datastore"),
        (Output(datastore="crm"), "is a database"),
        (Output(register_as="x", table={"format": "csv"}), "needs a format: delimited"),
        (Output(register_as="x", table={"format": "parquet", "separator": ";"}), "no option 'sep"),
        (Output(table={"format": "parquet"}), "is not registered"),
    ],
)
def test_outputs_that_cannot_be_are_refused(
    output: Output, words: str, workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    (source / "job.py").write_text("")
    Datastore.register_folder(workspace, "lake", tmp_path)
    Datastore.register_sql(workspace, "crm", "sqlite:///x.db", skip_validation=True)
    with pytest.raises(InvalidInput, match=words):
        ScriptRunConfig(source, "job.py", outputs={"x": output}).check(workspace)


def test_an_output_needs_a_datastore_and_a_name_of_its_own(
    workspace: Workspace, source: Path
) -> None:
    (source / "job.py").write_text("")
    with pytest.raises(NotFound, match="no datastore 'lak'"):
        outputs = {"x": Output(datastore="lak")}
        ScriptRunConfig(source, "job.py", outputs=outputs).check(workspace)
    one, other = OutputFileDatasetConfig("x"), OutputFileDatasetConfig("x").as_upload()
    assert ScriptRunConfig(source, "job.py", [one, one]).arguments == ["${outputs.x}"] * 2
    with pytest.raises(InvalidInput, match="Two outputs have the name 'x'"):
        ScriptRunConfig(source, "job.py", [one, other])
    with pytest.raises(InvalidInput, match="mount or upload"):
        Output(mode="direct")


def test_outputs_are_kept_in_files_of_run_configurations(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = OutputFileDatasetConfig("rows", (workspace.get_default_datastore(), "rows"))
    rows = rows.as_upload(overwrite=True).register_on_complete("rows", tags={"stage": "1"})
    config = RunConfiguration("job.py", outputs=[rows.read_parquet_files(include_path=True)])
    loaded = RunConfiguration.load(config.save(tmp_path / "job.yml")).outputs
    assert loaded == {
        "rows": Output(
            "rows",
            "rows",
            tags={"stage": "1"},
            datastore="workspaceblobstore",
            mode="upload",
            overwrite=True,
            table={"format": "parquet", "include_path": True},
        )
    }
