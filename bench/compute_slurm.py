"""A cluster of Slurm on this machine, beside ``sbatch``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from plugins.slurm import Slurm, attach_slurm
from tandemlab import Workspace


@contextmanager
def running(folder: Path, workspace: Workspace) -> Iterator[Callable[[Path], object]]:
    """What starts a script of Python without tandemlab; the target ``slurm`` is attached."""
    place = folder / "slurm"
    place.mkdir()
    cluster = Slurm(place)
    os.environ["SLURM_CONF"] = str(cluster.settings)

    def start(script: Path) -> None:
        words = ["sbatch", "--wait", "--mem=100M", "--output=/dev/null", "--wrap"]
        subprocess.run([*words, f"{sys.executable} {script}"], check=True, stdout=-3)

    try:
        cluster.start()
        attach_slurm(workspace, cluster)
        yield start
    finally:
        cluster.stop()
        del os.environ["SLURM_CONF"]
