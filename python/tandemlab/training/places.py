"""What a run asks of its machine: inputs, outputs and resources, checked before it is made."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import Input, Output, place_variable
from tandemlab.domain.secrets import as_public_text

if TYPE_CHECKING:
    from tandemlab.data import DataPath, DatasetConsumptionConfig
    from tandemlab.data.registered import Registrable
    from tandemlab.tracking import Workspace

_PLACE = re.compile(r"\$\{(inputs|outputs)\.([A-Za-z_][A-Za-z0-9_]*)\}")


def in_shell(command: str) -> str:
    """A line for the shell with the variables that hold the paths of inputs and outputs.

    >>> in_shell("wc -l ${inputs.data}")
    'wc -l ${TANDEMLAB_INPUT_data}'
    """
    return _PLACE.sub(lambda found: f"${{{place_variable(found[1], found[2])}}}", command)


GivenInput: TypeAlias = (
    "Input | str | os.PathLike[str] | Registrable | DatasetConsumptionConfig | DataPath"
)
GivenInputs: TypeAlias = "Mapping[str, GivenInput] | Sequence[DatasetConsumptionConfig | DataPath]"


def as_input(value: GivenInput) -> Input:
    """What a configuration gives as an input: a path, a dataset, or either with its mode."""
    if isinstance(value, Input):
        return value
    if isinstance(value, (str, os.PathLike)):
        return Input(as_public_text(value, "input"))
    from tandemlab.data.consumption import DatasetConsumptionConfig, input_of
    from tandemlab.data.definition import DataPath
    from tandemlab.data.registered import Registrable

    if isinstance(value, (DatasetConsumptionConfig, DataPath)):
        return value.to_input()
    if isinstance(value, Registrable):
        return input_of(value)
    raise InvalidInput(
        f"An input is a path or a dataset, not {type(value).__name__}.",
        hint="dataset.as_named_input(name) is one.",
    )


def named_inputs(inputs: GivenInputs) -> dict[str, GivenInput]:
    """Inputs by name, from such a mapping or a list of datasets that have the names."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    return {each.name: each for each in inputs}


def taken_from(arguments: Any, inputs: dict[str, GivenInput]) -> Any:
    """Arguments with the places of datasets, which become inputs, instead of these."""
    if isinstance(arguments, Mapping):
        return {name: taken_from(value, inputs) for name, value in arguments.items()}
    if isinstance(arguments, (list, tuple)):
        return [taken_from(value, inputs) for value in arguments]
    if hasattr(arguments, "to_input"):
        inputs[arguments.name] = arguments
        return f"${{inputs.{arguments.name}}}"
    return arguments


def checked_inputs(
    inputs: Mapping[str, GivenInput], source: Path, workspace: Workspace, is_here: bool
) -> dict[str, dict[str, Any]]:
    """Inputs as a run records them, with absolute paths.

    Args:
        is_here: whether the run will be on this machine, so that its paths can be looked at.

    Raises:
        InvalidInput: a path that is not there.
        NotFound: a dataset that is not there.
    """
    found = {}
    for name, value in inputs.items():
        given = as_input(value)
        if given.dataset is not None:
            from tandemlab.data.consumption import recorded_input

            found[name] = recorded_input(given, workspace)
            continue
        path = Path(given.path).expanduser()
        if not is_here:
            if not path.is_absolute():
                raise InvalidInput(
                    f"The input {name!r} is {given.path!r}, which says nothing to another machine.",
                    hint="Give its absolute path on the machine where the script runs.",
                )
        else:
            path = Path(os.path.abspath(source / path))
            if not path.exists():
                raise InvalidInput(
                    f"The input {name!r} is not there: {path}.", details={"path": str(path)}
                )
        found[name] = {"path": str(path), "mode": given.mode}
    return found


GivenOutput: TypeAlias = "Output | str | os.PathLike[str] | None"


def checked_outputs(outputs: Mapping[str, GivenOutput]) -> dict[str, str | None]:
    """Outputs as a run records them.

    Raises:
        InvalidInput: a relative path.
    """
    found: dict[str, str | None] = {}
    for name, value in outputs.items():
        given = value.path if isinstance(value, Output) else value
        path = None if given is None else os.path.expanduser(as_public_text(given, "output"))
        if path is not None and not os.path.isabs(path):
            raise InvalidInput(
                f"The output {name!r} goes to {path!r}, which is no absolute path.",
                hint="Leave the path out, and the run keeps the files.",
            )
        found[name] = path
    return found


def registered_outputs(outputs: Mapping[str, GivenOutput]) -> dict[str, dict[str, Any]]:
    """The datasets that outputs become, as a run records them."""
    return {
        name: {
            "name": each.register_as,
            "description": each.description,
            "tags": {key: str(value) for key, value in each.tags.items()},
        }
        for name, each in outputs.items()
        if isinstance(each, Output) and each.register_as is not None
    }
