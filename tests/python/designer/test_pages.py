"""Pages of components: every component is documented, with its ports and parameters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tandemlab.designer import Component, list_components
from tandemlab.designer.component import PORT_KINDS
from tandemlab.designer.pages import describe, page_of, parameters_of

every_component = pytest.mark.parametrize(
    "component", list_components().values(), ids=list_components()
)


def test_all_that_is_said_of_components_is_said_in_portuguese(pytestconfig: pytest.Config) -> None:
    file = pytestconfig.rootpath / "web" / "src" / "text" / "components.pt.json"
    translated = json.loads(file.read_text(encoding="utf-8"))
    own = list_components()
    assert set(translated["components"]) == set(own)
    assert set(translated["categories"]) == {each.category for each in own.values()}
    described = [describe(each) for each in own.values()]
    parameters = [
        part for each in own.values() for part in parts_of(each.Parameters.model_json_schema())
    ]
    ports = [port for each in described for port in (*each["inputs"], *each["outputs"])]
    said = {part["description"] for _, part in parameters if "description" in part}
    assert set(translated["labels"]) == {name for name, _ in parameters}
    assert set(translated["texts"]) == said | {port["description"] for port in ports}


def parts_of(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The properties of a schema and of all that it refers to."""
    inner = [part for each in schema.get("$defs", {}).values() for part in parts_of(each)]
    return [*schema.get("properties", {}).items(), *inner]


@every_component
def test_a_component_says_what_it_does(component: type[Component]) -> None:
    found = describe(component)
    assert component.__doc__ and found["description"] != Component.__doc__
    assert all((found["title"], found["category"]))
    undescribed = [
        each["name"]
        for each in (*found["inputs"], *found["outputs"], *parameters_of(component))
        if not each["description"].endswith(".")
    ]
    assert not undescribed, f"{component.name}: {', '.join(undescribed)} need a description"
    kinds = {each["kind"] for each in (*found["inputs"], *found["outputs"])}
    assert kinds <= PORT_KINDS.keys()


@every_component
def test_the_page_of_a_component_has_all_its_parameters(component: type[Component]) -> None:
    page = page_of(component)
    assert page.startswith(f"# {component.title}\n")
    for each in parameters_of(component):
        assert f"| `{each['name']}` |" in page
