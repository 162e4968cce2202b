"""PublishedPipeline and PipelineEndpoint: pipelines that are run by name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.domain import AlreadyExists, InvalidInput, InvalidState, RunRecord
from tandemlab.domain.asset_names import AssetReference
from tandemlab.domain.assets import Asset, AssetRole
from tandemlab.domain.ids import new_run_id
from tandemlab.domain.pipelines import ParameterValue
from tandemlab.pipelines.documents import save_graph
from tandemlab.pipelines.modules import without_modules
from tandemlab.pipelines.pipeline import Pipeline
from tandemlab.pipelines.pipeline_run import PipelineRun, create_pipeline_run
from tandemlab.pipelines.planning import make_plan
from tandemlab.pipelines.publishing import (
    DEFAULT,
    KIND,
    PUBLISHED,
    Template,
    check_paths,
    refuse_itself,
    register_template,
    template_of,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tandemlab.data import DataPath
    from tandemlab.tracking import Experiment, Workspace

Published: TypeAlias = "list[PublishedPipeline]"
Endpoints: TypeAlias = "list[PipelineEndpoint]"
Given: TypeAlias = "Mapping[str, ParameterValue | os.PathLike[str] | DataPath | Any]"


@dataclass(frozen=True)
class PublishedPipeline:
    """A version of a published pipeline: its steps, sources and parameters stay as they were.

    `Pipeline.publish` makes one.

    Attributes:
        asset: what the registry keeps of it.

    >>> from tandemlab.pipelines import CommandStep, PipelineParameter
    >>> workspace = getfixture("workspace")
    >>> word = PipelineParameter("word", "hello")
    >>> pipeline = Pipeline([CommandStep(["echo", word], "say")])
    >>> pipeline.publish(workspace, "greet").id
    'greet:1'
    >>> run = PublishedPipeline.get(workspace, "greet").submit(pipeline_parameters={"word": "hi"})
    >>> run.wait_for_completion()["status"]
    'Completed'
    """

    workspace: Workspace
    asset: Asset

    @staticmethod
    def get(workspace: Workspace, name: str, version: int | str | None = None) -> PublishedPipeline:
        """The published pipeline of that name.

        Args:
            name: of the pipeline, ``"NAME:VERSION"`` or ``"NAME@ALIAS"``.
            version: its number or an alias; None for the default version, and where none was set,
                for the newest that is not disabled.

        Raises:
            NotFound: there is none; the hint says what there is.
            InvalidState: all versions are disabled, and none was named.
        """
        wanted = AssetReference.of(name, kind=KIND)
        if wanted.version is not None and version is not None:
            raise InvalidInput(f"{name!r} names a version already.", hint="Leave out version.")
        version = wanted.version if version is None else version
        if version is None:
            version = _default_version(workspace, wanted.name)
        return PublishedPipeline(workspace, workspace.assets.get(KIND, wanted.name, version))

    @staticmethod
    def list(
        workspace: Workspace, name: str | None = None, *, active_only: bool = True
    ) -> Published:
        """All versions by name, the newest first.

        Args:
            name: only those of that name.
            active_only: whether disabled ones are left out.
        """
        found = workspace.assets.list(KIND, name, archived=not active_only, all_versions=True)
        return [PublishedPipeline(workspace, asset) for asset in found]

    @property
    def id(self) -> str:
        """``NAME:VERSION``."""
        return self.asset.reference

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return self.asset.name

    @property
    def version(self) -> int:
        """1, 2, 3 and so on, for each name."""
        return self.asset.version

    @property
    def description(self) -> str | None:
        """What it is for."""
        return self.asset.description

    @property
    def tags(self) -> dict[str, str]:
        """Labels, text to text."""
        return dict(self.asset.tags)

    @property
    def status(self) -> str:
        """``Active``, or ``Disabled`` where it cannot be run."""
        return "Disabled" if self.asset.archived else "Active"

    @property
    def is_default(self) -> bool:
        """Whether it is what runs where no version is named."""
        return DEFAULT in self.asset.aliases

    @property
    def published_time(self) -> datetime:
        """When it was published."""
        return self.asset.created

    @cached_property
    def template(self) -> Template:
        """Its steps, sources and settings, as plain data."""
        return Template.of(self.asset.definition)

    @property
    def pipeline(self) -> Pipeline:
        """What runs; its sources are named as `save` writes them."""
        return Pipeline.from_graph(self.template.graph)

    def get_step_names(self) -> tuple[str, ...]:
        """The steps, in an order in which they can run."""
        return tuple(self.template.graph.order)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write ``pipeline.yml`` and the sources of all steps into an empty folder; the file.

        Raises:
            AlreadyExists: there is something in the folder.
        """
        folder = Path(path).expanduser()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise AlreadyExists(f"There is something at {folder}.", hint="Name an empty folder.")
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.absolute()
        graph = self.template.restore(folder, self.workspace.place.blobs)
        return save_graph(graph, folder / "pipeline.yml")

    # Running

    def submit(
        self,
        experiment_name: str | None = None,
        pipeline_parameters: Given | None = None,
        *,
        continue_on_step_failure: bool | None = None,
        regenerate_outputs: bool = False,
        tags: Mapping[str, str | None] | None = None,
    ) -> PipelineRun:
        """Queue a run of it.

        Args:
            experiment_name: the experiment; that of the pipeline's name if None.
            pipeline_parameters: values beside the defaults. A path has to be absolute; for an
                input that is a dataset, a dataset's name, a dataset or a `DataPath`.
            continue_on_step_failure: whether steps that do not need the failed one go on; as it
                was published if None.
            regenerate_outputs: whether all steps run, also those for which what an equal step has
                made before would do.

        Raises:
            InvalidInput: a parameter is not known, of another type, or missing; nothing was
                changed.
            InvalidState: it is disabled, or this is a step of a run of it.
        """
        self._check(pipeline_parameters)
        return self.workspace.experiment(experiment_name or self.name).submit(
            self,
            tags,
            pipeline_parameters=pipeline_parameters,
            continue_on_step_failure=continue_on_step_failure,
            regenerate_outputs=regenerate_outputs,
        )

    def submit_to(
        self,
        experiment: Experiment,
        tags: Mapping[str, str | None],
        *,
        parent: str | None = None,
        pipeline_parameters: Given | None = None,
        continue_on_step_failure: bool | None = None,
        regenerate_outputs: bool = False,
        run_id: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> PipelineRun:
        """Queue a run of it; `submit` and `Experiment.submit` are the usual ways."""
        workspace, template = self.workspace, self.template
        values = self._check(pipeline_parameters)
        goes_on = continue_on_step_failure
        if goes_on is None:
            goes_on = template.continue_on_step_failure
        if workspace.is_remote:
            return self._submit_at_server(
                experiment, tags, parent, values, goes_on, regenerate_outputs, run_id
            )
        with TemporaryDirectory(prefix="tandemlab-") as folder:
            graph = template.restore(Path(folder), workspace.place.blobs)
            plan, snapshot = make_plan(graph, workspace, values, continue_on_step_failure=goes_on)
        steps = {
            name: replace(
                step,
                definition={
                    **step.definition,
                    "source_directory": template.graph.steps[name].source_directory,
                },
            )
            for name, step in plan.steps.items()
        }
        forced = frozenset(steps) if regenerate_outputs else frozenset[str]()
        run = create_pipeline_run(
            experiment,
            replace(plan, graph=template.graph, steps=steps, forced=forced),
            snapshot=snapshot,
            source=None,
            parent=parent,
            tags=tags,
            params=values,
            properties={**(properties or {}), PUBLISHED: self.id},
            run_id=run_id,
        )
        workspace.assets.add_usage(run.id, self.asset, AssetRole.INPUT, KIND)
        return run

    def _submit_at_server(
        self,
        experiment: Experiment,
        tags: Mapping[str, str | None],
        parent: str | None,
        values: Mapping[str, ParameterValue],
        goes_on: bool,
        regenerate: bool,
        run_id: str | None,
    ) -> PipelineRun:
        """Have the server check and make the run: paths are those of its machine."""
        record: RunRecord = self.workspace.place.run_pipeline(  # type: ignore[attr-defined]
            self.name,
            {
                "version": self.version,
                "experiment": experiment.name,
                "pipeline_parameters": dict(values),
                "continue_on_step_failure": goes_on,
                "regenerate_outputs": regenerate,
                "tags": dict(tags),
                "parent": parent,
                "run_id": run_id or new_run_id(experiment.name),
            },
        )
        return PipelineRun(self.workspace, record.id, experiment=record.experiment)

    def _check(self, given: Given | None) -> dict[str, ParameterValue]:
        """The values of all parameters; refuses what cannot be run before anything is made."""
        self._check_active()
        refuse_itself(self.workspace, self.name, "run")
        values = self.template.graph.values(parameter_values(given or {}))
        check_paths(self.template, values)
        return values

    def _check_active(self) -> None:
        if self.asset.archived:
            why = "the default version, " if self.is_default else ""
            raise InvalidState(
                f"The published pipeline {self.name!r} cannot be run: {why}version "
                f"{self.version} is disabled.",
                hint="Enable it, roll back, or name another version.",
                details={"pipeline": self.name, "version": self.version},
            )

    # Changing

    def disable(self) -> PublishedPipeline:
        """Keep it from being run, and out of lists; runs that there are go on. It as it is now."""
        return self._changed(archived=True)

    def enable(self) -> PublishedPipeline:
        """Have it be run again; it as it is now."""
        return self._changed(archived=False)

    def set_default(self) -> PublishedPipeline:
        """Have it be what runs where no version is named; it as it is now.

        Raises:
            InvalidState: it is disabled.
        """
        if self.asset.archived:
            raise InvalidState(
                f"{self.id} is disabled, and cannot be the default version.",
                hint="Enable it first.",
            )
        return self._changed(aliases=[*{*self.asset.aliases, DEFAULT}])

    def _changed(self, **change: Any) -> PublishedPipeline:
        return PublishedPipeline(self.workspace, self.workspace.assets.change(self.asset, **change))

    def __repr__(self) -> str:
        return f"PublishedPipeline({self.id!r}, {self.status})"


def _default_version(workspace: Workspace, name: str) -> int | None:
    """The default version, or the newest that is not disabled; None where there is none at all."""
    found = workspace.assets.find(KIND, name, DEFAULT) or workspace.assets.find(KIND, name)
    if found is not None:
        return found.version
    if workspace.assets.list(KIND, name, archived=True):
        raise InvalidState(
            f"All versions of the published pipeline {name!r} are disabled.",
            hint="Enable one, or name the one that you mean.",
            details={"pipeline": name},
        )
    return None


def parameter_values(given: Given) -> dict[str, ParameterValue]:
    """Values as a pipeline takes them: paths, datasets and places in datastores are texts.

    Raises:
        InvalidInput: a value that is none of these.
    """
    return {name: _parameter_value(name, value) for name, value in given.items()}


def _parameter_value(name: str, value: object) -> ParameterValue:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, os.PathLike):
        return os.path.abspath(Path(value))
    from tandemlab.training.places import as_input

    try:
        dataset = as_input(value).dataset  # type: ignore[arg-type]
    except InvalidInput:
        dataset = None
    if not isinstance(dataset, str):
        raise InvalidInput(
            f"The parameter {name!r} cannot be {value!r:.80}.",
            hint="Values are texts, numbers, booleans, lists, paths, datasets and DataPaths.",
        )
    return dataset


