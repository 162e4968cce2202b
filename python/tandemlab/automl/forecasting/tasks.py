"""What processes are given to do: a part of a trial each."""

from __future__ import annotations

import pickle
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tandemlab.automl.forecasting.global_model import GlobalModel
from tandemlab.automl.forecasting.lag_features import Lags
from tandemlab.automl.forecasting.members import GlobalMember, Stored
from tandemlab.automl.forecasting.statistical import (
    SeasonalNaive,
    StatsforecastModel,
    fill_gaps,
    make_model,
)
from tandemlab.automl.forecasting.study import Study
from tandemlab.automl.shared_data import SharedData

if TYPE_CHECKING:
    import numpy as np


_MEASURED_SHARE = 0.4  # of the time of a global model, in which the one to be measured is trained
_FINAL_SHARE = 0.8  # of what is left then, in which the final one is
_SAMPLED = 3  # series of a task whose forms are chosen where it is sparing


@dataclass(frozen=True)
class TaskResult:
    """What became of a task; what it has made is in its file.

    Attributes:
        fold: which part of the trial it was.
        seconds: of work.
        error: why it made nothing; None if it did.
        node: of the cluster, that did it; None for the machine of the search.
    """

    iteration: int
    fold: int
    seconds: float = 0.0
    error: str | None = None
    node: str | None = None


@dataclass(frozen=True)
class LocalPart:
    """Models of some series.

    Attributes:
        series: their places in the panel.
        forecasts: from the origins, shape ``(series, folds, horizon)``; NaN where there are none.
        models: fitted on all that is known of each series.
    """

    series: list[int]
    forecasts: np.ndarray
    models: Sequence[SeasonalNaive | Stored]


@dataclass(frozen=True)
class GlobalPart:
    """One model of all series.

    Attributes:
        forecasts: from the origins, shape ``(series, folds, horizon)``.
        rounds: of boosting.
    """

    forecasts: np.ndarray
    member: GlobalMember
    rounds: int


@dataclass(frozen=True)
class Task:
    """A part of a trial.

    Attributes:
        iteration: of the trial.
        fold: which part of the trial it is.
        algorithm: name of the model.
        path: of the file that it writes, below the folder of all trials.
        deadline: by `time.monotonic`, which all processes of a machine share.
    """

    is_at_home = False
    iteration: int
    fold: int
    algorithm: str
    path: str
    deadline: float

    def run(self, data: SharedData) -> TaskResult:
        """Do it."""
        began = time.monotonic()
        part = self.train(data.study)
        place = data.trials / self.path
        place.parent.mkdir(parents=True, exist_ok=True)
        whole = place.with_suffix(".part")
        whole.write_bytes(pickle.dumps(part, protocol=5))
        whole.replace(place)
        seconds = time.monotonic() - began
        return TaskResult(self.iteration, self.fold, seconds, node=data.node)

    def lost(self, reason: str) -> TaskResult:
        """What there is to say if the process was ended, or could not do it."""
        return TaskResult(self.iteration, self.fold, error=reason)

    def train(self, study: Study) -> Any:
        """Make what the file is to hold."""
        raise NotImplementedError


