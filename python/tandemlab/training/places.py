"""What a run asks of its machine: inputs, outputs and resources, checked before it is made."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.compute.gpus import gpu_count
from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import Distribution, Input, Resources, place_variable
from tandemlab.domain.secrets import as_public_text

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace

_PLACE = re.compile(r"\$\{(inputs|outputs)\.([A-Za-z_][A-Za-z0-9_]*)\}")


def in_shell(command: str) -> str:
    """A line for the shell with the variables that hold the paths of inputs and outputs.

    >>> in_shell("wc -l ${inputs.data}")
    'wc -l ${TANDEMLAB_INPUT_data}'
    """
    return _PLACE.sub(lambda found: f"${{{place_variable(found[1], found[2])}}}", command)


def checked_inputs(
    inputs: Mapping[str, Input | str | os.PathLike[str]], source: Path, workspace: Workspace
) -> dict[str, dict[str, Any]]:
    """Inputs as a run records them, with absolute paths.

    Raises:
        InvalidInput: a path that is not there.
    """
    found = {}
    for name, value in inputs.items():
        given = value if isinstance(value, Input) else Input(as_public_text(value, "input"))
        path = Path(given.path).expanduser()
        if workspace.is_remote:
            if not path.is_absolute():
                raise InvalidInput(
                    f"The input {name!r} is {given.path!r}, which says nothing to the server.",
                    hint="Give its absolute path on the server's machine.",
                )
        else:
            path = Path(os.path.abspath(source / path))
            if not path.exists():
                raise InvalidInput(
                    f"The input {name!r} is not there: {path}.", details={"path": str(path)}
                )
        found[name] = {"path": str(path), "mode": given.mode}
    return found


def checked_outputs(outputs: Mapping[str, str | os.PathLike[str] | None]) -> dict[str, str | None]:
    """Outputs as a run records them.

    Raises:
        InvalidInput: a relative path.
    """
    found: dict[str, str | None] = {}
    for name, value in outputs.items():
        path = None if value is None else os.path.expanduser(as_public_text(value, "output"))
        if path is not None and not os.path.isabs(path):
            raise InvalidInput(
                f"The output {name!r} goes to {path!r}, which is no absolute path.",
                hint="Leave the path out, and the run keeps the files.",
            )
        found[name] = path
    return found


def check_machine(
    resources: Resources,
    distribution: Distribution | None,
    target: str,
    workspace: Workspace,
) -> None:
    """Refuse what this machine does not have.

    Raises:
        InvalidInput: more machines, processors, memory or GPUs than there are.
    """
    if target != "local":
        return
    if distribution is not None and distribution.node_count > 1:
        raise InvalidInput(
            f"The target 'local' is one machine, not {distribution.node_count}.",
            hint="Set node_count to 1, or choose a target that has several.",
        )
    if workspace.is_remote:
        return
    asked: list[tuple[str, int | None, Callable[[], int]]] = [
        ("processors", resources.cpus, lambda: os.cpu_count() or 1),
        ("bytes of memory", resources.memory_bytes, _memory),
        ("GPUs", resources.gpus, gpu_count),
    ]
    for what, wanted, count in asked:
        if wanted and wanted > (there := count()):
            raise InvalidInput(
                f"The run asks for {wanted} {what}; this machine has {there}.",
                hint="Ask for less, or choose another target.",
            )


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
