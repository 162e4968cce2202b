"""Section of bench/bridge.py: data frames in files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossings import Bench, Found, Row, Samples, Section, add, versions
from frames import DATA

_DATA = ("doubles", "strings_1e5", "factor_10", "mixed")
_WAYS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "write": (
        "R writes",
        {"saveRDS": "write_rds", "fwrite": "write_csv", "feather": "write_feather"},
    ),
    "read": ("R reads", {"readRDS": "read_rds", "fread": "read_csv"}),
    "read_lazy": ("R reads, strings when asked for", {}),
    "python": ("Python reads, to pandas", {"feather": "python_feather"}),
}


def measure(bench: Bench) -> Found:
    """One R process that has Python."""
    rows, repeats = (100_000, 3) if bench.quick else (1_000_000, 5)
    found: Any = bench.tandemlab("files.R", bench.limits, rows, repeats, bench.folder)
    wrong = {f"{data}/{way}" for data in found for way in found[data].pop("wrong")}
    samples: Samples = {}
    add(samples, found)
    return Found(samples, frozenset(wrong), versions())


SECTION = Section(
    name="files",
    title="Data frames in files",
    about="""1,000,000 rows in an uncompressed Arrow file, which the system keeps in memory. Beside
        `write_frame` and `read_frame`: `saveRDS(compress = FALSE)` and `readRDS`, data.table's
        `fwrite` and `fread`, and `write_feather` and `read_feather` of pyarrow, which begin with a
        pyarrow Table and end with a pandas frame. The limit is copying the bytes from memory to
        memory; for strings it is making R's strings.""",
    rows=[
        Row(
            f"{DATA[data]}: {title}",
            f"{data}/{way}",
            limit=f"{data}/limit",
            rivals={name: f"{data}/{key}" for name, key in rivals.items()},
        )
        for data in _DATA
        for way, (title, rivals) in _WAYS.items()
    ],
    measure=measure,
)
