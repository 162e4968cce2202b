"""Targets on other machines, which are reached by a shell and need no more than that."""
