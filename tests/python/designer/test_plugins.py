"""Components that an installed package brings, beside some that cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tandemlab import Workspace
from tandemlab.pipelines import PipelineRun

pytestmark = pytest.mark.full

PIPELINE = """\
name: averages
steps:
  rows:
    function:
      language: python
      name: rows
      code: |
        def rows():
            import pandas
            return pandas.DataFrame({"x": [1.0, 2.0, 6.0]})
    outputs: {rows: table}
  learn:
    component: {name: average, parameters: {column: x}}
    inputs: {data: {step: rows}}
  tell:
    component: {name: describe_average}
    inputs: {model: {step: learn}}
"""

BESIDE_PORTS = """\
name: beside
parameters: {{place: {place}}}
steps:
  read:
    component: {{name: read_lines, parameters: {{path: "${{parameters.place}}"}}}}
  count:
    component: {{name: evaluate_expression, parameters: {{expression: "sorted(data['line'])"}}}}
    inputs: {{data: {{step: read}}}}
"""

SHOW = """
import sys
from tandemlab import Workspace
from tandemlab.pipelines import Pipeline, PipelineRun
run = PipelineRun.get(Workspace.get(sys.argv[1]), sys.argv[2])
drawn = Pipeline.load_yaml(sys.argv[3])
print("as it was drawn" if run.pipeline.graph == drawn.graph else run.pipeline)
"""

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package of `plugin/` is installed in."""
    folder = tmp_path_factory.mktemp("installed")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    source = Path(__file__).with_name("plugin")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *offline, "--target", folder, source], check=True
    )
    return folder


@pytest.fixture
def call(python: Call) -> Call:
    """Runs tandemlab as `python` does."""
    return lambda *words: python("-m", "tandemlab.cli", *words)


@pytest.fixture
def python(installed: Path, tmp_path: Path) -> Call:
    """Runs Python in a folder of its own, with the package."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_what_cannot_be_used_is_told_and_keeps_nothing_else_away(call: Call) -> None:
    listed = call("component", "list", "-o", "json")
    names = [each["name"] for each in json.loads(listed.stdout)]
    assert {"split_data", "average", "describe_average"} <= set(names)
    assert "of_nothing" not in names
    assert "No module named 'lab_components_of_nothing'" in listed.stderr
    assert "'scale' (lab_components:scale) is no component" in listed.stderr
    shown = call("component", "show", "of_nothing")
    assert shown.returncode == 2
    assert "No module named 'lab_components_of_nothing'" in shown.stderr
    assert "Learns the average of a column." in call("component", "show", "average").stdout


def test_kinds_tell_apart_what_one_type_of_data_holds(call: Call, tmp_path: Path) -> None:
    text = PIPELINE.replace("inputs: {model: {step: learn}}", "inputs: {model: {step: rows}}")
    (tmp_path / "wrong.yml").write_text(text)
    answer = call("pipeline", "validate", "wrong.yml", "-o", "json")
    assert [each["mistake"] for each in json.loads(answer.stdout)] == [
        "steps.tell.inputs.model: wants a model, and the output 'rows' of 'rows' is a table"
    ]


def test_components_of_a_package_run_beside_others(
    call: Call, tmp_path: Path, workspace: Workspace
) -> None:
    (tmp_path / "averages.yml").write_text(PIPELINE)
    place = ("-w", workspace.address)
    answer = call("pipeline", "run", "averages.yml", "--wait", *place)
    assert answer.returncode == 0, answer.stderr
    (run,) = workspace.experiment("averages").get_runs()
    assert isinstance(run, PipelineRun)
    blocks = run.get_output("tell", "report")["blocks"]
    assert blocks[0]["values"] == {"average": 3.0, "unknown": None}
    assert run.find_step_run("tell")[0].get_metrics()["average"] == 3.0
    assert run.get_output("tell", "data")["average"].tolist() == [3.0]


def test_a_component_has_its_step_read_and_write_beside_its_ports(
    call: Call, python: Call, tmp_path: Path, workspace: Workspace
) -> None:
    (tmp_path / "names.txt").write_text("b\na\n")
    (tmp_path / "beside.yml").write_text(BESIDE_PORTS.format(place=tmp_path / "names.txt"))
    answer = call("pipeline", "run", "beside.yml", "--wait", "-w", workspace.address)
    assert answer.returncode == 0, answer.stderr
    (run,) = workspace.experiment("beside").get_runs()
    assert isinstance(run, PipelineRun)
    assert run.get_output("count") == ["a", "b"]
    assert run.get_output("read", "copy").read_text() == "b\na\n"
    assert run.find_step_run("read")[0].record.params == {"path": str(tmp_path / "names.txt")}
    assert run.find_step_run("count")[0].record.params == {}
    shown = python("-c", SHOW, workspace.address, run.id, "beside.yml")
    assert shown.stdout == "as it was drawn\n", shown.stderr
    again = call("pipeline", "run", "beside.yml", "--wait", "-w", workspace.address, "-o", "json")
    assert "count: reused" in again.stderr + again.stdout, again.stderr
