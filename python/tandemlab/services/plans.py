"""What a service is to become: checked, and its files copied, before anything else is changed."""

from __future__ import annotations

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
)
from tandemlab.services.folder import ServiceFolder
from tandemlab.services.revisions import new_revision
from tandemlab.services.scripts import Script, default_script, own_script
from tandemlab.services.served_models import ModelSource, TakenModel, take_models
from tandemlab.training.languages import find_interpreter

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace


def plan_deployment(
    workspace: Workspace,
    folder: ServiceFolder,
    models: Sequence[ModelSource],
    config: InferenceConfig,
    settings: LocalWebserviceDeploymentConfiguration,
) -> Deployment:
    """A service that is new, or replaces the one of its name.

    Raises:
        InvalidInput: the script or a model is not there, or inputs cannot be checked.
    """
    number = folder.next_generation()
    time = to_micros(now())
    return Deployment(
        name=folder.path.name,
        generation=number,
        settings=settings,
        created=time,
        updated=time,
        **_assets(workspace, folder, number, models, config),
    )


def plan_change(
    workspace: Workspace,
    folder: ServiceFolder,
    before: Deployment,
    models: Sequence[ModelSource] | None = None,
    config: InferenceConfig | None = None,
    deployment_config: LocalWebserviceDeploymentConfiguration | None = None,
    *,
    reload: bool = False,
) -> Deployment:
    """A service as it is to be after a change.

    Args:
        reload: whether its source is taken again from where it was taken.

    Raises:
        InvalidInput: the script or a model is not there, or inputs cannot be checked.
    """
    settings = before.settings
    if deployment_config is not None:
        port = deployment_config.port if deployment_config.port is not None else settings.port
        settings = replace(deployment_config, port=port)
    number = folder.next_generation()
    plan = replace(before, generation=number, settings=settings, updated=to_micros(now()))
    if models is None and config is None and not reload:
        return plan
    kept = [each.path or each.id for each in before.models] if models is None else models
    return replace(plan, **_assets(workspace, folder, number, kept, config or _config_of(before)))


def _assets(
    workspace: Workspace,
    folder: ServiceFolder,
    number: int,
    models: Sequence[ModelSource],
    config: InferenceConfig,
) -> dict[str, Any]:
    """What replicas work on, copied into a new revision, as fields of a `Deployment`."""
    environment = _environment(workspace, config)
    located = None if config.entry_script is None else config.located()
    with new_revision(folder.revision(number)) as revision:
        taken = take_models(workspace, models, revision)
        only = taken[0] if len(taken) == 1 else None
        if located is None:
            script = _default_script(only, revision)
        else:
            whole = config.source_directory is not None
            script = own_script(*located, revision, whole=whole)
        if environment is None:
            find_interpreter(script.language, None)
        checked = _checked(config, only)
    return {
        "revision": number,
        "language": script.language.value,
        "entry_script": script.path,
        "source_directory": None if script.source is None else str(script.source),
        "takes_folder": config.source_directory is not None,
        "models": tuple(each.served for each in taken),
        "environment": environment,
        "description": config.description,
        "signature": checked.signature if checked else None,
        "sample_input": checked.sample_input if checked else None,
    }


def _default_script(model: TakenModel | None, revision: Path) -> Script:
    if model is None:
        raise InvalidInput(
            "A service without an entry script has one model, whose predict() answers.",
            hint="Give an InferenceConfig with a script, or one model.",
        )
    return default_script(model.format, model.signature, revision)


def _checked(config: InferenceConfig, model: TakenModel | None) -> TakenModel | None:
    """The model by whose signature requests are checked, if they are."""
    wanted = config.entry_script is None if config.check_inputs is None else config.check_inputs
    has_signature = model is not None and model.signature is not None
    if config.check_inputs and not has_signature:
        raise InvalidInput(
            "Requests cannot be checked: that needs one registered model with a signature.",
            hint="Register the model with a sample input or a signature.",
        )
    return model if wanted and has_signature else None


def _config_of(deployment: Deployment) -> InferenceConfig:
    """The configuration that a service was deployed by."""
    environment = deployment.environment
    given = None if environment is None else Environment.from_dict(environment)
    checks = deployment.signature is not None
    if deployment.source_directory is None:
        return InferenceConfig(None, given, None, deployment.description)
    source = Path(deployment.source_directory)
    script, folder = (
        (deployment.entry_script, source)
        if deployment.takes_folder
        else (source / deployment.entry_script, None)
    )
    return InferenceConfig(script, given, folder, deployment.description, checks)


def _environment(workspace: Workspace, config: InferenceConfig) -> Mapping[str, Any] | None:
    """The environment as a service keeps it, when nothing is known to be wrong with it."""
    found = config.environment
    if isinstance(found, str):
        found = get_environment(workspace, found).environment
    if found is None:
        return None
    if found.container is not None:
        raise InvalidInput(
            f"The environment {found.name!r} is a container image, in which no service runs.",
            hint="Give an environment with packages, or one of this machine.",
            details={"environment": found.name},
        )
    check_environment(found)
    return found.to_dict()
