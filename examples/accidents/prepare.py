"""Make accidents.csv from nassCDS.csv: the columns of the model, complete rows, and a split.

Needs nothing but Python. Run it as a script, or call `prepare`:

    python3 examples/accidents/prepare.py
"""

from __future__ import annotations

import csv
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "nassCDS.csv"
PREPARED = HERE / "accidents.csv"

COLUMNS = [
    "dead",
    "dvcat",
    "seatbelt",
    "frontal",
    "sex",
    "ageOFocc",
    "yearVeh",
    "airbag",
    "occRole",
]
MISSING = ("", "NA")
TRAIN_SHARE = 0.75
SEED = 1997


def prepare(source: Path = SOURCE, target: Path = PREPARED) -> Path:
    """Write the prepared data, unless it is newer than the source and this script.

    Returns:
        The path of the prepared data.
    """
    if not source.is_file():
        raise SystemExit(f"The crash data are not at {source}. Get the file back with git.")
    newest = max(path.stat().st_mtime for path in (source, Path(__file__)))
    if target.is_file() and target.stat().st_mtime >= newest:
        print(f"{target.name} is up to date")
        return target
    with source.open(encoding="utf-8", newline="") as stream:
        rows = list(complete_rows(csv.DictReader(stream)))
    write_whole(target, rows)
    train = sum(row["split"] == "train" for row in rows)
    print(f"{target.name}: {train} people to train on, {len(rows) - train} to test with")
    return target


def complete_rows(rows: csv.DictReader[str]) -> Iterator[dict[str, str]]:
    """The rows without missing values, each with its part of the split.

    The same seed gives the same split on every machine and version of Python.
    """
    draw = random.Random(SEED)
    for row in rows:
        kept = {name: row[name] for name in COLUMNS}
        part = "train" if draw.random() < TRAIN_SHARE else "test"
        if not any(value in MISSING for value in kept.values()):
            yield {**kept, "split": part}


def write_whole(target: Path, rows: list[dict[str, str]]) -> None:
    """Write under another name and rename, so that nobody ever reads half a file."""
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, [*COLUMNS, "split"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        os.chmod(draft, 0o644)
        os.replace(draft, target)
    except BaseException:
        os.unlink(draft)
        raise


if __name__ == "__main__":
    prepare()
