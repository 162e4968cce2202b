"""Logged models: each is a folder of its run's files, described by a tag of the run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from tandemlab.domain import InvalidInput, NotFound, RunQuery, RunRecord, RunStatus
from tandemlab.domain.filters import Field, Value
from tandemlab.domain.names import check_name
from tandemlab.domain.scalars import to_json
from tandemlab.domain.times import now
from tandemlab.server.mlflow import answers, messages, runs, search
from tandemlab.server.mlflow.answers import Answer, experiment_name
from tandemlab.server.mlflow.points import value_of
from tandemlab.server.own_writer import Entry, append
from tandemlab.store import Store
from tandemlab.tracking import Workspace

_MOST = 100
_PENDING = "LOGGED_MODEL_PENDING"
_STATUSES = frozenset({_PENDING, "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"})
_NAMES = {
    "name": "display_name",
    "model_id": "id",
    "model_type": "type",
    "source_run_id": "parent",
    "creation_time": "created",
    "creation_timestamp": "created",
    "creation_timestamp_ms": "created",
}


def create(found: Workspace, ask: messages.NewModel) -> Answer:
    """Begin a model; one that no run has made gets a run of its own."""
    name = check_name(ask.name or "model", what="model")
    record = (
        found.get_record(ask.source_run_id) if ask.source_run_id else _own_run(found, ask, name)
    )
    known = [model for _, model in answers.models_of(record)]
    time = answers.millis(now())
    model = {
        "name": name,
        "folder": _free_folder(name, {model["folder"] for model in known}),
        "type": ask.model_type,
        "status": _PENDING,
        "created": time,
        "updated": time,
        "step": None,
        "params": {param.key: param.value for param in ask.params},
        "tags": {tag.key: tag.value for tag in ask.tags},
        "metrics": {},
    }
    number = len(known) + 1
    append(found, record.id, [_entry(number, model)])
    return {"model": answer_of(record, _id(record, number), model)}


def _own_run(workspace: Workspace, ask: messages.NewModel, name: str) -> RunRecord:
    made = runs.create(
        workspace, messages.NewRun(experiment_id=ask.experiment_id, run_name=name, tags=ask.tags)
    )
    run_id = made["run"]["info"]["run_id"]
    workspace.store.move_run(run_id, RunStatus.COMPLETED)
    record = workspace.store.get_run(run_id)
    assert record is not None
    return record


def _free_folder(name: str, taken: set[str]) -> str:
    """Where a model's files go: ``models/NAME``, with a number where that is taken."""
    folder, number = f"models/{name}", 1
    while folder in taken:
        number += 1
        folder = f"models/{name}-{number}"
    return folder


def _id(record: RunRecord, number: int) -> str:
    return f"m-{record.id}-{number}"


def _entry(number: int, model: Answer) -> Entry:
    return "tag", f"{answers.MODEL}{number}", json.dumps(model, ensure_ascii=False)


def answer_of(record: RunRecord, model_id: str, model: Answer) -> Answer:
    """A model as MLflow has it."""
    return {
        "info": {
            "model_id": model_id,
            "experiment_id": answers.experiment_id(record.experiment),
            "name": model["name"],
            "creation_timestamp_ms": model["created"],
            "last_updated_timestamp_ms": model["updated"],
            "artifact_uri": answers.artifact_uri(record.id, model["folder"]),
            "status": model["status"],
            "model_type": model["type"],
            "source_run_id": record.id,
            "tags": answers.named(model["tags"]),
        },
        "data": {
            "params": answers.named(model["params"]),
            "metrics": [
                {**point, "key": name, "model_id": model_id, "run_id": record.id}
                for name, point in model["metrics"].items()
            ],
        },
    }


def _find(workspace: Workspace, model_id: str) -> tuple[RunRecord, int, Answer]:
    """A model's run, its number there, and what is known of it.

    Raises:
        NotFound: there is none, or it was deleted.
    """
    run_id, _, number = model_id.removeprefix("m-").rpartition("-")
    if run_id and number.isdecimal():
        record = workspace.get_record(run_id)
        model = dict(answers.models_of(record)).get(model_id)
        if model is not None and not model.get("deleted"):
            return record, int(number), model
    raise NotFound(f"There is no logged model {model_id[:128]!r}.", details={"what": "model"})


def place_of(workspace: Workspace, model_id: str) -> tuple[str, str]:
    """The run and the folder in it that have a model's files."""
    record, _, model = _find(workspace, model_id)
    return record.id, model["folder"]


def folder_in(record: RunRecord, path: str) -> tuple[str, str]:
    """The run, and its newest model of that name, or else the path itself."""
    named = [model for _, model in answers.models_of(record) if model["name"] == path]
    return record.id, named[-1]["folder"] if named else path


def get(found: Workspace, ask: messages.OfModel) -> Answer:
    """A model by its id."""
    record, _, model = _find(found, ask.model_id)
    return {"model": answer_of(record, ask.model_id, model)}


def _change(workspace: Workspace, model_id: str, change: Callable[[Answer], None]) -> Answer:
    record, number, model = _find(workspace, model_id)
    change(model)
    model["updated"] = answers.millis(now())
    append(workspace, record.id, [_entry(number, model)])
    return {"model": answer_of(record, model_id, model)}


