"""Folds: which rows each model is trained on, and which it is measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


_MOST_ROWS_OF_PART = 25_000


def usual_folds(rows: int, seconds: float | None = None) -> int:
    """How many parts data of so many rows are best cut into.

    Args:
        seconds: that all may take; with few of them, fewer parts leave more for other models.

    >>> usual_folds(400), usual_folds(6000), usual_folds(10**6), usual_folds(2000, 20)
    (8, 5, 4, 5)
    """
    if rows <= (3000 if seconds is None or seconds >= 60 else 600):
        return 8
    return 5 if rows <= 100_000 else 4


def cut(y: NDArray[Any], count: int, seed: int, *, by_class: bool) -> NDArray[Any]:
    """Parts of equal size, of equal shares of the classes or of equal spread of the values.

    Of very many rows parts of 25,000 say enough: the others belong to none.

    Args:
        y: codes of classes, or values; n.
        count: of parts, at most n.

    Returns:
        For each row and part whether the row belongs to it: n × count.
    """
    import numpy

    source = numpy.random.default_rng(seed)
    if len(y) > count * _MOST_ROWS_OF_PART:
        chosen = numpy.sort(source.choice(len(y), count * _MOST_ROWS_OF_PART, replace=False))
        found = numpy.zeros((len(y), count), dtype=bool)
        found[chosen] = cut(y[chosen], count, seed, by_class=by_class)
        return found
    order = source.permutation(len(y))
    if by_class:
        order = order[numpy.argsort(y[order], kind="stable")]
        number = numpy.arange(len(y)) % count
    else:
        order = order[numpy.argsort(y[order], kind="stable")]
        blocks = -(-len(y) // count)
        rounds = numpy.broadcast_to(numpy.arange(count), (blocks, count))
        number = source.permuted(rounds, axis=1).reshape(-1)[: len(y)]
    parts = numpy.empty(len(y), dtype="int64")
    parts[order] = number
    return parts[:, None] == numpy.arange(count)


def hold_out(y: NDArray[Any], share: float, seed: int, *, by_class: bool) -> NDArray[Any]:
    """One part of a share of the rows, as `cut` gives it: n × 1."""
    import numpy

    wanted = min(len(y) - 1, max(1, round(share * len(y))))
    fine = cut(y, min(len(y), 100), seed, by_class=by_class).argmax(axis=1)
    order = numpy.argsort(fine, kind="stable")
    held = numpy.zeros((len(y), 1), dtype=bool)
    held[order[:wanted]] = True
    return held
