"""fit: automated machine learning in this process, without a workspace."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.automl.automl_config import AutoMLConfig
from tandemlab.automl.frames import as_frame
from tandemlab.automl.metrics import CLASSIFICATION, REGRESSION
from tandemlab.automl.problem import (
    Budget,
    Outcome,
    Predictor,
    Problem,
    search_of,
    slowness,
)
from tandemlab.automl.trial_folders import temporary_trials
from tandemlab.automl.trials import Trial
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas

    from tandemlab.automl.documents import Document
    from tandemlab.automl.explanations import Explanation
    from tandemlab.automl.worker_pool import Cluster

_FEW_VALUES = 20


@dataclass(frozen=True)
class AutoMLResult:
    """What `fit` has found.

    Attributes:
        model: the best of all; it takes raw frames.
        trials: what was tried, in the order in which it began; ensembles come last.
        best: the trial that the model is.
        guardrails: what was found in the data, and done about it.
        featurization: a row for each column.
        facts: further values, such as ``metrics`` of the best.
        config: what was asked for.
        seconds: that it took.
        explanation: which columns the best trial relies on; None where there was no time to look.
        models: by iteration what gives the model of a trial alone, as long as the trials' folder
            is there.
    """

    config: AutoMLConfig
    model: Predictor
    trials: Sequence[Trial]
    best: Trial
    guardrails: Sequence[Mapping[str, Any]]
    featurization: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any]
    seconds: float
    explanation: Explanation | None = None
    models: Mapping[int, Callable[[], Predictor]] = field(default_factory=dict, repr=False)

    def predict(self, frame: Any) -> Any:
        """See `FittedPipeline.predict`."""
        return self.model.predict(frame)

    def predict_proba(self, frame: Any) -> Any:
        """See `FittedPipeline.predict_proba`."""
        return self.model.predict_proba(frame)  # type: ignore[attr-defined]

    def leaderboard(self) -> pandas.DataFrame:
        """A row for each trial, the best first."""
        import pandas

        return pandas.DataFrame(leaderboard_rows(self.config, self.trials))

    def explain(self, data: Any = None, **options: Any) -> Explanation:
        """How much the model relies on each column; see `FittedPipeline.explain`."""
        return self.model.explain(data, **options)  # type: ignore[attr-defined]

    def export_code(self, path: str | os.PathLike[str] | None = None) -> str:
        """The text of a script that trains the model again without tandemlab.

        Args:
            path: of a file to write it to; None for none.
        """
        from tandemlab.automl.exporting import export_code

        return export_code(self.model, self.config, path)

    def model_card(self, **about: Any) -> Document:
        """What is to be known of the model; see `tandemlab.automl.model_cards.model_card`."""
        from tandemlab.automl.model_cards import model_card

        return model_card(summary_of(self), self.config.to_dict(), **about)

    def __repr__(self) -> str:
        score = "no score" if self.best.score is None else f"{self.best.score:.6g}"
        return (
            f"AutoMLResult({self.best.algorithm}: {self.config.metric.name} {score}, "
            f"{len(self.trials)} trials, {self.seconds:.1f} s)"
        )


def summary_of(found: AutoMLResult, data: pandas.DataFrame | None = None) -> dict[str, Any]:
    """What a search has found, as plain values.

    Args:
        data: that models were trained on, whose size is told.
    """
    content: dict[str, Any] = {
        "best": {"iteration": found.best.iteration},
        "guardrails": list(found.guardrails),
        "featurization": list(found.featurization),
        "facts": dict(found.facts),
        "seconds": found.seconds,
        "leaderboard": leaderboard_rows(found.config, found.trials),
    }
    if found.explanation is not None:
        content["explanation"] = found.explanation.to_dict()
    if data is not None:
        content["data"] = {"rows": len(data), "columns": len(data.columns)}
    return content


def leaderboard_rows(config: AutoMLConfig, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Trials as rows, the best first; those that failed last."""
    kind = config.metric

    def place(trial: Trial) -> tuple[bool, bool, float]:
        if trial.score is None:
            return (True, True, 0.0)
        return (False, trial.status != "completed", kind.loss(trial.score))

    return [trial.row() for trial in sorted(trials, key=place)]


