"""Configurations that R sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tandemlab.domain.environments import Environment
from tandemlab.training import ScriptRunConfig


def script_run_config(config: Mapping[str, Any]) -> ScriptRunConfig:
    """The configuration that R's ``script_run_config()`` describes."""
    environment = config.get("environment")
    return ScriptRunConfig(
        **{**config, "environment": environment and Environment.from_dict(environment)}
    )
