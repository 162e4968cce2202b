"""What joins R and Python: frames in files or by the Arrow C stream interface, and R as a program.

``run_r`` runs R code with frames and values both ways; where rpy2 runs R inside this process,
``to_r`` and ``from_r`` convert, and ``converter`` gives rules for rpy2's own calls. ``write_frame``
and ``read_frame`` are for files; R has functions of the same names. R itself calls ``read`` and
``write`` for its ``as_python_frame()`` and ``as_r_frame()``; addresses are decimal texts, since R's
numbers do not hold all of them. Whatever starts R asks ``find_r`` which. Names are loaded when they
are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.bridge.crossing import read, write
    from tandemlab.bridge.embedded import converter, from_r, to_r
    from tandemlab.bridge.files import read_frame, write_frame
    from tandemlab.bridge.pool import RPool, run_r
    from tandemlab.bridge.rscript import FoundR, find_r, r_environment, without_r
    from tandemlab.bridge.stream import ReceivedStream
    from tandemlab.bridge.values import Vector

_HOMES = {
    "FoundR": "tandemlab.bridge.rscript",
    "RPool": "tandemlab.bridge.pool",
    "ReceivedStream": "tandemlab.bridge.stream",
    "Vector": "tandemlab.bridge.values",
    "converter": "tandemlab.bridge.embedded",
    "find_r": "tandemlab.bridge.rscript",
    "from_r": "tandemlab.bridge.embedded",
    "r_environment": "tandemlab.bridge.rscript",
    "read": "tandemlab.bridge.crossing",
    "read_frame": "tandemlab.bridge.files",
    "run_r": "tandemlab.bridge.pool",
    "to_r": "tandemlab.bridge.embedded",
    "without_r": "tandemlab.bridge.rscript",
    "write": "tandemlab.bridge.crossing",
    "write_frame": "tandemlab.bridge.files",
}

__all__ = [
    "FoundR",
    "RPool",
    "ReceivedStream",
    "Vector",
    "converter",
    "find_r",
    "from_r",
    "r_environment",
    "read",
    "read_frame",
    "run_r",
    "to_r",
    "without_r",
    "write",
    "write_frame",
]

__getattr__ = loader(__name__, _HOMES)
