"""Make a table of people from the crash data, as the models of both languages read it.

    python clean.py --raw nassCDS.csv --people people.arrow --rows 0

Rows that lack something are left out. With --new there is nobody of whom it is known who died.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from tandemlab.bridge import write_frame

# What the models read, and the values of what is no number; R gets these as factors.
VALUES = {
    "dvcat": ["1-9km/h", "10-24", "25-39", "40-54", "55+"],
    "seatbelt": ["none", "belted"],
    "sex": ["f", "m"],
    "airbag": ["none", "airbag"],
    "occRole": ["driver", "pass"],
}
NUMBERS = ["frontal", "ageOFocc", "yearVeh"]
TRAIN_SHARE, SEED = 0.75, 1997


def main() -> None:
    """Read, check, and write the table."""
    parser = argparse.ArgumentParser(description="Make a table of people from the crash data.")
    parser.add_argument("--raw", type=Path, required=True, help="a CSV file, or a folder of them")
    parser.add_argument("--people", type=Path, required=True, help="the table to write")
    parser.add_argument("--rows", type=int, default=0, help="only the first so many; 0 for all")
    parser.add_argument("--new", action="store_true", help="people whose fate is not known")
    given = parser.parse_args()

    people = read(given.raw, [*VALUES, *NUMBERS, *([] if given.new else ["dead"])])
    people = people.head(given.rows) if given.rows else people
    if not given.new:
        drawn = np.random.default_rng(SEED).random(len(people))
        people["split"] = np.where(drawn < TRAIN_SHARE, "train", "test")
    write_frame(people, given.people)
    print(f"{len(people)} people.")


def read(raw: Path, columns: list[str]) -> pd.DataFrame:
    """The complete rows of all files; "none" is a value here, not a missing one."""
    files = sorted(raw.rglob("*.csv")) if raw.is_dir() else [raw]
    if not files:
        raise SystemExit(f"There is no CSV file in {raw}.")
    rows = pd.concat([read_file(file, columns) for file in files], ignore_index=True)
    rows = rows.dropna(ignore_index=True)
    people = rows.astype(dict.fromkeys(NUMBERS, "int32"))
    people.insert(0, "person", np.arange(1, len(people) + 1, dtype="int32"))
    return people


def read_file(file: Path, columns: list[str]) -> pd.DataFrame:
    """The columns of a file, with values that the models know."""
    rows = pd.read_csv(file, keep_default_na=False, na_values=["", "NA"])
    missing = [name for name in columns if name not in rows]
    if missing:
        raise SystemExit(f"{file.name} has no column {', '.join(missing)}.")
    for name, values in VALUES.items():
        unknown = set(rows[name].dropna()) - set(values)
        if unknown:
            raise SystemExit(
                f"{file.name} has {', '.join(sorted(map(str, unknown)))} in the column {name}, "
                f"where {', '.join(values)} are known."
            )
        rows[name] = pd.Categorical(rows[name], values)
    return rows[columns]


if __name__ == "__main__":
    main()
