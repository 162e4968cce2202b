"""What a pipeline's steps that run components are checked for, and made of before they are planned.

`tandemlab.pipelines.components` asks these by the name of this module: it is below this layer. In a
planned graph a component's step has all that `Component.settings` and `Component.function` say;
`raised` takes it away again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tandemlab.designer.component import PORT_KINDS, Component, Port, mistakes_in, schema_of
from tandemlab.designer.registry import MODULES, find_component, list_components, why_unknown
from tandemlab.domain import InvalidInput
from tandemlab.domain.pipeline_places import ITEM, PLACE, fill_parameters, texts_of
from tandemlab.domain.pipeline_plans import as_text
from tandemlab.domain.pipelines import (
    Graph,
    ParameterValue,
    Step,
    StepComponent,
    StepInput,
    accepts,
)
from tandemlab.domain.scalars import Scalar
from tandemlab.domain.schemas import Mistake, unknown_name
from tandemlab.pipelines.steps import PipelineStep, StepSettings

_ANY_OF = {"json": {"report", "learner"}, "folder": {"model", "transformation"}, "file": {"table"}}
_ENTRY = "{module}:{qualified}"
# None of these has threads of its own, but for those of BLAS, which a fork starts anew.
_FOR_TABLES = (
    "pyarrow.pandas_compat",
    "tandemlab.bridge.files",
    "tandemlab.bridge.pandas_frames",
)
_OF_MODELS = {"learner", "model", "transformation", "report"}
_FOR_MODELS = (
    *MODULES,
    "tandemlab.automl.metrics",
    "tandemlab.automl.featurizer",
    "tandemlab.designer.reports",
    "tandemlab.designer.transformations",
    "tandemlab.tracking.run",
    "joblib",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.impute",
    "sklearn.pipeline",
)


def complete_step(content: dict[str, Any]) -> None:
    """Fill in the version and the outputs of a component's step in a document.

    An unknown component stays as it is, so that a pipeline opens where its plug-in is missing.
    """
    given = content["component"]
    found = list_components().get(given["name"])
    if found is None:
        return
    content["component"] = {"version": found.version, **given}
    outputs = content.get("outputs") or {}
    content["outputs"] = {
        **outputs,
        **{name: _typed(port, outputs.get(name)) for name, port in found.outputs.items()},
    }


def outputs_of(name: str, version: int) -> dict[str, str] | None:
    """The types of a component's outputs, by name; None if that version of it is not there."""
    found = list_components().get(name)
    if found is None or found.version != version:
        return None
    return {key: PORT_KINDS[port.kind] for key, port in found.outputs.items()}


def _typed(port: Port, given: Any) -> dict[str, Any]:
    content = given if isinstance(given, Mapping) else {} if given is None else {"type": given}
    return {"type": PORT_KINDS[port.kind], **content}


def mistakes_of(graph: Graph, values: Mapping[str, ParameterValue]) -> list[Mistake]:
    """What is wrong with the steps that run components, with the place of each.

    Args:
        values: of the pipeline's parameters, as far as they are known.
    """
    return [
        each
        for name, step in graph.steps.items()
        if step.component is not None
        for each in _step_mistakes(graph, name, step.component, values)
    ]


def _step_mistakes(
    graph: Graph, name: str, given: StepComponent, values: Mapping[str, ParameterValue]
) -> Iterator[Mistake]:
    here = ("steps", name)
    if given.name not in list_components():
        yield Mistake((*here, "component", "name"), why_unknown(given.name).rstrip("."))
        return
    found = find_component(given.name)
    if given.version != found.version:
        yield Mistake(
            (*here, "component", "version"),
            f"the step is made for {given.name} {given.version}, and there is {found.version} "
            "here; see whether its parameters still mean the same, and say that version",
        )
        return
    yield from _parameter_mistakes(here, found, given, values)
    yield from _port_mistakes(graph, name, found, _settings_of(given, values))
    if graph.steps[name].function is not None:
        yield Mistake((*here, "function"), "a step runs a component, or a function, not both")


