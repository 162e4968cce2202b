"""The pytest plugin that seeds what tests choose at random."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plugins import seed

SETTINGS = f"""
[pytest]
pythonpath = {Path(seed.__file__).parents[1]}
addopts = -p xdist -p plugins.seed -v
"""

RANDOM_PARAMETERS = """
import random
import pytest

@pytest.mark.parametrize("number", random.sample(range(10**6), 3))
def test_number(number):
    pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini(SETTINGS)
    pytester.makepyfile(test_random=RANDOM_PARAMETERS)
    return pytester


def numbers(result: pytest.RunResult) -> set[str]:
    return set(re.findall(r"test_number\[(\d+)\]", result.stdout.str()))


def test_workers_draw_the_same_parameters(project: pytest.Pytester) -> None:
    project.runpytest_subprocess("-n", "2").assert_outcomes(passed=3)


def test_a_seed_repeats_a_session(project: pytest.Pytester) -> None:
    first = project.runpytest_subprocess()
    shown = re.search(r"^seed: (\d+) ", first.stdout.str(), re.MULTILINE)
    assert shown is not None
    assert numbers(project.runpytest_subprocess(f"--seed={shown[1]}")) == numbers(first)
