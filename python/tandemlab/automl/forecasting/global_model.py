"""One LightGBM model of all series. Nothing here knows tandemlab: it can be exported."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from tandemlab.automl.forecasting.lag_features import Lags, lag_names, lagged, scale_of

MOST_ROWS = 200_000  # of the table that the model is trained on
FEW_ROWS = 50_000  # so few that a second fit costs little
ROUNDS = 400
PATIENCE = 25  # rounds without progress


@dataclass
class SeriesTable:
    """Series, and what is known ahead, as arrays.

    Attributes:
        values: the target of each series, NaN where it is missing.
        first: the place of each series' first value in the calendar.
        calendar: numbers for each time of the calendar and the steps behind it, shape
            ``(times, parts)``.
        features: what else is known ahead for each series, shape ``(steps, features)``; at least
            as many steps as are forecast.
        names: of the columns of ``calendar`` and ``features``.
        categorical: names of those whose numbers are codes.
    """

    values: list[np.ndarray]
    first: np.ndarray
    calendar: np.ndarray
    features: list[np.ndarray]
    names: list[str]
    categorical: list[str]


class GlobalModel:
    """A direct forecast of each step ahead, by gradient boosting on lags, seasons and the calendar.

    A row is an origin of one series and a step ahead. Target and lags are relative to the level at
    the origin, in units of the series' own seasonal change, so that one model serves all series and
    follows a trend that none of them has reached yet.

    Args:
        lags: what it sees of the past.
        horizon: steps ahead.
        seed: of sampled rows and of the model.
        parameters: of LightGBM, over the defaults here.
        threads: that it may use.
    """

    def __init__(
        self,
        lags: Lags,
        horizon: int,
        *,
        seed: int = 0,
        parameters: dict[str, Any] | None = None,
        threads: int = 1,
    ) -> None:
        self.lags = lags
        self.horizon = horizon
        self.seed = seed
        self.threads = threads
        self.parameters = parameters or {}

    def fit(
        self,
        table: SeriesTable,
        known: np.ndarray,
        *,
        rounds: int | None = None,
        seconds: float | None = None,
    ) -> GlobalModel:
        """Train on the first steps of each series.

        Args:
            known: how many steps of each series may be seen, shape ``(series,)``.
            rounds: of boosting; None: as many as help on the last steps that may be seen.
            seconds: after which training ends with the rounds that it has made.
        """
        ends = time.monotonic() + seconds if seconds is not None else None
        self.scales = np.array(
            [
                scale_of(self._on_scale(values[:count]), self.lags.season)
                for values, count in zip(table.values, known, strict=True)
            ]
        )
        rows, targets, last_steps = self._training_rows(table, known)
        if not len(rows):
            raise ValueError("no series is long enough for a row to learn from")
        if rounds is None and last_steps.any() and (~last_steps).sum() >= 20:
            rounds = self._rounds_that_help(table, rows, targets, last_steps, ends)
            if len(rows) > FEW_ROWS:
                return self
        self.rounds = rounds or ROUNDS // 4
        self.booster = self._train(table, rows, targets, self.rounds, ends=ends)
        return self

    def predict(self, table: SeriesTable, known: np.ndarray) -> np.ndarray:
        """Forecast the steps behind the known ones, shape ``(series, horizon)``."""
        import lightgbm

        assert isinstance(self.booster, lightgbm.Booster)
        parts, levels = [], []
        for series, count in enumerate(known):
            level, rows = self._rows(table, series, np.array([count - 1]), int(count))
            parts.append(rows)
            levels.append(level[0])
        changes = np.asarray(self.booster.predict(np.concatenate(parts)))
        forecast = changes.reshape(len(known), self.horizon) * self.scales[:, None]
        forecast = forecast + np.array(levels)[:, None]
        values: np.ndarray = np.exp(forecast) if self.lags.logarithm else forecast
        return values

    def contributions(self, table: SeriesTable, known: np.ndarray) -> dict[str, np.ndarray]:
        """What each column adds to each forecast (SHAP), shape ``(series * horizon,)``.

        In units of the target; of its logarithm where the model has learned these.
        """
        rows = [
            self._rows(table, series, np.array([count - 1]), int(count))[1]
            for series, count in enumerate(known)
        ]
        told = np.asarray(self.booster.predict(np.concatenate(rows), pred_contrib=True))
        told = told * np.repeat(self.scales, self.horizon)[:, None]
        return {name: told[:, at] for at, name in enumerate(self.names(table))}

    def names(self, table: SeriesTable) -> list[str]:
        """The columns that the model sees."""
        return [*lag_names(self.lags), "series", *table.names]

    def _on_scale(self, values: np.ndarray) -> np.ndarray:
        return np.log(values) if self.lags.logarithm else values

    def _rows(
        self, table: SeriesTable, series: int, origins: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        seen = self._on_scale(table.values[series][:count])
        level, of_target = lagged(seen, origins, self.horizon, self.lags)
        relative = np.ones(of_target.shape[1], dtype=bool)
        relative[lag_names(self.lags).index("step")] = False
        of_target[:, relative] /= self.scales[series]
        steps = (origins[:, None] + np.arange(1, self.horizon + 1)).ravel()
        own = table.features[series]
        padded = np.full((len(steps), own.shape[1]), np.nan)
        there = steps < len(own)
        padded[there] = own[steps[there]]
        columns = [
            of_target,
            np.full((len(steps), 1), float(series)),
            table.calendar[table.first[series] + steps],
            padded,
        ]
        return level, np.concatenate(columns, axis=1)

    def _training_rows(
        self, table: SeriesTable, known: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, their targets, and whether a target is among the last steps that may be seen."""
        random = np.random.default_rng(self.seed)
        most = max(1, MOST_ROWS // max(1, len(known) * self.horizon))
        rows, targets, last = [], [], []
        for series, count in enumerate(known):
            begin = min(self.lags.season, max(int(count) // 3, 1)) - 1
            origins = np.arange(begin, count - 1)
            if len(origins) > most:
                origins = np.sort(random.choice(origins, most, replace=False))
            if not len(origins):
                continue
            level, table_rows = self._rows(table, series, origins, int(count))
            steps = origins[:, None] + np.arange(1, self.horizon + 1)
            seen = self._on_scale(table.values[series][:count])
            padded = np.concatenate([seen, np.full(self.horizon, np.nan)])
            target = ((padded[steps] - level[:, None]) / self.scales[series]).ravel()
            usable = ~np.isnan(target)
            rows.append(table_rows[usable])
            targets.append(target[usable])
            last.append((steps >= count - self.horizon).ravel()[usable])
        if not rows:
            return np.empty((0, 0)), np.empty(0), np.empty(0, dtype=bool)
        return np.concatenate(rows), np.concatenate(targets), np.concatenate(last)

    def _rounds_that_help(
        self,
        table: SeriesTable,
        rows: np.ndarray,
        targets: np.ndarray,
        last: np.ndarray,
        ends: float | None,
    ) -> int:
        self.booster = self._train(
            table, rows[~last], targets[~last], ROUNDS, (rows[last], targets[last]), ends
        )
        self.rounds = max(self.booster.best_iteration, 10)
        return self.rounds

    def _train(
        self,
        table: SeriesTable,
        rows: np.ndarray,
        targets: np.ndarray,
        rounds: int,
        held_out: tuple[np.ndarray, np.ndarray] | None = None,
        ends: float | None = None,
    ) -> Any:
        import lightgbm

        names = self.names(table)
        categorical = [name for name in table.categorical if name in names]
        if 1 < len(table.values) <= 100:
            categorical.append("series")
        settings = {
            "objective": "regression",
            "learning_rate": 0.05,
            "num_leaves": 31,
            "min_data_in_leaf": int(min(20, max(3, len(rows) // 100))),
            "feature_fraction": 0.8,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "max_bin": 127,
            "num_threads": self.threads,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            **self.parameters,
        }
        data = lightgbm.Dataset(rows, targets, feature_name=names, categorical_feature=categorical)
        callbacks = [stop_at(ends)] if ends is not None else []
        sets = []
        if held_out is not None:
            sets = [data.create_valid(*held_out)]
            callbacks.append(lightgbm.early_stopping(PATIENCE, verbose=False))
        return lightgbm.train(settings, data, rounds, valid_sets=sets, callbacks=callbacks)


def stop_at(ends: float) -> Any:
    """A callback of LightGBM that ends training at a time of the monotonic clock."""
    from lightgbm.callback import CallbackEnv, EarlyStopException

    def stop(state: CallbackEnv) -> None:
        if time.monotonic() >= ends:
            raise EarlyStopException(state.iteration, state.evaluation_result_list or [])

    return stop
