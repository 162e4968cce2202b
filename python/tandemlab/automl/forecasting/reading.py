"""Tables of series: checked, and laid out on one grid of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tandemlab.automl.forecasting.clock import Clock
from tandemlab.automl.forecasting.frequency import infer_frequency, parse_frequency
from tandemlab.automl.forecasting.panel import Panel
from tandemlab.automl.forecasting.parameters import ForecastingParameters
from tandemlab.automl.frames import DATES
from tandemlab.domain import InvalidInput
from tandemlab.domain.schemas import nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_NAMED = 5  # rows, times or series that a message names
# A calendar that is this much longer than what was observed has a wrong date in it.
_SPARSEST = 20
_SHORT_CALENDAR = 5_000
_YEARS = (1000, 2999)


@dataclass(frozen=True)
class Reader:
    """Reads tables of one task: those it is trained on, and those it forecasts for.

    Attributes:
        target: the column that is forecast.
        parameters: how the table is laid out.
        categories: the texts of each column of texts, by whose place they are known to models.
        feature_names: columns that are known ahead.
        clock: how times with a zone are read.
        times_are: ``times``, ``dates`` or ``years``, as the table has them.
    """

    target: str
    parameters: ForecastingParameters
    categories: dict[str, tuple[str, ...]]
    feature_names: tuple[str, ...]
    clock: Clock
    times_are: str

    @classmethod
    def for_training(
        cls, frame: pd.DataFrame, target: str, parameters: ForecastingParameters
    ) -> Reader:
        """Look at the columns of the table that models are trained on.

        Raises:
            InvalidInput: a column is missing, or is of a kind that no model takes.
        """
        _check_names(frame, [parameters.time_column_name, target, *parameters.series_columns])
        unknown = parameters.features_unknown_at_forecast_time or ()
        _check_names(frame, list(unknown))
        taken = {parameters.time_column_name, target, *parameters.series_columns, *unknown}
        if not len(frame):
            raise InvalidInput("The table has no rows, so that nothing can be learned from it.")
        names = tuple(str(name) for name in frame.columns if name not in taken)
        categories = {name: _categories(frame[name]) for name in names if _is_text(frame[name])}
        column = parameters.time_column_name
        clock = Clock.of(_parse_times(frame[column], column))
        return cls(target, parameters, categories, names, clock, _kind_of_times(frame, column))

    def read(self, frame: pd.DataFrame) -> Panel:
        """Lay a table with known targets out on a grid.

        Raises:
            InvalidInput: times cannot be read, repeat or follow no step, or the target is no
                number; the message names rows, times and series.
        """
        import numpy as np

        table = self._checked(frame)
        table = self._one_row_per_step(table)
        ids, codes = self._series(table)
        order = np.lexsort((table[self.parameters.time_column_name].to_numpy(), codes))
        table, codes = table.iloc[order], codes[order]
        times = table[self.parameters.time_column_name].to_numpy()
        bounds = np.flatnonzero(np.diff(codes, prepend=-1, append=len(ids)))
        by_series = [times[start:end] for start, end in pairwise(bounds)]
        freq = self._frequency(by_series)
        names = [_name_of(ids, series) for series in range(len(ids))]
        calendar = _calendar(by_series, freq, names)
        return self._laid_out(table, ids, by_series, bounds, calendar, freq)

    def features(self, frame: pd.DataFrame) -> np.ndarray:
        """The columns that are known ahead, as numbers, shape ``(rows, features)``.

        Raises:
            InvalidInput: one is missing or of another kind than when models were trained.
        """
        import numpy as np

        _check_names(frame, list(self.feature_names))
        columns = [self._numbers(frame[name], name) for name in self.feature_names]
        return np.column_stack(columns) if columns else np.empty((len(frame), 0))

    def times(self, frame: pd.DataFrame) -> pd.Series:
        """The times of rows as grids have them."""
        column = self.parameters.time_column_name
        _check_names(frame, [column])
        return self.clock.grid(_parse_times(frame[column], column)).rename(column)

    def shown(self, times: pd.DatetimeIndex) -> Any:
        """Times of a grid as the table has them."""
        if self.times_are == "years":
            return times.year.to_numpy()
        if self.times_are == "dates":
            return times.date
        return self.clock.shown(times)

    def keys(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns that name each row's series."""
        columns = self.parameters.series_columns
        _check_names(frame, columns)
        keys = frame[columns]
        missing = keys.isna().any(axis=1).to_numpy().nonzero()[0]
        if len(missing):
            raise InvalidInput(
                f"{_rows(missing)} {_have(missing)} no value in "
                f"{' or '.join(columns)}, and so no series.",
                hint="Fill in the series of these rows, or leave them out.",
            )
        return keys

    def _checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        if not len(frame):
            raise InvalidInput("The table has no rows, so that nothing can be learned from it.")
        features = self.features(frame)
        return pd.concat(
            [
                self.keys(frame).reset_index(drop=True),
                self.times(frame).reset_index(drop=True),
                _numbers_of_target(frame, self.target).reset_index(drop=True),
                pd.DataFrame(features, columns=list(self.feature_names)),
            ],
            axis=1,
        )

    def _one_row_per_step(self, table: pd.DataFrame) -> pd.DataFrame:
        function = self.parameters.target_aggregation_function
        time = self.parameters.time_column_name
        if function is not None:
            return self._aggregated(table, function)
        repeated = table.duplicated([*self.parameters.series_columns, time], keep=False)
        if repeated.any():
            raise InvalidInput(
                self._repetition(table, repeated.to_numpy().nonzero()[0]),
                hint=(
                    "Leave the repeated rows out, name the columns that tell series apart in "
                    "time_series_id_column_names, or have the rows added up by "
                    "target_aggregation_function."
                ),
            )
        return table

    def _repetition(self, table: pd.DataFrame, rows: np.ndarray) -> str:
        columns = [*self.parameters.series_columns, self.parameters.time_column_name]
        first = table.loc[rows[0], columns]
        same = [row for row in rows if (table.loc[row, columns] == first).all()]
        described = ", ".join(f"{name}={value}" for name, value in first.iloc[:-1].items())
        return (
            f"{len(rows)} rows have the same time as another of their series: {_rows(same)} are "
            f"all of {shown_time(first.iloc[-1])}{' and ' if described else ''}{described}."
        )

    def _aggregated(self, table: pd.DataFrame, function: str) -> pd.DataFrame:
        import pandas as pd

        time = self.parameters.time_column_name
        keys: list[object] = list(self.parameters.series_columns)
        if self.parameters.freq:
            freq = parse_frequency(self.parameters.freq)
            keys.append(pd.Grouper(key=time, freq=freq))
        else:
            keys.append(time)
        numbers = {
            name: "first" if name in self.categories else "mean" for name in self.feature_names
        }
        grouped = table.groupby(keys, sort=True, dropna=False)
        target = grouped[self.target]
        summed = target.sum(min_count=1) if function == "sum" else target.agg(function)
        result = summed.to_frame()
        for name, by in numbers.items():
            result[name] = grouped[name].agg(by)
        return result.dropna(subset=[self.target]).reset_index()

    def _series(self, table: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
        """One row per series, and the place of each row's series there."""
        import numpy as np
        import pandas as pd

        columns = self.parameters.series_columns
        if not columns:
            return pd.DataFrame(index=range(1)), np.zeros(len(table), dtype="int64")
        groups = table.groupby(columns, sort=True, observed=True)
        ids = table.loc[groups.head(1).index, columns].sort_values(columns)
        return ids.reset_index(drop=True), groups.ngroup().to_numpy()

    def _frequency(self, times: Sequence[np.ndarray]) -> str:
        if self.parameters.freq:
            return parse_frequency(self.parameters.freq)
        return infer_frequency(times)

    def _laid_out(
        self,
        table: pd.DataFrame,
        ids: pd.DataFrame,
        times: Sequence[np.ndarray],
        bounds: np.ndarray,
        calendar: pd.DatetimeIndex,
        freq: str,
    ) -> Panel:
        import numpy as np
        import pandas as pd

        target = table[self.target].to_numpy()
        known = table[list(self.feature_names)].to_numpy(dtype=float)
        first, values, features, kept = [], [], [], []
        for series, (start, end) in enumerate(pairwise(bounds)):
            there = np.flatnonzero(~np.isnan(target[start:end]))
            if not len(there):
                continue
            rows = slice(start + there[0], start + there[-1] + 1)
            places = calendar.get_indexer(pd.DatetimeIndex(times[series][there[0] : there[-1] + 1]))
            steps = places - places[0]
            filled = np.full(steps[-1] + 1, np.nan)
            filled[steps] = target[rows]
            with_features = np.full((steps[-1] + 1, known.shape[1]), np.nan)
            with_features[steps] = known[rows]
            first.append(places[0])
            values.append(filled)
            features.append(with_features)
            kept.append(series)
        if not kept:
            raise InvalidInput(
                f"The target {self.target!r} has no value in any row.",
                hint="Is it the column that is to be forecast?",
            )
        return Panel(
            ids.iloc[kept].reset_index(drop=True),
            calendar,
            freq,
            np.array(first),
            values,
            features,
            self.feature_names,
        )

    def _numbers(self, column: pd.Series, name: str) -> np.ndarray:
        import numpy as np
        import pandas as pd

        if name in self.categories:
            codes = {text: code for code, text in enumerate(self.categories[name])}
            return column.astype(object).map(codes, na_action="ignore").to_numpy(dtype=float)
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            numbers = column.to_numpy(dtype=float, na_value=np.nan)
            return np.where(np.isinf(numbers), np.nan, numbers)
        raise InvalidInput(
            f"The column {name!r} holds {column.dtype}, which forecasting does not take.",
            hint="Make it numbers or texts, or name it in features_unknown_at_forecast_time.",
        )


def _check_names(frame: pd.DataFrame, names: Sequence[str]) -> None:
    columns = [str(column) for column in frame.columns]
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        raise InvalidInput(f"The table has more than one column {repeated[0]!r}.")
    for name in names:
        if name not in columns:
            near = nearest(name, columns)
            raise InvalidInput(
                f"The table has no column {name!r}.",
                hint=f"Did you mean {near!r}?" if near else f"It has {', '.join(columns)}.",
            )


def _is_text(column: pd.Series) -> bool:
    import pandas as pd

    return (
        isinstance(column.dtype, pd.CategoricalDtype)
        or pd.api.types.is_string_dtype(column)
        or pd.api.types.is_object_dtype(column)
    )


def _categories(column: pd.Series) -> tuple[str, ...]:
    try:
        return tuple(sorted(set(column.dropna().astype(object)), key=str))
    except TypeError:
        raise InvalidInput(
            f"The column {column.name!r} holds lists or the like, which forecasting does not take.",
            hint="Make it numbers or texts, or leave it out.",
        ) from None


def _numbers_of_target(frame: pd.DataFrame, target: str) -> pd.Series:
    import numpy as np
    import pandas as pd

    column = frame[target]
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        raise InvalidInput(
            f"The target {target!r} holds {column.dtype}, and only numbers can be forecast.",
            hint="Convert the column, or name another one.",
        )
    numbers = pd.Series(column.to_numpy(dtype=float, na_value=np.nan), name=target)
    infinite = np.flatnonzero(np.isinf(numbers.to_numpy()))
    if len(infinite):
        raise InvalidInput(
            f"The target {target!r} is infinite in {_rows(infinite).lower()}.",
            hint="Replace infinite values, or make them missing.",
        )
    return numbers


def _parse_times(column: pd.Series, name: str) -> pd.Series:
    import pandas as pd

    missing = column.isna().to_numpy().nonzero()[0]
    if len(missing):
        raise InvalidInput(
            f"{_rows(missing)} {_have(missing)} no time in {name!r}.",
            hint="Fill in the times of these rows, or leave them out.",
        )
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    if pd.api.types.is_numeric_dtype(column):
        return _years(column, name)
    iso = "ISO8601" if isinstance(column.iloc[0], str) else None
    times = pd.to_datetime(column.astype(object), errors="coerce", format=iso)
    wrong = times.isna().to_numpy().nonzero()[0]
    if len(wrong):
        raise InvalidInput(
            f"{_rows(wrong)} of {name!r} cannot be read as times: "
            f"{column.iloc[wrong[0]]!r} is the first.",
            hint="Times are dates, date-times, or their texts in ISO 8601 (2024-12-31 18:30).",
        )
    return times


def _kind_of_times(frame: pd.DataFrame, column: str) -> str:
    from datetime import date, datetime

    import pandas as pd

    if pd.api.types.is_numeric_dtype(frame[column]):
        return "years"
    first = frame[column].iloc[0]
    is_date = isinstance(first, date) and not isinstance(first, datetime)
    return "dates" if is_date or column in frame.attrs.get(DATES, ()) else "times"


def _years(column: pd.Series, name: str) -> pd.Series:
    import pandas as pd

    low, high = _YEARS
    if not ((column % 1 == 0) & column.between(low, high)).all():
        raise InvalidInput(
            f"{name!r} holds numbers that are no years, so that their times are not known.",
            hint="Make the column dates or date-times, such as 2024-12-31.",
        )
    return pd.to_datetime(column.astype("int64").astype(str) + "-01-01", format="%Y-%m-%d")


def _calendar(times: Sequence[np.ndarray], freq: str, names: Sequence[str]) -> pd.DatetimeIndex:
    """Every time between the first and the last; all that is observed lies on it."""
    import numpy as np
    import pandas as pd

    offset = pd.tseries.frequencies.to_offset(freq)
    every = np.unique(np.concatenate(times))
    start, end = pd.Timestamp(every[0]), pd.Timestamp(every[-1])
    _check_span(start, end, offset, len(every))
    calendar = pd.date_range(start, end, freq=offset, unit="us")
    for series, own in enumerate(times):
        off = np.flatnonzero(calendar.get_indexer(pd.DatetimeIndex(own)) < 0)
        if len(off):
            raise InvalidInput(
                f"The times of {names[series]} are not regular: {_listed(own[off])} "
                f"{'does' if len(off) == 1 else 'do'} not lie on steps of {freq} from "
                f"{shown_time(calendar[0])} on.",
                hint=(
                    "Give freq= if the step is another one; with "
                    "target_aggregation_function= rows between steps are put together."
                ),
            )
    return calendar


def _check_span(start: pd.Timestamp, end: pd.Timestamp, offset: object, observed: int) -> None:
    import pandas as pd

    second = start + 2 * offset  # type: ignore[operator]
    step = (second - start) / 2
    steps = (end - start) / step if step > pd.Timedelta(0) else 0
    if steps > max(_SHORT_CALENDAR, _SPARSEST * observed):
        raise InvalidInput(
            f"From {shown_time(start)} to {shown_time(end)} there are {steps:,.0f} steps of "
            f"{getattr(offset, 'freqstr', offset)}, and rows for {observed:,} of them only.",
            hint="Is one of the two dates wrong? Otherwise give a longer step as freq=.",
        )


def _name_of(ids: pd.DataFrame, series: int) -> str:
    row = ids.iloc[series]
    return ", ".join(f"{column}={value}" for column, value in row.items()) or "the series"


def _listed(times: np.ndarray) -> str:
    shown = ", ".join(shown_time(time) for time in times[:_NAMED])
    return shown + (f" and {len(times) - _NAMED:,} more" if len(times) > _NAMED else "")


def shown_time(time: Any) -> str:
    """A time as messages have it: a date where it is midnight.

    >>> import numpy
    >>> shown_time(numpy.datetime64("2024-05-01T00:00"))
    '2024-05-01'
    """
    import pandas as pd

    return str(pd.Timestamp(time)).removesuffix(" 00:00:00")


def _rows(rows: Sequence[int] | np.ndarray) -> str:
    """How messages name rows, which count from 1.

    >>> _rows([2]), _rows([2, 5])
    ('Row 3', 'Rows 3 and 6')
    """
    if len(rows) == 1:
        return f"Row {rows[0] + 1}"
    shown = [str(row + 1) for row in rows[:_NAMED]]
    if len(rows) > _NAMED:
        return f"Rows {', '.join(shown)} and {len(rows) - _NAMED:,} more"
    return f"Rows {', '.join(shown[:-1])} and {shown[-1]}"


def _have(rows: np.ndarray) -> str:
    return "has" if len(rows) == 1 else "have"


def series_codes(keys: pd.DataFrame, panel: Panel) -> np.ndarray:
    """The place of each row's series among those of a panel.

    Raises:
        InvalidInput: a row is of a series that the panel does not have.
    """
    import numpy as np

    if not len(keys.columns):
        return np.zeros(len(keys), dtype="int64")
    known = {row: code for code, row in enumerate(panel.ids.itertuples(index=False, name=None))}
    codes = [known.get(row, -1) for row in keys.itertuples(index=False, name=None)]
    if -1 in codes:
        row = codes.index(-1)
        described = ", ".join(f"{name}={value}" for name, value in keys.iloc[row].items())
        raise InvalidInput(
            f"Row {row + 1} is of the series {described}, of which models have seen nothing.",
            hint="Leave its rows out, or train with a history of this series.",
        )
    return np.array(codes)
