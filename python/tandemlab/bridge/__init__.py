"""What joins R and Python: frames by the Arrow C stream interface, and R as a program.

R calls ``read`` and ``write``; addresses are decimal texts, since R's numbers do not hold all of
them. Users of R call ``as_python_frame()`` and ``as_r_frame()`` of the R package. Whatever starts R
asks ``find_r`` which. Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tandemlab.bridge.crossing import read, write
    from tandemlab.bridge.rscript import FoundR, find_r, r_environment
    from tandemlab.bridge.stream import ReceivedStream

_HOMES = {
    "FoundR": "tandemlab.bridge.rscript",
    "ReceivedStream": "tandemlab.bridge.stream",
    "find_r": "tandemlab.bridge.rscript",
    "r_environment": "tandemlab.bridge.rscript",
    "read": "tandemlab.bridge.crossing",
    "write": "tandemlab.bridge.crossing",
}

__all__ = ["FoundR", "ReceivedStream", "find_r", "r_environment", "read", "write"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
