"""Filters and orders as SQL: each looks its rows up by an index, with one statement for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select
from sqlalchemy.sql.schema import Table

from tandemlab.domain.filters import Both, Comparison, Field, Filter, Not, Order, Value
from tandemlab.store.sql.schema import experiments, metrics, params, properties, runs, tags

Condition = ColumnElement[bool]

_TABLES: dict[str, Table] = {
    "metrics": metrics,
    "params": params,
    "tags": tags,
    "properties": properties,
}
EXPERIMENT = (
    select(experiments.c.name).where(experiments.c.key == runs.c.experiment_key).scalar_subquery()
)
_COLUMNS: dict[str, ColumnElement[Any]] = {
    **{column.name: column for column in runs.columns},
    "experiment": EXPERIMENT,
    "duration": (runs.c.ended - runs.c.started) / 1e6,
}
# Sorted by nothing else, they come from an index.
_ALWAYS_KNOWN = frozenset(column for column in runs.columns if not column.nullable)
_SEARCHED: tuple[ColumnElement[Any], ...] = (
    runs.c.id,
    runs.c.display_name,
    runs.c.description,
    EXPERIMENT,
)


def condition(filter: Filter) -> Condition:
    """What a row of `runs` must be."""
    if isinstance(filter, Not):
        return not_(condition(filter.part))
    if isinstance(filter, Both):
        parts = [condition(part) for part in filter.parts]
        return or_(*parts) if filter.is_or else and_(*parts)
    field = filter.field
    if field.group:
        return _has(field, *_of_values(field, filter))
    if field.name == "text":
        return _in_any_text(filter)
    column = _COLUMNS[field.name]
    known = column.is_not(None)
    # What is not known is neither equal nor different, so that `not` is true of it.
    return known if filter.operator == "exists" else and_(known, _compared(column, filter))


def sorted_by(statement: Select[Any], order: Order, *, only_known: bool = False) -> Select[Any]:
    """Sort runs by a field; those without a value come last.

    Args:
        only_known: leave out runs that have no number, or no text where values are texts, under a
            field of a group: then an index has the others in order.
    """
    field = order.field
    columns = [_COLUMNS[field.name]] if not field.group else []
    if field.group:
        table = _TABLES[field.group].alias()
        columns = [column for column in _value_columns(table) if column is not None]
        is_value = _is_row(table, field)
        if only_known:
            statement = statement.join(table, and_(is_value, columns[0].is_not(None)))
        else:
            statement = statement.outerjoin(table, is_value)
    for number, column in enumerate(columns):
        if (number or not only_known) and column not in _ALWAYS_KNOWN:
            statement = statement.order_by(column.is_(None))
        statement = statement.order_by(column.desc() if order.descending else column)
    return statement


def _has(field: Field, *more: Condition) -> Condition:
    table = _TABLES[field.group]
    return exists().where(_is_row(table, field), *more)


def _is_row(table: Any, field: Field) -> Condition:
    """Whether a row of a table is the run's own of that name."""
    parts = [table.c.run_key == runs.c.key, table.c.name == field.name]
    if field.group == "metrics":
        parts += [table.c.shape == "series", table.c.latest_form.is_not(None)]
    if field.group == "tags":
        parts.append(table.c.removed.is_(False))
    return and_(*parts)


def _value_columns(table: Any) -> tuple[Any, Any]:
    """Where a table keeps values as numbers, if it does, and as text."""
    if "latest_number" in table.c:
        return table.c.latest_number, table.c.latest_text
    return (table.c.number, table.c.text) if "number" in table.c else (None, table.c.value)


def _of_values(field: Field, comparison: Comparison) -> list[Condition]:
    if comparison.operator == "exists":
        return []
    number, text = _value_columns(_TABLES[field.group])
    values = comparison.values
    if number is None or all(isinstance(value, str) for value in values):
        return [_compared(text, comparison)]
    numbers = [float(value) for value in values if not isinstance(value, str)]
    texts = [value for value in values if isinstance(value, str)]
    of_numbers = _compared(number, Comparison(field, comparison.operator, tuple(numbers)))
    return [or_(of_numbers, text.in_(texts)) if texts else of_numbers]


def _compared(column: ColumnElement[Any], comparison: Comparison) -> Condition:
    operator, values = comparison.operator, comparison.values
    if operator == "in":
        return column.in_(values)
    (value,) = values
    if operator == "contains":
        return column.icontains(str(value), autoescape=True)
    if operator in ("like", "ilike"):
        return column.like(value) if operator == "like" else column.ilike(str(value))
    return _SIGNS[operator](column, value)


_SIGNS: dict[str, Callable[[Any, Value], Condition]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


def _in_any_text(comparison: Comparison) -> Condition:
    """In the run's id, names, description, tags or parameters."""
    parts = [_compared(column, comparison) for column in _SEARCHED]
    parts.append(
        exists().where(
            tags.c.run_key == runs.c.key,
            tags.c.removed.is_(False),
            _compared(tags.c.value, comparison),
        )
    )
    parts.append(
        exists().where(params.c.run_key == runs.c.key, _compared(params.c.text, comparison))
    )
    # A text that is not known does not hold it: `not` must be true of it.
    return func.coalesce(or_(*parts), False)
