"""Timing processes, and describing what was measured where."""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any


@dataclass(frozen=True)
class Figure:
    """Samples of one measure."""

    samples: Sequence[float]

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """Lower and upper quartile."""
        if len(self.samples) < 2:
            return self.samples[0], self.samples[0]
        low, _, high = quantiles(self.samples, n=4, method="inclusive")
        return low, high


@dataclass(frozen=True)
class Start:
    """Starting a process: a command, and the bare one beside it."""

    command: Sequence[str | Path]
    bare: Sequence[str | Path]
    environment: Mapping[str, str]


def run_json(command: Sequence[str | Path], environment: Mapping[str, str]) -> dict[str, Any]:
    """The JSON that a worker prints last."""
    result = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def time_starts(starts: Mapping[str, Start], repeats: int) -> dict[str, list[float]]:
    """Seconds from start to end of each command beyond its bare one, by turns.

    Under the name with ``_whole``: without taking the bare one off; with ``_cpu``: what the
    processor worked.

    Every pair runs once unmeasured, so that files are in memory and compiled code is written.
    """
    found: dict[str, list[float]] = {}
    order = list(starts)
    for repeat in range(repeats + 1):
        for name in order:
            start = starts[name]
            bare = _seconds(start.bare, start.environment)
            whole = _seconds(start.command, start.environment)
            if repeat:
                for kind, i in (("", 0), ("_cpu", 1)):
                    found.setdefault(f"{name}{kind}", []).append(whole[i] - bare[i])
                    found.setdefault(f"{name}_whole{kind}", []).append(whole[i])
        order.reverse()
    return found


def _seconds(command: Sequence[str | Path], environment: Mapping[str, str]) -> tuple[float, float]:
    words = [str(word) for word in command]
    variables = {**os.environ, **environment}
    worked = _processor_of_children()
    begin = time.perf_counter()
    subprocess.run(
        words,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - begin, _processor_of_children() - worked


def _processor_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def describe_machine(folder: Path) -> dict[str, Any]:
    """Processor, memory, system, and the kind of file system that `folder` is on."""
    return {
        "processor": _match("/proc/cpuinfo", r"model name\s*:\s*(.+)") or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(_match("/proc/meminfo", r"MemTotal:\s*(\d+)") or 0) / 2**20, 1),
        "system": f"{platform.system()} {platform.release()}",
        "file_system": _file_system(folder),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _match(path: str, pattern: str) -> str | None:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return None
    return found and found.group(1).strip()


def _file_system(folder: Path) -> str:
    """Type of the mount that holds `folder`, as far as the system tells."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    places = [(place, kind) for place, kind in mounts if folder.resolve().is_relative_to(place)]
    return max(places, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]
