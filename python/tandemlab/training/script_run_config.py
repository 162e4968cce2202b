"""ScriptRunConfig: a script, its arguments, and where it runs."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, RunStatus
from tandemlab.domain.environments import Environment
from tandemlab.domain.secrets import as_public_text
from tandemlab.store.snapshots import describe_size, source_files, take_snapshot
from tandemlab.training.interpreters import Interpreters, find_interpreters
from tandemlab.training.languages import (
    Language,
    format_arguments,
    parameters_of,
    session_environment,
)

if TYPE_CHECKING:
    from tandemlab.tracking import Experiment, Run, Workspace


_MANY_FILES = 2000
_MANY_BYTES = 300_000_000


@dataclass(frozen=True)
class ScriptRunConfig:
    """A script of Python or R with its folder, arguments and compute target.

    Attributes:
        source_directory: folder that is kept with the run and copied to where it runs; what
            ``.tandemignore``, ``.amlignore`` or ``.gitignore`` in it names stays behind.
        script: the script's path inside that folder.
        arguments: a list, or a mapping ``{"data": "x.csv"}`` for ``--data x.csv``.
        compute_target: name of the target; ``"local"`` is this machine.
        environment_variables: set for the script.
        interpreter: program that runs the script; that of the environment, or else this Python
            for ``.py`` and Rscript for ``.R``.
        environment: packages that the script needs; they are built before it starts, once for all
            runs that need the same. None: what the interpreter has.
        max_run_duration_seconds: the script is stopped and the run fails after so long.

    >>> config = ScriptRunConfig("examples/accidents", "accidents.py", arguments={"seed": 1})
    >>> config.replace(compute_target="cluster").compute_target
    'cluster'
    """

    source_directory: str | os.PathLike[str]
    script: str
    arguments: Sequence[Any] | Mapping[str, Any] | None = None
    compute_target: str = "local"
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    interpreter: str | None = None
    max_run_duration_seconds: float | None = None
    environment: Environment | None = None

    def replace(self, **changes: Any) -> ScriptRunConfig:
        """A copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def submit_to(
        self,
        experiment: Experiment,
        tags: Mapping[str, str | None],
        *,
        parent: str | None = None,
    ) -> Run:
        """Queue a run of this script; `Experiment.submit` is the usual way.

        Raises:
            InvalidInput: the folder, script, arguments, target or interpreter cannot be used;
                nothing was changed.
        """
        definition = self.check(experiment.workspace)
        source = Path(definition["source_directory"])
        paths = source_files(source)
        if self.script not in paths:
            raise InvalidInput(
                f"The script {self.script!r} is left out of the snapshot by an ignore rule.",
                hint="Change .tandemignore, .amlignore or .gitignore in the source directory.",
                details={"script": self.script},
            )
        _warn_if_large(source, paths)
        snapshot, _ = take_snapshot(source, experiment.workspace.place.blobs, paths)
        run = experiment.create_run(
            type="script",
            status=RunStatus.QUEUED,
            parent=parent,
            target=self.compute_target,
            snapshot=snapshot,
            source=source,
            definition=definition,
            environment={} if experiment.workspace.is_remote else session_environment(),
            tags=tags,
            params=parameters_of(definition["arguments"]),
        )
        experiment.workspace.attend()
        return run

    def check(self, workspace: Workspace) -> dict[str, Any]:
        """What a run of this script in `workspace` would be; nothing is made or changed.

        Raises:
            InvalidInput: the folder, script, arguments, target or interpreter cannot be used.
        """
        target = find_interpreters(workspace, self.compute_target)
        source = Path(os.path.abspath(Path(self.source_directory).expanduser()))
        script = _check_script(source, self.script)
        language = Language.of(script)
        arguments = format_arguments(self.arguments, language)
        if self.environment is not None:
            self._check_environment(self.environment, target, language)
        interpreter = target.interpreter(language, self.interpreter)
        if self.max_run_duration_seconds is not None and not self.max_run_duration_seconds > 0:
            raise InvalidInput(
                f"max_run_duration_seconds must be above 0, not {self.max_run_duration_seconds}."
            )
        return {
            "script": script,
            "language": language.value,
            "arguments": arguments,
            "source_directory": str(source),
            "interpreter": interpreter,
            "command": [interpreter, script, *arguments],
            "environment_variables": _check_variables(self.environment_variables),
            "max_run_duration_seconds": self.max_run_duration_seconds,
            **({"environment": self.environment.to_dict()} if self.environment else {}),
        }

    def _check_environment(
        self, environment: Environment, target: Interpreters, language: Language
    ) -> None:
        if environment.brings(language.value) and self.interpreter is not None:
            raise InvalidInput(
                f"The environment {environment.name!r} has a {language.value} of its own; the "
                f"script cannot run with {self.interpreter} as well.",
                hint="Leave out the interpreter, or the environment.",
            )
        target.check(environment)


def _check_script(source: Path, script: str) -> str:
    if not source.is_dir():
        raise InvalidInput(
            f"The source directory {source} is not a folder.",
            hint="Give the folder that holds the script.",
            details={"source_directory": str(source)},
        )
    path = PurePosixPath(script)
    if path.is_absolute() or ".." in path.parts:
        raise InvalidInput(
            f"The script {script!r} is not inside the source directory {source}.",
            hint="Give its path relative to the source directory.",
            details={"script": script},
        )
    file = source / path
    if not file.is_file():
        kind = "a folder" if file.is_dir() else "not there"
        scripts = sorted(p.name for p in source.glob("*.[pPrR]*") if _is_script(p))
        raise InvalidInput(
            f"The script {script!r} is {kind} in {source}.",
            hint=f"Scripts there: {', '.join(scripts[:10])}." if scripts else "",
            details={"script": script, "source_directory": str(source)},
        )
    return str(path)


def _warn_if_large(source: Path, paths: Sequence[str]) -> None:
    """Say what is copied before it is, when it is more than one would expect of source code."""
    size, largest = describe_size(source, paths)
    if len(paths) > _MANY_FILES or size > _MANY_BYTES:
        warnings.warn(
            f"The snapshot of {source} takes {len(paths)} files and {size / 1e6:.0f} MB; the "
            f"largest are {', '.join(largest)}. Name what the script does not need in "
            ".tandemignore.",
            stacklevel=5,
        )


def _is_script(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in (".py", ".r")


def _check_variables(variables: Mapping[str, str]) -> dict[str, str]:
    for name in variables:
        if not name.replace("_", "a").isalnum() or not name.isascii() or name[0].isdigit():
            raise InvalidInput(
                f"{name!r} cannot be the name of an environment variable.",
                hint="Use letters, digits and '_'.",
            )
    return {
        name: as_public_text(value, "environment variable") for name, value in variables.items()
    }
