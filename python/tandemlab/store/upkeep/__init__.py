"""Checking a workspace folder, and repairing what can be without losing anything."""

from tandemlab.store.upkeep.checking import check_folder

__all__ = ["check_folder"]
