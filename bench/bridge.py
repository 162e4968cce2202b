"""Measures how fast data frames cross between R and Python, as multiples of what cannot be beaten.

    python bench/bridge.py [--rows N] [--repeats N] [--reticulate-python PATH]

The limit is copying the same bytes into vectors of R, for strings making R's strings. Run it with
the Python that has tandemlab[frames]. reticulate's own conversion of frames works only beside old
libraries (numpy < 2, pandas < 3); PATH is a Python that has those.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIBRARY = os.environ.get("R_LIBS") or str(HERE.parent / ".rlib")
COLUMNS = ["to_arrow", "to_pandas", "to_polars", "from_arrow", "from_pandas", "from_polars"]


def measure(python: str, limits: Path, repeats: int, rows: int, *more: str) -> dict[str, Any]:
    """The milliseconds of bridge.R, by frame and direction."""
    names = {"TANDEMLAB_PYTHON": python, "RETICULATE_PYTHON": python, "R_LIBS": LIBRARY}
    command = ["Rscript", "--no-init-file", HERE / "bridge.R", limits, str(repeats), str(rows)]
    done = subprocess.run(
        [*command, *more],
        env={**os.environ, **names},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def table(found: dict[str, Any], reference: dict[str, Any]) -> str:
    """A table in Markdown: the limit in ms, and the multiples of it."""
    heads = ["data", "limit (ms)", *(name.replace("_", " ") for name in COLUMNS)]
    if reference:
        heads += ["reticulate to pandas", "from pandas", "right"]
    lines = [heads, ["---"] * len(heads)]
    for name, times in found.items():
        row = [name, f"{times['limit']:.2f}"]
        row += [_multiple(times[column], times["limit"]) for column in COLUMNS]
        if reference:
            other = reference[name]
            row += [_multiple(other[way], times["limit"]) for way in ("to_pandas", "from_pandas")]
            row.append("yes" if other["right"] else "no")
        lines.append(row)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _multiple(milliseconds: float | None, limit: float) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.2f} ms" if limit < 0.05 else f"{milliseconds / limit:.2f} ×"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--reticulate-python", metavar="PATH")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(shutil.copy(HERE / "bridge_limits.c", folder))
        command = ["R", "CMD", "SHLIB", source.name]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        limits = source.with_suffix(".so")
        found = measure(sys.executable, limits, chosen.repeats, chosen.rows)
        reference = {}
        if chosen.reticulate_python:
            size = (chosen.repeats, chosen.rows)
            reference = measure(chosen.reticulate_python, limits, *size, "reticulate")
    print(table(found, reference))


if __name__ == "__main__":
    main()
