"""Where jobs run: the target protocol, the local target and the workspace's agent."""

from tandemlab.compute.local import LocalTarget
from tandemlab.compute.targets import ComputeTarget, find_target, target_names

__all__ = ["ComputeTarget", "LocalTarget", "find_target", "target_names"]
