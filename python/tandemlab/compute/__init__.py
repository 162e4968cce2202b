"""Where jobs run: targets here and elsewhere, and the workspace's agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.compute.compute_target import ComputeTarget
    from tandemlab.compute.local import LocalTarget
    from tandemlab.compute.ray.attaching import RayCompute
    from tandemlab.compute.remote.attaching import RemoteCompute
    from tandemlab.compute.remote.slurm import SlurmCompute
    from tandemlab.compute.remote.spark import SparkCompute
    from tandemlab.compute.targets import Target, find_target, known_targets

_HOMES = {
    "ComputeTarget": "tandemlab.compute.compute_target",
    "LocalTarget": "tandemlab.compute.local",
    "RayCompute": "tandemlab.compute.ray.attaching",
    "RemoteCompute": "tandemlab.compute.remote.attaching",
    "SlurmCompute": "tandemlab.compute.remote.slurm",
    "SparkCompute": "tandemlab.compute.remote.spark",
    "Target": "tandemlab.compute.targets",
    "find_target": "tandemlab.compute.targets",
    "known_targets": "tandemlab.compute.targets",
}

__all__ = [
    "ComputeTarget",
    "LocalTarget",
    "RayCompute",
    "RemoteCompute",
    "SlurmCompute",
    "SparkCompute",
    "Target",
    "find_target",
    "known_targets",
]

__getattr__ = loader(__name__, _HOMES)
