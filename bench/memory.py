"""Section of bench/bridge.py: what memory crossings take at their highest point."""

from __future__ import annotations

import sys

from crossings import Bench, Found, Row, Samples, Section, add, versions
from frames import DATA, DIRECTIONS, crossings_of

_DATA = tuple(data for data in DATA if data != "small")
_DIRECTIONS = ("to_arrow", "to_pandas", "from_arrow", "from_arrow_eager", "from_pandas")


def measure(bench: Bench) -> Found:
    """An R process for each frame; the system tells the highest point, on Linux alone.

    What the allocator keeps of one frame would count for the next: huge pages stay huge.
    """
    samples: Samples = {}
    if sys.platform == "linux":
        rows, repeats = (100_000, 1) if bench.quick else (1_000_000, 2)
        for data in _DATA:
            add(samples, bench.tandemlab("frames.R", "memory", bench.limits, rows, repeats, data))
    return Found(samples, versions=versions())


SECTION = Section(
    name="memory",
    title="Memory at the highest point",
    about="""1,000,000 rows. What the process held in memory at the highest point of a crossing
        beyond what it held before, with the result. The limit is the size of the result alone, by
        its own account; strings of R count as pointers, since all are there already. Truths go to
        pandas in its own bytes (arrow.bool8), which it keeps, so that Arrow's bits are not beside
        them.""",
    rows=[
        Row(
            f"{DATA[data]}: {DIRECTIONS[way]}",
            f"{data}/{way}",
            limit=f"{data}/{way}_copy",
            at_most=1.1,  # a tenth for what has no size of its own
            memory=True,
        )
        for data, way in crossings_of(_DIRECTIONS)
        if data in _DATA
    ],
    measure=measure,
)