def publish(
    pipeline: Pipeline,
    workspace: Workspace,
    name: str | None = None,
    description: str | None = None,
    *,
    continue_on_step_failure: bool = False,
    tags: Mapping[str, str] | None = None,
) -> PublishedPipeline:
    """Keep a pipeline as the next version of a name; `Pipeline.publish` is the usual way."""
    name = pipeline.graph.name if name is None else name
    if name is None:
        raise InvalidInput("A pipeline is published under a name.", hint="Give one.")
    refuse_itself(workspace, AssetReference.of(name, kind=KIND).name, "publish")
    _refuse_own_module(pipeline, name)
    with without_modules(pipeline.graph, workspace) as graph:
        template = template_of(graph, workspace, continue_on_step_failure=continue_on_step_failure)
    asset = register_template(template, workspace, name, description=description, tags=tags)
    return PublishedPipeline(workspace, asset)


def _refuse_own_module(pipeline: Pipeline, name: str) -> None:
    """Refuse a pipeline with an earlier version of itself as a step: it would grow for ever.

    Raises:
        InvalidInput: a step is the published pipeline of that name.
    """
    for step, each in pipeline.graph.steps.items():
        if each.module is not None and AssetReference.of(each.module, kind=KIND).name == name:
            raise InvalidInput(
                f"The step {step!r} is the published pipeline {name!r}, which cannot be a step of "
                "itself.",
                hint="Publish it under another name.",
                details={"pipeline": name, "step": step},
            )


