"""Registered models, as users of Python have them: in a folder and at a server."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tandemlab import Dataset, Model, ScriptRunConfig, Workspace
from tandemlab.domain import AlreadyExists, InvalidInput, NotFound, StorageError
from tandemlab.models import ResourceConfiguration, save_model

_FRAME = pd.DataFrame({"age": [31.0, 52.0], "sex": pd.Categorical(["f", "m"])})


@pytest.fixture(params=["folder", pytest.param("url", marks=pytest.mark.services)])
def lab(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A workspace in a folder, and one at a server."""
    monkeypatch.setenv("TANDEMLAB_CACHE_DIR", str(tmp_path / "cache"))
    return request.getfixturevalue("workspace" if request.param == "folder" else "remote")


@pytest.fixture
def own(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace in a folder, with a cache of the test's own."""
    monkeypatch.setenv("TANDEMLAB_CACHE_DIR", str(tmp_path / "cache"))
    return workspace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    model = LinearRegression().fit([[1.0], [2.0]], [2.0, 4.0])
    return save_model(model, tmp_path / "model.skops")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "network"
    (found / "layers").mkdir(parents=True)
    (found / "weights.bin").write_bytes(b"1234")
    (found / "layers" / "a.bin").write_bytes(b"56")
    return found


def test_a_model_comes_back_as_it_was_registered(lab: Workspace, file: Path) -> None:
    made = Model.register(
        lab,
        file,
        "line",
        tags={"team": "a"},
        properties={"rows": "2"},
        description="a line",
        model_framework="ScikitLearn",
        model_framework_version="1.5",
        sample_input_dataset=_FRAME,
        sample_output_dataset=[0.5, 0.25],
        resource_configuration=ResourceConfiguration(cpu=0.5, memory_in_gb=2),
        aliases=["production"],
    )
    file.unlink()
    found = Model(lab, "line")
    assert found == made and found.id == "line:1" and found.format.value == "skops"
    assert (found.tags, found.properties, found.description) == (
        {"team": "a"},
        {"rows": "2"},
        "a line",
    )
    assert (found.framework, found.framework_version) == ("ScikitLearn", "1.5")
    assert str(found.signature) == "age double, sex string → array of double (any)"
    assert found.sample_input == [{"age": 31.0, "sex": "f"}, {"age": 52.0, "sex": "m"}]
    assert found.sample_output == [0.5, 0.25]
    assert found.resource_configuration == ResourceConfiguration(0.5, 2)
    assert found.aliases == ("production",) and list(found.files) == ["model.skops"]
    assert found.size > 100 and found.created_by and found.run_id is None and found.run is None
    assert found.load().predict([[3.0]]) == pytest.approx([6.0])
    assert pickle.loads(pickle.dumps(found)) == found
    assert lab.models == {"line": found}


def test_each_registration_is_a_version(lab: Workspace, file: Path) -> None:
    made = [Model.register(lab, file, "line", tags={"n": str(n)}) for n in range(3)]
    assert [model.version for model in made] == [1, 2, 3]
    assert Model(lab, "line") == made[2] and Model(lab, "line", version=1) == made[0]
    assert Model(lab, "line:2") == Model(lab, id="line:2") == Model(lab, "line", version="2")
    assert Model(lab, "line", tags={"n": "1"}) == made[1]
    assert Model(lab, tags=["n"]) == made[2]
    with pytest.raises(NotFound, match="of version 7") as caught:
        Model(lab, "line", version=7)
    assert "versions 1, 2, 3" in caught.value.hint
    with pytest.raises(NotFound, match="no model 'lime'") as caught:
        Model(lab, "lime")
    assert "line" in caught.value.hint
    with pytest.raises(NotFound, match=r"no model 'line' with tags"):
        Model(lab, "line", tags={"n": "9"})


def test_an_alias_names_one_version(lab: Workspace, file: Path) -> None:
    first, second = (Model.register(lab, file, "line") for _ in range(2))
    first.set_alias("production")
    second.set_alias("candidate")
    assert Model(lab, "line@production") == first
    second.set_alias("production")
    assert Model(lab, "line@production") == Model(lab, "line", version="candidate") == second
    assert first.refresh().aliases == () and second.aliases == ("candidate", "production")
    second.remove_alias("candidate")
    with pytest.raises(NotFound, match="does not have the alias"):
        second.remove_alias("candidate")
    with pytest.raises(NotFound):
        Model(lab, "line@candidate")
    with pytest.raises(InvalidInput, match="cannot be an alias"):
        first.set_alias("latest")


def test_models_are_listed_by_what_they_have(lab: Workspace, file: Path) -> None:
    for name, tags in (("a", {"x": "1"}), ("a", {}), ("b", {"x": "2"})):
        Model.register(lab, file, name, tags=tags, model_framework="sklearn" if tags else None)
    assert [model.id for model in Model.list(lab)] == ["a:2", "a:1", "b:1"]
    assert [model.id for model in Model.list(lab, latest=True)] == ["a:2", "b:1"]
    assert [model.id for model in Model.list(lab, name="a")] == ["a:2", "a:1"]
    assert [model.id for model in Model.list(lab, tags="x")] == ["a:1", "b:1"]
    assert [model.id for model in Model.list(lab, tags={"x": "2"})] == ["b:1"]
    assert [model.id for model in Model.list(lab, model_framework="sklearn")] == ["a:1", "b:1"]


def test_what_may_change_of_a_model_changes(lab: Workspace, file: Path) -> None:
    model = Model.register(lab, file, "line", tags={"a": "1", "b": "2"}, properties={"rows": "2"})
    model.add_tags({"c": "3"})
    model.remove_tags(["a"])
    model.add_properties({"columns": "1"})
    model.update(description="a line")
    found = Model(lab, "line")
    assert found.tags == {"b": "2", "c": "3"} and found.description == "a line"
    assert found.properties == {"rows": "2", "columns": "1"}
    model.update(tags={"d": "4"})
    assert Model(lab, "line").tags == {"d": "4"}
    with pytest.raises(AlreadyExists, match="'rows' is '2' already"):
        model.add_properties({"rows": "3"})


def test_a_folder_is_downloaded_whole(lab: Workspace, folder: Path, tmp_path: Path) -> None:
    model = Model.register(lab, folder, "network")
    assert model.files == {"network/layers/a.bin": 2, "network/weights.bin": 4}
    target = tmp_path / "here" / "below"
    path = model.download(target)
    assert path == target / "network" and (path / "layers" / "a.bin").read_bytes() == b"56"
    (path / "own.txt").write_text("mine")
    with pytest.raises(AlreadyExists, match="is there already"):
        model.download(target)
    assert (path / "own.txt").exists()
    model.download(target, exist_ok=True)
    assert not (path / "own.txt").exists() and (path / "weights.bin").read_bytes() == b"1234"
    assert [each.name for each in target.iterdir()] == ["network"]


def test_a_part_of_a_folder_is_registered(own: Workspace, folder: Path) -> None:
    model = Model.register(own, folder, "network", child_paths=["layers"])
    assert list(model.files) == ["network/layers/a.bin"]
    with pytest.raises(InvalidInput, match="does not have the files that child_paths names"):
        Model.register(own, folder, "network", child_paths=["weights"])


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("nothing.pkl", "line", "no model at"),
        ("empty", "line", "does not have any files"),
        ("model.skops", "../line", "looks like a path"),
        ("model.skops", "line:1", "name a version"),
        ("model.skops", "li\u200bne", "not seen"),
        ("model.skops", "l\u0456ne", "mixes letters"),
        ("model.skops", "", "is empty"),
    ],
)
def test_what_is_no_model_is_refused_before_anything_is_kept(
    own: Workspace, file: Path, tmp_path: Path, path: str, name: str, message: str
) -> None:
    (tmp_path / "empty" / "below").mkdir(parents=True)
    with pytest.raises(InvalidInput, match=message):
        Model.register(own, tmp_path / path, name)
    assert Model.list(own) == []
    assert not list((own.path / "blobs").glob("*/*"))


