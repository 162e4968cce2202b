"""Data for ``bench/automl.py``: what scikit-learn and statsmodels ship, and what is made here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Table:
    """A table with a label.

    Its loss is log loss for classes, root mean squared error for values, and the mean absolute
    scaled error for forecasts.

    Attributes:
        time, series: columns of a table to forecast; `series` is None where there is one series.
        horizon: steps to forecast; 0 where there is nothing to forecast.
        season: steps of a season.
    """

    frame: pd.DataFrame
    label: str
    task: str
    time: str | None = None
    series: str | None = None
    horizon: int = 0
    season: int = 1


def _shipped(name: str, label: str, task: str, drop: tuple[str, ...] = ()) -> Callable[[], Table]:
    def load() -> Table:
        import statsmodels.api

        frame = getattr(statsmodels.api.datasets, name).load_pandas().data
        return Table(frame.drop(columns=list(drop)), label, task)

    return load


def _fair() -> Table:
    import statsmodels.api

    frame = statsmodels.api.datasets.fair.load_pandas().data
    frame["affairs"] = np.where(frame["affairs"] > 0, "yes", "no")
    return Table(frame, "affairs", "classification")


def _anes96() -> Table:
    import statsmodels.api

    frame = statsmodels.api.datasets.anes96.load_pandas().data
    frame["vote"] = np.where(frame["vote"] > 0, "dole", "clinton")
    return Table(frame, "vote", "classification")


def _of_sklearn(name: str, task: str) -> Callable[[], Table]:
    def load() -> Table:
        from sklearn import datasets

        frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
        if task == "classification":
            frame["target"] = "c" + frame["target"].astype(str)
        return Table(frame, "target", task)

    return load


def _five_classes() -> Table:
    """Five classes that depend on products of columns, with noise."""
    source = np.random.default_rng(11)
    x = source.normal(size=(12_000, 24))
    scores = np.column_stack(
        [
            x[:, 0] * x[:, 1],
            x[:, 2] * np.sin(2 * x[:, 3]),
            x[:, 4] - x[:, 5],
            np.abs(x[:, 6]) - 0.8,
            x[:, 7] * (x[:, 8] > 0),
        ]
    )
    y = (scores + source.gumbel(scale=0.4, size=scores.shape)).argmax(axis=1)
    frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(24)])
    return Table(frame.assign(y=[f"c{code}" for code in y]), "y", "classification")


def _with_gaps() -> Table:
    """Values that depend on numbers and levels, a quarter of which is missing."""
    source = np.random.default_rng(12)
    rows = 4000
    frame = pd.DataFrame(source.normal(size=(rows, 8)), columns=[f"x{n}" for n in range(8)])
    frame["kind"] = source.choice(list("abcdef"), rows)
    frame["month"] = source.integers(1, 13, rows)
    y = (
        3 * frame["x0"]
        + frame["x1"] ** 2
        + frame["kind"].map(dict(zip("abcdef", [0, 2, -1, 4, 1, -3], strict=True))) * frame["x2"]
        + 2 * np.cos(frame["month"] / 6 * np.pi)
        + source.normal(scale=1.0, size=rows)
    )
    gaps = source.random((rows, 9)) < 0.25
    columns = [*frame.columns[:9]]
    frame[columns] = frame[columns].mask(gaps)
    return Table(frame.assign(y=y), "y", "regression")


def _many_levels() -> Table:
    """Two classes that depend on columns of hundreds of levels."""
    source = np.random.default_rng(13)
    rows = 8000
    city, shop = source.integers(0, 400, rows), source.integers(0, 60, rows)
    effect, pull = source.normal(size=400), source.normal(size=60)
    x = source.normal(size=(rows, 5))
    score = effect[city] + 0.7 * pull[shop] * x[:, 0] + 0.5 * x[:, 1]
    y = score + source.logistic(scale=0.7, size=rows) > 0
    frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(5)])
    frame["city"] = [f"city {code}" for code in city]
    frame["shop"] = [f"shop {code}" for code in shop]
    return Table(frame.assign(y=np.where(y, "yes", "no")), "y", "classification")


def _wide() -> Table:
    """Two classes that depend on 30 of 5,000 columns."""
    source = np.random.default_rng(14)
    x = source.normal(size=(2000, 5000)).astype("float32")
    score = (
        x[:, :20] @ source.normal(size=20) + 2 * x[:, 20] * x[:, 21] + np.abs(x[:, 22:30]).sum(1)
    )
    y = score - np.median(score) + source.logistic(size=2000) > 0
    frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(5000)])
    return Table(frame.assign(y=np.where(y, "yes", "no")), "y", "classification")


def _long() -> Table:
    """A million and a third rows, of which a million are to be trained on."""
    source = np.random.default_rng(15)
    rows = 1_333_334
    frame = pd.DataFrame(
        source.normal(size=(rows, 10)), columns=[f"x{number}" for number in range(10)]
    )
    shop = source.integers(0, 300, rows)
    effect = source.normal(size=300)
    y = (
        2 * np.sin(2 * frame["x0"])
        + frame["x1"] * frame["x2"]
        + effect[shop] * (1 + (frame["x3"] > 0))
        + np.maximum(frame["x4"], frame["x5"])
        + source.normal(size=rows)
    )
    return Table(frame.assign(shop=[f"shop {code}" for code in shop], y=y), "y", "regression")


def _co2() -> Table:
    """Weekly, with a trend, a yearly season and gaps."""
    import statsmodels.api

    values = statsmodels.api.datasets.co2.load_pandas().data["co2"].interpolate()
    frame = pd.DataFrame({"time": values.index, "y": values.to_numpy()})
    return Table(frame, "y", "forecasting", "time", horizon=26, season=52)


def _elnino() -> Table:
    """Monthly temperatures of the sea since 1950."""
    import statsmodels.api

    wide = statsmodels.api.datasets.elnino.load_pandas().data.set_index("YEAR")
    values = wide.to_numpy(dtype="float64").reshape(-1)
    first = f"{int(wide.index[0])}-01-01"
    times = pd.date_range(first, periods=len(values), freq="MS")
    frame = pd.DataFrame({"time": times, "y": values})
    return Table(frame, "y", "forecasting", "time", horizon=12, season=12)


def _sunspots() -> Table:
    """Yearly, with a cycle of about eleven years."""
    import statsmodels.api

    values = statsmodels.api.datasets.sunspots.load_pandas().data
    times = pd.to_datetime(values["YEAR"].astype(int).astype(str) + "-01-01")
    frame = pd.DataFrame({"time": times, "y": values["SUNACTIVITY"].to_numpy()})
    return Table(frame, "y", "forecasting", "time", horizon=11, season=1)


def _shops() -> Table:
    """Daily sales of a hundred shops, with trends, weeks, and days that nobody foresees."""
    source = np.random.default_rng(16)
    days = np.arange(420)
    weekday = np.array([0.9, 0.85, 0.9, 1.0, 1.25, 1.5, 0.6])
    frames = []
    for shop in range(100):
        level = np.exp(source.normal(4, 0.8))
        trend = 1 + source.normal(0, 0.0008) * days
        year = 1 + 0.15 * np.sin(2 * np.pi * (days / 365.25 + source.uniform(-0.1, 0.1)))
        wander = np.exp(np.cumsum(source.normal(0, 0.01, len(days))))
        week = weekday ** source.uniform(0.5, 1.5)
        mean = level * trend * year * wander * week[days % 7]
        sold = source.poisson(mean * np.exp(source.normal(0, 0.1, len(days))))
        times = pd.Timestamp("2023-01-02") + pd.to_timedelta(days, unit="D")
        frames.append(pd.DataFrame({"time": times, "shop": f"shop {shop}", "y": sold * 1.0}))
    frame = pd.concat(frames, ignore_index=True)
    return Table(frame, "y", "forecasting", "time", "shop", horizon=14, season=7)


TABLES: dict[str, Callable[[], Table]] = {
    "fair": _fair,
    "anes96": _anes96,
    "breast_cancer": _of_sklearn("breast_cancer", "classification"),
    "digits": _of_sklearn("digits", "classification"),
    "diabetes": _of_sklearn("diabetes", "regression"),
    "randhie": _shipped("randhie", "mdvis", "regression"),
    "star98": _shipped("star98", "NABOVE", "regression", ("NBELOW",)),
    "five_classes": _five_classes,
    "with_gaps": _with_gaps,
    "many_levels": _many_levels,
    "wide": _wide,
    "long": _long,
    "co2": _co2,
    "elnino": _elnino,
    "sunspots": _sunspots,
    "shops": _shops,
}


def split(table: Table, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What to train on, and the rest to be measured on.

    Of tables three quarters of the rows are trained on; of series all but the last steps, and with
    each further seed that many steps more are cut off.
    """
    if table.time is not None:
        times = np.sort(table.frame[table.time].unique())
        end = len(times) - seed * table.horizon
        after, until = times[end - table.horizon - 1], times[end - 1]
        known = table.frame[table.time] <= after
        asked = ~known & (table.frame[table.time] <= until)
        return table.frame[known].reset_index(drop=True), table.frame[asked].reset_index(drop=True)
    order = np.random.default_rng(1000 + seed).permutation(len(table.frame))
    cut = len(order) * 3 // 4
    parts = (order[:cut], order[cut:])
    train, test = (table.frame.iloc[part].reset_index(drop=True) for part in parts)
    return train, test
