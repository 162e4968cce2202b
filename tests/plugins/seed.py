"""One seed for what tests choose at random, shown at the start, and repeated by `--seed`.

Every file is imported with `random` seeded by the session's seed and the file's own name, so that
parameters drawn at import are the same in all workers of pytest-xdist. Generated examples may take
as long as a busy machine needs. Where the variable CI is set the seed stays the same, so that a
change is judged by what it does and not by its luck; every other run tries a new seed.
"""

from __future__ import annotations

import os
import random
import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

_IN_CI = "CI" in os.environ


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="seed of what tests choose at random")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    from_controller = getattr(config, "workerinput", {})
    if "seed" in from_controller:
        config.option.seed = from_controller["seed"]
    elif config.option.seed is None:
        config.option.seed = 1 if _IN_CI else secrets.randbelow(10**6)
    os.environ.setdefault("FRAMES_SEED", str(config.option.seed))  # of R's generated frames
    settings.register_profile(
        "patient",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize=_IN_CI,
        database=None if _IN_CI else settings().database,
    )
    settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["seed"] = node.config.option.seed


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.option.seed} (--seed={config.option.seed} repeats it)"


def pytest_collectstart(collector: pytest.Collector) -> None:
    if isinstance(collector, pytest.File):
        random.seed(f"{collector.config.option.seed} {collector.nodeid}")
