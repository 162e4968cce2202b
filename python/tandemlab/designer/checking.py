"""What is wrong with a pipeline while it is drawn, and which columns are where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.designer.component import Columns, Component, columns_of, schema_of
from tandemlab.designer.lowering import component_of
from tandemlab.domain import TandemlabError
from tandemlab.domain.pipelines import Graph, Step
from tandemlab.domain.schemas import Mistake, nearest
from tandemlab.pipelines.planning import check_graph

if TYPE_CHECKING:
    from tandemlab.pipelines import PipelineRun
    from tandemlab.pipelines.pipeline import Pipeline
    from tandemlab.tracking import Workspace

Known: TypeAlias = "dict[str, dict[str, Columns | None]]"


@dataclass(frozen=True)
class Problem:
    """What is wrong at one place of a pipeline.

    Attributes:
        step: where; None for the pipeline as such.
        input: of the step, if it is about one.
        parameter: of the step's component, if it is about one.
        message: what is wrong, to be read behind the place.
    """

    step: str | None
    input: str | None
    parameter: str | None
    message: str


@dataclass(frozen=True)
class Check:
    """What is known of a pipeline that is drawn.

    Attributes:
        problems: all of them; it can be run if there is none.
        columns: of each table that components make, by step and output; None where they are known
            only when it has run.
    """

    problems: Sequence[Problem]
    columns: Mapping[str, Mapping[str, Columns | None]]


def check_pipeline(
    pipeline: Pipeline, workspace: Workspace | None = None, run: PipelineRun | None = None
) -> Check:
    r"""What is wrong with a pipeline, and which columns its components make; no code of it is run.

    Args:
        workspace: where registered datasets are looked up.
        run: an earlier one: of steps that were the same then, the columns are those that came out.

    >>> from tandemlab.designer import ComponentStep
    >>> from tandemlab.pipelines import Pipeline
    >>> rows = ComponentStep("rows", "enter_data_manually", {"text": "price,y\n1,2"})
    >>> chosen = {"columns": ["price", "prize"]}
    >>> pick = ComponentStep("pick", "select_columns", chosen, inputs={"data": rows.output()})
    >>> found = check_pipeline(Pipeline([pick]))
    >>> dict(found.columns["rows"]["data"]), [each.message for each in found.problems]
    ({'price': 'Int64', 'y': 'Int64'}, ["data has no column 'prize'; did you mean 'price'?"])
    """
    graph = pipeline.graph
    defaults = {name: each.default for name, each in graph.parameters.items()}
    values = {name: value for name, value in defaults.items() if value is not None}
    problems = [_problem(each) for each in check_graph(graph, None, values)]
    columns: Known = {}
    if not graph.cycle:
        tracing = _Tracing(graph, values, workspace, run)
        columns = tracing.columns()
        problems += tracing.problems
    return Check(problems, columns)


def _problem(mistake: Mistake) -> Problem:
    path = list(map(str, mistake.path))
    if path[:1] != ["steps"] or len(path) < 2:
        return Problem(None, None, None, f"{'.'.join(path)}: {mistake.message}")
    step, rest = path[1], path[2:]
    if rest[:1] == ["inputs"] and len(rest) > 1:
        return Problem(step, rest[1], None, mistake.message)
    if rest[:2] == ["component", "parameters"] and len(rest) > 2:
        return Problem(step, None, rest[2], mistake.message)
    if rest == ["component", "parameters"]:  # of several together
        return Problem(step, None, None, mistake.message)
    return Problem(step, None, None, f"{'.'.join(rest)}: {mistake.message}".removeprefix(": "))


class _Tracing:
    """Follows columns through the components of a pipeline."""

    def __init__(
        self,
        graph: Graph,
        values: Mapping[str, Any],
        workspace: Workspace | None,
        run: PipelineRun | None,
    ) -> None:
        self.problems: list[Problem] = []
        self._graph, self._values, self._workspace = graph, values, workspace
        self._known: Known = {}
        self._earlier = _Earlier(run) if run is not None else None

    def columns(self) -> Known:
        for name in self._graph.order:
            step = self._graph.steps[name]
            if step.component is not None:
                self._known[name] = self._of_step(name, step)
        return self._known

    def _of_step(self, name: str, step: Step) -> dict[str, Columns | None]:
        component = self._component_of(step)
        if component is None:
            return {}
        inputs = {key: self._input(step, key) for key in component.inputs}
        self._check_columns(name, component, inputs)
        tables = [key for key, port in component.outputs.items() if port.kind == "table"]
        try:
            found = dict(self._of_dataset(component) or component.columns(inputs))
        except (TandemlabError, ValueError, TypeError, KeyError):
            found = {}  # what is wrong is told at its place, or when it runs
        made: dict[str, Columns | None] = {key: found.get(key) for key in tables}
        if self._earlier is not None and None in made.values():
            made = {**made, **self._earlier.columns(name, step, made)}
        return made

    def _component_of(self, step: Step) -> Component | None:
        """The component with its parameters; None where they are wrong, or not known yet."""
        try:
            return component_of(step, self._values)
        except TandemlabError:
            return None

    def _input(self, step: Step, key: str) -> Columns | None:
        given = step.inputs.get(key)
        if given is None or given.step is None or given.output is None:
            return None
        return self._known.get(given.step, {}).get(given.output)

    def _check_columns(
        self, name: str, component: Component, inputs: Mapping[str, Columns | None]
    ) -> None:
        fields = schema_of(type(component)).get("properties", {})
        for field, about in fields.items():
            port = about.get("x-column-of")
            known = inputs.get(port) if port else None
            if known is None:
                continue
            value = getattr(component.parameters, field)
            for column in value if isinstance(value, list) else [value]:
                if column is not None and column not in known:
                    meant = nearest(column, known)
                    ending = f"did you mean {meant!r}?" if meant else f"it has {', '.join(known)}"
                    told = f"{port} has no column {column!r}; {ending}"
                    self.problems.append(Problem(name, None, field, told))

    def _of_dataset(self, component: Component) -> dict[str, Columns | None] | None:
        """The columns of a registered dataset; None for other components."""
        if component.name != "dataset" or self._workspace is None:
            return None
        from tandemlab.data import Dataset
        from tandemlab.data.tabular import TabularDataset

        dataset = Dataset.get_by_name(self._workspace, component.parameters.dataset)
        if not isinstance(dataset, TabularDataset):
            return {"data": None}
        return {"data": columns_of(dataset.take(0).to_pandas_dataframe())}


class _Earlier:
    """What an earlier run of a pipeline has made."""

    def __init__(self, run: PipelineRun) -> None:
        self._run = run
        self._graph = run.pipeline.graph

    def columns(
        self, name: str, step: Step, wanted: Mapping[str, Columns | None]
    ) -> dict[str, Columns | None]:
        """The columns that came out of a step that was the same; empty if it was another."""
        then = self._graph.steps.get(name)
        if then is None or then.component != step.component:
            return {}
        found: dict[str, Columns | None] = {}
        for key, known in wanted.items():
            if known is None:
                try:
                    found[key] = self._columns(name, key)
                except TandemlabError:
                    found[key] = None  # it has not come so far
        return found

    def _columns(self, name: str, output: str) -> Columns:
        from tandemlab.bridge import read_frame
        from tandemlab.bridge.crossing import as_library

        _, path = self._run.find_output(name, output)
        return columns_of(as_library(read_frame(path).slice(0, 0), "pandas"))
