"""The curated environments of the estimators are built for real, and the examples train in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tandemlab import (
    Chainer,
    Environment,
    Estimator,
    PyTorch,
    Run,
    ScriptRunConfig,
    SKLearn,
    TensorFlow,
    Workspace,
)
from tandemlab.domain import RunFailed

EXAMPLES = Path(__file__).parents[3] / "examples" / "estimators"


@pytest.fixture(autouse=True)
def wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """uv looks where this machine's pip is told to look for wheels that are not on PyPI."""
    if found := os.environ.get("PIP_FIND_LINKS"):
        monkeypatch.setenv("UV_FIND_LINKS", found)


def train(workspace: Workspace, config: ScriptRunConfig) -> Run:
    run = workspace.experiment("shapes").submit(config)
    run.wait_for_completion(show_output=False, timeout_seconds=900)
    return run


def installed(run: Run, package: str) -> str:
    found = run.get_environment()
    assert found is not None
    return str(found["packages"][package])


@pytest.mark.frameworks
@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", [None, *SKLearn.get_supported_versions()])
def test_each_version_of_scikit_learn_learns_digits(
    workspace: Workspace, version: str | None
) -> None:
    run = train(workspace, SKLearn(EXAMPLES, entry_script="digits.py", framework_version=version))
    assert run.get_metrics()["accuracy"] > 0.97
    assert installed(run, "scikit-learn").startswith(f"{version or 1}.")


@pytest.mark.frameworks
@pytest.mark.timeout(900)
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("version", PyTorch.get_supported_versions())
def test_pytorch_learns_shapes(workspace: Workspace, version: str, processes: int) -> None:
    config = PyTorch(
        EXAMPLES,
        entry_script="pytorch_shapes.py",
        script_params={"epochs": 4},
        framework_version=version,
        process_count_per_node=processes,
    )
    run = train(workspace, config)
    check_shapes(run, processes, epochs=4)
    assert "outputs/model.pt" in run.get_file_names()
    assert installed(run, "torch").startswith(f"{version}.")
    printed = (run.directory / "files/user_logs/std_log.txt").read_text()
    for rank in range(processes):
        assert f"rank {rank} has trained on {1536 // processes} images" in printed


@pytest.mark.frameworks
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("version", "processes"),
    [*((version, 2) for version in TensorFlow.get_supported_versions()), (None, 1)],
)
def test_tensorflow_learns_shapes(
    workspace: Workspace, version: str | None, processes: int
) -> None:
    config = TensorFlow(
        EXAMPLES,
        entry_script="tensorflow_shapes.py",
        script_params={"epochs": 4},
        framework_version=version,
        process_count_per_node=processes,
    )
    run = train(workspace, config)
    check_shapes(run, processes, epochs=4)
    assert "outputs/model.weights.h5" in run.get_file_names()


@pytest.mark.frameworks
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", [None, *Chainer.get_supported_versions()])
def test_chainer_learns_shapes(workspace: Workspace, version: str | None) -> None:
    config = Chainer(
        EXAMPLES,
        entry_script="chainer_shapes.py",
        script_params={"epochs": 4},
        framework_version=version,
    )
    run = train(workspace, config)
    metrics = run.get_metrics()
    assert metrics["accuracy"][-1] > 0.9 and len(metrics["loss"]) == 4
    assert installed(run, "chainer") == "7.8.1" and installed(run, "numpy") == "1.23.5"


@pytest.mark.frameworks
@pytest.mark.timeout(900)
def test_chainer_learns_in_processes_that_mpi_starts(workspace: Workspace) -> None:
    config = Chainer(
        EXAMPLES,
        entry_script="chainer_shapes.py",
        script_params={"epochs": 4, "communicator": "naive"},
        process_count_per_node=2,
    )
    run = train(workspace, config)
    check_shapes(run, processes=2, epochs=4)
    assert run.read_log()[0].count("Fitted to 768 images") == 2


def check_shapes(run: Run, processes: int, epochs: int) -> None:
    """It learned, with so many processes, and each value was logged once."""
    metrics = run.get_metrics()
    accuracy = metrics["accuracy"]
    assert (accuracy[-1] if isinstance(accuracy, list) else accuracy) > 0.9
    assert len(metrics["loss"]) == epochs
    assert metrics["loss"][-1] < metrics["loss"][0]
    assert metrics["processes"] == processes


@pytest.mark.full
@pytest.mark.timeout(300)
def test_packages_that_cannot_be_had_fail_by_name_before_the_script_starts(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text("print('started')")
    asked = {
        "surely-no-such-package-1": "surely-no-such-package-1",
        "six==99.0": "six",
        "scikit-learn==1.7.0": "scikit-learn",
    }
    runs = {
        name: workspace.experiment("a").submit(
            SKLearn(
                tmp_path, entry_script="train.py", framework_version="1.9", pip_packages=[package]
            )
        )
        for package, name in asked.items()
    }
    for name, run in runs.items():
        with pytest.raises(RunFailed, match=name):
            run.wait_for_completion(show_output=False, timeout_seconds=200)
        assert not (run.directory / "files/user_logs/std_log.txt").exists()


@pytest.mark.full
@pytest.mark.timeout(300)
def test_packages_beside_the_framework_are_there(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import six; print('six', six.__version__)")
    (tmp_path / "requirements.txt").write_text("six==1.16.0\n")
    config = Estimator(tmp_path, entry_script="train.py", pip_requirements_file="requirements.txt")
    run = train(workspace, config)
    assert "six 1.16.0" in (run.directory / "files/user_logs/std_log.txt").read_text()
    assert run.status.value == "Completed"
    assert isinstance(config.environment, Environment)
