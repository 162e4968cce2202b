"""What is known of a forecasting task before its data is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from tandemlab.automl.forecasting.frequency import parse_frequency
from tandemlab.bridge.libraries import need
from tandemlab.domain import InvalidInput
from tandemlab.domain.schemas import nearest

AGGREGATIONS = ("sum", "mean", "min", "max")
SHORT_SERIES = ("auto", "pad", "drop")


@dataclass(frozen=True)
class ForecastingParameters:
    """How series are laid out in a table, and how far ahead they are forecast.

    The names are those of SDK v1's `ForecastingParameters`.

    Args:
        time_column_name: column with the time of each row: dates, date-times, their texts in ISO
            8601, or years as whole numbers.
        forecast_horizon: steps ahead, at least 1; ``"auto"`` is one season, or less where the
            series are short.
        time_series_id_column_names: columns that together say to which series a row belongs; a
            name, or several. None: all rows are one series.
        freq: the step of time as an offset of pandas (``"D"``, ``"MS"``, ``"15min"``, …); None:
            found from the data.
        target_lags: the lags that the global model sees, in steps before the first one forecast
            (1 is the last value known); a number, several, or ``"auto"``.
        target_rolling_window_size: steps over which the global model sees means of the target; a
            number, several, or ``"auto"``.
        country_or_region_for_holidays: a code such as ``"US"`` or ``"DE"``, whose public holidays
            models may use (the package holidays).
        seasonality: steps of one season; 1 for none; ``"auto"``: found from step and data.
        short_series_handling_configuration: what is done with series that are too short to
            be validated. ``"auto"``: they take no part in validation, and are forecast all the
            same. ``"drop"``: they are left out. ``"pad"``: their first value is repeated before
            them. None: they are an error.
        target_aggregation_function: ``"sum"``, ``"mean"``, ``"min"`` or ``"max"``: rows of the same
            series in the same step of ``freq`` become one. None: two such rows are an error.
        features_unknown_at_forecast_time: columns that are not known ahead, and left out. All
            others must be in the frame that is forecast for.
        cv_step_size: steps between the origins of validation; ``"auto"`` is the horizon.

    Raises:
        InvalidInput: an argument cannot be used; the message says which and why.

    >>> ForecastingParameters("month", forecast_horizon=12).forecast_horizon
    12
    """

    time_column_name: str
    forecast_horizon: int | str = "auto"
    time_series_id_column_names: Sequence[str] | str | None = None
    freq: str | None = None
    target_lags: Sequence[int] | int | str = "auto"
    target_rolling_window_size: Sequence[int] | int | str = "auto"
    country_or_region_for_holidays: str | None = None
    seasonality: int | str = "auto"
    short_series_handling_configuration: str | None = "auto"
    target_aggregation_function: str | None = None
    features_unknown_at_forecast_time: Sequence[str] | str | None = None
    cv_step_size: int | str = "auto"

    def __post_init__(self) -> None:
        given: object = self.time_column_name
        if not isinstance(given, str) or not given:
            raise InvalidInput(
                f"time_column_name is to be the name of a column, not {self.time_column_name!r}."
            )
        for name in ("time_series_id_column_names", "features_unknown_at_forecast_time"):
            self._set(name, _names(name, getattr(self, name)))
        for name in ("forecast_horizon", "seasonality", "cv_step_size"):
            self._set(name, _count(name, getattr(self, name)))
        for name in ("target_lags", "target_rolling_window_size"):
            self._set(name, _counts(name, getattr(self, name)))
        _one_of("target_aggregation_function", self.target_aggregation_function, AGGREGATIONS)
        _one_of(
            "short_series_handling_configuration",
            self.short_series_handling_configuration,
            SHORT_SERIES,
        )
        if self.freq is not None:
            parse_frequency(self.freq)
        if self.country_or_region_for_holidays is not None:
            _check_country(self.country_or_region_for_holidays)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def series_columns(self) -> list[str]:
        """The columns that say to which series a row belongs; none where there is one series."""
        return list(self.time_series_id_column_names or ())

    def to_dict(self) -> dict[str, Any]:
        """Plain data, from which `from_dict` makes the same.

        >>> ForecastingParameters.from_dict(ForecastingParameters("day").to_dict()).freq is None
        True
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }

    def changed(self) -> dict[str, Any]:
        """Plain data without what is as usual."""
        usual = {field.name: field.default for field in fields(self)}
        return {
            name: value
            for name, value in self.to_dict().items()
            if value != usual[name] and value != []
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ForecastingParameters:
        """Make them from plain data.

        Raises:
            InvalidInput: there is a name that is none of theirs, or a value cannot be used.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                near = nearest(name, known)
                raise InvalidInput(
                    f"Forecasting has no parameter {name!r}.",
                    hint=f"Did you mean {near}?" if near else f"There are {', '.join(known)}.",
                )
        if "time_column_name" not in values:
            raise InvalidInput(
                "Forecasting needs time_column_name: the column with the time of each row."
            )
        return cls(**values)


def parameters_of(given: ForecastingParameters | Mapping[str, Any]) -> ForecastingParameters:
    """Parameters that were given as such, or as plain data.

    Raises:
        InvalidInput: they cannot be used.
    """
    if isinstance(given, ForecastingParameters):
        return given
    return ForecastingParameters.from_dict(given)


def check_count(argument: str, value: Any) -> None:
    """Refuse what is no whole number from 1 on.

    Raises:
        InvalidInput: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(f"{argument} is to be a whole number from 1 on, not {value!r}.")


def _names(argument: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else list(value or ())
    if not all(isinstance(name, str) and name for name in names):
        raise InvalidInput(f"{argument} is to be names of columns, not {value!r}.")
    return tuple(dict.fromkeys(names))


def _count(argument: str, value: Any) -> int | str:
    if value == "auto":
        return "auto"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(
            f"{argument} is to be a whole number of steps from 1 on, or 'auto', not {value!r}."
        )
    return value


def _counts(argument: str, value: Any) -> tuple[int, ...] | str:
    if value == "auto":
        return "auto"
    values = value if isinstance(value, (list, tuple)) else [value]
    counts = [_count(argument, one) for one in values]
    if not counts or "auto" in counts:
        raise InvalidInput(f"{argument} is to be whole numbers from 1 on, or 'auto'.")
    return tuple(sorted({int(count) for count in counts}))


def _one_of(argument: str, value: Any, choices: Sequence[str]) -> None:
    if value is not None and value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise InvalidInput(f"{argument} is {value!r}, and can be {listed} or None.")


def _check_country(country: str) -> None:
    holidays = need("holidays", "Public holidays", "forecasting")
    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        near = nearest(str(country).upper(), known)
        raise InvalidInput(
            f"No holidays are known for {country!r}.",
            hint=(f"Did you mean {near!r}? " if near else "")
            + "country_or_region_for_holidays takes ISO 3166 codes, such as 'US' or 'DE'.",
        )
