"""What the R package calls: one function, text in and text out.

R sends ``{"call": "run.tags", "arguments": {…}}`` and gets ``{"value": …, "warnings": […]}`` or
``{"error": {"code": …, "message": …, "hint": …, "details": …}}``. Text alone crosses, so nothing
depends on how reticulate converts values. In an answer every object is one of

| form | R gets |
|---|---|
| ``{"$map": [[name, value], …]}`` | a named list |
| ``{"$vector": {"type", "values", …}}`` | an atomic vector; null is NA |
| ``{"$frame": [{"name", "type", "values", …}, …]}`` | a data frame |
| ``{"$float": "nan" / "inf" / "-inf"}`` | that number |

and arrays are lists. A double vector names its non-finite places, from 1, under ``nan``, ``inf``
and ``-inf``; times are seconds since 1970-01-01 UTC; integers that a double cannot hold are text.
"""

from __future__ import annotations

import json
import math
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from tandemlab import __version__
from tandemlab.domain import MetricShape, NotFound, RunError, TandemlabError
from tandemlab.tracking import Experiment, Run, Workspace
from tandemlab.tracking.waiting import raise_if_failed
from tandemlab.training import ScriptRunConfig

Json: TypeAlias = Any
TagFilter: TypeAlias = str | Mapping[str, str | None] | None

_LARGEST_EXACT = 2**53
_LARGEST_INTEGER = 2**31 - 1


def call(request: str) -> str:
    """Answer one request of the R package; see the module's text for the forms.

    >>> call('{"call": "version", "arguments": {}}')
    '{"value": "0.1.0", "warnings": []}'
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            content = json.loads(request)
            value = _CALLS[content["call"]](**content["arguments"])
            answer = {"value": value, "warnings": [str(warning.message) for warning in caught]}
            return _text(answer)
        except TandemlabError as error:
            return _text(
                {
                    "error": {
                        "code": error.code,
                        "message": error.message,
                        "hint": error.hint,
                        "details": wire(error.details),
                    }
                }
            )
        except Exception as error:  # R would see the text of it and no more
            return _text(
                {
                    "error": {
                        "code": "internal",
                        "message": f"{type(error).__name__}: {error}",
                        "hint": "This is a mistake in tandemlab; details$traceback has the place.",
                        "details": wire({"traceback": traceback.format_exc()}),
                    }
                }
            )


# Values


def wire(value: object) -> Json:
    """A plain value in the form of an answer.

    >>> wire({"a": None, "b": [1, 2]})
    {'$map': [['a', None], ['b', {'$vector': {'type': 'integer', 'values': [1, 2]}}]]}
    """
    if isinstance(value, Mapping):
        return {"$map": [[_clean(str(name)), wire(item)] for name, item in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = _kind(value)
        return [wire(item) for item in value] if kind == "list" else vector(value, kind)
    if isinstance(value, str):
        return _clean(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_EXACT else vector([value])
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": _word(value)}
    return _clean(str(value))


def vector(values: Sequence[object], kind: str | None = None) -> Json:
    """Scalars of one kind as an R vector; None is NA."""
    return {"$vector": _typed(values, kind or _kind(values))}


def frame(columns: Mapping[str, Sequence[object]]) -> Json:
    """Columns of equal length as an R data frame; a column of several kinds is a list there."""
    return {
        "$frame": [
            {"name": _clean(name), **_typed(values, _kind(values))}
            for name, values in columns.items()
        ]
    }


def _kind(values: Sequence[object]) -> str:
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds or kinds == {bool}:
        return "logical"
    if kinds == {str}:
        return "character"
    if kinds == {int}:
        largest = max(abs(value) for value in values if isinstance(value, int))
        if largest <= _LARGEST_INTEGER:
            return "integer"
        return "double" if largest <= _LARGEST_EXACT else "integer64"
    if kinds <= {int, float}:
        return "double"
    return "time" if kinds == {datetime} else "list"


def _typed(values: Sequence[object], kind: str) -> dict[str, Json]:
    if kind == "time":
        seconds = [v.timestamp() if isinstance(v, datetime) else None for v in values]
        return {"type": kind, "values": seconds}
    if kind == "character":
        return {"type": kind, "values": [_clean(v) if isinstance(v, str) else v for v in values]}
    if kind == "integer64":
        return {"type": kind, "values": [None if v is None else str(v) for v in values]}
    if kind == "list":
        return {"type": kind, "values": [vector([value]) for value in values]}
    if kind != "double":
        return {"type": kind, "values": list(values)}
    places: dict[str, list[int]] = {}
    for place, value in enumerate(values, 1):
        if isinstance(value, float) and not math.isfinite(value):
            places.setdefault(_word(value), []).append(place)
    finite = [None if isinstance(v, float) and not math.isfinite(v) else v for v in values]
    return {"type": kind, "values": finite, **places}


def _word(value: float) -> str:
    return "nan" if value != value else "inf" if value > 0 else "-inf"


def _clean(text: str) -> str:
    """Text that R can hold: without NUL characters and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _text(answer: Mapping[str, Json]) -> str:
    return json.dumps(answer, ensure_ascii=False, allow_nan=False)


