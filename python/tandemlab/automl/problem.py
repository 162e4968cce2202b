"""What a search is asked, and what it answers: the seam between the run and each kind of task."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tandemlab.automl.metrics import CLASSIFICATION, FORECASTING, REGRESSION
from tandemlab.automl.trials import Trial

if TYPE_CHECKING:
    import pandas

    from tandemlab.automl.automl_config import AutoMLConfig
    from tandemlab.automl.explanations import Explanation
    from tandemlab.automl.worker_pool import Cluster


@dataclass(frozen=True)
class Budget:
    """How long a search may take, and how many trials.

    Attributes:
        deadline: when all is to be over, by `time.monotonic`; None for no limit.
        iterations: most trials; None for no limit.
        started: when the clock began, by `time.monotonic`.
    """

    deadline: float | None = None
    iterations: int | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float | None:
        """The whole time; None for no limit."""
        return None if self.deadline is None else self.deadline - self.started

    @property
    def left(self) -> float:
        """Seconds that are left; infinite without a limit."""
        return float("inf") if self.deadline is None else self.deadline - time.monotonic()


@dataclass(frozen=True)
class Problem:
    """What a search is given.

    Attributes:
        frame: the training data, as they came.
        validation: data to measure by; None where parts of the training data serve.
        folder: where trials keep what they have made, so that a search that was killed goes on
            from there: what is there already is not done again.
        scratch: an empty folder for what is of no use once the search has ended.
        report: is told of each trial as it ends.
        stopped: whether to come to an end now, with what there is.
        cluster: whose machines train, too; None for this one alone.
    """

    config: AutoMLConfig
    frame: pandas.DataFrame
    validation: pandas.DataFrame | None
    budget: Budget
    folder: Path
    scratch: Path
    report: Callable[[Trial], None] = lambda trial: None
    stopped: Callable[[], bool] = lambda: False
    cluster: Cluster | None = None


class Predictor(Protocol):
    """What a search has learned. It can be pickled, and knows what it needs."""

    def predict(self, frame: Any) -> Any:
        """An answer for each row of a raw frame."""


@dataclass(frozen=True)
class Outcome:
    """What a search gives.

    Attributes:
        predictor: the best of all, ready for raw frames.
        trials: in the order in which they began; ensembles come last.
        best: iteration of the trial that the predictor is.
        guardrails: what was found in the data, and done about it: ``check``, ``status``
            (``passed``, ``done``, ``alerted``), ``description``.
        featurization: a row for each column of the frame.
        facts: further values for people, such as the threshold between two classes.
        models: by iteration of the trials that were completed what gives the model of that trial
            alone, as long as their folder is there.
        explanation: which columns the best trial relies on; None where there was no time to look.
    """

    predictor: Predictor
    trials: Sequence[Trial]
    best: int
    models: Mapping[int, Callable[[], Predictor]]
    guardrails: Sequence[Mapping[str, Any]] = ()
    featurization: Sequence[Mapping[str, Any]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    explanation: Explanation | None = None


class Search(Protocol):
    """Looks for the best model of a kind of task."""

    def __call__(self, problem: Problem) -> Outcome:
        """Search until the budget is spent.

        Raises:
            InvalidInput: nothing can be learned from the data.
        """


_HOMES = {
    CLASSIFICATION: "tandemlab.automl.tabular_search",
    REGRESSION: "tandemlab.automl.tabular_search",
    FORECASTING: "tandemlab.automl.forecasting.search",
}


def search_of(task: str) -> Search:
    """The search for a kind of task: the function ``search`` of its module."""
    found: Search = import_module(_HOMES[task]).search
    return found


def slowness() -> float:
    """How many times longer work takes on a machine that others use, too: 1 to 3."""
    try:
        load = os.getloadavg()[0]
    except OSError:
        return 1.0
    return min(3.0, max(1.0, load / (os.cpu_count() or 1)))
