"""What jobs ask a cluster of Ray for, by Ray's words."""

from __future__ import annotations

from tandemlab.compute.remote.environments import needs_build
from tandemlab.domain.jobs import Job


def resources_of(job: Job) -> dict[str, float]:
    """What Ray sets apart for a job; one processor where it asks for nothing.

    A job that has workers gets what one of them needs, and asks Ray for the others itself.

    >>> from pathlib import Path
    >>> resources_of(Job("r1", Path("r1"), "r1", [], gpus=1, max_memory=1000))
    {'CPU': 1.0, 'GPU': 1.0, 'memory': 1000.0}
    """
    cpus = job.cpus_per_worker if has_workers(job) else job.cpus or job.processes
    asked = {"CPU": cpus or 1, "GPU": job.gpus, "memory": job.max_memory}
    return {name: float(amount) for name, amount in asked.items() if amount}


def has_workers(job: Job) -> bool:
    """Whether other machines do parts of a job: they have the cluster's packages, no others."""
    is_of_cluster = job.packages is None or not needs_build(job.packages)
    return job.cpus_per_worker is not None and is_of_cluster
