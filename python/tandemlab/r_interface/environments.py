"""What R asks of environments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.domain.environments import Environment
from tandemlab.environments import CachedEnvironment, EnvironmentCache, read_environment


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


def _list() -> object:
    return _rows(EnvironmentCache().built())


def _prune(unused_days: float) -> object:
    return _rows(EnvironmentCache().prune(unused_days=unused_days))


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
    "environment.prune": _prune,
    "environment.read": _read,
}
