"""Tables of series: what is taken, and how mistakes are told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from plugins.series import co2, el_nino, shops, sunspots
from tandemlab.automl.forecasting.panel import Panel
from tandemlab.automl.forecasting.parameters import ForecastingParameters
from tandemlab.automl.forecasting.reading import Reader
from tandemlab.automl.forecasting.seasons import find_season
from tandemlab.domain import InvalidInput


def read(frame: pd.DataFrame, time: str, target: str, **parameters: Any) -> Panel:
    settings = ForecastingParameters(time, **parameters)
    return Reader.for_training(frame, target, settings).read(frame)


def months(count: int = 48) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "month": pd.date_range("2020-01-01", periods=count, freq="MS"),
            "sold": 10 + np.sin(np.arange(count) * np.pi / 6),
        }
    )


@pytest.mark.parametrize(
    ("frame", "freq", "season"),
    [
        (el_nino(), "MS", {12}),
        (co2(), "W-SAT", {52}),
        (sunspots(), "YS-JAN", {10, 11}),
        (months().assign(month=lambda rows: rows["month"].astype(str)), "MS", {12}),
        (months().assign(month=lambda rows: rows["month"] + pd.offsets.MonthEnd(0)), "ME", {12}),
    ],
    ids=["months", "weeks with gaps", "years", "texts", "ends of months"],
)
def test_step_and_season_are_found(frame: pd.DataFrame, freq: str, season: set[int]) -> None:
    panel = read(frame, str(frame.columns[0]), str(frame.columns[1]))

    assert panel.freq == freq
    assert find_season(panel) in season


@pytest.mark.parametrize("freq", ["h", "15min", "D", "B", "W-WED", "QE-NOV", "BME", "2D"])
def test_steps_of_pandas_are_found(freq: str) -> None:
    times = pd.date_range("2023-03-01", periods=60, freq=freq)
    frame = pd.DataFrame({"time": times, "value": np.arange(60.0)})

    panel = read(frame, "time", "value")

    found = panel.extended_calendar(12)
    assert list(found) == list(pd.date_range(times[0], periods=72, freq=freq))


def test_rows_out_of_order_are_put_in_order() -> None:
    frame = shops()

    panel = read(
        frame.sample(frac=1, random_state=3), "day", "sold", time_series_id_column_names="shop"
    )

    assert panel.ids["shop"].tolist() == ["s0", "s1", "s2"]
    for series, (_, rows) in enumerate(frame.groupby("shop")):
        assert panel.values[series].tolist() == rows["sold"].tolist()
        assert panel.features[series][:, 0].tolist() == rows["sale"].astype(float).tolist()


def test_missing_steps_are_missing_values() -> None:
    frame = months().drop([5, 6, 20])

    panel = read(frame, "month", "sold")

    assert np.flatnonzero(np.isnan(panel.values[0])).tolist() == [5, 6, 20]


def test_hours_cross_the_change_of_the_clock() -> None:
    times = pd.date_range("2024-10-26", periods=96, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"time": times, "load": np.arange(96.0)})

    panel = read(frame, "time", "load")

    assert panel.freq == "h"
    assert not np.isnan(panel.values[0]).any()


def test_rows_of_a_step_are_put_together_when_asked() -> None:
    hours = pd.date_range("2024-01-01", periods=72, freq="h")
    frame = pd.DataFrame({"time": hours, "load": 1.0, "warm": np.arange(72.0)})

    panel = read(frame, "time", "load", freq="D", target_aggregation_function="sum")

    assert panel.values[0].tolist() == [24.0, 24.0, 24.0]
    assert panel.features[0][:, 0].tolist() == [11.5, 35.5, 59.5]


def wrong(**columns: Any) -> pd.DataFrame:
    return months().assign(**columns)


def with_time(row: int, time: str) -> pd.DataFrame:
    frame = months()
    frame.loc[row, "month"] = pd.Timestamp(time)
    return frame


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (months().iloc[:0], "no rows"),
        (months().iloc[:1], "step of time is not known"),
        (months().rename(columns={"month": "months"}), "no column 'month'"),
        (wrong(sold="a lot"), "only numbers can be forecast"),
        (wrong(sold=np.nan), "no value in any row"),
        (wrong(sold=lambda rows: rows["sold"].where(rows.index != 7, np.inf)), "infinite in row 8"),
        (wrong(month=lambda rows: rows["month"].where(rows.index != 7)), "Row 8 has no time"),
        (wrong(month=["2020-01-01"] * 47 + ["soon"]), "Row 48 .*'soon'"),
        (wrong(month=np.arange(48)), "numbers that are no years"),
        (pd.concat([months(), months().iloc[[3]]]), "Rows 4 and 49 are all of 2020-04-01"),
        (with_time(3, "2020-04-17 03:00"), "2020-04-17 03:00:00 does not lie on steps of MS"),
        (with_time(47, "2950-12-01"), "steps of MS, and rows for 48 of them only"),
        (wrong(place=[[1]] * 48), "place"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes_are_told_with_their_rows(frame: pd.DataFrame, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read(frame, "month", "sold")


def test_rows_without_a_series_are_told() -> None:
    frame = shops()
    frame.loc[4, "shop"] = None

    with pytest.raises(InvalidInput, match="Row 5 has no value in shop"):
        read(frame, "day", "sold", time_series_id_column_names="shop")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"forecast_horizon": 0}, "forecast_horizon is to be a whole number of steps"),
        ({"target_lags": [1, 0]}, "target_lags"),
        ({"target_aggregation_function": "median"}, "'sum', 'mean', 'min', 'max'"),
        ({"country_or_region_for_holidays": "Utopia"}, "No holidays are known"),
        ({"short_series_handling_configuration": "keep"}, "'auto', 'pad', 'drop'"),
        ({"horizon": 3}, "Did you mean forecast_horizon"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_parameters_that_cannot_be_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        ForecastingParameters.from_dict({"time_column_name": "month", **given})
