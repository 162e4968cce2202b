"""Steps that run components of the designer, which is above this layer: what that makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from tandemlab.domain.pipelines import Graph, ParameterValue, Step
from tandemlab.domain.scalars import Scalar
from tandemlab.domain.schemas import Mistake

COMPONENT = '''"""Runs a component of the designer, as its argument says."""

from tandemlab.designer.running import main

if __name__ == "__main__":
    main()
'''


def complete_components(content: dict[str, Any]) -> None:
    """Fill in what a document leaves to the components: their newest versions, and outputs."""
    for step in content["steps"].values():
        if "component" in step:
            _designer().complete_step(step)


def component_mistakes(graph: Graph, values: Mapping[str, ParameterValue]) -> list[Mistake]:
    """What is wrong with the components: parameters, ports, and kinds of what goes between them.

    Args:
        values: of the pipeline's parameters; what waits for others is not looked at.
    """
    return cast(
        "list[Mistake]", _designer().mistakes_of(graph, values) if _has_components(graph) else []
    )


def with_components(graph: Graph, values: Mapping[str, ParameterValue]) -> Graph:
    """The graph as it is planned: components with all that they need beside their ports.

    Raises:
        InvalidInput: a component is not known, or does not take its parameters.
    """
    return cast("Graph", _designer().lowered(graph, values)) if _has_components(graph) else graph


def as_drawn(graph: Graph, values: Mapping[str, ParameterValue]) -> Graph:
    """The graph that `with_components` made another of."""
    return cast("Graph", _designer().raised(graph, values)) if _has_components(graph) else graph


def component_call(step: Step, values: Mapping[str, ParameterValue]) -> dict[str, Any]:
    """What the script of a step (`COMPONENT`) is told that runs a component."""
    return cast("dict[str, Any]", _designer().call_of(step, values))


def component_params(step: Step, values: Mapping[str, ParameterValue]) -> dict[str, Scalar]:
    """The parameters of a component as those of the step's run, with what is as usual."""
    return cast("dict[str, Scalar]", _designer().params_of(step, values))


def component_modules_ahead(step: Step) -> list[str]:
    """What a process loads that is forked for the component of a step."""
    return cast("list[str]", _designer().modules_ahead(step))


def component_outputs(name: str, version: int) -> Mapping[str, str] | None:
    """The types of a component's outputs, by name; None if that version of it is not there."""
    return cast("Mapping[str, str] | None", _designer().outputs_of(name, version))


def _has_components(graph: Graph) -> bool:
    return any(step.component is not None for step in graph.steps.values())


def _designer() -> Any:
    return import_module("tandemlab.designer.lowering")  # above this layer
