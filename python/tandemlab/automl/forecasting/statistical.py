"""Models of one series at a time. Nothing here knows tandemlab: it can be exported."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

LONGEST = 2_500  # steps of history that a model of one series looks at
LONGEST_ARIMA = 1_000
LONGEST_SEASON_OF_STATES = 24  # beyond this AutoETS knows no seasons, and AutoARIMA takes minutes


def fill_gaps(values: np.ndarray) -> np.ndarray:
    """A series without missing values: on a line between those around, the nearest at the ends.

    >>> fill_gaps(np.array([np.nan, 1.0, np.nan, 3.0]))
    array([1., 1., 2., 3.])
    """
    missing = np.isnan(values)
    if not missing.any():
        return values
    steps = np.arange(len(values))
    return np.interp(steps, steps[~missing], values[~missing])


class SeasonalNaive:
    """The value of one season before; with a season of 1 the last value.

    >>> SeasonalNaive(2).fit(np.array([1.0, 2.0, 3.0, 4.0])).predict(3)
    array([3., 4., 3.])
    """

    def __init__(self, season: int) -> None:
        self.season = season

    def fit(self, values: np.ndarray) -> SeasonalNaive:
        """Keep the last season."""
        self.last = values[-min(self.season, len(values)) :]
        return self

    def predict(self, horizon: int) -> np.ndarray:
        """Forecast the next steps, shape ``(horizon,)``."""
        return np.resize(self.last, horizon)

    def forward(self, values: np.ndarray, horizon: int) -> np.ndarray:
        """Forecast the steps behind other values without being fitted anew."""
        return SeasonalNaive(self.season).fit(values).predict(horizon)


class StatsforecastModel:
    """A model of statsforecast.

    Args:
        form: the one of the forms of AutoETS or AutoTheta that is estimated, as `chosen_form` of
            another series gives it; None to choose the best one, which takes many times as long.
    """

    def __init__(self, name: str, season: int, form: str | None = None) -> None:
        self.name = name
        self.season = season
        self.form = form

    def fit(self, values: np.ndarray) -> StatsforecastModel:
        """Choose and estimate the model by the last steps of a series without gaps."""
        recent = values[-self._longest() :]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model = self._model(len(recent)).fit(recent)
        return self

    def predict(self, horizon: int) -> np.ndarray:
        """Forecast the next steps, shape ``(horizon,)``."""
        return np.asarray(self.model.predict(h=horizon)["mean"], dtype=float)

    def forward(self, values: np.ndarray, horizon: int) -> np.ndarray:
        """Forecast the steps behind other values by the parameters that were estimated."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            forecast = self.model.forward(y=values[-self._longest() :], h=horizon)
        return np.asarray(forecast["mean"], dtype=float)

    @property
    def chosen_form(self) -> str | None:
        """The form that was chosen for the series; None for models that have none."""
        found = getattr(self.model, "model_", None)
        if self.name == "AutoETS" and isinstance(found, dict):
            error, trend, season = found["method"][len("ETS(") : -1].split(",")
            return f"{error}{trend}{season}"
        if self.name == "AutoTheta" and isinstance(found, dict):
            return str(found["modeltype"])
        return None

    def _longest(self) -> int:
        return LONGEST_ARIMA if self.name == "AutoARIMA" else LONGEST

    def _ets(self, models: Any, season: int) -> Any:
        if self.form is None:
            return models.AutoETS(season_length=season)
        is_damped = "d" in self.form
        form = self.form.replace("d", "")
        if season == 1:
            form = f"{form[:2]}N"
        return models.AutoETS(season_length=season, model=form, damped=is_damped)

    def _model(self, length: int) -> Any:
        from statsforecast import models

        season = self.season if length > 2 * self.season else 1
        if self.name == "AutoTheta":
            return models.AutoTheta(season_length=season, model=self.form)
        if self.name == "AutoARIMA":
            short = 1 if season > LONGEST_SEASON_OF_STATES else season
            plain = models.AutoARIMA(season_length=short, approximation=length > 150)
        else:
            short = 1 if season > LONGEST_SEASON_OF_STATES else season
            plain = self._ets(models, short)
        if season == short:
            return plain
        return models.MSTL(season_length=season, trend_forecaster=plain)


def make_model(
    name: str, season: int, form: str | None = None
) -> SeasonalNaive | StatsforecastModel:
    """A model of one series by its name, not fitted yet; see `StatsforecastModel`."""
    if name == "Naive":
        return SeasonalNaive(1)
    if name == "SeasonalNaive":
        return SeasonalNaive(season)
    return StatsforecastModel(name, season, form)
