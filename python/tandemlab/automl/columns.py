"""Columns: what each is for, found out from its values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tandemlab.automl.featurization_config import FeaturizationConfig, Purpose

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

_SAMPLE = 2000
_MOST_COUNTED = 100_000
_FEW_LEVELS = 50
_ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|rownames?|row_?id)$|^index$", re.IGNORECASE)
_NO_NAME = re.compile(r"(Unnamed|Column|\.\.\.|X$|V1$)")
_ID_CAMEL = re.compile(r"[a-z](Id|ID)$")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the training data.

    Attributes:
        purpose: what it is for.
        reason: why it is that, or why it is left out; for people.
        is_mixed: whether its values are of several types, so that all are taken as text.
    """

    name: str
    purpose: Purpose
    reason: str
    missing: int
    levels: int
    is_mixed: bool = False


def look_at(frame: pandas.DataFrame, config: FeaturizationConfig) -> list[Column]:
    """What each column of a frame is for."""
    return [_look_at(cast("str", name), values, config) for name, values in frame.items()]


def _look_at(name: str, values: pandas.Series, config: FeaturizationConfig) -> Column:
    if is_plain_fractions(values):
        return _look_at_fractions(name, values, config.purpose(name))
    missing = int(values.isna().sum())
    known = values.dropna() if missing else values
    try:
        levels = int(known.nunique())
    except TypeError:  # lists, dicts and the like
        return Column(name, Purpose.IGNORE, "values of a type that no model takes", missing, 0)
    given = config.purpose(name)
    if given is not None:
        return Column(name, given, "as configured", missing, levels, _is_mixed(known))
    if levels == 0 or (levels == 1 and not missing):
        return _without_information(name, missing, levels)
    if known.dtype.kind == "c":
        return Column(
            name, Purpose.IGNORE, "complex numbers, which no model takes", missing, levels
        )
    purpose, reason = _found(name, known, levels)
    return Column(name, purpose, reason, missing, levels, _is_mixed(known))


def is_plain_fractions(values: pandas.Series) -> bool:
    """Whether a column is one of numpy's floats: with thousands of columns, pandas is slow."""
    import numpy

    return isinstance(values.dtype, numpy.dtype) and values.dtype.kind == "f"


def _look_at_fractions(name: str, values: pandas.Series, given: Purpose | None) -> Column:
    import numpy

    known = values.to_numpy()
    known = known[~numpy.isnan(known)]
    missing, levels = len(values) - len(known), _count_fractions(known)
    if given is not None:
        return Column(name, given, "as configured", missing, levels)
    if levels == 0 or (levels == 1 and not missing):
        return _without_information(name, missing, levels)
    return Column(name, Purpose.NUMERIC, "numbers", missing, levels)


def _without_information(name: str, missing: int, levels: int) -> Column:
    reason = "constant" if levels else "all values are missing"
    return Column(name, Purpose.IGNORE, reason, missing, levels)


def _count_fractions(known: NDArray[Any]) -> int:
    """How many values there are; of very many rows the first ones stand for all."""
    import numpy

    if not len(known):
        return 0
    ordered = numpy.sort(known[:_MOST_COUNTED])
    counted = 1 + int(numpy.count_nonzero(ordered[1:] != ordered[:-1]))
    return counted if counted > 1 or known.min() == known.max() else 2


def _found(name: str, known: pandas.Series, levels: int) -> tuple[Purpose, str]:
    from pandas.api import types

    kind = known.dtype
    if types.is_bool_dtype(kind):
        return Purpose.BOOLEAN, "true or false"
    if types.is_datetime64_any_dtype(kind):
        return Purpose.DATETIME, "times"
    if types.is_timedelta64_dtype(kind):
        return Purpose.NUMERIC, "durations"
    if types.is_numeric_dtype(kind):
        if _counts_rows(name, known, levels):
            return Purpose.IGNORE, "an identifier: a different number in each row"
        return Purpose.NUMERIC, "numbers"
    return _found_in_text(name, known, levels)


def _counts_rows(name: str, known: pandas.Series, levels: int) -> bool:
    """Whether whole numbers only number the rows."""
    from pandas.api import types

    if levels < len(known) or levels < 20 or not types.is_integer_dtype(known.dtype):
        return False
    return is_id_name(name) or (_NO_NAME.match(name) is not None and known.is_monotonic_increasing)


def is_id_name(name: str) -> bool:
    """Whether a column is called as identifiers are.

    >>> is_id_name("customer_id"), is_id_name("PassengerId"), is_id_name("humid")
    (True, True, False)
    """
    return bool(_ID_NAME.search(name) or _ID_CAMEL.search(name))


def _found_in_text(name: str, known: pandas.Series, levels: int) -> tuple[Purpose, str]:
    import pandas

    if isinstance(known.dtype, pandas.CategoricalDtype):
        if levels <= _FEW_LEVELS:
            return Purpose.CATEGORICAL, f"{levels} levels"
        return Purpose.CATEGORICAL_HASH, f"{levels} levels"
    sample = known if len(known) <= _SAMPLE else known.sample(_SAMPLE, random_state=0)
    texts = sample.astype(str)
    if not _is_mixed(known):
        if _are_truth_values(known, levels):
            return Purpose.BOOLEAN, "true or false"
        if _are_times(sample, texts):
            return Purpose.DATETIME, "times, as text or objects"
        if pandas.to_numeric(texts, errors="coerce").notna().all():
            return Purpose.NUMERIC, "numbers, as text"
    words = float(texts.str.count(" ").mean()) + 1
    if words >= 4 and levels > 0.3 * len(known):
        return Purpose.TEXT, f"{words:.0f} words on average"
    if levels > 0.95 * len(known) and len(known) >= 50:
        return Purpose.IGNORE, "an identifier: a different text in nearly each row"
    if levels <= _FEW_LEVELS:
        return Purpose.CATEGORICAL, f"{levels} levels"
    return Purpose.CATEGORICAL_HASH, f"{levels} levels"


def _is_mixed(known: pandas.Series) -> bool:
    """Whether values are of several types, such as numbers and texts."""
    if known.dtype != object or known.empty:
        return False
    kinds = {_family(value) for value in known.iloc[:: max(1, len(known) // 10_000)]}
    return len(kinds) > 1


def _family(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return type(value).__name__


def _are_truth_values(known: pandas.Series, levels: int) -> bool:
    return levels <= 2 and {*map(str, known.unique())} <= {"True", "False"}


def _are_times(sample: pandas.Series, texts: pandas.Series) -> bool:
    import pandas

    if hasattr(sample.iloc[0], "isoformat") and not hasattr(sample.iloc[0], "utcoffset"):
        return bool(sample.map(lambda value: hasattr(value, "isoformat")).all())
    if not texts.str.fullmatch(r"\d{4}-\d{1,2}(-\d{1,2}([T ].*)?)?").all():
        return False
    return bool(
        pandas.to_datetime(texts, errors="coerce", format="ISO8601", utc=True).notna().all()
    )


def rows_of(columns: list[Column]) -> Iterator[Mapping[str, Any]]:
    """The featurization summary: a row for each column."""
    for each in columns:
        yield {
            "column": each.name,
            "purpose": each.purpose.value,
            "dropped": each.purpose is Purpose.IGNORE,
            "reason": each.reason,
            "missing": each.missing,
            "levels": each.levels,
        }
