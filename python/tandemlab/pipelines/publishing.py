"""Publishing: a pipeline with the sources of its steps, kept as the next version of a name.

The definition of the asset is ``{"pipeline": the graph's document, "sources": {PATH: DIGEST},
"continue_on_step_failure": …}``. Steps name their sources by ``PATH``, a snapshot each, so that
nothing depends on the folders that the pipeline was published from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import FileRecord, InvalidInput, InvalidState
from tandemlab.domain.asset_names import AssetReference
from tandemlab.domain.assets import Asset
from tandemlab.domain.pipeline_checks import describe_mistakes
from tandemlab.domain.pipeline_documents import document_of, graph_of
from tandemlab.domain.pipeline_plans import Plan
from tandemlab.domain.pipelines import Graph, ParameterValue, Step, StepInput
from tandemlab.environments.registry import get_environment
from tandemlab.pipelines.components import as_drawn
from tandemlab.pipelines.planning import check_graph
from tandemlab.store.snapshots import read_manifest, restore_snapshot, take_snapshot
from tandemlab.tracking.context import current_run_in

if TYPE_CHECKING:
    from tandemlab.store.place import Blobs
    from tandemlab.tracking import Workspace

KIND = "pipeline"
DEFAULT = "default"
PUBLISHED = "published_pipeline"
_PARAMETER = re.compile(r"\$\{parameters\.([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A pipeline that does not depend on the folders it was made in.

    Attributes:
        graph: its steps have the paths of `sources` for source directories.
        sources: digests of the snapshots of sources, by path.
    """

    graph: Graph
    sources: Mapping[str, str]
    continue_on_step_failure: bool = False

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Template:
        """The template that an asset's definition holds.

        Raises:
            InvalidInput: it holds none.
        """
        try:
            found = cls(
                graph_of(definition["pipeline"]),
                dict(definition["sources"]),
                bool(definition["continue_on_step_failure"]),
            )
            lost = [
                step.source_directory
                for step in found.graph.steps.values()
                if step.source_directory is not None and step.source_directory not in found.sources
            ]
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            raise InvalidInput(f"That is no published pipeline: {problem!r}.") from None
        if lost or not all(re.fullmatch(r"sources/[0-9a-f]+", path) for path in found.sources):
            raise InvalidInput("That is no published pipeline: its sources are not what they are.")
        return found

    def to_definition(self) -> dict[str, Any]:
        """The definition of the asset."""
        return {
            "pipeline": document_of(self.graph),
            "sources": dict(self.sources),
            "continue_on_step_failure": self.continue_on_step_failure,
        }

    def files(self, blobs: Blobs) -> list[FileRecord]:
        """All contents, so that the asset keeps them."""
        found = []
        for path, digest in self.sources.items():
            size = blobs.find(digest).stat().st_size
            found.append(FileRecord(f"{path}.json", digest, size))
            found += [
                FileRecord(f"{path}/{file.path}", file.digest, file.size)
                for file in read_manifest(digest, blobs)
            ]
        return found

    def restore(self, folder: Path, blobs: Blobs) -> Graph:
        """Write the sources into a folder; the graph of a pipeline that has them there."""
        for path, digest in self.sources.items():
            (folder / path).mkdir(parents=True, exist_ok=True)
            restore_snapshot(digest, folder / path, blobs)
        return _with_sources(self.graph, lambda step: str(folder / str(step.source_directory)))


def template_of(
    graph: Graph, workspace: Workspace, *, continue_on_step_failure: bool = False
) -> Template:
    """The template of a pipeline; its sources are kept in the workspace.

    Paths become absolute, and environments get the version that they have now.

    Raises:
        InvalidInput: the pipeline could not be run; all mistakes are told.
    """
    defaults = {name: each.default for name, each in graph.parameters.items()}
    known = {name: value for name, value in defaults.items() if value is not None}
    mistakes = describe_mistakes(check_graph(graph, workspace, known))
    if mistakes:
        raise InvalidInput(
            f"The pipeline cannot be published. {'; '.join(mistakes)}.",
            details={"mistakes": mistakes},
        )
    kept: dict[Path, str] = {}
    for step in graph.steps.values():
        source = _source_of(step)
        if source is not None and source not in kept:
            kept[source], _ = take_snapshot(source, workspace.place.blobs)
    steps = {
        name: replace(
            step,
            source_directory=_path_of(kept, _source_of(step)),
            inputs={key: _absolute(each, step) for key, each in step.inputs.items()},
            settings=_pinned(step.settings, workspace),
        )
        for name, step in graph.steps.items()
    }
    return Template(
        replace(graph, steps=steps, parameters=_with_absolute_defaults(graph)),
        {_path(digest): digest for digest in kept.values()},
        continue_on_step_failure,
    )


def template_of_plan(plan: Plan) -> Template:
    """The template of a pipeline that has run, with the sources that it had."""
    kept = {
        name: each.snapshot
        for name, each in plan.steps.items()
        if each.snapshot is not None and _source_of(plan.graph.steps[name]) is not None
    }
    placed = {  # the graph's own folders may be relative to where it was submitted
        name: replace(step, source_directory=plan.steps[name].definition["source_directory"])
        for name, step in plan.graph.steps.items()
    }
    steps = {
        name: replace(
            step,
            source_directory=_path(kept[name]) if name in kept else None,
            inputs={key: _absolute(each, step) for key, each in step.inputs.items()},
        )
        for name, step in placed.items()
    }
    parameters = _with_absolute_defaults(replace(plan.graph, steps=placed))
    return Template(
        as_drawn(replace(plan.graph, steps=steps, parameters=parameters), plan.parameters),
        {_path(digest): digest for digest in kept.values()},
        plan.continue_on_step_failure,
    )


