"""Libraries that only some frames need, imported when they do."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from tandemlab.domain.errors import MissingDependency


def need(library: str) -> Any:
    """The library, imported now.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        return sys.modules.get(library) or import_module(library)
    except ImportError as problem:
        raise MissingDependency(
            f"Frames of this kind need the Python package {library}: {problem}",
            hint=f"pip install 'tandemlab[frames]' or pip install {library}",
        ) from None
