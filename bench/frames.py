"""Section of bench/bridge.py: data frames between R and Python in one process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crossings import BUILD, HERE, Bench, Found, Row, Samples, Section

DATA = {
    "doubles": "4 columns of doubles",
    "integer": "integers with NA",
    "logical": "logical with NA",
    "strings_10": "strings, 10 distinct",
    "strings_1e5": "strings, 100,000 distinct",
    "strings_all": "strings, all distinct",
    "factor_10": "factor, 10 levels",
    "factor_1e5": "factor, 100,000 levels",
    "date": "Date",
    "posixct": "POSIXct",
    "mixed": "50 mixed columns of 100,000",
    "small": "10 rows of 5 columns",
}
DIRECTIONS = {
    "to_arrow": "to Arrow",
    "to_pandas": "to pandas",
    "to_polars": "to polars",
    "from_arrow": "from Arrow",
    "from_arrow_eager": "from Arrow, all strings at once",
    "from_pandas": "from pandas",
    "from_polars": "from polars",
}
STRINGS = ("strings_10", "strings_1e5", "strings_all")
AT_MOST = {
    ("doubles", "to_arrow"): 1.0,
    ("doubles", "to_pandas"): 3.0,
    ("doubles", "from_arrow"): 1.5,
    **{(data, "to_arrow"): 0.2 for data in STRINGS},
    **{(data, "from_arrow"): 0.3 for data in STRINGS},
    **{(data, "from_arrow_eager"): 1.2 for data in STRINGS},
}
# Conversions of other software that a good one leaves far behind.
SLOW_ELSEWHERE = (*STRINGS, "factor_10", "factor_1e5", "date", "posixct")


def _rows() -> list[Row]:
    rows = []
    for data, title in DATA.items():
        for direction, way in DIRECTIONS.items():
            if direction == "from_arrow_eager" and data not in STRINGS:
                continue
            pandas = direction.endswith("pandas")
            small = data == "small"
            rows.append(
                Row(
                    f"{title}: {way}",
                    f"{data}/{direction}",
                    limit=None if small else f"{data}/limit",
                    at_most=AT_MOST.get((data, direction)),
                    within=0.001 if small and direction.endswith("arrow") else None,
                    rivals={name: f"{name}/{data}/{direction}" for name in ("reticulate", "rpy2")}
                    if pandas
                    else {},
                    faster=(5 if data in SLOW_ELSEWHERE else 1) if pandas else None,
                )
            )
    return rows


def measure(bench: Bench) -> Found:
    """Times by turns in one R process; the rivals in processes of their own, between two rounds."""
    limits = _build_limits(bench.folder)
    rows, repeats = (100_000, 3) if bench.quick else (1_000_000, 5)
    samples: Samples = {}
    wrong: set[str] = set()
    for _ in range(1 if bench.quick else 2):
        _add(samples, _bridge(bench, "bridge", limits, rows, repeats))
        for name, python in rivals().items():
            found = RIVALS[name](bench, python, limits, rows, repeats)
            for data, directions in found.items():
                right = directions.pop("right")[0]
                wrong |= {f"{name}/{data}/{way}" for way in directions if not right}
            _add(samples, found, f"{name}/")
    return Found(samples, frozenset(wrong), _versions())


def _add(samples: Samples, found: dict[str, dict[str, list[float]]], prefix: str = "") -> None:
    for data, directions in found.items():
        for way, values in directions.items():
            samples.setdefault(f"{prefix}{data}/{way}", []).extend(values)


def _build_limits(folder: Path) -> Path:
    source = Path(shutil.copy(HERE / "limits.c", folder))
    command = ["R", "CMD", "SHLIB", source.name]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return source.with_suffix(".so")


def _bridge(bench: Bench, *words: object) -> Any:
    return bench.rscript("frames.R", *words, environment={"TANDEMLAB_PYTHON": sys.executable})


def _reticulate(bench: Bench, python: Path, *words: object) -> Any:
    environment = {"RETICULATE_PYTHON": str(python)}
    return bench.rscript("frames.R", "reticulate", *words, environment=environment)


RIVALS = {"reticulate": _reticulate}
# reticulate 1.28 converts frames only with these.
REQUIREMENTS: dict[str, Sequence[str]] = {"reticulate": ("numpy==1.26.4", "pandas==2.3.3")}


def rivals() -> dict[str, Path]:
    """The interpreters of the rivals, each with its libraries in .build/."""
    found = {}
    for name, requirements in REQUIREMENTS.items():
        folder = BUILD / f"bench-{name}"
        python, uv = folder / "bin" / "python", Path(sys.executable).with_name("uv")
        ready = folder / "ready"
        if not ready.exists():
            steps = [
                [uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder],
                [uv, "pip", "install", "--quiet", "--python", python, *requirements],
            ]
            if any(subprocess.run(step, check=False).returncode for step in steps):
                print(f"bench: {name} could not be installed", file=sys.stderr)
                continue
            ready.touch()
        found[name] = python
    return found


def _versions() -> dict[str, str]:
    names = ("tandemlab", "pyarrow", "pandas", "polars", "numpy")
    found = {name: version(name) for name in names}
    return found | {name: " ".join(words) for name, words in REQUIREMENTS.items()}


SECTION = Section(
    name="frames",
    title="Data frames in one process",
    about="""1,000,000 rows. The limit is copying the same bytes into new vectors of R; for strings
        it is making R's strings, which only what goes to R has to do.""",
    rows=_rows(),
    measure=measure,
)
