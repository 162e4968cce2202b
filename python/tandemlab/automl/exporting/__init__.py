"""Scripts that train a winner again with the libraries alone, without tandemlab."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tandemlab.automl.automl_config import AutoMLConfig
    from tandemlab.automl.problem import Predictor


def export_code(
    model: Predictor, config: AutoMLConfig, path: str | os.PathLike[str] | None = None
) -> str:
    """The text of a script that trains a model again.

    Args:
        model: what a search has found.
        config: what was asked for.
        path: of a file to write it to; None for none.
    """
    text = _text(model, config)
    if path is not None:
        from tandemlab.store.durable import write_file

        write_file(Path(path), text.encode())
    return text


def _text(model: Predictor, config: AutoMLConfig) -> str:
    from tandemlab.automl.forecasting.forecaster import Forecaster

    if isinstance(model, Forecaster):
        from tandemlab.automl.exporting.forecasting_script import forecasting_script

        return forecasting_script(model)
    from tandemlab.automl.exporting.tabular_script import tabular_script
    from tandemlab.automl.fitted_pipeline import FittedPipeline

    assert isinstance(model, FittedPipeline)
    return tabular_script(model, weights=config.weight_column_name)
