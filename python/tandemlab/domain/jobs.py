"""Jobs: what a compute target is asked to run, and how it goes."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tandemlab.domain.records import RunError


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run for a run.

    Attributes:
        directory: the directory that the run owns; the command runs in ``work/`` below it.
        command: program and arguments.
        environment: variables beyond those that the target has anyway.
        max_seconds: time limit; None for none.
    """

    run_id: str
    directory: Path
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    max_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job is doing.

    Attributes:
        is_running: whether any part of it may still run.
        exit_code: process exit status, negative for a signal; None while it runs, or when the
            process went away without leaving one.
    """

    is_running: bool
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many jobs a target runs at once, and how many it runs now."""

    slots: int
    used: int


def exit_code_of(status: int) -> int:
    """The exit code behind a shell's exit status: 128 + n stands for signal n.

    >>> exit_code_of(3), exit_code_of(137)
    (3, -9)
    """
    return 128 - status if 128 < status < 128 + signal.NSIG else status


def exit_error(exit_code: int | None, last_line: str = "") -> RunError | None:
    """Why a job with that exit code failed; None if it did not.

    Args:
        last_line: the last thing that it printed.

    >>> exit_error(0) is None, exit_error(-9).code
    (True, 'signal')
    """
    ending = f" Last output: {last_line}" if last_line else ""
    if exit_code == 0:
        return None
    if exit_code is None:
        return RunError(
            "The process went away without leaving an exit status: it was killed with all its "
            f"group, or the machine was restarted.{ending}",
            "lost",
        )
    if exit_code < 0:
        cause = " The system may have run out of memory." if exit_code == -signal.SIGKILL else ""
        name = _signal_name(-exit_code)
        return RunError(f"The script was killed by signal {name}.{cause}{ending}", "signal")
    return RunError(f"The script ended with exit code {exit_code}.{ending}", "exit")


def _signal_name(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)
