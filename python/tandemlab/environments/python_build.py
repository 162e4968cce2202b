"""The Python of an environment: a virtual environment, filled by uv or, without it, by pip."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tandemlab.domain import InvalidInput, MissingDependency
from tandemlab.domain.environments import Environment, PythonLock, PythonSection
from tandemlab.environments.process import run_logged

_OF_TORCH = {"torch", "torchvision", "torchaudio"}
_TORCH_INDEX = "download.pytorch.org"
_SIGNS_OF_GPUS = ("/proc/driver/nvidia/version", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, Windows
_CONDA_PROGRAMS = ("micromamba", "mamba", "conda")
_MISSING = (
    re.compile(r"Because (\S+) was not found in the package registry"),
    re.compile(r"[Bb]ecause there (?:is|are) no versions? of (\S+?)(?:[<>=!~]\S*)?[\s,]"),
    re.compile(r"No matching distribution found for (\S+)"),
    re.compile(r"Failed to (?:build|download) `([^`]+)`"),
    re.compile(r"no trusted hash was provided for: `([^`]+)`"),
    re.compile(r"Hash mismatch for `([^`]+)`"),
    re.compile(r"─ (\S+)(?: \S+)* does not exist \(perhaps a typo"),  # micromamba, mamba
    re.compile(r"not available from current channels:\s+- (\S+)"),  # conda
)


def program(folder: Path) -> Path:
    """The interpreter of a built environment."""
    return folder / "python" / "bin" / "python"


def core_folder() -> Path:
    """The folder that holds the package tandemlab, which every environment shares."""
    return Path(__file__).resolve().parents[2]


def check(environment: Environment) -> None:
    """Refuse what can be known to fail before anything is built.

    Raises:
        InvalidInput: the interpreter is not there.
        MissingDependency: packages of conda are asked for, and there is no conda.
    """
    python = environment.python
    if python.interpreter is not None and shutil.which(python.interpreter) is None:
        raise InvalidInput(
            f"The interpreter {python.interpreter!r} of the environment {environment.name!r} is "
            "not on this machine.",
            hint="Give the path of a Python that can be executed.",
            details={"interpreter": python.interpreter},
        )
    if python.conda and _conda() is None:
        raise MissingDependency(
            f"The environment {environment.name!r} needs packages of conda, and this machine has "
            f"neither micromamba nor mamba nor conda: {', '.join(python.conda)}.",
            hint="Install micromamba, or move them to the pip part of the file if pip has them.",
            details={"packages": list(python.conda)},
        )


def build(environment: Environment, folder: Path, log: Path, stopped: Callable[[], bool]) -> None:
    """Make ``folder/python``.

    Raises:
        MissingDependency: a package, or that version of Python, cannot be had.
    """
    target = folder / "python"
    if environment.python.conda:
        _make_by_conda(environment, target, log, stopped)
    else:
        _make_venv(environment, target, log, stopped)
    uv = find_uv()
    command = (
        [uv, "pip", "install", "--python", str(program(folder))]
        if uv
        else [str(program(folder)), "-m", "pip", "install", "--disable-pip-version-check"]
    )
    backend = torch_backend(environment.python)
    chosen = {"UV_TORCH_BACKEND": backend} if backend else {}
    for step in install_steps(environment.python, folder):
        variables = {**clean(), **chosen}
        code, output = run_logged([*command, *step], log, environment=variables, stopped=stopped)
        if code != 0 and _TORCH_INDEX in output and "UV_TORCH_BACKEND" not in os.environ:
            chosen = {}  # it cannot be reached from here, and the usual index has PyTorch, too
            code, output = run_logged([*command, *step], log, environment=clean(), stopped=stopped)
        if code != 0:
            raise not_built(environment, output, log)
    _share_core(target)


def torch_backend(python: PythonSection) -> str:
    """Which build of PyTorch uv is to take; empty where it is not asked for, or the usual one.

    For Linux that brings CUDA's libraries, some gigabytes, which a machine without a GPU has no use
    for: there it is the build for processors, from PyTorch's own index. The variable
    ``UV_TORCH_BACKEND`` goes before.
    """
    if python.lock is not None or _OF_TORCH.isdisjoint(map(_name, python.requirements)):
        return ""
    usual = "cpu" if sys.platform == "linux" and not _has_gpu() else ""
    return os.environ.get("UV_TORCH_BACKEND", usual)


def _has_gpu() -> bool:
    return any(map(os.path.exists, _SIGNS_OF_GPUS)) or shutil.which("nvidia-smi") is not None


def install_steps(python: PythonSection, folder: Path) -> list[list[str]]:
    """What the installer is asked for, one call after the other; files for it go to `folder`."""
    late = {_name(each) for each in python.no_build_isolation}
    wanted = python.requirements if python.lock is None else _locked(python.lock)
    first = [each for each in wanted if _name(each) not in late]
    if python.lock is None:
        steps = [[*first, *core_requirements()]]
        return [*steps, ["--no-build-isolation", *wanted]] if late else steps
    steps = [_from_file(folder / "python-first.txt", first, "--require-hashes")]
    if late:
        steps.append(
            _from_file(folder / "python.txt", wanted, "--no-build-isolation", "--require-hashes")
        )
    exact = [package.requirement for package in python.lock.packages]
    return [*steps, _from_file(folder / "python-core.txt", [*exact, *core_requirements()])]


def _locked(lock: PythonLock) -> list[str]:
    return [
        " ".join([package.requirement, *(f"--hash={each}" for each in package.hashes)])
        for package in lock.packages
    ]


def _from_file(path: Path, requirements: Sequence[str], *options: str) -> list[str]:
    path.write_text("".join(f"{each}\n" for each in requirements), encoding="utf-8")
    return [*options, "-r", str(path)]


def _name(requirement: str) -> str:
    """The package's name in a requirement, in its normal form."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else requirement


