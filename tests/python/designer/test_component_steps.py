"""Steps of pipelines that run components, with a real agent."""

from __future__ import annotations

from typing import Any

import pytest

from tandemlab import Workspace
from tandemlab.designer import ComponentStep
from tandemlab.domain import InvalidInput
from tandemlab.pipelines import Pipeline, PipelineParameter, PythonFunctionStep

ROWS = "def rows(n):\n    import pandas\n    return pandas.DataFrame({'x': range(n)})\n"
COUNT = "def count(rows):\n    return len(rows)\n"


def rows(n: Any = 10) -> PythonFunctionStep:
    return PythonFunctionStep(ROWS, arguments={"n": n}, outputs={"rows": "table"})


def split(name: str = "split", data: Any = None, **parameters: Any) -> ComponentStep:
    return ComponentStep(name, "split_data", parameters, inputs={"data": data or rows().output()})


def document(**changes: Any) -> dict[str, Any]:
    """A pipeline with one component, whose step has these keys."""
    step = {"component": {"name": "split_data"}, "inputs": {"data": {"step": "rows"}}, **changes}
    return {"steps": {"rows": Pipeline([rows()]).to_dict()["steps"]["rows"], "split": step}}


def mistakes(**changes: Any) -> list[str]:
    return Pipeline.from_dict(document(**changes)).validate()


def test_a_document_needs_neither_the_version_nor_the_outputs_of_a_component() -> None:
    assert Pipeline.from_dict(document()).graph == Pipeline([split()]).graph


def test_an_output_of_a_component_may_say_what_becomes_of_it() -> None:
    graph = Pipeline.from_dict(document(outputs={"first": {"register_as": "train"}})).graph
    first = graph.steps["split"].outputs["first"]
    assert (first.type, first.register_as) == ("table", "train")


def test_what_is_wrong_with_components_is_told_with_its_place() -> None:
    assert mistakes(component={"name": "splitdata"}) == [
        "steps.split.component.name: there is no component 'splitdata'; did you mean 'split_data'?"
    ]
    assert mistakes(
        component={"name": "split_data", "parameters": {"fraction": 2, "colour": "red"}},
        inputs={"rows": {"step": "rows"}},
        outputs={"first": "json"},
    ) == [
        "steps.split.component.parameters.fraction: Input should be less than or equal to 1",
        "steps.split.component.parameters.colour: Extra inputs are not permitted",
        "steps.split.inputs.rows: there is no input 'rows'; known are data",
        "steps.split.inputs.data: nothing is connected; Split data needs a table there",
        "steps.split.outputs.first.type: it is a table, no json",
    ]
    assert [
        mistakes(component={"name": name})[0] for name in ("train_model", "select_columns")
    ] == [
        "steps.split.component.parameters.label: a value is needed",
        "steps.split.component.parameters: choose columns, types or a pattern",
    ]
    assert mistakes(component={"name": "split_data", "version": 9})[0].startswith(
        "steps.split.component.version: the step is made for split_data 9, and there is 1 here"
    )
    assert mistakes(script="x.py", source_directory=".") == [
        "steps.split.component: a step runs a component, or something else, not both"
    ]


def test_an_unknown_component_does_not_keep_a_pipeline_from_being_opened_and_saved() -> None:
    content = document(
        component={"name": "brought_by_a_plugin", "parameters": {"a": [1]}},
        outputs={"data": {"type": "table"}},
    )
    pipeline = Pipeline.from_dict(content)
    assert Pipeline.from_dict(pipeline.to_dict()).graph == pipeline.graph


def test_a_step_refuses_what_its_component_does_not_take() -> None:
    count = PythonFunctionStep(COUNT, inputs=[rows().output()], outputs={"n": "json"})
    with pytest.raises(
        InvalidInput, match=r"inputs\.data: wants a table, and the output 'n' of 'count' is a json"
    ):
        split(data=count.output())
    with pytest.raises(InvalidInput, match=r"component\.parameters\.fraction: Input should be"):
        split(fraction=2)
    with pytest.raises(InvalidInput, match="did you mean 'split_data'"):
        ComponentStep("split", "split", inputs={"data": rows().output()})


def test_parameters_of_a_component_may_wait_for_those_of_the_pipeline() -> None:
    pipeline = Pipeline([split(fraction=PipelineParameter("share", type="double"))])
    assert pipeline.validate() == []
    assert pipeline.validate(pipeline_parameters={"share": 3.0}) == [
        "steps.split.component.parameters.fraction: Input should be less than or equal to 1"
    ]


@pytest.mark.full
def test_a_component_runs_and_is_reused_until_something_changes(workspace: Workspace) -> None:
    share = PipelineParameter("share", 0.5)
    again = split("again", split(fraction=share).output("first"), fraction=0.8)
    pipeline = Pipeline([again])
    assert pipeline.validate(workspace) == []
    experiment = workspace.experiment("study")

    def submit(**parameters: Any) -> Any:
        run = experiment.submit(pipeline, pipeline_parameters=parameters)
        run.wait_for_completion(timeout_seconds=120)
        return run

    run = submit()
    assert len(run.get_output("again", "first")) == 4
    assert run.pipeline.graph == pipeline.graph
    assert run.find_step_run("split")[0].record.params == {
        "fraction": 0.5,
        "seed": 0,
        "shuffle": True,
        "stratify_by": None,
    }
    assert [each.reused for each in submit().get_steps()] == [True] * 3
    renamed = split("renamed", split(fraction=share, seed=0).output("first"), fraction=0.8)
    other = experiment.submit(Pipeline([renamed]))
    other.wait_for_completion(timeout_seconds=120)
    assert [each.reused for each in other.get_steps()] == [True] * 3
    changed = submit(share=0.6)
    assert len(changed.get_output("again", "first")) == 5
    assert [str(each.part) for each in changed.why("split").changes] == ["parameters.fraction"]
    assert "parameters.fraction: 0.5 → 0.6" in str(changed.why("split"))


@pytest.mark.full
def test_a_component_runs_for_each_item_of_a_list(workspace: Workspace) -> None:
    parted = ComponentStep(
        "parted",
        "split_data",
        {"fraction": "${item}"},
        inputs={"data": rows().output()},
        for_each=[0.2, 0.5],
    )
    run = workspace.experiment("study").submit(Pipeline([parted]))
    run.wait_for_completion(timeout_seconds=120)
    assert len(run.get_output("parted", "first")) == 2 + 5


@pytest.mark.full
def test_a_published_pipeline_keeps_its_components(workspace: Workspace) -> None:
    published = Pipeline([split()], name="halves").publish(workspace)
    assert published.pipeline.graph.steps["split"].component == split().definition.component
    run = published.submit("study")
    run.wait_for_completion(timeout_seconds=120)
    assert len(run.get_output("split", "second")) == 3
    assert run.publish_pipeline("again").pipeline.graph.steps == published.pipeline.graph.steps
