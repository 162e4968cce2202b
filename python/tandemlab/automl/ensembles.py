"""Ensembles: weights of models by what they predict for rows that they were not trained on.

Greedy selection with replacement is Caruana et al., "Ensemble selection from libraries of models"
(ICML 2004); the temperature is Guo et al., "On calibration of modern neural networks" (ICML 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tandemlab.automl.metrics import losses_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Loss = Callable[["NDArray[Any]"], float]

_ROUNDS = 40
_MOST_ROWS = 30_000
_MOST_OTHERS = 5_000  # rows, by which is chosen what is measured on one of the parts
_TRIFLE = 5e-4  # of the loss: what a model must be worth, to be loaded and asked each time
_PARTS = 5
_PULL = 16.0  # of temperatures to 1: as a standard deviation of 0.18 of their logarithm


def thinned(rows: int, most: int = _MOST_ROWS) -> slice:
    """So many rows of many as a choice of weights needs."""
    return slice(None, None, -(-rows // most))


def dealt(rows: int, seed: int) -> NDArray[Any]:
    """To which of five parts each row belongs, by chance."""
    import numpy

    return numpy.random.default_rng(seed).permutation(rows) % _PARTS


def by_others(rows: int, seed: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Rows of each part, and others by which to choose what is measured on it.

    What was chosen by the very rows that it is measured on looks too good. Of many others some
    serve; a single row has none but itself.
    """
    parts = dealt(rows, seed)
    for number in range(min(rows, _PARTS)):
        others = (parts != number).nonzero()[0] if rows > 1 else parts
        yield (parts == number).nonzero()[0], others[thinned(len(others), _MOST_OTHERS)]


def select(predictions: Sequence[NDArray[Any]], loss: Loss, rounds: int = _ROUNDS) -> list[float]:
    """Weights that make the mean of predictions good.

    One is added in each round, the one that helps most; the same may come again. The best of all
    rounds counts. Then models go without which the loss is as good, but for a trifle.

    Args:
        predictions: of each model, for the same rows.
        loss: of a prediction; small is good.

    Returns:
        A weight for each model, 1 together.

    >>> import numpy
    >>> truth = numpy.array([1.0, 2.0, 3.0])
    >>> select([truth + 1, truth - 1], lambda found: float(((found - truth) ** 2).mean()))
    [0.5, 0.5]
    """
    counts = [0] * len(predictions)
    total = None
    best, best_counts = float("inf"), list(counts)
    for taken in range(rounds):
        together = [each if total is None else (total + each) / (taken + 1) for each in predictions]
        losses = [loss(each) for each in together]
        place = min(range(len(losses)), key=losses.__getitem__)
        counts[place] += 1
        total = predictions[place] if total is None else total + predictions[place]
        if losses[place] < best - 1e-12:
            best, best_counts = losses[place], list(counts)
        elif taken - sum(best_counts) > 8:
            break
    counts = _without_trifles(predictions, best_counts, loss, best + _TRIFLE * abs(best))
    return [count / sum(counts) for count in counts]


def _without_trifles(
    predictions: Sequence[NDArray[Any]], counts: Sequence[int], loss: Loss, bound: float
) -> list[int]:
    """Counts without models that can go, those that count least first, within a bound of loss."""
    kept = list(counts)
    for place in sorted(range(len(kept)), key=kept.__getitem__):
        fewer = [0 if at == place else count for at, count in enumerate(kept)]
        if kept[place] and any(fewer):
            total: Any = sum(n * each for n, each in zip(fewer, predictions, strict=True) if n)
            if loss(total / sum(fewer)) <= bound:
                kept = fewer
    return kept


def heat(probabilities: NDArray[Any], temperature: float | NDArray[Any]) -> NDArray[Any]:
    """Probabilities that are less sure above a temperature of 1, and surer below.

    Args:
        temperature: one, or one for each row.
    """
    import numpy

    if numpy.all(temperature == 1.0):
        return probabilities
    powers = 1 / numpy.asarray(temperature).reshape(-1, 1)
    raised = numpy.clip(probabilities, 1e-15, 1.0) ** powers
    return raised / raised.sum(axis=1, keepdims=True)


def find_temperatures(
    probabilities: NDArray[Any],
    truth: NDArray[Any],
    weights: NDArray[Any] | None = None,
    seed: int = 0,
) -> tuple[float, NDArray[Any]]:
    """The temperature that makes probabilities best, and that of each row by the other rows alone.

    Rows are dealt into five parts. A score of probabilities with the temperatures of their rows is
    what new rows would get; one with the temperature that fits the rows themselves is too good, by
    much where they are few. For the same reason temperatures are drawn towards 1, as by a few rows.

    Args:
        probabilities: n × classes.
        truth: codes of the classes; n.
        seed: of how rows are dealt.
    """
    import numpy

    n = len(truth)
    logs = numpy.linspace(-0.6, 0.6, 25)
    seen = thinned(n)
    own = numpy.ones(n) if weights is None else weights / weights.mean()
    losses = numpy.column_stack(
        [
            own[seen] * losses_of(truth[seen], heat(probabilities[seen], float(each)))
            for each in numpy.exp(logs)
        ]
    )
    parts = dealt(n, seed)
    sums = numpy.vstack([losses[parts[seen] == each].sum(axis=0) for each in range(_PARTS)])
    pull = _PULL * logs**2
    best = numpy.argmin(sums.sum(axis=0) - sums + pull, axis=1)
    together = float(numpy.exp(logs[numpy.argmin(sums.sum(axis=0) + pull)]))
    return together, numpy.exp(logs[best])[parts]


def find_threshold(probabilities: NDArray[Any], loss: Callable[[float], float]) -> float:
    """From which probability on the second of two classes is best predicted.

    Args:
        probabilities: of the second class.
        loss: of a threshold.
    """
    import numpy

    cuts = numpy.unique(numpy.quantile(probabilities, numpy.linspace(0.02, 0.98, 97)))
    losses = [loss(float(each)) for each in cuts]
    best = min(losses)
    if best >= loss(0.5) - 1e-9:
        return 0.5
    good = cuts[[value <= best + 1e-12 for value in losses]]
    return float(numpy.median(good))
