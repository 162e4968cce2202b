"""This machine as a target, beside starting a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tandemlab import Workspace

Start = Callable[[Path], object]


@contextmanager
def running(folder: Path, workspace: Workspace) -> Iterator[Start]:
    """What starts a script of Python without tandemlab."""
    yield lambda script: subprocess.run([sys.executable, script], check=True)
