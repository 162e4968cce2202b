"""What R asks of experiments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tandemlab.bridge.values import Table, Vector
from tandemlab.r_interface.configurations import script_run_config
from tandemlab.r_interface.handles import (
    open_experiment,
    open_workspace,
    run_handle,
    run_handles,
)
from tandemlab.r_interface.panels import panel_list
from tandemlab.tracking.panels import panels_of_experiment

TagFilter: TypeAlias = str | Mapping[str, str | None] | None


def _ensure(workspace: str, experiment: str) -> object:
    return open_experiment(workspace, experiment).name


def _list(workspace: str) -> object:
    return Vector(open_workspace(workspace).experiments, "character")


def _archive(workspace: str, experiment: str, archived: bool) -> None:
    found = open_experiment(workspace, experiment)
    if archived:
        found.archive()
    else:
        found.reactivate()


def _table(
    workspace: str,
    experiment: str | None,
    filter: str | None,
    order_by: Sequence[str],
    limit: int | None,
    offset: int,
) -> object:
    table = open_workspace(workspace).runs_table(
        experiment, filter=filter, order_by=order_by, limit=limit, offset=offset
    )
    return Table(table)


def _panels(
    workspace: str, experiment: str, metrics: Sequence[str], over: str, limit: int
) -> object:
    found = open_experiment(workspace, experiment)
    return panel_list(panels_of_experiment(found, metrics or None, over, limit))


def _start_logging(
    workspace: str, experiment: str, snapshot_directory: str | None, display_name: str | None
) -> object:
    run = open_experiment(workspace, experiment).start_logging(
        snapshot_directory=snapshot_directory, display_name=display_name
    )
    return run_handle(run)


def _submit(
    workspace: str, experiment: str, config: Mapping[str, Any], tags: Mapping[str, str | None]
) -> object:
    return run_handle(
        open_experiment(workspace, experiment).submit(script_run_config(config), tags)
    )


def _submit_all(
    workspace: str,
    experiment: str,
    configs: Sequence[Mapping[str, Any]],
    tags: Mapping[str, str | None],
    max_concurrent_runs: int | None,
) -> object:
    runs = open_experiment(workspace, experiment).submit_all(
        [script_run_config(config) for config in configs],
        tags,
        max_concurrent_runs=max_concurrent_runs,
    )
    return [run_handle(run) for run in runs]


def _runs(
    workspace: str,
    experiment: str,
    type: str | None,
    tags: TagFilter,
    properties: Mapping[str, str],
    status: Sequence[str] | None,
    include_children: bool,
    filter: str | None,
    order_by: Sequence[str],
    limit: int | None,
    offset: int,
) -> object:
    runs = open_experiment(workspace, experiment).get_runs(
        type=type,
        tags=tags,
        properties=properties,
        status=status or None,
        include_children=include_children,
        filter=filter,
        order_by=order_by,
        limit=limit,
        offset=offset,
    )
    return run_handles(runs)


CALLS: dict[str, Callable[..., object]] = {
    "experiment.archive": _archive,
    "experiment.ensure": _ensure,
    "experiment.list": _list,
    "experiment.panels": _panels,
    "experiment.runs": _runs,
    "experiment.start_logging": _start_logging,
    "experiment.submit": _submit,
    "experiment.submit_all": _submit_all,
    "experiment.table": _table,
}
