"""Runs: to begin, end, find, delete and restore them."""

from __future__ import annotations

from tandemlab.domain import NewRun, NotFound, RunQuery, RunRecord, RunStatus
from tandemlab.domain.ids import new_display_name, new_run_id
from tandemlab.domain.names import check_name
from tandemlab.domain.times import now
from tandemlab.server.api.checks import check_run
from tandemlab.server.mlflow import answers, messages, search
from tandemlab.server.mlflow.answers import Answer, experiment_name
from tandemlab.server.mlflow.experiments import record_of
from tandemlab.server.own_writer import append
from tandemlab.store.sql import SqlStore
from tandemlab.tracking import Workspace

_MOST = 50_000
_STATUSES = {
    "RUNNING": RunStatus.RUNNING,
    "SCHEDULED": RunStatus.QUEUED,
    "FINISHED": RunStatus.COMPLETED,
    "FAILED": RunStatus.FAILED,
    "KILLED": RunStatus.CANCELED,
}


def create(found: Workspace, ask: messages.NewRun) -> Answer:
    """Begin a run."""
    experiment = check_name(record_of(found, ask.experiment_id).name, what="experiment")
    tags = {tag.key: tag.value for tag in ask.tags}
    name = tags.pop(answers.RUN_NAME, "")
    parent = tags.pop(answers.PARENT, None)
    user = tags.pop(answers.USER, "")
    if parent is not None:
        found.get_record(parent)
    run = NewRun(
        id=new_run_id(experiment),
        experiment=experiment,
        type="interactive" if parent is None else "child",
        display_name=ask.run_name or name or new_display_name(),
        created=now() if ask.start_time is None else answers.time_of(ask.start_time),
        status=RunStatus.RUNNING,
        parent=parent,
        description=tags.pop(answers.NOTE, None),
        context={"user": user or ask.user_id},
        tags=tags,
    )
    check_run(run, found.place.blobs)
    found.place.add_run(run)
    return _answer(found, found.get_record(run.id))


def _answer(workspace: Workspace, record: RunRecord) -> Answer:
    values = workspace.store.latest_values([record.id])
    return {"run": answers.run_of(record, values[record.id])}


def get(found: Workspace, ask: messages.OfRun) -> Answer:
    """A run."""
    return _answer(found, found.get_record(ask.run))


def change(found: Workspace, ask: messages.RunChange) -> Answer:
    """Rename a run, or end it. A run of ours that was submitted ends when its job does."""
    record = found.get_record(ask.run)
    if ask.run_name:
        append(found, record.id, [("attribute", "display_name", ask.run_name)])
    status = _STATUSES.get(ask.status or "")
    if status is not None and not record.is_submitted and status is not record.status:
        time = None if ask.end_time is None else answers.time_of(ask.end_time)
        if status is RunStatus.RUNNING and record.status.is_terminal:
            assert isinstance(found.store, SqlStore)
            found.store.reopen_run(record.id)
        else:
            found.store.move_run(record.id, status, time=time)
    return {"run_info": answers.info_of(found.get_record(record.id))}


def find(found: Workspace, ask: messages.RunSearch) -> Answer:
    """Runs that match, children among them; the newest first."""
    limit, offset = answers.place_of(ask.page_token, ask.max_results, most=_MOST)
    seen = search.view(ask.run_view_type)
    names = [experiment_name(id) for id in ask.experiment_ids]
    if not names:
        return {"runs": []}
    query = RunQuery(
        experiment=names[0] if len(names) == 1 else None,
        filter=search.run_filter(ask.filter, seen, names),
        order_by=search.run_order(ask.order_by),
        include_children=True,
        limit=limit + 1,
        offset=offset,
    )
    found.place.catch_up_all()
    records, more = answers.page(found.store.find_runs(query), limit, offset)
    values = found.store.latest_values([record.id for record in records])
    return {"runs": [answers.run_of(record, values[record.id]) for record in records], **more}


def delete(found: Workspace, ask: messages.OfRun) -> Answer:
    """Hide a run from MLflow's clients."""
    append(found, found.get_record(ask.run).id, [("tag", answers.DELETED, "true")])
    return {}


def restore(found: Workspace, ask: messages.OfRun) -> Answer:
    """Show a run again that was deleted."""
    record = found.get_record(ask.run)
    if answers.DELETED in record.tags:
        append(found, record.id, [("untag", answers.DELETED, None)])
    return {}


def get_history(found: Workspace, ask: messages.History) -> Answer:
    """The values of a metric, in the order in which they were logged."""
    found.place.catch_up(ask.run)
    metric = found.store.get_metrics(ask.run, ask.metric_key).get(ask.metric_key)
    if metric is None:
        return {"metrics": []}
    points = zip(metric.times, map(answers.number, metric.values), metric.steps, strict=True)
    all_points = [
        {"key": metric.name, "value": value, "timestamp": time // 1000, "step": step or 0}
        for time, value, step in points
        if value is not None
    ]
    if ask.max_results is None:
        return {"metrics": all_points}
    limit, offset = answers.place_of(ask.page_token, ask.max_results, most=_MOST)
    shown, more = answers.page(all_points[offset : offset + limit + 1], limit, offset)
    return {"metrics": shown, **more}


def delete_tag(found: Workspace, ask: messages.Key) -> Answer:
    """Take a tag off a run."""
    record = found.get_record(ask.run)
    if ask.key == answers.NOTE and record.description:
        append(found, record.id, [("attribute", "description", "")])
    elif ask.key in record.tags:
        append(found, record.id, [("untag", ask.key, None)])
    else:
        raise NotFound(f"Run {record.id} has no tag {ask.key[:60]!r} that could be deleted.")
    return {}
