"""Services on the server's machine: how they are, and what they answer."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.server.api.request_content import RequestContent
from tandemlab.services import LocalWebservice, deploy_model

router = APIRouter(prefix="/workspaces/{workspace}/services", tags=["services"])


class ServiceContent(BaseModel):
    """A service; nothing of it is secret."""

    name: str
    state: str
    models: list[str]
    url: str | None
    scoring_uri: str | None
    replicas: int
    ready: int
    restarts: int
    needs_key: bool
    language: str | None
    entry_script: str | None
    description: str | None
    generation: int


class ServiceInterface(BaseModel):
    """What a service takes and gives, as OpenAPI, and a request to begin with."""

    openapi: dict[str, Any]


class ServiceAnswer(BaseModel):
    """What a service answered to a request."""

    answer: Any


class ServiceLog(BaseModel):
    """The end of what a service has said."""

    text: str


class NewService(RequestContent, BaseModel):
    """A model that is to answer requests."""

    name: str
    model: str = Field(description="NAME, NAME:VERSION or NAME@ALIAS of a registered model.")
    overwrite: bool = Field(False, description="Whether a service of that name is replaced.")


def _content(details: dict[str, Any]) -> ServiceContent:
    return ServiceContent(**{name: details[name] for name in ServiceContent.model_fields})


@router.get("", dependencies=[READER])
def list_services(found: Found) -> list[ServiceContent]:
    """The services by name."""
    return [_content(details) for details in LocalWebservice.list_details(found)]


@router.post("", status_code=201, dependencies=[CONTRIBUTOR])
def deploy_service(found: Found, body: NewService) -> ServiceContent:
    """Have a registered model's own predict() answer requests on the server's machine."""
    made = deploy_model(found, body.name, [body.model], overwrite=body.overwrite)
    return _content(made.get_details())


@router.get("/{name}", dependencies=[READER])
def get_service(found: Found, name: str) -> ServiceContent:
    """A service."""
    return _content(LocalWebservice(found, name).get_details())


@router.get("/{name}/interface", dependencies=[READER])
def get_service_interface(found: Found, name: str) -> ServiceInterface:
    """What a service takes and gives."""
    return ServiceInterface(openapi=LocalWebservice(found, name).describe())


@router.get("/{name}/log", dependencies=[READER])
def get_service_log(
    found: Found, name: str, lines: Annotated[int, Query(ge=1, le=10_000)] = 500
) -> ServiceLog:
    """The end of what a service has said."""
    return ServiceLog(text=LocalWebservice(found, name).get_logs(lines))


@router.post("/{name}/score", dependencies=[CONTRIBUTOR])
def score(found: Found, name: str, request: Annotated[Any, Body()]) -> ServiceAnswer:
    """Ask a service; its key, if it needs one, is added here."""
    text = LocalWebservice(found, name).score(json.dumps(request).encode())
    return ServiceAnswer(answer=json.loads(text))


@router.post("/{name}/start", dependencies=[CONTRIBUTOR])
def start_service(found: Found, name: str) -> ServiceContent:
    """Start a service again."""
    service = LocalWebservice(found, name)
    service.start()
    return _content(service.get_details())


@router.post("/{name}/stop", dependencies=[CONTRIBUTOR])
def stop_service(found: Found, name: str) -> ServiceContent:
    """End a service, which can be started again."""
    service = LocalWebservice(found, name)
    service.stop()
    return _content(service.get_details())
