"""A cache of environments for the tests, and an environment that is built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tandemlab.environments import Environment, EnvironmentCache, RPackage, RSection


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EnvironmentCache:
    """An empty cache of its own, which jobs of the test use, too."""
    monkeypatch.setenv("TANDEMLAB_CACHE_DIR", str(tmp_path / "cache"))
    return EnvironmentCache(tmp_path / "cache" / "environments")


@pytest.fixture
def kitchen(
    repository: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Environment:
    """An environment with tart, whose cache is the session's: it is built once."""
    monkeypatch.setenv("TANDEMLAB_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "kitchen"))
    return Environment("kitchen", r=RSection((RPackage("tart"),), (repository,)))
