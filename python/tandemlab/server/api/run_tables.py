"""Pictures of runs, and runs as a table by a filter's text."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from tandemlab.domain import MetricShape, NotFound, RunStatus
from tandemlab.server.access import READER, Found
from tandemlab.server.api.models import RunTableContent
from tandemlab.store.http.wire import encode, encode_table
from tandemlab.tracking.panels import panels_of_run
from tandemlab.tracking.queries import run_query

router = APIRouter(prefix="/workspaces/{workspace}/runs", tags=["runs"])


class LineContent(BaseModel):
    """Points that belong together; null breaks the line."""

    name: str
    x: list[float]
    y: list[float | None]
    errors: list[float]
    is_dots: bool
    shade: float | None


class PanelContent(BaseModel):
    """One part of a picture; see `tandemlab.tracking.panels`. `file` is the name of a file."""

    kind: str
    title: str
    x_label: str
    y_label: str
    lines: list[LineContent]
    diagonal: bool
    labels: list[str]
    cells: list[list[float]]
    edges: list[float]
    heights: list[float]
    texts: list[str]
    file: str


@router.get("/table", dependencies=[READER], response_model=RunTableContent)
def filter_runs(
    found: Found,
    filter: str | None = None,
    order_by: str | None = None,
    experiment: str | None = None,
    status: Annotated[list[RunStatus] | None, Query()] = None,
    include_children: bool = False,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Runs that match, as columns, with the newest value of every series.

    `filter` and `order_by` are what people write, such as `metrics.loss < 0.1` and
    `params.depth desc`.
    """
    query = run_query(
        filter or None,
        order_by or None,
        experiment=experiment,
        status=frozenset(status) if status else None,
        include_children=include_children,
        limit=limit,
        offset=offset,
    )
    found.place.catch_up_all()
    content = encode_table(found.store.table_runs(query))
    return Response(content, media_type="application/json")


@router.get("/{run}/panels", dependencies=[READER], response_model=list[PanelContent])
def list_panels(found: Found, run: str, over: str = "auto") -> Response:
    """What a picture of the run shows; `over` is auto, step, time or index."""
    asked = found.get_run(run)
    try:
        panels = panels_of_run(asked, over=over)
    except NotFound:  # nothing was logged yet
        panels = []
    if any(panel.kind == "image" for panel in panels):
        names = {
            name: metric.chart["file"]
            for name, metric in found.store.get_metrics(asked.id).items()
            if metric.shape is MetricShape.IMAGE and metric.chart is not None
        }
        panels = [replace(each, file=names.get(each.title, "")) for each in panels]
    return Response(encode(panels), media_type="application/json")
