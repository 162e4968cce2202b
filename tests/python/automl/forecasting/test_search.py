"""The search for forecasts, in real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plugins.series import shops, sunspots
from tandemlab.automl import AutoMLConfig, AutoMLResult, fit
from tandemlab.automl.model_cards import model_card
from tandemlab.domain import InvalidInput

SHOPS = {
    "time_column_name": "day",
    "time_series_id_column_names": "shop",
    "forecast_horizon": 7,
    "country_or_region_for_holidays": "DE",
}
# The script runs where tandemlab cannot be imported.
ALONE = "import sys, runpy; sys.modules['tandemlab'] = None; sys.argv = sys.argv[1:]; " + (
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def parts() -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is known, and what comes."""
    whole = shops(3, 91)
    whole.loc[[40, 41], "sold"] = np.nan
    later = whole["day"] >= pd.Timestamp("2024-03-25")
    return whole[~later].reset_index(drop=True), whole[later].reset_index(drop=True)


@pytest.fixture(scope="module")
def found() -> AutoMLResult:
    return fit(
        parts()[0],
        "sold",
        "forecasting",
        iterations=5,
        blocked_models=["AutoETS"],
        forecasting_parameters=SHOPS,
    )


@pytest.mark.full
def test_models_of_all_kinds_are_tried_and_beat_the_naive_one(found: AutoMLResult) -> None:
    tried = {trial.algorithm: trial for trial in found.trials}

    assert {"SeasonalNaive", "Naive", "AutoTheta", "LightGBM"} <= set(tried)
    assert all(trial.status == "completed" for trial in found.trials), found.trials
    best, naive = found.best.score, tried["SeasonalNaive"].score
    assert best is not None and naive is not None and best < naive / 2
    assert found.facts["seasonality"] == 7 and found.facts["series"] == 3
    assert found.model.score(parts()[1])["symmetric_mean_absolute_percentage_error"] < 0.08  # type: ignore[attr-defined]


@pytest.mark.full
def test_script_without_tandemlab_forecasts_the_same(found: AutoMLResult, tmp_path: Path) -> None:
    known, later = parts()
    known.to_csv(tmp_path / "train.csv", index=False)
    later.drop(columns="sold").to_csv(tmp_path / "future.csv", index=False)
    found.export_code(tmp_path / "train.py")

    arguments = ["train.py", "train.csv", "forecast.csv", "future.csv"]
    subprocess.run([sys.executable, "-c", ALONE, *arguments], cwd=tmp_path, check=True)

    written = pd.read_csv(tmp_path / "forecast.csv")["forecast"]
    own = found.predict(later.drop(columns="sold"))
    assert written.tolist() == pytest.approx(own.tolist(), rel=1e-6)


@pytest.mark.full
def test_forecasts_are_explained(found: AutoMLResult) -> None:
    by_contribution = found.explain()
    by_permutation = found.explain(parts()[1], method="permutation", repeats=3)

    assert {"day_of_week", "sale"} <= set(list(by_contribution.importance)[:6])
    assert list(by_permutation.importance) == ["sale"]
    assert by_permutation.importance["sale"] > 0
    assert len(by_contribution.to_frame()) == len(by_contribution.importance)


@pytest.mark.full
def test_card_says_what_the_model_is(found: AutoMLResult) -> None:
    card = found.model_card(
        explanation=found.explain(), about={"intended_use": "Orders <daily> | shops"}
    )

    text, page = card.to_markdown(), card.to_html()
    for said in ("forecast_horizon", "normalized_root_mean_squared_error", "missing steps", "sale"):
        assert said in text and said in page
    assert "Orders &lt;daily&gt; | shops" in page
    assert "<script" not in page and "http" not in page.partition("</style>")[2]


@pytest.mark.full
def test_something_usable_comes_of_no_time() -> None:
    result = fit(sunspots(), "spots", timeout=0.5, task="forecasting", **years())

    assert {trial.algorithm for trial in result.trials} >= {"SeasonalNaive", "Naive"}
    assert len(result.model.forecast(horizon=4)) == 4  # type: ignore[attr-defined]


def years(**parameters: Any) -> dict[str, Any]:
    return {"forecasting_parameters": {"time_column_name": "year", **parameters}}


@pytest.mark.full
def test_a_model_that_fails_leaves_the_others() -> None:
    short = pd.DataFrame({"year": range(2000, 2008), "spots": [1.0, 5, 2, 6, 3, 7, 4, 8]})

    result = fit(short, "spots", "forecasting", iterations=4, **years(forecast_horizon=1))

    assert {trial.status for trial in result.trials} <= {"completed", "failed"}
    assert np.isfinite(result.model.forecast(horizon=2)["forecast"]).all()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"forecasting_parameters": {}}, "needs time_column_name"),
        ({"allowed_models": ["Prophet"]}, "no model 'Prophet'"),
        ({"allowed_models": ["Naive"], "blocked_models": ["Naive"]}, "leave no model"),
        ({"primary_metric": "accuracy"}, "no metric of forecasting"),
        ({"validation_size": 0.2}, "no meaning for forecasts"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_asked_is_refused_at_once(changes: dict[str, Any], said: str) -> None:
    settings = {"label_column_name": "spots", **years(), **changes}
    with pytest.raises(InvalidInput, match=said):
        AutoMLConfig("forecasting", **settings)


def test_configuration_comes_back_from_plain_values() -> None:
    config = AutoMLConfig("forecasting", label_column_name="sold", forecasting_parameters=SHOPS)

    again = AutoMLConfig.from_dict(config.to_dict())

    assert again.to_dict() == config.to_dict()


def test_card_needs_no_model_to_be_written() -> None:
    row = {"iteration": 0, "algorithm": "Naive", "status": "completed", "score": 1.0, "folds": 2}
    summary = {
        "best": {"iteration": 0},
        "seconds": 1.5,
        "facts": {},
        "guardrails": [],
        "featurization": [],
        "leaderboard": [{**row, "metrics": {"r2_score": 0.5}}],
    }

    card = model_card(summary, {"task": "regression", "label_column_name": "price"}, run="r_1")

    assert card.to_markdown().startswith("# Naive for price\n")
    assert "| r2_score | 0.5 |" in card.to_markdown()
