"""Prediction intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from tandemlab.automl.forecasting.intervals import check_quantiles, learn_intervals
from tandemlab.automl.forecasting.validation import Origins
from tandemlab.domain import InvalidInput


def origins_of(error: np.ndarray) -> Origins:
    series, _, horizon = error.shape
    return Origins(
        horizon,
        np.full(error.shape[:2], 50),
        error,
        np.ones(series),
        np.ones(series),
    )


@pytest.mark.parametrize("inside", [0.5, 0.8, 0.95])
def test_intervals_cover_as_often_as_they_say(inside: float) -> None:
    random = np.random.default_rng(7)
    spread = np.sqrt(np.arange(1, 9))  # errors grow as those of a random walk
    scales = np.array([1.0, 10.0, 100.0, 0.1] * 10)
    errors = random.normal(size=(40, 6, 8)) * spread * scales[:, None, None]
    seen, later = errors[:, :3], errors[:, 3:]
    origins = origins_of(seen)
    origins.scales[:] = scales

    intervals = learn_intervals(origins, np.zeros_like(seen))

    low = intervals.offset((1 - inside) / 2, 8)[:, None]
    high = intervals.offset((1 + inside) / 2, 8)[:, None]
    covered = (low <= later) & (later <= high)
    assert abs(covered.mean() - inside) < 0.05
    # of each step and each series as well, not only on the whole
    assert np.abs(covered.mean(axis=(0, 1)) - inside).max() < 0.12
    assert np.abs(covered.reshape(10, 4, -1).mean(axis=(0, 2)) - inside).max() < 0.12


def test_quantiles_do_not_cross_and_grow_beyond_the_horizon() -> None:
    errors = np.random.default_rng(1).normal(size=(1, 3, 4))
    intervals = learn_intervals(origins_of(errors), np.zeros_like(errors))

    offsets = np.stack([intervals.offset(q, 9)[0] for q in (0.05, 0.25, 0.5, 0.75, 0.95)])

    assert (np.diff(offsets, axis=0) >= 0).all()
    assert (offsets[2] == 0).all()
    assert (np.diff(offsets[4]) >= 0).all()
    assert offsets[4, 8] > offsets[4, 3]


@pytest.mark.parametrize("quantile", [0, 1, -0.1, 5])
def test_a_quantile_lies_between_0_and_1(quantile: float) -> None:
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        check_quantiles([0.5, quantile])
