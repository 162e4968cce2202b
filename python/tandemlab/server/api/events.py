"""What runs log."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tandemlab.server.access import require, services
from tandemlab.server.api.checks import check_events, check_writer
from tandemlab.server.api.models import TakenIn
from tandemlab.server.api.stored import keep_files
from tandemlab.server.tokens import Role
from tandemlab.store.http.wire import Batch, decode, encode, events_of
from tandemlab.tracking import Workspace

router = APIRouter()


@router.post(
    "/workspaces/{workspace}/runs/{run}/events",
    tags=["runs"],
    response_model=TakenIn,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/EventBatch"}}
            },
        }
    },
)
async def log_events(request: Request, workspace: str, run: str) -> Response:
    """Take in events of one writer; those that are there already are passed over."""
    # Asked most often: FastAPI's dependencies would take longer than the rest of this.
    require(request, Role.CONTRIBUTOR)
    found = services(request).library.find(workspace)
    batch = decode(await request.body(), Batch)
    new = await services(request).writers.run(found, _take_in, found, run, batch)
    services(request).counts.add_events(new)
    return Response(encode({"new": new}), media_type="application/json")


def _take_in(workspace: Workspace, run_id: str, batch: Batch) -> int:
    events = events_of(batch)
    check_events(events)
    if batch.files:
        keep_files(workspace, run_id, batch.files)
    return workspace.store.ingest(
        run_id,
        check_writer(batch.writer),
        events,
        end=batch.end,
        files={file.name: file for file in batch.files},
    )
