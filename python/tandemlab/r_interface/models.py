"""What R asks of registered models. R keeps a model as plain data, found again by its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tandemlab.bridge import read
from tandemlab.bridge.values import Table, Vector
from tandemlab.data import Dataset
from tandemlab.models import Model, ResourceConfiguration
from tandemlab.r_interface.handles import open_run, open_workspace


def _handle(model: Model) -> object:
    return {
        "id": model.id,
        "name": model.name,
        "version": model.version,
        "workspace": model.workspace.address,
        "description": model.description,
        "format": model.format.value,
        "framework": model.framework,
        "framework_version": model.framework_version,
        "signature": None if model.signature is None else str(model.signature),
        "tags": model.tags,
        "properties": model.properties,
        "aliases": Vector(model.aliases, "character"),
        "run_id": model.run_id,
        "datasets": Vector([each.id for each in model.datasets], "character"),
        "files": Vector(list(model.files), "character"),
        "created": model.created_time,
    }


def _open(workspace: str, id: str) -> Model:
    return Model(open_workspace(workspace), id)


def _sample(given: Mapping[str, Any] | None) -> Any:
    """A data frame by the address of R's stream, a dataset by its definition, or an array."""
    if given is None:
        return None
    if "address" in given:
        return read(given["address"], "arrow")
    if "definition" in given:
        import json

        return Dataset.from_dict(json.loads(given["definition"]))
    return given["array"]


def _details(
    datasets: Sequence[Sequence[str]],
    sample_input: Mapping[str, Any] | None,
    sample_output: Mapping[str, Any] | None,
    resources: Mapping[str, Any] | None,
    **about: Any,
) -> dict[str, Any]:
    return {
        "datasets": [(scenario, name) for scenario, name in datasets],
        "sample_input_dataset": _sample(sample_input),
        "sample_output_dataset": _sample(sample_output),
        "resource_configuration": None if resources is None else ResourceConfiguration(**resources),
        **about,
    }


def _register(
    workspace: str,
    path: str,
    name: str,
    child_paths: Sequence[str] | None,
    run: str | None,
    **details: Any,
) -> object:
    lab = open_workspace(workspace)
    made = Model.register(
        lab,
        path,
        name,
        child_paths=child_paths,
        run=None if run is None else lab.get_run(run),
        **_details(**details),
    )
    return _handle(made)


def _register_from_run(
    workspace: str, run: str, name: str, path: str | None, **details: Any
) -> object:
    return _handle(open_run(workspace, run).register_model(name, path, **_details(**details)))


def _get(workspace: str, **wanted: Any) -> object:
    return _handle(Model(open_workspace(workspace), **wanted))


def _list(workspace: str, **wanted: Any) -> object:
    found = Model.list(open_workspace(workspace), **wanted)
    return Table(
        {
            "id": [each.id for each in found],
            "name": [each.name for each in found],
            "version": Vector([each.version for each in found], "integer"),
            "aliases": [", ".join(each.aliases) for each in found],
            "format": [each.format.value for each in found],
            "size": [float(each.size) for each in found],
            "created": [each.created_time for each in found],
            "run_id": Vector([each.run_id for each in found], "character"),
        }
    )


def _download(workspace: str, id: str, target_dir: str, exist_ok: bool, run: str | None) -> object:
    model = _open(workspace, id)
    path = model.download(target_dir, exist_ok)
    if run is not None:
        model.add_usage(run)
    return str(path)


def _path(workspace: str, id: str, run: str | None) -> object:
    model = _open(workspace, id)
    path = model.local_path()
    if run is not None:
        model.add_usage(run)
    return str(path)


def _find_path(name: str, version: int | str | None, workspace: str | None) -> object:
    lab = None if workspace is None else open_workspace(workspace)
    return str(Model.get_model_path(name, version, lab))


def _change(
    workspace: str,
    id: str,
    description: str | None,
    tags: Mapping[str, str | None],
    properties: Mapping[str, str],
) -> object:
    model = _open(workspace, id)
    if removed := [name for name, value in tags.items() if value is None]:
        model.remove_tags(removed)
    if kept := {name: value for name, value in tags.items() if value is not None}:
        model.add_tags(kept)
    if properties:
        model.add_properties(properties)
    if description is not None:
        model.update(description=description)
    return _handle(model.refresh())


def _alias(workspace: str, id: str, alias: str, remove: bool) -> object:
    model = _open(workspace, id)
    if remove:
        model.remove_alias(alias)
    else:
        model.set_alias(alias)
    return _handle(model)


CALLS: dict[str, Callable[..., object]] = {
    "model.alias": _alias,
    "model.change": _change,
    "model.delete": lambda workspace, id: _open(workspace, id).delete(),
    "model.download": _download,
    "model.find_path": _find_path,
    "model.get": _get,
    "model.list": _list,
    "model.path": _path,
    "model.register": _register,
    "model.register_from_run": _register_from_run,
}
