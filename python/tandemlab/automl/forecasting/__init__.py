"""Forecasting: what comes next in series, from models of each and of all, within a budget of time.

>>> import pandas
>>> from tandemlab.automl import fit
>>> days = pandas.date_range("2024-01-01", periods=60)
>>> frame = pandas.DataFrame({"day": days, "sold": [10.0 + day.day_of_week for day in days]})
>>> found = fit(
...     frame, "sold", "forecasting", iterations=1,
...     forecasting_parameters={"time_column_name": "day", "forecast_horizon": 7},
... )
>>> found.model.forecast(horizon=3)["forecast"].round(3).tolist()
[14.0, 15.0, 16.0]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.automl.forecasting.forecaster import Forecaster
    from tandemlab.automl.forecasting.parameters import ForecastingParameters

__all__ = ["Forecaster", "ForecastingParameters"]

__getattr__ = loader(
    __name__,
    {
        "Forecaster": "tandemlab.automl.forecasting.forecaster",
        "ForecastingParameters": "tandemlab.automl.forecasting.parameters",
    },
)
