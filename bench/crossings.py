"""What the sections of bench/bridge.py are made of: rows, measures, and the page.

A section is one table. It names its rows, and a function that measures everything they show. Times
are in seconds and memory in bytes, by key.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from statistics import median
from textwrap import fill
from typing import Any

from harness import run_json

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / ".build"
R_LIBRARY = HERE.parent / ".rlib"

Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
        key: of the samples.
        limit: key of what cannot be beaten.
        at_most: the aim as a multiple of the limit.
        within: the aim in seconds.
        rivals: keys of other software's samples, by its name; those that were not measured are
            left out.
        faster: how many times faster than each rival that is right it shall be.
        memory: whether the samples are bytes.
    """

    title: str
    key: str
    limit: str | None = None
    at_most: float | None = None
    within: float | None = None
    rivals: Mapping[str, str] = field(default_factory=dict)
    faster: float | None = None
    memory: bool = False


@dataclass(frozen=True)
class Found:
    """What a section has measured; `wrong` are the keys of results that are not what went in."""

    samples: Samples
    wrong: frozenset[str] = frozenset()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """What a section may use: a folder of its own, and whether a small round is enough."""

    folder: Path
    quick: bool

    @cached_property
    def limits(self) -> Path:
        """The library of limits.c, compiled for R."""
        source = Path(shutil.copy(HERE / "limits.c", self.folder))
        command = ["R", "CMD", "SHLIB", source.name]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        return source.with_suffix(".so")

    def tandemlab(self, script: str, *words: object) -> Any:
        """The JSON of an R script that uses tandemlab with this Python."""
        return self.rscript(script, *words, environment={"TANDEMLAB_PYTHON": sys.executable})

    def rscript(
        self, script: str, *words: object, environment: Mapping[str, str] | None = None
    ) -> Any:
        """The JSON that an R script beside this file prints last."""
        command = ["Rscript", "--no-init-file", HERE / script, *map(str, words)]
        return run_json(command, {"R_LIBS": str(R_LIBRARY), **(environment or {})})


@dataclass(frozen=True)
class Section:
    """A table: its name for the command line, what is said of it, its rows, how to measure."""

    name: str
    title: str
    about: str
    rows: Sequence[Row]
    measure: Callable[[Bench], Found]


def add(
    samples: Samples, found: Mapping[str, Mapping[str, Sequence[float]]], prefix: str = ""
) -> None:
    """Adds what was found, by data and direction, to the samples."""
    for data, directions in found.items():
        for way, values in directions.items():
            samples.setdefault(f"{prefix}{data}/{way}", []).extend(values)


def versions() -> dict[str, str]:
    """Of tandemlab, what it crosses to, and R."""
    names = ("tandemlab", "pyarrow", "pandas", "polars", "duckdb", "numpy")
    r = subprocess.run(["Rscript", "--version"], capture_output=True, text=True, check=True)
    number = re.search(r"\d+\.\d+\.\d+", r.stdout + r.stderr)
    return {name: version(name) for name in names} | {"R": number[0] if number else "unknown"}


def summarize(section: Section, found: Found) -> list[dict[str, Any]]:
    """The rows that were measured, with ratios and verdicts."""
    return [_summary(row, found) for row in section.rows if found.samples.get(row.key)]


def _summary(row: Row, found: Found) -> dict[str, Any]:
    samples = found.samples[row.key]
    least = min(samples)
    summary: dict[str, Any] = {
        "measure": row.title,
        "least": least,
        "median": median(samples),
        "memory": row.memory,
        "repeats": len(samples),
    }
    verdicts, aims = [], []
    limit = found.samples.get(row.limit or "")
    if limit:
        summary |= {"limit": min(limit), "ratio": least / min(limit)}
        if row.at_most is not None:
            aims.append(f"≤ {row.at_most:g} ×")
            verdicts.append(summary["ratio"] <= row.at_most)
    if row.within is not None:
        aims.append(f"≤ {_amount(row.within, memory=row.memory)}")
        verdicts.append(least <= row.within)
    rivals = {name: key for name, key in row.rivals.items() if found.samples.get(key)}
    if rivals:
        summary["rivals"] = {
            name: {"times": min(found.samples[key]) / least, "right": key not in found.wrong}
            for name, key in rivals.items()
        }
    if row.faster is not None:
        right = [one["times"] for one in summary.get("rivals", {}).values() if one["right"]]
        aims.append(f"{row.faster:g} × faster" if row.faster > 1 else "no slower")
        verdicts += [times >= row.faster for times in right]
    if aims and verdicts:
        summary |= {"aim": ", ".join(aims), "met": all(verdicts)}
    return summary


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a Markdown table."""
    names = list(dict.fromkeys(name for row in rows for name in row.get("rivals", {})))
    limited = any("limit" in row for row in rows)
    heads = ["measure", "tandemlab", "median"]
    heads += ["limit", "× limit"] if limited else []
    heads += [f"{name} takes" for name in names]
    heads += ["aim", ""] if any("aim" in row for row in rows) else []
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 2) + ["---"]]
    for row in rows:
        cells = [row["measure"]]
        cells += [_amount(row[key], memory=row["memory"]) for key in ("least", "median")]
        if limited:
            cells += _limit_cells(row)
        cells += [_rival(row.get("rivals", {}).get(name)) for name in names]
        verdict = {True: "met", False: "missed"}.get(row.get("met"), "")
        cells += [row.get("aim", ""), verdict]
        lines.append(cells[: len(heads)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _limit_cells(row: Mapping[str, Any]) -> list[str]:
    if "limit" not in row:
        return ["", ""]
    return [_amount(row["limit"], memory=row["memory"]), _number(row["ratio"])]


def _rival(rival: Mapping[str, Any] | None) -> str:
    if rival is None:
        return ""
    return f"{_number(rival['times'])} ×{'' if rival['right'] else ', wrong'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _amount(value: float, *, memory: bool) -> str:
    if memory:
        return f"{value / 2**20:,.1f} MiB"
    return f"{value * 1e3:,.3g} ms" if value < 1 else f"{value:,.2f} s"


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The Markdown page of all sections, in the order in which they are given."""
    about = """Of each measure the least sample and the median are given; ratios and verdicts are
        those of the least, since other work on the machine only adds. A limit is what no
        conversion can beat, taken by turns with what is measured. What other software takes is a
        multiple of tandemlab's; *wrong*: what arrives is not what went in."""
    parts = [
        "# The bridge between R and Python",
        "`make bench` measures and writes this page and `results-bridge.json`.",
        _wrapped(about),
    ]
    for result in results.values():
        machine = result["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
        parts += [
            f"## {result['title']}",
            _wrapped(result["about"]),
            table(result["rows"]),
            f"- Measured on {result['date']}: {machine['processor']}, {machine['cores']} cores, "
            f"{machine['memory_gib']} GiB,\n  {machine['system']}; load average before "
            f"and after: {machine['load_before']} and {machine['load_after']}\n"
            f"- Versions: {versions}",
        ]
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str) -> str:
    return fill(" ".join(text.split()), width=100)
