"""Steps that are published pipelines: put in their places before a pipeline is planned.

The steps of a module get the names ``STEP__INNER``, its parameters ``STEP__NAME``. What runs, and
what the run keeps, is a pipeline without modules.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, TandemlabError
from tandemlab.domain.pipeline_places import PLACE, texts_of
from tandemlab.domain.pipelines import Graph, Parameter, Step, StepInput
from tandemlab.domain.schemas import unknown_name

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace

_DEEPEST = 10


@contextmanager
def without_modules(graph: Graph, workspace: Workspace) -> Iterator[Graph]:
    """The graph with the steps of modules in their places; their sources are there meanwhile.

    Raises:
        NotFound: there is no such published pipeline.
        InvalidInput: what a step gives its module does not fit.
    """
    with TemporaryDirectory(prefix="tandemlab-") as folder:
        for depth in range(_DEEPEST + 1):
            modules = [name for name, step in graph.steps.items() if step.module is not None]
            if not modules:
                break
            if depth == _DEEPEST:
                raise InvalidInput(f"Modules hold modules more than {_DEEPEST} deep.")
            for name in modules:
                graph = _expanded(graph, name, workspace, Path(folder, f"{depth}-{name}"))
        yield graph


def _expanded(graph: Graph, name: str, workspace: Workspace, folder: Path) -> Graph:
    from tandemlab.pipelines.published_pipeline import PublishedPipeline

    outer = graph.steps[name]
    try:
        template = PublishedPipeline.get(workspace, str(outer.module)).template
        inner = template.restore(folder, workspace.place.blobs)
        return _Expansion(graph, name, inner).result()
    except TandemlabError as problem:
        raise type(problem)(
            f"steps.{name}: {problem.message}", hint=problem.hint, details=problem.details
        ) from None


class _Expansion:
    """Puts the steps of a module in the place of one step.

    Args:
        name: of that step.
        inner: the module's graph.
    """

    def __init__(self, graph: Graph, name: str, inner: Graph) -> None:
        self._graph, self._name, self._inner = graph, name, inner
        self._outer = graph.steps[name]
        self._links = self._outer.links
        self._names: dict[str, str] = {}
        self._parameters: dict[str, Parameter] = dict(graph.parameters)

    def result(self) -> Graph:
        self._bind()
        needed = {each for step in self._inner.steps.values() for each in step.upstream}
        roots = {each for each, step in self._inner.steps.items() if not step.upstream}
        made = {
            self._of(key): self._renamed(key, step, is_root=key in roots)
            for key, step in self._inner.steps.items()
        }
        ends = tuple(self._of(key) for key in self._inner.steps if key not in needed)
        steps: dict[str, Step] = {}
        for key, step in self._graph.steps.items():
            if key == self._name:
                steps.update(made)
            else:
                steps[key] = self._redirected(step, ends)
        return replace(self._graph, steps=steps, parameters=self._parameters)

    def _of(self, step: str) -> str:
        return f"{self._name}__{step}"

    def _bind(self) -> None:
        """Find what each parameter of the module is in the pipeline."""
        given = dict(self._outer.settings.get("arguments") or {})
        for key, each in self._outer.inputs.items():
            if key not in self._links:
                path = each.settings.get("path")
                given[key] = os.path.abspath(path) if path else each.settings.get("dataset")
        for key in (*given, *self._links):
            if key not in self._inner.parameters:
                raise InvalidInput(unknown_name("parameter", key, self._inner.parameters))
        for key, parameter in self._inner.parameters.items():
            if key in self._links:
                continue
            value = given.get(key, parameter.default)
            whole = PLACE.fullmatch(value) if isinstance(value, str) else None
            if whole and whole[1] == "parameters" and key in given:
                self._names[key] = whole[2]
                continue
            if value is not None and not parameter.fits(value):
                raise InvalidInput(f"The parameter {key!r} is no {parameter.type}: {value!r}.")
            if value is None:
                raise InvalidInput(f"The module needs a value of {key!r}.")
            self._names[key] = f"{self._name}__{key}"
            self._parameters[self._names[key]] = replace(parameter, default=value)

    def _renamed(self, key: str, step: Step, *, is_root: bool) -> Step:
        outer = self._outer
        inputs = {name: self._input(each) for name, each in step.inputs.items()}
        settings = self._texts(step.settings)
        when = None if step.when is None else self._condition(step.when)
        if outer.when is not None:
            when = outer.when if when is None else f"({outer.when}) and ({when})"
        run_after = tuple(self._of(each) for each in step.run_after)
        for_each = step.for_each
        if for_each is not None:
            for_each = replace(
                for_each,
                parameter=for_each.parameter and self._names.get(for_each.parameter),
                step=for_each.step and self._of(for_each.step),
            )
        return replace(
            step,
            inputs=inputs,
            settings=settings,
            sweep=self._texts(step.sweep),
            component=step.component
            and replace(step.component, parameters=self._texts(step.component.parameters)),
            when=when,
            for_each=for_each,
            run_after=(*outer.run_after, *run_after) if is_root else run_after,
        )

    def _input(self, given: StepInput) -> StepInput:
        if given.step is not None:
            return replace(given, step=self._of(given.step))
        for text in texts_of(given.settings):
            whole = PLACE.fullmatch(text)
            if whole and whole[2] in self._links:
                return replace(self._links[whole[2]], type=given.type)
        return replace(given, settings=self._texts(given.settings))

    def _texts(self, value: Any) -> Any:
        """Plain values whose texts have the pipeline's names of parameters."""
        if isinstance(value, Mapping):
            return {key: self._texts(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._texts(item) for item in value]
        return PLACE.sub(self._place, value) if isinstance(value, str) else value

    def _place(self, found: re.Match[str]) -> str:
        if found[1] != "parameters":
            return found[0]
        if found[2] in self._links:
            raise InvalidInput(
                f"The parameter {found[2]!r} is to be the output of a step, and the module uses it "
                "as a text, not only as the path of an input."
            )
        return f"${{parameters.{self._names[found[2]]}}}"

    def _condition(self, text: str) -> str:
        def parameter(found: re.Match[str]) -> str:
            return f"parameters.{self._names.get(found[1], found[1])}"

        text = re.sub(r"\bparam(?:eter)?s?\.(\w+)", parameter, text)
        return re.sub(r"\boutputs?\.(\w+)", lambda found: f"outputs.{self._of(found[1])}", text)

    def _redirected(self, step: Step, ends: tuple[str, ...]) -> Step:
        """Another step of the pipeline, which may need what the module's steps write."""
        inputs = {key: self._redirected_input(each) for key, each in step.inputs.items()}
        after = [ends if each == self._name else (each,) for each in step.run_after]
        return replace(step, inputs=inputs, run_after=tuple(chain.from_iterable(after)))

    def _redirected_input(self, given: StepInput) -> StepInput:
        if given.step != self._name:
            return given
        wanted, _, output = str(given.output).rpartition(".")
        there = [
            key
            for key, step in self._inner.steps.items()
            if output in step.outputs and wanted in ("", key)
        ]
        if len(there) != 1:
            inner = self._inner.steps.items()
            names = [f"{key}.{one}" for key, step in inner for one in step.outputs]
            raise InvalidInput(
                f"The module has {len(there) or 'no'} outputs {given.output!r}.",
                hint=f"Its outputs are {', '.join(names) or 'none'}.",
            )
        return replace(given, step=self._of(there[0]), output=output)
