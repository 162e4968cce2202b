"""Sweeps as documents, by the cases that R runs, too; and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

import tandemlab
from tandemlab import ScriptRunConfig, Workspace, sweeps
from tandemlab.domain import InvalidInput, TandemlabError
from tandemlab.domain.documents import read_document
from tandemlab.domain.sweeps import PlannedTrial
from tandemlab.sweeps import BanditPolicy, HyperDriveConfig, RandomParameterSampling, uniform
from tandemlab.sweeps.config import writer_of
from tandemlab.sweeps.documents import sweep_schema

CASES = Path(__file__).parents[2] / "conformance" / "sweeps" / "documents.yaml"
cases = read_document(CASES.read_text(encoding="utf-8"), CASES.name).value


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").mkdir()


@pytest.mark.parametrize("case", cases, ids=lambda case: case["name"])
def test_sweeps_are_read_built_and_refused_as_in_r(case: dict[str, Any]) -> None:
    Path("sweep.yml").write_text(case["yaml"])
    if "error" in case:
        with pytest.raises(InvalidInput) as caught:
            HyperDriveConfig.load_yaml("sweep.yml")
        for words in case["says"]:
            assert words in caught.value.message
        return
    loaded = HyperDriveConfig.load_yaml("sweep.yml")
    assert loaded.to_dict() == case["then"]
    jsonschema.validate(case["then"], sweep_schema())
    names = {name: getattr(sweeps, name) for name in sweeps.__all__}
    built = eval(case["python"], {**names, "ScriptRunConfig": tandemlab.ScriptRunConfig})
    assert built.to_dict() == case["then"]
    loaded.save_yaml("again.yml")
    assert HyperDriveConfig.load_yaml("again.yml").to_dict() == case["then"]
    assert HyperDriveConfig.from_dict(case["then"]).to_dict() == case["then"]


def trial(**definition: Any) -> PlannedTrial:
    return PlannedTrial({"language": None, "arguments": [], **definition}, None, "local", {})


def test_hyper_parameters_are_arguments_behind_those_that_are_there() -> None:
    planned = trial(
        language="r",
        command=["Rscript", "t.R", "--epochs", "5"],
        arguments=["--epochs", "5"],
    )
    values = {"rate": 0.1, "--units": 16, "fast": True, "slow": False, "note": None}
    definition, params = planned.with_values(values, writer_of(planned.definition))
    flags = ["--rate", "0.1", "--units", "16", "--fast"]
    assert definition["command"] == ["Rscript", "t.R", "--epochs", "5", *flags]
    assert definition["arguments"] == ["--epochs", "5", *flags]
    assert params == {"rate": 0.1, "units": 16, "fast": True, "slow": False, "note": None}


def test_hyper_parameters_stand_where_the_command_names_them() -> None:
    words = trial(command=["fit", "--lr=${hyperparameters.rate}", "${hyperparameters.kind}"])
    definition, _ = words.with_values({"rate": 2.0, "--n": 3}, writer_of(words.definition))
    assert definition["command"] == ["fit", "--lr=2", "", "--n", "3"]
    line = "fit ${hyperparameters.word} ${hyperparameters.rate}"
    shell = trial(command=["/bin/sh", "-c", line])
    definition, _ = shell.with_values({"word": "it's", "rate": 0.5}, writer_of(shell.definition))
    assert definition["command"][2] == """fit 'it'"'"'s' 0.5"""


def sweep(source: Path, *, space: Any = None, **settings: Any) -> HyperDriveConfig:
    config = ScriptRunConfig(source, **(settings.pop("config", {"script": "train.py"})))
    sampling = RandomParameterSampling(space or {"rate": uniform(0, 1)})
    given: dict[str, Any] = {"primary_metric_name": "auc", "max_total_runs": 2, **settings}
    return HyperDriveConfig(config, sampling, **given)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"config": {"script": "trian.py"}}, "not there"),
        ({"config": {"command": "fit"}}, "does not use the hyper-parameter 'rate'"),
        ({"config": {"command": "fit ${hyperparameters.rat}"}}, "no such hyper-parameter"),
        (
            {"config": {"script": "train.py", "arguments": ["${hyperparameters.rat}"]}},
            "no such hyper-parameter",
        ),
        ({"config": {"script": "train.py", "compute_target": "moon"}}, "moon"),
    ],
)
def test_a_sweep_that_cannot_run_is_refused_before_anything_is_made(
    workspace: Workspace, source: Path, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(TandemlabError, match=says):
        workspace.experiment("study").submit(sweep(source, **settings))
    assert workspace.get_runs() == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_total_runs": 0}, "max_total_runs"),
        ({"max_concurrent_runs": 2.5}, "max_concurrent_runs"),
        ({"max_duration_minutes": 0}, "above 0"),
        ({"primary_metric_goal": "most"}, "'maximize' or 'minimize'"),
        ({"max_duration_minutes": float("inf")}, "finite number"),
        ({"resume_from": "trees/3"}, "resume_from is a run"),
        ({"resume_child_runs": [3]}, "resume_child_runs is a run"),
        ({"primary_metric_name": None}, "primary_metric_name"),
        ({"policy": "bandit"}, "policy is such as"),
        ({"space": {"rate": [1, 2]}}, "search expression"),
    ],
)
def test_what_is_no_sweep_is_refused(source: Path, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        sweep(source, **settings)


def test_a_copy_has_other_arguments_and_leaves_the_first_as_it_was() -> None:
    first = sweep(Path("study"), name="rates")
    sampling = RandomParameterSampling({"depth": uniform(1, 9)}, seed=3)
    other = first.replace(
        hyperparameter_sampling=sampling, primary_metric_goal="minimize", max_total_runs=5
    )
    document = first.to_dict()
    assert other.to_dict() == {
        **document,
        "hyperparameter_sampling": sampling.to_dict(),
        "primary_metric_goal": "minimize",
        "max_total_runs": 5,
    }
    assert other.replace(policy=BanditPolicy(slack_factor=0.1), name=None).name is None
    assert first.to_dict() == document


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"max_total_run": 3}, "cannot have 'max_total_run': .*did you mean 'max_total_runs'"),
        ({"hyperparameter_sampling": {"rate": [1, 2]}}, "what is searched, and how"),
        ({"policy": "bandit"}, "policy is such as"),
        ({"max_total_runs": 0}, "max_total_runs must be"),
    ],
)
def test_a_copy_with_what_no_sweep_has_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        sweep(Path("study")).replace(**changes)
