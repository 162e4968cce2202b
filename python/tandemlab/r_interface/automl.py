"""Automated machine learning for R: configurations, their runs, and predictions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tandemlab.automl import AutoMLConfig, AutoMLRun
from tandemlab.automl.foreign_settings import refuse_foreign
from tandemlab.bridge.values import Table, Vector
from tandemlab.r_interface.handles import open_experiment, open_workspace, run_handle


def _check(config: Mapping[str, Any]) -> object:
    """The configuration without what is as usual; R keeps it."""
    return json.dumps(AutoMLConfig.from_dict(config).to_dict())


def _foreign(names: Sequence[str]) -> object:
    refuse_foreign(names)
    return None


def _load(path: str) -> object:
    return json.dumps(AutoMLConfig.load(path).to_dict())


def _save(config: Mapping[str, Any], path: str) -> object:
    return str(AutoMLConfig.from_dict(config).save(path))


def _data(given: Mapping[str, str] | None) -> Any:
    """Data as R sends them: a frame in a file, the definition of a dataset, or a path."""
    from tandemlab.bridge import read_frame
    from tandemlab.data import Dataset

    if given is None:
        return None
    kind, text = given["kind"], given["text"]
    if kind == "frame":
        return read_frame(text, "pandas")
    return Dataset.from_json(text) if kind == "dataset" else text


def _task(data: Mapping[str, str], target: str) -> object:
    from tandemlab.automl.fitting import task_of
    from tandemlab.automl.frames import as_frame

    return task_of(as_frame(_data(data)), target)


def _submit(
    workspace: str,
    experiment: str,
    config: Mapping[str, Any],
    data: Mapping[str, Mapping[str, str]],
    tags: Mapping[str, str | None],
) -> object:
    given = {name: _data(each) for name, each in data.items()}
    found = AutoMLConfig.from_dict(config).replace(**given)
    return run_handle(open_experiment(workspace, experiment).submit(found, tags))


def _open(workspace: str, run: str) -> AutoMLRun:
    return AutoMLRun.get(open_workspace(workspace), run)


def _leaderboard(workspace: str, run: str) -> object:
    rows = _open(workspace, run).leaderboard_rows()
    names = list(dict.fromkeys(name for row in rows for name in row["metrics"]))
    scalar = [
        name
        for name in names
        if not any(isinstance(row["metrics"].get(name), list) for row in rows)
    ]
    return Table(
        {
            "iteration": [row["iteration"] for row in rows],
            "algorithm": [row["algorithm"] for row in rows],
            "status": [row["status"] for row in rows],
            "score": [row["score"] for row in rows],
            "seconds": [row["seconds"] for row in rows],
            "folds": [row["folds"] for row in rows],
            "parameters": [_settings(row["parameters"]) for row in rows],
            "error": [row["error"] for row in rows],
            "run_id": [row["run_id"] for row in rows],
            **{name: [row["metrics"].get(name) for row in rows] for name in scalar},
        }
    )


def _settings(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in parameters.items())


def _output(
    workspace: str, run: str, iteration: int | None = None, metric: str | None = None
) -> object:
    """What R keeps of a model: everything but the model, whose file it reads."""
    found = _open(workspace, run)
    wanted = found.find_iteration(iteration, metric)
    facts = dict(found.summary["facts"])
    if wanted != found.summary["best"]["iteration"]:
        row = next(row for row in found.leaderboard_rows() if row["iteration"] == wanted)
        facts |= {"score": row["score"], "pipeline": row["pipeline"]}
    return {
        "best_run": run_handle(found.get_trial(wanted)),
        "model": str(found.local_file(found.model_file(wanted))),
        "task": found.config.task,
        "label": found.config.label_column_name,
        "metric": found.config.metric.name,
        "score": facts.get("score"),
        "classes": Vector([str(each) for each in facts.get("classes") or []], "character"),
        "pipeline": Vector([str(each) for each in facts.get("pipeline") or []], "character"),
        "seconds": found.summary["seconds"],
        "summary": json.dumps(found.summary),
        "config": json.dumps(found.config.to_dict()),
    }


def _guardrails(workspace: str, run: str) -> object:
    return _table(_open(workspace, run).get_guardrails(), ["check", "status", "description"])


def _featurization(workspace: str, run: str) -> object:
    names = ["column", "purpose", "dropped", "reason", "missing", "levels", "features"]
    return _table(_open(workspace, run).get_featurization_summary(), names)


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    return Table({name: [row.get(name) for row in rows] for name in names})


def _resume(workspace: str, run: str) -> object:
    return run_handle(_open(workspace, run).resume())


def _predict(model: str, data: str, target: str) -> object:
    """Predictions for the frame in a file, as another such file."""
    from tandemlab.bridge import read_frame, write_frame
    from tandemlab.models import load_model

    fitted = load_model(model, format="joblib", trusted=True)
    write_frame(fitted.predict_frame(read_frame(data, "pandas")), target)
    return target


CALLS: dict[str, Callable[..., object]] = {
    "automl.check": _check,
    "automl.featurization": _featurization,
    "automl.foreign": _foreign,
    "automl.guardrails": _guardrails,
    "automl.leaderboard": _leaderboard,
    "automl.load": _load,
    "automl.output": _output,
    "automl.predict": _predict,
    "automl.resume": _resume,
    "automl.save": _save,
    "automl.submit": _submit,
    "automl.task": _task,
}
