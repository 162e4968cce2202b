"""How the process of a replica is started, by language."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tandemlab.bridge import find_r, without_r
from tandemlab.bridge.worker import worker_environment, worker_program
from tandemlab.environments import BuiltEnvironment, Environment, EnvironmentCache
from tandemlab.services import python_script
from tandemlab.services.deployment import Deployment
from tandemlab.services.revisions import models_root
from tandemlab.training.languages import Language

_MODEL_VARIABLES = ("AZUREML_MODEL_DIR", "TANDEMLAB_MODEL_DIR")


@dataclass(frozen=True, slots=True)
class Launch:
    """A process of a replica, ready to be started.

    Attributes:
        command: gets the number of the descriptor of the replica's channel.
        folder: where it works.
        ensure: builds its environment anew if it is gone.
    """

    command: Callable[[int], Sequence[str]]
    environment: Mapping[str, str]
    folder: Path
    ensure: Callable[[], object]


def prepare(deployment: Deployment, revision: Path) -> Launch:
    """Build the environment of a service, and say how its replicas are started.

    Raises:
        InvalidInput, MissingDependency, InvalidState, StorageError: see `EnvironmentCache.build`.
    """
    ensure = partial(_build, deployment)
    built = ensure()
    source = revision / "source"
    script = str(source / deployment.entry_script)
    folder = str(models_root(revision, deployment.models))
    variables = {**built.variables, **dict.fromkeys(_MODEL_VARIABLES, folder)}
    if deployment.language == Language.R.value:
        rscript = find_r(built.rscript).rscript
        environment = {**worker_environment(built.r_libraries), **variables}
        return Launch(
            lambda channel: _r_command(rscript, channel, script), environment, source, ensure
        )
    program = [built.python or sys.executable, "-u", str(python_script.__file__)]
    environment = {**without_r(os.environ), **variables}
    return Launch(lambda channel: [*program, str(channel), script], environment, source, ensure)


def _build(deployment: Deployment) -> BuiltEnvironment:
    if deployment.environment is None:
        return BuiltEnvironment(None, None, (), {})
    return EnvironmentCache().build(Environment.from_dict(deployment.environment))


def _r_command(rscript: str, channel: int, script: str) -> list[str]:
    arguments = f"{channel}L,{os.getpid()}L,{json.dumps(script)}"
    return [rscript, "--no-save", "-e", worker_program("serve_script", arguments)]
