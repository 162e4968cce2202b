"""The designer: its components, drafts of pipelines, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from tandemlab.designer.checking import check_pipeline
from tandemlab.designer.drafts import Draft
from tandemlab.designer.inference import create_batch_draft, deploy_pipeline_run
from tandemlab.designer.pages import describe
from tandemlab.designer.registry import list_components
from tandemlab.designer.samples import find_sample, samples
from tandemlab.domain import InvalidInput, RunRecord
from tandemlab.pipelines import Pipeline, PipelineRun, PublishedPipeline
from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.server.api.datasets import ColumnProfileContent, TablePart, part_of, profile_of
from tandemlab.store.http.wire import encode

router = APIRouter(prefix="/workspaces/{workspace}/designer", tags=["designer"])
_MOST_TEXT = 2_000_000  # of a report or a JSON value that is shown


class PortContent(BaseModel):
    """A port of a component."""

    name: str
    kind: str
    description: str
    optional: bool


class ComponentContent(BaseModel):
    """A component: its ports, and the JSON Schema of its parameters.

    In the schema ``x-column-of`` says that a parameter is a column, or columns, of an input,
    ``x-language`` that it is code, ``x-asset`` that it names an asset.
    """

    name: str
    version: int
    title: str
    category: str
    keywords: list[str]
    description: str = Field(description="Its page, as Markdown.")
    inputs: list[PortContent]
    outputs: list[PortContent]
    parameters: dict[str, Any] = Field(alias="schema", description="JSON Schema.")


class DraftSummary(BaseModel):
    """A draft, without what is drawn."""

    name: str
    version: int
    description: str | None
    user: str | None
    created: datetime
    steps: int


class DraftContent(DraftSummary):
    """A version of a draft."""

    pipeline: dict[str, Any] = Field(description="The pipeline's document.")
    layout: dict[str, Any] = Field(description="Where it is drawn.")


class SampleContent(BaseModel):
    """A sample pipeline."""

    name: str
    description: str
    steps: int


class DraftSource(BaseModel):
    """What a new draft is made of: one of these."""

    published: str | None = Field(None, description="NAME or NAME:VERSION of a published pipeline.")
    run: str | None = Field(None, description="Id of a pipeline's run.")
    sample: str | None = Field(None, description="Name of a sample.")
    draft: str | None = Field(None, description="Name of another draft.")


class NewDraft(BaseModel):
    """A draft that is to be."""

    name: str
    description: str | None = None
    pipeline: dict[str, Any] | None = None
    layout: dict[str, Any] | None = None
    source: DraftSource | None = None


class DraftChange(BaseModel):
    """What becomes the next version of a draft."""

    based_on: int = Field(description="The version that was changed.")
    pipeline: dict[str, Any]
    layout: dict[str, Any] | None = None
    description: str | None = None


class CheckRequest(BaseModel):
    """A pipeline that is drawn."""

    pipeline: dict[str, Any]
    run: str | None = Field(None, description="Id of an earlier run, whose columns are known.")


class ProblemContent(BaseModel):
    """What is wrong at one place."""

    step: str | None
    input: str | None
    parameter: str | None
    message: str


class CheckContent(BaseModel):
    """What is known of a pipeline that is drawn."""

    problems: list[ProblemContent]
    columns: dict[str, dict[str, dict[str, str] | None]]


class DraftSubmission(BaseModel):
    """How a draft is run."""

    version: int | None = None
    experiment: str | None = Field(None, description="The draft's name if null.")
    parameters: dict[str, bool | int | float | str | list[Any]] = {}
    until: str | None = Field(None, description="Only the steps that this one needs, and itself.")
    continue_on_step_failure: bool = False
    regenerate_outputs: bool = False


class ExportRequest(BaseModel):
    """A pipeline, and the language of the script that builds it."""

    pipeline: dict[str, Any]
    language: Literal["python", "r"]


class Script(BaseModel):
    """A script that builds a pipeline."""

    text: str


class Publication(BaseModel):
    """How a draft is published."""

    version: int | None = None
    name: str | None = Field(None, description="The draft's if null.")
    description: str | None = None


class PublishedReference(BaseModel):
    """A version of a published pipeline."""

    name: str
    version: int


class Inference(BaseModel):
    """How a trained pipeline answers."""

    name: str = Field(description="Of the service, and of the model that it becomes.")
    step: str | None = Field(None, description="Where its path to predictions ends.")
    overwrite: bool = Field(False, description="Whether a service of that name is replaced.")


class DeployedService(BaseModel):
    """A service that was deployed."""

    name: str


class BatchInference(BaseModel):
    """How a trained pipeline scores a dataset."""

    name: str = Field(description="Of the new draft, and of the model that it uses.")
    dataset: str = Field(description="NAME or NAME:VERSION of the dataset that is scored.")
    register_as: str = Field(description="Name of the dataset that the scored rows become.")
    step: str | None = Field(None, description="Where its path to predictions ends.")


class Preview(BaseModel):
    """What came out of a step."""

    type: str
    rows: int | None = None
    profile: list[ColumnProfileContent] | None = None
    sample: TablePart | None = None
    value: Any = None


@router.get("/components", dependencies=[READER])
def list_all_components(found: Found) -> list[ComponentContent]:
    """The components that the server has, in the order of the palette."""
    return [ComponentContent(**describe(each)) for each in list_components().values()]


def _summary(draft: Draft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "version": draft.asset.version,
        "description": draft.description,
        "user": draft.created_by,
        "created": draft.asset.created,
        "steps": len(draft.asset.definition["pipeline"]["steps"]),
    }


def _content(draft: Draft) -> DraftContent:
    definition = draft.asset.definition
    return DraftContent(
        **_summary(draft), pipeline=definition["pipeline"], layout=definition["layout"]
    )


@router.get("/samples", dependencies=[READER])
def list_samples(found: Found) -> list[SampleContent]:
    """The sample pipelines, of which drafts are made."""
    return [
        SampleContent(
            name=each.name, description=each.description, steps=len(each.pipeline.graph.steps)
        )
        for each in samples().values()
    ]


@router.get("/drafts", dependencies=[READER])
def list_drafts(found: Found) -> list[DraftSummary]:
    """The drafts by name."""
    return [DraftSummary(**_summary(each)) for each in Draft.list(found)]


@router.post("/drafts", status_code=201, dependencies=[CONTRIBUTOR])
def create_draft(found: Found, body: NewDraft) -> DraftContent:
    """A new draft: empty, of a document, or of what is there already."""
    pipeline: Pipeline | Mapping[str, Any] | None = body.pipeline
    layout: Mapping[str, Any] | None = body.layout
    if body.source is not None:
        pipeline, layout = _of_source(found, body.source)
    return _content(Draft.create(found, body.name, pipeline, layout, body.description))


def _of_source(found: Found, source: DraftSource) -> tuple[Pipeline, Mapping[str, Any] | None]:
    given = source.model_dump(exclude_none=True)
    if len(given) != 1:
        raise InvalidInput("A new draft is made of one source: published, run, sample or draft.")
    if source.published is not None:
        template = PublishedPipeline.get(found, source.published).template
        return Pipeline.from_graph(template.graph), None
    if source.run is not None:
        return PipelineRun.get(found, source.run).pipeline, None
    if source.draft is not None:
        draft = Draft.get(found, source.draft)
        return draft.pipeline, draft.layout
    sample = find_sample(source.sample or "")
    return sample.pipeline, sample.layout


@router.get("/drafts/{name}", dependencies=[READER])
def get_draft(found: Found, name: str, version: int | None = None) -> DraftContent:
    """A version of a draft; the newest if none is said."""
    return _content(Draft.get(found, name, version))


@router.get("/drafts/{name}/versions", dependencies=[READER])
def list_draft_versions(found: Found, name: str) -> list[DraftSummary]:
    """The versions of a draft that are kept, the newest first."""
    return [DraftSummary(**_summary(each)) for each in Draft.get(found, name).versions()]


@router.put("/drafts/{name}", dependencies=[CONTRIBUTOR])
def save_draft(found: Found, name: str, body: DraftChange) -> DraftContent:
    """Keep a change as the next version; 409 if it is based on another version than the newest."""
    draft = Draft.get(found, name)
    return _content(draft.save(body.pipeline, body.layout, body.description, body.based_on))


@router.delete("/drafts/{name}", status_code=204, dependencies=[CONTRIBUTOR])
def delete_draft(found: Found, name: str) -> None:
    """Forget a draft with all its versions."""
    Draft.get(found, name).delete()


@router.post("/check", dependencies=[CONTRIBUTOR])
def check_drawing(found: Found, body: CheckRequest) -> CheckContent:
    """What is wrong with a pipeline, and which columns come out where; no code of it is run."""
    run = None if body.run is None else PipelineRun.get(found, body.run)
    checked = check_pipeline(Pipeline.from_dict(body.pipeline), found, run)
    problems = [
        ProblemContent(
            step=each.step, input=each.input, parameter=each.parameter, message=each.message
        )
        for each in checked.problems
    ]
    columns = {
        step: {key: None if known is None else dict(known) for key, known in outputs.items()}
        for step, outputs in checked.columns.items()
    }
    return CheckContent(problems=problems, columns=columns)


@router.post(
    "/drafts/{name}/runs", status_code=201, dependencies=[CONTRIBUTOR], response_model=RunRecord
)
def run_draft(found: Found, name: str, body: DraftSubmission) -> Response:
    """Queue a run of a draft, whole or up to a step."""
    run = Draft.get(found, name, body.version).submit(
        body.experiment,
        body.parameters,
        until=body.until,
        continue_on_step_failure=body.continue_on_step_failure,
        regenerate_outputs=body.regenerate_outputs,
    )
    record = found.get_record(run.id)
    return Response(encode(record), status_code=201, media_type="application/json")


@router.post("/export", dependencies=[CONTRIBUTOR])
def export_script(found: Found, body: ExportRequest) -> Script:
    """A script that builds the same pipeline."""
    pipeline = Pipeline.from_dict(body.pipeline)
    return Script(text=pipeline.to_python() if body.language == "python" else pipeline.to_r())


@router.post("/drafts/{name}/publish", status_code=201, dependencies=[CONTRIBUTOR])
def publish_draft(found: Found, name: str, body: Publication) -> PublishedReference:
    """Keep a draft's pipeline as the next version of a published one."""
    draft = Draft.get(found, name, body.version)
    published = draft.pipeline.publish(found, body.name or draft.name, body.description)
    return PublishedReference(name=published.name, version=published.version)


