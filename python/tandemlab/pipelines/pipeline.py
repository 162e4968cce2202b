"""Pipeline: steps that hand data on to each other, ready to become a run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, TandemlabError
from tandemlab.domain.pipeline_checks import describe_mistakes
from tandemlab.domain.pipeline_documents import document_of
from tandemlab.domain.pipeline_pictures import mermaid_of, tree_of
from tandemlab.domain.pipeline_svg import svg_of
from tandemlab.domain.pipelines import Graph, Parameter, ParameterValue
from tandemlab.pipelines.documents import load_graph, read_graph, save_graph
from tandemlab.pipelines.exporting import script_of
from tandemlab.pipelines.steps import PipelineParameter, PipelineStep, listed_steps

if TYPE_CHECKING:
    from tandemlab.pipelines.pipeline_run import PipelineRun
    from tandemlab.pipelines.published_pipeline import PublishedPipeline
    from tandemlab.tracking import Experiment, Workspace


class Pipeline:
    """Steps of Python, R and commands, run in the order that their data asks for.

    Args:
        steps: the last ones are enough: those whose outputs they read come along.
        name: of the pipeline.
        description: what it is for.
        parameters: those that no step's arguments or paths hold, but ``${parameters.NAME}`` in a
            text of theirs names.

    Attributes:
        graph: what it is, as plain data; equal to that of the same pipeline in YAML or R.

    Raises:
        InvalidInput: two steps, or two parameters, have one name.

    >>> from tandemlab.pipelines import CommandStep
    >>> first = CommandStep("date > ${outputs.today}", "first", outputs={"today": "file"})
    >>> last = CommandStep("cat ${inputs.today}", "last", inputs=[first.output()])
    >>> pipeline = Pipeline([last], name="hello")
    >>> print(pipeline)
    pipeline hello
    ├─ first: date
    │  └─ writes today (file)
    └─ last: cat
       └─ reads today from first
    >>> pipeline.validate()
    []
    """

    def __init__(
        self,
        steps: Iterable[PipelineStep],
        name: str | None = None,
        description: str | None = None,
        parameters: Iterable[PipelineParameter] = (),
    ) -> None:
        found: dict[str, PipelineStep] = {}
        for step in _with_upstream(steps):
            if found.setdefault(step.name, step) is not step:
                raise InvalidInput(
                    f"Two steps have the name {step.name!r}.", hint="Give one of them another name."
                )
        known: dict[str, Parameter] = {}
        for each in [*parameters, *(each for step in found.values() for each in step.parameters)]:
            if known.setdefault(each.name, each.parameter) != each.parameter:
                raise InvalidInput(f"Two different parameters have the name {each.name!r}.")
        definitions = {name: step.definition for name, step in found.items()}
        self.graph = Graph(definitions, known, name, description)

    @classmethod
    def from_graph(cls, graph: Graph) -> Pipeline:
        """The pipeline of a graph."""
        made = cls([])
        made.graph = graph
        return made

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Pipeline:
        """The pipeline of a document, as `to_dict` gives it.

        Raises:
            InvalidInput: it does not conform to the schema; all mistakes are told.
        """
        return cls.from_graph(read_graph(content))

    @classmethod
    def load_yaml(cls, path: str | os.PathLike[str]) -> Pipeline:
        """The pipeline that a YAML file holds; its paths are relative to the file.

        Raises:
            NotFound: there is no such file.
            InvalidInput: it cannot be used; the message has the line and key of each mistake.
        """
        return cls.from_graph(load_graph(path))

    def save_yaml(self, path: str | os.PathLike[str]) -> Path:
        """Write the pipeline as YAML; the path."""
        return save_graph(self.graph, path)

    def to_dict(self) -> dict[str, Any]:
        """The pipeline's document: plain data, without what is as usual."""
        return document_of(self.graph)

    def to_python(self) -> str:
        """A script of Python that builds the pipeline, as a person would write it.

        Functions stand in it with their source. Paths are those of the pipeline.

        >>> from tandemlab.pipelines import CommandStep
        >>> print(Pipeline([CommandStep("date", "hello")], name="today").to_python())
        \"\"\"Builds the pipeline 'today'; `Experiment.submit` runs it.\"\"\"
        <BLANKLINE>
        from tandemlab.pipelines import CommandStep, Pipeline
        <BLANKLINE>
        hello = CommandStep("date", "hello")
        <BLANKLINE>
        pipeline = Pipeline([hello], name="today")
        <BLANKLINE>
        """
        return script_of(self.graph, "python")

    def to_r(self) -> str:
        """A script of R that builds the pipeline; see `to_python`."""
        return script_of(self.graph, "r")

    def to_mermaid(self) -> str:
        """A flow chart in Mermaid's language, for Markdown."""
        return mermaid_of(self.graph)

    def to_svg(self) -> str:
        """A picture in SVG; notebooks show it by themselves."""
        return svg_of(self.graph)

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def __str__(self) -> str:
        return tree_of(self.graph)

    def __repr__(self) -> str:
        return f"Pipeline({self.graph.name!r}, {len(self.graph.steps)} steps)"

    def validate(
        self,
        workspace: Workspace | None = None,
        pipeline_parameters: Mapping[str, ParameterValue] | None = None,
    ) -> list[str]:
        """What is wrong with the pipeline: cycles, types that do not fit, inputs that are missing.

        Args:
            workspace: where it is to run: then also scripts, data, environments and targets that
                are not there.
            pipeline_parameters: values beside the defaults.

        Returns:
            A line for each mistake, with its place; empty if there is none.
        """
        from tandemlab.pipelines.modules import without_modules
        from tandemlab.pipelines.planning import check_graph

        mistakes = self.graph.value_mistakes(pipeline_parameters or {})
        if not mistakes:
            mistakes = check_graph(self.graph, None, self._known(self.graph, pipeline_parameters))
        if mistakes or workspace is None:
            return describe_mistakes(mistakes)
        try:
            with without_modules(self.graph, workspace) as graph:
                values = self._known(graph, pipeline_parameters)
                return describe_mistakes(check_graph(graph, workspace, values))
        except TandemlabError as problem:
            return [problem.message.rstrip(".")]

    @staticmethod
    def _known(graph: Graph, given: Mapping[str, ParameterValue] | None) -> dict[str, Any]:
        """The values of the parameters, without those that still have to be given."""
        defaults = {name: each.default for name, each in graph.parameters.items()}
        values = {**defaults, **(given or {})}
        return {name: value for name, value in values.items() if value is not None}

    def publish(
        self,
        workspace: Workspace,
        name: str | None = None,
        description: str | None = None,
        *,
        continue_on_step_failure: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> PublishedPipeline:
        """Keep the pipeline, with the sources of its steps, as the next version of a name.

        What is the same as the newest version is that version. Relative paths become absolute, and
        names of environments get the version that they mean now; names of datasets mean the
        newest whenever it runs.

        Args:
            name: to publish it under, and to run it by; its own if None.
            description: what it is for; its own if None.
            continue_on_step_failure: whether steps that do not need the failed one go on.

        Raises:
            InvalidInput: the pipeline could not be run, or the name cannot be one.
            InvalidState: this is a step of a run of the published pipeline of that name.
        """
        from tandemlab.pipelines.published_pipeline import publish

        return publish(
            self,
            workspace,
            name,
            description,
            continue_on_step_failure=continue_on_step_failure,
            tags=tags,
        )

    def submit_to(
        self,
        experiment: Experiment,
        tags: Mapping[str, str | None],
        *,
        parent: str | None = None,
        pipeline_parameters: Mapping[str, ParameterValue] | None = None,
        continue_on_step_failure: bool = False,
        regenerate_outputs: bool = False,
    ) -> PipelineRun:
        """Queue a run of the pipeline; `Experiment.submit` is the usual way.

        Args:
            pipeline_parameters: values beside the defaults.
            continue_on_step_failure: whether steps that do not need the failed one go on; else the
                first failure ends all.
            regenerate_outputs: whether all steps run, also those for which what an equal step has
                made before would do.

        Raises:
            InvalidInput: the pipeline or its parameters cannot be used; nothing was changed.
        """
        from tandemlab.pipelines.modules import without_modules
        from tandemlab.pipelines.pipeline_run import create_pipeline_run
        from tandemlab.pipelines.planning import make_plan

        workspace = experiment.workspace
        self.graph.values(pipeline_parameters or {})
        with without_modules(self.graph, workspace) as graph:
            values = graph.values(pipeline_parameters or {})
            plan, snapshot = make_plan(
                graph, workspace, values, continue_on_step_failure=continue_on_step_failure
            )
        if regenerate_outputs:
            plan = replace(plan, forced=frozenset(plan.steps))
        sources = [step.source_directory for step in self.graph.steps.values()]
        source = next((each for each in sources if each is not None), None)
        return create_pipeline_run(
            experiment,
            plan,
            snapshot=snapshot,
            source=None if source is None else Path(source).absolute(),
            parent=parent,
            tags=tags,
            params=values,
        )


def _with_upstream(steps: Iterable[PipelineStep]) -> Iterator[PipelineStep]:
    """Steps, each behind those that it needs, and once."""
    seen: set[int] = set()
    opened: set[int] = set()
    waiting = [*reversed(listed_steps(steps, "steps"))]
    while waiting:
        step = waiting[-1]
        missing = [each for each in step.upstream if id(each) not in seen]
        if missing:
            if id(step) in opened:
                raise InvalidInput(f"The step {step.name!r} needs itself, by what it needs.")
            opened.add(id(step))
            waiting += reversed(missing)
            continue
        waiting.pop()
        if id(step) not in seen:
            seen.add(id(step))
            yield step
