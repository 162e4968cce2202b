"""Rolling origins, what forecasts from them are measured by, and weights."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tandemlab.automl.forecasting.measures import loss_of, measure
from tandemlab.automl.forecasting.panel import Panel
from tandemlab.automl.forecasting.validation import Origins, choose_origins
from tandemlab.automl.forecasting.weighing import choose_weights
from tandemlab.domain import InvalidInput


def panel_of(*lengths: int) -> Panel:
    longest = max(lengths)
    return Panel(
        pd.DataFrame({"name": range(len(lengths))}),
        pd.date_range("2024-01-01", periods=longest),
        "D",
        np.array([longest - length for length in lengths]),
        [np.arange(float(length)) for length in lengths],
        [np.empty((length, 0)) for length in lengths],
    )


def test_origins_are_the_last_ones() -> None:
    origins = choose_origins(panel_of(60), horizon=5, season=7)

    assert origins.known.tolist() == [[45, 50, 55]]
    assert origins.actual[0, 0].tolist() == [45, 46, 47, 48, 49]
    assert origins.actual[0, 2].tolist() == [55, 56, 57, 58, 59]


def test_origins_may_lie_closer_than_the_horizon() -> None:
    origins = choose_origins(panel_of(60), horizon=5, season=7, folds=4, step=2)

    assert origins.known.tolist() == [[49, 51, 53, 55]]


def test_short_series_have_the_latest_origins_or_none() -> None:
    origins = choose_origins(panel_of(60, 20, 4), horizon=5, season=7, folds=3)

    assert origins.known.tolist() == [[45, 50, 55], [0, 10, 15], [0, 0, 0]]
    assert origins.validated.tolist() == [True, True, False]
    assert np.isnan(origins.actual[2]).all()


def test_too_short_series_are_told() -> None:
    with pytest.raises(InvalidInput, match=r"longest has 9 steps.* need"):
        choose_origins(panel_of(9, 5), horizon=7, season=1)


def origins_of(actual: list[list[float]], scales: list[float], ranges: list[float]) -> Origins:
    values = np.array(actual)[:, None, :]
    known = np.full((len(actual), 1), 10)
    return Origins(values.shape[2], known, values, np.array(scales), np.array(ranges))


def test_metrics_are_what_they_are_called() -> None:
    origins = origins_of([[10.0, 20.0], [100.0, math.nan]], scales=[2.0, 50.0], ranges=[20.0, 400])
    forecast = np.array([[[12.0, 16.0]], [[80.0, 5.0]]])

    metrics = measure(origins, forecast)

    assert metrics["mean_absolute_error"] == pytest.approx((2 + 4 + 20) / 3)
    assert metrics["root_mean_squared_error"] == pytest.approx(math.sqrt((4 + 16 + 400) / 3))
    assert metrics["normalized_root_mean_squared_error"] == pytest.approx(
        (math.sqrt(10) / 20 + 20 / 400) / 2
    )
    assert metrics["mean_absolute_scaled_error"] == pytest.approx((3 / 2 + 20 / 50) / 2)
    assert metrics["mean_absolute_percentage_error"] == pytest.approx((0.2 + 0.2 + 0.2) / 3)
    assert metrics["symmetric_mean_absolute_percentage_error"] == pytest.approx(
        (4 / 22 + 8 / 36 + 40 / 180) / 3
    )
    truth = np.array([10.0, 20.0, 100.0])
    assert metrics["r2_score"] == pytest.approx(1 - 420 / ((truth - truth.mean()) ** 2).sum())
    assert metrics["spearman_correlation"] == pytest.approx(1.0)
    assert loss_of(origins, forecast, "r2_score") == -metrics["r2_score"]


def test_percentages_are_left_out_where_the_target_is_0() -> None:
    origins = origins_of([[0.0, 1.0]], [1.0], [1.0])

    assert "mean_absolute_percentage_error" not in measure(origins, np.ones((1, 1, 2)))


def test_weights_follow_many_origins_and_are_even_by_few() -> None:
    random = np.random.default_rng(0)

    def weights(series: int) -> list[float]:
        actual = random.normal(size=(series, 3, 4))
        origins = Origins(4, np.full((series, 3), 9), actual, np.ones(series), np.ones(series))
        good, fair = actual + random.normal(0, 0.3, actual.shape), actual + 0.4
        return choose_weights(
            origins, [good, fair, actual + 50], "normalized_root_mean_squared_error"
        )

    few, many = weights(1), weights(200)

    assert sum(few) == pytest.approx(1) and sum(many) == pytest.approx(1)
    assert few[2] == many[2] == 0
    assert abs(few[0] - few[1]) < abs(many[0] - many[1])