def _parameter_mistakes(
    here: tuple[str, str],
    found: type[Component],
    given: StepComponent,
    values: Mapping[str, ParameterValue],
) -> Iterator[Mistake]:
    filled, is_open = filled_parameters(given, values)
    for place, message in mistakes_in(found, filled):
        if not is_open.intersection(place[:1] or is_open):
            yield Mistake((*here, "component", "parameters", *place), message)
    if any(ITEM.search(text) for text in texts_of(given.parameters)) and _is_planned(found):
        place = (*here, "component", "parameters")
        yield Mistake(place, f"{found.title} has to know them before it runs; no ${{item}} there")


def _is_planned(found: type[Component]) -> bool:
    """Whether a component's parameters change what its step is."""
    usual = (Component.settings, Component.function)
    return (found.settings, found.function) != usual


def filled_parameters(
    given: StepComponent, values: Mapping[str, Any]
) -> tuple[dict[str, Any], set[str]]:
    """The parameters with those of the pipeline, and the names of those that are not known yet."""
    filled = {name: fill_parameters(value, values, str) for name, value in given.parameters.items()}
    is_open = {
        name
        for name, value in filled.items()
        for text in texts_of(value)
        if ITEM.search(text) or any(kind == "parameters" for kind, _ in PLACE.findall(text))
    }
    return filled, is_open


def _settings_of(given: StepComponent, values: Mapping[str, ParameterValue]) -> dict[str, Any]:
    """What the step has beside its ports; nothing while parameters are not known, or are wrong."""
    found = find_component(given.name)
    filled, is_open = filled_parameters(given, values)
    if is_open or mistakes_in(found, filled):
        return {}
    return found(**filled).settings()


def _port_mistakes(
    graph: Graph, name: str, found: type[Component], settings: Mapping[str, Any]
) -> Iterator[Mistake]:
    here, step = ("steps", name), graph.steps[name]
    known = {*found.inputs, *settings.get("inputs", {})}
    for key, given in step.inputs.items():
        if key not in known:
            yield Mistake((*here, "inputs", key), unknown_name("input", key, found.inputs))
        elif key in found.inputs:
            problem = _connection_problem(graph, found.inputs[key], given)
            if problem:
                yield Mistake((*here, "inputs", key), problem)
    for key, port in found.inputs.items():
        if not port.optional and key not in step.inputs:
            wanted = f"{found.title} needs {_a(port.kind)} there"
            yield Mistake((*here, "inputs", key), f"nothing is connected; {wanted}")
    for key, output in step.outputs.items():
        if key in settings.get("outputs", {}):
            continue
        if key not in found.outputs:
            yield Mistake((*here, "outputs", key), unknown_name("output", key, found.outputs))
        elif output.type != PORT_KINDS[found.outputs[key].kind]:
            there = PORT_KINDS[found.outputs[key].kind]
            yield Mistake((*here, "outputs", key, "type"), f"it is a {there}, no {output.type}")


def _connection_problem(graph: Graph, port: Port, given: StepInput) -> str:
    """Why a port does not take what is connected to it; empty if it does."""
    if given.step is None:
        is_model = "model" in given.settings
        fits = not is_model or accepts(PORT_KINDS[port.kind], "model")
        return "" if fits else f"wants {_a(port.kind)}, and a registered model is there"
    source = graph.steps.get(given.step)
    if source is None or given.output is None or given.output not in source.outputs:
        return ""  # of a module, or told by the graph's own check
    kind = None if source.for_each is not None else _kind_of(source, given.output)
    type = graph.output(given.step, given.output).type
    fits = accepts(PORT_KINDS[port.kind], type) if kind is None else _takes(port.kind, kind)
    made = f"the output {given.output!r} of {given.step!r}"
    return "" if fits else f"wants {_a(port.kind)}, and {made} is {_a(kind or type)}"


def _kind_of(step: Step, output: str) -> str | None:
    """The kind of a step's output; None where it has none, since no component makes it."""
    made = None if step.component is None else list_components().get(step.component.name)
    port = None if made is None else made.outputs.get(output)
    return None if port is None else port.kind


