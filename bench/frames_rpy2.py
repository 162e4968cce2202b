"""rpy2's own conversion of the frames in frames_data.R, timed. Prints JSON as frames.R does.

python frames_rpy2.py ROWS REPEATS
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rpy2.robjects as ro
from rpy2.robjects import default_converter, pandas2ri

SHARE = 20  # a row takes it so long that a part stands for the whole; the time is scaled

converter = default_converter + pandas2ri.converter


def timed(convert: Callable[[Any], Any], frame: Any) -> tuple[Any, float]:
    ro.r("gc(FALSE)")
    with converter.context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begin = time.perf_counter()
        result = convert(frame)
        return result, time.perf_counter() - begin


def measure(whole: Any, repeats: int) -> dict[str, list[float]]:
    share = SHARE if whole.nrow > 1000 else 1
    part = ro.r["part_of"](whole, share)
    to_pandas, from_pandas = [], []
    for _ in range(repeats + 1):
        frame, seconds = timed(converter.rpy2py, part)
        to_pandas.append(seconds * share)
        back, seconds = timed(converter.py2rpy, frame)
        from_pandas.append(seconds * share)
    missing = int(ro.r("function(x) sum(is.na(x))")(part)[0])
    right = bool(ro.r["same_frame"](part, back)[0])
    right = right and int(frame.isna().to_numpy().sum()) == missing
    return {"to_pandas": to_pandas[1:], "from_pandas": from_pandas[1:], "right": [right]}


def main() -> None:
    rows, repeats = map(int, sys.argv[1:])
    ro.r["source"](str(Path(__file__).with_name("frames_data.R")))
    ro.r("set.seed(1)")
    makers = ro.r["frame_makers"](rows)
    print(json.dumps({name: measure(make(), repeats) for name, make in makers.items()}))


if __name__ == "__main__":
    main()
