"""What puts the predictions of several models together."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tandemlab.automl.ensembles import find_temperatures, heat, select
from tandemlab.automl.measuring import Candidate, Combination, CombiningTask
from tandemlab.automl.metrics import log_loss
from tandemlab.automl.shared_data import SharedData
from tandemlab.automl.stacking import Stack


@pytest.mark.parametrize("classes", [2, 3])
def test_a_stack_gives_the_probabilities_of_the_regression_behind_it(classes: int) -> None:
    source = np.random.default_rng(1)
    truth = source.integers(0, classes, 90)
    found = [source.dirichlet(np.ones(classes), 90) for _ in range(2)]
    logs = np.hstack([np.log(each) for each in found])
    if classes == 2:
        logs = np.column_stack([np.log(each[:, 1] / each[:, 0]) for each in found])

    made = Stack(found, truth, None, classes).predict(found)

    model = LogisticRegression(C=0.05, max_iter=200).fit(logs, truth)
    assert np.allclose(made, model.predict_proba(logs), atol=1e-6)


def test_a_stack_is_read_without_the_library_that_made_it() -> None:
    truth = np.arange(20.0)
    content = pickle.dumps(Stack([truth + 1, truth - 1], truth, None, 0))

    script = (
        "import pickle, sys, numpy; stack = pickle.loads(bytes.fromhex(sys.argv[1]));"
        "made = stack.predict([numpy.array([4.0]), numpy.array([2.0])]);"
        "print(round(float(made[0]), 6), 'sklearn' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, content.hex()], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["3.0", "False"]


def test_models_that_are_worth_next_to_nothing_are_left_out() -> None:
    source = np.random.default_rng(2)
    truth = source.normal(size=500)
    models = [truth + source.normal(size=500), truth + source.normal(size=500)]
    echo = models[0] + source.normal(scale=0.02, size=500)

    def loss(found: np.ndarray) -> float:
        return float(((found - truth) ** 2).mean())

    weights = select([*models, echo], loss)
    assert sum(weight > 0 for weight in weights) == 2
    assert weights[1] > 0
    assert sum(weights) == pytest.approx(1)


def drawn(source: np.random.Generator, rows: int, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Classes, and probabilities that are right at a slope of 1, and too sure above it."""
    score = source.normal(scale=1.5, size=rows)
    truth = (source.random(rows) < 1 / (1 + np.exp(-score))).astype("int64")
    second = 1 / (1 + np.exp(-slope * score))
    return truth, np.column_stack([1 - second, second])


@pytest.mark.parametrize("slope", [0.7, 1.0, 1.4])
def test_calibration_on_few_rows_does_not_score_better_than_new_rows_do(slope: float) -> None:
    source = np.random.default_rng(3)
    new_truth, new = drawn(source, 5000, slope)
    claimed, real = [], []
    for seed in range(150):
        truth, found = drawn(source, 50, slope)
        temperature, own = find_temperatures(found, truth, seed=seed)
        claimed.append(log_loss(truth, heat(found, own)) - log_loss(truth, found))
        real.append(log_loss(new_truth, heat(new, temperature)) - log_loss(new_truth, new))
    noise = np.std(np.subtract(claimed, real)) / np.sqrt(len(real))
    assert np.mean(claimed) > np.mean(real) - 3 * noise


def test_the_temperature_of_many_rows_mends_what_is_too_sure_or_not_sure_enough() -> None:
    for slope in (0.7, 1.4):
        truth, found = drawn(np.random.default_rng(4), 4000, slope)
        temperature, own = find_temperatures(found, truth)
        assert temperature == pytest.approx(slope, rel=0.1)
        assert own == pytest.approx(np.full(4000, slope), rel=0.15)


def test_one_row_has_a_temperature_of_1() -> None:
    temperature, own = find_temperatures(np.array([[0.2, 0.8]]), np.array([1]))
    assert (temperature, own.tolist()) == (1.0, [1.0])


def combined(
    folder: Path, metric: str, truth: np.ndarray, found: Sequence[np.ndarray], seed: int
) -> Combination:
    """The ensemble of models that have predicted so, of as many classes as there are columns."""
    classes = found[0].shape[1] if found[0].ndim == 2 else 0
    data = SharedData(folder, folder)
    data.write(
        np.zeros((len(truth), 1)),
        truth,
        None,
        np.ones((len(truth), 1), dtype=bool),
        {
            "task": "classification" if classes else "regression",
            "metric": metric,
            "classes": classes,
        },
    )
    candidates = []
    for iteration, each in enumerate(found):
        (folder / str(iteration)).mkdir(exist_ok=True)
        np.save(folder / str(iteration) / "fold-0.npy", each)
        candidates.append(Candidate(iteration, str(folder / str(iteration)), [0]))
    names = [str(code) for code in range(classes)]
    task = CombiningTask(candidates, [0], names, True, False, len(found), seed)
    return task.run(SharedData(folder, folder))[0]


def test_an_ensemble_of_few_rows_does_not_score_better_than_new_rows_do(tmp_path: Path) -> None:
    source = np.random.default_rng(5)
    claimed, real = [], []
    for seed in range(25):
        truth = source.normal(size=30)
        found = [truth + source.normal(size=30) for _ in range(12)]
        made = combined(tmp_path, "root_mean_squared_error", truth, found, seed)
        claimed.append(made.measured.score)
        real.append(np.sqrt(np.square(list(made.weights.values())).sum()))  # errors are independent
    noise = np.std(claimed) / np.sqrt(len(claimed))
    assert np.mean(claimed) > np.mean(real) - 2 * noise


def test_a_threshold_of_few_rows_does_not_score_better_than_new_rows_do(tmp_path: Path) -> None:
    source = np.random.default_rng(6)
    scores, thresholds = [], []
    for seed in range(25):
        truth = (source.random(60) < 0.4).astype("int64")
        second = source.random(60)  # knows nothing: half is right, whatever the threshold
        found = np.column_stack([1 - second, second])
        made = combined(tmp_path, "balanced_accuracy", truth, [found], seed)
        scores.append(made.measured.score)
        thresholds.append(made.threshold)
    assert set(thresholds) != {0.5}
    assert np.mean(scores) < 0.5 + 2 * np.std(scores) / np.sqrt(len(scores))