def finalize(found: Workspace, ask: messages.ModelStatus) -> Answer:
    """Say what became of a model's files."""
    if ask.status not in _STATUSES:
        raise InvalidInput(f"{ask.status[:60]!r} is no status of a model.")
    return _change(found, ask.model_id, lambda model: model.update(status=ask.status))


def set_tags(found: Workspace, ask: messages.ModelNames) -> Answer:
    """Set tags of a model."""
    tags = {tag.key: tag.value for tag in ask.tags}
    return _change(found, ask.model_id, lambda model: model["tags"].update(tags))


def delete_tag(found: Workspace, ask: messages.ModelKey) -> Answer:
    """Take a tag off a model."""
    _change(found, ask.model_id, lambda model: model["tags"].pop(ask.tag_key, None))
    return {}


def log_params(found: Workspace, ask: messages.ModelNames) -> Answer:
    """Add parameters to a model."""
    params = {param.key: param.value for param in ask.params}
    _change(found, ask.model_id, lambda model: model["params"].update(params))
    return {}


def delete(found: Workspace, ask: messages.OfModel) -> Answer:
    """Forget a model; its files stay with the run."""
    _change(found, ask.model_id, lambda model: model.update(deleted=True))
    return {}


def log_outputs(found: Workspace, ask: messages.LogOutputs) -> Answer:
    """Say at which step a run has made its models."""
    record = found.get_record(ask.run)
    known = dict(answers.models_of(record))
    entries = []
    for output in ask.models:
        if output.model_id not in known:
            raise NotFound(f"The run {record.id} has no model {output.model_id[:128]!r}.")
        number = int(output.model_id.rpartition("-")[2])
        entries.append(_entry(number, {**known[output.model_id], "step": output.step}))
    append(found, record.id, entries)
    return {}


def find(found: Workspace, ask: messages.ModelSearch) -> Answer:
    """Models that match, the newest first."""
    if ask.datasets:
        raise InvalidInput("Models are not searched by datasets here.")
    limit, offset = answers.place_of(ask.page_token, ask.max_results, most=_MOST)
    found.place.catch_up_all()
    wanted = search.run_filter(f"tags.{answers.MODEL}1 is not null", search.view("ACTIVE_ONLY"), [])
    items = [
        (record, model_id, model)
        for id in ask.experiment_ids
        for record in found.store.find_runs(
            RunQuery(
                experiment=experiment_name(id),
                filter=wanted,
                include_children=True,
            )
        )
        for model_id, model in answers.models_of(record)
        if not model.get("deleted")
    ]
    items.sort(key=lambda item: item[2]["created"], reverse=True)
    orders = [
        f"{order.field_name} {'asc' if order.ascending else 'desc'}" for order in ask.order_by
    ]
    matching = search.matching(items, ask.filter, orders, _value, _NAMES)
    shown, more = answers.page(matching[offset : offset + limit + 1], limit, offset)
    return {"models": [answer_of(*item) for item in shown], **more}


def _value(item: tuple[RunRecord, str, Answer], field: Field) -> Value | None:
    record, model_id, model = item
    if field.group == "metrics":
        point = model["metrics"].get(field.name)
        return None if point is None else float(point["value"])
    if field.group:
        return {**model.get(field.group, {})}.get(field.name)
    known: dict[str, Value] = {
        "display_name": model["name"],
        "id": model_id,
        "type": model["type"],
        "parent": record.id,
        "created": 1000 * model["created"],
    }
    if field.name not in known:
        raise InvalidInput(f"Models are searched by {', '.join(_NAMES)}, not by {field.name!r}.")
    return known[field.name]


def split_points(
    record: RunRecord, store: Store, points: Sequence[messages.Point]
) -> tuple[list[messages.Point], list[Entry]]:
    """What a run logs of points that belong to models, too.

    Clients log the same point for the run and for each model: it is one value of the run.

    Returns:
        The points that the run does not have yet, and what is to be noted of its models.
    """
    known = {name: _logged(store, record.id, name) for name in {point.key for point in points}}
    models = dict(answers.models_of(record))
    new: list[messages.Point] = []
    changed: dict[str, Answer] = {}
    for point in points:
        place = (point.timestamp, point.step, str(value_of(point)))
        if place not in known[point.key]:
            known[point.key].add(place)
            new.append(point)
        if point.model_id in models:
            model = changed.setdefault(point.model_id, models[point.model_id])
            model["metrics"][point.key] = {
                "value": point.value,
                "timestamp": point.timestamp,
                "step": point.step,
            }
    entries = [_entry(int(id.rpartition("-")[2]), model) for id, model in changed.items()]
    return new, entries


def _logged(store: Store, run_id: str, name: str) -> set[tuple[int, int, str]]:
    metric = store.get_metrics(run_id, name).get(name)
    if metric is None:
        return set()
    return {
        (time // 1000, step or 0, str(to_json(value)))
        for time, step, value in zip(metric.times, metric.steps, metric.values, strict=True)
    }