def register_template(
    template: Template,
    workspace: Workspace,
    name: str,
    *,
    description: str | None,
    tags: Mapping[str, str] | None,
    run_id: str | None = None,
) -> Asset:
    """Keep a template as the next version of a name.

    Raises:
        InvalidInput: the name cannot be one.
        InvalidState: this is a run of the pipeline of that name.
    """
    refuse_itself(workspace, name, "publish")
    graph = replace(template.graph, name=name)
    inside = current_run_in(workspace)
    return workspace.assets.register(
        KIND,
        name,
        replace(template, graph=graph).to_definition(),
        description=description or graph.description,
        tags=tags,
        run_id=run_id or (None if inside is None else inside.id),
        files=template.files(workspace.place.blobs),
    )


def refuse_itself(workspace: Workspace, name: str, what: str) -> None:
    """Refuse to do something to a pipeline from inside a run of it: that might never end.

    Raises:
        InvalidState: this process is in such a run.
    """
    run = current_run_in(workspace)
    while run is not None:
        published = run.record.properties.get(PUBLISHED)
        if published is not None and AssetReference.of(published, kind=KIND).name == name:
            raise InvalidState(
                f"A step of the pipeline {name!r} (run {run.id}) cannot {what} that pipeline: "
                "it would do so without end.",
                hint="Do it outside the pipeline, or under another name.",
                details={"pipeline": name, "run_id": run.id},
            )
        run = run.parent


def check_paths(template: Template, values: Mapping[str, ParameterValue]) -> None:
    """Refuse values that are paths relative to a folder which is not there.

    Raises:
        InvalidInput: a relative path.
    """
    for name in path_parameters(template.graph):
        value = values[name]
        if isinstance(value, str) and value.startswith("{"):  # data, as its JSON
            raise not_data(name)
        if isinstance(value, str) and not os.path.isabs(os.path.expanduser(value)):
            raise InvalidInput(
                f"The parameter {name!r} is a path, and {value!r} is not absolute.",
                hint="A published pipeline has no folder that it could be relative to.",
                details={"parameter": name},
            )


def not_data(name: str) -> InvalidInput:
    """What to say where data are given for a parameter that a path begins with."""
    return InvalidInput(
        f"The parameter {name!r} is a path of this machine, and not data.",
        hint=f"Give a path, or publish the input as 'dataset: ${{parameters.{name}}}'.",
        details={"parameter": name},
    )


def path_parameters(graph: Graph) -> set[str]:
    """The parameters that paths of inputs begin with."""
    return {name for name, _ in _path_places(graph)}


def _path(digest: str) -> str:
    return f"sources/{digest[:16]}"


def _path_of(kept: Mapping[Path, str], source: Path | None) -> str | None:
    return None if source is None else _path(kept[source])


def _source_of(step: Step) -> Path | None:
    """The folder that a step needs; None for a function or a component that needs none."""
    if step.source_directory is None and (step.function or step.component) is not None:
        return None
    return Path(os.path.abspath(Path(step.source_directory or ".").expanduser()))


def _with_sources(graph: Graph, place: Callable[[Step], str]) -> Graph:
    steps = {
        name: step if step.source_directory is None else replace(step, source_directory=place(step))
        for name, step in graph.steps.items()
    }
    return replace(graph, steps=steps)


def _absolute(given: StepInput, step: Step) -> StepInput:
    """An input whose path, if it has one, does not depend on the step's folder."""
    path = str(given.settings.get("path", ""))
    if not path or _PARAMETER.match(path):
        return given
    absolute = os.path.abspath(Path(step.source_directory or ".", Path(path).expanduser()))
    return replace(given, settings={**given.settings, "path": absolute})


def _with_absolute_defaults(graph: Graph) -> dict[str, Any]:
    """The parameters; defaults that are paths do not depend on the steps' folders."""
    found = dict(graph.parameters)
    for name, source in _path_places(graph):
        default = found[name].default
        if isinstance(default, str):
            absolute = os.path.abspath(Path(source, Path(default).expanduser()))
            found[name] = replace(found[name], default=absolute)
    return found


def _path_places(graph: Graph) -> Iterator[tuple[str, str]]:
    """Parameters that paths begin with, each with the folder that these are relative to."""
    for step in graph.steps.values():
        for each in step.inputs.values():
            start = _PARAMETER.match(str(each.settings.get("path", "")))
            if start and start[1] in graph.parameters:
                yield start[1], step.source_directory or "."


def _pinned(settings: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
    """Settings whose environment is the version that its name means now."""
    environment = settings.get("environment")
    if not isinstance(environment, str) or _PARAMETER.search(environment):
        return dict(settings)
    found = get_environment(workspace, environment)
    if not found.version:
        return dict(settings)
    name = AssetReference.of(environment, kind="environment").name
    return {**settings, "environment": f"{name}:{found.version}"}
