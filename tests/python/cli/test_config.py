"""``tandemlab config``, and submitting by a configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from python.cli.conftest import Answer
from tandemlab import RunConfiguration, Workspace

Call = Callable[..., Answer]


@pytest.fixture
def quick(folder: Path) -> Path:
    """A script with a configuration beside it."""
    (folder / "train.py").write_text(
        "import os, sys; print(*sys.argv[1:], os.environ.get('A'), os.environ.get('B'))"
    )
    variables = {"A": "a", "B": "b"}
    return RunConfiguration("train.py", {"epochs": 1}, environment_variables=variables).save(
        folder, "quick"
    )


def test_configurations_are_listed_and_shown(call: Call, quick: Path, folder: Path) -> None:
    (folder / ".azureml").mkdir()
    (folder / ".azureml" / "old.runconfig").write_text("script: train.py\ntarget: cluster\n")
    (folder / ".azureml" / "config.json").write_text("{}")
    names = [row["name"] for row in call("config", "list", "-o", "json").json]
    assert names == ["old", "quick"]
    assert call("config", "show", "old").out == "script: train.py\ncompute_target: cluster\n"
    assert call("config", "show", "quick", "-o", "json").json["arguments"] == {"epochs": 1}
    line, _, content = quick.read_text().partition("\n")
    assert line == "# yaml-language-server: $schema=schema.json"
    assert call("config", "show", str(quick)).out == content


def test_mistakes_are_told_with_file_line_and_key(call: Call, folder: Path) -> None:
    (folder / "bad.yml").write_text("script: a.py\nargument: [1]\n")
    answer = call("config", "show", "bad.yml")
    assert answer.status == 2
    message = "bad.yml, line 2, argument: no such key; did you mean 'arguments'?"
    assert message in answer.err


def test_the_schema_is_printed(call: Call) -> None:
    schema = json.loads(call("config", "schema").out)
    assert schema["properties"]["compute_target"]["default"] == "local"
    assert schema["$defs"]["environment"]["properties"]["r"]


def test_a_run_is_submitted_by_its_configuration(
    call: Call, lab: Workspace, quick: Path, folder: Path
) -> None:
    assert call("run", "submit", "--config", "quick", "--wait").out == "--epochs 1 a b\n"
    options = ("--config", quick, "--env", "B=c", "--wait")
    assert call("run", "submit", *options, "train.py", "--epochs", "2").out == "--epochs 2 a c\n"
    shown = call("run", "show", "train/1", "-o", "json").json
    assert shown["definition"]["source_directory"] == str(folder)


def test_a_command_is_submitted_by_its_configuration(
    call: Call, lab: Workspace, folder: Path
) -> None:
    RunConfiguration(command="echo hello").save(folder, "greet")
    assert call("run", "submit", "--config", "greet", "--wait").out == "hello\n"
    assert call("run", "list", "-o", "json").json[0]["run"] == "greet/1"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Missing argument 'SCRIPT', or an option '--config'."),
        (["--config", "quik"], "Did you mean 'quick'?"),
        (["--config", "quick", "other.py"], "other.py"),
    ],
)
def test_what_cannot_be_submitted_is_refused(
    call: Call, lab: Workspace, quick: Path, words: list[str], told: str
) -> None:
    answer = call("run", "submit", *words)
    assert answer.status in (2, 3)
    assert told in answer.err
    assert call("experiment", "list", "--all", "-o", "json").json == []


def test_an_environment_is_registered_shown_and_asked_for(
    call: Call, lab: Workspace, folder: Path
) -> None:
    (folder / "study.yml").write_text("name: study\nvariables: {A: hello}\n")
    registered = call("environment", "register", "study.yml", "-o", "json").json
    assert (registered["name"], registered["version"]) == ("study", 1)
    rows = call("environment", "list", "--registered", "-o", "json").json
    assert {row["name"]: row["version"] for row in rows}["study"] == 1
    shown = call("environment", "show", "study:1")
    assert shown.out == "name: study\nvariables:\n  A: hello\n"
    (folder / "job.py").write_text("import os; print(os.environ['A'])")
    answer = call("run", "submit", "--wait", "--environment", "study", "job.py")
    assert answer.out == "hello\n"
    assert call("environment", "show", "stdy").status == 3
