"""Checking a workspace folder, repairing it without losing anything, and removing garbage."""

from tandemlab.store.upkeep.checking import check_folder
from tandemlab.store.upkeep.garbage import collect_garbage

__all__ = ["check_folder", "collect_garbage"]