def _make_venv(
    environment: Environment, target: Path, log: Path, stopped: Callable[[], bool]
) -> None:
    version = environment.python.version
    uv = find_uv()
    if uv:
        command = [uv, "venv", "--python", version or sys.executable, str(target)]
    elif version is None or f"{sys.version}.".startswith(f"{version}."):
        command = [sys.executable, "-m", "venv", str(target)]
    else:
        command = [
            shutil.which(f"python{version}") or f"python{version}",
            "-m",
            "venv",
            str(target),
        ]
    try:
        code, output = run_logged(command, log, environment=clean(), stopped=stopped)
    except FileNotFoundError:
        code, output = 1, f"There is no {command[0]} on the search path."
    if code != 0:
        raise MissingDependency(
            f"Python {version or sys.version.split()[0]} for the environment "
            f"{environment.name!r} cannot be had: {_reason(output)}",
            hint="Install that version, or leave out the version to use that of tandemlab.",
            details={"log": str(log)},
        )


def _make_by_conda(
    environment: Environment, target: Path, log: Path, stopped: Callable[[], bool]
) -> None:
    python = environment.python
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    channels = [word for channel in python.channels or ("conda-forge",) for word in ("-c", channel)]
    packages = [f"python={python.version or own}", *python.conda]
    command = [str(_conda()), "create", "--yes", "--prefix", str(target), *channels, *packages]
    code, output = run_logged(command, log, stopped=stopped)
    if code != 0:
        raise not_built(environment, output, log)


def core_requirements() -> list[str]:
    """What tandemlab itself needs, so that scripts can log and read their runs."""
    found = importlib.metadata.requires("tandemlab") or []
    return [requirement for requirement in found if "extra ==" not in requirement]


def _share_core(target: Path) -> None:
    """Let the environment import this very tandemlab, and nothing else that lies beside it."""
    (packages,) = target.glob("lib/python3*/site-packages")
    shared = target / "tandemlab"
    shared.mkdir()
    (shared / "tandemlab").symlink_to(core_folder() / "tandemlab")
    (packages / "tandemlab.pth").write_text(f"{shared}\n", encoding="utf-8")


def not_built(
    environment: Environment, output: str, log: Path | None, what: str = "built"
) -> MissingDependency:
    """The error for an installer's output, with the names of the packages that are at fault."""
    names = list(dict.fromkeys(name for pattern in _MISSING for name in pattern.findall(output)))
    missing = f"{', '.join(names)}: " if names else ""
    return MissingDependency(
        f"The environment {environment.name!r} cannot be {what}: {missing}{_reason(output)}",
        hint=f"{log} has the whole output." if log else "",
        details={"packages": names, **({"log": str(log)} if log else {})},
    )


def _reason(output: str) -> str:
    """What the installer says, on one line, without its progress and decoration."""
    lines = [line.strip(" ×╰─▶│├╴\t") for line in output.splitlines()]
    told = [line for line in lines if line]
    start = next(
        (
            i
            for i, line in enumerate(told)
            if re.match(r"(error|ERROR|No solution|Failed|Because)", line)
        ),
        max(0, len(told) - 3),
    )
    return " ".join(told[start:])[:600]


def find_uv() -> str | None:
    """Where uv is: beside this Python, or on the search path."""
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.exists() else shutil.which("uv")


def _conda() -> str | None:
    return next((found for name in _CONDA_PROGRAMS if (found := shutil.which(name))), None)


def clean() -> dict[str, str]:
    """Settings with which installers do not look at this session's own environment."""
    return {
        "VIRTUAL_ENV": "",
        "PYTHONPATH": "",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
        "PIP_NO_INPUT": "1",
    } | ({"UV_LINK_MODE": os.environ["UV_LINK_MODE"]} if "UV_LINK_MODE" in os.environ else {})
