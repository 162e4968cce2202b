"""What R asks of compute targets. R keeps a target by name and workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.compute import (
    ComputeTarget,
    RayCompute,
    RemoteCompute,
    SlurmCompute,
    SparkCompute,
)
from tandemlab.compute.remote.attaching import AttachConfiguration
from tandemlab.domain import NotFound
from tandemlab.r_interface.handles import open_workspace, place_handle

_CONFIGURATIONS: dict[str, Callable[..., AttachConfiguration]] = {
    "ray": RayCompute.attach_configuration,
    "ssh": RemoteCompute.attach_configuration,
    "slurm": SlurmCompute.attach_configuration,
    "spark": SparkCompute.attach_configuration,
}


def _open(workspace: str, name: str) -> ComputeTarget:
    return ComputeTarget.get(open_workspace(workspace), name)


def _handle(found: ComputeTarget) -> object:
    """What R keeps of a target."""
    return {
        **place_handle(found),
        "provisioning_state": found.provisioning_state,
        "min_nodes": found.min_nodes,
        "max_nodes": found.max_nodes,
        "idle_seconds_before_scaledown": found.idle_seconds_before_scaledown,
    }


def _get(workspace: str, name: str) -> object:
    try:
        return _handle(_open(workspace, name))
    except NotFound:
        return None


def _attach(
    workspace: str,
    kind: str,
    name: str,
    settings: Mapping[str, Any],
    description: str | None,
    tags: Mapping[str, str] | None,
) -> object:
    configuration = _CONFIGURATIONS[kind](**settings)
    opened = open_workspace(workspace)
    return _handle(
        ComputeTarget.attach(opened, name, configuration, description=description, tags=tags)
    )


def _create(
    workspace: str,
    name: str,
    settings: Mapping[str, Any],
    description: str | None,
    tags: Mapping[str, str] | None,
) -> object:
    configuration = RayCompute.provisioning_configuration(name, **settings)
    opened = open_workspace(workspace)
    return _handle(
        ComputeTarget.create(opened, name, configuration, description=description, tags=tags)
    )


def _update(workspace: str, name: str, **changes: Any) -> object:
    found = _open(workspace, name)
    found.update(**changes)
    return _handle(found)


def _progress(workspace: str, name: str, begin: int) -> object:
    found = _open(workspace, name)
    text, end = found.provisioning_news(begin)
    return {"state": found.provisioning_state, "text": text, "end": end}


def _check_made(workspace: str, name: str) -> object:
    found = _open(workspace, name)
    found.wait_for_completion(timeout_in_minutes=0)
    return _handle(found)


def _list(workspace: str) -> object:
    found = ComputeTarget.list(open_workspace(workspace))
    capacities = [each.capacity() for each in found]
    return Table(
        {
            "name": [each.name for each in found],
            "kind": [each.kind for each in found],
            "location": [each.location for each in found],
            "slots": Vector([each.slots for each in capacities], "integer"),
            "active_runs": Vector([each.used for each in capacities], "integer"),
            "version": Vector([each.version for each in found], "integer"),
            "description": Vector([each.description for each in found], "character"),
        }
    )


def _nodes(workspace: str, name: str) -> object:
    found = _open(workspace, name).nodes()
    return Table(
        {
            "name": [each.name for each in found],
            "state": [each.state for each in found],
            "cpus": Vector([each.cpus for each in found], "integer"),
            "memory": Vector(
                [None if each.memory is None else float(each.memory) for each in found], "double"
            ),
            "gpus": Vector([each.gpus for each in found], "integer"),
        }
    )


def _check(workspace: str, name: str) -> object:
    steps = _open(workspace, name).check()
    return Table(
        {
            "step": Vector([each.name for each in steps], "character"),
            "ok": Vector([not each.problem for each in steps], "logical"),
            "found": Vector([each.problem or each.found for each in steps], "character"),
            "repair": Vector([each.repair for each in steps], "character"),
        }
    )


def _clean(workspace: str, name: str, unused_days: float) -> object:
    removed = _open(workspace, name).clean(unused_days=unused_days)
    return Table(
        {
            "kind": Vector([each.kind for each in removed], "character"),
            "name": Vector([each.name for each in removed], "character"),
            "size": Vector([float(each.size) for each in removed], "double"),
        }
    )


def _write_ray_cluster(path: str, name: str, settings: Mapping[str, Any]) -> object:
    return str(RayCompute.provisioning_configuration(name, **settings).write(path))


CALLS: dict[str, Callable[..., object]] = {
    "compute.attach": _attach,
    "compute.check": _check,
    "compute.check_made": _check_made,
    "compute.clean": _clean,
    "compute.create": _create,
    "compute.delete": lambda workspace, name: _open(workspace, name).delete(),
    "compute.detach": lambda workspace, name: _open(workspace, name).detach(),
    "compute.get": _get,
    "compute.list": _list,
    "compute.nodes": _nodes,
    "compute.progress": _progress,
    "compute.update": _update,
    "compute.write_ray_cluster": _write_ray_cluster,
}
