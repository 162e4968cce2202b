"""R's warnings and errors as Python's."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from tandemlab.bridge import values
from tandemlab.domain.errors import RError
from tandemlab.domain.warnings import WARNINGS, RWarning


def warn(warned: list[dict[str, Any]]) -> None:
    """Gives the warnings that R has given, as those of the caller's code."""
    for one in warned:
        text = f"In {one['call']}: {one['message']}" if one["call"] else one["message"]
        warnings.warn(text, WARNINGS.get(one["code"], RWarning), stacklevel=_callers_level())


def _callers_level() -> int:
    """How many frames above the caller of this function the first one outside the bridge is."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("tandemlab.bridge"):
        level, frame = level + 1, frame.f_back
    return level


def as_error(form: Any) -> BaseException:
    """The exception for an error or an interrupt of R code, in the form of ``R/worker.R``."""
    if form == {"kind": "interrupt"}:
        return KeyboardInterrupt("R was interrupted.")
    said = values.read(form)
    where = f"Error in {said['call']}: " if said["call"] else "Error: "
    lines = [f"{where}{said['message']}"]
    if said["traceback"]:
        lines += ["R's calls, the last one last:", *(f"  {call}" for call in said["traceback"])]
    del said["kind"]
    return RError("\n".join(lines), details=said)
