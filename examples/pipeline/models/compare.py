"""Compare the model of R and that of Python on the same people, and keep the better one.

Reads the people, and of each language its model and its risks; writes the better model beside
`about.json`, which says of which language it is, and `comparison.json`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tandemlab import get_current_run
from tandemlab.bridge import read_frame

LANGUAGES = {"r": "R", "python": "Python"}


def main() -> None:
    """Compare, log, and copy."""
    parser = argparse.ArgumentParser(description="Compare two models on the same people.")
    for name in ("people", "best", "comparison"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for key in LANGUAGES:
        parser.add_argument(f"--risks-{key}", type=Path, required=True)
        parser.add_argument(f"--model-{key}", type=Path, required=True)
    given = vars(parser.parse_args())

    people = read_frame(given["people"], "pandas").set_index("person")
    died = people.loc[people["split"] == "test", "dead"] == "dead"
    risks = {key: read_risks(given[f"risks_{key}"], died) for key in LANGUAGES}
    losses = {key: log_losses(died, risk) for key, risk in risks.items()}

    # Both were asked about the same people, so that their differences are what counts.
    differences = losses["r"] - losses["python"]
    best = min(losses, key=lambda key: losses[key].mean())
    comparison = {
        "people": len(died),
        "died": int(died.sum()),
        "best": LANGUAGES[best],
        "log_loss": {LANGUAGES[key]: float(each.mean()) for key, each in losses.items()},
        "auc": {LANGUAGES[key]: float(roc_auc_score(died, each)) for key, each in risks.items()},
        "difference": float(differences.mean()),
        "standard_error": float(differences.std(ddof=1) / np.sqrt(len(differences))),
    }

    run = get_current_run()
    for key, language in LANGUAGES.items():
        run.log(f"log_loss_{key}", comparison["log_loss"][language])
        run.log(f"auc_{key}", comparison["auc"][language])
    shutil.copytree(given[f"model_{best}"], given["best"], dirs_exist_ok=True)
    about = {"language": LANGUAGES[best], "log_loss": comparison["log_loss"][LANGUAGES[best]]}
    (given["best"] / "about.json").write_text(json.dumps(about))
    given["comparison"].write_text(json.dumps(comparison))
    print(json.dumps(comparison, indent=2))


def read_risks(file: Path, died: pd.Series) -> pd.Series:
    """The risks of the people who died or did not, in their order."""
    risks = read_frame(file, "pandas").set_index("person")["risk"]
    if set(risks.index) != set(died.index):
        raise SystemExit(f"{file} is not about the people of the test.")
    return risks.loc[died.index]


def log_losses(died: pd.Series, risk: pd.Series) -> pd.Series:
    """How surprising it is what became of each."""
    likely = np.where(died, risk, 1 - risk)
    return pd.Series(-np.log(np.clip(likely, 1e-12, None)), died.index)


if __name__ == "__main__":
    main()