def fit(
    data: Any,
    target: str,
    task: str | None = None,
    *,
    timeout: float | None = None,
    on_trial: Callable[[Trial], None] | None = None,
    stopped: Callable[[], bool] | None = None,
    folder: str | Path | None = None,
    **settings: Any,
) -> AutoMLResult:
    """Look for the best model of a table, in processes of this machine.

    Args:
        data: a data frame, a dataset, or the path of a file.
        target: the column to predict.
        task: ``classification``, ``regression`` or ``forecasting``; if None it is found out from
            the column which of the first two it is.
        timeout: seconds that all may take; 60 if neither it nor ``iterations`` is given.
        on_trial: is told of each trial as it ends.
        stopped: is asked now and then whether to come to an end, with what there is.
        folder: where trials are kept while it works: if it was killed, the same call goes on from
            there. None: a temporary one.
        settings: the other attributes of an `AutoMLConfig`, such as ``iterations=20``.

    Raises:
        InvalidInput: nothing can be learned from the data, and why.
        InvalidState: no model was finished in the time.

    >>> import pandas
    >>> rows = pandas.DataFrame({"x": range(60), "y": [0.5 * x for x in range(60)]})
    >>> found = fit(rows, "y", iterations=1, allowed_models=["Linear"], n_cross_validations=3)
    >>> round(float(found.predict({"x": [30]})[0]))
    15
    """
    started = time.monotonic()
    frame = as_frame(data)
    if timeout is not None:
        settings["experiment_timeout_minutes"] = timeout / 60
    elif "iterations" not in settings and "experiment_timeout_minutes" not in settings:
        settings["experiment_timeout_minutes"] = 1.0
    if task is None:
        task = task_of(frame, target)
    config = AutoMLConfig(task, label_column_name=target, **settings)
    with temporary_trials() as temporary:
        found = search(
            config,
            frame,
            temporary / "trials" if folder is None else Path(folder),
            temporary / "scratch",
            started=started,
            on_trial=on_trial,
            stopped=stopped,
        )
    return replace(found, models={}) if folder is None else found


def search(
    config: AutoMLConfig,
    frame: pandas.DataFrame,
    folder: Path,
    scratch: Path,
    *,
    started: float,
    on_trial: Callable[[Trial], None] | None = None,
    stopped: Callable[[], bool] | None = None,
    validation: Any = None,
    afterwards: float = 0.0,
    cluster: Cluster | None = None,
) -> AutoMLResult:
    """What `fit` and the job of a run stand on.

    Args:
        folder: where trials are kept.
        scratch: a folder of its own, for what is of no use once it has ended.
        started: when the clock began, by `time.monotonic`.
        validation: data to measure by, instead of those that the configuration names.
        afterwards: seconds of the time that the caller needs on an idle machine, once it has ended.
        cluster: whose machines train, too; None for this one alone.
    """
    seconds = config.timeout_seconds
    if seconds is not None:
        seconds -= min(0.2 * seconds, afterwards * slowness())
    deadline = None if seconds is None else started + seconds
    held = config.validation_data if validation is None else validation
    outcome: Outcome = search_of(config.task)(
        Problem(
            config=config,
            frame=frame,
            validation=None if held is None else as_frame(held, "The validation data"),
            budget=Budget(deadline, config.iterations, started),
            folder=folder,
            scratch=scratch,
            report=on_trial or (lambda trial: None),
            stopped=stopped or (lambda: False),
            cluster=cluster,
        )
    )
    best = next(trial for trial in outcome.trials if trial.iteration == outcome.best)
    return AutoMLResult(
        config,
        outcome.predictor,
        outcome.trials,
        best,
        outcome.guardrails,
        outcome.featurization,
        outcome.facts,
        time.monotonic() - started,
        outcome.explanation,
        outcome.models,
    )


def task_of(frame: pandas.DataFrame, target: str) -> str:
    """What is to be done by a column: texts, truth values and few whole numbers are classes.

    Raises:
        InvalidInput: there is no such column.
    """
    from pandas.api import types

    from tandemlab.domain.schemas import nearest

    if target not in frame.columns:
        meant = nearest(target, map(str, frame.columns))
        raise InvalidInput(
            f"The data have no column {target!r}, which is the label that was asked for.",
            hint=f"Did you mean {meant!r}?"
            if meant
            else f"There are {', '.join(map(str, frame.columns[:10]))}.",
            details={"column": target},
        )
    values = frame[target].dropna()
    if types.is_bool_dtype(values.dtype) or not types.is_numeric_dtype(values.dtype):
        return CLASSIFICATION
    whole = bool((values % 1 == 0).all())
    few = values.nunique() <= min(_FEW_VALUES, max(2, len(values) // 10))
    return CLASSIFICATION if whole and few else REGRESSION
