"""Drafts of the designer, which R keeps as plain data and finds again by name and version."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.pipelines import PipelineRun
from tandemlab.r_interface.handles import open_workspace, run_handle


def _handle(found: Any) -> object:
    return {
        "name": found.name,
        "version": found.version,
        "workspace": found.workspace.address,
        "description": found.description,
        "created": found.created_time,
        "pipeline": json.dumps(found.asset.definition["pipeline"]),
    }


def _open(workspace: str, name: str, version: int | None = None) -> Any:
    from tandemlab.designer import Draft

    return Draft.get(open_workspace(workspace), name, version)


def _create(
    workspace: str,
    name: str,
    document: Mapping[str, Any] | None,
    sample: str | None,
    description: str | None,
) -> object:
    from tandemlab.designer import Draft
    from tandemlab.designer.samples import find_sample

    pipeline: Any = document
    layout = None
    if sample is not None:
        found = find_sample(sample)
        pipeline, layout = found.pipeline, found.layout
    place = open_workspace(workspace)
    return _handle(Draft.create(place, name, pipeline, layout, description))


def _get(workspace: str, name: str, version: int | None) -> object:
    return _handle(_open(workspace, name, version))


def _list(workspace: str) -> object:
    from tandemlab.designer import Draft

    found = Draft.list(open_workspace(workspace))
    return Table(
        {
            "name": Vector([each.name for each in found], "character"),
            "version": Vector([each.asset.version for each in found], "integer"),
            "steps": Vector([len(each.pipeline.graph.steps) for each in found], "integer"),
            "description": Vector([each.description for each in found], "character"),
        }
    )


def _save(workspace: str, name: str, version: int, document: Mapping[str, Any]) -> object:
    return _handle(_open(workspace, name).save(document, based_on=version))


def _delete(workspace: str, name: str) -> None:
    _open(workspace, name).delete()


def _check(workspace: str, name: str, version: int) -> object:
    from tandemlab.designer import check_pipeline

    found = _open(workspace, name, version)
    problems = check_pipeline(found.pipeline, found.workspace).problems
    fields = ("step", "input", "parameter", "message")
    return Table(
        {key: Vector([getattr(each, key) for each in problems], "character") for key in fields}
    )


def _submit(
    workspace: str,
    name: str,
    version: int,
    experiment: str | None,
    pipeline_parameters: Mapping[str, Any],
    **options: Any,
) -> object:
    found = _open(workspace, name, version)
    return run_handle(found.submit(experiment, pipeline_parameters, **options))


def _export(workspace: str, name: str, version: int) -> str:
    text: str = _open(workspace, name, version).to_json()
    return text


def _import(workspace: str, path: str, name: str | None) -> object:
    from tandemlab.designer import Draft

    return _handle(Draft.from_file(open_workspace(workspace), path, name))


def _deploy(workspace: str, run: str, name: str, step: str | None, overwrite: bool) -> str:
    from tandemlab.designer import deploy_pipeline_run

    found = PipelineRun.get(open_workspace(workspace), run)
    return deploy_pipeline_run(found, name, step, overwrite=overwrite).name


def _create_batch(
    workspace: str, run: str, name: str, dataset: str, register_as: str, step: str | None
) -> object:
    from tandemlab.designer import create_batch_draft

    found = PipelineRun.get(open_workspace(workspace), run)
    return _handle(create_batch_draft(found, name, dataset, register_as, step))


CALLS: dict[str, Callable[..., object]] = {
    "draft.check": _check,
    "draft.create": _create,
    "draft.create_batch": _create_batch,
    "draft.delete": _delete,
    "draft.deploy": _deploy,
    "draft.export": _export,
    "draft.get": _get,
    "draft.import": _import,
    "draft.list": _list,
    "draft.save": _save,
    "draft.submit": _submit,
}
