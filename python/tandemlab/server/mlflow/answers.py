"""What MLflow's clients get: records of the domain as MLflow has them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from tandemlab.domain import ExperimentRecord, InvalidInput, RunRecord, RunStatus, Scalar
from tandemlab.domain.times import from_micros, to_micros
from tandemlab.store.sql.forms import param_columns

T = TypeVar("T")
Answer = dict[str, Any]

# A server of MLflow's always has an experiment of the id 0. The two names are exchanged, so that
# every experiment has an id of its own.
_EXCHANGED = {"Default": "0", "0": "Default"}
DEFAULT = "Default"

ARTIFACTS = "mlflow-artifacts:/"
DELETED = "mlflow.deleted"
RUN_NAME, NOTE, USER, PARENT = (
    "mlflow.runName",
    "mlflow.note.content",
    "mlflow.user",
    "mlflow.parentRunId",
)
MODEL = "mlflow.loggedModel."
DATASET_INPUT, MODEL_INPUT = "mlflow.datasetInput.", "mlflow.modelInput."
_OWN_TAGS = (MODEL, DELETED)
_LATEST = 253_402_300_800_000  # the year 10000

STATUSES = {
    RunStatus.NOT_STARTED: "SCHEDULED",
    RunStatus.QUEUED: "SCHEDULED",
    RunStatus.PREPARING: "SCHEDULED",
    RunStatus.RUNNING: "RUNNING",
    RunStatus.FINALIZING: "RUNNING",
    RunStatus.CANCEL_REQUESTED: "RUNNING",
    RunStatus.COMPLETED: "FINISHED",
    RunStatus.FAILED: "FAILED",
    RunStatus.CANCELED: "KILLED",
}


def experiment_id(name: str) -> str:
    """The id of an experiment: its name, but for the default one.

    >>> experiment_id("accidents"), experiment_id("Default")
    ('accidents', '0')
    """
    return _EXCHANGED.get(name, name)


def experiment_name(id: str) -> str:
    """The name behind an experiment's id."""
    return _EXCHANGED.get(id, id)


def millis(time: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return to_micros(time) // 1000


def time_of(millis: int) -> datetime:
    """The time that many milliseconds after 1970-01-01 UTC.

    Raises:
        InvalidInput: before that, or after the year 9999.
    """
    if not 0 <= millis < _LATEST:
        raise InvalidInput(f"{millis} is no time in milliseconds since 1970-01-01 UTC.")
    return from_micros(1000 * millis)


def number(value: Scalar) -> float | str | None:
    """A metric's value as MLflow has it, which knows numbers alone; None for others.

    >>> number(True), number(float("nan")), number("high")
    (1.0, 'NaN', None)
    """
    if value is None or isinstance(value, str):
        return None
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def named(values: Mapping[str, str | None]) -> list[Answer]:
    """Names with their values."""
    return [{"key": name, "value": value or ""} for name, value in values.items()]


def page(items: list[T], limit: int, offset: int) -> tuple[list[T], Answer]:
    """The items of a page, of which one more was asked for, and the token of the next."""
    more = {"next_page_token": str(offset + limit)} if len(items) > limit else {}
    return items[:limit], more


def place_of(token: str, limit: int | None, *, most: int) -> tuple[int, int]:
    """How many items a page has, and how many come before it.

    Raises:
        InvalidInput: no such page.

    >>> place_of("", None, most=1000), place_of("20", 10, most=1000)
    ((1000, 0), (10, 20))
    """
    if token and not (token.isdecimal() and len(token) < 16):
        raise InvalidInput(f"{token[:60]!r} is not the token of a page.")
    if limit is not None and not 1 <= limit <= most:
        raise InvalidInput(f"max_results is a number from 1 to {most}, not {limit}.")
    return most if limit is None else limit, int(token or "0")


def experiment_of(record: ExperimentRecord) -> Answer:
    """An experiment."""
    created = millis(record.created)
    return {
        "experiment_id": experiment_id(record.name),
        "name": record.name,
        "artifact_location": f"{ARTIFACTS}experiments/{experiment_id(record.name)}",
        "lifecycle_stage": "deleted" if record.archived else "active",
        "creation_time": created,
        "last_update_time": created,
        "tags": [],
    }


def run_of(record: RunRecord, values: Mapping[str, Scalar]) -> Answer:
    """A run with the newest value of each of its metrics."""
    return {
        "info": info_of(record),
        "data": {
            "metrics": [
                {"key": name, "value": number(value)}
                for name, value in values.items()
                if number(value) is not None
            ],
            "params": named({name: _text(value) for name, value in record.params.items()}),
            "tags": named(_tags(record)),
        },
        "inputs": _inputs(record),
        "outputs": {
            "model_outputs": [
                {"model_id": model_id, "step": model["step"]}
                for model_id, model in models_of(record)
                if model["step"] is not None
            ]
        },
    }


def info_of(record: RunRecord) -> Answer:
    """What a run is."""
    info = {
        "run_id": record.id,
        "run_uuid": record.id,
        "run_name": record.display_name,
        "experiment_id": experiment_id(record.experiment),
        "user_id": str(record.context.get("user") or ""),
        "status": STATUSES[record.status],
        "start_time": millis(record.started or record.created),
        "artifact_uri": artifact_uri(record.id),
        "lifecycle_stage": "deleted" if DELETED in record.tags else "active",
    }
    return info if record.ended is None else {**info, "end_time": millis(record.ended)}


def artifact_uri(run_id: str, folder: str = "") -> str:
    """Where clients find the files of a run, or a folder of them."""
    return f"{ARTIFACTS}runs/{run_id}{'/' if folder else ''}{folder}"


def model_uri(name: str, version: int) -> str:
    """Where clients find the files of a version of a registered model."""
    return f"{ARTIFACTS}models/{name}/{version}"


def models_of(record: RunRecord) -> Iterator[tuple[str, Answer]]:
    """The models that a run has made, by id, in their order."""
    numbers = (name.removeprefix(MODEL) for name in record.tags if name.startswith(MODEL))
    for number in sorted(int(text) for text in numbers if text.isdecimal()):
        with suppress(ValueError):  # somebody else's tag
            yield f"m-{record.id}-{number}", json.loads(record.tags[f"{MODEL}{number}"] or "")


def _text(value: Any) -> str:
    return param_columns(value)[2] or ""


def _tags(record: RunRecord) -> dict[str, str | None]:
    """Tags of a run, those that MLflow keeps for what we have fields for among them."""
    fields = {
        RUN_NAME: record.display_name,
        NOTE: record.description,
        USER: record.context.get("user"),
        PARENT: record.parent,
        "mlflow.source.name": record.definition.get("script"),
        "mlflow.source.git.commit": (record.context.get("git") or {}).get("commit"),
    }
    own = {name: value for name, value in record.tags.items() if not name.startswith(_OWN_TAGS)}
    return {**{name: str(value) for name, value in fields.items() if value}, **own}


def _inputs(record: RunRecord) -> Answer:
    def texts(prefix: str) -> Iterable[str]:
        return (text for name, text in record.properties.items() if name.startswith(prefix))

    return {
        "dataset_inputs": [json.loads(text) for text in texts(DATASET_INPUT)],
        "model_inputs": [json.loads(text) for text in texts(MODEL_INPUT)],
    }