@router.post("/runs/{run}/service", status_code=201, dependencies=[CONTRIBUTOR])
def deploy_trained(found: Found, run: str, body: Inference) -> DeployedService:
    """Have the trained pipeline of a run answer requests, as a service of the server's machine."""
    service = deploy_pipeline_run(
        PipelineRun.get(found, run), body.name, body.step, overwrite=body.overwrite
    )
    return DeployedService(name=service.name)


@router.post("/runs/{run}/batch", status_code=201, dependencies=[CONTRIBUTOR])
def draw_batch(found: Found, run: str, body: BatchInference) -> DraftContent:
    """A new draft that scores a dataset as the trained pipeline of a run does."""
    trained = PipelineRun.get(found, run)
    made = create_batch_draft(trained, body.name, body.dataset, body.register_as, body.step)
    return _content(made)


@router.get("/runs/{run}/steps/{step}/outputs/{output}", dependencies=[READER])
def preview_output(
    found: Found,
    run: str,
    step: str,
    output: str,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> Preview:
    """What came out of a step: a table with what its columns hold, or a value; else its type."""
    kind, path = PipelineRun.get(found, run).find_output(step, output)
    if kind == "table":
        from tandemlab.data import Dataset

        table = Dataset.Tabular.from_arrow_files(path)
        return Preview(
            type=kind, rows=len(table), profile=profile_of(table), sample=part_of(table, limit)
        )
    if kind == "json" and path.stat().st_size <= _MOST_TEXT:
        return Preview(type=kind, value=json.loads(path.read_text(encoding="utf-8")))
    return Preview(type=kind)
