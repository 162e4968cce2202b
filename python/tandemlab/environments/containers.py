"""Container images: which engine of the machine runs them, and that they are there before a job."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tandemlab.domain import MissingDependency
from tandemlab.domain.environments import ENGINES, ContainerSection, Environment
from tandemlab.environments.process import run_logged

BUILDERS = ("podman", "docker")
_TIMEOUT = 20
_ASKED = {"docker": ["version", "--format", "{{.Server.Version}}"]}


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that runs containers.

    Attributes:
        name: ``podman``, ``docker`` or ``apptainer``.
        program: its path.
    """

    name: str
    program: str


def engine_of(container: ContainerSection) -> Engine:
    """The engine that the container names, or else the first that works on this machine.

    Raises:
        MissingDependency: there is none, or it does not work; the message says which and why.
    """
    names = ENGINES if container.engine is None else (container.engine,)
    return find_engine(container.image, names)


def find_engine(image: str, names: Sequence[str] = ENGINES) -> Engine:
    """The first of these engines that works on this machine.

    Raises:
        MissingDependency: there is none, or it does not work; the message says which and why.
    """
    problems = []
    for name in names:
        program = shutil.which(name)
        if program is None:
            continue
        problem = _problem(name, program)
        if problem is None:
            return Engine(name, os.path.abspath(program))
        problems.append(f"{name} does not work: {problem}")
    told = "; ".join(problems) or f"this machine has no {', '.join(names)}"
    raise MissingDependency(
        f"The container image {image!r} needs an engine of containers: {told}.",
        hint="Install podman (sudo apt-get install podman), docker or apptainer."
        if not problems
        else "Start its service, or install podman, which needs none.",
        details={"image": image, "engines": list(names)},
    )


def build_image(folder: Path, image: str, log: Path) -> None:
    """Have podman or docker build an image of a folder with a Dockerfile.

    Raises:
        MissingDependency: there is no such engine, or a step failed.
    """
    engine = find_engine(image, BUILDERS)
    network = ["--network", "host"] if engine.name == "podman" else []
    command = [engine.program, "build", *network, "--tag", image, str(folder)]
    code, output = run_logged(command, log)
    if code != 0:
        raise MissingDependency(
            f"The image {image!r} cannot be built: {_last_lines(output, 2)}",
            hint=f"{log} has the whole output.",
            details={"image": image, "log": str(log)},
        )


def _problem(name: str, program: str) -> str | None:
    """Why an engine cannot be used; docker is a client that needs its service."""
    command = [program, *_ASKED.get(name, ["--version"])]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    if asked.returncode == 0:
        return None
    return (asked.stderr.strip().splitlines() or ["it gives no reason"])[-1].rstrip(".")


def fetch_image(
    environment: Environment,
    container: ContainerSection,
    log: Path,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Have the engine get the image unless it is there.

    Raises:
        MissingDependency: there is no engine, or no such image.
        InvalidState: it was stopped.
    """
    engine = engine_of(container)
    image = image_of(engine, container)
    if engine.name == "apptainer":
        if Path(image).exists():
            return
        command = [engine.program, "exec", image, "true"]  # keeps it in its own cache
    elif image_id(engine, image):
        return
    else:
        command = [engine.program, "pull", image]
    code, output = run_logged(command, log, stopped=stopped)
    if code != 0:
        raise MissingDependency(
            f"The container image {image!r} of the environment {environment.name!r} cannot be "
            f"had: {_last_lines(output)}",
            hint=f"{engine.program} pull {image} must work; {log} has the whole output.",
            details={"image": image, "log": str(log)},
        )


def _last_lines(output: str, count: int = 1) -> str:
    lines = [line.strip()[:300] for line in output.splitlines() if line.strip()]
    return " ".join((lines or ["no reason given"])[-count:])


def image_of(engine: Engine, container: ContainerSection) -> str:
    """The image as the engine wants it: apptainer takes files, and addresses of registries."""
    image = container.image
    if engine.name != "apptainer" or "://" in image or Path(image).exists():
        return image
    return f"docker://{image}"


def image_id(engine: Engine, image: str) -> str:
    """What tells an image from a later one of its name; empty if it is not there."""
    if engine.name == "apptainer":
        file = Path(image)
        return str(file.stat().st_mtime_ns) if file.is_file() else ""
    command = [engine.program, "image", "inspect", "--format", "{{.Id}}", image]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
