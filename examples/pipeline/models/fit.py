"""Boosted trees of who dies in a crash, with scikit-learn.

python fit.py --people people.arrow --model DIR --risks risks.arrow
"""

from __future__ import annotations

import argparse
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from tandemlab.bridge import read_frame, write_frame

CATEGORIES = ["dvcat", "seatbelt", "sex", "airbag", "occRole"]
NUMBERS = ["frontal", "ageOFocc", "yearVeh"]


def main() -> None:
    """Fit to one part of the people, and say how much at risk the others were."""
    parser = argparse.ArgumentParser(description="Fit boosted trees to the crash data.")
    for name in ("people", "model", "risks"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()

    people = read_frame(given.people, "pandas")
    train, test = people[people["split"] == "train"], people[people["split"] == "test"]
    encode = make_column_transformer((OrdinalEncoder(), CATEGORIES), ("passthrough", NUMBERS))
    trees = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.05, random_state=0)
    model = make_pipeline(encode, trees)
    model.fit(train[CATEGORIES + NUMBERS], train["dead"] == "dead")
    risk = model.predict_proba(test[CATEGORIES + NUMBERS])[:, 1]

    joblib.dump(model, given.model / "model.joblib")
    write_frame(pd.DataFrame({"person": test["person"], "risk": risk}), given.risks)
    print(f"Fitted to {len(train)} people, of whom {(train['dead'] == 'dead').sum()} died.")


if __name__ == "__main__":
    main()
