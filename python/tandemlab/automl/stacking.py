"""Stack: a model of models, which learns from what these predict for rows that they have not seen.

Wolpert, "Stacked generalization" (Neural Networks, 1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Stack:
    """Logistic regression on logarithms of probabilities, or linear regression on values.

    Weights of values are not negative.

    Args:
        predictions: of each model, for the same rows.
        classes: how many there are; 0 for values.
    """

    def __init__(
        self,
        predictions: Sequence[NDArray[Any]],
        truth: NDArray[Any],
        weights: NDArray[Any] | None,
        classes: int,
    ) -> None:
        import numpy
        from sklearn.linear_model import LinearRegression, LogisticRegression

        self._classes = classes
        x = _features(predictions)
        if classes:
            model = LogisticRegression(C=0.05, max_iter=200)
        else:
            model = LinearRegression(positive=True)
        model.fit(x, truth, sample_weight=weights)
        # Numbers alone: whoever reads a stack needs no scikit-learn, which takes a second to load.
        self._slopes: Any = numpy.asarray(model.coef_)
        self._intercept: Any = numpy.asarray(model.intercept_)
        self._seen: Any = getattr(model, "classes_", None)

    def predict(self, predictions: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Probabilities (n × classes), or values."""
        import numpy

        raw = _features(predictions) @ self._slopes.T + self._intercept
        if not self._classes:
            return raw
        if len(self._seen) == 2:
            raw = numpy.hstack([numpy.zeros_like(raw), raw])
        chances = numpy.exp(raw - raw.max(axis=1, keepdims=True))
        found = numpy.full((len(raw), self._classes), 1e-9)
        found[:, self._seen] = chances / chances.sum(axis=1, keepdims=True)
        return found / found.sum(axis=1, keepdims=True)


def predict_held(
    predictions: Sequence[NDArray[Any]],
    truth: NDArray[Any],
    weights: NDArray[Any] | None,
    held: NDArray[Any],
    classes: int,
) -> NDArray[Any]:
    """What stacks predict for rows that they have not seen: one for each part of the data.

    Args:
        held: whether a part (column) has a row.
    """
    import numpy

    found = numpy.zeros_like(predictions[0])
    for part in range(held.shape[1]):
        out = held[:, part]
        rest = ~out
        stack = Stack(
            [each[rest] for each in predictions],
            truth[rest],
            None if weights is None else weights[rest],
            classes,
        )
        found[out] = stack.predict([each[out] for each in predictions])
    return found


def _features(predictions: Sequence[NDArray[Any]]) -> NDArray[Any]:
    import numpy

    if predictions[0].ndim == 1:
        return numpy.column_stack(predictions)
    logs = [numpy.log(numpy.clip(each, 1e-6, 1.0)) for each in predictions]
    if logs[0].shape[1] == 2:  # one of two says all
        logs = [each[:, 1:] - each[:, :1] for each in logs]
    return numpy.hstack(logs)
