"""What a script of forecasts needs beside the models, which it takes along."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tandemlab.automl.forecasting.statistical import SeasonalNaive, fill_gaps, make_model


def read_times(times: pd.Series, zone: str | None, in_utc: bool) -> pd.Series:
    """Times of a file, without their zone."""
    if pd.api.types.is_numeric_dtype(times):
        return pd.to_datetime(times.astype(int).astype(str), format="%Y")
    if zone is None:
        return pd.to_datetime(times)
    return (
        pd.to_datetime(times, utc=True)
        .dt.tz_convert("UTC" if in_utc else zone)
        .dt.tz_localize(None)
    )


def on_the_wall(times: pd.DatetimeIndex, zone: str | None, in_utc: bool) -> pd.DatetimeIndex:
    """Times as the clock on the wall shows them."""
    return times.tz_localize("UTC").tz_convert(zone).tz_localize(None) if in_utc else times


def put_together(
    train: pd.DataFrame,
    series: list[str],
    time: str,
    target: str,
    features: list[str],
    freq: str,
    how: str,
) -> pd.DataFrame:
    """One row for each series and step."""
    groups = train.groupby([*series, pd.Grouper(key=time, freq=freq)])
    options = {"min_count": 1} if how == "sum" else {}
    made = getattr(groups[target], how)(**options).to_frame()
    for name in features:
        is_number = pd.api.types.is_numeric_dtype(train[name])
        made[name] = groups[name].mean() if is_number else groups[name].first()
    return made.dropna(subset=[target]).reset_index()


def later(calendar: pd.DatetimeIndex, freq: str, steps: int) -> pd.DatetimeIndex:
    """A calendar and the steps behind it."""
    return pd.date_range(calendar[0], periods=len(calendar) + steps, freq=freq)


def numbers_of(
    frame: pd.DataFrame, names: list[str], categories: dict[str, list[Any]]
) -> np.ndarray:
    """Columns as numbers: the place of texts among the known ones."""
    columns = [
        frame[name].map({text: code for code, text in enumerate(categories[name])})
        if name in categories
        else frame[name]
        for name in names
    ]
    shape = (len(frame), len(names))
    return np.array([column.to_numpy(dtype=float) for column in columns]).T.reshape(shape)


def lay_out(
    train: pd.DataFrame,
    future: pd.DataFrame | None,
    time: str,
    series: list[str],
    target: str,
    features: list[str],
    categories: dict[str, list[Any]],
    freq: str,
    horizon: int,
) -> tuple[Any, ...]:
    """Put series on one grid of time, and find the rows to forecast there.

    Returns:
        The calendar, the place of each first value there, values, features with
        those of the future, the frame to fill in, and for each of its rows series and step ahead.
    """
    keys = series or ["series"]
    train = train.assign(**({} if series else {"series": 0}))
    calendar = pd.date_range(train[time].min(), train[time].max(), freq=freq)
    known = train.dropna(subset=[target])
    ids, first, values, own_features = [], [], [], []
    for name, rows in known.groupby(keys, sort=True):
        places = calendar.get_indexer(pd.DatetimeIndex(rows[time]))
        length = places.max() - places.min() + 1
        own = np.full(length, np.nan)
        own[places - places.min()] = rows[target]
        with_features = np.full((length, len(features)), np.nan)
        with_features[places - places.min()] = numbers_of(rows, features, categories)
        ids.append(name)
        first.append(places.min())
        values.append(own)
        own_features.append(with_features)
    ends = np.array(first) + np.array([len(own) for own in values])
    if future is None:
        times = later(calendar, freq, horizon)
        future = pd.concat(
            [
                pd.DataFrame([name], columns=keys).merge(
                    pd.DataFrame({time: times[end : end + horizon]}), how="cross"
                )
                for name, end in zip(ids, ends, strict=True)
            ],
            ignore_index=True,
        )
        future = future.assign(**{name: np.nan for name in features})
    else:
        future = future.assign(**({} if series else {"series": 0}))
    rows = np.array([ids.index(name) for name in future[keys].itertuples(index=False, name=None)])
    furthest = max(future[time].max(), calendar[-1])
    places = pd.date_range(calendar[0], furthest, freq=freq).get_indexer(
        pd.DatetimeIndex(future[time])
    )
    places = places - ends[rows]
    ahead = numbers_of(future, features, categories)
    for code in range(len(values)):
        more = np.full((max(int(places.max()) + 1, horizon), len(features)), np.nan)
        more[places[rows == code]] = ahead[rows == code]
        own_features[code] = np.concatenate([own_features[code], more])
    shown = future[[*series, time]].copy()
    return calendar, np.array(first), values, own_features, shown, rows, places


def fit_or_naive(name: str, season: int, values: np.ndarray, steps: int) -> np.ndarray:
    """The forecast of one series, by the seasonal naive one where a model fails."""
    filled = fill_gaps(values)
    try:
        made: np.ndarray = make_model(name, season).fit(filled).predict(steps)
    except (ValueError, ArithmeticError, IndexError, TypeError):
        made = SeasonalNaive(season).fit(filled).predict(steps)
    return made


def predict_further(model: Any, table: Any, known: np.ndarray, steps: int) -> np.ndarray:
    """Forecasts of a global model, beyond its horizon by what it has forecast itself."""
    made = model.predict(table, known)
    while made.shape[1] < steps:
        values = [
            np.concatenate([own[:count], more])
            for own, count, more in zip(table.values, known, made, strict=True)
        ]
        again = model.predict(replace(table, values=values), known + made.shape[1])
        made = np.concatenate([made, again], axis=1)
    return made[:, :steps]
