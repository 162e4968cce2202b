"""RunConfiguration: how a script or a command runs, whatever its folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tandemlab.domain import InvalidInput
from tandemlab.domain.environments import Environment
from tandemlab.domain.jobs import USUAL_RESOURCES, Distribution, Input, InputMode, Output, Resources
from tandemlab.domain.scalars import as_scalar
from tandemlab.domain.schemas import as_sentence, conform, key_of
from tandemlab.domain.spark import USUAL_SPARK, SparkConfiguration
from tandemlab.training.places import (
    GivenInputs,
    GivenOutput,
    GivenOutputs,
    as_input,
    as_output,
    named_inputs,
    named_outputs,
)

_SETTINGS: Sequence[tuple[str, type]] = (
    ("resources", Resources),
    ("distribution", Distribution),
    ("spark", SparkConfiguration),
)
_Configuration = TypeVar("_Configuration", bound="RunConfiguration")


@dataclass(frozen=True)
class RunConfiguration:
    """How a script or a command runs: a value that many scripts can share, and that files keep.

    Attributes:
        script: path of a script of Python or R inside the source directory.
        arguments: of the script: a list, or a mapping ``{"data": "x.csv"}`` for ``--data x.csv``.
        compute_target: name of the target; ``"local"`` is this machine.
        environment_variables: set for the script.
        interpreter: program that runs the script; that of the environment, or else this Python
            for ``.py`` and Rscript for ``.R``.
        max_run_duration_seconds: the script is stopped and the run fails after so long.
        environment: packages that the script needs; they are built before it starts, once for all
            runs that need the same: an `Environment`, or the name of a registered or curated one,
            ``"NAME"`` or ``"NAME:VERSION"``. None: what the interpreter has.
        command: what runs instead of a script: a line for the shell, or a program and its
            arguments.
        inputs: files, folders and datasets that the script reads, by name: paths, datasets, or
            `Input` for a link or a copy; or a list of ``dataset.as_named_input(name)``.
            ``${inputs.NAME}`` in the arguments or the command is the path, and so is the
            environment variable ``TANDEMLAB_INPUT_NAME``.
        outputs: folders that the script writes, by name: None for one whose files the run keeps
            (``outputs/NAME``), the path of a folder on the target's machine, or an `Output`, whose
            files may go to a datastore and become a dataset when the run completes; or a list of
            `OutputFileDatasetConfig`. Likewise ``${outputs.NAME}`` and ``TANDEMLAB_OUTPUT_NAME``.
        resources: processors, memory and GPUs.
        distribution: several processes of the script that find each other.
        spark: what a target of Spark gives to ``spark-submit``; other targets pass over it.

    >>> quick = RunConfiguration("train.py", {"epochs": 1}, max_run_duration_seconds=60)
    >>> quick.replace(arguments={"epochs": 100}).to_dict()["arguments"]
    {'epochs': 100}
    """

    script: str | None = None
    arguments: Sequence[Any] | Mapping[str, Any] | None = None
    compute_target: str = "local"
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    interpreter: str | None = None
    max_run_duration_seconds: float | None = None
    environment: Environment | str | None = None
    command: str | Sequence[str] | None = None
    inputs: GivenInputs = field(default_factory=dict)
    outputs: GivenOutputs = field(default_factory=dict)
    resources: Resources = USUAL_RESOURCES
    distribution: Distribution | None = None
    spark: SparkConfiguration = USUAL_SPARK

    def __post_init__(self) -> None:
        kinds: dict[str, tuple[type, ...]] = {
            "environment": (Environment, str),
            "resources": (Resources,),
            "distribution": (Distribution,),
        }
        for name, known in kinds.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, known):
                wanted = " or the name of one" if str in known else ""
                raise InvalidInput(
                    f"{name} is an object of the class {known[0].__name__}{wanted}, not of "
                    f"{type(value).__name__}.",
                    hint=f"Write {name}={known[0].__name__}(...).",
                )

    def replace(self: _Configuration, **changes: Any) -> _Configuration:
        """A copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, as files have it, without what is as usual.

        Raises:
            InvalidInput: an argument or a variable that is a secret, or no plain value.
        """
        found = {
            each.name: getattr(self, each.name) for each in dataclasses.fields(RunConfiguration)
        }
        usual = RunConfiguration()
        found["inputs"] = {
            name: as_input(value) for name, value in named_inputs(self.inputs).items()
        }
        found["outputs"] = {
            name: _plain_output(value) for name, value in named_outputs(self.outputs).items()
        }
        kept = {
            name: _plain(value, name)
            for name, value in found.items()
            if value != getattr(usual, name)
        }
        return {key: value for key, value in kept.items() if value not in ({}, [])}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> RunConfiguration:
        """The configuration that `to_dict` gave.

        Raises:
            InvalidInput: keys that are not known, or values of another type; all of them are told.
        """
        from tandemlab.training.configuration_files import run_configuration_schema

        value, mistakes = conform(content, run_configuration_schema())
        if mistakes:
            told = [": ".join(filter(None, (key_of(m.path), m.message))) for m in mistakes]
            raise InvalidInput(
                f"The run configuration cannot be used. {as_sentence(told)}",
                details={"keys": sorted({str(each.path[0]) for each in mistakes if each.path})},
            )
        environment = value.pop("environment", None)
        if isinstance(environment, Mapping):
            environment = Environment.from_dict({"name": "environment", **environment})
        return build_run_configuration(value, environment)

    def save(self, path: str | os.PathLike[str] = ".", name: str | None = None) -> Path:
        """Write the configuration as YAML; the path.

        Beside ``.tandemlab/NAME.yml`` comes ``schema.json``, by which editors with the YAML
        language server (VS Code, Neovim, Emacs) complete and check the file.

        Args:
            path: the source directory, for ``.tandemlab/NAME.yml`` in it; or, without a name,
                the file.

        Raises:
            InvalidInput: a name that cannot be a file's, or a file that ends otherwise.
        """
        from tandemlab.training.configuration_files import save_run_configuration

        return save_run_configuration(self, path, name)

    @classmethod
    def load(cls, path: str | os.PathLike[str] = ".", name: str | None = None) -> RunConfiguration:
        """The configuration that a file holds; ``.runconfig`` files of SDK v1 load, too.

        Of such a file, what has no meaning here is named in a warning.

        Args:
            path: the source directory, whose ``.tandemlab/NAME.yml`` (or
                ``.azureml/NAME.runconfig``, ``aml_config/NAME.runconfig``) is meant; or, without
                a name, the file.

        Raises:
            NotFound: there is no such file.
            InvalidInput: it cannot be used; the message has the line and key of each mistake.
        """
        from tandemlab.training.configuration_files import load_run_configuration

        return load_run_configuration(path, name)


def build_run_configuration(
    content: Mapping[str, Any], environment: Environment | str | None
) -> RunConfiguration:
    """The configuration of values that conform to the schema.

    Raises:
        InvalidInput: a value that no such thing can have.
    """
    settings = dict(content)
    for name, kind in _SETTINGS:
        if name in settings:
            settings[name] = kind(**settings[name])
    if "inputs" in settings:
        settings["inputs"] = {
            name: Input(**item) if isinstance(item, Mapping) else item
            for name, item in settings["inputs"].items()
        }
    if "outputs" in settings:
        settings["outputs"] = {
            name: Output(**item) if isinstance(item, Mapping) else item
            for name, item in settings["outputs"].items()
        }
    return RunConfiguration(**settings, environment=environment)


def _plain_output(value: GivenOutput) -> object:
    """An output without what is as usual."""
    if value is None or isinstance(value, (str, os.PathLike)):
        return value
    usual = dataclasses.asdict(Output())
    settings = dataclasses.asdict(as_output(value))
    return {name: item for name, item in settings.items() if item != usual[name]}


def _plain(value: Any, what: str) -> Any:
    if isinstance(value, Environment):
        return value.to_dict()
    if isinstance(value, Input) and value.path and value.mode == InputMode.DIRECT.value:
        return value.path
    if isinstance(value, (Resources, Distribution, Input, SparkConfiguration)):
        settings = dataclasses.asdict(value).items()
        return {
            key: _plain(item, what)
            for key, item in settings
            if item not in (None, "", {}, ()) and (key, item) != ("is_sent", False)
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(item, what) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, what) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return as_scalar(value, what=what.replace("_", " "))
