"""Forecasts, explanations, cards and scripts of what automated machine learning has found, for R.

R keeps the model as its bytes, and what is known of it as JSON; both come with each call, so that
nothing here needs the workspace in which it was found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tandemlab.automl import Explanation
from tandemlab.bridge.values import Table
from tandemlab.domain import InvalidState


def _model(path: str) -> Any:
    from tandemlab.models import load_model

    return load_model(path, format="joblib", trusted=True)


def _frame(path: str | None) -> Any:
    from tandemlab.bridge import read_frame

    return None if path is None else read_frame(path, "pandas")


def _forecaster(path: str) -> Any:
    from tandemlab.automl import Forecaster

    found = _model(path)
    if not isinstance(found, Forecaster):
        raise InvalidState(
            "The model is not one of forecasting.", hint="predict() takes rows of its columns."
        )
    return found


def _write(frame: Any, target: str) -> object:
    from tandemlab.bridge import write_frame

    write_frame(frame, target)
    return target


def _forecast(
    model: str,
    data: str | None,
    target: str,
    horizon: int | None,
    quantiles: Sequence[float] | None,
) -> object:
    made = _forecaster(model).forecast(_frame(data), horizon=horizon, quantiles=quantiles)
    return _write(made, target)


def _rolling_forecast(
    model: str, data: str, target: str, step: int, quantiles: Sequence[float] | None
) -> object:
    made = _forecaster(model).rolling_forecast(_frame(data), step=step, quantiles=quantiles)
    return _write(made, target)


def _explain(model: str, data: str | None, **options: Any) -> object:
    given = {name: value for name, value in options.items() if value is not None}
    found: Explanation = _model(model).explain(_frame(data), **given)
    frame = found.to_frame()
    return {
        "table": Table(
            {
                "feature": frame["feature"].tolist(),
                "importance": frame["importance"].tolist(),
                "deviation": [None if value != value else value for value in frame["deviation"]],
            }
        ),
        "method": found.method,
        "metric": found.metric,
        "content": json.dumps(found.to_dict()),
    }


def _card(
    summary: str,
    config: str,
    run: str | None,
    explanation: str | None,
    about: Mapping[str, str] | None,
    path: str | None,
) -> object:
    from tandemlab.automl.model_cards import model_card

    card = model_card(
        json.loads(summary),
        json.loads(config),
        run=run,
        explanation=None if explanation is None else Explanation.from_dict(json.loads(explanation)),
        about=about,
    )
    if path is not None:
        card.save(path)
    return card.to_markdown()


def _code(model: str, config: str, path: str | None) -> object:
    from tandemlab.automl import AutoMLConfig
    from tandemlab.automl.exporting import export_code

    return export_code(_model(model), AutoMLConfig.from_dict(json.loads(config)), path)


CALLS: dict[str, Callable[..., object]] = {
    "automl.card": _card,
    "automl.code": _code,
    "automl.explain": _explain,
    "automl.forecast": _forecast,
    "automl.rolling_forecast": _rolling_forecast,
}
