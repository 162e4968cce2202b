"""What all targets elsewhere refuse, and the script that a job is there."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tandemlab.compute.scripts import job_script
from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import InputMode, Job, place_variable


def check_elsewhere(name: str, definition: Mapping[str, Any]) -> None:
    """Refuse a run that needs what is here.

    Args:
        name: of the target.

    Raises:
        InvalidInput: it has a container, or an output that is looked at when the run ends.
    """
    if "container" in definition.get("environment", {}):
        raise InvalidInput(
            f"The target {name!r} runs no containers.",
            hint="Choose the target 'local', or an environment without an image.",
        )
    asked = {
        **definition.get("registered_outputs", {}),
        **definition.get("required_outputs", {}),
    }
    for output in asked:
        if definition["outputs"][output] is not None:
            raise InvalidInput(
                f"The output {output!r} is looked at when the run ends, and lies in a folder of "
                f"the target {name!r}.",
                hint="Leave its path out: then the run keeps the files, here.",
            )


def variables_elsewhere(job: Job, package: str, r_libraries: Sequence[str]) -> dict[str, str]:
    """The environment variables of a job, with what finds tandemlab.

    Args:
        package: folder of the package tandemlab there.
        r_libraries: those that it needs beside its own.
    """
    paths = [package, job.environment.get("PYTHONPATH", "")]
    variables = {**job.environment, "PYTHONPATH": ":".join(filter(None, paths))}
    if r_libraries:
        known = filter(None, [variables.get("R_LIBS", "")])
        variables["R_LIBS"] = ":".join([*r_libraries, *known])
    if job.gpus == 0:
        variables["CUDA_VISIBLE_DEVICES"] = ""
    return variables


def script_elsewhere(
    job: Job,
    package: str,
    r_libraries: Sequence[str],
    python: str | None,
    first: Sequence[str] = (),
    *,
    started: Callable[[Job, list[str]], list[str]] = lambda _, command: command,
) -> str:
    """The script of a job, which lays out inputs and outputs before it runs the command.

    Args:
        package: as for `variables_elsewhere`.
        r_libraries: likewise.
        python: program that starts the processes of a distributed run.
        first: lines of shell that come before all.
        started: what runs the command on each of the job's machines.
    """
    variables = variables_elsewhere(job, package, r_libraries)
    command = list(job.command)
    if job.processes is not None:
        launch = f"{package}/tandemlab/compute/launch.py"
        several = ["--nodes", str(job.nodes), "--meet", f"{job.place}/job/nodes"]
        options = several if job.nodes > 1 else []
        command = [python or "python3", launch, *options, str(job.processes), *command]
    command = started(job, command)
    lines = [*first, *_laid_out(job)]
    return job_script(job.run_id, job.place, command, variables, lines)


def _laid_out(job: Job) -> list[str]:
    """Shell that links or copies the inputs of a job, and makes the folders of its outputs."""
    lines = []
    for name, found in job.inputs.items():
        if found.is_sent or found.dataset is not None:
            continue
        source = shlex.quote(found.path)
        missing = shlex.quote(f"The input {name!r} is not there: {found.path}.")
        lines.append(f"{{ [ -e {source} ] || {{ echo {missing} >&2; false; }}; }}")
        if found.mode != InputMode.DIRECT.value:
            place = job.environment[place_variable("inputs", name)]
            verb = "ln -s" if found.mode == InputMode.MOUNT.value else "cp -R"
            folder = shlex.quote(str(Path(place).parent))
            lines.append(f"mkdir -p {folder} && {verb} {source} {shlex.quote(place)}")
    return [*lines, *(f"mkdir -p {shlex.quote(path)}" for path in job.output_folders)]
