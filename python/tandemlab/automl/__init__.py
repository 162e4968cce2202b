"""Automated machine learning: the best model that a table and a budget of time give.

>>> from tandemlab.automl import AutoMLConfig
>>> AutoMLConfig(task="classification", label_column_name="y", iterations=3).iterations
3
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.automl.automl_config import AutoMLConfig
    from tandemlab.automl.automl_run import AutoMLRun
    from tandemlab.automl.explanations import Explanation
    from tandemlab.automl.featurization_config import FeaturizationConfig
    from tandemlab.automl.fitted_pipeline import FittedPipeline
    from tandemlab.automl.fitting import AutoMLResult, fit
    from tandemlab.automl.forecasting import Forecaster, ForecastingParameters

__all__ = [
    "AutoMLConfig",
    "AutoMLResult",
    "AutoMLRun",
    "Explanation",
    "FeaturizationConfig",
    "FittedPipeline",
    "Forecaster",
    "ForecastingParameters",
    "fit",
]

__getattr__ = loader(
    __name__,
    {
        "AutoMLConfig": "tandemlab.automl.automl_config",
        "AutoMLResult": "tandemlab.automl.fitting",
        "AutoMLRun": "tandemlab.automl.automl_run",
        "Explanation": "tandemlab.automl.explanations",
        "FeaturizationConfig": "tandemlab.automl.featurization_config",
        "FittedPipeline": "tandemlab.automl.fitted_pipeline",
        "Forecaster": "tandemlab.automl.forecasting.forecaster",
        "ForecastingParameters": "tandemlab.automl.forecasting.parameters",
        "fit": "tandemlab.automl.fitting",
    },
)
