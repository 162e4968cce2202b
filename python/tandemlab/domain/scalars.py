"""Scalars: the values that can be logged, and their form in JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeAlias

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.secrets import refuse_secret

Scalar: TypeAlias = str | bool | int | float | None

_EXACT = frozenset({str, bool, int, float, type(None)})
_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def as_scalar(value: object, *, what: str = "value") -> Scalar:
    """The plain scalar that `value` stands for.

    numpy and pandas scalars become Python's; dates and times become ISO text.

    Raises:
        InvalidInput: a container, a `Secret`, or a type that has no scalar form; it names the type.

    >>> as_scalar(0.5), as_scalar(None)
    (0.5, None)
    """
    if type(value) in _EXACT:
        return value  # type: ignore[return-value]
    refuse_secret(value, what)
    for base in (str, bool, int, float):
        if isinstance(value, base):
            return base(value)
    if isinstance(value, (date, datetime)):
        return None if value != value else value.isoformat()
    return _foreign(value, what)


def as_number(value: object) -> int | float | None:
    """The finite number that `value` is, also one of numpy's; None if it is none."""
    try:
        plain = as_scalar(value)
    except InvalidInput:
        return None
    is_number = isinstance(plain, (int, float)) and not isinstance(plain, bool)
    return plain if is_number and math.isfinite(plain) else None  # type: ignore[arg-type,return-value]


def as_whole(value: object) -> int | None:
    """The whole number that `value` is, also 2.0 or one of numpy's; None if it is none.

    >>> as_whole(2.0), as_whole(2.5), as_whole(True)
    (2, None, None)
    """
    number = as_number(value)
    return int(number) if number is not None and number == int(number) else None


def _foreign(value: object, what: str) -> Scalar:
    """numpy's and pandas' scalars, known by their behaviour so that neither is imported."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        plain = item()
        if type(plain) in _EXACT:
            return plain  # type: ignore[no-any-return]
    name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    several = isinstance(value, (list, tuple, range, set)) or getattr(value, "shape", None)
    raise InvalidInput(
        f"The {what} is {'several values' if several else 'not a scalar'}: "
        f"{name} cannot be logged as one value.",
        hint="Log several values with log_list, columns with log_table, or convert to a number "
        "or text first.",
        details={"type": name},
    )


def to_json(value: Scalar) -> Any:
    """`value` in the spool's form: non-finite numbers become ``{"float": …}``.

    >>> to_json(float("inf"))
    {'float': 'inf'}
    """
    if type(value) is float and not math.isfinite(value):
        return {"float": "nan" if value != value else "inf" if value > 0 else "-inf"}
    return value


def from_json(value: Any) -> Scalar:
    """The scalar behind its form in the spool.

    Raises:
        InvalidInput: an object that is not a non-finite number, or an array.

    >>> from_json({"float": "-inf"})
    -inf
    """
    if type(value) in _EXACT:
        return value  # type: ignore[no-any-return]
    if isinstance(value, Mapping) and value.get("float") in _WORDS and len(value) == 1:
        return _WORDS[value["float"]]
    raise InvalidInput(f"Not a scalar: {value!r}.")


def as_scalars(values: Mapping[str, Any]) -> dict[str, Scalar]:
    """Values by name from their form in the spool."""
    return {name: from_json(value) for name, value in values.items()}
