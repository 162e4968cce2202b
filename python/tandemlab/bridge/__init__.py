"""Data frames cross between R and Python by the Arrow C stream interface.

R calls ``read`` and ``write``; addresses are decimal texts, since R's numbers do not hold all of
them. Users of R call ``as_python_frame()`` and ``as_r_frame()`` of the R package.
"""

from __future__ import annotations

from tandemlab.bridge.crossing import read, write
from tandemlab.bridge.stream import ReceivedStream

__all__ = ["ReceivedStream", "read", "write"]
