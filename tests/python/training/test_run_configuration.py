"""Run configurations in files, by the cases that R runs, too."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tandemlab import RunConfiguration, ScriptRunConfig, TandemlabError, Workspace
from tandemlab.domain import InvalidInput
from tandemlab.domain.documents import read_document, write_document
from tandemlab.domain.schemas import conform
from tandemlab.domain.secrets import Secret
from tandemlab.domain.warnings import ConfigurationWarning
from tandemlab.training.configuration_files import run_configuration_schema

CASES = Path(__file__).parents[2] / "conformance" / "configurations"


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{file.stem}: {case['name']}")
        for file in sorted(CASES.glob("*.yaml"))
        for case in yaml.safe_load(file.read_text())
    ]


@pytest.mark.parametrize("case", cases())
def test_case(case: dict[str, Any], tmp_path: Path) -> None:
    for name, content in case["files"].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    if "error" in case:
        with pytest.raises(TandemlabError) as caught:
            RunConfiguration.load(tmp_path, case["load"])
        assert caught.value.code == case["error"]
        for words in case["says"]:
            assert words in str(caught.value)
        return
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        found = RunConfiguration.load(tmp_path, case["load"])
    assert found.to_dict() == case["then"]
    text = "\n".join(str(each.message) for each in noticed)
    assert all(each.category is ConfigurationWarning for each in noticed)
    assert bool(text) == ("warns" in case)
    for words in case.get("warns", []):
        assert words in text
    saved = found.save(tmp_path / "elsewhere", "again")
    assert RunConfiguration.load(tmp_path / "elsewhere", "again") == found
    jsonschema.validate(yaml.safe_load(saved.read_text()), run_configuration_schema())
    told = saved.read_text().splitlines()[0].partition("# yaml-language-server: $schema=")[2]
    assert json.loads((saved.parent / told).read_text()) == run_configuration_schema()


plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))
words = plain | st.sampled_from(
    ["no", "1e-3", "007", "12:30", "0o17", "~", "<<", ".inf", "+1", "="]
)
scalars = words | st.booleans() | st.integers() | st.floats(allow_nan=False)


@given(st.dictionaries(words, scalars | st.lists(scalars)))
def test_what_is_written_reads_back_the_same(arguments: dict[str, Any]) -> None:
    text = write_document({"arguments": arguments})
    assert read_document(text, "x.yml").value == {"arguments": arguments}


@pytest.mark.parametrize("case", cases())
def test_another_checker_by_the_same_schema_agrees(case: dict[str, Any]) -> None:
    schema = run_configuration_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for text in [text for name, text in case["files"].items() if name.startswith(".tandemlab")]:
        try:
            value = read_document(text, "x.yml").value or {}
        except InvalidInput:
            continue
        assert validator.is_valid(value) == (conform(value, schema)[1] == [])


def test_a_v1_file_and_one_of_ours_with_one_name_are_ours(tmp_path: Path) -> None:
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "cpu.runconfig").write_text("script: old.py")
    (tmp_path / ".azureml" / "gpu.runconfig").write_text("script: gpu.py")
    RunConfiguration("new.py").save(tmp_path, "cpu")
    assert RunConfiguration.load(tmp_path, "cpu").script == "new.py"
    assert RunConfiguration.load(tmp_path, "gpu").script == "gpu.py"
    assert RunConfiguration.load(tmp_path / ".azureml" / "cpu.runconfig").script == "old.py"


def test_values_of_another_class_are_refused_at_once() -> None:
    for wrong in ({"resources": {"cpus": 1}}, {"distribution": 2}, {"environment": ["six"]}):
        (name,) = wrong
        for make in (RunConfiguration, lambda **given: ScriptRunConfig(".", "a.py", **given)):
            with pytest.raises(InvalidInput, match=f"{name} is an object of the class"):
                make(**wrong)
        with pytest.raises(InvalidInput, match=name):
            RunConfiguration().replace(**wrong)
    with pytest.raises(InvalidInput, match="run_config is a RunConfiguration, not"):
        ScriptRunConfig(".", run_config={"script": "a.py"})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["../cpu", "a/b", "", " cpu"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name of a run configuration"):
        RunConfiguration("a.py").save(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_not_saved(tmp_path: Path) -> None:
    for config in (
        RunConfiguration("a.py", ["--password", Secret("s")]),
        RunConfiguration("a.py", environment_variables={"PASSWORD": Secret("s")}),
    ):
        with pytest.raises(InvalidInput, match="A secret cannot be the"):
            config.save(tmp_path, "cpu")
    assert list(tmp_path.iterdir()) == []


def test_what_is_given_comes_before_what_the_configuration_says() -> None:
    shared = RunConfiguration("a.py", ["--x"], "cluster", max_run_duration_seconds=60)
    config = ScriptRunConfig("study", arguments=["--y"], run_config=shared)
    assert (config.script, config.arguments, config.compute_target) == ("a.py", ["--y"], "cluster")
    assert config.replace(source_directory="other").max_run_duration_seconds == 60
    assert config.replace(max_run_duration_seconds=None).max_run_duration_seconds is None


def test_a_command_runs_in_the_source_directory_and_is_recorded(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "words.txt").write_text("two words")
    config = ScriptRunConfig(
        tmp_path / "source",
        command='wc -w < words.txt && echo "$GREETING" > outputs/out.txt',
        environment_variables={"GREETING": "hello"},
    )
    run = workspace.experiment("a").submit(config)
    run.wait_for_completion(timeout_seconds=60)
    assert run.read_log()[0].split() == ["2"]
    assert "outputs/out.txt" in run.get_file_names()
    assert run.get_details()["runDefinition"]["command"][:2] == ["/bin/sh", "-c"]
    listed = config.replace(command=["cat", "words.txt"])
    again = workspace.experiment("a").submit(listed)
    again.wait_for_completion(timeout_seconds=60)
    assert again.read_log()[0] == "two words"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "nothing to run"),
        ({"command": ""}, "nothing to run"),
        ({"command": "ls", "script": "a.py"}, "not both"),
        ({"command": "ls", "arguments": ["x"]}, "no arguments apart from itself"),
        ({"command": "ls", "interpreter": "python"}, "no interpreter apart from itself"),
        ({"command": ["ls", object()]}, "object"),
    ],
)
def test_a_run_has_one_thing_to_run(
    workspace: Workspace, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    (tmp_path / "a.py").touch()
    with pytest.raises(InvalidInput, match=words):
        workspace.experiment("a").submit(ScriptRunConfig(tmp_path, **changes))
