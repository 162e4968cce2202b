"""Components that R lists, and has be steps of pipelines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tandemlab.bridge.values import Table
from tandemlab.domain.pipeline_documents import document_of
from tandemlab.pipelines.documents import read_graph


def _step(document: Mapping[str, Any], name: str) -> object:
    """The document of a step that runs a component, checked, with its version and outputs."""
    from tandemlab.designer.steps import check_component

    content = {**document, "steps": {**document["steps"]}}
    step = content["steps"][name]
    content["steps"][name] = {**step, "component": _with_lists(step["component"])}
    graph = read_graph(content)
    check_component(graph, name)
    return json.dumps(document_of(graph)["steps"][name])


def _with_lists(component: Mapping[str, Any]) -> dict[str, Any]:
    """A component whose parameters that are lists are such: R has no scalars."""
    from tandemlab.designer import find_component
    from tandemlab.designer.pages import describe

    fields = describe(find_component(component["name"]))["schema"].get("properties", {})
    parameters = {
        name: [value] if _is_list_alone(fields.get(name, {})) and _is_alone(value) else value
        for name, value in component.get("parameters", {}).items()
    }
    return {**component, "parameters": parameters}


def _is_list_alone(field: Mapping[str, Any]) -> bool:
    """Whether a parameter is a list or nothing."""
    kinds = {each.get("type") for each in field.get("anyOf", [field])}
    return "array" in kinds and kinds <= {"array", "null"}


def _is_alone(value: Any) -> bool:
    is_place = isinstance(value, str) and value.startswith("${")
    return not (value is None or is_place or isinstance(value, list))


def _list() -> object:
    from tandemlab.designer import list_components
    from tandemlab.designer.pages import ports_text

    found = list(list_components().values())
    return Table(
        {
            "name": [each.name for each in found],
            "version": [each.version for each in found],
            "title": [each.title for each in found],
            "category": [each.category for each in found],
            "inputs": [ports_text(each.inputs) for each in found],
            "outputs": [ports_text(each.outputs) for each in found],
        }
    )


def _page(name: str) -> object:
    from tandemlab.designer import find_component
    from tandemlab.designer.pages import page_of

    return page_of(find_component(name))


CALLS: dict[str, Callable[..., object]] = {
    "component.list": _list,
    "component.page": _page,
    "component.step": _step,
}
