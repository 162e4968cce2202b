"""Tiers of tests: `fast` (what carries no other tier), `full`, `services`, and `frameworks`.

Those of the tier `frameworks` install gigabytes; they run only where they are asked for.
"""

from __future__ import annotations

import pytest

SLOWER = ("full", "services", "frameworks")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if not any(item.get_closest_marker(tier) for tier in SLOWER):
            item.add_marker("fast")
    if "frameworks" not in config.option.markexpr:
        left = [item for item in items if item.get_closest_marker("frameworks")]
        if left:
            items[:] = [item for item in items if item not in left]
            config.hook.pytest_deselected(items=left)
