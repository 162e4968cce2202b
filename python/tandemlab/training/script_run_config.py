"""ScriptRunConfig: a script or a command in its folder, ready to become a run."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, RunStatus
from tandemlab.domain.environments import Environment
from tandemlab.domain.jobs import (
    USUAL_RESOURCES,
    Distribution,
    JobSettings,
    Resources,
    check_places,
)
from tandemlab.domain.problems import Problems
from tandemlab.domain.secrets import as_public_text
from tandemlab.domain.spark import USUAL_SPARK, SparkConfiguration
from tandemlab.environments import get_environment
from tandemlab.environments.registry import record_environment
from tandemlab.store.snapshots import describe_size, source_files, take_snapshot
from tandemlab.training.interpreters import Interpreters, Nowhere, find_interpreters
from tandemlab.training.languages import (
    Language,
    format_arguments,
    parameters_of,
    session_environment,
)
from tandemlab.training.places import (
    GivenInputs,
    GivenOutputs,
    as_output,
    checked_inputs,
    checked_outputs,
    in_shell,
    named_inputs,
    named_outputs,
    taken_from,
)
from tandemlab.training.run_configuration import RunConfiguration

if TYPE_CHECKING:
    from tandemlab.tracking import Experiment, Run, Workspace


_MANY_FILES = 2000
_MANY_BYTES = 300_000_000


@dataclass(frozen=True, init=False)
class ScriptRunConfig(RunConfiguration):
    """A script of Python or R, or a command, with its folder, arguments and compute target.

    It is a `RunConfiguration` with a folder. What is given here comes before what `run_config`
    says.

    Attributes:
        source_directory: folder that is kept with the run and copied to where it runs; what
            ``.tandemignore``, ``.amlignore`` or ``.gitignore`` in it names stays behind.

    >>> config = ScriptRunConfig("examples/accidents", "accidents.py", arguments={"seed": 1})
    >>> config.replace(compute_target="cluster").compute_target
    'cluster'
    >>> shared = RunConfiguration(max_run_duration_seconds=60)
    >>> ScriptRunConfig("study", "train.R", run_config=shared).max_run_duration_seconds
    60
    """

    source_directory: str | os.PathLike[str] = "."

    def __init__(
        self,
        source_directory: str | os.PathLike[str],
        script: str | None = None,
        arguments: Sequence[Any] | Mapping[str, Any] | None = None,
        compute_target: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        interpreter: str | None = None,
        max_run_duration_seconds: float | None = None,
        environment: Environment | str | None = None,
        command: str | Sequence[str] | None = None,
        inputs: GivenInputs | None = None,
        outputs: GivenOutputs | None = None,
        resources: Resources | None = None,
        distribution: Distribution | None = None,
        spark: SparkConfiguration | None = None,
        *,
        run_config: RunConfiguration | None = None,
    ) -> None:
        given = {
            "script": script,
            "arguments": arguments,
            "compute_target": compute_target,
            "environment_variables": environment_variables,
            "interpreter": interpreter,
            "max_run_duration_seconds": max_run_duration_seconds,
            "environment": environment,
            "command": command,
            "inputs": inputs,
            "outputs": outputs,
            "resources": resources,
            "distribution": distribution,
            "spark": spark,
        }
        base = RunConfiguration() if run_config is None else run_config
        if not isinstance(base, RunConfiguration):
            raise InvalidInput(
                f"run_config is a RunConfiguration, not an object of {type(base).__name__}.",
                hint="RunConfiguration.load() reads one from a file, and from_dict() makes one of "
                "a dict.",
            )
        for name, value in given.items():
            object.__setattr__(self, name, getattr(base, name) if value is None else value)
        self.__post_init__()
        named = named_inputs(self.inputs)
        outputs_by_name = named_outputs(self.outputs)
        taken = taken_from(self.arguments, named, outputs_by_name)
        object.__setattr__(self, "arguments", taken)
        object.__setattr__(self, "inputs", named)
        object.__setattr__(self, "outputs", outputs_by_name)
        object.__setattr__(self, "source_directory", source_directory)

    def submit_to(
        self,
        experiment: Experiment,
        tags: Mapping[str, str | None],
        *,
        parent: str | None = None,
        run_id: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> Run:
        """Queue a run of this script; `Experiment.submit` is the usual way.

        Args:
            run_id: the id of the run; made up if None.
            properties: facts about the run.

        Raises:
            InvalidInput: the folder, script, arguments, target or interpreter cannot be used;
                nothing was changed.
        """
        run = self.queue(experiment, tags, parent=parent, run_id=run_id, properties=properties)
        experiment.workspace.attend()
        return run

    def queue(
        self,
        experiment: Experiment,
        tags: Mapping[str, str | None],
        *,
        parent: str | None = None,
        run_id: str | None = None,
        properties: Mapping[str, str] | None = None,
        array: str | None = None,
        max_concurrent_runs: int | None = None,
        type: str = "script",
        settings: Mapping[str, Any] | None = None,
    ) -> Run:
        """As `submit_to`, without telling anybody that the run waits.

        Args:
            array: what runs that are submitted together have in common.
            max_concurrent_runs: how many of these a target runs at once, at most.
            type: of the run, one of `tandemlab.domain.records.JOBS`.
            settings: what its definition holds beside the job.
        """
        together = {"array": array, "max_concurrent_runs": max_concurrent_runs}
        definition = self.check(experiment.workspace)
        source = Path(definition["source_directory"])
        definition |= {name: value for name, value in together.items() if value is not None}
        definition |= settings or {}
        paths = source_files(source)
        self.check_kept(paths)
        _warn_if_large(source, paths)
        snapshot, _ = take_snapshot(source, experiment.workspace.place.blobs, paths)
        run = experiment.create_run(
            type=type,
            status=RunStatus.QUEUED,
            parent=parent,
            target=self.compute_target,
            snapshot=snapshot,
            source=source,
            definition=definition,
            environment={} if experiment.workspace.is_remote else session_environment(),
            tags=tags,
            params=parameters_of(definition["arguments"]),
            run_id=run_id,
            properties=properties,
        )
        record_environment(experiment.workspace.place, run.id, definition)
        return run

    def check_kept(self, paths: Collection[str]) -> None:
        """Refuse a script that is not among the files that are kept of its folder.

        Raises:
            InvalidInput: an ignore rule leaves it out.
        """
        if self.script is not None and self.script not in paths:
            raise InvalidInput(
                f"The script {self.script!r} is left out of the snapshot by an ignore rule.",
                hint="Change .tandemignore, .amlignore or .gitignore in the source directory.",
                details={"script": self.script},
            )

    def check(
        self, workspace: Workspace, targets: dict[str, Interpreters] | None = None
    ) -> dict[str, Any]:
        """What a run of this script in `workspace` would be; nothing is made or changed.

        Args:
            targets: what was found at them, by name, where many are checked; it is added to.

        Raises:
            InvalidInput: the folder, script, arguments, target or interpreter cannot be used; all
                mistakes are told.
        """
        folder = os.path.abspath(os.path.expanduser(self.source_directory))
        source = _check_source(Path(folder))
        problems = Problems()
        target: Interpreters = Nowhere()
        with problems:
            target = self._found_target(workspace, targets)
        with problems:
            self._check_limit()
        given = named_inputs(self.inputs)
        inputs = checked_inputs(given, source, workspace, target.is_here, problems)
        written = {name: as_output(each) for name, each in named_outputs(self.outputs).items()}
        outputs = checked_outputs(written, workspace, target.is_with_agent, problems)
        environment, version, what = None, None, None
        with problems:
            environment, version = self._found_environment(workspace)
        with problems:
            is_command = self.script is None
            what = self._command() if is_command else self._script(source, target, environment)
        if environment is not None:
            with problems:
                target.check(environment)
        if what is not None:
            known = [("inputs", name) for name in given]
            with problems:
                check_places(what["command"], [*known, *(("outputs", name) for name in written)])
            if isinstance(self.command, str):
                what["command"] = [in_shell(word) for word in what["command"]]
        settings = {
            "inputs": inputs,
            **outputs,
            **_plain_settings(self.resources, self.distribution, self.spark),
        }
        with problems:
            JobSettings.of(settings)
        with problems:
            _check_spark_files(source, self.spark)
        with problems:
            variables = _check_variables(self.environment_variables)
        problems.tell()
        assert what is not None
        found = {
            **what,
            **{name: value for name, value in settings.items() if value},
            "source_directory": str(source),
            "environment_variables": variables,
            "max_run_duration_seconds": self.max_run_duration_seconds,
            **({"environment": environment.to_dict()} if environment else {}),
            **({"environment_version": version} if version else {}),
        }
        target.check_run(found)
        return found

    def _found_target(
        self, workspace: Workspace, targets: dict[str, Interpreters] | None
    ) -> Interpreters:
        name = self.compute_target
        found = (targets or {}).get(name) or find_interpreters(workspace, name)
        if targets is not None:
            targets[name] = found
        return found

    def _check_limit(self) -> None:
        limit: object = self.max_run_duration_seconds
        if limit is not None and not (isinstance(limit, int | float) and limit > 0):
            raise InvalidInput(f"max_run_duration_seconds must be a number above 0, not {limit!r}.")

    def _found_environment(self, workspace: Workspace) -> tuple[Environment | None, int | None]:
        """The environment, and its version if it is a registered one."""
        if not isinstance(self.environment, str):
            return self.environment, None
        registered = get_environment(workspace, self.environment)
        return registered.environment, registered.version

    def _script(
        self, source: Path, target: Interpreters, environment: Environment | None
    ) -> dict[str, Any]:
        assert self.script is not None
        if self.command is not None:
            raise InvalidInput(
                f"A run has a script ({self.script}) or a command, not both.",
                hint="Write the script into the command, or leave the command out.",
            )
        script = _check_script(source, self.script)
        language = Language.of(script)
        arguments = format_arguments(self.arguments, language)
        if environment is not None:
            self._check_environment(environment, language)
        found = None
        if environment is not None and environment.container is not None:
            found = environment.image_program(language.value)
        interpreter = found or target.interpreter(language, self.interpreter)
        return {
            "script": script,
            "language": language.value,
            "arguments": arguments,
            "interpreter": interpreter,
            "command": [interpreter, script, *arguments],
        }

    def _command(self) -> dict[str, Any]:
        if self.command is None or not self.command:
            raise InvalidInput("There is nothing to run.", hint="Give a script or a command.")
        for name in ("arguments", "interpreter"):
            if getattr(self, name):
                raise InvalidInput(
                    f"A command has no {name} apart from itself.",
                    hint=f"Write the {name} into the command.",
                )
        command = (
            ["/bin/sh", "-c", as_public_text(self.command, "command")]
            if isinstance(self.command, str)
            else format_arguments(self.command, Language.PYTHON)
        )
        return {"language": None, "arguments": [], "command": command}

    def _check_environment(self, environment: Environment, language: Language) -> None:
        if environment.brings(language.value) and self.interpreter is not None:
            raise InvalidInput(
                f"The environment {environment.name!r} has a {language.value} of its own; the "
                f"script cannot run with {self.interpreter} as well.",
                hint="Leave out the interpreter, or the environment.",
            )


def _plain_settings(
    resources: Resources, distribution: Distribution | None, spark: SparkConfiguration
) -> dict[str, dict[str, Any]]:
    settings = {"resources": resources, "distribution": distribution, "spark": spark}
    return {
        name: {
            key: item
            for key, item in dataclasses.asdict(value).items()
            if item not in (None, (), {})
        }
        for name, value in settings.items()
        if value not in (None, USUAL_RESOURCES, USUAL_SPARK)
    }


def _check_source(source: Path) -> Path:
    if not source.is_dir():
        raise InvalidInput(
            f"The source directory {source} is not a folder.",
            hint="Give the folder that holds the script.",
            details={"source_directory": str(source)},
        )
    return source


def _check_script(source: Path, script: str) -> str:
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


def _check_spark_files(source: Path, spark: SparkConfiguration) -> None:
    for name in spark.local_files:
        if not (source / name).exists():
            raise InvalidInput(
                f"Spark is to be given {name!r}, which is not in {source}.",
                hint="Give its path relative to the source directory, an absolute one on the "
                "target's machine, or a URL.",
                details={"file": name},
            )


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
