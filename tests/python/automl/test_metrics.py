"""Metrics, beside those of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from tandemlab.automl.metrics import measure


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_metrics_of_classes_are_those_of_scikit_learn(classes: int, is_weighted: bool) -> None:
    source = np.random.default_rng(classes)
    truth = source.integers(0, classes, 300)
    found = source.dirichlet(np.ones(classes), 300).round(2) + np.eye(classes)[truth] / 4 + 0.01
    found /= found.sum(axis=1, keepdims=True)  # with ties
    weights = source.random(300) if is_weighted else None
    threshold = 2.0 if classes == 2 else None  # which none reaches: a class is never predicted
    labels = np.zeros(300, dtype=int) if classes == 2 else found.argmax(axis=1)

    made = measure("classification", truth, found, weights, threshold)

    plain: dict[str, Any] = {"sample_weight": weights}
    every = {**plain, "labels": list(range(classes)), "zero_division": 0}
    shares = np.bincount(truth)

    def by_class(score: Any) -> float:
        if classes == 2:
            return float(score(truth, found[:, 1], **plain))
        each = [score(truth == code, found[:, code], **plain) for code in range(classes)]
        return float(np.average(each, weights=shares))

    recall = metrics.recall_score(truth, labels, average="macro", **every)
    wanted = {
        "log_loss": metrics.log_loss(truth, found, **plain),
        "AUC_weighted": by_class(metrics.roc_auc_score),
        "average_precision_score_weighted": by_class(metrics.average_precision_score),
        "accuracy": metrics.accuracy_score(truth, labels, **plain),
        "balanced_accuracy": recall,
        "norm_macro_recall": (recall - 1 / classes) / (1 - 1 / classes),
        "precision_score_weighted": metrics.precision_score(
            truth, labels, average="weighted", **every
        ),
        "recall_score_weighted": metrics.recall_score(truth, labels, average="weighted", **every),
        "f1_score_weighted": metrics.f1_score(truth, labels, average="weighted", **every),
        "f1_score_macro": metrics.f1_score(truth, labels, average="macro", **every),
        "matthews_correlation": metrics.matthews_corrcoef(truth, labels, **plain),
    }
    assert made == pytest.approx(wanted, abs=1e-9)
