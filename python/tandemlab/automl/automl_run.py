"""AutoMLRun: the run of a search, whose children are its trials."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tandemlab.automl.automl_config import AutoMLConfig
from tandemlab.automl.job import MODEL, SUMMARY, TRIAL_MODELS, child_id, trial_model
from tandemlab.automl.metrics import metric_kind
from tandemlab.domain import InvalidInput, InvalidState, RunQuery, RunRecord
from tandemlab.domain.scalars import as_scalars
from tandemlab.tracking import Run

if TYPE_CHECKING:
    import pandas

    from tandemlab.automl.documents import Document
    from tandemlab.automl.explanations import Explanation
    from tandemlab.automl.forecasting import Forecaster
    from tandemlab.automl.problem import Predictor
    from tandemlab.models import Model
    from tandemlab.tracking import Workspace

_NO_PARAMETER = "algorithm"
_STEP_MODEL = "outputs/model"  # the same model, where the run is a step of a pipeline


class AutoMLRun(Run):
    """The run of a search for the best model. Its children are the trials."""

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> AutoMLRun:
        """The automated run of that id.

        Raises:
            NotFound: there is no such run.
            InvalidInput: it is another kind of run.
        """
        record = workspace.get_record(run_id)
        if record.type != "automl":
            raise InvalidInput(
                f"Run {record.id} is the run of a {record.type}, not of automated ML.",
                details={"run_id": record.id},
            )
        return AutoMLRun(workspace, record.id, experiment=record.experiment)

    @cached_property
    def config(self) -> AutoMLConfig:
        """What was asked for; data that were in memory are files of the run's source."""
        return AutoMLConfig.from_dict(self.record.definition["automl"])

    def leaderboard_rows(self) -> list[dict[str, Any]]:
        """Trials as they are known now, the best first, those that were stopped or failed last.

        Keys are ``iteration``, ``run_id``, ``algorithm``, ``status`` (``completed``, ``stopped``
        or ``failed``), ``score`` (the primary metric), ``metrics``, ``parameters``, ``seconds``,
        ``folds``, ``pipeline`` and ``error``.
        """
        self.workspace.place.catch_up(self.id)
        records = list(self.workspace.store.find_runs(RunQuery(parent=self.id)))
        metrics = self._newest_metrics()
        kind = self.config.metric
        rows = [_row(record, metrics.get(record.id, {})) for record in records]

        def place(row: Mapping[str, Any]) -> tuple[bool, bool, float]:
            if row["score"] is None:
                return (True, True, row["iteration"])
            return (False, row["status"] != "completed", kind.loss(row["score"]))

        return sorted(rows, key=place)

    def _newest_metrics(self) -> dict[str, dict[str, Any]]:
        table = self.workspace.store.table_runs(RunQuery(parent=self.id))
        return {
            run_id: {
                name: column[at] for name, column in table.metrics.items() if column[at] is not None
            }
            for at, run_id in enumerate(table.fields["run_id"])
        }

    def leaderboard(self) -> pandas.DataFrame:
        """The trials as a frame, the best first; see `leaderboard_rows`."""
        import pandas

        return pandas.DataFrame(self.leaderboard_rows())

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What the search has found: ``best``, ``facts``, ``guardrails``, ``featurization`` ….

        Raises:
            InvalidState: it has not ended, or found nothing.
        """
        content = self.read_file(SUMMARY)
        if content is None:
            status = self.status
            raise InvalidState(
                f"Run {self.id} is {status} and has no model"
                f"{'.' if status.is_terminal else ' yet.'}",
                hint="wait_for_completion() tells why it failed."
                if status.is_terminal
                else "Wait for it; cancel() ends it with the best so far.",
                details={"run_id": self.id, "status": status.value},
            )
        return dict(json.loads(content))

    def get_output(
        self, iteration: int | None = None, metric: str | None = None
    ) -> tuple[Run, Predictor]:
        """The child run of the best trial, and its model, which takes raw frames.

        The model was made by this run's own job and is read with its code.

        Args:
            iteration: another trial. Models of single trials are kept, the best first, up to
                128 MiB together.
            metric: the best trial is that which is best by this metric; None: by the primary one.

        Raises:
            InvalidState: the run has not ended, found nothing, or has not kept that trial's model.
            InvalidInput: both are given, or the task has no such metric.
            NotFound: there is no such trial.
        """
        wanted = self.find_iteration(iteration, metric)
        return self.get_trial(wanted), self.load_model(wanted)

    def load_model(self, iteration: int | None = None) -> Predictor:
        """The model of the best trial, or of another; see `get_output`."""
        from tandemlab.models import load_model

        path = self.local_file(self.model_file(iteration))
        found: Predictor = load_model(path, format="joblib", trusted=True)
        return found

    def model_file(self, iteration: int | None = None) -> str:
        """Name of the run's file with the model of the best trial, or of another.

        Raises:
            InvalidState, NotFound: as `get_output`.
        """
        if iteration in (None, self.summary["best"]["iteration"]):
            return MODEL
        assert iteration is not None
        name = trial_model(iteration)
        if name in self.get_file_names():
            return name
        trial = self.get_trial(iteration)
        what = trial.properties.get("trial_status", "completed")
        raise InvalidState(
            f"Trial {iteration} of run {self.id} has no model: "
            + ("its model was not kept." if what == "completed" else f"it has {what}."),
            hint="get_output() without it gives the best one; models of single trials are kept, "
            "the best first, up to 128 MiB.",
            details={"run_id": self.id, "iteration": iteration},
        )

    def find_iteration(self, iteration: int | None = None, metric: str | None = None) -> int:
        """The number of the trial that `get_output` would give.

        Raises:
            InvalidState, InvalidInput: as `get_output`.
        """
        if iteration is not None and metric is not None:
            raise InvalidInput("Give iteration or metric, not both.")
        if iteration is not None:
            return iteration
        if metric is None:
            return int(self.summary["best"]["iteration"])
        kind = metric_kind(self.config.task, metric)
        kept = set(self.get_file_names())
        best = self.summary["best"]["iteration"]
        rows = [
            row
            for row in self.summary["leaderboard"]
            if row["metrics"].get(kind.name) is not None
            and (row["iteration"] == best or trial_model(row["iteration"]) in kept)
        ]
        return int(min(rows, key=lambda row: kind.loss(row["metrics"][kind.name]))["iteration"])

    def forecast(
        self,
        frame: Any = None,
        *,
        horizon: int | None = None,
        quantiles: Sequence[float] | None = None,
    ) -> pandas.DataFrame:
        """Forecast by the best model of a run for forecasting; see `Forecaster.forecast`.

        Raises:
            InvalidState: the run has not ended, found nothing, or is of another task.
        """
        return self._forecaster().forecast(frame, horizon=horizon, quantiles=quantiles)

    def rolling_forecast(
        self, frame: Any, *, step: int = 1, quantiles: Sequence[float] | None = None
    ) -> pandas.DataFrame:
        """Forecast from one origin after another; see `Forecaster.rolling_forecast`.

        Raises:
            InvalidState: as `forecast`.
        """
        return self._forecaster().rolling_forecast(frame, step=step, quantiles=quantiles)

    def _forecaster(self) -> Forecaster:
        from tandemlab.automl.forecasting import Forecaster

        model = self.load_model()
        if not isinstance(model, Forecaster):
            raise InvalidState(
                f"Run {self.id} is one for {self.config.task}, which forecasts nothing.",
                hint="get_output() gives its model, whose predict() takes rows.",
            )
        return model

    def explain(self, data: Any = None, **options: Any) -> Explanation:
        """How much the best model relies on each column.

        Args:
            data: rows that it was not trained on, with the label.
            options: of `FittedPipeline.explain`, or `Forecaster.explain`.

        Raises:
            InvalidState: the run has not ended, or found nothing.
        """
        model: Any = self.load_model()
        found: Explanation = model.explain(data, **options)
        return found

    def model_card(
        self, *, explanation: Explanation | None = None, about: Mapping[str, str] | None = None
    ) -> Document:
        """What is to be known of the best model: data, metrics, checks, trials, how it was made.

        Args:
            explanation: how much it relies on each column.
            about: what only people know, by heading, such as ``intended_use``.

        Raises:
            InvalidState: the run has not ended, or found nothing.
        """
        from tandemlab.automl.model_cards import model_card

        config = self.config.to_dict()
        return model_card(self.summary, config, run=self.id, explanation=explanation, about=about)

    def export_code(self, path: str | os.PathLike[str] | None = None) -> str:
        """The text of a script that trains the best model again without tandemlab.

        Args:
            path: of a file to write it to; None for none.

        Raises:
            InvalidState: the run has not ended, or found nothing.
        """
        from tandemlab.automl.exporting import export_code

        return export_code(self.load_model(), self.config, path)

    def get_trial(self, iteration: int) -> Run:
        """The child run of a trial.

        Raises:
            NotFound: there is none.
        """
        return self.workspace.get_run(child_id(self.id, iteration))

    def get_guardrails(self) -> list[dict[str, Any]]:
        """What was found in the data, and done about it: ``check``, ``status``, ``description``.

        Raises:
            InvalidState: the run has not ended, or found nothing.
        """
        return list(self.summary["guardrails"])

    def get_featurization_summary(self) -> list[dict[str, Any]]:
        """A row for each column: its purpose, whether it was dropped and why, its features.

        Raises:
            InvalidState: the run has not ended, or found nothing.
        """
        return list(self.summary["featurization"])

    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        *,
        iteration: int | None = None,
        metric: str | None = None,
        **details: Any,
    ) -> Model:
        """Register the best model, with what it takes and gives; see `Run.register_model`.

        Args:
            iteration, metric: another model, as for `get_output`.

        Raises:
            InvalidState: the run has not ended, found nothing, or has not kept that model.
        """
        if model_path is None:
            model_path = self.model_file(self.find_iteration(iteration, metric))
        if model_path in (MODEL, _STEP_MODEL) or model_path.startswith(f"{TRIAL_MODELS}/"):
            usual = {
                "signature": self.summary.get("signature"),
                "model_framework": "tandemlab.automl",
            }
            details |= {k: each for k, each in usual.items() if details.get(k) is None}
        found: Model = super().register_model(model_name, model_path, **details)
        return found

    def resume(self, tags: Mapping[str, str | None] | None = None) -> AutoMLRun:
        """Queue another run that goes on from the trials of this one, which failed or was canceled.

        Trials and folds that were finished are not done again. Its time begins anew; iterations
        count on.

        Raises:
            InvalidState: this run has not ended, or has left no trials here.
        """
        from tandemlab.automl.submitting import resume

        return resume(self, tags or {})


def _row(record: RunRecord, metrics: Mapping[str, Any]) -> dict[str, Any]:
    facts = record.properties
    params = as_scalars(record.params)
    score = facts.get("score")
    return {
        "iteration": int(facts.get("iteration", -1)),
        "run_id": record.id,
        "algorithm": facts.get("algorithm", record.display_name),
        "status": facts.get("trial_status", record.status.value.lower()),
        "score": None if score is None else float(score),
        "metrics": {name: value for name, value in metrics.items() if name != "seconds"},
        "parameters": {name: value for name, value in params.items() if name != _NO_PARAMETER},
        "seconds": metrics.get("seconds"),
        "folds": int(facts.get("folds", 0)),
        "pipeline": facts.get("pipeline", "").split("\n"),
        "error": record.error.message if record.error else None,
    }
