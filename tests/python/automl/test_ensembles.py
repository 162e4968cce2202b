"""What puts the predictions of several models together."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tandemlab.automl.ensembles import select
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
