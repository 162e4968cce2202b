"""MLflow's searches in our language of filters, which is nearly the same.

What differs: MLflow has four statuses, keeps some of a run's fields in tags, and its view decides
whether what was deleted is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from tandemlab.domain import ExperimentRecord, InvalidInput, RunStatus
from tandemlab.domain.filters import (
    Both,
    Comparison,
    Field,
    Filter,
    Not,
    Order,
    Value,
    holds,
    parse_filter,
    parse_order,
)
from tandemlab.domain.times import to_micros
from tandemlab.server.mlflow.answers import DELETED, NOTE, PARENT, RUN_NAME, STATUSES, USER

T = TypeVar("T")

_FIELDS = {
    RUN_NAME: "display_name",
    NOTE: "description",
    USER: "user",
    PARENT: "parent",
}
_IS_DELETED = Comparison(Field("tags", DELETED), "exists")
_VIEWS = {"ACTIVE_ONLY": (False,), "DELETED_ONLY": (True,), "ALL": (False, True)}


def view(name: str) -> tuple[bool, ...]:
    """Whether what was not deleted is seen, what was, or both."""
    if name not in _VIEWS:
        raise InvalidInput(f"{name[:60]!r} is no view; there are {', '.join(_VIEWS)}.")
    return _VIEWS[name]


def run_filter(text: str, seen: tuple[bool, ...], experiments: Sequence[str]) -> Filter | None:
    """What must hold of a run that MLflow's client looks for."""
    parts = [_translated(parse_filter(text))] if text.strip() else []
    if len(seen) == 1:
        parts.append(_IS_DELETED if seen[0] else Not(_IS_DELETED))
    if len(experiments) > 1:
        parts.append(Comparison(Field("", "experiment"), "in", tuple(experiments)))
    return Both(tuple(parts)) if parts else None


def run_order(texts: Iterable[str]) -> tuple[Order, ...]:
    """What MLflow's client has runs sorted by."""
    orders = (order for text in texts for order in parse_order(text))
    return tuple(replace(order, field=_field(order.field)) for order in orders)


def _translated(filter: Filter) -> Filter:
    if isinstance(filter, Not):
        return Not(_translated(filter.part))
    if isinstance(filter, Both):
        return replace(filter, parts=tuple(map(_translated, filter.parts)))
    if filter.field == Field("", "status") and filter.operator in ("=", "!=", "in"):
        wanted = {STATUSES[RunStatus(value)] for value in filter.values}
        ours = tuple(status.value for status, theirs in STATUSES.items() if theirs in wanted)
        among = Comparison(filter.field, "in", ours)
        return Not(among) if filter.operator == "!=" else among
    return replace(filter, field=_field(filter.field))


def _field(field: Field) -> Field:
    """Where we keep what MLflow keeps in a tag."""
    name = _FIELDS.get(field.name) if field.group == "tags" else None
    return field if name is None else Field("", name)


def find_experiments(
    records: Iterable[ExperimentRecord], filter: str, order_by: Sequence[str], view_name: str
) -> list[ExperimentRecord]:
    """The experiments that match, in order; the newest first if nothing else is said."""
    seen = view(view_name)
    found = matching(
        sorted(records, key=lambda record: (record.created, record.name), reverse=True),
        filter,
        order_by,
        _value_of_experiment,
        {"name": "display_name", "creation_time": "created", "last_update_time": "created"},
    )
    return [record for record in found if record.archived in seen]


def _value_of_experiment(record: ExperimentRecord, field: Field) -> Value | None:
    known: dict[str, Value] = {"display_name": record.name, "created": to_micros(record.created)}
    if field.group or field.name not in known:
        raise InvalidInput("Experiments are searched by name, creation_time or last_update_time.")
    return known[field.name]


def matching(
    items: Iterable[T],
    filter: str,
    order_by: Sequence[str],
    value: Callable[[T, Field], Value | None],
    names: Mapping[str, str],
) -> list[T]:
    """The items for which a filter holds, in an order; those without a value come last.

    Args:
        value: of a field of an item.
        names: what fields are called there, beside their own names.
    """
    wanted = parse_filter(filter, names) if filter.strip() else None
    found = [item for item in items if wanted is None or holds(wanted, partial(value, item))]
    for order in reversed([order for text in order_by for order in parse_order(text, names)]):
        place: Callable[[T], Any] = partial(_value_by, value, order.field)
        known = [item for item in found if place(item) is not None]
        without = [item for item in found if place(item) is None]
        found = [*sorted(known, key=place, reverse=order.descending), *without]
    return found


def _value_by(value: Callable[[T, Field], Value | None], field: Field, item: T) -> Value | None:
    return value(item, field)
