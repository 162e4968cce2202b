"""Which tests run in one worker: those that share something slow to start or to make.

These are the tests of clusters, of containers, of the studio's pages, and of a module that has
fixtures of that scope. Every other test goes to the next worker that is free. Workers know the
fixtures of tests and the controller hands out tests, so a worker leaves the groups in the cache.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARED = {"ray": "clusters", "spark": "clusters", "podman": "containers", "lab": "studio"}
_KEY = "tandemlab/groups"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    worker = getattr(config, "workerinput", {}).get("workerid")
    if worker == "gw0" and config.cache is not None:
        found = {each.nodeid: _group(each) for each in items if isinstance(each, pytest.Function)}
        config.cache.set(_KEY, {name: group for name, group in found.items() if group is not None})


def _group(item: pytest.Function) -> str | None:
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    for name in (*item.fixturenames, *(each for each in parameters if isinstance(each, str))):
        if name in SHARED:
            return SHARED[name]
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    if any(found[-1].scope == "module" for found in fixtures if found):
        return str(item.path)
    return None


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out whole groups, the largest first, and then one test after the other."""

    _groups: dict[str, str]

    def schedule(self) -> None:
        cache: pytest.Cache | None = self.config.cache
        self._groups = {} if cache is None else cache.get(_KEY, {})
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid, nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    return GroupScheduling(config, log)
