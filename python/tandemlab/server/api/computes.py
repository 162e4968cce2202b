"""Compute targets: what there is, how full it is, and its machines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from tandemlab.compute import ComputeTarget
from tandemlab.server.access import READER, Found

router = APIRouter(prefix="/workspaces/{workspace}/computes", tags=["compute"])


class ComputeContent(BaseModel):
    """A compute target; credentials are never told."""

    name: str
    kind: str
    location: str
    slots: int | None
    active_runs: int
    version: int | None
    created: datetime | None
    description: str | None
    tags: dict[str, str | None]
    settings: dict[str, Any]


class NodeContent(BaseModel):
    """A machine of a target; memory in bytes."""

    name: str
    state: str
    cpus: int | None
    memory: int | None
    gpus: int | None


def _content(target: ComputeTarget) -> ComputeContent:
    capacity = target.capacity()
    return ComputeContent(
        name=target.name,
        kind=target.kind,
        location=target.location,
        slots=capacity.slots,
        active_runs=capacity.used,
        version=target.version,
        created=target.created_time,
        description=target.description,
        tags=dict(target.tags),
        settings=dict(target.settings),
    )


@router.get("", dependencies=[READER])
def list_computes(found: Found) -> list[ComputeContent]:
    """The targets that runs can run on."""
    return [_content(target) for target in ComputeTarget.list(found)]


@router.get("/{name}", dependencies=[READER])
def get_compute(found: Found, name: str) -> ComputeContent:
    """A target."""
    return _content(ComputeTarget.get(found, name))


@router.get("/{name}/nodes", dependencies=[READER])
def list_nodes(found: Found, name: str) -> list[NodeContent]:
    """The machines of a target, asked now."""
    return [
        NodeContent(**{field: getattr(node, field) for field in NodeContent.model_fields})
        for node in ComputeTarget.get(found, name).nodes()
    ]
