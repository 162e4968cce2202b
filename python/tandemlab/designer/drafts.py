"""Drafts: pipelines that are being drawn, with where their steps stand on the canvas."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tandemlab.domain import AlreadyExists, InvalidInput, NotFound
from tandemlab.domain.asset_names import check_asset_name
from tandemlab.domain.names import check_name
from tandemlab.pipelines.pipeline import Pipeline
from tandemlab.tracking.registered import Registered

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset
    from tandemlab.domain.pipelines import Graph, ParameterValue
    from tandemlab.pipelines import PipelineRun
    from tandemlab.tracking import Workspace

KIND = "draft"
KEPT_VERSIONS = 100
_FORMAT = 1
_EVERY = 20  # versions after which old ones are looked for

Drafts: TypeAlias = "list[Draft]"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Position(_Part):
    """Where something stands on the canvas, in its own units."""

    x: float
    y: float


class Comment(_Part):
    """A note on the canvas."""

    id: str = Field(max_length=64)
    text: str = Field(max_length=10_000)
    x: float
    y: float
    width: float = 200
    height: float = 80


class Group(_Part):
    """Steps that belong together."""

    id: str = Field(max_length=64)
    title: str = Field(max_length=200)
    steps: list[str]


class Layout(_Part):
    """How a pipeline is drawn; steps without a position are placed by whoever draws it."""

    positions: dict[str, Position] = {}
    comments: list[Comment] = []
    groups: list[Group] = []


@dataclass(frozen=True)
class Draft(Registered):
    r"""A version of a pipeline that is being drawn, by name; saving makes the next version.

    A draft may be unfinished. It is an asset of the kind ``draft``; of its versions the newest 100
    are kept.

    Attributes:
        asset: what the registry keeps of it.

    >>> from tandemlab.designer import ComponentStep
    >>> workspace = getfixture("workspace")
    >>> rows = ComponentStep("rows", "enter_data_manually", {"text": "x\n1"})
    >>> draft = Draft.create(workspace, "prices", Pipeline([rows]))
    >>> draft.save(draft.pipeline, {"positions": {"rows": {"x": 10, "y": 20}}}).version
    2
    >>> draft.save(draft.pipeline)
    Traceback (most recent call last):
    tandemlab.domain.errors.Conflict: The draft 'prices' has version 2 now...
    """

    workspace: Workspace
    asset: Asset

    @property
    def _asset(self) -> Asset:  # type: ignore[override]
        return self.asset

    @staticmethod
    def create(
        workspace: Workspace,
        name: str,
        pipeline: Pipeline | Mapping[str, Any] | None = None,
        layout: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> Draft:
        """A new draft.

        Args:
            pipeline: itself, or its document (`Pipeline.to_dict`); None for one without steps.
            layout: as `Layout` has it.

        Raises:
            AlreadyExists: there is a draft of that name.
            InvalidInput: the name, the document or the layout cannot be used.
        """
        name = check_new_name(workspace, name)
        content = _content(pipeline or {"steps": {}}, layout)
        asset = workspace.assets.register(KIND, name, content, description=description, based_on=0)
        return Draft(workspace, asset)

    @staticmethod
    def get(workspace: Workspace, name: str, version: int | None = None) -> Draft:
        """The draft of that name; its newest version if none is said.

        Raises:
            NotFound: there is none.
        """
        return Draft(workspace, workspace.assets.get(KIND, name, version))

    @staticmethod
    def list(workspace: Workspace) -> Drafts:
        """The newest version of each draft, by name."""
        return [Draft(workspace, each) for each in workspace.assets.list(KIND)]

    @staticmethod
    def of_run(workspace: Workspace, name: str, run: PipelineRun) -> Draft:
        """A new draft of the pipeline that a run was of."""
        return Draft.create(workspace, name, run.pipeline, description=f"From the run {run.id}")

    @property
    def name(self) -> str:
        """Of the draft."""
        return self.asset.name

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline as it is drawn."""
        return Pipeline.from_dict(self.asset.definition["pipeline"])

    @property
    def layout(self) -> dict[str, Any]:
        """Where it is drawn, as `Layout` has it."""
        return dict(self.asset.definition["layout"])

    def versions(self) -> Drafts:
        """Its versions that are kept, the newest first."""
        found = self.workspace.assets.list(KIND, self.name, all_versions=True)
        return [Draft(self.workspace, each) for each in found]

    def save(
        self,
        pipeline: Pipeline | Mapping[str, Any],
        layout: Mapping[str, Any] | None = None,
        description: str | None = None,
        based_on: int | None = None,
    ) -> Draft:
        """Keep a change of this version as the next one.

        Args:
            layout: None for that of this version.
            based_on: the version that was changed, if it was an earlier one.

        Raises:
            Conflict: somebody has saved another version meanwhile; nothing is lost of either.
            NotFound: somebody has deleted the draft meanwhile.
            InvalidInput: the document or the layout cannot be used.
        """
        content = _content(pipeline, self.layout if layout is None else layout)
        asset = self.workspace.assets.register(
            KIND,
            self.name,
            content,
            description=self.description if description is None else description,
            based_on=self.asset.version if based_on is None else based_on,
        )
        if asset.version % _EVERY == 0:
            for old in Draft(self.workspace, asset).versions()[KEPT_VERSIONS:]:
                self.workspace.assets.delete(old.asset)
        return Draft(self.workspace, asset)

    def submit(
        self,
        experiment_name: str | None = None,
        pipeline_parameters: Mapping[str, ParameterValue] | None = None,
        *,
        until: str | None = None,
        continue_on_step_failure: bool = False,
        regenerate_outputs: bool = False,
    ) -> PipelineRun:
        """Queue a run of it, whole or up to a step; the run's tag ``draft`` says of what it is.

        Args:
            experiment_name: the experiment; that of the draft's name if None.
            pipeline_parameters: values beside the defaults.
            until: only the steps that this one needs, and itself.
            continue_on_step_failure: whether steps that do not need the failed one go on.
            regenerate_outputs: whether all steps run, also those for which what an equal step has
                made before would do.

        Raises:
            InvalidInput: there is no such step, a parameter is not what it should be, or the
                draft is unfinished; nothing was changed.
        """
        experiment = check_name(experiment_name or self.name, what="experiment")
        return self.workspace.experiment(experiment).submit(
            self.pipeline if until is None else part_until(self.pipeline, until),
            {"draft": self.asset.reference},
            pipeline_parameters=pipeline_parameters,
            continue_on_step_failure=continue_on_step_failure,
            regenerate_outputs=regenerate_outputs,
        )

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` makes a draft of again: plain data, to be kept in a file."""
        return {"format": _FORMAT, "name": self.name, **self.asset.definition}

    @staticmethod
    def from_dict(
        workspace: Workspace, content: Mapping[str, Any], name: str | None = None
    ) -> Draft:
        """A new draft of what `to_dict` gave.

        Args:
            name: another one than it had.

        Raises:
            AlreadyExists: there is a draft of that name.
            InvalidInput: it is something else.
        """
        if content.get("format") != _FORMAT or "pipeline" not in content:
            raise InvalidInput(
                "This is no exported draft.",
                hint='It has the keys "format": 1, "name", "pipeline" and "layout".',
            )
        called = name or str(content.get("name", ""))
        return Draft.create(workspace, called, content["pipeline"], content.get("layout"))

    def to_json(self) -> str:
        """`to_dict` as the text of a file, which the studio and the command line take, too."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)

    @staticmethod
    def from_json(workspace: Workspace, text: str, name: str | None = None) -> Draft:
        """A new draft of what `to_json` gave; see `from_dict`.

        Raises:
            InvalidInput: it is no JSON, too.
        """
        try:
            content = json.loads(text)
        except ValueError as problem:
            raise InvalidInput(f"This is no exported draft: {problem}.") from None
        return Draft.from_dict(workspace, content if isinstance(content, dict) else {}, name)

    @staticmethod
    def from_file(
        workspace: Workspace, path: str | os.PathLike[str], name: str | None = None
    ) -> Draft:
        """A new draft of a file with what `to_json` gave; see `from_dict`.

        Raises:
            NotFound: there is no such file.
            InvalidInput: it cannot be read, too.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotFound(f"There is no file {path}.") from None
        except (OSError, UnicodeDecodeError) as problem:
            raise InvalidInput(f"{path} cannot be read: {problem}.") from None
        return Draft.from_json(workspace, text, name)

    def delete(self) -> None:
        """Forget the draft with all its versions."""
        self.workspace.assets.forget(KIND, self.name)

    def __repr__(self) -> str:
        return f"Draft({self.asset.reference!r}, {len(self.pipeline.graph.steps)} steps)"


def check_new_name(workspace: Workspace, name: str) -> str:
    """The name of a draft that is to be.

    Raises:
        AlreadyExists: there is a draft of that name.
        InvalidInput: it cannot be a name.
    """
    name = check_asset_name(name, kind=KIND)
    if workspace.assets.list(KIND, name):
        raise AlreadyExists(
            f"There is a draft {name!r} already.",
            hint="Open it, or give another name.",
            details={"name": name},
        )
    return name


def part_until(pipeline: Pipeline, step: str) -> Pipeline:
    """The part of a pipeline that a step needs, with the step itself.

    Raises:
        InvalidInput: there is no such step.

    >>> from tandemlab.pipelines import CommandStep
    >>> first = CommandStep("date > ${outputs.d}", "first", outputs={"d": "file"})
    >>> both = Pipeline([first, CommandStep("date", "second")])
    >>> list(part_until(both, "first").graph.steps)
    ['first']
    """
    from dataclasses import replace

    graph: Graph = pipeline.graph
    if step not in graph.steps:
        raise InvalidInput(f"The pipeline has no step {step!r}.")
    wanted, waiting = set(), [step]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += graph.needs[name]
    steps = {name: each for name, each in graph.steps.items() if name in wanted}
    return Pipeline.from_graph(replace(graph, steps=steps))


def _content(
    pipeline: Pipeline | Mapping[str, Any], layout: Mapping[str, Any] | None
) -> dict[str, Any]:
    made = pipeline if isinstance(pipeline, Pipeline) else Pipeline.from_dict(pipeline)
    try:
        drawn = Layout.model_validate(layout or {})
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"The layout cannot be used: {place}: {first['msg']}.") from None
    steps = made.graph.steps
    drawn.positions = {name: each for name, each in drawn.positions.items() if name in steps}
    for group in drawn.groups:
        group.steps = [name for name in group.steps if name in steps]
    return {"pipeline": {"steps": {}, **made.to_dict()}, "layout": drawn.model_dump()}