# Handles

_opened: dict[str, tuple[tuple[int, int], Workspace]] = {}


def _workspace(path: str) -> Workspace:
    """The workspace at a path that R keeps; opened once as long as it is the same folder."""
    folder = Workspace.open(path).folder if path not in _opened else _opened[path][1].folder
    try:
        status = folder.marker.stat()
    except OSError:
        _opened.pop(path, None)
        return Workspace.open(path)
    identity = (status.st_dev, status.st_ino)
    if path not in _opened or _opened[path][0] != identity:
        _opened[path] = (identity, Workspace(path))
    return _opened[path][1]


def _run(workspace: str, run: str) -> Run:
    return _workspace(workspace).get_run(run)


def _workspace_handle(workspace: Workspace) -> Json:
    return wire({"name": workspace.name, "path": str(workspace.path)})


def _run_handle(run: Run) -> Json:
    return wire({"id": run.id, "experiment": run.experiment.name})


def _run_handles(runs: Iterable[Run]) -> Json:
    return [_run_handle(run) for run in runs]


# Calls: workspaces


def _workspace_create(
    name: str,
    friendly_name: str | None,
    description: str | None,
    tags: Mapping[str, str],
    exist_ok: bool,
) -> Json:
    workspace = Workspace.create(
        name,
        friendly_name=friendly_name,
        description=description,
        tags=tags,
        exist_ok=exist_ok,
    )
    return _workspace_handle(workspace)


def _workspace_get(name: str) -> Json:
    try:
        return _workspace_handle(Workspace.get(name))
    except NotFound:
        return None


def _workspace_from_config(path: str, file_name: str | None) -> Json:
    return _workspace_handle(Workspace.from_config(path, file_name))


def _workspace_list() -> Json:
    found = list(Workspace.list().values())
    return frame(
        {
            "name": [workspace.name for workspace in found],
            "path": [str(workspace.path) for workspace in found],
        }
    )


def _workspace_delete(workspace: str) -> Json:
    _workspace(workspace).delete()
    _opened.pop(workspace, None)


def _workspace_write_config(workspace: str, path: str, file_name: str | None) -> Json:
    return str(_workspace(workspace).write_config(path, file_name))


def _workspace_details(workspace: str) -> Json:
    return wire(_workspace(workspace).get_details())


# Calls: experiments


def _experiment(workspace: str, experiment: str) -> Experiment:
    return _workspace(workspace).experiment(experiment)


def _experiment_ensure(workspace: str, experiment: str) -> Json:
    return _experiment(workspace, experiment).name


def _experiment_list(workspace: str) -> Json:
    return vector(list(_workspace(workspace).experiments), "character")


def _experiment_archive(workspace: str, experiment: str, archived: bool) -> Json:
    found = _experiment(workspace, experiment)
    if archived:
        found.archive()
    else:
        found.reactivate()


def _experiment_table(workspace: str, experiment: str | None) -> Json:
    return frame(_workspace(workspace).runs_table(experiment))


