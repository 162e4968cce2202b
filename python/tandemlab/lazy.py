"""Names of a package that are loaded when they are first used, as PEP 562 allows.

>>> load = loader("tandemlab.lazy", {"sqrt": "math"})
>>> load("sqrt")(4)
2.0
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def loader(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """What a package takes as its ``__getattr__``.

    Args:
        package: its ``__name__``.
        homes: the module that holds each name.
    """

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
