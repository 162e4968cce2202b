"""Estimators are configurations of scripts, put together from a few arguments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tandemlab import Environment, Estimator, PyTorch, ScriptRunConfig, Workspace, training
from tandemlab.domain import InvalidInput, TandemlabError
from tandemlab.domain.jobs import Distribution
from tandemlab.domain.secrets import Secret
from tandemlab.domain.warnings import ConfigurationWarning
from tandemlab.environments import PythonSection, RPackage

CASES = Path(__file__).parents[2] / "conformance" / "estimators" / "definitions.yaml"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    (made / "train.py").write_text("print(1)")
    (made / "train.R").write_text("print(1)")
    return made


@pytest.mark.parametrize("case", yaml.safe_load(CASES.read_text()), ids=lambda case: case["name"])
def test_an_estimator_is_the_configuration_that_the_case_says(
    case: dict[str, Any], source: Path
) -> None:
    for name, content in case.get("files", {}).items():
        (source / name).write_text(content)
    make = getattr(training, case["estimator"])
    if "error" in case:
        with pytest.raises(TandemlabError) as caught:
            make(source, **case["arguments"])
        assert caught.value.code == case["error"]
        assert all(words in f"{caught.value} {caught.value.hint}" for words in case["says"])
    elif "warns" in case:
        with pytest.warns(ConfigurationWarning) as warned:
            made = make(source, **case["arguments"])
        assert all(words in str(warned[0].message) for words in case["warns"])
        assert made.to_dict() == case["then"]
    else:
        assert make(source, **case["arguments"]).to_dict() == case["then"]


def test_an_estimator_runs_as_the_script_run_config_that_it_is(
    workspace: Workspace, source: Path
) -> None:
    estimator = PyTorch(source, entry_script="train.py", process_count_per_node=2)
    plain = ScriptRunConfig(source, "train.py", environment="pytorch", distribution=Distribution(2))
    assert estimator.check(workspace) == plain.check(workspace)
    saved = estimator.save(source, "cpu")
    again = ScriptRunConfig(source, run_config=ScriptRunConfig.load(saved))
    assert again.check(workspace) == plain.check(workspace)


def test_a_copy_with_other_settings_leaves_the_estimator_as_it_was(source: Path) -> None:
    estimator = PyTorch(source, entry_script="train.py", script_params={"epochs": 1})
    changed = estimator.replace(arguments={"epochs": 2}, compute_target="cluster")
    assert isinstance(changed, PyTorch)
    assert (changed.arguments, changed.compute_target) == ({"epochs": 2}, "cluster")
    assert (estimator.arguments, estimator.compute_target) == ({"epochs": 1}, "local")
    assert changed.environment == estimator.environment
    with pytest.raises(TypeError):
        estimator.replace(epochs=3)


@pytest.mark.parametrize(
    "changes",
    [
        {"script_params": {"token": Secret("s")}},
        {"environment_variables": {"TOKEN": Secret("s")}},
        {"pip_packages": [Secret("six")]},
        {"cran_packages": [Secret("MASS")]},
        {"inputs": {"data": Secret("/tmp")}},
    ],
)
def test_secrets_are_refused(workspace: Workspace, source: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="secret"):
        workspace.experiment("a").submit(Estimator(source, entry_script="train.py", **changes))
    assert workspace.runs_table()["run_id"] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"entry_script": "lost.py"}, "not there"),
        ({"entry_script": "notes.txt"}, "neither a Python script"),
        ({"script_params": {"x": object()}}, "object"),
        ({"script_params": {"--": 1}}, "cannot be the name"),
        ({"distributed_training": 2}, "is a Distribution"),
        ({"distributed_training": Distribution(2), "process_count_per_node": 2}, "already"),
        ({"cran_packages": "MASS"}, "list of texts"),
        ({"cran_packages": [RPackage("MASS"), 3]}, "list of texts"),
        ({"environment_definition": "pytroch"}, "no environment"),
    ],
)
def test_what_cannot_run_is_refused_and_leaves_nothing(
    workspace: Workspace, source: Path, changes: dict[str, Any], words: str
) -> None:
    arguments = {"entry_script": "train.py", **changes}
    with pytest.raises(TandemlabError, match=words):
        workspace.experiment("a").submit(Estimator(source, **arguments))
    assert workspace.runs_table()["run_id"] == []


def test_a_gpu_that_is_not_there_is_refused(workspace: Workspace, source: Path) -> None:
    if Path("/dev/nvidia0").exists():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InvalidInput, match="asks for 1 GPUs; this machine has 0"):
        PyTorch(source, entry_script="train.py", use_gpu=True).check(workspace)


def test_files_of_packages_are_looked_for_in_the_folder(source: Path) -> None:
    (source / "conda.yml").write_text("dependencies: [python=3.12, pip: [six==1.16.0]]")
    (source / "requirements.txt").write_text("attrs\n")
    made = Estimator(
        source,
        entry_script="train.py",
        pip_packages=["numpy"],
        pip_requirements_file="requirements.txt",
        conda_dependencies_file="conda.yml",
    )
    assert isinstance(made.environment, Environment)
    python = PythonSection(("attrs", "six==1.16.0", "numpy"), version="3.12")
    assert made.environment.python == python
    with pytest.raises(InvalidInput, match=r"needs Python 3\.11"):
        training.Chainer(source, entry_script="train.py", conda_dependencies_file="conda.yml")
    with pytest.raises(InvalidInput, match=os.fspath(source / "lost.txt")):
        Estimator(source, entry_script="train.py", pip_requirements_file="lost.txt")
