"""Trials: what one configuration came to, for people and programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Chart:
    """A chart of a trial, in the form that runs log.

    Attributes:
        kind: ``accuracy_table``, ``confusion_matrix``, ``residuals``, ``predictions`` or ``table``.
    """

    kind: str
    name: str
    value: Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """One configuration that was tried.

    Attributes:
        iteration: 0, 1, 2 … in the order in which they began.
        status: ``completed``, ``stopped`` (not worth more time, or a fold failed) or ``failed`` (no
            fold was finished).
        score: the primary metric on rows that the model was not trained on; None if it failed.
        seconds: work that it took, all folds together.
        folds: parts of the data that it was trained and measured on.
        pipeline: what happens to the data, step by step.
        error: why it, or one of its folds, failed.
        nodes: names of the machines of a cluster that it was trained on; none for the machine of
            the search.
    """

    iteration: int
    algorithm: str
    parameters: Mapping[str, Any]
    status: str
    score: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    folds: int = 0
    pipeline: Sequence[str] = ()
    error: str | None = None
    charts: Sequence[Chart] = ()
    nodes: Sequence[str] = ()

    def row(self) -> dict[str, Any]:
        """As a row of the leaderboard."""
        return {
            "iteration": self.iteration,
            "algorithm": self.algorithm,
            "status": self.status,
            "score": self.score,
            "seconds": round(self.seconds, 3),
            "folds": self.folds,
            "parameters": dict(self.parameters),
            "metrics": dict(self.metrics),
            "pipeline": list(self.pipeline),
            "error": self.error,
        }
