"""Workspaces and experiments."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from tandemlab.domain import AlreadyExists, ExperimentRecord, Garbage, NotFound
from tandemlab.domain.findings import Finding
from tandemlab.domain.names import check_name
from tandemlab.server.access import CONTRIBUTOR, OWNER, READER, Found, require, services
from tandemlab.server.api.models import (
    CheckQuery,
    ExperimentChange,
    ExperimentName,
    GarbageQuery,
    NewWorkspace,
    WorkspaceContent,
)
from tandemlab.server.tokens import Role
from tandemlab.tracking import Workspace
from tandemlab.tracking.checking import check
from tandemlab.training.interpreters import describe_targets

router = APIRouter()


def _marker(workspace: Workspace) -> dict[str, Any]:
    marker = workspace.folder.read_marker()
    return {name: marker.get(name) for name in WorkspaceContent.model_fields}


@router.get("/workspaces", tags=["workspaces"], dependencies=[READER])
def list_workspaces(request: Request) -> list[WorkspaceContent]:
    """The workspaces of the server."""
    library = services(request).library
    return [WorkspaceContent(**_marker(library.find(name))) for name in library.names()]


@router.post("/workspaces", tags=["workspaces"], status_code=201, dependencies=[OWNER])
def create_workspace(request: Request, body: NewWorkspace, response: Response) -> WorkspaceContent:
    """Make a workspace."""
    library = services(request).library
    settings = body.model_dump(exclude={"name", "exist_ok"})
    try:
        found = library.create(body.name, **settings)
    except AlreadyExists:
        if not body.exist_ok:
            raise
        found = library.find(body.name)
        response.status_code = 200
    return WorkspaceContent(**_marker(found))


@router.get("/workspaces/{workspace}", tags=["workspaces"], dependencies=[READER])
def get_workspace(found: Found) -> WorkspaceContent:
    """A workspace."""
    return WorkspaceContent(**_marker(found))


@router.delete(
    "/workspaces/{workspace}", tags=["workspaces"], status_code=204, dependencies=[OWNER]
)
def delete_workspace(request: Request, workspace: str) -> None:
    """Delete a workspace with everything in it."""
    services(request).library.delete(workspace)


@router.post("/workspaces/{workspace}/gc", tags=["workspaces"], dependencies=[OWNER])
def collect_garbage(found: Found, body: GarbageQuery) -> Garbage:
    """Remove contents that no run and no asset needs any more, or count them."""
    return found.gc(body.older_than_seconds, body.dry_run, take_over=body.take_over)


@router.post("/workspaces/{workspace}/check", tags=["workspaces"], dependencies=[CONTRIBUTOR])
def check_workspace(request: Request, found: Found, body: CheckQuery) -> list[Finding]:
    """What is not as it should be in a workspace, and what an owner has had repaired of it."""
    if body.repair:
        require(request, Role.OWNER)
    return check(found, repair=body.repair, deep=body.deep, is_served=True)


@router.get("/workspaces/{workspace}/targets", tags=["workspaces"], dependencies=[READER])
def list_targets(found: Found) -> dict[str, dict[str, str | None]]:
    """The compute targets; for each, the interpreter of each language."""
    return describe_targets(found)


@router.post(
    "/workspaces/{workspace}/agent",
    tags=["workspaces"],
    status_code=204,
    dependencies=[CONTRIBUTOR],
)
def attend(found: Found) -> None:
    """See to it that an agent works on queued runs."""
    found.attend()


@router.get("/workspaces/{workspace}/experiments", tags=["experiments"], dependencies=[READER])
def list_experiments(found: Found) -> list[ExperimentRecord]:
    """All experiments by name, archived ones included."""
    found.place.catch_up_all()
    return found.store.list_experiments()


@router.post(
    "/workspaces/{workspace}/experiments", tags=["experiments"], dependencies=[CONTRIBUTOR]
)
def ensure_experiment(found: Found, body: ExperimentName) -> ExperimentRecord:
    """The experiment of that name, made if it is not there."""
    return found.store.ensure_experiment(check_name(body.name, what="experiment"))


@router.get(
    "/workspaces/{workspace}/experiments/{experiment}", tags=["experiments"], dependencies=[READER]
)
def get_experiment(found: Found, experiment: str) -> ExperimentRecord:
    """The experiment of that name."""
    record = found.store.get_experiment(experiment)
    if record is None:
        raise NotFound(
            f"There is no experiment {experiment[:128]!r}.", details={"experiment": experiment}
        )
    return record


@router.patch(
    "/workspaces/{workspace}/experiments/{experiment}",
    tags=["experiments"],
    status_code=204,
    dependencies=[CONTRIBUTOR],
)
def update_experiment(found: Found, experiment: str, body: ExperimentChange) -> None:
    """Hide an experiment from lists, or show it again."""
    found.store.archive_experiment(experiment, archived=body.archived)
