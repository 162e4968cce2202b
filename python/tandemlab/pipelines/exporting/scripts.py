"""The script that builds a pipeline."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tandemlab import pipelines, sweeps
from tandemlab.domain import InvalidInput
from tandemlab.domain.pipelines import Graph, Parameter, Step
from tandemlab.pipelines.exporting.expressions import Call, Code, written
from tandemlab.pipelines.exporting.languages import LANGUAGES, Language
from tandemlab.pipelines.exporting.step_calls import StepCalls

_HOMES = {
    "tandemlab": ("Environment", "ScriptRunConfig"),
    "tandemlab.automl": ("AutoMLConfig",),
    "tandemlab.data": ("DataPath",),
    "tandemlab.designer": ("ComponentStep",),
    "tandemlab.domain.jobs": ("Distribution", "Input", "Resources"),
    "tandemlab.domain.spark": ("SparkConfiguration",),
    "tandemlab.pipelines": tuple(pipelines.__all__),
    "tandemlab.sweeps": tuple(sweeps.__all__),
}
_IMPORTED = {name: module for module, names in _HOMES.items() for name in names}


def script_of(graph: Graph, language: str) -> str:
    """The script of a language that builds a pipeline equal to this one.

    What is as usual is left out. A step that no constructor makes is written as the pipeline's
    document has it.

    Args:
        language: ``python`` or ``r``.

    Raises:
        InvalidInput: another language, or steps that go in a circle.

    >>> from tandemlab.domain.pipeline_documents import graph_of
    >>> steps = {"hello": {"command": "date", "source_directory": "."}}
    >>> print(script_of(graph_of({"steps": steps}), "r"))
    # Builds a pipeline; submit_experiment() runs it.
    library(tandemlab)
    <BLANKLINE>
    hello <- command_step("date", "hello")
    <BLANKLINE>
    the_pipeline <- pipeline(hello)
    <BLANKLINE>
    """
    if language not in LANGUAGES:
        raise InvalidInput(f"A script is in {' or '.join(LANGUAGES)}, not in {language!r}.")
    return _Script(graph, LANGUAGES[language]).text()


class _Script:
    """Writes a script: parameters, then functions and steps, then the pipeline."""

    def __init__(self, graph: Graph, language: Language) -> None:
        self._graph, self._language = graph, language
        self._is_python = language.name == "python"
        self._functions = self._top_level_functions()
        self._variables = self._names()
        self._used: set[str] = set()

    def text(self) -> str:
        parameters = {
            name: Code(self._variables["parameter", name]) for name in self._graph.parameters
        }
        calls = StepCalls(
            self._graph,
            self._language,
            {name: self._variables["step", name] for name in self._graph.steps},
            parameters,
            self._functions,
        )
        steps = {name: calls.call(name) for name in self._graph.order}
        body = [
            *self._parameter_lines(),
            *self._step_texts(steps),
            self._assignment(self._variables["pipeline", ""], self._pipeline(calls.met)),
        ]
        blocks = [*self._head(steps, body), *body]
        return "\n\n".join(block.rstrip("\n") for block in blocks if block) + "\n"

    # Names

    def _top_level_functions(self) -> dict[str, str]:
        """The functions of Python that the script defines, by name, with their code."""
        if not self._is_python:
            return {}
        found: dict[str, set[str]] = {}
        for step in self._graph.steps.values():
            if step.function is not None and step.function.language == "python":
                found.setdefault(step.function.name, set()).add(step.function.code)
        return {
            name: next(iter(codes))
            for name, codes in found.items()
            if len(codes) == 1 and name not in {*self._language.reserved, *_IMPORTED}
        }

    def _names(self) -> dict[tuple[str, str], str]:
        """Names of variables, none of them twice and none that the code of functions uses."""
        taken = {*self._language.reserved, *self._functions, *_IMPORTED}
        if not self._is_python:
            codes = [step.function.code for step in self._graph.steps.values() if step.function]
            taken.update(word for code in codes for word in re.findall(r"[A-Za-z_.][\w.]*", code))
        found = {}
        wanted = [
            ("pipeline", "", self._pipeline_name()),
            *(("parameter", name, name) for name in self._graph.parameters),
            *(("step", name, name) for name in self._graph.steps),
        ]
        for kind, key, name in wanted:
            name = self._language.variable(name)
            endings = ["", f"_{kind}", *(f"_{kind}{number}" for number in range(2, len(taken) + 3))]
            free = next(name + each for each in endings if name + each not in taken)
            taken.add(free)
            found[kind, key] = free
        return found

    def _pipeline_name(self) -> str:
        if self._is_python:
            return "pipeline"
        words = re.sub(r"\W+", "_", self._graph.name or "", flags=re.ASCII).strip("_")
        return words if words[:1].isalpha() else "the_pipeline"

    # Parts

    def _head(self, steps: Mapping[str, Call], body: Sequence[str]) -> Iterator[str]:
        named = f"the pipeline {self._graph.name!r}" if self._graph.name else "a pipeline"
        if not self._is_python:
            yield f"# Builds {named}; submit_experiment() runs it.\nlibrary(tandemlab)" + (
                "\noptions(keep.source = TRUE) # functions keep their text"
                if any("r_function_step(" in each for each in body)
                else ""
            )
            return
        yield f'"""Builds {named}; `Experiment.submit` runs it."""'
        if self._has_annotations():
            yield "from __future__ import annotations"
        yield self._imports(body)

    def _has_annotations(self) -> bool:
        """Whether functions of the script have annotations, which nothing has to be there for."""
        return any(
            (isinstance(node, ast.arg) and node.annotation is not None)
            or (isinstance(node, ast.FunctionDef) and node.returns is not None)
            for code in self._functions.values()
            for node in ast.walk(ast.parse(code))
        )

    def _imports(self, body: Sequence[str]) -> str:
        names = set()
        for block in body:
            if not block.lstrip().startswith("def "):
                called = (node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call))
                for node in called:
                    place = node.func
                    while isinstance(place, ast.Attribute):
                        place = place.value
                    if isinstance(place, ast.Name):
                        names.add(place.id)
        names -= {*self._variables.values(), *self._functions}
        by_module: dict[str, list[str]] = {}
        for name in sorted(names):
            by_module.setdefault(_IMPORTED[name], []).append(name)
        return "\n".join(_import(module, by_module[module]) for module in sorted(by_module))

    def _parameter_lines(self) -> Iterator[str]:
        lines = [
            self._assignment(self._variables["parameter", name], self._parameter(name, each))
            for name, each in self._graph.parameters.items()
        ]
        yield "\n".join(lines)

    def _parameter(self, name: str, given: Parameter) -> Call:
        default: Any = given.default
        named: dict[str, Any] = {}
        if given.type != ("string" if default is None else Parameter.of(default).type):
            named["type"] = given.type
        if given.description is not None:
            named["description"] = given.description
        arguments = [name] if default is None else [name, self._language.lists(default)]
        made = "PipelineParameter" if self._is_python else "pipeline_parameter"
        return Call(made, arguments, named)

    def _step_texts(self, steps: Mapping[str, Call]) -> Iterator[str]:
        defined: set[str] = set()
        for name, call in steps.items():
            function = self._graph.steps[name].function
            uses = (
                self._is_python and function is not None and Code(function.name) in call.arguments
            )
            if function is not None and uses and function.name not in defined:
                defined.add(function.name)
                yield f"\n{function.code}"
                yield "\n" + self._assignment(self._variables["step", name], call)
            else:
                yield self._assignment(self._variables["step", name], call)

    def _pipeline(self, met: set[str]) -> Call:
        named: dict[str, Any] = {}
        if self._graph.name is not None:
            named["name"] = self._graph.name
        if self._graph.description is not None:
            named["description"] = self._graph.description
        left = [
            Code(self._variables["parameter", name])
            for name in self._graph.parameters
            if name not in met
        ]
        if left:
            named["parameters"] = left
        ends = [Code(self._variables["step", name]) for name in _ends(self._graph)]
        return Call("Pipeline", [ends], named) if self._is_python else Call("pipeline", ends, named)

    def _assignment(self, name: str, call: Call) -> str:
        start = f"{name} {self._language.assignment} "
        return start + written(call, self._language, 0, len(start))


def _ends(graph: Graph) -> list[str]:
    """The steps that do not come along as those that others need."""

    def brought(step: Step) -> list[str]:
        linked = [str(each.step) for each in step.links.values()]
        listed = [step.for_each.step] if step.for_each and step.for_each.step else []
        return [*linked, *step.run_after, *listed]

    needed = {each for step in graph.steps.values() for each in brought(step)}
    return [name for name in graph.order if name not in needed]


def _import(module: str, names: Sequence[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 100:
        return line
    return f"from {module} import (\n" + "".join(f"    {each},\n" for each in names) + ")"
