"""Pipelines as documents, by the cases that R runs, too; and what Python alone has."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import tandemlab
from tandemlab import automl, pipelines, sweeps
from tandemlab.data import DataPath, OutputFileDatasetConfig
from tandemlab.designer import ComponentStep
from tandemlab.domain import InvalidInput
from tandemlab.domain.documents import read_document
from tandemlab.domain.jobs import Input, Output, Resources
from tandemlab.pipelines import (
    CommandStep,
    Pipeline,
    PipelineParameter,
    PythonFunctionStep,
    PythonScriptStep,
    step,
)

CASES = Path(__file__).parents[2] / "conformance" / "pipelines" / "graphs.yaml"
cases = read_document(CASES.read_text(encoding="utf-8"), CASES.name).value


def _evaluate(code: str) -> Any:
    """The value of the last expression of some code."""
    names = {
        **{name: getattr(pipelines, name) for name in pipelines.__all__},
        **{name: getattr(sweeps, name) for name in sweeps.__all__},
        "AutoMLConfig": automl.AutoMLConfig,
        "ComponentStep": ComponentStep,
        "ScriptRunConfig": tandemlab.ScriptRunConfig,
        "Input": Input,
        "Resources": Resources,
        "OutputFileDatasetConfig": OutputFileDatasetConfig,
        "DataPath": DataPath,
    }
    body = ast.parse(code).body
    last = body.pop()
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(body, []), "case", "exec"), names)
    return eval(compile(ast.Expression(last.value), "case", "eval"), names)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").mkdir()


@pytest.mark.parametrize("case", cases, ids=lambda case: case["name"])
def test_pipelines_are_read_built_and_refused_as_in_r(case: dict[str, Any]) -> None:
    Path("pipeline.yml").write_text(case["yaml"])
    if "error" in case:
        with pytest.raises(InvalidInput) as caught:
            Pipeline.load_yaml("pipeline.yml")
        for words in case["says"]:
            assert words in caught.value.message
        return
    loaded = Pipeline.load_yaml("pipeline.yml")
    assert loaded.to_dict() == case["then"]
    assert loaded.validate() == []
    assert _evaluate(case["python"]).to_dict() == case["then"]
    loaded.save_yaml("again.yml")
    assert Pipeline.load_yaml("again.yml").to_dict() == case["then"]


def test_a_pipeline_has_all_steps_that_its_last_ones_need() -> None:
    first = CommandStep("true", "first", outputs={"a": "file"})
    second = CommandStep("true", "second", run_after=[first])
    third = CommandStep("true", "third", inputs={"x": first.output()}, run_after=[second])
    assert list(Pipeline([third, first]).graph.steps) == ["first", "second", "third"]


def test_names_that_are_taken_are_refused() -> None:
    steps = [CommandStep("true", "same"), CommandStep("false", "same")]
    with pytest.raises(InvalidInput, match="Two steps have the name 'same'"):
        Pipeline(steps)
    parameters = [PipelineParameter("n", 1), PipelineParameter("n", 2)]
    steps = [PythonScriptStep(f"{n}.py", arguments=[each]) for n, each in enumerate(parameters)]
    with pytest.raises(InvalidInput, match="Two different parameters have the name 'n'"):
        Pipeline(steps)


def test_a_step_has_only_the_outputs_that_it_says() -> None:
    made = CommandStep("true", "made", outputs={"a": "file", "b": "file"})
    with pytest.raises(InvalidInput, match="no output 'c'"):
        made.output("c")
    with pytest.raises(InvalidInput, match=r"Which output of the step 'made'[^?]*are a, b"):
        made.output()
    with pytest.raises(InvalidInput, match="has no outputs"):
        CommandStep("true", "silent").output()


def test_a_misspelt_setting_names_the_step_s_class_and_the_near_one() -> None:
    with pytest.raises(InvalidInput, match=r"CommandStep has no argument 'output'\.\n.*'outputs'"):
        CommandStep("true", "a", output={"x": "json"})  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match=r"PythonScriptStep has .*'argments'\.\n.*'arguments'"):
        PythonScriptStep("a.py", argments=[1])  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match=r"step has no argument 'outputz'"):
        step(outputz={"x": "json"})  # type: ignore[call-arg]


def test_what_is_no_step_or_no_output_is_told() -> None:
    made = CommandStep("true", "made", outputs={"a": "file"})
    for steps in (made, ["made"]):
        with pytest.raises(InvalidInput, match="steps is a list of steps"):
            Pipeline(steps)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="run_after is a list of steps"):
            CommandStep("true", "next", run_after=steps)  # type: ignore[typeddict-item]
    with pytest.raises(InvalidInput, match="inputs are by name"):
        CommandStep("true", "next", inputs=made)  # type: ignore[typeddict-item]
    with pytest.raises(InvalidInput, match="The step 'made' is no input"):
        CommandStep("true", "next", inputs=[made])  # type: ignore[typeddict-item]
    with pytest.raises(InvalidInput, match="max_retries is 0 or more, not -1"):
        CommandStep("true", "next", retries=-1)
    made.upstream = (CommandStep("true", "next", inputs=[made.output()]),)
    with pytest.raises(InvalidInput, match="needs itself"):
        Pipeline([made])


def test_an_output_that_is_no_place_in_a_datastore_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'rows' of a step goes to /srv/rows"):
        CommandStep("true", "a", outputs={"rows": Output("/srv/rows")})


def test_a_function_that_needs_more_than_its_arguments_is_refused() -> None:
    def study(path: str) -> object:
        return Path(path)

    with pytest.raises(InvalidInput, match=r"study\(\) uses Path from outside"):
        PythonFunctionStep(study)
    with pytest.raises(InvalidInput, match="one function"):
        PythonFunctionStep("x = 1")
    for code, names in [
        ("def f(n=LIMIT): return n", "LIMIT"),
        ("def f(n): return [n + k for k in range(n + K)]", "K"),
        ("def f(n): return (lambda m: m + K)(n)", "K"),
        ("def f(n):\n  def g(): return h()\n  return g()", "h"),
    ]:
        with pytest.raises(InvalidInput, match=rf"f\(\) uses {names} from outside"):
            PythonFunctionStep(code)


def test_what_a_function_binds_itself_is_not_from_outside() -> None:
    path = "of this module"

    def study(rows: Any, n: int = 1) -> object:
        import ast
        from itertools import chain

        kept: list[Any] = [(lambda row: ast.dump(row) or chain)(row.path) for row in rows]

        class Kind:
            size = len([each for each in kept])

        def again(m: int) -> object:
            return again(m - 1) if m else study(kept, 0)

        try:
            return again(n)
        except OSError as problem:
            return Kind().size or problem or __name__

    assert path
    definition = PythonFunctionStep(study).definition
    assert definition.function is not None and definition.function.name == "study"


def test_a_decorated_function_makes_steps_whose_code_is_the_function_alone() -> None:
    @step(outputs={"n": "json"}, retries=1)
    def count(file: str, scale: int = 1) -> int:
        with open(file) as stream:
            return len(stream.readlines()) * scale

    made = count.named("lines")(file=Path("x.csv"), scale=PipelineParameter("scale", 2))
    definition = made.definition
    assert definition.function is not None
    assert definition.function.code.startswith("def count(file: str, scale: int = 1) -> int:\n")
    assert definition.settings["arguments"] == {"scale": "${parameters.scale}"}
    assert definition.inputs["file"].settings == {"path": "x.csv"}
    assert (made.name, definition.retries.max_retries) == ("lines", 1)


def test_pictures_show_steps_data_and_order() -> None:
    first = CommandStep(["a", "<b>"], "first", outputs={"out": "file"})
    last = PythonScriptStep("x.py", inputs={"in": first.output()}, compute_target="cluster")
    alone = CommandStep("sleep 1", "alone", run_after=[first])
    pipeline = Pipeline([last, alone])
    assert "first -->|out| x" in pipeline.to_mermaid()
    assert "first -.-> alone" in pipeline.to_mermaid()
    assert 'first["first<br/>a"]' in pipeline.to_mermaid()
    assert "reads in from first (out)" in str(pipeline)
    assert "after first" in str(pipeline)
    assert "on cluster" in str(pipeline)
    picture = ElementTree.fromstring(pipeline.to_svg())
    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"first", "a", "out", "x", "alone"} <= set(texts)
    assert sum("order" in str(each.get("class")) for each in picture.iter()) == 1


def test_a_function_makes_steps_by_position_as_python_calls_it() -> None:
    @step(outputs={"total": "json"})
    def add(left: int, right: int = 1) -> int:
        return left + right

    first = add(1, right=2)
    assert first.definition.settings["arguments"] == {"left": 1, "right": 2}
    assert add.named("again")(first.output(), 2).upstream == (first,)
    with pytest.raises(InvalidInput, match="too many positional") as refused:
        add(1, 2, 3)
    assert "add(left: 'int', right: 'int' = 1)" in refused.value.hint
    with pytest.raises(InvalidInput, match="'left' is given twice"):
        add(1, left=2)


def test_pictures_show_conditions_and_lists() -> None:
    split = CommandStep("true", "split", outputs={"parts": "json"})
    work = CommandStep("true", "work", for_each=split.output(), when="parameters.n > 1")
    pipeline = Pipeline([work], parameters=[PipelineParameter("n", 1)])
    assert "for each of parts of split" in str(pipeline)
    assert "when parameters.n > 1" in str(pipeline)
    assert "split -.-> work" in pipeline.to_mermaid()
