"""Sessions within these tests load the plugins that they name, and no other that is installed."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _named_plugins_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