def test_a_sample_that_does_not_fit_the_signature_is_refused(own: Workspace, file: Path) -> None:
    signature = {
        "inputs": {"kind": "table", "columns": [{"name": "age", "type": "double"}]},
    }
    with pytest.raises(InvalidInput, match=r"The sample input does not fit.*sex: no such key"):
        Model.register(own, file, "line", signature=signature, sample_input_dataset=_FRAME)
    made = Model.register(own, file, "line", signature=signature)
    assert str(made.signature) == "age double → anything"


def test_a_model_is_forgotten_and_its_number_is_not_used_again(lab: Workspace, file: Path) -> None:
    Model.register(lab, file, "line")
    Model.register(lab, file, "line").delete()
    assert [model.id for model in Model.list(lab)] == ["line:1"]
    assert Model.register(lab, file, "line").version == 3
    with pytest.raises(NotFound):
        Model(lab, "line:2")


def test_a_model_of_a_run_knows_the_run(lab: Workspace, folder: Path) -> None:
    with lab.experiment("demo").start_logging() as run:
        run.upload_folder("outputs/network", folder)
        made = run.register_model("network", "outputs/network", tags={"team": "a"})
        with pytest.raises(NotFound, match="neither a file nor a folder") as caught:
            run.register_model("network", "model.pkl")
    assert "outputs/network/weights.bin" in caught.value.hint
    assert made.run == run and list(made.files) == [
        "network/layers/a.bin",
        "network/weights.bin",
    ]
    assert [model.id for model in Model.list(lab, run_id=run.id)] == ["network:1"]
    assert Model(lab, run_id=run.id) == made
    run.delete()
    assert Model(lab, "network").run is None
    assert (made.local_path() / "weights.bin").read_bytes() == b"1234"


def test_the_runs_that_use_a_model_are_known(lab: Workspace, file: Path, tmp_path: Path) -> None:
    with lab.experiment("demo").start_logging() as run:
        made = Model.register(lab, file, "line")
        made.load()
    assert made.run_id == run.id and made.used_by() == {}
    with lab.experiment("demo").start_logging() as other:
        Model(lab, "line").download(tmp_path / "copy")
    assert Model(lab, "line").used_by() == {other.id: "line"}