def _takes(wanted: str, given: str) -> bool:
    return wanted == given or given in _ANY_OF.get(wanted, ())


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def lowered(graph: Graph, values: Mapping[str, ParameterValue]) -> Graph:
    """The graph with all that components' steps need beside their ports.

    Raises:
        InvalidInput: a component is not known, or does not take its parameters.
    """
    steps = {name: _lowered(name, step, values) for name, step in graph.steps.items()}
    return replace(graph, steps=steps)


def _lowered(name: str, step: Step, values: Mapping[str, ParameterValue]) -> Step:
    component = component_of(step, values)
    if component is None:
        return step
    more = _beside_ports(component)
    return replace(
        step,
        settings={**more.settings, **step.settings},
        inputs={**step.inputs, **more.inputs},
        outputs={**step.outputs, **more.outputs},
        allow_reuse=step.allow_reuse and more.allow_reuse,
        function=component.function(),
    )


def raised(graph: Graph, values: Mapping[str, ParameterValue]) -> Graph:
    """The graph that was `lowered`, without what components had added."""
    steps = {name: _raised(step, values) for name, step in graph.steps.items()}
    return replace(graph, steps=steps)


def _raised(step: Step, values: Mapping[str, ParameterValue]) -> Step:
    if step.component is None:
        return step
    try:
        component = component_of(step, values)
    except InvalidInput:  # it is no longer there, or takes other parameters by now
        component = None
    more = Step() if component is None else _beside_ports(component)
    return replace(
        step,
        settings={key: each for key, each in step.settings.items() if key not in more.settings},
        inputs={key: each for key, each in step.inputs.items() if key not in more.inputs},
        outputs={key: each for key, each in step.outputs.items() if key not in more.outputs},
        allow_reuse=step.allow_reuse or not more.allow_reuse,
        function=None,
    )


def component_of(step: Step, values: Mapping[str, ParameterValue]) -> Component | None:
    """The component of a step; None if there is none, or its parameters are not known yet.

    Raises:
        InvalidInput: it is not known, or does not take its parameters.
    """
    if step.component is None:
        return None
    filled, is_open = filled_parameters(step.component, values)
    return None if is_open else find_component(step.component.name)(**filled)


def _beside_ports(component: Component) -> Step:
    settings: StepSettings = component.settings()  # type: ignore[assignment]
    return PipelineStep(component.name, {}, None, settings).definition


def call_of(step: Step, values: Mapping[str, ParameterValue]) -> dict[str, Any]:
    """What `running.main` is told: the class, its parameters, and the inputs in use."""
    assert step.component is not None
    found = find_component(step.component.name)
    filled, _ = filled_parameters(step.component, values)
    return {
        "component": _ENTRY.format(module=found.__module__, qualified=found.__qualname__),
        "parameters": filled,
        "inputs": [name for name in found.inputs if name in step.inputs],
    }


def params_of(step: Step, values: Mapping[str, ParameterValue]) -> dict[str, Scalar]:
    """The parameters of the step's run: all of the component's, for which equal ones are equal.

    Code that is in the step's function is not among them: it is part of its source.
    """
    assert step.component is not None
    found = find_component(step.component.name)
    filled, is_open = filled_parameters(step.component, values)
    whole = filled if is_open else found(**filled).parameters.model_dump(mode="json")
    fields = schema_of(found).get("properties", {})
    is_source = {name for name, each in fields.items() if step.function and "x-language" in each}
    return {
        name: as_text(value) if isinstance(value, (Mapping, list)) else value
        for name, value in whole.items()
        if name not in is_source
    }


def modules_ahead(step: Step) -> list[str]:
    """What a process loads that is forked for a component; of plug-ins nothing is loaded ahead."""
    assert step.component is not None
    found = find_component(step.component.name)
    kinds = {port.kind for port in (*found.inputs.values(), *found.outputs.values())}
    own = found.__module__
    return [
        "tandemlab.designer.running",
        *([own] if own.startswith("tandemlab.") else []),
        *(_FOR_TABLES if "table" in kinds else ()),
        *(_FOR_MODELS if kinds & _OF_MODELS else ()),
    ]
