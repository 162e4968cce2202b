"""Series for tests of forecasting: real ones that ship with statsmodels, and generated ones."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd


def sunspots() -> pd.DataFrame:
    """Sunspots by year, 1700 to 2008: `year`, `spots`."""
    frame = _shipped("sunspots")
    found: pd.DataFrame = frame.rename(columns={"YEAR": "year", "SUNACTIVITY": "spots"})
    found = found.astype({"year": int})
    return found


def el_nino() -> pd.DataFrame:
    """Temperature of the sea by month, 1950 to 2010: `month`, `celsius`."""
    frame = _shipped("elnino")
    values = frame.drop(columns="YEAR").to_numpy().ravel()
    months = pd.date_range(f"{frame['YEAR'].iloc[0]:.0f}-01-01", periods=len(values), freq="MS")
    found: pd.DataFrame = pd.DataFrame({"month": months, "celsius": values})
    return found


def co2() -> pd.DataFrame:
    """Carbon dioxide in the air by week, 1958 to 2001, with weeks missing: `week`, `ppm`."""
    frame = _shipped("co2")
    weeks = pd.to_datetime(frame["date"].astype(str), format="%Y%m%d")
    found: pd.DataFrame = pd.DataFrame({"week": weeks, "ppm": frame["co2"]}).dropna()
    return found


def shops(count: int = 3, days: int = 90, seed: int = 0) -> pd.DataFrame:
    """Sales of shops by day, with a weekly season, a trend and days of `sale`: `shop`, `day`."""
    random = np.random.default_rng(seed)
    parts = []
    for shop in range(count):
        day = np.arange(days)
        sale = random.random(days) < 0.15
        level = 50 + 30 * shop
        sold = level * (1 + 0.002 * day + 0.2 * np.sin(2 * np.pi * day / 7) + 0.4 * sale)
        parts.append(
            pd.DataFrame(
                {
                    "shop": f"s{shop}",
                    "day": pd.date_range("2024-01-01", periods=days),
                    "sale": sale,
                    "sold": sold + random.normal(0, level * 0.03, days),
                }
            )
        )
    found: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return found


def _shipped(name: str) -> pd.DataFrame:
    """A file of statsmodels, which is not imported for it."""
    spec = find_spec("statsmodels")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / name
    frame: pd.DataFrame = pd.read_csv(folder / f"{name}.csv")
    return frame
