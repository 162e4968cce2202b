"""Published pipelines, and their runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from tandemlab.domain import RunRecord, RunStatus
from tandemlab.domain.names import check_name
from tandemlab.pipelines import PipelineRun, PublishedPipeline
from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.server.api.assets import Version, read_version
from tandemlab.server.api.request_content import RequestContent
from tandemlab.store.http.wire import encode

router = APIRouter(prefix="/workspaces/{workspace}/pipelines", tags=["pipelines"])
steps_router = APIRouter(prefix="/workspaces/{workspace}/runs/{run}/steps", tags=["pipelines"])


class ParameterContent(BaseModel):
    """A parameter of a pipeline; one without a default has to be given."""

    type: str
    default: bool | int | float | str | list[Any] | None = None
    description: str | None = None


class PublishedContent(BaseModel):
    """A version of a published pipeline."""

    id: str
    name: str
    version: int
    status: str
    is_default: bool
    description: str | None
    parameters: dict[str, ParameterContent]
    steps: list[str]
    needs: dict[str, list[str]] = Field(description="For each step, those that it needs directly.")
    tags: dict[str, str]
    published: datetime


class StepContent(BaseModel):
    """A step of a pipeline's run, and how it is doing; see `tandemlab.pipelines.StepState`."""

    name: str
    kind: str
    needs: list[str]
    status: RunStatus
    run_id: str | None
    attempts: int
    reused: bool
    duration: float | None
    error: str | None
    skipped: str | None
    items: int | None
    items_done: int | None


class StepReason(BaseModel):
    """Why a step ran, or did not, as text."""

    text: str


class PipelineSubmission(RequestContent, BaseModel):
    """What a run of a published pipeline differs in."""

    version: int | str | None = Field(
        default=None, description="A number or an alias; the default version if null."
    )
    experiment: str | None = Field(default=None, description="The pipeline's name if null.")
    pipeline_parameters: dict[str, bool | int | float | str | list[Any] | None] = {}
    continue_on_step_failure: bool | None = None
    regenerate_outputs: bool = False
    tags: dict[str, str | None] = {}
    parent: str | None = None
    run_id: str | None = Field(
        default=None, description="Sent twice with the same id, it is one run."
    )


def _content(found: PublishedPipeline) -> PublishedContent:
    graph = found.template.graph
    return PublishedContent(
        id=found.id,
        name=found.name,
        version=found.version,
        status=found.status,
        is_default=found.is_default,
        description=found.description,
        parameters={
            name: ParameterContent(
                type=each.type, default=each.default, description=each.description
            )
            for name, each in graph.parameters.items()
        },
        steps=graph.order,
        needs=graph.needs,
        tags=found.tags,
        published=found.published_time,
    )


@router.get("", dependencies=[READER])
def list_pipelines(
    found: Found, name: str | None = None, active_only: bool = True
) -> list[PublishedContent]:
    """All versions of published pipelines by name, the newest first."""
    return [_content(each) for each in PublishedPipeline.list(found, name, active_only=active_only)]


@router.get("/{name}", dependencies=[READER])
def get_pipeline(found: Found, name: str, version: str | None = None) -> PublishedContent:
    """A version of a published pipeline, by its number or an alias; the default one if none."""
    return _content(PublishedPipeline.get(found, name, read_version(version)))


@router.post("/{name}/{version}/disable", dependencies=[CONTRIBUTOR])
def disable_pipeline(found: Found, name: str, version: Version) -> PublishedContent:
    """Keep a version from being run, and out of lists; runs that there are go on."""
    return _content(PublishedPipeline.get(found, name, version).disable())


@router.post("/{name}/{version}/enable", dependencies=[CONTRIBUTOR])
def enable_pipeline(found: Found, name: str, version: Version) -> PublishedContent:
    """Have a version be run again."""
    return _content(PublishedPipeline.get(found, name, version).enable())


@router.post("/{name}/{version}/set-default", dependencies=[CONTRIBUTOR])
def set_default_pipeline(found: Found, name: str, version: Version) -> PublishedContent:
    """Have a version be what runs where none is named; a disabled one is refused."""
    return _content(PublishedPipeline.get(found, name, version).set_default())


@steps_router.get("", dependencies=[READER])
def list_steps(found: Found, run: str) -> list[StepContent]:
    """The steps of a pipeline's run, each behind those that it needs."""
    pipeline_run = PipelineRun.get(found, run)
    graph = pipeline_run.pipeline.graph
    return [
        StepContent(
            kind=graph.steps[state.name].kind,
            needs=graph.needs[state.name],
            run_id=None if state.run is None else state.run.id,
            **{
                field: getattr(state, field)
                for field in StepContent.model_fields
                if field not in ("kind", "needs", "run_id")
            },
        )
        for state in pipeline_run.get_steps()
    ]


@steps_router.get("/{step}/why", dependencies=[READER])
def explain_step(found: Found, run: str, step: str) -> StepReason:
    """Why a step ran, or did not, and what has changed since the earlier run."""
    return StepReason(text=str(PipelineRun.get(found, run).why(step)))


@router.post("/{name}/runs", status_code=201, dependencies=[CONTRIBUTOR], response_model=RunRecord)
def run_pipeline(found: Found, name: str, body: PipelineSubmission) -> Response:
    """Queue a run of a published pipeline; its parameters are checked before it is made."""
    present = None if body.run_id is None else found.store.get_run(body.run_id)
    if present is None:
        published = PublishedPipeline.get(found, name, body.version)
        experiment = check_name(body.experiment or published.name, what="experiment")
        options: dict[str, Any] = body.model_dump(
            include={
                "pipeline_parameters",
                "continue_on_step_failure",
                "regenerate_outputs",
                "parent",
                "run_id",
            }
        )
        run = found.experiment(experiment).submit(published, body.tags, **options)
        present = found.get_record(run.id)
    return Response(encode(present), status_code=201, media_type="application/json")
