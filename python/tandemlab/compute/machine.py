"""This machine: what it has, and what it refuses."""

from __future__ import annotations

import os
from collections.abc import Callable

from tandemlab.compute.gpus import gpu_count
from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import JobSettings


def check_machine(settings: JobSettings) -> None:
    """Refuse what this machine does not have.

    Raises:
        InvalidInput: more machines, processors, memory or GPUs than there are.
    """
    distribution, resources = settings.distribution, settings.resources
    if distribution is not None and distribution.node_count > 1:
        raise InvalidInput(
            f"The target 'local' is one machine, not {distribution.node_count}.",
            hint="Set node_count to 1, or choose a target that has several.",
        )
    asked: list[tuple[str, int | None, Callable[[], int]]] = [
        ("processors", resources.cpus, lambda: os.cpu_count() or 1),
        ("bytes of memory", resources.memory_bytes, memory_here),
        ("GPUs", resources.gpus, gpu_count),
    ]
    for what, wanted, count in asked:
        if wanted and wanted > (there := count()):
            raise InvalidInput(
                f"The run asks for {wanted} {what}; this machine has {there}.",
                hint="Ask for less, or choose another target.",
            )


def memory_here() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
