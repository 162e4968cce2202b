"""What R asks of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tandemlab.bridge.values import Table, Vector, kind_of
from tandemlab.domain import Metric, MetricShape, RunError, Scalar
from tandemlab.domain.scalars import from_json
from tandemlab.r_interface.configurations import script_run_config
from tandemlab.r_interface.handles import (
    open_run,
    run_handle,
    run_handles,
)
from tandemlab.r_interface.panels import panel_list
from tandemlab.tracking import compare_runs
from tandemlab.tracking.panels import panels_of_details, panels_of_run
from tandemlab.tracking.run_log import metrics_of
from tandemlab.tracking.waiting import raise_if_failed

TagFilter: TypeAlias = str | Mapping[str, str | None] | None


def _get(workspace: str, run: str) -> object:
    return run_handle(open_run(workspace, run))


def _record(workspace: str, run: str) -> object:
    record = open_run(workspace, run).record
    return {
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


def _details(workspace: str, run: str, logs: bool) -> object:
    found = open_run(workspace, run)
    return found.get_details_with_logs() if logs else found.get_details()


def _environment(workspace: str, run: str) -> object:
    found = open_run(workspace, run).get_environment()
    if found is None:
        return None
    packages = found.pop("packages")
    columns = {"package": list(packages), "version": list(packages.values())}
    return {**found, "packages": Table(columns)}


def _metrics(workspace: str, run: str, name: str | None, recursive: bool) -> object:
    found = open_run(workspace, run)
    if not recursive:
        return metric_values(found.metrics, name)
    runs = [found, *found.get_children(recursive=True)]
    logged = metrics_of(found.workspace, [each.id for each in runs])
    return {run_id: metric_values(each, name) for run_id, each in logged.items()}


def metric_values(found: Mapping[str, Metric], name: str | None = None) -> dict[str, object]:
    """What a run has logged as R has it; under one name alone if that is given."""
    chosen = found if name is None else {name: found[name]} if name in found else {}
    return {key: _metric(metric.value, metric.shape) for key, metric in chosen.items()}


def _metric(value: Any, shape: MetricShape) -> object:
    if shape is MetricShape.TABLE:
        return Table(value)
    if shape is not MetricShape.SERIES:
        return _chart(value)
    return _series(value if isinstance(value, list) else [value])


def _series(values: list[Any]) -> object:
    """Scalars as a vector, or as a list where they are of several kinds; None is NA."""
    if all(value is None for value in values):
        return Vector(values, "logical")
    if kind_of(values) != "list":
        return values
    return [Vector([None], "logical") if value is None else value for value in values]


def _chart(value: object) -> object:
    """A chart's object; its non-finite numbers are still in the spool's form."""
    if isinstance(value, Mapping):
        if set(value) == {"float"}:
            return from_json(value)
        return {name: _chart(item) for name, item in value.items()}
    if isinstance(value, list):
        items = [_chart(item) for item in value]
        nested = any(isinstance(item, (dict, list)) for item in items)
        return items if nested else _series(items)
    return value


def _points(workspace: str, run: str) -> object:
    points = [
        (name, index, point)
        for name, metric in open_run(workspace, run).metrics.items()
        for index, point in enumerate(metric.points, 1)
    ]
    return Table(
        {
            "metric": [name for name, _, _ in points],
            "index": [index for _, index, _ in points],
            "step": [point.step for _, _, point in points],
            "time": [point.time for _, _, point in points],
            "value": [point.value for _, _, point in points],
        }
    )


def _history(workspace: str, run: str, name: str, max_points: int | None) -> object:
    found = open_run(workspace, run).get_metric_history(name, max_points)
    return Table(
        {
            "index": list(found.places),
            "step": list(found.steps),
            "time": [point.time for point in found.points],
            "value": list(found.values),
        }
    )


def _panels(workspace: str, run: str, metrics: Sequence[str], over: str, details: bool) -> object:
    found = open_run(workspace, run)
    return panel_list(
        panels_of_details(found) if details else panels_of_run(found, metrics or None, over)
    )


def _compare(workspace: str, run: str, other_workspace: str, other: str) -> object:
    found = compare_runs(open_run(workspace, run), open_run(other_workspace, other))
    table = found.to_table()
    for side in ("left", "right"):
        table[side] = [_text(value) for value in table[side]]
    return {
        "left": found.left,
        "right": found.right,
        "table": Table(table),
        "packages": None
        if found.packages is None
        else _columns(found.packages, ("package", "left", "right", "change")),
        "code": None if found.code is None else _columns(found.code, ("path", "change", "diff")),
        "text": str(found),
    }


def _columns(rows: Sequence[object], names: Sequence[str]) -> Table:
    return Table({name: [getattr(row, name) for row in rows] for name in names})


def _text(value: Scalar) -> str | None:
    """A scalar as R writes it."""
    if isinstance(value, bool):
        return str(value).upper()
    return None if value is None else str(value)


def _lineage(workspace: str, run: str) -> object:
    found = open_run(workspace, run).get_lineage()
    return {
        "run": found.run.id,
        "links": Table(found.to_table()),
        "tree": str(found),
        "mermaid": found.to_mermaid(),
    }


def _tags(workspace: str, run: str) -> object:
    return _texts(open_run(workspace, run).get_tags())


def _params(workspace: str, run: str) -> object:
    return open_run(workspace, run).get_params()


def _properties(workspace: str, run: str) -> object:
    return _texts(open_run(workspace, run).get_properties())


def _texts(values: Mapping[str, str | None]) -> object:
    return {name: Vector([value], "character") for name, value in values.items()}


def _add_properties(workspace: str, run: str, properties: Mapping[str, str]) -> None:
    open_run(workspace, run).add_properties(properties)


def _files(workspace: str, run: str) -> object:
    return Vector(open_run(workspace, run).get_file_names(), "character")


def _download(workspace: str, run: str, name: str, path: str) -> object:
    return str(open_run(workspace, run).download_file(name, path))


def _download_all(
    workspace: str,
    run: str,
    prefix: str | None,
    directory: str,
    paths: Sequence[str] | None,
    append_prefix: bool,
) -> object:
    found = open_run(workspace, run).download_files(
        prefix, directory, output_paths=paths, append_prefix=append_prefix
    )
    return Vector([str(path) for path in found], "character")


def _restore_snapshot(workspace: str, run: str, path: str) -> object:
    return str(open_run(workspace, run).restore_snapshot(path))


def _poll(workspace: str, run: str, offset: int) -> object:
    """How far a run is, and what it has printed since; keeps its agent working."""
    found = open_run(workspace, run)
    record = found.record  # before the log: once it has ended, the log is whole
    text, end = found.read_log(offset)
    if record.is_submitted and not record.status.is_terminal:
        found.workspace.attend()
    status = record.status
    ended = status.is_terminal and end == offset
    return {"status": status.value, "ended": ended, "text": text, "offset": end}


def _check(workspace: str, run: str) -> None:
    raise_if_failed(open_run(workspace, run))


def _complete(workspace: str, run: str) -> None:
    open_run(workspace, run).complete()


def _fail(workspace: str, run: str, message: str | None, code: str | None) -> None:
    open_run(workspace, run).fail(RunError(message or "The run was failed.", code or "failed"))


def _cancel(workspace: str, run: str) -> None:
    open_run(workspace, run).cancel()


def _delete(workspace: str, run: str) -> None:
    open_run(workspace, run).delete()


def _child(workspace: str, run: str, name: str | None, run_id: str | None) -> object:
    return run_handle(open_run(workspace, run).child_run(name, run_id=run_id))


def _create_children(
    workspace: str,
    run: str,
    count: int | None,
    tag_key: str | None,
    tag_values: Sequence[str] | None,
) -> object:
    return run_handles(open_run(workspace, run).create_children(count, tag_key, tag_values))


def _children(
    workspace: str,
    run: str,
    recursive: bool,
    tags: TagFilter,
    properties: Mapping[str, str],
    type: str | None,
    status: str | None,
) -> object:
    children = open_run(workspace, run).get_children(recursive, tags, properties, type, status)
    return run_handles(children)


def _submit_child(
    workspace: str, run: str, config: Mapping[str, Any], tags: Mapping[str, str | None]
) -> object:
    return run_handle(open_run(workspace, run).submit_child(script_run_config(config), tags))


CALLS: dict[str, Callable[..., object]] = {
    "run.add_properties": _add_properties,
    "run.cancel": _cancel,
    "run.check": _check,
    "run.child": _child,
    "run.children": _children,
    "run.compare": _compare,
    "run.complete": _complete,
    "run.create_children": _create_children,
    "run.delete": _delete,
    "run.details": _details,
    "run.download": _download,
    "run.download_all": _download_all,
    "run.environment": _environment,
    "run.fail": _fail,
    "run.files": _files,
    "run.get": _get,
    "run.history": _history,
    "run.lineage": _lineage,
    "run.metrics": _metrics,
    "run.panels": _panels,
    "run.params": _params,
    "run.points": _points,
    "run.poll": _poll,
    "run.properties": _properties,
    "run.record": _record,
    "run.restore_snapshot": _restore_snapshot,
    "run.submit_child": _submit_child,
    "run.tags": _tags,
}
