"""What runs log."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tandemlab.server.access import require, services
from tandemlab.server.api.models import TakenIn
from tandemlab.server.shortcut import PlainRoute
from tandemlab.server.tokens import Role
from tandemlab.store.http.wire import Batch, decode, encode

router = APIRouter(route_class=PlainRoute)


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
    require(request, Role.CONTRIBUTOR)
    found = services(request).library.find(workspace)
    batch = decode(await request.body(), Batch)
    new = await services(request).writers.take_in(found, run, batch)
    services(request).counts.add_events(new)
    return Response(encode({"new": new}), media_type="application/json")
