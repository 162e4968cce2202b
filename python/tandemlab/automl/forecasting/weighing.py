"""Weights of models by how well they forecast from earlier origins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tandemlab.automl.ensembles import select
from tandemlab.automl.forecasting.measures import loss_of
from tandemlab.automl.forecasting.validation import Origins

if TYPE_CHECKING:
    import numpy as np

_EVEN = 4  # models that share even weights
_NEAR = 1.5  # times the least loss, up to which a model is among them
_TELLING = 10  # forecasts of a series after which chosen weights count as much as even ones


def choose_weights(origins: Origins, forecasts: Sequence[np.ndarray], metric: str) -> list[float]:
    """Weights that were good at the origins, and even ones the more, the fewer origins there are.

    Weights that are chosen by a few forecasts follow chance, and an even mean of good models is
    hard to beat (J. Smith and K. F. Wallis, "A simple explanation of the forecast combination
    puzzle", 2009).

    Args:
        forecasts: of each model, shape ``(series, folds, horizon)``.

    Returns:
        A weight for each model, 1 together.
    """
    chosen = select(forecasts, lambda made: loss_of(origins, made, metric))
    losses = [loss_of(origins, made, metric) for made in forecasts]
    even = _even(losses)
    seen = int((origins.known > 0).sum())
    trust = seen / (seen + _TELLING)
    return [trust * own + (1 - trust) * one for own, one in zip(chosen, even, strict=True)]


def _even(losses: Sequence[float]) -> list[float]:
    """Even weights of the best models, of those that are not far from the best.

    >>> _even([1.0, 1.2, 9.0])
    [0.5, 0.5, 0.0]
    """
    least = min(losses)
    order = sorted(range(len(losses)), key=losses.__getitem__)[:_EVEN]
    near = [place for place in order if losses[place] <= least + abs(least) * (_NEAR - 1)]
    return [1 / len(near) if place in near else 0.0 for place in range(len(losses))]
