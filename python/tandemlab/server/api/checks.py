"""Whether what a client sends can be kept. What cannot is refused before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tandemlab.domain import FileRecord, InvalidInput, NewRun, NotFound, RunStatus
from tandemlab.domain.events import SHAPES, Event, Kind
from tandemlab.domain.jobs import JobSettings
from tandemlab.domain.names import check_file_name, check_metric_name, check_name
from tandemlab.domain.pipeline_plans import Plan
from tandemlab.domain.records import JOBS, SUBMITTED
from tandemlab.domain.scalars import as_scalars, from_json
from tandemlab.domain.sweeps import SweepPlan
from tandemlab.store.blobs import is_digest
from tandemlab.store.place import Blobs
from tandemlab.store.snapshots import read_manifest

_KINDS = frozenset(kind.value for kind in Kind)
_TYPES = frozenset({*SUBMITTED, "interactive", "offline", "child"})
_WRITER = re.compile(r"[A-Za-z0-9_.-]{1,120}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INTEGER = 2**63
_LATEST_TIME = 253_402_300_800_000_000  # the year 10000
_RESERVED = ("user_logs/", "system/")


def check_run(run: NewRun, blobs: Blobs) -> None:
    """Whether a run can be created.

    Raises:
        InvalidInput: its names, type, source or command cannot be used.
    """
    for text, what in ((run.id, "run"), (run.experiment, "experiment")):
        if check_name(text, what=what) != text:
            raise InvalidInput(f"The name {text!r} is not in Unicode's composed form.")
    if run.type not in _TYPES:
        raise InvalidInput(f"A run cannot be of the type {run.type!r}.")
    check_metric_name(run.display_name)
    for name in (*run.tags, *run.properties, *run.params):
        check_metric_name(name)
    as_scalars(run.params)
    if run.snapshot is not None:
        _check_snapshot(run.snapshot, blobs)
    if run.type in JOBS and run.status is RunStatus.QUEUED:
        _check_job(run.definition)
    if run.type == "sweep":
        _check_job(SweepPlan.of(run.definition).trial.definition)
    if run.type == "pipeline":
        plan = Plan.of(run.definition)
        plan.check()
        for step in plan.steps.values():
            if step.snapshot is not None:
                _check_snapshot(step.snapshot, blobs)
            _check_job(step.definition)


def _check_snapshot(snapshot: str, blobs: Blobs) -> None:
    try:
        for file in read_manifest(snapshot, blobs):
            blobs.find(file.digest)
    except NotFound as error:
        raise InvalidInput(
            "The run's source has not been uploaded.", details={"snapshot": snapshot[:64]}
        ) from error


def _check_job(definition: Mapping[str, Any]) -> None:
    command = definition.get("command")
    variables = definition.get("environment_variables") or {}
    limit = definition.get("max_run_duration_seconds")
    problem = ""
    if not _is_words(command) or not command:
        problem = "it has no command"
    elif definition.get("language", "") not in ("python", "r", None):
        problem = "its language is neither python nor r"
    elif not isinstance(variables, Mapping) or not all(
        _VARIABLE.fullmatch(str(name)) and isinstance(value, str)
        for name, value in variables.items()
    ):
        problem = "its environment variables are not names with texts"
    elif limit is not None and not (isinstance(limit, (int, float)) and limit > 0):
        problem = "its time limit is not above 0"
    JobSettings.of(definition)
    if problem:
        raise InvalidInput(f"The run cannot be queued: {problem}.")


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def check_writer(writer: str) -> str:
    """Whether a writer can have that name."""
    if not _WRITER.fullmatch(writer):
        raise InvalidInput(f"{writer[:60]!r} cannot be the name of a writer.")
    return writer


def check_events(events: Sequence[Event]) -> None:
    """Whether events can be taken in.

    Raises:
        InvalidInput: an event of no kind, or whose value is not of its kind.
    """
    names = set()
    for event in events:
        if not 0 <= event.time < _LATEST_TIME or not 1 <= event.seq < _INTEGER:
            raise InvalidInput(f"The event {event.seq} has no usable place or time.")
        if event.step is not None and not -_INTEGER <= event.step < _INTEGER:
            raise InvalidInput(f"The step of event {event.seq} is too large.")
        if event.kind == "metric":
            names.add(event.name)
            if type(event.value) is not float:
                _check_scalar(event.value)
        else:
            _check_other(event)
    for name in names:
        check_metric_name(name)


def _check_other(event: Event) -> None:
    if event.kind not in _KINDS:
        raise InvalidInput(f"{event.kind[:60]!r} is no kind of event.")
    if event.kind == "file":
        check_file_name(event.name)
    else:
        check_metric_name(event.name)
    value, is_sound = event.value, True
    if event.kind == "list":
        is_sound = _are_scalars(value)
    elif event.kind == "row":
        is_sound = isinstance(value, dict) and _are_scalars(list(value.values()))
    elif event.kind == "table":
        is_sound = (
            isinstance(value, dict)
            and all(_are_scalars(cells) for cells in value.values())
            and len({len(cells) for cells in value.values()}) <= 1
        )
    elif event.kind == "image":
        is_sound = isinstance(value, dict) and isinstance(value.get("file"), str)
        if is_sound:
            check_file_name(value["file"])
    elif event.kind in SHAPES:
        is_sound = isinstance(value, dict)
    elif event.kind == "tag":
        is_sound = value is None or isinstance(value, str)
    elif event.kind in ("property", "attribute"):
        is_sound = isinstance(value, str)
    elif event.kind == "child":
        is_sound = isinstance(value, dict)
    elif event.kind == "status":
        is_sound = _is_status(value)
    if not is_sound:
        raise InvalidInput(f"The value of event {event.seq} is not that of a {event.kind}.")


def _are_scalars(values: object) -> bool:
    if not isinstance(values, list):
        return False
    for value in values:
        _check_scalar(value)
    return True


def _check_scalar(value: Any) -> None:
    number = from_json(value)
    if isinstance(number, int) and not isinstance(number, bool) and abs(number) >= 10**300:
        raise InvalidInput("A whole number has more than 300 digits.")


def _is_status(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    error = value.get("error")
    return value.get("status") in {str(status) for status in RunStatus} and (
        error is None or (isinstance(error, dict) and isinstance(error.get("message"), str))
    )


def check_run_file(name: str, *, is_script: bool) -> None:
    """Whether a client may give a run a file of that name.

    Raises:
        InvalidInput: the name cannot be one, or is the job's own.
    """
    check_file_name(name)
    if is_script and name.startswith(_RESERVED):
        raise InvalidInput(f"The file {name!r} is written by the run's job alone.")


def check_files(files: Iterable[FileRecord], blobs: Blobs, *, is_script: bool) -> None:
    """Whether files can become files of a run.

    Raises:
        InvalidInput: a name that cannot be one, or is the job's own; or a content that was not
            uploaded.
    """
    for file in files:
        check_run_file(file.name, is_script=is_script)
        try:
            size = blobs.find(file.digest).stat().st_size if is_digest(file.digest) else -1
        except NotFound:
            size = -1
        if size != file.size:
            raise InvalidInput(
                f"The content of {file.name!r} has not been uploaded.",
                details={"name": file.name, "digest": file.digest[:64]},
            )
