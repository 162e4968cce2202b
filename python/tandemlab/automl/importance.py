"""Which columns the best trial relies on, found out by a worker while the ensemble is made."""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.automl.explanations import PERMUTATION, Explanation
from tandemlab.automl.measuring import Candidate
from tandemlab.automl.shared_data import SharedData

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_ROWS = 1000
_LEAST_ROWS = 50
_MOST_FOLDS = 3


@dataclass(frozen=True)
class ImportanceTask:
    """Permutation importance of a trial, on rows that its models have not seen.

    Attributes:
        sources: the column of the frame that each feature comes from.
        deadline: by `time.monotonic`; each fold that is done by then counts.
    """

    is_at_home = True
    candidate: Candidate
    sources: Sequence[str]
    deadline: float
    seed: int

    def run(self, data: SharedData) -> Explanation | None:
        """Do it; None if the time does not suffice for one fold."""
        import warnings

        import numpy

        found: list[dict[str, float]] = []
        rows = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for fold in self.candidate.folds[:_MOST_FOLDS]:
                losses, count = self._of_fold(data, fold)
                if losses is None:
                    break
                found.append(losses)
                rows += count
        if not found:
            return None
        means = {name: float(numpy.mean([each[name] for each in found])) for name in found[0]}
        spread = {name: float(numpy.std([each[name] for each in found])) for name in found[0]}
        order = sorted(means, key=means.__getitem__, reverse=True)
        return Explanation(
            PERMUTATION,
            data.about["metric"],
            {name: means[name] for name in order},
            {name: spread[name] for name in order} if len(found) > 1 else {},
            rows,
        )

    def lost(self, reason: str) -> Explanation | None:
        """The result if it could not be done."""
        return None

    def _of_fold(self, data: SharedData, fold: int) -> tuple[dict[str, float] | None, int]:
        """How much worse the model of a fold gets without each column; None if time is up."""
        import numpy

        from tandemlab.automl.metrics import METRICS, measure_one

        kind = METRICS[data.about["task"]][data.about["metric"]]
        places = _places(self.sources)
        model = pickle.loads(Path(self.candidate.folder, f"fold-{fold}.model").read_bytes())
        source = numpy.random.default_rng([self.seed, fold])
        held = data.rows(fold)[1]
        rows = self._rows_in_time(data, model, held, source, len(places))
        if rows is None:
            return None, 0
        x = numpy.array(data.x[rows])
        truth = numpy.asarray(data.y[rows])
        weights = None if data.weights is None else numpy.asarray(data.weights[rows])

        def loss() -> float:
            return measure_one(kind, data.about["task"], truth, model.predict(x), weights)

        base = loss()
        found = {}
        for name, columns in places.items():
            if time.monotonic() > self.deadline:
                return None, 0
            kept = x[:, columns].copy()
            x[:, columns] = kept[source.permutation(len(rows))]
            found[name] = loss() - base
            x[:, columns] = kept
        return found, len(rows)

    def _rows_in_time(
        self, data: SharedData, model: Any, held: NDArray[Any], source: Any, columns: int
    ) -> NDArray[Any] | None:
        """As many rows of those held out as there is time for; None if that is too few."""
        import numpy

        rows = held
        if len(rows) > _MOST_ROWS:
            rows = numpy.sort(source.choice(held, _MOST_ROWS, replace=False))
        model.predict(numpy.asarray(data.x[rows[:1]]))  # what is done at the first time only
        began = time.monotonic()
        model.predict(numpy.asarray(data.x[rows]))
        needed = (time.monotonic() - began) * columns * 1.2
        left = self.deadline - time.monotonic()
        if needed <= left:
            return rows
        count = int(len(rows) * left / needed)
        return None if count < _LEAST_ROWS else rows[:: -(-len(rows) // count)]


def _places(sources: Sequence[str]) -> dict[str, list[int]]:
    """Which features come from each column."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(sources):
        found.setdefault(name, []).append(place)
    return found
