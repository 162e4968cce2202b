"""Modules that take seconds to import, for tests of which most runs need none."""

from __future__ import annotations

from typing import Any

import pytest


class Late:
    """A module imported when a test first needs it, which is skipped where it is missing."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(pytest.importorskip(self._name), name)
