"""What may be set about the workspace's agent, from its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tandemlab.domain import InvalidInput


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Settings of an agent.

    Attributes:
        slots: how many local jobs run at once; ``TANDEMLAB_SLOTS``, else the number of CPUs.
        idle_seconds: how long the agent stays without work; ``TANDEMLAB_IDLE_SECONDS``, else 60.
        grace_seconds: how long a canceled job may take to end by itself before it is killed;
            ``TANDEMLAB_GRACE_SECONDS``, else 10.
    """

    slots: int
    idle_seconds: float = 60.0
    grace_seconds: float = 10.0

    @classmethod
    def from_environment(cls) -> AgentSettings:
        """Settings from the environment's variables.

        Raises:
            InvalidInput: a variable that is no number of the kind.
        """
        return cls(
            slots=max(1, int(_number("TANDEMLAB_SLOTS", _cpus()))),
            idle_seconds=_number("TANDEMLAB_IDLE_SECONDS", 60.0),
            grace_seconds=_number("TANDEMLAB_GRACE_SECONDS", 10.0),
        )


def _cpus() -> float:
    return float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


def _number(variable: str, default: float) -> float:
    text = os.environ.get(variable, "")
    try:
        number = float(text) if text else default
    except ValueError:
        number = -1.0
    if number < 0:
        raise InvalidInput(f"{variable} is {text!r}, which is not a number from 0.")
    return number
