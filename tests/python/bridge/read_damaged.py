"""Reads copies of good files with damage done to them: each gives a frame or an error.

python read_damaged.py FOLDER SEED COUNT

All values of what could be read are looked at. The last seed that is printed is the one that Python
died of.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from polars.exceptions import PanicException

from tandemlab.bridge import read_frame
from tandemlab.domain.errors import TandemlabError

LIBRARIES = ("arrow", "pandas", "polars")
NUMBERS = [
    bytes.fromhex(text)
    for text in ("ffffffff", "00000000", "ffffff7f", "00000080", "01000000", "00000040", "feffffff")
]


def damage(data: bytearray, chance: random.Random) -> bytearray:
    """One of the things that can happen to a file."""
    kind = chance.choice(("flip", "cut", "number", "small", "splice"))
    if kind == "cut":
        return data[: chance.randrange(len(data))]
    if kind == "flip":
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    elif kind == "number":
        value = b"".join(chance.choices(NUMBERS, k=chance.choice((1, 1, 2))))
        at = chance.randrange((len(data) - 8) // 4) * 4
        data[at : at + len(value)] = value
    elif kind == "small":
        data[chance.randrange((len(data) - 8) // 2) * 2] = chance.randrange(70)
    else:
        size = chance.randint(1, 64)
        start, to = (chance.randrange(len(data) - size) for _ in range(2))
        data[to : to + size] = data[start : start + size]
    return data


def outcome_of(path: Path, library: str) -> str:
    try:
        frame = read_frame(path, library)  # type: ignore[arg-type]
    except TandemlabError as problem:
        return problem.code
    pandas = (frame.iloc[:, i] for i in range(frame.shape[1])) if library == "pandas" else ()
    for column in {"arrow": frame.columns, "pandas": pandas, "polars": frame}[library]:
        with suppress(Exception, PanicException):  # Python may not know a date or a zone
            list(column)
    return f"read to {library}"


def main() -> None:
    folder, first, count = Path(sys.argv[1]), *map(int, sys.argv[2:])
    warnings.simplefilter("ignore")
    good = [path.read_bytes() for path in sorted(folder.glob("*.arrow*"))]
    damaged = folder / "damaged"
    outcomes: Counter[str] = Counter()
    for seed in range(first, first + count):
        print("seed", seed, flush=True)
        chance = random.Random(seed)
        data = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 2)):
            if len(data) > 200:
                data = damage(data, chance)
        damaged.unlink(missing_ok=True)  # former frames may still be mapped
        damaged.write_bytes(data)
        outcomes[outcome_of(damaged, chance.choice(LIBRARIES))] += 1
    print("\n", dict(outcomes), pa.total_allocated_bytes())


if __name__ == "__main__":
    main()
