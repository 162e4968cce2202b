"""What R asks of services."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.domain.environments import Environment
from tandemlab.r_interface.handles import open_workspace
from tandemlab.services import (
    InferenceConfig,
    LocalWebservice,
    LocalWebserviceDeploymentConfiguration,
    ModelPackage,
    deploy_model,
    package_model,
)


def _open(workspace: str, service: str) -> LocalWebservice:
    return LocalWebservice(open_workspace(workspace), service)


def _deploy(
    workspace: str,
    name: str,
    models: Sequence[str],
    config: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    overwrite: bool,
) -> object:
    lab = open_workspace(workspace)
    made = deploy_model(
        lab, name, models, _config(config), _settings(settings), overwrite=overwrite
    )
    return made.name


def _config(config: Mapping[str, Any] | None) -> InferenceConfig | None:
    if config is None:
        return None
    environment = config.get("environment")
    if isinstance(environment, Mapping):
        environment = Environment.from_dict(environment)
    return InferenceConfig(**{**config, "environment": environment})


def _settings(settings: Mapping[str, Any]) -> LocalWebserviceDeploymentConfiguration:
    return LocalWebserviceDeploymentConfiguration(**settings)


def _details(workspace: str, service: str) -> object:
    found = _open(workspace, service).get_details()
    return {**found, "models": Vector(found["models"], "character")}


def _list(workspace: str) -> object:
    found = LocalWebservice.list_details(open_workspace(workspace))
    return Table(
        {
            "name": [each["name"] for each in found],
            "state": [each["state"] for each in found],
            "models": [", ".join(each["models"]) for each in found],
            "port": Vector([each["port"] for each in found], "integer"),
            "ready": Vector([each["ready"] for each in found], "integer"),
        }
    )


def _token(workspace: str, service: str, seconds: float) -> object:
    return asdict(_open(workspace, service).get_access_token(seconds))


def _package(
    workspace: str, models: Sequence[str], config: Mapping[str, Any] | None, **options: Any
) -> object:
    made = package_model(open_workspace(workspace), models, _config(config), **options)
    return {"name": made.name, "folder": str(made.folder), "location": made.location}


def _packaged(package: Mapping[str, Any]) -> ModelPackage:
    return ModelPackage(package["name"], Path(package["folder"]), package["location"])


def _save_package(package: Mapping[str, Any], output_directory: str) -> None:
    _packaged(package).save(output_directory)


def _update(
    workspace: str,
    service: str,
    models: Sequence[str] | None,
    config: Mapping[str, Any] | None,
    settings: Mapping[str, Any] | None,
    wait: bool,
) -> None:
    _open(workspace, service).update(
        models,
        _config(config),
        None if settings is None else _settings(settings),
        wait=wait,
    )


CALLS: dict[str, Callable[..., object]] = {
    "service.deploy": _deploy,
    "service.details": _details,
    "service.list": _list,
    "service.wait": lambda workspace, service: _open(workspace, service).wait_for_deployment(),
    "service.logs": lambda workspace, service, lines: _open(workspace, service).get_logs(lines),
    "service.run": lambda workspace, service, request: (
        _open(workspace, service).score(request.encode()).decode()
    ),
    "service.keys": lambda workspace, service: [*_open(workspace, service).get_keys()],
    "service.new_key": lambda workspace, service, key: _open(workspace, service).regen_key(key),
    "service.token": _token,
    "service.package": _package,
    "service.save_package": _save_package,
    "service.package_logs": lambda package: _packaged(package).get_logs(),
    "service.update": _update,
    "service.reload": lambda workspace, service, wait: _open(workspace, service).reload(wait),
    "service.scale": lambda workspace, service, replicas: _open(workspace, service).scale(replicas),
    "service.start": lambda workspace, service: _open(workspace, service).start(),
    "service.stop": lambda workspace, service: _open(workspace, service).stop(),
    "service.delete": lambda workspace, service: _open(workspace, service).delete(),
}
