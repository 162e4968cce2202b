"""Settings of SDK v1's AutoMLConfig that are called otherwise here, or have no meaning."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeVar

from tandemlab.domain import InvalidInput
from tandemlab.domain.schemas import unknown_key

_Class = TypeVar("_Class")

_COLUMNS = (
    "Give one table as training_data, with the label as a column whose name is label_column_name."
)
_VALIDATION = "Give one table as validation_data, with the same columns as training_data."
_WEIGHTS = "Put the weights into a column of the data, and its name into weight_column_name."
_FORECASTING = "Put it into forecasting_parameters"
_LOGS = "Leave it out: the run keeps its own logs."
_FROM_LABEL = "Leave it out: it is found from the label."
_INSTEAD = {
    "experiment_timeout_hours": "Write experiment_timeout_minutes, 60 for each hour.",
    "exit_time": "Write experiment_timeout_minutes.",
    "iteration_timeout": "Write iteration_timeout_minutes.",
    "exit_score": "Write experiment_exit_score.",
    "max_time_sec": "Write iteration_timeout_minutes.",
    "whitelist_models": "Write allowed_models.",
    "blacklist_models": "Write blocked_models.",
    "blacklist_algos": "Write blocked_models.",
    "auto_blacklist": "Leave it out: models that fail are given up by themselves.",
    "preprocess": "Write featurization = 'auto' or 'off'.",
    "drop_column_names": "Write drop_columns of a FeaturizationConfig given as featurization.",
    "model_explainability": (
        "Leave it out: each run finds which columns count; explain() of a model (in R "
        "explain_model()) tells more."
    ),
    "enable_early_stopping_n_iters": "Write enable_early_stopping.",
    "enable_ensembling": "Write enable_voting_ensemble and enable_stack_ensemble.",
    "ensemble_iterations": "Leave it out: the ensemble chooses among all trials.",
    "enable_dnn": "Leave it out, or name NeuralNetwork in allowed_models.",
    "enable_tf": "Leave it out: networks are models of scikit-learn.",
    "enable_onnx_compatible_models": "Leave it out: models are kept by joblib.",
    "enable_code_generation": (
        "Leave it out: each run writes outputs/train.py; export_code() of a model does it, too."
    ),
    "enable_subsampling": "Leave it out: of very many rows a fold is trained on a part.",
    "enable_streaming": "Leave it out: data are in memory once.",
    "enable_local_managed": "Write environment = the name of one.",
    "run_configuration": "Write compute_target and environment.",
    "spark_context": "Write compute_target = the name of a cluster of Ray or Slurm.",
    "enforce_time_on_windows": "Leave it out: the time is always kept.",
    "mem_in_mb": "Write memory, such as '4GB'.",
    "max_cores": "Write max_concurrent_iterations and max_cores_per_iteration.",
    "cv_splits_indices": (
        "Write cv_split_column_names: columns of the data with 1 where a row is trained on, and 0 "
        "where it is measured on."
    ),
    "X": _COLUMNS,
    "y": _COLUMNS,
    "path": _COLUMNS,
    "data_script": _COLUMNS,
    "X_valid": _VALIDATION,
    "y_valid": _VALIDATION,
    "sample_weight": _WEIGHTS,
    "sample_weight_valid": _WEIGHTS,
    "test_data": "Measure the best model afterwards: score() of a model, --test in a shell.",
    "test_size": "Measure the best model afterwards: score() of a model, --test in a shell.",
    "positive_label": "Leave it out: metrics are means over the classes, or go by all of them.",
    "exclude_nan_labels": "Leave it out: rows without a label are always left out.",
    "num_classes": _FROM_LABEL,
    "y_min": _FROM_LABEL,
    "y_max": _FROM_LABEL,
    "verbosity": _LOGS,
    "debug_log": _LOGS,
    "name": "Give the name to the experiment that it is submitted to.",
    "max_horizon": f"{_FORECASTING} as forecast_horizon.",
    "grain_column_names": f"{_FORECASTING} as time_series_id_column_names.",
    "country_or_region": f"{_FORECASTING} as country_or_region_for_holidays.",
    "holiday_country": f"{_FORECASTING} as country_or_region_for_holidays.",
    **{
        name: f"{_FORECASTING}."
        for name in (
            "time_column_name",
            "time_series_id_column_names",
            "forecast_horizon",
            "freq",
            "target_lags",
            "target_rolling_window_size",
            "country_or_region_for_holidays",
            "seasonality",
            "short_series_handling_configuration",
            "target_aggregation_function",
            "features_unknown_at_forecast_time",
            "cv_step_size",
        )
    },
}


def refuse_foreign(given: Iterable[str]) -> None:
    """Refuse names of SDK v1 that are called otherwise here, and say what to write.

    Raises:
        InvalidInput: there is such a name.
    """
    for name in given:
        if name in _INSTEAD:
            raise InvalidInput(
                f"AutoMLConfig has no {name}: it belongs to SDK v1. {_INSTEAD[name]}",
                details={"setting": name},
            )


def checking_names(cls: type[_Class]) -> type[_Class]:
    """A dataclass that says of settings that it lacks what to write instead."""
    made: Any = cls.__init__
    known = [each.name for each in fields(cls)]  # type: ignore[arg-type]

    @functools.wraps(made)
    def __init__(self: _Class, *values: Any, **settings: Any) -> None:
        refuse_foreign(settings)
        for name in settings:
            if name not in known:
                raise InvalidInput(f"AutoMLConfig: {name}: {unknown_key(name, known)}")
        made(self, *values, **settings)

    cls.__init__ = __init__  # type: ignore[assignment]
    return cls