def _experiment_start_logging(
    workspace: str, experiment: str, snapshot_directory: str | None, display_name: str | None
) -> Json:
    run = _experiment(workspace, experiment).start_logging(
        snapshot_directory=snapshot_directory, display_name=display_name
    )
    return _run_handle(run)


def _experiment_submit(
    workspace: str, experiment: str, config: Mapping[str, Any], tags: Mapping[str, str | None]
) -> Json:
    return _run_handle(_experiment(workspace, experiment).submit(ScriptRunConfig(**config), tags))


def _experiment_runs(
    workspace: str,
    experiment: str,
    type: str | None,
    tags: TagFilter,
    properties: Mapping[str, str],
    status: Sequence[str] | None,
    include_children: bool,
) -> Json:
    runs = _experiment(workspace, experiment).get_runs(
        type=type,
        tags=tags,
        properties=properties,
        status=status or None,
        include_children=include_children,
    )
    return _run_handles(runs)


# Calls: runs


def _run_get(workspace: str, run: str) -> Json:
    return _run_handle(_run(workspace, run))


def _run_record(workspace: str, run: str) -> Json:
    record = _run(workspace, run).record
    return wire(
        {
            "status": record.status.value,
            "number": record.number,
            "type": record.type,
            "display_name": record.display_name,
            "description": record.description,
            "target": record.target,
            "exit_code": record.exit_code,
            "parent": record.parent,
            "experiment": record.experiment,
            "duration": record.duration,
        }
    )


def _run_details(workspace: str, run: str, logs: bool) -> Json:
    found = _run(workspace, run)
    return wire(found.get_details_with_logs() if logs else found.get_details())


def _run_metrics(workspace: str, run: str, name: str | None, recursive: bool) -> Json:
    found = _run(workspace, run)
    if not recursive:
        return _metrics(found, name)
    runs = [found, *found.get_children(recursive=True)]
    return {"$map": [[each.id, _metrics(each, name)] for each in runs]}


def _metrics(run: Run, name: str | None) -> Json:
    found = run.metrics
    chosen = found if name is None else {name: found[name]} if name in found else {}
    return {
        "$map": [
            [_clean(key), _metric(metric.value, metric.shape)] for key, metric in chosen.items()
        ]
    }


def _metric(value: Any, shape: MetricShape) -> Json:
    if shape is MetricShape.TABLE:
        return frame(value)
    if shape is not MetricShape.SERIES:
        return _chart(value)
    values = value if isinstance(value, list) else [value]
    kind = _kind(values)
    return [vector([item]) for item in values] if kind == "list" else vector(values, kind)


def _chart(value: object) -> Json:
    """A chart's object; its non-finite numbers are still in the spool's form."""
    if isinstance(value, Mapping):
        if set(value) == {"float"}:
            return {"$float": str(value["float"])}
        return {"$map": [[_clean(str(name)), _chart(item)] for name, item in value.items()]}
    if isinstance(value, list) and any(isinstance(item, (Mapping, list)) for item in value):
        return [_chart(item) for item in value]
    return wire(value)


def _run_points(workspace: str, run: str) -> Json:
    points = [
        (name, index, point)
        for name, metric in _run(workspace, run).metrics.items()
        for index, point in enumerate(metric.points, 1)
    ]
    return frame(
        {
            "metric": [name for name, _, _ in points],
            "index": [index for _, index, _ in points],
            "step": [point.step for _, _, point in points],
            "time": [point.time for _, _, point in points],
            "value": [point.value for _, _, point in points],
        }
    )


def _run_tags(workspace: str, run: str) -> Json:
    return _texts(_run(workspace, run).get_tags())


def _run_properties(workspace: str, run: str) -> Json:
    return _texts(_run(workspace, run).get_properties())


def _texts(values: Mapping[str, str | None]) -> Json:
    return {"$map": [[_clean(n), vector([value], "character")] for n, value in values.items()]}


def _run_add_properties(workspace: str, run: str, properties: Mapping[str, str]) -> Json:
    _run(workspace, run).add_properties(properties)


def _run_files(workspace: str, run: str) -> Json:
    return vector(_run(workspace, run).get_file_names(), "character")


