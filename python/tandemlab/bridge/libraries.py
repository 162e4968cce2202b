"""Libraries that only some frames need, imported when they do."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from tandemlab.domain.errors import MissingDependency


def need(library: str, what: str = "Frames of this kind", extra: str | None = "frames") -> Any:
    """The library, imported now.

    Args:
        what: what needs it.
        extra: the extra of tandemlab that brings it; None if none does.

    Raises:
        MissingDependency: it is not installed.
    """
    found = sys.modules.get(library)
    if found is not None and not getattr(found.__spec__, "_initializing", False):
        return found  # where R runs, import_module() costs more than a column of a small frame
    try:
        return import_module(library)
    except ImportError as problem:
        install = f"pip install {library.partition('.')[0]}"
        raise MissingDependency(
            f"{what} need the Python package {library}: {problem}",
            hint=install if extra is None else f"pip install 'tandemlab[{extra}]' or {install}",
        ) from None
