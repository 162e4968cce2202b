"""Which components there are: those of tandemlab, and those that other packages bring.

A package brings components by the entry point group ``tandemlab.components``; each entry names a
class.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from tandemlab.designer.component import Component
from tandemlab.domain import InvalidInput
from tandemlab.domain.schemas import unknown_name

_PALETTE = (
    "input_output",
    "manipulation",
    "sampling",
    "scaling",
    "statistics",
    "feature_selection",
    "learners",
    "clustering",
    "anomalies",
    "training",
    "scoring",
    "scripts",
    "text",
    "automated",
    "web_services",
)
MODULES = tuple(f"tandemlab.designer.components.{each}" for each in _PALETTE)


def list_components() -> dict[str, type[Component]]:
    """All components by name, in the order of the palette.

    What another package brings and cannot be used is left out; `component_problems` says so.
    """
    return _known()[0]


def component_problems() -> list[str]:
    """Why components of other packages cannot be used, a sentence for each."""
    return _known()[1]


@cache
def _known() -> tuple[dict[str, type[Component]], list[str]]:
    found = dict(_own())
    problems = []
    for entry in entry_points(group="tandemlab.components"):
        try:
            brought = entry.load()
        except Exception as problem:  # of whatever library: the others go on
            problems.append(
                f"The component {entry.name!r} ({entry.value}) cannot be used: "
                f"{type(problem).__name__}: {problem}."
            )
            continue
        if not _is_component(brought):
            problems.append(f"The entry point {entry.name!r} ({entry.value}) is no component.")
        elif found.setdefault(brought.name, brought) is not brought:
            problems.append(
                f"The component {entry.name!r} ({entry.value}) has the name {brought.name!r}, "
                "which another one has."
            )
    return found, problems


@cache
def _own() -> dict[str, type[Component]]:
    found: dict[str, type[Component]] = {}
    for module in MODULES:
        for value in vars(import_module(module)).values():
            if _is_component(value) and value.__module__ == module:
                found[value.name] = value
    return found


def find_component(name: str) -> type[Component]:
    """The component of a name.

    Raises:
        InvalidInput: there is none.
    """
    known = _own() if name in _own() else list_components()  # entry points take time to look up
    if name not in known:
        text = why_unknown(name)
        raise InvalidInput(
            f"{text[0].upper()}{text[1:]}",
            hint="`tandemlab component list` shows the components that there are.",
        )
    return known[name]


def why_unknown(name: str) -> str:
    """What to say of the name of a component that cannot be used.

    >>> why_unknown("splitdata")
    "there is no component 'splitdata'; did you mean 'split_data'?"
    """
    broken = [each for each in component_problems() if each.startswith(f"The component {name!r} ")]
    return broken[0] if broken else unknown_name("component", name, list_components())


def _is_component(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Component) and hasattr(value, "name")
