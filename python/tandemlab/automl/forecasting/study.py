"""All that models of a forecasting task are trained with, as processes share it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.automl.forecasting.calendar_features import calendar_features
from tandemlab.automl.forecasting.clock import Clock
from tandemlab.automl.forecasting.global_model import SeriesTable
from tandemlab.automl.forecasting.panel import Panel
from tandemlab.automl.forecasting.validation import Origins
from tandemlab.automl.shared_data import STUDY_FILE

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Study:
    """What models are trained with and measured by.

    Attributes:
        table: of the series, as the global model reads them.
        season: steps of one season; 1 for none.
        seed: of all that is drawn.
    """

    panel: Panel
    table: SeriesTable
    origins: Origins
    season: int
    seed: int

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return self.origins.horizon

    def write(self, folder: Path) -> None:
        """Put it where the processes that train find it."""
        (folder / STUDY_FILE).write_bytes(pickle.dumps(self, protocol=5))


def make_table(
    panel: Panel,
    clock: Clock,
    country: str | None,
    categorical: list[str],
    *,
    steps: int,
    values: list[np.ndarray] | None = None,
    features: list[np.ndarray] | None = None,
) -> SeriesTable:
    """Series as the global model reads them.

    Args:
        country: whose holidays count; None for none.
        categorical: columns whose numbers are codes.
        steps: behind the calendar that it reaches.
        values: the target, where more is known than the panel has.
        features: what is known ahead, likewise.
    """
    times = clock.wall(panel.extended_calendar(steps))
    names, parts = calendar_features(times, country)
    return SeriesTable(
        values=panel.values if values is None else values,
        first=panel.first,
        calendar=parts,
        features=panel.features if features is None else features,
        names=[*names, *panel.feature_names],
        categorical=categorical,
    )