def test_a_model_says_which_datasets_it_comes_from(own: Workspace, file: Path) -> None:
    own.assets.register("dataset", "cars", {"any": 1})
    made = Model.register(own, file, "line", datasets=[("training", "cars")])
    assert [(each.scenario, each.id) for each in made.datasets] == [("training", "cars:1")]
    assert Model.list(own, dataset_id="cars:1") == [made]
    assert Model.list(own, dataset_id="cars:2") == []
    with pytest.raises(NotFound, match="no dataset 'bikes'"):
        Model.register(own, file, "line", datasets=[("training", "bikes")])
    table = Dataset.File.from_files(file)
    with pytest.raises(InvalidInput, match="is not registered"):
        Model.register(own, file, "line", datasets=[("training", table)])
    with pytest.raises(InvalidInput, match="a pair of a scenario and a dataset"):
        Model.register(own, file, "line", datasets=["cars"])  # type: ignore[list-item]


def test_a_content_that_is_damaged_or_missing_is_told(
    own: Workspace, file: Path, tmp_path: Path
) -> None:
    model = Model.register(own, file, "line")
    (blob,) = (own.path / "blobs").glob("*/*")
    content = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(b"x" + content[1:])
    for read in (model.load, lambda: model.download(tmp_path / "copy")):
        with pytest.raises(StorageError, match=r"'model\.skops' is damaged"):
            read()
    blob.unlink()
    with pytest.raises(StorageError, match=r"'model\.skops' is missing"):
        model.download(tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []
    assert not list((tmp_path / "cache" / "models").iterdir())


def test_garbage_collection_leaves_models_alone(own: Workspace, file: Path) -> None:
    model = Model.register(own, file, "line")
    (blob,) = (own.path / "blobs").glob("*/*")
    os.utime(blob, (0, 0))
    assert own.gc(3600).contents == 0
    model.delete()
    os.utime(blob, (0, 0))
    assert own.gc(3600).contents == 1


def test_a_script_finds_the_path_of_a_model(
    own: Workspace, file: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Model.register(own, file, "line")
    Model.register(own, folder, "network")
    project = tmp_path / "project"
    own.write_config(project)
    monkeypatch.chdir(project)
    assert Model.get_model_path("line").read_bytes() == file.read_bytes()
    assert (Model.get_model_path("network:1") / "weights.bin").read_bytes() == b"1234"
    assert not os.access(Model.get_model_path("line"), os.W_OK) or os.getuid() == 0
    with pytest.raises(NotFound, match="of version 2"):
        Model.get_model_path("line", 2)


def test_a_service_finds_its_own_models(
    tmp_path: Path, file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (2, 10):
        (tmp_path / "models" / "line" / str(version)).mkdir(parents=True)
        (tmp_path / "models" / "line" / str(version) / "model.pkl").touch()
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "models"))
    assert Model.get_model_path("line") == tmp_path / "models" / "line" / "10" / "model.pkl"
    assert Model.get_model_path("line", 2) == tmp_path / "models" / "line" / "2" / "model.pkl"
    with pytest.raises(NotFound, match="no model 'line':3") as caught:
        Model.get_model_path("line", 3)
    assert "versions 2, 10" in caught.value.hint
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(folder))
    assert Model.get_model_path("network") == folder


_SCRIPT = """
import os, joblib
from sklearn.linear_model import LinearRegression
from tandemlab import Model, Run

run = Run.get_context()
os.makedirs("outputs", exist_ok=True)
joblib.dump(LinearRegression().fit([[1.0], [2.0]], [2.0, 4.0]), "outputs/line.joblib")
model = run.register_model("line", "outputs/line.joblib", model_framework="ScikitLearn")
print(model.id, Model(run.workspace, "line").load(trusted=True).predict([[3.0]])[0].round())
"""


@pytest.mark.full
def test_a_script_registers_what_it_has_trained(own: Workspace, source: Path) -> None:
    (source / "train.py").write_text(_SCRIPT)
    run = own.experiment("demo").submit(ScriptRunConfig(source, "train.py"))
    run.wait_for_completion()
    assert run.read_log()[0].split() == ["line:1", "6.0"]
    assert Model(own, "line").run == run and "outputs/line.joblib" in run.get_file_names()


def test_models_are_read_where_sklearn_is_not(own: Workspace, file: Path) -> None:
    """Looking at models imports neither libraries of models nor of frames."""
    Model.register(own, file, "line", sample_input_dataset=np.zeros((2, 3)))
    code = """
import sys
from tandemlab import Model, Workspace
model = Model(Workspace(sys.argv[1]), "line")
print(model.signature, model.tags)
print(sorted({"sklearn", "pandas", "numpy", "pyarrow"} & set(sys.modules)))
"""
    shown = subprocess.run(
        [sys.executable, "-c", code, str(own.path)], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines() == ["array of double (any × 3) → anything {}", "[]"]
