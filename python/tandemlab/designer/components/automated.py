"""Components that find models by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tandemlab.designer import reports
from tandemlab.designer.component import (
    Columns,
    Component,
    ComponentParameters,
    Port,
    check_columns,
    column_of,
)
from tandemlab.designer.learning import LabeledModel, labeled, plain_class

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

    from tandemlab.automl.fitting import AutoMLResult

_CATEGORY = "Automated machine learning"
_SECONDS = Field(60.0, ge=5, description="Seconds that it may take.")
_SEED = Field(0, ge=0, description="Of all that is drawn at random.")


@dataclass
class AutomatedModel(LabeledModel):
    """The best model that automated machine learning has found.

    Attributes:
        pipeline: a `tandemlab.automl.FittedPipeline`.
    """

    label: str
    dtypes: dict[str, str]
    classes: list[Any] | None
    pipeline: Any

    def predict(self, frame: pandas.DataFrame) -> NDArray[Any]:
        """As `LabeledModel.predict`."""
        return self.pipeline.predict(frame)

    def predict_proba(self, frame: pandas.DataFrame) -> NDArray[Any]:
        """As `LabeledModel.predict_proba`."""
        return self.pipeline.predict_proba(frame)


class AutoML(Component):
    """Looks for the best model of a table by itself.

    It tries ways to make features, learners and their parameters, and several of them together.
    Each trial is a row of the leaderboard, the best first. The same as automated ML of the lab; as
    a step of its own it has its trials as runs.

    >>> AutoML(label="price", task="regression", seconds=20).parameters.seconds
    20.0
    """

    name = "automl"
    title = "AutoML"
    category = _CATEGORY
    keywords = ("automated", "search", "ensemble", "leaderboard")
    inputs = {"data": Port("table", "Rows with the label.")}
    outputs = {
        "model": Port("model", "The best, for Score model."),
        "leaderboard": Port("table", "All trials, the best first."),
        "report": Port("report", "Metrics, and what was found in the data."),
    }

    class Parameters(ComponentParameters):
        """What is looked for, and for how long."""

        label: str = column_of("data", description="The column to predict.")
        task: Literal["auto", "classification", "regression"] = Field(
            "auto", description="auto finds it out from the label."
        )
        seconds: float = _SECONDS
        primary_metric: str | None = Field(
            None, description="What trials are compared by, such as AUC_weighted or r2_score."
        )
        seed: int = _SEED

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """The best model, and all trials."""
        from tandemlab.automl import fit

        given = self.parameters
        rows = labeled(data, given.label)
        found = fit(
            rows,
            given.label,
            None if given.task == "auto" else given.task,
            timeout=given.seconds,
            primary_metric=given.primary_metric,
            seed=given.seed,
        )
        pipeline: Any = found.model
        classes = (
            None if pipeline.classes_ is None else [plain_class(each) for each in pipeline.classes_]
        )
        model = AutomatedModel(given.label, dict(pipeline.dtypes), classes, pipeline)
        return {"model": model, "leaderboard": _leaderboard(found), "report": _report(found)}

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """They depend on what was tried."""
        return {"leaderboard": None}


class Forecast(Component):
    """Forecasts the next values of one or many series, with the range that they will likely be in.

    The table has a row for each time and series. Columns beside time, series and label are taken to
    be known ahead only where ``future`` has them; without it they are left out.

    >>> Forecast(label="sales", time="month", horizon=12).parameters.horizon
    12
    """

    name = "forecast"
    title = "Forecast"
    category = _CATEGORY
    keywords = ("time series", "arima", "prediction", "seasonal")
    inputs = {
        "data": Port("table", "What has been."),
        "future": Port("table", "Times and columns that are known ahead.", optional=True),
    }
    outputs = {
        "forecast": Port("table", "A row for each step and series, with quantiles."),
        "leaderboard": Port("table", "All trials, the best first."),
        "report": Port("report", "How well earlier values would have been forecast."),
    }

    class Parameters(ComponentParameters):
        """What is forecast, and how far."""

        label: str = column_of("data", description="The column to forecast.")
        time: str = column_of("data", description="Column with times.")
        series: list[str] = column_of("data", [], description="Columns that name the series.")
        horizon: int = Field(12, ge=1, le=10_000, description="Steps ahead.")
        seconds: float = _SECONDS
        seed: int = _SEED

    def run(self, data: pandas.DataFrame, future: pandas.DataFrame | None = None) -> dict[str, Any]:
        """The forecast, and all trials."""
        from tandemlab.automl import fit

        given = self.parameters
        layout = [given.time, *given.series]
        check_columns(data, [given.label, *layout])
        known = [*layout, given.label]
        if future is not None:
            check_columns(future, layout, "future")
            known += [name for name in data if name in future and name not in known]
        found = fit(
            data[known],
            given.label,
            "forecasting",
            timeout=given.seconds,
            seed=given.seed,
            forecasting_parameters={
                "time_column_name": given.time,
                "time_series_id_column_names": given.series or None,
                "forecast_horizon": given.horizon,
            },
        )
        model: Any = found.model
        asked = None if future is None else future[[name for name in known if name in future]]
        made = model.forecast(asked, quantiles=(0.1, 0.9))
        return {"forecast": made, "leaderboard": _leaderboard(found), "report": _report(found)}

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """Those of time and series, and the forecast."""
        known, given = inputs.get("data"), self.parameters
        if known is None or given.time not in known:
            return {"forecast": None, "leaderboard": None}
        made = {name: known[name] for name in [*given.series, given.time] if name in known}
        quantiles = dict.fromkeys(("forecast", "q0.1", "q0.9"), "float64")
        return {"forecast": {**made, **quantiles}, "leaderboard": None}


def _leaderboard(found: AutoMLResult) -> pandas.DataFrame:
    """The trials; what is nested becomes JSON."""
    import json

    table = found.leaderboard()
    for name in table.columns:
        if table[name].map(lambda each: isinstance(each, (dict, list, tuple))).any():
            table[name] = table[name].map(json.dumps)
    return table


def _report(found: AutoMLResult) -> dict[str, Any]:
    metrics = {
        name: float(value)
        for name, value in found.facts.get("metrics", {}).items()
        if isinstance(value, (int, float))
    }
    told = [[str(value) for value in each.values()] for each in found.guardrails]
    titles = list(found.guardrails[0]) if found.guardrails else []
    blocks = [
        reports.text(f"{found.best.algorithm}, the best of {len(found.trials)} trials."),
        reports.metrics("Metrics of the best", metrics),
    ]
    if told and all(len(each) == len(titles) for each in told):
        blocks.append(reports.table("What was found in the data", titles, told))
    return reports.report(*blocks)
