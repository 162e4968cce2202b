"""Models of all series: what an ensemble is made of."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from tandemlab.automl.forecasting.global_model import GlobalModel, SeriesTable
from tandemlab.automl.forecasting.statistical import SeasonalNaive, fill_gaps

if TYPE_CHECKING:
    import numpy as np


class Stored:
    """A fitted model as its bytes, until it is asked for the first time.

    So whoever puts a forecast together need not import the libraries of its models.
    """

    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content
        self._model: Any = None

    @classmethod
    def of(cls, model: Any) -> Stored:
        """A model that is there."""
        return cls(pickle.dumps(model, protocol=5))

    @property
    def loaded(self) -> Any:
        """The model itself."""
        if self._content is not None:
            self._model, self._content = pickle.loads(self._content), None
        return self._model

    def predict(self, horizon: int) -> np.ndarray:
        """Forecast the next steps; see `StatsforecastModel.predict`."""
        made: np.ndarray = self.loaded.predict(horizon)
        return made

    def forward(self, values: np.ndarray, horizon: int) -> np.ndarray:
        """Forecast the steps behind other values; see `StatsforecastModel.forward`."""
        made: np.ndarray = self.loaded.forward(values, horizon)
        return made

    def __getstate__(self) -> dict[str, Any]:
        content = self._content
        return {"_content": content or pickle.dumps(self._model, protocol=5), "_model": None}


class Member(Protocol):
    """A model of all series."""

    name: str

    def forecast(self, table: SeriesTable, known: np.ndarray, horizon: int) -> np.ndarray:
        """Forecast the steps behind the known ones.

        Args:
            known: steps of each series that are known, shape ``(series,)``.

        Returns:
            Shape ``(series, horizon)``.
        """

    def warm_up(self) -> None:
        """Load what else is loaded with the first forecast."""


@dataclass
class LocalMember:
    """A model for each series.

    Attributes:
        models: of each series, fitted on its first ``fitted`` steps.
    """

    name: str
    models: Sequence[SeasonalNaive | Stored]
    fitted: np.ndarray

    def forecast(self, table: SeriesTable, known: np.ndarray, horizon: int) -> np.ndarray:
        """Forecast each series; where more is known than was, by the parameters estimated then."""
        import numpy as np

        rows = []
        for model, values, was, now in zip(
            self.models, table.values, self.fitted, known, strict=True
        ):
            if now == was:
                rows.append(model.predict(horizon))
            else:
                rows.append(model.forward(fill_gaps(values[:now]), horizon))
        return np.stack(rows)

    def warm_up(self) -> None:
        """Load the models."""
        for model in self.models:
            if isinstance(model, Stored):
                _ = model.loaded


@dataclass
class GlobalMember:
    """One model of all series."""

    name: str
    stored: Stored

    @property
    def model(self) -> GlobalModel:
        """The model itself."""
        found: GlobalModel = self.stored.loaded
        return found

    def forecast(self, table: SeriesTable, known: np.ndarray, horizon: int) -> np.ndarray:
        """Forecast all series; beyond the model's horizon by what it has forecast itself."""
        import numpy as np

        parts = [self.model.predict(table, known)]
        values = list(table.values)
        while sum(part.shape[1] for part in parts) < horizon:
            values = [
                np.concatenate([own[:count], made])
                for own, count, made in zip(values, known, parts[-1], strict=True)
            ]
            known = known + self.model.horizon
            parts.append(self.model.predict(replace(table, values=values), known))
        return np.concatenate(parts, axis=1)[:, :horizon]

    def warm_up(self) -> None:
        """Load the model."""
        _ = self.model
