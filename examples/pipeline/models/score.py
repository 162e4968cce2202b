"""The risk of new people by a model of Python.

python score.py --people people.arrow --model DIR --scores scores.arrow
"""

from __future__ import annotations

import argparse
from pathlib import Path

import joblib
import pandas as pd

from tandemlab.bridge import read_frame, write_frame


def main() -> None:
    """Read the model that `fit.py` has written, and ask it."""
    parser = argparse.ArgumentParser(description="Say how much at risk new people are.")
    for name in ("people", "model", "scores"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()

    people = read_frame(given.people, "pandas")
    risk = joblib.load(given.model / "model.joblib").predict_proba(people)[:, 1]
    write_frame(pd.DataFrame({"person": people["person"], "risk": risk}), given.scores)
    print(f"{len(people)} people scored.")


if __name__ == "__main__":
    main()
