"""A script that trains the models of a forecaster again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tandemlab.automl.exporting import forecasting_parts
from tandemlab.automl.exporting.sources import script, settings, sources
from tandemlab.automl.forecasting import (
    calendar_features,
    global_model,
    lag_features,
    statistical,
)
from tandemlab.automl.forecasting.forecaster import Forecaster
from tandemlab.automl.forecasting.members import GlobalMember


def forecasting_script(forecaster: Forecaster, data: str = "train.csv") -> str:
    """The text of a script that trains the models of a forecaster anew, and forecasts.

    It needs pandas, and those of statsforecast, lightgbm and holidays that the models use; its
    functions are the very ones that made the forecaster.

    Args:
        data: path of the training data (CSV), in whose place the script takes an argument.
    """
    modules = [statistical]
    if _uses_global(forecaster):
        modules += [calendar_features, lag_features, global_model]
    imports, bodies = sources([*modules, forecasting_parts])
    table = _TABLE if _uses_global(forecaster) else "    table = None"
    return script(
        _header(forecaster),
        ["import sys", *imports],
        settings({"DATA": data, **_settings(forecaster)}),
        *bodies,
        _MAIN.replace("{table}", table),
    )


def _uses_global(forecaster: Forecaster) -> bool:
    return any(isinstance(member, GlobalMember) for member in forecaster.members)


def _header(forecaster: Forecaster) -> str:
    names = dict.fromkeys(member.name for member in forecaster.members)
    packages = ["pandas"]
    packages += ["statsforecast"] if any(name.startswith("Auto") for name in names) else []
    packages += ["lightgbm"] if _uses_global(forecaster) else []
    country = forecaster.reader.parameters.country_or_region_for_holidays
    packages += ["holidays"] if _uses_global(forecaster) and country else []
    return f"""Forecasts {forecaster.reader.target} by {", ".join(names)}.

    python SCRIPT TRAIN.csv FORECAST.csv [FUTURE.csv]

TRAIN.csv has what is known, FUTURE.csv the times to forecast for, with the columns that are known
ahead; without it the next {forecaster.horizon} steps are forecast. It needs: pip install
{" ".join(packages)}"""


def _settings(forecaster: Forecaster) -> dict[str, Any]:
    parameters = forecaster.reader.parameters
    known = list(forecaster.panel.feature_names) if _uses_global(forecaster) else []
    categories = forecaster.reader.categories
    return {
        "TARGET": forecaster.reader.target,
        "TIME": parameters.time_column_name,
        "SERIES": parameters.series_columns,
        "FEATURES": known,
        "CATEGORIES": {name: list(categories[name]) for name in known if name in categories},
        "ZONE": forecaster.reader.clock.zone,
        "IN_UTC": forecaster.reader.clock.in_utc,
        "AGGREGATION": parameters.target_aggregation_function,
        "FREQ": forecaster.panel.freq,
        "SEASON": forecaster.season,
        "HORIZON": forecaster.horizon,
        "COUNTRY": parameters.country_or_region_for_holidays,
        "MODELS": [_model(member, weight) for member, weight in _weighted(forecaster)],
    }


def _weighted(forecaster: Forecaster) -> Iterable[tuple[Any, float]]:
    return zip(forecaster.members, forecaster.weights, strict=True)


def _model(member: Any, weight: float) -> dict[str, Any]:
    if not isinstance(member, GlobalMember):
        return {"name": member.name, "weight": weight}
    model = member.model
    return {
        "name": member.name,
        "weight": weight,
        "recent": model.lags.recent,
        "windows": model.lags.windows,
        "logarithm": model.lags.logarithm,
        "rounds": model.rounds,
        "seed": model.seed,
        "settings": model.parameters,
    }


_TABLE = """\
    times = on_the_wall(later(calendar, FREQ, 2 * HORIZON + steps), ZONE, IN_UTC)
    names, parts = calendar_features(times, COUNTRY)
    table = SeriesTable(
        values, first, parts, features, [*names, *FEATURES], list(CATEGORIES)
    )"""
_MAIN = '''
def main() -> None:
    """Train all models, and write what they forecast together."""
    train = pd.read_csv(sys.argv[1] if len(sys.argv) > 1 else DATA)
    output = sys.argv[2] if len(sys.argv) > 2 else "forecast.csv"
    future = pd.read_csv(sys.argv[3]) if len(sys.argv) > 3 else None
    train[TIME] = read_times(train[TIME], ZONE, IN_UTC)
    if AGGREGATION:
        train = put_together(train, SERIES, TIME, TARGET, FEATURES, FREQ, AGGREGATION)
    if future is not None:
        future[TIME] = read_times(future[TIME], ZONE, IN_UTC)
    calendar, first, values, features, future, rows, places = lay_out(
        train, future, TIME, SERIES, TARGET, FEATURES, CATEGORIES, FREQ, HORIZON
    )
    steps = max(HORIZON, int(places.max()) + 1)
    lengths = np.array([len(own) for own in values])
{table}
    total = np.zeros((len(values), steps))
    for model in MODELS:
        if "recent" in model:
            lags = Lags(SEASON, model["recent"], model["windows"], model["logarithm"])
            trained = GlobalModel(
                lags, HORIZON, seed=model["seed"], parameters=model["settings"], threads=2
            ).fit(table, lengths, rounds=model["rounds"])
            made = predict_further(trained, table, lengths, steps)
        else:
            made = np.stack([fit_or_naive(model["name"], SEASON, own, steps) for own in values])
        total += model["weight"] * made
    future["forecast"] = total[rows, places]
    future.to_csv(output, index=False)


if __name__ == "__main__":
    main()
'''
