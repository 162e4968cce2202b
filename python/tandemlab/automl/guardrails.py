"""Guardrails: what is odd about training data, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tandemlab.automl.columns import Column
from tandemlab.automl.featurization_config import Purpose

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

_SAMPLE = 20_000
_FIRST_COLUMNS = 4  # rows that differ in these need no look at the others


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One thing that was looked at.

    Attributes:
        status: ``passed``, ``done`` (something was done about it) or ``alerted`` (somebody should
            look).
        columns: those that it is about.
    """

    check: str
    status: str
    description: str
    columns: Sequence[str] = ()

    def row(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "columns": list(self.columns)}


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def of_label(dropped: int, rows: int) -> Guardrail:
    """Rows without a label."""
    if not dropped:
        return Guardrail("missing labels", "passed", "Every row has a label.")
    text = f"{dropped} of {rows} rows have no label and were left out."
    return Guardrail("missing labels", "done", text)


def of_columns(columns: Sequence[Column], infinite: Mapping[str, int]) -> list[Guardrail]:
    """Missing values, columns that are left out, very many levels, several types, infinities."""
    used = [each for each in columns if each.purpose is not Purpose.IGNORE]
    missing = [each.name for each in used if each.missing]
    dropped = [each for each in columns if each.purpose is Purpose.IGNORE]
    high = [each.name for each in used if each.purpose is Purpose.CATEGORICAL_HASH]
    mixed = [each.name for each in used if each.is_mixed]
    found = [
        Guardrail(
            "missing values",
            "done",
            f"{len(missing)} columns have missing values ({_shown(missing)}): models of trees take "
            "them as they are, the others get the median.",
            missing,
        )
        if missing
        else Guardrail("missing values", "passed", "No value is missing."),
        Guardrail(
            "high cardinality",
            "done",
            f"{len(high)} columns have very many levels ({_shown(high)}): they are encoded by how "
            "frequent a level is, and by the target within each fold.",
            high,
        )
        if high
        else Guardrail("high cardinality", "passed", "No column has very many levels."),
    ]
    if dropped:
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in dropped[:5])
        names = [each.name for each in dropped]
        text = f"{len(dropped)} columns are left out ({reasons})."
        found.append(Guardrail("columns without information", "done", text, names))
    if mixed:
        text = (
            f"{len(mixed)} columns have values of several types ({_shown(mixed)}), taken as text."
        )
        found.append(Guardrail("mixed types", "alerted", text, mixed))
    if infinite:
        names = list(infinite)
        text = f"{sum(infinite.values())} infinite values ({_shown(names)}) count as missing."
        found.append(Guardrail("infinite values", "done", text, names))
    return found


def of_rows(frame: pandas.DataFrame) -> Guardrail:
    """Rows that are there twice."""
    try:
        few = frame[frame.iloc[:, :_FIRST_COLUMNS].duplicated(keep=False)]
        again = int(few.duplicated().sum())
    except TypeError:  # values that cannot be compared
        again = 0
    if not again:
        return Guardrail("duplicate rows", "passed", "No row is there twice.")
    share = again / len(frame)
    status = "alerted" if share > 0.01 else "passed"
    text = f"{again} rows ({share:.1%}) are there more than once; measures may be too good."
    return Guardrail("duplicate rows", status, text)


def of_classes(y: NDArray[Any], names: Sequence[str], folds: int) -> list[Guardrail]:
    """Classes that are rare, or very rare."""
    import numpy

    counts = numpy.bincount(y, minlength=len(names))
    few = [name for name, count in zip(names, counts, strict=True) if count < max(folds, 2)]
    share = counts.min() / counts.max()
    least = names[int(counts.argmin())]
    found = [
        Guardrail(
            "class balance",
            "alerted",
            f"The class {least!r} has {counts.min()} rows, the most frequent {counts.max()}; "
            "accuracy says little, look at AUC_weighted or norm_macro_recall.",
        )
        if share < 0.1
        else Guardrail("class balance", "passed", "The classes are about as frequent."),
    ]
    if few:
        text = (
            f"{len(few)} classes ({_shown(few)}) have fewer rows than there are folds, so that "
            "some models do not know them."
        )
        found.append(Guardrail("rows per class", "alerted", text))
    return found


def of_leakage(
    x: NDArray[Any], y: NDArray[Any], names: Sequence[str], levels: Sequence[int], classes: int
) -> Guardrail:
    """Features that alone tell the target nearly exactly: they may come from it."""
    import numpy

    step = -(-len(y) // _SAMPLE)
    x, y = x[::step], y[::step]
    by_class = numpy.argsort(y, kind="stable") if classes else None
    suspects = [
        name
        for place, name in enumerate(names)
        if len(y) >= 30 and _tells(x[:, place], y, levels[place], classes, by_class)
    ]
    if not suspects:
        text = "No single column tells the label nearly exactly."
        return Guardrail("leakage", "passed", text)
    text = (
        f"{_shown(suspects)} alone tell the label nearly exactly: are they known when it is "
        "predicted? If not, drop them."
    )
    return Guardrail("leakage", "alerted", text, suspects)


def _tells(
    values: NDArray[Any],
    y: NDArray[Any],
    levels: int,
    classes: int,
    by_class: NDArray[Any] | None,
) -> bool:
    import numpy

    known = numpy.isfinite(values)
    if numpy.count_nonzero(known) < 30:
        return False
    if by_class is not None and not levels:
        return classes > 1 and _is_parted(values[by_class], numpy.bincount(y, minlength=classes))
    values, y = values[known], y[known]
    if classes == 0:
        if levels or values.std() == 0 or y.std() == 0:
            return False
        return bool(abs(numpy.corrcoef(values, y)[0, 1]) > 0.9995)
    if levels > len(y) / 20:
        return False
    table = numpy.zeros((levels, classes))
    numpy.add.at(table, (values.astype("int64"), y), 1)
    return bool(table.max(axis=1).sum() / len(y) > 0.995 > numpy.bincount(y).max() / len(y))


def _is_parted(values: NDArray[Any], counts: NDArray[Any]) -> bool:
    """Whether each class has a range of values for itself, found without sorting them.

    Args:
        values: those of the first class, then those of the second …
        counts: of the rows of each class.
    """
    import numpy

    if not counts.all():
        return False
    starts = numpy.cumsum(counts) - counts
    lowest = numpy.fmin.reduceat(values, starts)
    highest = numpy.fmax.reduceat(values, starts)
    order = numpy.argsort(lowest)
    return bool((highest[order[:-1]] < lowest[order[1:]]).all())
