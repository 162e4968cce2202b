"""Scripts that train what was found for tables again, where tandemlab cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tandemlab.automl import AutoMLResult, FeaturizationConfig, fit
from tandemlab.domain import InvalidInput

ALONE = "import sys, runpy; sys.modules['tandemlab'] = None; sys.argv = sys.argv[1:]; " + (
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
MODELS = ["LightGBM", "Linear", "CatBoost", "XGBoost"]


def people(count: int) -> pd.DataFrame:
    """Numbers, categories, times and truth values, with some missing, and what follows of them."""
    source = np.random.default_rng(3)
    age = source.integers(18, 80, count).astype(float)
    town = source.choice(["Oslo", "Rome", "Lima"], count)
    member = source.random(count) < 0.5
    spent = age / 10 + 4 * (town == "Oslo") + 3 * member + source.normal(0, 0.5, count)
    frame = pd.DataFrame(
        {
            "age": age,
            "town": town,
            "since": pd.date_range("2020-01-01", periods=count, freq="31h").astype(str),
            "member": member,
            "spent": spent,
        }
    )
    frame.loc[::13, "age"] = np.nan
    frame.loc[::17, "town"] = None
    return frame


def classes(count: int) -> pd.DataFrame:
    frame = people(count)
    kind = np.where(frame["spent"] > frame["spent"].median(), "much", "little")
    return frame.assign(kind=kind).drop(columns="spent")


@pytest.fixture(scope="module")
def regression() -> AutoMLResult:
    return fit(
        people(160),
        "spent",
        "regression",
        iterations=4,
        allowed_models=MODELS,
        n_cross_validations=3,
        enable_stack_ensemble=False,
        featurization=FeaturizationConfig(imputers={"age": "mean"}),
    )


def run_alone(folder: Path, result: AutoMLResult, train: pd.DataFrame, new: pd.DataFrame) -> None:
    train.to_csv(folder / "train.csv", index=False)
    new.to_csv(folder / "new.csv", index=False)
    result.export_code(folder / "train.py")
    arguments = ["train.py", "train.csv", "new.csv", "predictions.csv"]
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE, *arguments],
        cwd=folder,
        check=True,
    )


@pytest.mark.full
def test_script_predicts_values_as_the_model_does(regression: AutoMLResult, tmp_path: Path) -> None:
    new = people(220).iloc[160:].drop(columns="spent").reset_index(drop=True)

    run_alone(tmp_path, regression, people(160), new)

    written = pd.read_csv(tmp_path / "predictions.csv")["predicted"]
    assert np.corrcoef(written, regression.predict(new))[0, 1] > 0.98


@pytest.mark.full
def test_script_predicts_classes_with_probabilities(tmp_path: Path) -> None:
    whole = classes(220)
    train, new = whole.iloc[:160], whole.iloc[160:].drop(columns="kind")
    result = fit(train, "kind", iterations=2, allowed_models=["Linear", "LightGBM"])

    run_alone(tmp_path, result, train, new)

    written = pd.read_csv(tmp_path / "predictions.csv")
    assert list(written) == ["predicted", "probability_little", "probability_much"]
    assert (written["predicted"] == result.predict(new)).mean() > 0.9
    assert (written["predicted"] == whole["kind"].iloc[160:].to_numpy()).mean() > 0.8


@pytest.mark.full
def test_columns_that_matter_are_found_by_both_methods(regression: AutoMLResult) -> None:
    held = people(400).iloc[200:]

    by_permutation = regression.explain(held, repeats=3)
    by_contribution = regression.explain(held, method="shap")

    assert next(iter(by_permutation.importance)) == "town"
    assert set(list(by_permutation.importance)[1:3]) == {"age", "member"}
    assert by_permutation.importance["since"] < 0.1 * by_permutation.importance["town"]
    assert set(list(by_contribution.importance)[:3]) == {"town", "age", "member"}
    assert 0 < by_contribution.covered <= 1


@pytest.mark.full
def test_explanations_need_the_label(regression: AutoMLResult) -> None:
    with pytest.raises(InvalidInput, match="no column 'spent' to compare with"):
        regression.explain(people(50).drop(columns="spent"))
    with pytest.raises(InvalidInput, match="'permutation' or 'shap'"):
        regression.explain(people(50), method="lime")
