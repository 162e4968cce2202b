"""How tests wait: for a condition, and not for a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return once `condition` holds.

    Raises:
        AssertionError: it has not come true after `seconds`, by far more than it needs.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"The condition did not come true in {seconds:g} s."
        time.sleep(0.02)


def stay_away() -> None:
    """Let what a test has cut off be away for ``$TANDEMLAB_TEST_AWAY_SECONDS`` more; usually 0."""
    time.sleep(float(os.environ.get("TANDEMLAB_TEST_AWAY_SECONDS", "0")))
