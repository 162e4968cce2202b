"""Configurations that R sends, and those that it reads from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tandemlab.environments import RPackage
from tandemlab.training import RunConfiguration, ScriptRunConfig
from tandemlab.training.estimators import find_estimator


def script_run_config(config: Mapping[str, Any]) -> ScriptRunConfig:
    """The configuration that R's ``script_run_config()`` describes."""
    content = dict(config)
    return ScriptRunConfig(
        content.pop("source_directory"), run_config=RunConfiguration.from_dict(content)
    )


def _estimator(
    framework: str | None,
    source_directory: str,
    settings: Mapping[str, Any],
    cran_packages: Sequence[Mapping[str, Any]],
    others: Mapping[str, Any],
) -> object:
    """The configuration of an estimator.

    Args:
        settings: those that it shares with every configuration, by their names there.
        others: its other arguments.
    """
    base = RunConfiguration.from_dict(settings)
    made = find_estimator(framework)(
        source_directory,
        compute_target=base.compute_target,
        entry_script=base.script,
        script_params=base.arguments,  # type: ignore[arg-type]  # it says what is wrong with a list
        cran_packages=[RPackage(**each) for each in cran_packages],
        environment_variables=base.environment_variables,
        environment_definition=base.environment,
        inputs=base.inputs,
        outputs=base.outputs,
        resources=base.resources,
        max_run_duration_seconds=base.max_run_duration_seconds,
        **others,
    )
    return made.to_dict()


def _load(path: str, name: str | None) -> object:
    return RunConfiguration.load(path, name).to_dict()


def _save(config: Mapping[str, Any], path: str, name: str | None) -> object:
    return str(RunConfiguration.from_dict(config).save(path, name))


CALLS: dict[str, Callable[..., object]] = {
    "estimator": _estimator,
    "run_config.load": _load,
    "run_config.save": _save,
}