@dataclass(frozen=True)
class LocalTask(Task):
    """Fit one kind of model to some series.

    Attributes:
        series: their places in the panel.
        is_sparing: whether there are many: the form that is chosen most often for the first ones is
            taken for all, and forecasts from later origins go by what was estimated at the first.
    """

    series: tuple[int, ...] = ()
    is_sparing: bool = False

    def train(self, study: Study) -> LocalPart:
        """Fit series after series, as long as there is time."""
        import numpy as np

        done, forecasts, models = [], [], []
        forms: Counter[str | None] = Counter()
        for place, series in enumerate(self.series):
            if time.monotonic() > self.deadline:
                break
            is_sampled = not self.is_sparing or place < _SAMPLED
            form = None if is_sampled or not forms else forms.most_common(1)[0][0]
            found = self._fit(study, series, form)
            if found is None and form is not None:  # which does not suit all, such as zeros
                found = self._fit(study, series, None)
            if found is None:
                continue  # of this series the fallback is taken
            made, model = found
            if isinstance(model, StatsforecastModel):
                forms[model.chosen_form] += 1
            done.append(series)
            forecasts.append(made)
            models.append(Stored.of(model))
        if not done:
            raise ValueError("no series could be fitted")
        return LocalPart(done, np.stack(forecasts), models)

    def _fit(
        self, study: Study, series: int, form: str | None
    ) -> tuple[np.ndarray, SeasonalNaive | StatsforecastModel] | None:
        """What `fit_series` gives; None where it fails, or forecasts what are no numbers."""
        import numpy as np

        try:
            made, model = fit_series(
                study, self.algorithm, series, form, is_sparing=self.is_sparing
            )
        except (ValueError, ArithmeticError, IndexError, np.linalg.LinAlgError, TypeError):
            return None
        is_whole = np.isfinite(made[~np.isnan(study.origins.actual[series])]).all()
        return (made, model) if is_whole else None


@dataclass(frozen=True)
class GlobalTask(Task):
    """Train one model of all series.

    Attributes:
        lags: what it sees of the past.
        settings: of LightGBM.
        threads: that it may use.
    """

    lags: Lags = field(kw_only=True)
    settings: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1

    def train(self, study: Study) -> GlobalPart:
        """Train on what was known at the first origin, measure, and train on all."""
        import numpy as np

        origins = study.origins
        left = self.deadline - time.monotonic()
        known = study.panel.lengths
        first = np.array([counts[counts > 0].min(initial=2**31) for counts in origins.known])
        begun = np.minimum(first, known)
        model = self._model(study).fit(study.table, begun, seconds=_MEASURED_SHARE * left)
        forecasts = np.full(origins.actual.shape, np.nan)
        for fold in range(origins.folds):
            there = origins.known[:, fold] > 0
            at = np.where(there, origins.known[:, fold], known)
            forecasts[:, fold] = np.where(there[:, None], model.predict(study.table, at), np.nan)
        if not np.isfinite(forecasts[~np.isnan(origins.actual)]).all():
            raise ValueError("the model forecasts values that are no numbers")
        left = self.deadline - time.monotonic()
        final = self._model(study).fit(
            study.table, known, rounds=model.rounds, seconds=_FINAL_SHARE * left
        )
        return GlobalPart(forecasts, GlobalMember(self.algorithm, Stored.of(final)), final.rounds)

    def _model(self, study: Study) -> GlobalModel:
        return GlobalModel(
            self.lags,
            study.horizon,
            seed=study.seed,
            parameters=dict(self.settings),
            threads=self.threads,
        )


def fit_series(
    study: Study,
    algorithm: str,
    series: int,
    form: str | None = None,
    *,
    is_sparing: bool = False,
) -> tuple[np.ndarray, SeasonalNaive | StatsforecastModel]:
    """Forecasts of one series from its origins, and the model that is fitted on all of it.

    Args:
        form: of the model; see `StatsforecastModel`.
        is_sparing: whether parameters are estimated at the first origin for all of them.

    Returns:
        Shape ``(folds, horizon)``, and the model.
    """
    import numpy as np

    values = study.panel.values[series]
    made = np.full((study.origins.folds, study.horizon), np.nan)
    first = None
    known = study.origins.known[series]
    for fold in sorted(range(len(known)), key=lambda each: known[each]):
        if not known[fold]:
            continue
        past = fill_gaps(values[: known[fold]])
        if first is not None and is_sparing:
            made[fold] = first.forward(past, study.horizon)
            continue
        first = make_model(algorithm, study.season, form).fit(past)
        made[fold] = first.predict(study.horizon)
    if form is None and is_sparing and isinstance(first, StatsforecastModel):
        form = first.chosen_form
    return made, make_model(algorithm, study.season, form).fit(fill_gaps(values))
