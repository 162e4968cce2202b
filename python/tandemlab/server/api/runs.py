"""Runs and what they log."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response

from tandemlab import tracking
from tandemlab.domain import (
    AlreadyExists,
    FileRecord,
    NewRun,
    RunError,
    RunQuery,
    RunRecord,
    RunStatus,
)
from tandemlab.domain.sampling import LEAST
from tandemlab.domain.scalars import to_json
from tandemlab.domain.times import from_micros
from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.server.api.checks import check_run
from tandemlab.server.api.models import (
    ComparisonContent,
    FileContent,
    LineageContent,
    MetricContent,
    PropertyValues,
    RunIds,
    RunTableContent,
    SeriesQuery,
    StatusChange,
)
from tandemlab.server.api.stored import keep_files
from tandemlab.store.http.wire import (
    encode,
    encode_latest,
    encode_metrics,
    encode_metrics_of,
    encode_table,
)

router = APIRouter(prefix="/workspaces/{workspace}/runs", tags=["runs"])


def _json(value: object) -> Response:
    return Response(
        value if isinstance(value, bytes) else encode(value), media_type="application/json"
    )


@router.get("", dependencies=[READER], response_model=list[RunRecord])
def list_runs(
    found: Found,
    experiment: str | None = None,
    status: Annotated[list[RunStatus] | None, Query()] = None,
    include_children: bool = False,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> Response:
    """Runs that match, newest first; `search_runs` can ask for more."""
    query = RunQuery(
        experiment=experiment,
        status=frozenset(status) if status else None,
        include_children=include_children,
        limit=limit,
    )
    return search_runs(found, query)


@router.post("/search", dependencies=[READER], response_model=list[RunRecord])
def search_runs(found: Found, query: Annotated[RunQuery, Body()]) -> Response:
    """Runs that match, newest first."""
    found.place.catch_up_all()
    return _json(found.store.find_runs(query))


@router.post("/table", dependencies=[READER], response_model=RunTableContent)
def table_runs(found: Found, query: Annotated[RunQuery, Body()]) -> Response:
    """Runs that match as columns, with the newest value of every series: quicker for many."""
    found.place.catch_up_all()
    return _json(encode_table(found.store.table_runs(query)))


@router.post("", dependencies=[CONTRIBUTOR], response_model=RunRecord)
def create_run(found: Found, run: Annotated[NewRun, Body()]) -> Response:
    """Create a run; one of that id that exists is given back as it is.

    A queued script is started by the agent of the server's machine.
    """
    present = found.store.get_run(run.id)
    if present is not None:
        return _json(present)
    check_run(run, found.place.blobs)
    run = replace(run, status=RunStatus(run.status))
    with suppress(AlreadyExists):  # its directory is there: the same request came twice
        found.place.add_run(run)
    record = found.store.create_run(run)
    if run.is_submitted and run.status is RunStatus.QUEUED:
        found.attend()
    return _json(record)


@router.post("/statuses", dependencies=[READER])
def get_statuses(found: Found, body: RunIds) -> dict[str, RunStatus]:
    """The status of those runs that exist."""
    return found.store.known_runs(body.ids)


@router.post("/newest-completed", dependencies=[READER])
def get_newest_completed(found: Found, body: PropertyValues) -> dict[str, str]:
    """The newest run that has completed with each value of a property, by the value."""
    return found.store.newest_completed(body.name, body.values, experiment=body.experiment)


@router.post("/files", dependencies=[READER], response_model=dict[str, list[FileContent]])
def get_files_of(found: Found, body: RunIds) -> Response:
    """The files of the runs, by name."""
    found.place.catch_up_all()
    return _json(found.store.files_of(body.ids))


@router.post("/positions", dependencies=[READER])
def get_positions(found: Found, body: RunIds) -> dict[str, dict[str, tuple[int, int]]]:
    """For every writer of the runs: the last seq taken in, and the offset behind it."""
    return found.store.positions_of(body.ids)


@router.post(
    "/latest",
    dependencies=[READER],
    response_model=dict[str, dict[str, Any]],
)
def get_latest_values(found: Found, body: RunIds) -> Response:
    """The newest value of every series of the runs."""
    return _json(encode_latest(found.store.latest_values(body.ids)))


@router.post(
    "/full-metrics",
    dependencies=[READER],
    response_model=dict[str, dict[str, MetricContent]],
)
def get_metrics_of(found: Found, body: RunIds) -> Response:
    """What the runs logged, by run and name; runs that have logged nothing are left out."""
    found.place.catch_up_all()
    return _json(encode_metrics_of(found.store.metrics_of(body.ids)))


@router.post("/series", dependencies=[READER], response_model=dict[str, MetricContent])
def get_series(found: Found, body: SeriesQuery) -> Response:
    """What several runs logged under a name, by run; runs that logged nothing are left out."""
    found.place.catch_up_all()
    store, name = found.store, body.name
    if body.max_points is None:
        return _json(encode_metrics(store.series_of(body.ids, name)))
    known = store.known_runs(body.ids)
    runs = [run for run in dict.fromkeys(body.ids) if run in known]
    sampled = {run: store.get_metrics(run, name, max_points=body.max_points) for run in runs}
    series = {run: metrics[name] for run, metrics in sampled.items() if name in metrics}
    return _json(encode_metrics(series))


@router.get("/{run}", dependencies=[READER], response_model=RunRecord)
def get_run(found: Found, run: str) -> Response:
    """The run of that id."""
    return _json(found.get_record(run))


@router.get("/{run}/comparison/{other}", dependencies=[READER], response_model=ComparisonContent)
def compare_runs(found: Found, run: str, other: str) -> Response:
    """What is different in another run: values, packages, and the source as unified diffs."""
    comparison = tracking.compare_runs(found.get_run(run), found.get_run(other)).to_dict()
    for value in comparison["values"]:
        value.update(left=to_json(value["left"]), right=to_json(value["right"]))
    return _json(comparison)


@router.get("/{run}/lineage", dependencies=[READER], response_model=LineageContent)
def get_lineage(found: Found, run: str) -> Response:
    """Where a run comes from and what came of it."""
    return _json(found.get_run(run).get_lineage().to_dict())


@router.delete("/{run}", status_code=204, dependencies=[CONTRIBUTOR])
def delete_run(found: Found, run: str) -> None:
    """Delete a run that has ended, with its files."""
    found.place.remove_run(found.get_record(run).id)


@router.post("/{run}/status", dependencies=[CONTRIBUTOR], response_model=RunRecord)
def move_run(found: Found, run: str, body: StatusChange) -> Response:
    """Move a run along its life cycle; CancelRequested has its agent stop it."""
    found.store.move_run(
        run,
        body.status,
        time=None if body.time is None else from_micros(body.time),
        error=None if body.error is None else RunError(body.error.message, body.error.code),
        exit_code=body.exit_code,
    )
    record = found.get_record(run)
    if record.is_submitted and record.status is RunStatus.CANCEL_REQUESTED:
        found.attend()
    return _json(record)


@router.get("/{run}/metrics", dependencies=[READER], response_model=dict[str, MetricContent])
def get_metrics(
    found: Found,
    run: str,
    name: str | None = None,
    max_points: Annotated[int | None, Query(ge=LEAST)] = None,
) -> Response:
    """What a run logged, by name.

    With `max_points` longer series are sampled for a picture: their first and last points are kept,
    and the least and the greatest of stretches of equal length.
    """
    found.place.catch_up(run)
    return _json(encode_metrics(found.store.get_metrics(run, name, max_points=max_points)))


@router.get("/{run}/files", dependencies=[READER], response_model=list[FileContent])
def list_files(found: Found, run: str) -> Response:
    """The files of a run by name."""
    found.place.catch_up(run)
    return _json(found.store.list_files(run))


@router.post("/{run}/files", status_code=200, dependencies=[CONTRIBUTOR])
def add_files(found: Found, run: str, body: list[FileContent]) -> dict[str, int]:
    """Record files whose contents were uploaded."""
    files = [FileRecord(file.name, file.digest, file.size) for file in body]
    keep_files(found, run, files)
    found.store.add_files(run, files)
    found.place.blobs.commit([file.digest for file in files])
    return {"files": len(files)}