@dataclass(frozen=True)
class PipelineEndpoint:
    """The versions of a published pipeline behind one name, one of which is the default.

    Who runs the name gets the default version, whatever has been published since.

    >>> from tandemlab.pipelines import CommandStep
    >>> workspace = getfixture("workspace")
    >>> first, second = (Pipeline([CommandStep(word, "say")]) for word in ("true", "date"))
    >>> endpoint = PipelineEndpoint.publish(workspace, "greet", first)
    >>> endpoint.add_default(second).version
    2
    >>> endpoint.roll_back().version
    1
    """

    workspace: Workspace
    name: str

    @staticmethod
    def publish(
        workspace: Workspace,
        name: str,
        pipeline: Pipeline | PublishedPipeline,
        description: str | None = None,
    ) -> PipelineEndpoint:
        """Publish a pipeline under a name that is free, as the default version.

        Raises:
            AlreadyExists: there are versions of that name.
        """
        if workspace.assets.list(KIND, AssetReference.of(name, kind=KIND).name, archived=True):
            raise AlreadyExists(
                f"There is a published pipeline {name!r} already.",
                hint="PipelineEndpoint.get(…).add(…) publishes a further version.",
                details={"name": name},
            )
        endpoint = PipelineEndpoint(workspace, name)
        endpoint.add_default(pipeline, description)
        return endpoint

    @staticmethod
    def get(workspace: Workspace, name: str) -> PipelineEndpoint:
        """The endpoint of that name.

        Raises:
            NotFound: no pipeline was published under that name.
        """
        if not workspace.assets.list(KIND, AssetReference.of(name, kind=KIND).name, archived=True):
            workspace.assets.get(KIND, name)  # which says what there is instead
        return PipelineEndpoint(workspace, name)

    @staticmethod
    def list(workspace: Workspace, *, active_only: bool = True) -> Endpoints:
        """The endpoints by name; `active_only` leaves out those of which no version is enabled."""
        found = workspace.assets.list(KIND, archived=not active_only)
        return [PipelineEndpoint(workspace, each.name) for each in found]

    def list_versions(self, *, active_only: bool = False) -> Published:
        """All versions, the newest first."""
        return PublishedPipeline.list(self.workspace, self.name, active_only=active_only)

    def get_default_version(self) -> PublishedPipeline:
        """What runs where no version is named."""
        return PublishedPipeline.get(self.workspace, self.name)

    def add(
        self, pipeline: Pipeline | PublishedPipeline, description: str | None = None
    ) -> PublishedPipeline:
        """Publish a further version, which does not become the default where one was set."""
        if isinstance(pipeline, PublishedPipeline):
            asset = register_template(
                pipeline.template,
                self.workspace,
                self.name,
                description=description or pipeline.description,
                tags=pipeline.tags,
            )
            return PublishedPipeline(self.workspace, asset)
        return publish(pipeline, self.workspace, self.name, description)

    def add_default(
        self, pipeline: Pipeline | PublishedPipeline, description: str | None = None
    ) -> PublishedPipeline:
        """Publish a further version, which becomes the default."""
        return self.add(pipeline, description).set_default()

    def set_default_version(self, version: int) -> PublishedPipeline:
        """Have a version be what runs where none is named.

        Raises:
            NotFound: there is no such version.
            InvalidState: it is disabled.
        """
        return PublishedPipeline.get(self.workspace, self.name, version).set_default()

    def roll_back(self) -> PublishedPipeline:
        """Make the newest enabled version below the default one the default.

        Raises:
            InvalidState: there is none.
        """
        current = _find_default(self.list_versions())
        below = [each for each in self.list_versions(active_only=True) if each.version < current]
        if not below:
            raise InvalidState(
                f"There is no enabled version of {self.name!r} below {current}.",
                hint="Publish or enable one.",
                details={"pipeline": self.name, "version": current},
            )
        return below[0].set_default()

    def submit(
        self,
        experiment_name: str | None = None,
        pipeline_parameters: Given | None = None,
        pipeline_version: int | None = None,
        **options: Any,
    ) -> PipelineRun:
        """Queue a run of the default version, or another; see `PublishedPipeline.submit`."""
        found = PublishedPipeline.get(self.workspace, self.name, pipeline_version)
        return found.submit(experiment_name, pipeline_parameters, **options)

    def archive(self) -> None:
        """Disable all versions."""
        for each in self.list_versions(active_only=True):
            each.disable()


def _find_default(versions: Iterable[PublishedPipeline]) -> int:
    """The number of the default version, or of the newest one that is enabled, or of any."""
    found = [*versions]
    default = [each.version for each in found if each.is_default]
    active = [each.version for each in found if not each.asset.archived]
    return (default or active or [0])[0]
