"""TrainingTask: one configuration, trained and measured on a part of the data, by a worker."""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tandemlab.automl.shared_data import SharedData
from tandemlab.store.durable import write_file


@dataclass(frozen=True)
class TrainingResult:
    """What became of a task.

    Attributes:
        loss: by the primary metric, small is good.
        proper: log loss or root mean squared error, whatever the primary metric.
        seconds: of work.
        rounds: trees or epochs that count; 0 for models that have none.
        node: of the cluster, that did it; None for the machine of the search.
    """

    iteration: int
    fold: int
    loss: float = float("inf")
    proper: float = float("inf")
    seconds: float = 0.0
    rounds: int = 0
    error: str | None = None
    node: str | None = None


@dataclass(frozen=True)
class TrainingTask:
    """A part of a trial: one configuration, trained on all parts of the data but one.

    Attributes:
        folder: of the trial, below that of all trials. ``fold-N.model`` and ``fold-N.npy``
            (predictions for the fold's rows) go there, and last ``fold-N.json``, the result.
        deadline: by `time.monotonic`, which all processes of a machine share.
        most_rows: more rows than that are sampled.
    """

    is_at_home = False
    iteration: int
    fold: int
    algorithm: str
    parameters: Mapping[str, Any]
    folder: str
    deadline: float
    seed: int
    threads: int
    most_rows: int

    def run(self, data: SharedData) -> TrainingResult:
        """Do it."""
        began = time.monotonic()
        folder = data.trials / self.folder
        loss, proper, rounds = _train(self, data, folder)
        result = TrainingResult(
            self.iteration,
            self.fold,
            loss,
            proper,
            seconds=time.monotonic() - began,
            rounds=rounds,
            node=data.node,
        )
        content = json.dumps(asdict(result)).encode()
        write_file(folder / f"fold-{self.fold}.json", content, flush=False)
        return result

    def lost(self, reason: str) -> TrainingResult:
        """The result if it could not be done."""
        return TrainingResult(self.iteration, self.fold, error=reason)


def _train(task: TrainingTask, data: SharedData, folder: Path) -> tuple[float, float, int]:
    import warnings

    import numpy

    from tandemlab.automl.estimators import Lesson, TrainedFold
    from tandemlab.automl.metrics import METRICS, log_loss, measure_one

    about = data.about
    train, held = data.rows(task.fold)
    if len(train) > task.most_rows:
        source = numpy.random.default_rng(task.seed)
        train = numpy.sort(source.choice(train, task.most_rows, replace=False))
    weights = data.weights
    lesson = Lesson(
        x=numpy.asarray(data.x[train]),
        y=numpy.asarray(data.y[train]),
        weights=None if weights is None else numpy.asarray(weights[train]),
        held_x=numpy.asarray(data.x[held]),
        held_y=numpy.asarray(data.y[held]),
        held_weights=None if weights is None else numpy.asarray(weights[held]),
        classes=about["classes"],
        categories=about["categories"],
        levels=about["levels"],
        parameters=task.parameters,
        threads=task.threads,
        seed=task.seed,
        deadline=task.deadline,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = TrainedFold(task.algorithm, lesson)
        predicted = model.predict(lesson.held_x)
    if not numpy.isfinite(predicted).all():
        raise ValueError("the model gives values that are no numbers")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"fold-{task.fold}.model").write_bytes(pickle.dumps(model, protocol=5))
    numpy.save(folder / f"fold-{task.fold}.npy", predicted.astype("float32"))
    kind = METRICS[about["task"]][about["metric"]]
    truth, of_held = lesson.held_y, lesson.held_weights
    loss = measure_one(kind, about["task"], truth, predicted, of_held)
    if about["classes"]:
        return loss, log_loss(truth, predicted, of_held), model.rounds
    proper = float(numpy.sqrt(numpy.average((truth - predicted) ** 2, weights=of_held)))
    return loss, proper, model.rounds
