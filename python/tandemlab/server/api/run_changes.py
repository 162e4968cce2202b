"""What people change of a run: its name, description and tags."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from tandemlab.domain import InvalidInput, RunRecord
from tandemlab.server.access import CONTRIBUTOR, Found, services
from tandemlab.server.api.request_content import RequestContent
from tandemlab.server.own_writer import Entry, append
from tandemlab.store.http.wire import encode

router = APIRouter(prefix="/workspaces/{workspace}/runs", tags=["runs"])


class RunChange(RequestContent, BaseModel):
    """What is to be another; what is absent stays as it is."""

    display_name: str | None = None
    description: str | None = None
    tags: dict[str, str | None] = {}
    removed_tags: list[str] = []

    def entries(self) -> list[Entry]:
        """The events that change it."""
        if self.display_name is not None and not self.display_name.strip():
            raise InvalidInput("A run needs a name.")
        attributes = {"display_name": self.display_name, "description": self.description}
        return [
            *(("attribute", name, text) for name, text in attributes.items() if text is not None),
            *(("tag", name, text) for name, text in self.tags.items()),
            *(("untag", name, None) for name in self.removed_tags),
        ]


@router.patch("/{run}", dependencies=[CONTRIBUTOR], response_model=RunRecord)
async def update_run(request: Request, found: Found, run: str, change: RunChange) -> Response:
    """Rename a run, describe it, or change its tags, also once it has ended."""

    def made() -> RunRecord:
        run_id = found.get_record(run).id
        entries = change.entries()
        if entries:
            append(found, run_id, entries)
        return found.get_record(run_id)

    record = await services(request).writers.run(found, made)
    return Response(encode(record), media_type="application/json")


@router.post("/{run}/cancel", dependencies=[CONTRIBUTOR], response_model=RunRecord)
def cancel_run(found: Found, run: str) -> Response:
    """Cancel a run: a submitted one is stopped with all its processes."""
    asked = found.get_run(run)
    asked.cancel()
    return Response(encode(asked.record), media_type="application/json")
