"""Pipelines as the code that a person would write for them, in Python and R."""

from tandemlab.pipelines.exporting.scripts import script_of

__all__ = ["script_of"]
