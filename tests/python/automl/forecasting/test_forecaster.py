"""Forecasters: what comes next, for whom, and from when on."""

from __future__ import annotations

import pickle
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plugins.series import el_nino, shops
from tandemlab.automl.forecasting.forecaster import Forecaster
from tandemlab.automl.forecasting.intervals import learn_intervals
from tandemlab.automl.forecasting.lag_features import Lags, choose_lags, choose_windows
from tandemlab.automl.forecasting.members import LocalMember, Member, Stored
from tandemlab.automl.forecasting.parameters import ForecastingParameters
from tandemlab.automl.forecasting.reading import Reader
from tandemlab.automl.forecasting.study import Study, make_table
from tandemlab.automl.forecasting.tasks import GlobalTask, LocalTask, fit_series
from tandemlab.automl.forecasting.validation import choose_origins
from tandemlab.domain import InvalidInput


def study_of(
    frame: pd.DataFrame, target: str, season: int, horizon: int, **parameters: Any
) -> tuple[Reader, Study]:
    settings = ForecastingParameters(**parameters)
    reader = Reader.for_training(frame, target, settings)
    panel = reader.read(frame)
    country = settings.country_or_region_for_holidays
    table = make_table(panel, reader.clock, country, list(reader.categories), steps=horizon)
    return reader, Study(panel, table, choose_origins(panel, horizon, season), season, 0)


def forecaster_of(reader: Reader, study: Study, *, naive: float, boosted: float) -> Forecaster:
    fitted = [fit_series(study, "SeasonalNaive", series) for series in range(len(study.panel))]
    made = np.stack([forecasts for forecasts, _ in fitted])
    members: list[Member] = [
        LocalMember("SeasonalNaive", [Stored.of(model) for _, model in fitted], study.panel.lengths)
    ]
    weights = [naive]
    if boosted:
        part = task_of(study).train(study)
        made = naive * made + boosted * part.forecasts
        members.append(part.member)
        weights.append(boosted)
    return Forecaster(
        reader,
        study.panel,
        study.horizon,
        study.season,
        members,
        weights,
        learn_intervals(study.origins, made),
    )


def task_of(study: Study, **settings: Any) -> GlobalTask:
    lags = Lags(
        study.season,
        choose_lags(study.season, int(study.panel.lengths.min())),
        choose_windows(study.season),
    )
    chosen = {"num_leaves": 7, "learning_rate": 0.1, **settings}
    return GlobalTask(0, 0, "LightGBM", "", time.monotonic() + 60, lags=lags, settings=chosen)


@pytest.fixture(scope="module")
def sea() -> Forecaster:
    frame = el_nino().iloc[-240:-24]
    reader, study = study_of(frame, "celsius", 12, 12, time_column_name="month")
    return forecaster_of(reader, study, naive=0.5, boosted=0.5)


@pytest.fixture(scope="module")
def sales() -> Forecaster:
    frame = shops(days=90).groupby("shop").head(80)
    reader, study = study_of(
        frame,
        "sold",
        7,
        7,
        time_column_name="day",
        time_series_id_column_names="shop",
        country_or_region_for_holidays="DE",
    )
    return forecaster_of(reader, study, naive=0.2, boosted=0.8)


@pytest.fixture(scope="module")
def coming() -> pd.DataFrame:
    return shops(days=90).groupby("shop").tail(10).reset_index(drop=True)


@pytest.mark.parametrize("algorithm", ["AutoTheta", "AutoETS"])
def test_many_series_share_a_form_and_what_was_estimated(algorithm: str) -> None:
    _, study = study_of(
        shops(6, 70), "sold", 7, 5, time_column_name="day", time_series_id_column_names="shop"
    )
    places = tuple(range(6))
    until = time.monotonic() + 100
    whole = LocalTask(0, 0, algorithm, "", until, places).train(study)
    sparing = LocalTask(0, 0, algorithm, "", until, places, is_sparing=True).train(study)

    assert sparing.series == list(places)
    forms = [model.loaded.form for model in sparing.models]
    assert len(set(forms[3:])) == 1 and forms[3] is not None
    actual = study.origins.actual
    errors = [np.nanmean(np.abs(part.forecasts - actual)) for part in (whole, sparing)]
    assert errors[1] < 1.25 * errors[0]


def test_the_next_steps_follow_what_is_known(sea: Forecaster) -> None:
    forecast = sea.forecast(quantiles=[0.1, 0.9])

    assert list(forecast.columns) == ["month", "forecast", "q0.1", "q0.9"]
    assert forecast["month"].tolist() == el_nino()["month"].iloc[-24:-12].tolist()
    assert (forecast["q0.1"] < forecast["forecast"]).all()
    truth = el_nino()["celsius"].iloc[-24:-12].to_numpy()
    mean = el_nino()["celsius"].iloc[-240:-24].mean()
    assert np.abs(forecast["forecast"] - truth).mean() < 0.5 * np.abs(mean - truth).mean()


def test_longer_forecasts_begin_with_the_shorter_ones(sea: Forecaster) -> None:
    short, long = sea.forecast(horizon=5), sea.forecast(horizon=30)

    assert len(long) == 30
    assert long["forecast"].iloc[:5].tolist() == pytest.approx(short["forecast"].tolist())
    assert long["forecast"].between(18, 32).all()


