"""What R asks of environments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.domain.environments import Environment
from tandemlab.environments import (
    CachedEnvironment,
    EnvironmentCache,
    RegisteredEnvironment,
    get_environment,
    list_environments,
    lock_environment,
    read_environment,
    register_environment,
    save_environment,
)
from tandemlab.r_interface.handles import open_workspace


def _read(path: str, name: str | None) -> object:
    return read_environment(path, name).to_dict()


def _build(environment: Mapping[str, Any], rebuild: bool) -> object:
    found = Environment.from_dict(environment)
    cache = EnvironmentCache()
    built = cache.build(found, rebuild=rebuild)
    return {
        "name": found.name,
        "python": built.python,
        "rscript": built.rscript,
        "r_libraries": Vector(built.r_libraries, "character"),
        "log": str(cache.log_path(found)),
    }


def _lock(environment: Mapping[str, Any]) -> object:
    return lock_environment(Environment.from_dict(environment)).to_dict()


def _save(environment: Mapping[str, Any], path: str) -> object:
    return str(save_environment(Environment.from_dict(environment), path))


def _list() -> object:
    return _rows(EnvironmentCache().built())


def _prune(unused_days: float) -> object:
    return _rows(EnvironmentCache().prune(unused_days=unused_days))


def _register(workspace: str, environment: Mapping[str, Any]) -> object:
    return _described(
        register_environment(open_workspace(workspace), Environment.from_dict(environment))
    )


def _get(workspace: str, name: str, version: int | None) -> object:
    return _described(get_environment(open_workspace(workspace), name, version))


def _registered(workspace: str) -> object:
    found = list_environments(open_workspace(workspace))
    return Table(
        {
            "name": [each.name for each in found],
            "version": Vector([each.version for each in found], "integer"),
            "created": [each.created for each in found],
        }
    )


def _described(found: RegisteredEnvironment) -> object:
    return {**found.environment.to_dict(), "version": found.version}


def _rows(found: list[CachedEnvironment]) -> object:
    return Table(
        {
            "name": [each.name for each in found],
            "used": [datetime.fromtimestamp(each.used, timezone.utc) for each in found],
            "size": [float(each.size) for each in found],
            "key": [each.key for each in found],
        }
    )


CALLS: dict[str, Callable[..., object]] = {
    "environment.build": _build,
    "environment.list": _list,
    "environment.lock": _lock,
    "environment.prune": _prune,
    "environment.get": _get,
    "environment.read": _read,
    "environment.register": _register,
    "environment.registered": _registered,
    "environment.save": _save,
}
