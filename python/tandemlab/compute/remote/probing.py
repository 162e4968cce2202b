"""What is found on a machine that is to run scripts, and what is right and wrong with that."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tandemlab.compute.r_package import QUESTION
from tandemlab.domain import MissingDependency, Unavailable

_PROBE = (Path(__file__).parent / "probe.sh").read_text(encoding="utf-8")
_KEPT = (
    *("directory", "platform", "python", "rscript", "uv", "r_platform", "r_tandemlab"),
    *("spark_home", "spark_version", "java", "hadoop_conf"),
)
_OLDEST_PYTHON = (3, 10)
_LEAST_FREE = 100_000  # kB


def question(settings: Mapping[str, Any], directory: str) -> str:
    """Shell that looks at a machine.

    Args:
        settings: of a target: ``directory``, ``python`` and ``rscript`` if they were given.
        directory: the target's folder if the settings name none, relative to the home folder.
    """
    words = [
        settings.get("directory") or directory,
        settings.get("python") or "",
        settings.get("rscript") or "",
        QUESTION,
    ]
    return f"{_PROBE}\n{shlex.join(['probe', *words])}"


def read_answer(answer: bytes) -> dict[str, str]:
    r"""What was found on a machine, by name.

    >>> read_answer(b"cpus 4\nwritable yes\n")
    {'cpus': '4', 'writable': 'yes'}
    """
    lines = (line.partition(" ") for line in answer.decode("utf-8", "replace").splitlines())
    return {name: value for name, space, value in lines if space}


def kept(found: Mapping[str, str]) -> dict[str, str]:
    """What the settings of a target keep of that."""
    return {name: found[name] for name in _KEPT if name in found}


@dataclass(frozen=True)
class Step:
    """A thing that was looked at on a target.

    Attributes:
        found: what is there, if nothing is wrong.
        problem: what is wrong; empty if nothing is.
        repair: what the user can do about it.
        is_needed: whether nothing can run without it.
        is_away: whether it may well be there later.
    """

    name: str
    found: str = ""
    problem: str = ""
    repair: str = ""
    is_needed: bool = False
    is_away: bool = False


def require(steps: Iterable[Step], location: str) -> None:
    """Go on only if nothing is wrong that every run needs.

    Raises:
        MissingDependency: something is.
        Unavailable: something is away.
    """
    for step in steps:
        if step.problem and step.is_needed:
            error = Unavailable if step.is_away else MissingDependency
            raise error(f"{location}: {step.problem}", hint=step.repair)


def folder_step(found: Mapping[str, str]) -> Step:
    """The target's folder."""
    directory = found.get("directory", "")
    if "writable" not in found:
        return Step(
            "folder",
            problem=f"The folder {directory} cannot be written.",
            repair="Attach the target with another `directory`.",
            is_needed=True,
        )
    free = int(found.get("free") or _LEAST_FREE)
    if free >= _LEAST_FREE:
        return Step("folder", f"{directory}, {free / 1e6:.0f} GB free")
    return Step(
        "folder",
        problem=f"{directory} has {free // 1000} MB free.",
        repair="Make room there; `tandemlab compute clean` removes what was not used for long.",
        is_needed=True,
    )


def tools_step(found: Mapping[str, str]) -> Step:
    """What scripts of shell need."""
    missing = [name for name in ("tar", "head", "tail", "find") if name not in found]
    if not missing:
        return Step("tools", "tar, head, tail, find")
    return Step(
        "tools",
        problem=f"There is no {', '.join(missing)} on the search path.",
        repair="Install it there.",
        is_needed=True,
    )


def python_step(found: Mapping[str, str], *, is_needed: bool = False) -> Step:
    """Python, new enough for scripts."""
    version = tuple(map(int, found.get("python_version", "0.0").split(".")))
    if version >= _OLDEST_PYTHON:
        return Step("Python", f"{found['python']} ({found['python_version']})")
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    there = f"is {found['python_version']}" if "python_version" in found else "does not work"
    return Step(
        "Python",
        problem=f"The Python there ({found.get('python', 'none')}) {there}; scripts need {oldest}.",
        repair=f"Give the path of a Python from {oldest} on, or run scripts in an environment.",
        is_needed=is_needed,
    )


def r_step(found: Mapping[str, str]) -> Step:
    """R."""
    if "r_platform" in found:
        return Step("R", f"{found['rscript']} ({found['r_platform']})")
    return Step("R", problem="No Rscript works there.", repair="Install R there, or give rscript.")


def uv_step(found: Mapping[str, str]) -> Step:
    """What installs packages of Python."""
    return Step("uv", found.get("uv") or "sent along where an environment needs it")


def slurm_step(found: Mapping[str, str]) -> Step:
    """What submits jobs to Slurm."""
    if "sbatch" in found:
        return Step("Slurm", found["sbatch"])
    return Step(
        "Slurm",
        problem="There is no sbatch on the search path.",
        repair="Give the address of the cluster's login node.",
        is_needed=True,
    )


def queue_step(found: Mapping[str, str]) -> Step:
    """What Slurm says of a job with the options of the target, in its own words."""
    said = found.get("queue_problem", "").strip()
    if not said:
        return Step("queue", found.get("queue", ""))
    is_wrong = "nvalid" in said
    repair = "Ask who runs the cluster, or try again later; SLURM_CONF says which one it is."
    if is_wrong:
        repair = (
            "Attach the target with a partition, account and qos that you may use; `sinfo` lists "
            "the partitions."
        )
    problem = f"Slurm does not take jobs: {said}"
    return Step("queue", problem=problem, repair=repair, is_needed=is_wrong)
