"""What MLflow's clients log: each answers with what is to be taken in."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tandemlab.domain import InvalidInput, RunRecord
from tandemlab.server.mlflow import answers, messages, models
from tandemlab.server.mlflow.points import logged_point
from tandemlab.server.own_writer import Entry, Logged
from tandemlab.store.sql.forms import param_columns
from tandemlab.tracking import Workspace

_ATTRIBUTES = {answers.RUN_NAME: "display_name", answers.NOTE: "description"}


def log_metric(found: Workspace, ask: messages.Point) -> Logged:
    """Log one value of a metric."""
    return _log(found, ask.run, [ask], [], [])


def log_param(found: Workspace, ask: messages.NameOfRun) -> Logged:
    """Log a parameter."""
    return _log(found, ask.run, [], [messages.Named(key=ask.key, value=ask.value)], [])


def set_tag(found: Workspace, ask: messages.NameOfRun) -> Logged:
    """Set a tag."""
    return _log(found, ask.run, [], [], [messages.Named(key=ask.key, value=ask.value)])


def log_batch(found: Workspace, ask: messages.LogBatch) -> Logged:
    """Log metrics, parameters and tags, all or none of them."""
    return _log(found, ask.run, ask.metrics, ask.params, ask.tags)


def _log(
    workspace: Workspace,
    run_id: str,
    points: Sequence[messages.Point],
    params: Sequence[messages.Named],
    tags: Sequence[messages.Named],
) -> Logged:
    entries: list[Entry] = []
    if any(point.model_id for point in points):
        points, entries = models.split_points(workspace.get_record(run_id), workspace.store, points)
    if params:
        record = workspace.get_record(run_id)
        entries += [("param", param.key, param.value) for param in _new_params(record, params)]
    entries += [_tag(workspace, run_id, tag) for tag in tags]
    return Logged(entries, [logged_point(point) for point in points])


def _new_params(record: RunRecord, params: Sequence[messages.Named]) -> list[messages.Named]:
    """Those parameters that the run does not have yet.

    Raises:
        InvalidInput: one would change, which MLflow does not allow.
    """
    known = {name: param_columns(value)[2] or "" for name, value in record.params.items()}
    for param in params:
        before = known.setdefault(param.key, param.value)
        if before != param.value:
            raise InvalidInput(
                f"Changing param values is not allowed. Param with key={param.key!r} was already "
                f"logged with value={before!r:.200} for run ID={record.id!r}. "
                f"Attempted logging new value {param.value!r:.200}."
            )
    return [param for param in params if param.key not in record.params]


def _tag(workspace: Workspace, run_id: str, tag: messages.Named) -> Entry:
    if tag.key in _ATTRIBUTES:
        return "attribute", _ATTRIBUTES[tag.key], tag.value
    if tag.key == answers.PARENT and workspace.get_record(run_id).parent != tag.value:
        raise InvalidInput(
            "A run has its parent from its beginning.",
            hint="Give parent_run_id, or nested=True, to start_run().",
        )
    if tag.key.startswith((answers.MODEL, answers.DELETED)):
        raise InvalidInput(f"The tag {tag.key[:60]!r} is the server's own.")
    return "tag", tag.key, tag.value


def log_inputs(found: Workspace, ask: messages.LogInputs) -> Logged:
    """Keep with a run which data and which models it has used."""
    entries: list[Entry] = []
    for item in ask.datasets:
        name = f"{item.dataset.get('name', '')}.{item.dataset.get('digest', '')}"
        text = msgspec.json.encode(item).decode()
        entries.append(("property", f"{answers.DATASET_INPUT}{name}"[:250], text))
    for model in ask.models:
        text = msgspec.json.encode({"model_id": model.model_id}).decode()
        entries.append(("property", f"{answers.MODEL_INPUT}{model.model_id}"[:250], text))
    return Logged(entries)
