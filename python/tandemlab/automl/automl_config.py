"""AutoMLConfig: what a model is looked for, in which data, and for how long."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.automl.featurization_config import FeaturizationConfig
from tandemlab.automl.forecasting.parameters import ForecastingParameters, parameters_of
from tandemlab.automl.forecasting.portfolio import chosen_models
from tandemlab.automl.foreign_settings import checking_names, refuse_foreign
from tandemlab.automl.metrics import CLASSIFICATION, FORECASTING, TASKS, MetricKind, metric_kind
from tandemlab.automl.portfolio import check_models
from tandemlab.domain import InvalidInput
from tandemlab.domain.environments import Environment
from tandemlab.domain.jobs import Resources
from tandemlab.domain.pipeline_places import is_place, refuse_places, with_places
from tandemlab.domain.scalars import as_scalar
from tandemlab.domain.schemas import conform, key_of, nearest

if TYPE_CHECKING:
    from tandemlab.automl.automl_run import AutoMLRun
    from tandemlab.tracking import Experiment, Workspace

USUAL_MINUTES = 10.0
_DATA = ("training_data", "validation_data")


@checking_names
@dataclass(frozen=True)
class AutoMLConfig:
    """What a model is looked for, in which data, and for how long.

    ``experiment.submit(config)`` looks for it in a job on the compute target; its trials are child
    runs. `tandemlab.automl.fit` does the same in this process, without a workspace.

    Attributes:
        task: ``classification``, ``regression`` or ``forecasting``.
        training_data: a dataset, a data frame, or the path of a file (CSV, TSV, Parquet, Arrow,
            JSON lines).
        label_column_name: the column to predict.
        primary_metric: what trials are compared by: for classification ``log_loss`` (the usual
            one), ``AUC_weighted``, ``average_precision_score_weighted``, ``accuracy``,
            ``balanced_accuracy``, ``norm_macro_recall``, ``precision_score_weighted``,
            ``recall_score_weighted``, ``f1_score_weighted``, ``f1_score_macro``,
            ``matthews_correlation``; for regression ``root_mean_squared_error`` (the usual one),
            ``normalized_root_mean_squared_error``, ``mean_absolute_error``,
            ``normalized_mean_absolute_error``, ``median_absolute_error``, ``r2_score``,
            ``explained_variance``, ``spearman_correlation``.
        iterations: most configurations that are tried, without the ensembles. Where it is the only
            limit, the same seed gives the same result.
        experiment_timeout_minutes: when all is over, in minutes, parts of one too. Where neither
            this nor `iterations` is given, 10.
        iteration_timeout_minutes: when a trial is given up, or boosting stops and what has been
            learned counts.
        experiment_exit_score: a primary metric that is good enough to stop.
        max_concurrent_iterations: processes that train at once; None for as many as there are
            processors for: of the job's machine, on Ray of the whole cluster.
        max_cores_per_iteration: threads of each.
        featurization: ``auto``; ``off`` for data that are numbers already; or a
            `FeaturizationConfig`.
        allowed_models: the only ones that are tried: of ``LightGBM``, ``Linear``, ``ExtraTrees``,
            ``CatBoost``, ``XGBoost``, ``NeuralNetwork``, ``RandomForest``,
            ``HistGradientBoosting``, ``NearestNeighbors`` and ``ElasticNet``; None for all.
        blocked_models: those that are not tried.
        n_cross_validations: parts that the data are cut into: each configuration is trained as
            often, each time without one, and measured on that. None: 4 to 8, by the rows.
        validation_data: data to measure by, in the same forms as the training data.
        validation_size: instead, the share of the rows that are held out, above 0 and below 1.
        cv_split_column_names: instead, columns that say of each row 1 where it is trained on, and 0
            where it is measured on; a model for each column.
        weight_column_name: a column with weights of the rows.
        enable_early_stopping: whether to stop when 40 further configurations made nothing better.
        enable_voting_ensemble: whether several may be put together by a weighted mean.
        enable_stack_ensemble: whether a model of their predictions is tried, too.
        seed: of all that is drawn at random.
        compute_target: where the job runs.
        environment: packages that it needs there; None for what the interpreter has.
        memory: most that the job may use, such as ``"4GB"``; trials that use more than their share
            fail. On Ray each process on another machine may use as much.
        forecasting_parameters: for forecasting: `ForecastingParameters`, or its arguments as a
            mapping. Models are then ``SeasonalNaive``, ``Naive``, ``AutoTheta``, ``LightGBM``,
            ``AutoETS`` and ``AutoARIMA``; `n_cross_validations` are the earlier times from which
            forecasts are compared with what came. Metrics are those of regression and
            ``mean_absolute_percentage_error``, ``symmetric_mean_absolute_percentage_error`` and
            ``mean_absolute_scaled_error``.

    In an `AutoMLStep` parameters of the pipeline may stand for numbers, truth values and lists.

    Raises:
        InvalidInput: a value that cannot be one, or a name of SDK v1 that is called otherwise here;
            the message says how.

    >>> config = AutoMLConfig("regression", label_column_name="price", iterations=20)
    >>> config.replace(seed=7).to_dict()
    {'task': 'regression', 'label_column_name': 'price', 'iterations': 20, 'seed': 7}
    """

    task: str
    training_data: Any = None
    label_column_name: str | None = None
    primary_metric: str | None = None
    iterations: int | None = None
    experiment_timeout_minutes: float | None = None
    iteration_timeout_minutes: float | None = None
    experiment_exit_score: float | None = None
    max_concurrent_iterations: int | None = None
    max_cores_per_iteration: int = 1
    featurization: str | FeaturizationConfig = "auto"
    allowed_models: Sequence[str] | None = None
    blocked_models: Sequence[str] = ()
    n_cross_validations: int | None = None
    validation_data: Any = None
    validation_size: float | None = None
    cv_split_column_names: Sequence[str] = ()
    weight_column_name: str | None = None
    enable_early_stopping: bool = True
    enable_voting_ensemble: bool = True
    enable_stack_ensemble: bool = True
    seed: int = 0
    compute_target: str = "local"
    environment: Environment | str | None = None
    memory: str | None = None
    forecasting_parameters: ForecastingParameters | Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        fields = dataclasses.fields(self)
        if opened := [each for each in fields if is_place(getattr(self, each.name))]:
            usual = {each.name: each.default for each in opened}
            self.replace(**usual)  # the others are checked now, these once a pipeline fills them
            return
        if self.task not in TASKS:
            meant = nearest(str(self.task), TASKS)
            raise InvalidInput(
                f"{self.task!r} is no task.",
                hint=f"Did you mean {meant!r}?" if meant else f"Known are {', '.join(TASKS)}.",
            )
        metric_kind(self.task, self.primary_metric)
        for name, least in (
            ("iterations", 1),
            ("max_concurrent_iterations", 1),
            ("max_cores_per_iteration", 1),
            ("n_cross_validations", 2),
            ("seed", 0),
        ):
            _check_whole(name, getattr(self, name), least)
        for name in ("experiment_timeout_minutes", "iteration_timeout_minutes"):
            _check_number(name, getattr(self, name), 0, math.inf)
        _check_number("validation_size", self.validation_size, 0, 1)
        _check_number("experiment_exit_score", self.experiment_exit_score, -math.inf, math.inf)
        Resources(memory=self.memory)
        for name in ("enable_early_stopping", "enable_voting_ensemble", "enable_stack_ensemble"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidInput(f"{name} is True or False, not {getattr(self, name)!r:.60}.")
        if not isinstance(self.featurization, FeaturizationConfig) and self.featurization not in (
            "auto",
            "off",
        ):
            raise InvalidInput(
                f"featurization is 'auto', 'off' or a FeaturizationConfig, not "
                f"{self.featurization!r:.60}."
            )
        for name in ("allowed_models", "blocked_models", "cv_split_column_names"):
            if isinstance(getattr(self, name), str):
                raise InvalidInput(f"{name} is a list of names, not one text.")
        if self.task == FORECASTING:
            _check_forecasting(self)
        else:
            check_models(self.allowed_models, "allowed_models")
            check_models(self.blocked_models, "blocked_models")
            if self.allowed_models and set(self.allowed_models) <= set(self.blocked_models):
                raise InvalidInput(
                    "All allowed_models are in blocked_models.", hint="Block fewer of them."
                )
        ways = ("n_cross_validations", "validation_data", "validation_size")
        given = [name for name in ways if getattr(self, name) is not None]
        given += ["cv_split_column_names"] if self.cv_split_column_names else []
        if len(given) > 1:
            raise InvalidInput(
                f"Models are measured in one way, and {' and '.join(given)} are several.",
                hint="Leave out all but one.",
            )

    @property
    def metric(self) -> MetricKind:
        """The primary metric."""
        return metric_kind(self.task, self.primary_metric)

    @property
    def timeout_seconds(self) -> float | None:
        """When all is over; None where iterations alone are the limit."""
        minutes = self.experiment_timeout_minutes
        if minutes is None and self.iterations is None:
            minutes = USUAL_MINUTES
        return None if minutes is None else 60 * minutes

    @property
    def featurization_config(self) -> FeaturizationConfig:
        """What is configured of the columns."""
        found = self.featurization
        return found if isinstance(found, FeaturizationConfig) else FeaturizationConfig()

    @property
    def is_classification(self) -> bool:
        """Whether classes are predicted."""
        return self.task == CLASSIFICATION

    def replace(self, **changes: Any) -> AutoMLConfig:
        """A copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, without what is as usual, and without data in memory."""
        found = {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            usual = each.default_factory() if callable(each.default_factory) else each.default
            if each.name in _DATA:
                value, usual = _plain_data(value), None
            if not _same(value, usual):
                found[each.name] = _plain(value, each.name)
        return found

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> AutoMLConfig:
        """The configuration that `to_dict` gave.

        Raises:
            InvalidInput: keys that are not known, or values of another type; all of them are told.
        """
        from tandemlab.automl.automl_files import automl_schema

        refuse_foreign(content)
        value, mistakes = conform(content, with_places(automl_schema()))
        if mistakes:
            told = [": ".join(filter(None, (key_of(m.path), m.message))) for m in mistakes]
            raise InvalidInput(f"The configuration cannot be used. {'; '.join(told)}.")
        return build_config(value)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the configuration as a YAML file; the path.

        Data in memory are not written: give a path or a registered dataset.

        Raises:
            InvalidInput: a name that does not end in ``.yml`` or ``.yaml``.
        """
        from tandemlab.automl.automl_files import save_config

        self.refuse_places()
        return save_config(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> AutoMLConfig:
        """The configuration that a YAML file holds; paths in it are relative to the file.

        Raises:
            NotFound: there is no such file.
            InvalidInput: it cannot be used; the message has the line and key of each mistake.
        """
        from tandemlab.automl.automl_files import load_config

        return load_config(path)

    def refuse_places(self) -> None:
        """Refuse parameters of a pipeline, which only an `AutoMLStep` has values for.

        Raises:
            InvalidInput: one stands for a setting.
        """
        refuse_places(self.to_dict(), "the configuration", "an AutoMLStep")

    def check(self, workspace: Workspace) -> None:
        """Refuse what cannot be run in a workspace; nothing is made or changed.

        Raises:
            InvalidInput: data, target or environment cannot be used.
        """
        from tandemlab.automl.submitting import prepared

        with prepared(self, workspace) as script:
            script.check(workspace)

    def submit_to(
        self,
        experiment: Experiment,
        tags: Mapping[str, str | None],
        *,
        parent: str | None = None,
        run_id: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> AutoMLRun:
        """Queue a run of it; `Experiment.submit` is the usual way.

        Raises:
            InvalidInput: data, label, target or environment cannot be used; nothing was changed.
        """
        from tandemlab.automl.submitting import submit

        return submit(self, experiment, tags, parent=parent, run_id=run_id, properties=properties)


def _check_forecasting(config: AutoMLConfig) -> None:
    parameters_of(config.forecasting_parameters)
    chosen_models(config.allowed_models, config.blocked_models)
    other = ("validation_data", "validation_size", "cv_split_column_names", "weight_column_name")
    for name in other:
        if getattr(config, name):
            raise InvalidInput(
                f"{name} has no meaning for forecasts.",
                hint="They are measured from earlier times: n_cross_validations, cv_step_size.",
            )


def build_config(content: Mapping[str, Any]) -> AutoMLConfig:
    """The configuration of values that conform to the schema."""
    settings = dict(content)
    if isinstance(settings.get("featurization"), Mapping):
        settings["featurization"] = FeaturizationConfig(**settings["featurization"])
    if isinstance(settings.get("environment"), Mapping):
        settings["environment"] = Environment.from_dict(
            {"name": "environment", **settings["environment"]}
        )
    return AutoMLConfig(**settings)


def _same(value: Any, usual: Any) -> bool:
    if isinstance(value, (list, tuple)) and isinstance(usual, (list, tuple)):
        return list(value) == list(usual)
    return bool(type(value) is type(usual) and value == usual)


def _plain_data(value: Any) -> Any:
    """Data as a file has them: a path, or ``{"dataset": "NAME:VERSION"}``; else None."""
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    if isinstance(value, Mapping) and set(value) == {"dataset"}:
        return dict(value)
    name, version = getattr(value, "name", None), getattr(value, "version", None)
    if isinstance(name, str) and isinstance(version, int):
        return {"dataset": f"{name}:{version}"}
    return None


def _plain(value: Any, what: str) -> Any:
    if is_place(value):
        return value
    if isinstance(value, ForecastingParameters):
        return {name: _plain(item, name) for name, item in value.changed().items()}
    if isinstance(value, (FeaturizationConfig, Environment)):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): _plain(item, what) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, what) for item in value]
    return as_scalar(value, what=what.replace("_", " "))


def _check_whole(name: str, value: object, least: int) -> None:
    if value is not None and (
        not isinstance(value, int) or isinstance(value, bool) or value < least
    ):
        raise InvalidInput(f"{name} must be a whole number from {least} on, not {value!r}.")


def _check_number(name: str, value: object, above: float, below: float) -> None:
    if value is None:
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not above < value < below:  # type: ignore[operator]
        least = "" if math.isinf(above) else f" above {above:g}"
        most = "" if math.isinf(below) else f" and below {below:g}"
        raise InvalidInput(f"{name} must be a number{least}{most}, not {value!r:.60}.")
