"""What a service is to become: checked, and its files copied, before anything else is changed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.times import now, to_micros
from tandemlab.environments import Environment, check_environment, get_environment
from tandemlab.services.deployment import (
    Deployment,
    InferenceConfig,
    LocalWebserviceDeploymentConfiguration,
    ServedModel,
)
from tandemlab.services.folder import ServiceFolder
from tandemlab.services.revisions import copy_model, copy_source, keep_models, new_revision
from tandemlab.training.languages import find_interpreter

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace


def plan_deployment(
    workspace: Workspace,
    folder: ServiceFolder,
    models: Sequence[Any],
    config: InferenceConfig | None,
    settings: LocalWebserviceDeploymentConfiguration,
) -> Deployment:
    """A service that is new, or replaces the one of its name.

    Raises:
        InvalidInput: the script or a model is not there.
    """
    if config is None:
        raise InvalidInput(
            "There is no entry script.", hint="Give an InferenceConfig with the script."
        )
    number = folder.next_generation()
    source, script = config.located()
    environment = _environment(workspace, config)
    with new_revision(folder.revision(number)) as revision:
        copy_source(source, script, revision, whole=config.source_directory is not None)
        served = tuple(_take_model(each, revision) for each in models)
    time = to_micros(now())
    return Deployment(
        name=folder.path.name,
        generation=number,
        revision=number,
        language=config.language.value,
        entry_script=script,
        source_directory=str(source),
        takes_folder=config.source_directory is not None,
        models=served,
        environment=environment,
        settings=settings,
        created=time,
        updated=time,
        description=config.description,
    )


def plan_change(
    workspace: Workspace,
    folder: ServiceFolder,
    before: Deployment,
    models: Sequence[Any] | None = None,
    config: InferenceConfig | None = None,
    deployment_config: LocalWebserviceDeploymentConfiguration | None = None,
    *,
    reload: bool = False,
) -> Deployment:
    """A service as it is to be after a change.

    Args:
        reload: whether its source is taken again from where it was taken.

    Raises:
        InvalidInput: the script or a model is not there.
    """
    settings = before.settings
    if deployment_config is not None:
        port = deployment_config.port if deployment_config.port is not None else settings.port
        settings = replace(deployment_config, port=port)
    number = folder.next_generation()
    plan = replace(before, generation=number, settings=settings, updated=to_micros(now()))
    if models is None and config is None and not reload:
        return plan
    config = config or _config_of(before)
    source, script = config.located()
    plan = replace(
        plan,
        revision=number,
        language=config.language.value,
        entry_script=script,
        source_directory=str(source),
        takes_folder=config.source_directory is not None,
        environment=_environment(workspace, config),
        description=config.description or before.description,
    )
    with new_revision(folder.revision(number)) as revision:
        copy_source(source, script, revision, whole=plan.takes_folder)
        if models is None:
            keep_models(folder.revision(before.revision), revision)
        else:
            plan = replace(plan, models=tuple(_take_model(each, revision) for each in models))
    return plan


def _config_of(deployment: Deployment) -> InferenceConfig:
    """The configuration that a service was deployed by."""
    environment = deployment.environment
    source = Path(deployment.source_directory)
    return InferenceConfig(
        deployment.entry_script if deployment.takes_folder else source / deployment.entry_script,
        None if environment is None else Environment.from_dict(environment),
        source if deployment.takes_folder else None,
        deployment.description,
    )


def _environment(workspace: Workspace, config: InferenceConfig) -> Mapping[str, Any] | None:
    """The environment as a service keeps it, when nothing is known to be wrong with it."""
    found = config.environment
    if isinstance(found, str):
        found = get_environment(workspace, found).environment
    if found is None:
        find_interpreter(config.language, None)
        return None
    check_environment(found)
    return found.to_dict()


def _take_model(model: Any, revision: Path) -> ServedModel:
    if isinstance(model, (str, os.PathLike)):
        return copy_model(Path(model).expanduser().absolute(), revision)
    raise InvalidInput(
        f"A model is a registered one or the path of its files, not {type(model).__name__}."
    )