def _run_download(workspace: str, run: str, name: str, path: str) -> Json:
    return str(_run(workspace, run).download_file(name, path))


def _run_download_all(
    workspace: str,
    run: str,
    prefix: str | None,
    directory: str,
    paths: Sequence[str] | None,
    append_prefix: bool,
) -> Json:
    found = _run(workspace, run).download_files(
        prefix, directory, output_paths=paths, append_prefix=append_prefix
    )
    return vector([str(path) for path in found], "character")


def _run_restore_snapshot(workspace: str, run: str, path: str) -> Json:
    return str(_run(workspace, run).restore_snapshot(path))


def _run_poll(workspace: str, run: str, offset: int) -> Json:
    """How far a run is, and what it has printed since; keeps its agent working."""
    found = _run(workspace, run)
    record = found.record  # before the log: once it has ended, the log is whole
    text, end = found.read_log(offset)
    if record.type == "script" and not record.status.is_terminal:
        found.workspace.attend()
    status = record.status
    ended = status.is_terminal and end == offset
    return wire({"status": status.value, "ended": ended, "text": text, "offset": end})


def _run_check(workspace: str, run: str) -> Json:
    raise_if_failed(_run(workspace, run))


def _run_complete(workspace: str, run: str) -> Json:
    _run(workspace, run).complete()


def _run_fail(workspace: str, run: str, message: str | None, code: str | None) -> Json:
    _run(workspace, run).fail(RunError(message or "The run was failed.", code or "failed"))


def _run_cancel(workspace: str, run: str) -> Json:
    _run(workspace, run).cancel()


def _run_delete(workspace: str, run: str) -> Json:
    _run(workspace, run).delete()


def _run_child(workspace: str, run: str, name: str | None, run_id: str | None) -> Json:
    return _run_handle(_run(workspace, run).child_run(name, run_id=run_id))


def _run_create_children(
    workspace: str,
    run: str,
    count: int | None,
    tag_key: str | None,
    tag_values: Sequence[str] | None,
) -> Json:
    return _run_handles(_run(workspace, run).create_children(count, tag_key, tag_values))


def _run_children(
    workspace: str,
    run: str,
    recursive: bool,
    tags: TagFilter,
    properties: Mapping[str, str],
    type: str | None,
    status: str | None,
) -> Json:
    children = _run(workspace, run).get_children(recursive, tags, properties, type, status)
    return _run_handles(children)


def _run_submit_child(
    workspace: str, run: str, config: Mapping[str, Any], tags: Mapping[str, str | None]
) -> Json:
    return _run_handle(_run(workspace, run).submit_child(ScriptRunConfig(**config), tags))


def _version() -> str:
    return __version__


_CALLS: dict[str, Callable[..., Json]] = {
    "version": _version,
    "workspace.create": _workspace_create,
    "workspace.delete": _workspace_delete,
    "workspace.details": _workspace_details,
    "workspace.from_config": _workspace_from_config,
    "workspace.get": _workspace_get,
    "workspace.list": _workspace_list,
    "workspace.write_config": _workspace_write_config,
    "experiment.archive": _experiment_archive,
    "experiment.ensure": _experiment_ensure,
    "experiment.list": _experiment_list,
    "experiment.runs": _experiment_runs,
    "experiment.start_logging": _experiment_start_logging,
    "experiment.submit": _experiment_submit,
    "experiment.table": _experiment_table,
    "run.add_properties": _run_add_properties,
    "run.cancel": _run_cancel,
    "run.check": _run_check,
    "run.child": _run_child,
    "run.children": _run_children,
    "run.complete": _run_complete,
    "run.create_children": _run_create_children,
    "run.delete": _run_delete,
    "run.details": _run_details,
    "run.download": _run_download,
    "run.download_all": _run_download_all,
    "run.fail": _run_fail,
    "run.files": _run_files,
    "run.get": _run_get,
    "run.metrics": _run_metrics,
    "run.points": _run_points,
    "run.poll": _run_poll,
    "run.properties": _run_properties,
    "run.record": _run_record,
    "run.restore_snapshot": _run_restore_snapshot,
    "run.submit_child": _run_submit_child,
    "run.tags": _run_tags,
}
