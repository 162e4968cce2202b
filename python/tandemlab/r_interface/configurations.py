"""Configurations that R sends, and those that it reads from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tandemlab.training import RunConfiguration, ScriptRunConfig


def script_run_config(config: Mapping[str, Any]) -> ScriptRunConfig:
    """The configuration that R's ``script_run_config()`` describes."""
    content = dict(config)
    return ScriptRunConfig(
        content.pop("source_directory"), run_config=RunConfiguration.from_dict(content)
    )


def _load(path: str, name: str | None) -> object:
    return RunConfiguration.load(path, name).to_dict()


def _save(config: Mapping[str, Any], path: str, name: str | None) -> object:
    return str(RunConfiguration.from_dict(config).save(path, name))


CALLS: dict[str, Callable[..., object]] = {
    "run_config.load": _load,
    "run_config.save": _save,
}
