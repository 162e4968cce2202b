"""Published pipelines, which R keeps as plain data and finds again by their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.data import DataPath
from tandemlab.pipelines import Pipeline, PipelineEndpoint, PipelineRun, PublishedPipeline
from tandemlab.r_interface.handles import open_workspace, run_handle


def _handle(found: PublishedPipeline) -> object:
    parameters = found.template.graph.parameters
    return {
        **_summary(found),
        "workspace": found.workspace.address,
        "tags": found.tags,
        "steps": Vector(list(found.get_step_names()), "character"),
        "parameters": Table(
            {
                "name": Vector(list(parameters), "character"),
                "type": Vector([each.type for each in parameters.values()], "character"),
                "default": Vector(
                    [
                        None if each.default is None else str(each.default)
                        for each in parameters.values()
                    ],
                    "character",
                ),
                "description": Vector(
                    [each.description for each in parameters.values()], "character"
                ),
            }
        ),
    }


def _summary(found: PublishedPipeline) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "version": found.version,
        "status": found.status,
        "is_default": found.is_default,
        "description": found.description,
        "published": found.published_time,
    }


def _open(workspace: str, id: str) -> PublishedPipeline:
    return PublishedPipeline.get(open_workspace(workspace), id)


def _publish(
    workspace: str,
    document: Mapping[str, Any],
    name: str | None,
    description: str | None,
    tags: Mapping[str, str],
    continue_on_step_failure: bool,
) -> object:
    pipeline = Pipeline.from_dict(document)
    made = pipeline.publish(
        open_workspace(workspace),
        name,
        description,
        continue_on_step_failure=continue_on_step_failure,
        tags=tags,
    )
    return _handle(made)


def _of_run(workspace: str, run: str, name: str | None, description: str | None) -> object:
    found = PipelineRun.get(open_workspace(workspace), run)
    return _handle(found.publish_pipeline(name, description))


def _get(workspace: str, name: str, version: int | None) -> object:
    return _handle(PublishedPipeline.get(open_workspace(workspace), name, version))


def _list(workspace: str, name: str | None, active_only: bool) -> object:
    found = PublishedPipeline.list(open_workspace(workspace), name, active_only=active_only)
    kinds = {
        "id": "character",
        "name": "character",
        "version": "integer",
        "status": "character",
        "is_default": "logical",
        "description": "character",
        "published": "time",
    }
    rows = [_summary(each) for each in found]
    return Table({name: Vector([row[name] for row in rows], kind) for name, kind in kinds.items()})


def parameter(value: Any) -> Any:
    """A value as R sends it: a place in a datastore is a mapping."""
    return DataPath(**value) if isinstance(value, Mapping) else value


def _submit(
    workspace: str,
    id: str,
    experiment: str | None,
    pipeline_parameters: Mapping[str, Any],
    tags: Mapping[str, str | None],
    **options: Any,
) -> object:
    values = {name: parameter(value) for name, value in pipeline_parameters.items()}
    return run_handle(_open(workspace, id).submit(experiment, values, tags=tags, **options))


def _change(workspace: str, id: str, change: str) -> object:
    changes = {
        "disable": PublishedPipeline.disable,
        "enable": PublishedPipeline.enable,
        "set_default": PublishedPipeline.set_default,
    }
    return _handle(changes[change](_open(workspace, id)))


def _roll_back(workspace: str, name: str) -> object:
    return _handle(PipelineEndpoint.get(open_workspace(workspace), name).roll_back())


def _save(workspace: str, id: str, path: str) -> object:
    return str(_open(workspace, id).save(path))


CALLS: dict[str, Callable[..., object]] = {
    "published.change": _change,
    "published.get": _get,
    "published.list": _list,
    "published.of_run": _of_run,
    "published.publish": _publish,
    "published.roll_back": _roll_back,
    "published.save": _save,
    "published.submit": _submit,
}
