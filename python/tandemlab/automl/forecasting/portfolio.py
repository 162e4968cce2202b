"""What is tried, cheap models first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tandemlab.automl.forecasting.lag_features import Lags, choose_lags, choose_windows
from tandemlab.automl.forecasting.parameters import ForecastingParameters
from tandemlab.domain import InvalidInput
from tandemlab.domain.schemas import nearest

GLOBAL = "LightGBM"
AT_ONCE = ("Naive", "SeasonalNaive")  # need no process
MODELS = (*AT_ONCE, "AutoTheta", GLOBAL, "AutoETS", "AutoARIMA")
# What SDK v1 calls the same, or what comes nearest.
_FORMER = {
    "AutoArima": "AutoARIMA",
    "Arimax": "AutoARIMA",
    "ExponentialSmoothing": "AutoETS",
    "GradientBoosting": GLOBAL,
    "LightGBMRegressor": GLOBAL,
}


@dataclass(frozen=True)
class Candidate:
    """One configuration that is tried.

    Attributes:
        algorithm: name of the model.
        lags: what a global model sees of the past; None for models of one series.
        settings: of LightGBM.
    """

    algorithm: str
    lags: Lags | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def parameters(self, season: int) -> dict[str, Any]:
        """As people see them."""
        if self.lags is None:
            return {"season_length": season} if self.algorithm != "Naive" else {}
        return {
            "target_lags": " ".join(map(str, self.lags.recent)),
            "target_rolling_window_size": " ".join(map(str, self.lags.windows)),
            "logarithm": self.lags.logarithm,
            **self.settings,
        }


def candidates(
    parameters: ForecastingParameters,
    *,
    season: int,
    shortest: int,
    is_positive: bool,
    is_small: bool,
    has_many: bool,
    absolute: bool,
    allowed: Sequence[str] | None = None,
    blocked: Sequence[str] | None = None,
) -> list[Candidate]:
    """What is tried, in order.

    Args:
        season: steps of one season.
        shortest: steps that most series have.
        is_positive: whether all values are, so that logarithms can be taken.
        is_small: whether there are few values, so that a simple global model comes first.
        has_many: whether there are so many series that one model of all comes before those of one
            series each.
        absolute: whether the primary metric is about absolute errors.
        allowed: names of models; None: all.
        blocked: names of models that are left out.

    Raises:
        InvalidInput: a name is that of no model, or none is left.

    >>> found = candidates(ForecastingParameters("day"), season=7, shortest=90,
    ...                    is_positive=False, is_small=False, has_many=False, absolute=False,
    ...                    blocked=["AutoArima"])
    >>> [candidate.algorithm for candidate in found]
    ['SeasonalNaive', 'Naive', 'AutoTheta', 'LightGBM', 'AutoETS', 'LightGBM']
    """
    chosen = chosen_models(allowed, blocked)
    lags = _lags(parameters, season, shortest)
    objective = {"objective": "regression_l1"} if absolute else {}
    simple = {"num_leaves": 7, "learning_rate": 0.03, "lambda_l2": 1.0, **objective}
    of_all = [Candidate(GLOBAL, lags, objective), Candidate(GLOBAL, lags, simple)]
    theta = Candidate("AutoTheta")
    if is_small:
        of_all.reverse()
    listed = [
        Candidate("SeasonalNaive"),
        Candidate("Naive"),
        *([of_all[0], theta] if has_many else [theta, of_all[0]]),
        Candidate("AutoETS"),
    ]
    if is_positive:
        logarithm = Lags(lags.season, lags.recent, lags.windows, logarithm=True)
        listed.append(Candidate(GLOBAL, logarithm, objective))
    listed += [of_all[1], Candidate("AutoARIMA")]
    return [candidate for candidate in listed if candidate.algorithm in chosen]


def chosen_models(allowed: Sequence[str] | None, blocked: Sequence[str] | None) -> list[str]:
    """The models that are tried, by names of today.

    Raises:
        InvalidInput: a name is that of no model, or none is left.
    """
    wanted = list(MODELS) if allowed is None else [_known(name) for name in allowed]
    unwanted = [_known(name) for name in blocked or ()]
    chosen = [name for name in wanted if name not in unwanted]
    if not chosen:
        raise InvalidInput(
            "allowed_models and blocked_models leave no model to forecast with.",
            hint=f"There are {', '.join(MODELS)}.",
        )
    return chosen


def _known(name: str) -> str:
    name = _FORMER.get(name, name)
    if name not in MODELS:
        near = nearest(name, MODELS)
        raise InvalidInput(
            f"Forecasting has no model {name!r}.",
            hint=f"Did you mean {near!r}?" if near else f"There are {', '.join(MODELS)}.",
        )
    return name


def _lags(parameters: ForecastingParameters, season: int, shortest: int) -> Lags:
    recent, windows = parameters.target_lags, parameters.target_rolling_window_size
    return Lags(
        season=season,
        recent=choose_lags(season, shortest) if isinstance(recent, str) else _tuple(recent),
        windows=choose_windows(season) if isinstance(windows, str) else _tuple(windows),
    )


def _tuple(values: Sequence[int] | int) -> tuple[int, ...]:
    return (values,) if isinstance(values, int) else tuple(values)
