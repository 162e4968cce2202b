"""Sweeps that R describes, and their runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.domain import Scalar
from tandemlab.r_interface.handles import (
    open_experiment,
    open_run,
    open_workspace,
    run_handle,
)
from tandemlab.r_interface.panels import panel_list
from tandemlab.r_interface.runs import metric_values
from tandemlab.sweeps import HyperDriveConfig, HyperDriveRun


def _document(document: Mapping[str, Any]) -> object:
    return json.dumps(HyperDriveConfig.from_dict(document).to_dict())


def _load(path: str) -> object:
    return json.dumps(HyperDriveConfig.load_yaml(path).to_dict())


def _save(document: Mapping[str, Any], path: str) -> object:
    return str(HyperDriveConfig.from_dict(document).save_yaml(path))


def _submit(
    workspace: str,
    experiment: str,
    document: Mapping[str, Any],
    tags: Mapping[str, str | None],
    resume_from: Sequence[str],
    resume_child_runs: Sequence[str],
) -> object:
    config = HyperDriveConfig.from_dict(document).replace(
        resume_from=[open_run(workspace, each) for each in resume_from],
        resume_child_runs=[open_run(workspace, each) for each in resume_child_runs],
    )
    return run_handle(open_experiment(workspace, experiment).submit(config, tags))


def _open(workspace: str, run: str) -> HyperDriveRun:
    return HyperDriveRun.get(open_workspace(workspace), run)


def _best(
    workspace: str,
    run: str,
    include_failed: bool,
    include_canceled: bool,
    include_resume_from_runs: bool,
) -> object:
    best = _open(workspace, run).get_best_run_by_primary_metric(
        include_failed, include_canceled, include_resume_from_runs
    )
    return None if best is None else run_handle(best)


def _trials(workspace: str, run: str) -> object:
    sweep = _open(workspace, run)
    found: dict[str, Any] = sweep.to_table()
    types = {f"metrics.{sweep.settings.primary_metric_name}": "double", "duration": "double"}
    types |= {"reason": "character", "error": "character"}
    # also where nothing is there
    return Table({**found, **{name: Vector(found[name], types[name]) for name in types}})


def _sorted(workspace: str, run: str, top: int, reverse: bool, discard_no_metric: bool) -> object:
    sweep = _open(workspace, run)
    found = sweep.sorted_trials(reverse=reverse, discard_no_metric=discard_no_metric)[: top or None]
    columns: dict[str, Any] = {
        "run_id": [each.run.id for each in found],
        "best_primary_metric": Vector([each.value for each in found], "double"),
        "status": [each.status for each in found],
    }
    for name in sweep.settings.sampling.space.names:
        columns[name] = [each.hyperparameters.get(name) for each in found]
    return Table(columns)


def _hyperparameters(workspace: str, run: str) -> dict[str, dict[str, Scalar]]:
    return _open(workspace, run).get_hyperparameters()


def _metrics(workspace: str, run: str) -> dict[str, dict[str, object]]:
    logged = _open(workspace, run).logged_metrics()
    return {run_id: metric_values(found) for run_id, found in logged.items()}


def _importance(workspace: str, run: str) -> object:
    found = _open(workspace, run).get_importance()
    return Vector(list(found.values()), "double", names=list(found))


def _panels(workspace: str, run: str, kind: str | None) -> object:
    return panel_list(_open(workspace, run).panels(kind))


def _resume(
    workspace: str, run: str, max_total_runs: int | None, max_duration_minutes: float | None
) -> object:
    return run_handle(
        _open(workspace, run).resume(
            max_total_runs=max_total_runs, max_duration_minutes=max_duration_minutes
        )
    )


CALLS: dict[str, Callable[..., object]] = {
    "sweep.best": _best,
    "sweep.document": _document,
    "sweep.hyperparameters": _hyperparameters,
    "sweep.importance": _importance,
    "sweep.load": _load,
    "sweep.metrics": _metrics,
    "sweep.panels": _panels,
    "sweep.resume": _resume,
    "sweep.save": _save,
    "sweep.sorted": _sorted,
    "sweep.submit": _submit,
    "sweep.trials": _trials,
}
