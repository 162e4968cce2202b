"""Leads the calls of MLflow's clients to what answers them.

The paths are those of MLflow's REST API, below a workspace's URL; below the server's own where it
serves one workspace alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from tandemlab.domain import InvalidInput, NotFound, TandemlabError
from tandemlab.server.access import require, services
from tandemlab.server.api.content import content_answer, get_file, received
from tandemlab.server.mlflow import (
    artifacts,
    experiments,
    log,
    messages,
    models,
    registered,
    runs,
    versions,
)
from tandemlab.server.mlflow.answers import Answer
from tandemlab.server.own_writer import Logged, writer_of
from tandemlab.server.tokens import Role
from tandemlab.store.http.wire import Batch, encode
from tandemlab.tracking import Workspace

router = APIRouter(include_in_schema=False)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Call:
    """How a call is answered.

    Attributes:
        answer: gives what is answered, or what its run logs.
        content: the type of what is asked.
    """

    answer: Callable[[Workspace, Any], Any]
    content: type[Any]
    changes: bool = True
    logs: bool = False


def _read(answer: Callable[[Workspace, Any], Answer], content: type[Any]) -> Call:
    return Call(answer, content, changes=False)


def _log(answer: Callable[[Workspace, Any], Logged], content: type[messages.OfRun]) -> Call:
    return Call(answer, content, logs=True)


_MODEL = "logged-models/*"
_NAMES, _VERSIONS = "registered-models", "model-versions"
_LATEST = _read(registered.get_latest, messages.LatestVersions)
_SEARCH_EXPERIMENTS = _read(experiments.search, messages.ExperimentSearch)

_CALLS: dict[tuple[str, str], Call] = {
    ("POST", "runs/log-metric"): _log(log.log_metric, messages.Point),
    ("POST", "runs/log-batch"): _log(log.log_batch, messages.LogBatch),
    ("POST", "runs/log-parameter"): _log(log.log_param, messages.NameOfRun),
    ("POST", "runs/set-tag"): _log(log.set_tag, messages.NameOfRun),
    ("POST", "runs/delete-tag"): Call(runs.delete_tag, messages.Key),
    ("POST", "runs/log-inputs"): _log(log.log_inputs, messages.LogInputs),
    ("POST", "runs/outputs"): Call(models.log_outputs, messages.LogOutputs),
    ("POST", "runs/create"): Call(runs.create, messages.NewRun),
    ("POST", "runs/update"): Call(runs.change, messages.RunChange),
    ("POST", "runs/delete"): Call(runs.delete, messages.OfRun),
    ("POST", "runs/restore"): Call(runs.restore, messages.OfRun),
    ("GET", "runs/get"): _read(runs.get, messages.OfRun),
    ("POST", "runs/search"): _read(runs.find, messages.RunSearch),
    ("GET", "metrics/get-history"): _read(runs.get_history, messages.History),
    ("GET", "artifacts/list"): _read(artifacts.list_files, messages.ArtifactList),
    ("POST", "experiments/create"): Call(experiments.create, messages.NewExperiment),
    ("POST", "experiments/delete"): Call(experiments.delete, messages.OfExperiment),
    ("POST", "experiments/restore"): Call(experiments.restore, messages.OfExperiment),
    ("GET", "experiments/get"): _read(experiments.get, messages.OfExperiment),
    ("GET", "experiments/get-by-name"): _read(experiments.get_by_name, messages.ExperimentName),
    ("GET", "experiments/search"): _SEARCH_EXPERIMENTS,
    ("POST", "experiments/search"): _SEARCH_EXPERIMENTS,
    ("POST", "logged-models"): Call(models.create, messages.NewModel),
    ("POST", "logged-models/search"): _read(models.find, messages.ModelSearch),
    ("GET", _MODEL): _read(models.get, messages.OfModel),
    ("PATCH", _MODEL): Call(models.finalize, messages.ModelStatus),
    ("DELETE", _MODEL): Call(models.delete, messages.OfModel),
    ("PATCH", f"{_MODEL}/tags"): Call(models.set_tags, messages.ModelNames),
    ("DELETE", f"{_MODEL}/tags/*"): Call(models.delete_tag, messages.ModelKey),
    ("POST", f"{_MODEL}/params"): Call(models.log_params, messages.ModelNames),
    ("POST", f"{_NAMES}/create"): Call(registered.create, messages.NewRegisteredModel),
    ("GET", f"{_NAMES}/get"): _read(registered.get, messages.OfRegisteredModel),
    ("GET", f"{_NAMES}/search"): _read(registered.find, messages.RegistrySearch),
    ("PATCH", f"{_NAMES}/update"): Call(registered.change, messages.RegisteredModelChange),
    ("DELETE", f"{_NAMES}/delete"): Call(registered.delete, messages.OfRegisteredModel),
    ("POST", f"{_NAMES}/set-tag"): Call(registered.set_tag, messages.RegisteredModelTag),
    ("DELETE", f"{_NAMES}/delete-tag"): Call(registered.delete_tag, messages.RegisteredModelTag),
    ("POST", f"{_NAMES}/get-latest-versions"): _LATEST,
    ("GET", f"{_NAMES}/get-latest-versions"): _LATEST,
    ("GET", f"{_NAMES}/alias"): _read(versions.get_by_alias, messages.RegisteredModelAlias),
    ("POST", f"{_NAMES}/alias"): Call(versions.set_alias, messages.RegisteredModelAlias),
    ("DELETE", f"{_NAMES}/alias"): Call(versions.delete_alias, messages.RegisteredModelAlias),
    ("POST", f"{_VERSIONS}/create"): Call(registered.create_version, messages.NewVersion),
    ("GET", f"{_VERSIONS}/get"): _read(versions.get, messages.OfVersion),
    ("GET", f"{_VERSIONS}/get-download-uri"): _read(versions.get_uri, messages.OfVersion),
    ("GET", f"{_VERSIONS}/search"): _read(versions.find, messages.RegistrySearch),
    ("PATCH", f"{_VERSIONS}/update"): Call(versions.change, messages.VersionChange),
    ("DELETE", f"{_VERSIONS}/delete"): Call(versions.delete, messages.OfVersion),
    ("POST", f"{_VERSIONS}/set-tag"): Call(versions.set_tag, messages.VersionTag),
    ("DELETE", f"{_VERSIONS}/delete-tag"): Call(versions.delete_tag, messages.VersionTag),
    ("POST", f"{_VERSIONS}/transition-stage"): Call(versions.move_to_stage, messages.OfVersion),
}
_ARGUMENTS = {"logged-models": "model_id", "tags": "tag_key"}


def _find(method: str, path: str) -> tuple[str, Call, dict[str, str]]:
    """What a call is named, how it is answered, and what its path says beside that.

    Raises:
        NotFound: it is not served.
    """
    call = _CALLS.get((method, path))
    if call is not None:
        return path, call, {}
    words, given = path.split("/"), {}
    for place in range(1, len(words), 2):
        name = _ARGUMENTS.get(words[place - 1])
        if name is not None:
            given[name], words[place] = words[place], "*"
    name = "/".join(words)
    call = _CALLS.get((method, name))
    if call is None:
        raise NotFound(
            f"tandemlab does not serve MLflow's {method} {path[:200]}.",
            details={"what": "path"},
        )
    return name, call, given


def _workspace(request: Request, name: str | None) -> Workspace:
    library = services(request).library
    if name is None:
        if not library.is_single:
            raise NotFound(
                "This server has several workspaces.",
                hint="Have MLFLOW_TRACKING_URI end with the name of one: http://HOST/NAME.",
                details={"what": "workspace"},
            )
        (name,) = library.names()
    return library.find(name)


@router.api_route("/api/2.0/mlflow/{path:path}", methods=_METHODS)
@router.api_route("/{workspace}/api/2.0/mlflow/{path:path}", methods=_METHODS)
async def call_mlflow(request: Request, path: str, workspace: str | None = None) -> Response:
    """Answer a call of an MLflow client."""
    name, call, given = _find(request.method, path)
    request.state.operation = f"mlflow {name}"
    require(request, Role.CONTRIBUTOR if call.changes else Role.READER)
    found = _workspace(request, workspace)
    content = await _content(request, call.content, given)
    if call.logs:
        answer = await _take_in(request, found, call, content)
    elif call.changes:
        answer = await services(request).writers.run(found, call.answer, found, content)
    else:
        answer = await run_in_threadpool(call.answer, found, content)
    return Response(encode(answer), media_type="application/json")


async def _take_in(request: Request, found: Workspace, call: Call, ask: messages.OfRun) -> Answer:
    """Have a run log, together with what others log at the same time."""
    writer = writer_of(found.address)

    def batch() -> Batch:
        return writer.batch(found, ask.run, call.answer(found, ask))

    try:
        new = await services(request).writers.take_in(found, ask.run, batch)
    except TandemlabError:
        writer.forget(ask.run)
        raise
    services(request).counts.add_events(new)
    return {}


async def _content(request: Request, kind: type[Any], given: dict[str, str]) -> Any:
    """What is asked, from the body or the query, and from the path.

    Raises:
        InvalidInput: it is not what it should be.
    """
    try:
        if request.method == "GET":
            query: dict[str, Any] = dict(request.query_params)
            for field in msgspec.structs.fields(kind):
                if field.name in query and field.type == list[str]:
                    query[field.name] = request.query_params.getlist(field.name)
            return msgspec.convert({**query, **given}, kind, strict=False)
        body = await request.body()
        if not given:
            return msgspec.json.decode(body or b"{}", type=kind, strict=False)
        fields = msgspec.json.decode(body or b"{}", type=dict[str, Any])
        return msgspec.convert({**fields, **given}, kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The request is not what it should be: {error}.") from error


@router.get("/api/3.0/mlflow/server-info")
@router.get("/{workspace}/api/3.0/mlflow/server-info")
async def get_server_info(request: Request, workspace: str | None = None) -> dict[str, bool]:
    """What the server offers beside the tracking interface: nothing."""
    require(request, Role.READER)
    return {
        "workspaces_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
    }


_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


@router.get(_ARTIFACTS)
@router.get(f"/{{workspace}}{_ARTIFACTS}")
def list_artifacts(
    request: Request, path: str = "", workspace: str | None = None
) -> dict[str, Any]:
    """A folder of files of a run or of a registered model."""
    require(request, Role.READER)
    return artifacts.list_folder(_workspace(request, workspace), path)


@router.get(f"{_ARTIFACTS}/{{path:path}}")
@router.get(f"/{{workspace}}{_ARTIFACTS}/{{path:path}}")
def get_artifact(request: Request, path: str, workspace: str | None = None) -> Response:
    """A file of a run or of a registered model."""
    require(request, Role.READER)
    found = _workspace(request, workspace)
    if artifacts.is_model(path):
        file = artifacts.find_model_file(found, path)
        return content_answer(found, file.digest, file.name)
    run_id, name = artifacts.locate(path)
    return get_file(found, run_id, name)


@router.put(f"{_ARTIFACTS}/{{path:path}}")
@router.put(f"/{{workspace}}{_ARTIFACTS}/{{path:path}}")
async def put_artifact(request: Request, path: str, workspace: str | None = None) -> dict[str, Any]:
    """Keep a file with a run."""
    require(request, Role.CONTRIBUTOR)
    artifacts.locate(path)
    found = _workspace(request, workspace)
    async with received(request, found) as (temporary, _):
        await services(request).writers.run(found, artifacts.keep, found, path, temporary)
    return {}
