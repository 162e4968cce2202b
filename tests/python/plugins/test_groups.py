"""The pytest plugin that keeps tests together that share something slow to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins import groups

SETTINGS = f"""
[pytest]
pythonpath = {Path(groups.__file__).parents[1]}
addopts = -p xdist -p plugins.groups
"""

SHARING = """
import os
import pytest

@pytest.fixture(scope="module")
def made():
    with open("{place}", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")

@pytest.mark.parametrize("number", range(8))
def test_number(made, number):
    pass
"""

CLUSTER = """
import os
import pytest

@pytest.fixture
def ray():
    with open("{place}", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")

def test_by_name(ray):
    pass

@pytest.mark.parametrize("cluster", ["ray", None])
def test_by_parameter(request, cluster):
    if cluster:
        request.getfixturevalue(cluster)
"""


def workers(pytester: pytest.Pytester, code: str, files: int) -> list[str]:
    """Those that have set up the fixture, once for each time."""
    place = pytester.path / "workers"
    pytester.makeini(SETTINGS)
    pytester.makepyfile(**{f"test_{i}": code.format(place=place) for i in range(files)})
    result = pytester.runpytest_subprocess("-n", "2")
    assert result.ret == 0, result.stdout.str()
    return place.read_text().split()


def test_a_module_with_fixtures_of_its_own_is_not_split(pytester: pytest.Pytester) -> None:
    assert len(workers(pytester, SHARING, files=3)) == 3


def test_the_tests_of_a_cluster_run_in_one_worker(pytester: pytest.Pytester) -> None:
    found = workers(pytester, CLUSTER, files=4)
    assert len(found) == 8 and len(set(found)) == 1
