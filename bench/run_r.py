"""Calls of R from Python, through processes that wait: the section `run_r` of bench/bridge.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from crossings import R_LIBRARY, Bench, Found, Row, Section

FUNCTION = "function(x, k) x"


def measure(bench: Bench) -> Found:
    """Small values and a frame of doubles, there and back."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from tandemlab.bridge import RPool

    rows, repeats = (10_000, 3) if bench.quick else (1_000_000, 15)
    numbers = np.random.default_rng(1).random((rows, 4))
    frame = pd.DataFrame(numbers, columns=list("abcd"))
    table = pa.Table.from_pandas(frame)
    samples: dict[str, list[float]] = {"start": [], "small": [], "table": [], "pandas": []}
    wrong = set()
    for _ in range(3):
        with RPool(size=1, libraries=[R_LIBRARY]) as pool:
            samples["start"].append(_seconds(lambda pool=pool: pool.run("1")))
    with RPool(size=1, libraries=[R_LIBRARY]) as pool:
        ways: dict[str, Callable[[], Any]] = {
            "small": lambda: pool.run(FUNCTION, {"x": 1.5, "k": "a"}),
            "table": lambda: pool.run(FUNCTION, {"x": table, "k": 1}),
            "pandas": lambda: pool.run(FUNCTION, {"x": frame, "k": 1}, library="pandas"),
        }
        for name, way in ways.items():
            back = way()
            given = {"table": table, "pandas": frame}.get(name)
            if not (back == [1.5] if given is None else back.equals(given)):
                wrong.add(name)
        for _ in range(repeats):
            for name, way in ways.items():
                samples[name].append(_seconds(way))
    return Found(samples, frozenset(wrong), {"pandas": pd.__version__, "pyarrow": pa.__version__})


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


SECTION = Section(
    name="run_r",
    title="R from Python",
    about="""The first call of a pool starts R; the others find it waiting. The frames have
        1,000,000 rows and 4 columns of doubles, and go to R and back in files in memory.""",
    rows=(
        Row("first call", "start"),
        Row("call with small values", "small", within=0.010),
        Row("Arrow table there and back", "table"),
        Row("pandas frame there and back", "pandas"),
    ),
    measure=measure,
)
