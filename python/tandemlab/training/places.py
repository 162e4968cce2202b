"""What a run asks of its machine: inputs, outputs and resources, checked before it is made."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import Input, Output, place_variable
from tandemlab.domain.problems import Problems
from tandemlab.domain.secrets import as_public_text
from tandemlab.domain.shell_lines import fill_line, variable_in

if TYPE_CHECKING:
    from tandemlab.data import DataPath, DatasetConsumptionConfig, OutputFileDatasetConfig
    from tandemlab.data.registered import Registrable
    from tandemlab.tracking import Workspace

_PLACE = re.compile(r"\$\{(inputs|outputs)\.([A-Za-z_][A-Za-z0-9_]*)\}")


def in_shell(command: str) -> str:
    """A line for the shell with the variables that hold the paths of inputs and outputs.

    >>> in_shell("wc -l ${inputs.data}")
    'wc -l ${TANDEMLAB_INPUT_data}'
    """

    def variable(found: re.Match[str], quote: str) -> str:
        return variable_in(place_variable(found[1], found[2]), quote)

    return fill_line(command, _PLACE, variable)


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


def taken_from(
    arguments: Any, inputs: dict[str, GivenInput], outputs: dict[str, GivenOutput]
) -> Any:
    """Arguments with places instead of the datasets, which become inputs and outputs.

    Raises:
        InvalidInput: two of one name differ.
    """
    if isinstance(arguments, Mapping):
        return {name: taken_from(value, inputs, outputs) for name, value in arguments.items()}
    if isinstance(arguments, (list, tuple)):
        return [taken_from(value, inputs, outputs) for value in arguments]
    kinds: Sequence[tuple[str, dict[str, Any], Callable[[Any], Any]]] = (
        ("input", inputs, as_input),
        ("output", outputs, as_output),
    )
    for kind, named, read in kinds:
        if hasattr(arguments, f"to_{kind}"):
            if read(named.setdefault(arguments.name, arguments)) != read(arguments):
                raise InvalidInput(
                    f"Two {kind}s have the name {arguments.name!r}.",
                    hint="Give one of them another name.",
                    details={"name": arguments.name},
                )
            return f"${{{kind}s.{arguments.name}}}"
    return arguments


def checked_inputs(
    inputs: Mapping[str, GivenInput],
    source: Path,
    workspace: Workspace,
    is_here: bool,
    problems: Problems,
) -> dict[str, dict[str, Any]]:
    """Inputs as a run records them, with absolute paths.

    Args:
        is_here: whether the run will be on this machine, so that its paths can be looked at.
        problems: takes what is wrong: a path or a dataset that is not there.
    """
    found = {}
    for name, value in inputs.items():
        with problems:
            found[name] = _checked_input(name, as_input(value), source, workspace, is_here)
    return found


def _checked_input(
    name: str, given: Input, source: Path, workspace: Workspace, is_here: bool
) -> dict[str, Any]:
    if given.dataset is not None:
        from tandemlab.data.consumption import recorded_input

        return recorded_input(given, workspace)
    path = os.path.expanduser(given.path)
    if is_here:
        path = os.path.abspath(os.path.join(source, path))
        if not os.path.exists(path):
            raise InvalidInput(f"The input {name!r} is not there: {path}.", details={"path": path})
    elif not os.path.isabs(path):
        raise InvalidInput(
            f"The input {name!r} is {given.path!r}, which says nothing to another machine.",
            hint="Give its absolute path on the machine where the script runs.",
        )
    return {"path": path, "mode": given.mode}


GivenOutput: TypeAlias = "Output | OutputFileDatasetConfig | str | os.PathLike[str] | None"
GivenOutputs: TypeAlias = "Mapping[str, GivenOutput] | Sequence[OutputFileDatasetConfig]"


def as_output(value: GivenOutput) -> Output:
    """What a configuration gives as an output."""
    if isinstance(value, Output):
        return value
    if value is None or isinstance(value, (str, os.PathLike)):
        return Output(None if value is None else as_public_text(value, "output"))
    return value.to_output()


def named_outputs(outputs: GivenOutputs) -> dict[str, GivenOutput]:
    """Outputs by name, from such a mapping or a list of those that have the names."""
    if isinstance(outputs, Mapping):
        return dict(outputs)
    return {each.name: each for each in outputs}


def checked_outputs(
    outputs: Mapping[str, Output], workspace: Workspace, is_with_agent: bool, problems: Problems
) -> dict[str, Any]:
    """Outputs as a run records them: their paths, places in datastores, and datasets.

    Args:
        is_with_agent: whether the run will be on the machine that works for the workspace, so that
            it may write into folders that are datastores.
        problems: takes what is wrong: a relative path, or one that no datastore can have; a table
            that cannot be read so, or is not registered; a datastore that is not there.
    """
    paths: dict[str, str | None] = {}
    stored, registered = {}, {}
    for name, given in outputs.items():
        with problems:
            if given.datastore is not None:
                from tandemlab.data.outputs import stored_output

                paths[name], stored[name] = stored_output(given, workspace, is_with_agent)
            else:
                paths[name] = _checked_output(name, given.path)
            if given.table is not None:
                from tandemlab.data.outputs import check_table

                check_table(name, given)
            if given.register_as is not None:
                registered[name] = {
                    "name": given.register_as,
                    "description": given.description,
                    "tags": {key: str(value) for key, value in given.tags.items()},
                    **({"table": dict(given.table)} if given.table else {}),
                }
    return {"outputs": paths, "stored_outputs": stored, "registered_outputs": registered}


def _checked_output(name: str, given: str | os.PathLike[str] | None) -> str | None:
    path = None if given is None else os.path.expanduser(as_public_text(given, "output"))
    if path is not None and not os.path.isabs(path):
        raise InvalidInput(
            f"The output {name!r} goes to {path!r}, which is no absolute path.",
            hint="Leave the path out, and the run keeps the files.",
        )
    return path
