"""Section of bench/bridge.py: data frames between R and Python in one process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import rivals
from crossings import Bench, Found, Row, Samples, Section, add, versions

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
    "to_duckdb": "into a table of DuckDB",
    "from_arrow": "from Arrow",
    "from_arrow_eager": "from Arrow, all strings at once",
    "from_pandas": "from pandas",
    "from_polars": "from polars",
    "from_duckdb": "from a table of DuckDB",
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
# What says nothing new about most of the data.
ONLY = {
    "from_arrow_eager": STRINGS,
    "to_duckdb": ("doubles", "strings_1e5", "factor_10", "mixed", "small"),
    "from_duckdb": ("doubles", "strings_1e5", "factor_10", "mixed", "small"),
}


def crossings_of(directions: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of data and direction."""
    for data in DATA:
        yield from ((data, way) for way in directions if data in ONLY.get(way, DATA))


def _rows() -> list[Row]:
    rows = []
    for data, direction in crossings_of(DIRECTIONS):
        title, way = DATA[data], DIRECTIONS[direction]
        pandas = direction.endswith("pandas")
        small = data == "small"
        rows.append(
            Row(
                f"{title}: {way}",
                f"{data}/{direction}",
                limit=None if small else f"{data}/limit",
                at_most=AT_MOST.get((data, direction)),
                within=0.001 if small and direction.endswith(("arrow", "pandas")) else None,
                rivals={name: f"{name}/{data}/{direction}" for name in rivals.NAMES}
                if pandas
                else {},
                faster=(5 if data in SLOW_ELSEWHERE else 1) if pandas else None,
            )
        )
        if data in STRINGS and direction == "to_pandas":
            rows.append(
                Row(f"{title}: bare cost of bytes and offsets for pandas", f"{data}/gather")
            )
    return rows


def measure(bench: Bench) -> Found:
    """Times by turns in one R process; the rivals in processes of their own, between two rounds."""
    rows, repeats = (100_000, 3) if bench.quick else (1_000_000, 3)
    samples: Samples = {}
    wrong: set[str] = set()

    def measure_tandemlab() -> None:
        add(samples, bench.tandemlab("frames.R", "bridge", bench.limits, rows, repeats))

    measure_tandemlab()
    for rival, python in rivals.installed():
        found = rival.measure(bench, python, rows, repeats)
        for data, directions in found.items():
            right = directions.pop("right")[0]
            wrong |= {f"{rival.name}/{data}/{way}" for way in directions if not right}
        add(samples, found, f"{rival.name}/")
    if not bench.quick:
        measure_tandemlab()
    return Found(samples, frozenset(wrong), versions() | rivals.versions())


SECTION = Section(
    name="frames",
    title="Data frames in one process",
    about="""1,000,000 rows. The limit is copying the same bytes into new vectors of R; for strings
        it is making R's strings, which only what goes to R has to do. What text takes on its way to
        pandas is beside the bare cost of copying R's strings, which lie anywhere in memory, one
        after another into new memory. What is missed: text that is all distinct takes less than
        that bare cost already; a factor of few levels from pandas takes reticulate so little that
        what a call costs (10 rows) and R's new memory (from Arrow) are a quarter of it.""",
    rows=_rows(),
    measure=measure,
)
