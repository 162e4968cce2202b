"""Jobs in containers: the command line of the engine, and how a container is ended.

A container sees what its job needs at the same paths as the machine: the workspace, the inputs and
outputs. It has the machine's network, processes and shared memory and the user's id, as a job
beside it has: a container brings packages here, and is no wall.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tandemlab.compute import launch
from tandemlab.compute.gpus import gpu_count
from tandemlab.compute.r_package import QUESTION, r_package_here
from tandemlab.domain import InvalidInput
from tandemlab.domain.environments import ContainerSection
from tandemlab.domain.jobs import Job, JobContainer
from tandemlab.environments.containers import Engine, image_id, image_of
from tandemlab.store.durable import write_file
from tandemlab.version import __version__

CORE = "/opt/tandemlab"  # where a container finds the package tandemlab, and nothing else
R_LIBRARY = "/opt/tandemlab-r"  # likewise for R
_NOTE = "engine"


def command_line(
    engine: Engine,
    job: Job,
    container: JobContainer,
    command: Sequence[str],
    variables: Mapping[str, str],
) -> list[str]:
    """What runs a job's command in its container.

    Raises:
        InvalidInput: a path has a ``:``, which engines take for the end of it.
    """
    work = str(job.directory / "work")
    core = Path(launch.__file__).resolve().parents[1]
    binds = [f"{core}:{CORE}/tandemlab:ro"]
    for path, is_writable in container.mounts.items():
        if ":" in path:
            raise InvalidInput(f"{path} cannot be seen in a container: it has a ':'.")
        binds.append(f"{path}:{path}" if is_writable else f"{path}:{path}:ro")
    search = {"PYTHONPATH": CORE}
    if job.language == "r" and (package := _r_package_for(engine, container.section)):
        binds.append(f"{package}:{R_LIBRARY}/tandemlab:ro")
        search["R_LIBS"] = R_LIBRARY
    paths = {
        name: os.pathsep.join(filter(None, (place, variables.get(name))))
        for name, place in search.items()
    }
    given = dict(sorted({"HOME": work, **variables, **paths}.items()))
    image = image_of(engine, container.section)
    make = _apptainer if engine.name == "apptainer" else _docker
    return [*make(engine, job, container, binds, given), image, *command]


def _r_package_for(engine: Engine, container: ContainerSection) -> Path | None:
    """This machine's package tandemlab for R, if the image has none and the same R."""
    image = image_of(engine, container)
    platform, own_version = _r_of(engine, image, image_id(engine, image))
    here, library = r_package_here()
    if library is None or own_version == __version__ or platform != here:
        return None
    return library.folder / "tandemlab"


@cache
def _r_of(engine: Engine, image: str, ident: str) -> tuple[str, str]:
    """Platform of the R in an image, and the version of its package tandemlab; empty for none."""
    run = ["exec"] if engine.name == "apptainer" else ["run", "--rm", "--entrypoint", ""]
    network = [] if engine.name == "apptainer" else ["--network", "host", "--pull", "never"]
    asked = subprocess.run(
        [engine.program, *run, *network, image, "Rscript", "--vanilla", "-e", QUESTION],
        capture_output=True,
        text=True,
        check=False,
    )
    platform, version = [*asked.stdout.splitlines(), "", ""][:2]
    return platform, version


def launcher(job: Job) -> list[str]:
    """What starts the processes of a distributed job, where the job runs."""
    if job.container is None:
        return [sys.executable, str(launch.__file__)]
    return ["python3", f"{CORE}/tandemlab/compute/{Path(launch.__file__).name}"]


def _docker(
    engine: Engine,
    job: Job,
    container: JobContainer,
    binds: Sequence[str],
    variables: Mapping[str, str],
) -> list[str]:
    section = container.section
    words = [engine.program, "run", "--rm", "--name", name_of(job), "--pull", "never"]
    words += ["--network", "host", "--pid", "host", "--user", f"{os.getuid()}:{os.getgid()}"]
    if engine.name == "podman" and os.getuid() != 0:
        words += ["--userns", "keep-id"]
    words += ["--shm-size", section.shm_size] if section.shm_size else ["--ipc", "host"]
    if job.max_memory is not None:
        words += ["--memory", f"{job.max_memory}b", "--memory-swap", f"{job.max_memory}b"]
    if job.gpus != 0 and gpu_count() > 0:
        gpus = {"docker": ["--gpus", "all"], "podman": ["--device", "nvidia.com/gpu=all"]}
        words += gpus[engine.name]
    for bind in binds:
        words += ["--volume", bind]
    for name, value in variables.items():
        words += ["--env", f"{name}={value}"]
    work = str(job.directory / "work")
    return [*words, "--workdir", work, "--entrypoint", "", *section.arguments]


def _apptainer(
    engine: Engine,
    job: Job,
    container: JobContainer,
    binds: Sequence[str],
    variables: Mapping[str, str],
) -> list[str]:
    """Its ``--env`` cuts values at commas; what has its prefix reaches the container whole."""
    work = str(job.directory / "work")
    words = ["env", *(f"APPTAINERENV_{k}={v}" for k, v in variables.items() if k != "HOME")]
    words += [engine.program, "exec", "--cleanenv", "--home", variables["HOME"], "--pwd", work]
    if job.gpus != 0 and gpu_count() > 0:
        words.append("--nv")
    for bind in binds:
        words += ["--bind", bind]
    return [*words, *container.section.arguments]


def name_of(job: Job) -> str:
    """The name of a job's container."""
    return f"tandemlab-{job.run_id}"


def note_engine(job: Job, engine: Engine) -> None:
    """Keep which engine runs a job, for whoever ends it."""
    write_file(job.directory / "job" / _NOTE, f"{engine.name}\n{engine.program}\n".encode())


def signal_container(job: Job, signal: str) -> bool:
    """Send a signal to a job's container; False if it has none that takes signals."""
    return _call(job, "kill", "--signal", signal)


def remove_container(job: Job) -> None:
    """Remove what a job left whose engine was killed."""
    _call(job, "rm", "--force")


def _call(job: Job, *words: str) -> bool:
    try:
        name, program = (job.directory / "job" / _NOTE).read_text().splitlines()
    except (FileNotFoundError, ValueError):
        return False
    if name == "apptainer":
        return False  # its processes are those of the job
    command = [program, *words, name_of(job)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
