"""Graphs of pipelines as documents: plain data, which R, YAML files and runs have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from tandemlab.domain.pipeline_places import PLACE
from tandemlab.domain.pipelines import (
    AUTOML_OUTPUTS,
    METRICS,
    REPORT,
    ForEach,
    Function,
    Graph,
    Parallel,
    Parameter,
    Retries,
    Step,
    StepComponent,
    StepInput,
    StepOutput,
    Transfer,
)

_USUAL_MODE = ("mode", "direct")


def graph_of(content: Mapping[str, Any]) -> Graph:
    """The graph of a document that conforms to the schema; short forms are written out."""
    outputs = {
        name: {
            **({REPORT: StepOutput("json")} if "transfer" in step else {}),
            **({METRICS: StepOutput("json")} if "sweep" in step else {}),
            **(AUTOML_OUTPUTS if "automl" in step else {}),
            **{key: _output(each) for key, each in (step.get("outputs") or {}).items()},
        }
        for name, step in content["steps"].items()
    }
    modules = {name for name, step in content["steps"].items() if "module" in step}
    return Graph(
        {
            name: _step(step, outputs[name], outputs, modules)
            for name, step in content["steps"].items()
        },
        {name: _parameter(each) for name, each in content.get("parameters", {}).items()},
        content.get("name"),
        content.get("description"),
    )


def document_of(graph: Graph) -> dict[str, Any]:
    """The document, without what is as usual."""
    found = {
        "name": graph.name,
        "description": graph.description,
        "parameters": {
            name: _kept(type=each.type, default=each.default, description=each.description)
            for name, each in graph.parameters.items()
        },
        "steps": {name: _step_document(step) for name, step in graph.steps.items()},
    }
    return {key: value for key, value in found.items() if value not in (None, {})}


def _parameter(content: Any) -> Parameter:
    if not isinstance(content, Mapping):
        return Parameter.of(content)
    if "type" not in content and content.get("default") is not None:
        return Parameter.of(content["default"], content.get("description"))
    return Parameter(**{"type": "string", **content})


def _output(content: Any) -> StepOutput:
    if isinstance(content, Mapping):
        return StepOutput(**content)
    return StepOutput(content or "folder")


def _step(
    content: Mapping[str, Any],
    outputs: Mapping[str, StepOutput],
    others: Mapping[str, Mapping[str, StepOutput]],
    modules: Collection[str],
) -> Step:
    settings = dict(content)
    own = {
        "source_directory": settings.pop("source_directory", None),
        "run_after": tuple(settings.pop("run_after", ())),
        "allow_reuse": settings.pop("allow_reuse", True),
        "when": settings.pop("when", None),
        "module": settings.pop("module", None),
        "sweep": settings.pop("sweep", None),
        "automl": settings.pop("automl", None),
        "transfer": Transfer(**settings.pop("transfer")) if "transfer" in settings else None,
        "parallel": Parallel(**settings.pop("parallel")) if "parallel" in settings else None,
        "component": StepComponent(**settings.pop("component"))
        if "component" in settings
        else None,
        "for_each": _for_each(settings.pop("for_each", None), others),
    }
    function, retries = settings.pop("function", None), settings.pop("retries", {})
    inputs = settings.pop("inputs", None) or {}
    settings.pop("outputs", None)
    retries = {"max_retries": retries} if isinstance(retries, int) else retries
    return Step(
        settings,
        inputs={name: _input(name, each, others, modules) for name, each in inputs.items()},
        outputs=outputs,
        function=Function(**function) if function else None,
        retries=Retries(**retries),
        **own,
    )


def _input(
    name: str,
    content: Any,
    outputs: Mapping[str, Mapping[str, StepOutput]],
    modules: Collection[str],
) -> StepInput:
    if not isinstance(content, Mapping):
        return StepInput(settings={"path": content})
    settings = dict(content)
    kind = settings.pop("type", None)
    step, output = settings.pop("step", None), settings.pop("output", None)
    if step is None:
        return StepInput(settings=settings, type=kind)
    there = outputs.get(step, {})
    if output is None:
        output = name if name in there or step in modules else _only(there)
    return StepInput(step, output, type=kind)


def _for_each(content: Any, outputs: Mapping[str, Mapping[str, StepOutput]]) -> ForEach | None:
    if content is None:
        return None
    if isinstance(content, Mapping):
        output = content.get("output")
        return ForEach(step=content["step"], output=output or _only(outputs.get(content["step"])))
    if isinstance(content, str):
        found = PLACE.fullmatch(content)
        return ForEach(parameter=found[2] if found else content)
    return ForEach(tuple(content))


def _only(outputs: Mapping[str, StepOutput] | None) -> str | None:
    return next(iter(outputs)) if outputs and len(outputs) == 1 else None


def _list_document(given: ForEach | None) -> Any:
    if given is None:
        return None
    if given.parameter is not None:
        return f"${{parameters.{given.parameter}}}"
    if given.step is not None:
        return _kept(step=given.step, output=given.output)
    return list(given.items or ())


def _step_document(step: Step) -> dict[str, Any]:
    usual = Retries()
    found = {
        "source_directory": step.source_directory,
        **step.settings,
        "function": None
        if step.function is None
        else {
            "language": step.function.language,
            "name": step.function.name,
            "code": step.function.code,
            **({"process": step.function.process} if step.function.process != "forked" else {}),
        },
        "inputs": {
            name: _kept(step=each.step, output=each.output, **_unusual(each), type=each.type)
            for name, each in step.inputs.items()
        },
        "outputs": {
            name: {"type": each.type, **_differing(each, StepOutput(each.type))}
            for name, each in step.outputs.items()
        },
        "run_after": list(step.run_after),
        "retries": {
            name: getattr(step.retries, name)
            for name in ("max_retries", "delay_seconds", "backoff")
            if getattr(step.retries, name) != getattr(usual, name)
        },
        "allow_reuse": None if step.allow_reuse else False,
        "when": step.when,
        "module": step.module,
        "component": None if step.component is None else _component_document(step.component),
    }
    kept = {key: value for key, value in found.items() if value not in (None, {}, [])}
    if step.transfer is not None:
        kept["transfer"] = _differing(step.transfer, Transfer())
    if step.sweep is not None:
        kept["sweep"] = dict(step.sweep)
    if step.automl is not None:
        kept["automl"] = dict(step.automl)
    if step.parallel is not None:
        kept["parallel"] = _differing(step.parallel, Parallel())
    listed = _list_document(step.for_each)
    return kept if listed is None else {**kept, "for_each": listed}


def _component_document(given: StepComponent) -> dict[str, Any]:
    found = {"name": given.name, "version": given.version}
    return {**found, "parameters": dict(given.parameters)} if given.parameters else found


def _differing(given: Any, usual: Any) -> dict[str, Any]:
    """The fields of a value that are not as usual."""
    return {
        field.name: getattr(given, field.name)
        for field in fields(given)
        if getattr(given, field.name) != getattr(usual, field.name)
    }


def _unusual(given: StepInput) -> dict[str, Any]:
    return {key: value for key, value in given.settings.items() if (key, value) != _USUAL_MODE}


def _kept(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