def test_what_a_frame_knows_moves_the_origin(sea: Forecaster) -> None:
    later = el_nino().iloc[-24:].reset_index(drop=True)
    given = later.assign(celsius=later["celsius"].where(later.index < 6))

    forecast = sea.forecast(given)

    assert forecast["month"].tolist() == later["month"].iloc[6:].tolist()
    rolled = sea.rolling_forecast(later, step=6)
    second = rolled[rolled["origin"] == later["month"].iloc[5]]
    assert forecast["forecast"].iloc[:12].tolist() == pytest.approx(second["forecast"].tolist())


def test_rolling_forecasts_never_see_what_comes_later(sea: Forecaster) -> None:
    later = el_nino().iloc[-24:].reset_index(drop=True)
    changed = later.assign(celsius=later["celsius"].where(later.index < 12, -99.0))

    rolled, other = (sea.rolling_forecast(frame, step=4) for frame in (later, changed))

    known = rolled["origin"] <= later["month"].iloc[11]
    assert rolled["forecast"][known].tolist() == other["forecast"][known].tolist()
    assert rolled.groupby("origin").size().tolist() == [12, 12, 12, 12, 8, 4]
    assert rolled["celsius"][known].iloc[:12].tolist() == later["celsius"].iloc[:12].tolist()


def test_columns_that_are_known_ahead_help(sales: Forecaster, coming: pd.DataFrame) -> None:
    forecast = sales.forecast(coming.drop(columns="sold"))

    on_sale = sales.forecast(coming.drop(columns="sold").assign(sale=True))
    error = np.abs(forecast["forecast"] - coming["sold"]) / coming["sold"]
    assert error.mean() < 0.12
    assert on_sale["forecast"].sum() > forecast["forecast"].sum() * 1.05
    assert forecast["shop"].tolist() == coming["shop"].tolist()


def test_rows_come_back_in_their_order(sales: Forecaster, coming: pd.DataFrame) -> None:
    asked = coming.drop(columns="sold")
    mixed = asked.sample(frac=1, random_state=2)

    back = pd.Series(sales.predict(mixed), index=mixed.index).sort_index()

    assert back.tolist() == pytest.approx(sales.predict(asked).tolist())


def test_a_pickled_forecaster_forecasts_the_same(sales: Forecaster, coming: pd.DataFrame) -> None:
    again = pickle.loads(pickle.dumps(sales))

    asked = coming.drop(columns="sold")
    assert again.predict(asked).tolist() == sales.predict(asked).tolist()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shop": "s9"}, "Row 1 is of the series shop=s9"),
        ({"day": pd.Timestamp("2024-01-05")}, "not after 2024-03-20, up to which .*shop=s0"),
        ({"day": pd.Timestamp("2024-03-25 05:00")}, "lies on no step of D"),
        ({"day": pd.Timestamp("2924-03-25")}, "steps of D after"),
        ({"day": pd.Timestamp("2024-03-22")}, "repeats the time of an earlier row"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rows_that_cannot_be_forecast_are_told(
    sales: Forecaster, coming: pd.DataFrame, change: dict[str, Any], said: str
) -> None:
    asked = coming.drop(columns="sold")
    asked.loc[asked.index[0], list(change)] = list(change.values())

    with pytest.raises(InvalidInput, match=said):
        sales.forecast(asked)


def test_columns_that_must_be_known_ahead_are_asked_for(
    sales: Forecaster, coming: pd.DataFrame
) -> None:
    with pytest.raises(InvalidInput, match="need sale of the times to come"):
        sales.forecast(horizon=3)
    with pytest.raises(InvalidInput, match="no column 'sale'"):
        sales.forecast(coming.drop(columns=["sold", "sale"]))


@pytest.mark.parametrize("horizon", [0, -1, 2.5, True])
def test_a_horizon_is_a_number_of_steps(sea: Forecaster, horizon: Any) -> None:
    with pytest.raises(InvalidInput, match="horizon is to be a whole number"):
        sea.forecast(horizon=horizon)


def test_seasonal_naive_repeats_the_last_season() -> None:
    frame = el_nino().iloc[-60:]
    reader, study = study_of(frame, "celsius", 12, 12, time_column_name="month")

    forecast = forecaster_of(reader, study, naive=1.0, boosted=0.0).forecast(horizon=24)

    assert forecast["forecast"].tolist() == frame["celsius"].iloc[-12:].tolist() * 2


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2000-01-01", periods=24, freq="YS").date,
        np.arange(2000, 2024),
        pd.date_range("2000-01-01", periods=24, freq="YS", tz="Asia/Tokyo"),
    ],
    ids=["dates", "years", "times with a zone"],
)
def test_times_come_back_as_they_were(times: Any) -> None:
    frame = pd.DataFrame({"time": times, "value": np.arange(24.0)})
    known = frame.iloc[:20]
    reader, study = study_of(known, "value", 1, 2, time_column_name="time")
    forecaster = forecaster_of(reader, study, naive=1.0, boosted=0.0)

    forecast = forecaster.forecast(horizon=2)
    rolled = forecaster.rolling_forecast(frame.iloc[20:])

    assert forecast["time"].tolist() == frame["time"].iloc[20:22].tolist()
    assert rolled["origin"].iloc[0] == frame["time"].iloc[19]
