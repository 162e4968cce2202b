"""The package's C++ under the address and the undefined-behaviour sanitizer."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from python.bridge.damaged_files import good_files

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
FRAMES = set(ROOT.glob("tests/testthat/test-frames*.R"))
# The same cases as test-frames-conformance.R, without testthat's cost for each.
MATRIX = HERE / "cross_matrix.R"


@pytest.mark.full
@pytest.mark.timeout(600)
def test_the_sanitizers_find_nothing_in_the_conversion_of_frames(tmp_path: Path) -> None:
    tests = sorted(FRAMES - set(ROOT.glob("tests/testthat/*-conformance.R")))
    good_files(tmp_path)
    variables = {
        "CROSS_MATRIX": str(ROOT / "tests"),
        "READ_DAMAGED": f"{tmp_path} {random.randrange(10**6, 10**9)} 500",
    }
    done = subprocess.run(
        [ROOT / "tools" / "sanitize", *tests, MATRIX, HERE / "read_damaged.R"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    if done.returncode == 77:
        pytest.skip(done.stderr.strip() or done.stdout.strip())
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
