"""Other software that converts frames, each with its libraries in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossings import BUILD, HERE, Bench
from harness import run_json


@dataclass(frozen=True)
class Rival:
    """What it is called, what pip installs for it, and how it is measured.

    Attributes:
        measure: takes its Python, the number of rows and of repeats, and gives seconds by frame
            and direction, and under `right` whether what comes back is what went.
    """

    name: str
    requirements: Sequence[str]
    measure: Callable[[Bench, Path, int, int], Any]

    def install(self) -> Path | None:
        """Its Python, or None where its libraries cannot be had."""
        folder = BUILD / f"bench-{self.name}"
        python, uv = folder / "bin" / "python", Path(sys.executable).with_name("uv")
        ready = folder / "ready"
        if not ready.exists():
            steps = [
                [uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder],
                [uv, "pip", "install", "--quiet", "--python", python, *self.requirements],
            ]
            if any(subprocess.run(step, check=False).returncode for step in steps):
                print(f"bench: {self.name} could not be installed", file=sys.stderr)
                return None
            ready.touch()
        return python


def _reticulate(bench: Bench, python: Path, rows: int, repeats: int) -> Any:
    environment = {"RETICULATE_PYTHON": str(python)}
    words = ("frames.R", "reticulate", bench.limits, rows, repeats)
    return bench.rscript(*words, environment=environment)


def _rpy2(bench: Bench, python: Path, rows: int, repeats: int) -> Any:
    return run_json([python, HERE / "frames_rpy2.py", str(rows), str(min(repeats, 3))], {})


# reticulate 1.28 converts frames with no newer ones.
_LIBRARIES = ("numpy==1.26.4", "pandas==2.3.3")
_RIVALS = (
    Rival("reticulate", _LIBRARIES, _reticulate),
    # Newer ones need a newer R than 4.2.
    Rival("rpy2", ("rpy2==3.6.4", "rpy2-rinterface==3.6.5", *_LIBRARIES), _rpy2),
)
NAMES = tuple(rival.name for rival in _RIVALS)


def installed() -> Iterator[tuple[Rival, Path]]:
    """The rivals that can be had, each with its Python."""
    for rival in _RIVALS:
        python = rival.install()
        if python is not None:
            yield rival, python


def versions() -> dict[str, str]:
    """What each rival runs with."""
    return {f"{rival.name} with": " ".join(rival.requirements) for rival in _RIVALS}
