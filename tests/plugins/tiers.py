"""Tiers of tests: `fast` (what carries no other tier), `full`, `services`."""

from __future__ import annotations

import pytest

SLOWER = ("full", "services")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not any(item.get_closest_marker(tier) for tier in SLOWER):
            item.add_marker("fast")
