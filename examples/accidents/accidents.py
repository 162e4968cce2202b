"""Who dies in a crash? A logistic regression with scikit-learn, on the data of prepare.py.

    python accidents.py --data accidents.csv

As a run it logs to that run; started by itself it logs to a run below .tandemlab/offline.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, roc_auc_score, roc_curve
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tandemlab import get_current_run

CATEGORIES = ["dvcat", "seatbelt", "frontal", "sex", "airbag", "occRole"]
NUMBERS = ["ageOFocc", "yearVeh"]
CLASSES = ["alive", "dead"]


def main() -> None:
    """Fit on the training part, evaluate on the rest, keep the model."""
    parser = argparse.ArgumentParser(description="Fit a logistic regression to the crash data.")
    parser.add_argument("--data", default="accidents.csv", help="what prepare.py has written")
    data = read(parser.parse_args().data)
    train, test = data[data["split"] == "train"], data[data["split"] == "test"]

    model = new_model()
    model.fit(train[CATEGORIES + NUMBERS], train["dead"] == "dead")
    risk = model.predict_proba(test[CATEGORIES + NUMBERS])[:, 1]
    died = test["dead"] == "dead"

    run = get_current_run()
    run.tag("language", "Python")
    run.log("accuracy", accuracy_score(died, risk > 0.5))
    run.log("log_loss", log_loss(died, risk))
    run.log("auc", roc_auc_score(died, risk))
    counts = confusion_matrix(died, risk > 0.5)
    run.log_confusion_matrix("confusion", {"class_labels": CLASSES, "matrix": counts})
    run.log_image("roc", plot=draw_roc(died, risk))

    Path("outputs").mkdir(exist_ok=True)
    joblib.dump(model, "outputs/model.joblib")

    print(f"Fitted to {len(train)} people, tested on {len(test)}, of whom {died.sum()} died.")
    print(pd.DataFrame(counts, CLASSES, [f"called {name}" for name in CLASSES]))


def read(path: str) -> pd.DataFrame:
    """The prepared data; "none" is a value here, not a missing one."""
    if not Path(path).is_file():
        raise SystemExit(f"There is no file {path}. prepare.py makes accidents.csv.")
    return pd.read_csv(path, keep_default_na=False)


def new_model() -> Pipeline:
    """The model that R's glm fits: no penalty, one level of each category as the base.

    Fitted by Newton's method to a tight tolerance, the two agree in eight digits and more.
    """
    encode = make_column_transformer(
        (OneHotEncoder(drop="first"), CATEGORIES),
        (StandardScaler(), NUMBERS),
    )
    return make_pipeline(encode, LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-9))


def draw_roc(died: pd.Series, risk: np.ndarray) -> Figure:
    """The share of deaths found against the share of false alarms, at every threshold."""
    false_alarms, found, _ = roc_curve(died, risk)
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot(aspect="equal", xlim=(0, 1), ylim=(0, 1))
    axes.plot([0, 1], [0, 1], color="grey", linestyle="dotted")
    axes.plot(false_alarms, found, color="#2166ac", linewidth=2)
    axes.set(
        title=f"scikit-learn: AUC {roc_auc_score(died, risk):.3f}",
        xlabel="survivors called dead (share)",
        ylabel="deaths called dead (share)",
    )
    return figure


if __name__ == "__main__":
    main()
