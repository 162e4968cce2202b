"""Runs components: reads what comes in by their ports, and writes what comes out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

from tandemlab.designer.component import Component
from tandemlab.designer.values import read_value, write_value
from tandemlab.domain.jobs import by_output, place_variable


def main() -> None:
    """Run the component of a step, as the script's one argument says (`lowering.call_of`)."""
    call = json.loads(sys.argv[1])
    module, _, name = call["component"].partition(":")
    component: Component = attrgetter(name)(import_module(module))(**call["parameters"])
    made = run_component(
        component,
        {name: _path("inputs", name) for name in call["inputs"]},
        {name: _path("outputs", name) for name in component.outputs},
    )
    for name, port in component.outputs.items():
        if port.kind == "report":
            _log_metrics(made[name])


def _path(kind: str, name: str) -> Path:
    return Path(os.environ[place_variable(kind, name)])


def run_component(
    component: Component, inputs: Mapping[str, Path], outputs: Mapping[str, Path]
) -> Mapping[str, Any]:
    """Run a component on what files hold, and write what it makes; the values by output.

    Args:
        inputs: where the values of ports are, by name; what is left out is None for the component.
        outputs: where they are written.

    Raises:
        InvalidInput: the data do not suit, or the component makes something else than it says.

    >>> from tempfile import TemporaryDirectory
    >>> import pandas
    >>> from tandemlab.designer import find_component
    >>> split = find_component("split_data")(fraction=0.5)
    >>> with TemporaryDirectory() as folder:
    ...     places = {name: Path(folder, f"{name}.arrow") for name in ("data", "first", "second")}
    ...     write_value("table", pandas.DataFrame({"x": range(6)}), places["data"])
    ...     made = run_component(split, {"data": places.pop("data")}, places)
    >>> len(made["first"])
    3
    """
    values = {
        name: read_value(port.kind, inputs[name]) if name in inputs else None
        for name, port in component.inputs.items()
    }
    made = by_output(component.run(**values), list(component.outputs), component.title)
    for name, port in component.outputs.items():
        write_value(port.kind, made[name], outputs[name])
    return made


def _log_metrics(report: Mapping[str, Any]) -> None:
    """Have the run show the numbers of a report as its metrics."""
    from tandemlab.tracking import Run

    run = Run.get_context()
    for block in report["blocks"]:
        if block["type"] == "metrics":
            for name, value in block["values"].items():
                if value is not None:
                    run.log(name, value)
