"""Which features of very many are worth learning from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANY = 1000
_LEAST = 300


def kept_count(rows: int, columns: int) -> int:
    """How many of the features models are trained on.

    >>> kept_count(500, 800), kept_count(1200, 5000), kept_count(100_000, 5000)
    (800, 400, 1000)
    """
    return columns if columns <= MANY else max(_LEAST, min(MANY, rows // 3))


def telling_features(x: NDArray[Any], y: NDArray[Any], classes: int, count: int) -> NDArray[Any]:
    """The features that alone tell most of the target, in their order.

    Measured by the share of the target's variance that a line explains; with classes by that of the
    feature's variance that lies between them (the F statistic gives the same order).

    Args:
        x: n × features; NaN counts as the mean.
        y: codes of the classes 0 … classes - 1, or values.
        classes: 0 for values.
    """
    import numpy

    filled = numpy.where(numpy.isfinite(x), x, numpy.nan).astype("float64")
    with numpy.errstate(all="ignore"):
        filled -= numpy.nanmean(filled, axis=0)
        filled = numpy.nan_to_num(filled)
        spread = (filled**2).sum(axis=0)
        if classes:
            member = numpy.equal(y[:, None], numpy.arange(classes)).astype("float64")
            sums = member.T @ filled
            told = (sums**2 / numpy.maximum(member.sum(axis=0), 1)[:, None]).sum(axis=0) / spread
        else:
            centred = y - y.mean()
            told = (centred @ filled) ** 2 / spread / max(float(centred @ centred), 1e-300)
    told = numpy.nan_to_num(told)
    best = numpy.argsort(-told, kind="stable")[:count]
    found: NDArray[Any] = numpy.sort(best)
    return found
