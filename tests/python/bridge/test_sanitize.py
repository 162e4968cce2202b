"""The package's C++ under the address and the undefined-behaviour sanitizer."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FRAMES = sorted(str(path) for path in ROOT.glob("tests/testthat/test-frames*.R"))


@pytest.mark.full
@pytest.mark.timeout(600)
def test_the_sanitizers_find_nothing_in_the_conversion_of_frames() -> None:
    done = subprocess.run([ROOT / "tools" / "sanitize", *FRAMES], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip() or done.stdout.strip())
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
