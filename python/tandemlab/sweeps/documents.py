"""Sweeps as documents: their JSON Schema, and YAML files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.documents import write_document
from tandemlab.domain.schemas import conform, key_of
from tandemlab.domain.sweeps import SweepSettings
from tandemlab.environments.files import take_in_environment
from tandemlab.store.document_files import read_document_file
from tandemlab.store.durable import write_file
from tandemlab.training import RunConfiguration, ScriptRunConfig
from tandemlab.training.configuration_files import run_configuration_schema

if TYPE_CHECKING:
    from tandemlab.sweeps.config import HyperDriveConfig


@cache
def sweep_schema() -> dict[str, Any]:
    """The JSON Schema of a sweep's document, with that of run configurations in it."""
    schema: dict[str, Any] = json.loads(
        files(__package__).joinpath("sweep.schema.json").read_text(encoding="utf-8")
    )
    configuration = deepcopy(run_configuration_schema())
    schema["$defs"] = {**configuration["$defs"], **schema["$defs"]}
    what = schema["$defs"]["run_config"]
    what["properties"] = {**configuration["properties"], **what["properties"]}
    return schema


def sweep_settings_schema() -> dict[str, Any]:
    """The JSON Schema of what a sweep says beside its run configuration."""
    schema: dict[str, Any] = deepcopy(sweep_schema())
    own = {"expression", "value", "policy", "sampling"}
    own |= {"bounds", "stepped_bounds", "normal", "stepped_normal"}
    left = ("name", "description", "run_config")
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key for key in schema["required"] if key not in left],
        "properties": {k: v for k, v in schema["properties"].items() if k not in left},
        "$defs": {name: each for name, each in schema["$defs"].items() if name in own},
    }


def read_sweep(content: Mapping[str, Any]) -> HyperDriveConfig:
    """The sweep of a document.

    Raises:
        InvalidInput: it does not conform to the schema; all mistakes are told.
    """
    value, mistakes = conform(content, sweep_schema())
    if mistakes:
        told = [": ".join(filter(None, (key_of(m.path), m.message))) for m in mistakes]
        raise InvalidInput(f"The sweep cannot be used. {'; '.join(told)}.")
    return _sweep_of(value)


def load_sweep(path: str | os.PathLike[str]) -> HyperDriveConfig:
    """The sweep that a YAML file holds; its paths are relative to the file.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it cannot be used; the message has the line and key of each mistake.
    """
    file = Path(path).expanduser()
    document = read_document_file(file)
    content = document.conforming(sweep_schema())
    content.setdefault("name", file.stem)
    _complete(content["run_config"], file.parent)
    with document.explaining():
        return _sweep_of(content)


def _complete(run_config: dict[str, Any], folder: Path) -> None:
    """Have paths not depend on where their file is."""
    source = folder / run_config.get("source_directory", ".")
    run_config["source_directory"] = os.path.normpath(source)
    take_in_environment(run_config, folder)


def _sweep_of(content: Mapping[str, Any]) -> HyperDriveConfig:
    from tandemlab.sweeps.config import HyperDriveConfig

    settings = dict(content)
    name, description = settings.pop("name", None), settings.pop("description", None)
    run_config = dict(settings.pop("run_config"))
    source = run_config.pop("source_directory", ".")
    found = SweepSettings.of(settings)
    return HyperDriveConfig(
        ScriptRunConfig(source, run_config=RunConfiguration.from_dict(run_config)),
        found.sampling,
        found.primary_metric_name,
        found.primary_metric_goal,
        found.max_total_runs,
        found.max_concurrent_runs,
        found.max_duration_minutes,
        found.policy,
        stop_grace_seconds=found.stop_grace_seconds,
        name=name,
        description=description,
    )


def save_sweep(sweep: HyperDriveConfig, path: str | os.PathLike[str]) -> Path:
    """Write a sweep as YAML; the path.

    Raises:
        InvalidInput: a name that does not end in ``.yml`` or ``.yaml``.
    """
    file = Path(path).expanduser()
    if file.suffix not in (".yml", ".yaml"):
        raise InvalidInput(f"{file} is no name for a sweep's file.", hint="End it in .yml.")
    content = sweep.to_dict()
    source = content["run_config"]["source_directory"]
    content["run_config"]["source_directory"] = os.path.relpath(source, file.parent)
    write_file(file, write_document(content).encode())
    return file
