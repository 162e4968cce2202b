"""Forecaster: what forecasting has learned, ready for what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tandemlab.automl.forecasting.intervals import Intervals, check_quantiles
from tandemlab.automl.forecasting.measures import measure
from tandemlab.automl.forecasting.members import GlobalMember, Member
from tandemlab.automl.forecasting.panel import Panel
from tandemlab.automl.forecasting.parameters import check_count
from tandemlab.automl.forecasting.reading import Reader, series_codes, shown_time
from tandemlab.automl.forecasting.study import make_table
from tandemlab.automl.forecasting.validation import origins_of
from tandemlab.automl.frames import as_frame
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tandemlab.automl.explanations import Explanation
    from tandemlab.automl.forecasting.global_model import SeriesTable

FORECAST = "forecast"
ORIGIN = "origin"


@dataclass
class Forecaster:
    """A weighted mean of models, and the series that they were trained on.

    Attributes:
        reader: reads tables as the training data were read.
        panel: the series that models were trained on.
        horizon: steps ahead that models were validated for; longer ones are possible.
        season: steps of one season; 1 for none.
        members: the models.
        weights: of the models, 1 together.
        intervals: how far from a forecast the value may be.
    """

    reader: Reader
    panel: Panel
    horizon: int
    season: int
    members: list[Member]
    weights: list[float]
    intervals: Intervals

    def forecast(
        self,
        frame: Any = None,
        *,
        horizon: int | None = None,
        quantiles: Sequence[float] | None = None,
    ) -> pd.DataFrame:
        """Forecast the rows of a frame, or the next steps of all series.

        Args:
            frame: times and series to forecast for, with the columns that are known ahead. Where
                it has values of the target, these are taken as known, and what comes after them
                is forecast.
            horizon: steps ahead of all series, where no frame is given; None: the horizon that
                models were trained for.
            quantiles: between 0 and 1; there is a column ``q0.1`` for 0.1, and so on. The values
                between ``q0.1`` and ``q0.9`` hold what comes in four of five cases.

        Returns:
            The columns of series and time, ``forecast``, and the quantiles; in the order of the
            frame's rows, without those whose target is known.

        Raises:
            InvalidInput: a row is of a series that is not known, or of a time that was trained on
                or lies on no step; or columns that must be known ahead are missing.
        """
        wanted = check_quantiles(quantiles)
        if frame is not None and horizon is not None:
            raise InvalidInput("A frame says itself how far is forecast: leave out horizon.")
        frame = self.future_frame(horizon) if frame is None else as_frame(frame)
        ahead = self._ahead(frame)
        if not ahead.asked.any():
            raise InvalidInput("The frame has no row whose target is not known already.")
        steps = ahead.steps - ahead.more[ahead.codes]
        longest = int(steps[ahead.asked].max())
        made = self._combined(ahead.table, ahead.known, longest)
        codes, places = ahead.codes[ahead.asked], steps[ahead.asked] - 1
        columns = {FORECAST: made[codes, places]}
        for quantile in wanted:
            bounds = made + self.intervals.offset(quantile, longest)
            columns[f"q{quantile:g}"] = bounds[codes, places]
        kept = frame[[*self._series_columns, self._time]].iloc[ahead.asked.nonzero()[0]]
        made_for: pd.DataFrame = kept.reset_index(drop=True).assign(**columns)
        return made_for

    def warm_up(self) -> None:
        """Load the models and their libraries, which else happens with the first forecast.

        A service does so before it takes requests.
        """
        for member in self.members:
            member.warm_up()

    def predict(self, frame: Any) -> np.ndarray:
        """A forecast for each row of a frame, whose target is not known."""
        without = as_frame(frame).drop(columns=[self.reader.target], errors="ignore")
        forecast: np.ndarray = self.forecast(without)[FORECAST].to_numpy()
        return forecast

    def predict_frame(self, frame: Any) -> pd.DataFrame:
        """The same as a frame: ``.pred``."""
        import pandas as pd

        return pd.DataFrame({".pred": self.predict(frame)})

    def rolling_forecast(
        self,
        frame: Any,
        *,
        step: int = 1,
        quantiles: Sequence[float] | None = None,
    ) -> pd.DataFrame:
        """Forecast from one origin after another, each with all that was known by then.

        Models keep the parameters that they were trained with.

        Args:
            frame: rows that follow what models were trained on, with their targets.
            step: steps from one origin to the next.
            quantiles: as in `forecast`.

        Returns:
            A row for each origin and step ahead within the frame: the columns of the series,
            ``origin`` (the last time that was known), time, ``forecast``, the quantiles, and the
            target as it came.
        """
        import numpy as np
        import pandas as pd

        check_count("step", step)
        frame = as_frame(frame)
        if self.reader.target not in frame:
            raise InvalidInput(
                f"rolling_forecast() needs the target {self.reader.target!r} as it came.",
                hint="forecast() is for times of which it is not known.",
            )
        wanted = check_quantiles(quantiles)
        ahead = self._ahead(frame)
        known = self.panel.lengths
        last = np.zeros(len(self.panel), dtype="int64")
        np.maximum.at(last, ahead.codes, ahead.steps)
        longest = int(last.max(initial=0))
        times = self.reader.shown(self.panel.extended_calendar(longest))
        offsets = {f"q{q:g}": self.intervals.offset(q, self.horizon) for q in wanted}
        parts = []
        for done in range(0, longest, step):
            made = self._combined(ahead.table, known + done, self.horizon)
            series, place = np.nonzero(done + np.arange(self.horizon) < last[:, None])
            target = self.panel.ends[series] + done + place
            actual = [
                ahead.table.values[code][known[code] + done + step_ahead]
                for code, step_ahead in zip(series, place, strict=True)
            ]
            columns = {
                ORIGIN: times[self.panel.ends[series] + done - 1],
                self._time: times[target],
                FORECAST: made[series, place],
                **{name: (made + offset)[series, place] for name, offset in offsets.items()},
                self.reader.target: actual,
            }
            rows = self.panel.ids.iloc[series].reset_index(drop=True)
            parts.append(pd.concat([rows, pd.DataFrame(columns)], axis=1))
        rolled: pd.DataFrame = pd.concat(parts, ignore_index=True)
        return rolled

    def score(self, frame: Any) -> dict[str, float]:
        """All metrics of forecasts of a frame, whose target is compared with them.

        Args:
            frame: rows that follow what models were trained on, with the target.

        Raises:
            InvalidInput: as `forecast`; or the target is missing.
        """
        import numpy as np
        import pandas as pd

        frame = as_frame(frame)
        if self.reader.target not in frame:
            raise InvalidInput(f"The frame has no target {self.reader.target!r} to compare with.")
        made = self.forecast(frame.drop(columns=[self.reader.target]))[FORECAST].to_numpy()
        codes = series_codes(self.reader.keys(frame), self.panel)
        actual = frame[self.reader.target].to_numpy(dtype=float, na_value=np.nan)
        longest = int(np.bincount(codes).max())
        places = pd.Series(codes).groupby(codes).cumcount().to_numpy()
        shape = (len(self.panel), 1, longest)
        truth, forecast = np.full(shape, np.nan), np.full(shape, np.nan)
        truth[codes, 0, places], forecast[codes, 0, places] = actual, made
        return measure(origins_of(self.panel, truth, self.season), forecast)

    def explain(
        self,
        data: Any = None,
        *,
        method: str = "shap",
        metric: str | None = None,
        repeats: int = 5,
        seed: int = 0,
    ) -> Explanation:
        """How much forecasts rely on lags, the calendar, and what is known ahead.

        Args:
            data: rows that follow the training data, with the target; for ``permutation``.
            method: ``shap``: mean absolute contributions of what the global model sees to the
                forecasts of its horizon; ``permutation``: how much worse a metric gets when a
                column that is known ahead is dealt out anew.
            metric: what gets worse; None for the normalized root mean squared error.
            repeats: how often each column is dealt out.
            seed: of what is drawn.

        Raises:
            InvalidInput: there is no global model in it, or no column that is known ahead.
        """
        from tandemlab.automl.explanations import explain_forecaster

        return explain_forecaster(
            self, data, method=method, metric=metric, repeats=repeats, seed=seed
        )

    def contributions(self) -> tuple[dict[str, np.ndarray], float]:
        """What the global models see adds to the forecasts of the horizon, in the target's unit.

        Returns:
            Of each feature, shape ``(series * horizon,)``; and the weight of these models.

        Raises:
            InvalidInput: there is no such model.
        """
        found = [
            (weight, member.model)
            for member, weight in zip(self.members, self.weights, strict=True)
            if isinstance(member, GlobalMember) and not member.model.lags.logarithm
        ]
        if not found:
            raise InvalidInput(
                "The forecasts come from models of one series each, which see the series alone.",
                hint="There is nothing to explain by columns; plot the forecasts instead.",
            )
        parameters = self.reader.parameters
        table = make_table(
            self.panel,
            self.reader.clock,
            parameters.country_or_region_for_holidays,
            list(self.reader.categories),
            steps=self.horizon,
        )
        total: dict[str, Any] = {}
        covered = sum(weight for weight, _ in found)
        for weight, model in found:
            for name, part in model.contributions(table, self.panel.lengths).items():
                total[name] = total.get(name, 0.0) + part * weight / covered
        return total, covered

    @property
    def feature_names_in_(self) -> list[str]:
        """The columns that a frame must have."""
        return [self._time, *self._series_columns, *self.panel.feature_names]

    def __repr__(self) -> str:
        names = ", ".join(
            f"{member.name} {weight:.2f}"
            for member, weight in zip(self.members, self.weights, strict=True)
        )
        return f"Forecaster({self.reader.target!r}, {len(self.panel)} series: {names})"

    def describe(self) -> list[str]:
        """What the forecast is made of, by weight."""
        return [
            f"{weight:.3f} × {member.name}"
            for member, weight in zip(self.members, self.weights, strict=True)
        ]

    def future_frame(self, horizon: int | None = None) -> pd.DataFrame:
        """The next steps of all series, as `forecast` takes them.

        Raises:
            InvalidInput: columns must be known ahead, which nobody but the caller can fill in.
        """
        import numpy as np

        steps = self.horizon if horizon is None else horizon
        check_count("horizon", steps)
        if self.panel.feature_names:
            raise InvalidInput(
                f"Forecasts need {', '.join(self.panel.feature_names)} of the times to come.",
                hint="Give a frame with these columns, or train with them in "
                "features_unknown_at_forecast_time.",
            )
        calendar = self.reader.shown(self.panel.extended_calendar(steps))
        places = self.panel.ends[:, None] + np.arange(steps)
        ids = self.panel.ids.iloc[np.repeat(np.arange(len(self.panel)), steps)]
        frame: pd.DataFrame = ids.reset_index(drop=True)
        frame[self._time] = calendar[places.ravel()]
        return frame

    @property
    def _time(self) -> str:
        return self.reader.parameters.time_column_name

    @property
    def _series_columns(self) -> list[str]:
        return self.reader.parameters.series_columns

    def _combined(self, table: SeriesTable, known: np.ndarray, horizon: int) -> np.ndarray:
        made = [
            weight * member.forecast(table, known, horizon)
            for member, weight in zip(self.members, self.weights, strict=True)
        ]
        total: np.ndarray = sum(made[1:], made[0])
        return total

    def _ahead(self, frame: pd.DataFrame) -> _Ahead:
        """Where the rows of a frame are, and all that is known with them."""
        import numpy as np

        codes = series_codes(self.reader.keys(frame), self.panel)
        steps = self._steps(frame, codes)
        features = self.reader.features(frame)
        given = np.full(len(frame), np.nan)
        if self.reader.target in frame:
            given = frame[self.reader.target].to_numpy(dtype=float, na_value=np.nan)
        longest = int(steps.max(initial=1))
        values = [np.concatenate([own, np.full(longest, np.nan)]) for own in self.panel.values]
        known_ahead = [
            np.concatenate([own, np.full((longest, own.shape[1]), np.nan)])
            for own in self.panel.features
        ]
        more = np.zeros(len(self.panel), dtype="int64")
        for row, (code, step) in enumerate(zip(codes, steps, strict=True)):
            place = len(self.panel.values[code]) + step - 1
            values[code][place] = given[row]
            known_ahead[code][place] = features[row]
            if not np.isnan(given[row]):
                more[code] = max(more[code], step)
        parameters = self.reader.parameters
        table = make_table(
            self.panel,
            self.reader.clock,
            parameters.country_or_region_for_holidays,
            list(self.reader.categories),
            steps=longest + 2 * self.horizon,
            values=values,
            features=known_ahead,
        )
        return _Ahead(codes, steps, steps > more[codes], more, self.panel.lengths + more, table)

    def _steps(self, frame: pd.DataFrame, codes: np.ndarray) -> np.ndarray:
        """How many steps each row lies behind the end of its series."""
        import numpy as np
        import pandas as pd

        times = pd.DatetimeIndex(self.reader.times(frame))
        calendar = self.panel.calendar_until(times.max())
        places = calendar.get_indexer(times)
        steps: np.ndarray = places - self.panel.ends[codes] + 1
        wrong = np.flatnonzero((places < 0) | (steps < 1))
        if len(wrong):
            row = wrong[0]
            name = self.panel.name(int(codes[row]))
            end = self.panel.calendar[self.panel.ends[codes[row]] - 1]
            raise InvalidInput(
                f"Row {row + 1} is of {shown_time(times[row])}, which "
                + (
                    f"lies on no step of {self.panel.freq}."
                    if places[row] < 0 and times[row] > end
                    else f"is not after {shown_time(end)}, up to which models know {name}."
                )
            )
        repeated = pd.DataFrame({"series": codes, "step": steps}).duplicated().to_numpy()
        if repeated.any():
            row = int(repeated.argmax())
            raise InvalidInput(
                f"Row {row + 1}, {shown_time(times[row])}, repeats the time of an earlier row."
            )
        return steps


@dataclass(frozen=True)
class _Ahead:
    """The rows of a frame.

    Attributes:
        codes: the series of each row.
        steps: steps of each row behind the end of its series.
        asked: whether a row is to be forecast.
        more: steps of each series that the frame makes known.
        known: steps of each series that are known with it.
    """

    codes: np.ndarray
    steps: np.ndarray
    asked: np.ndarray
    more: np.ndarray
    known: np.ndarray
    table: SeriesTable
