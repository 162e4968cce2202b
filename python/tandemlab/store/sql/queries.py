"""Queries for runs as SQL: which ones, in what order, a page of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, select

from tandemlab.domain import RunQuery
from tandemlab.store.sql.schema import experiments, properties, runs, tags
from tandemlab.store.sql.search import condition, sorted_by


def find_rows(
    connection: Connection, query: RunQuery, *columns: ColumnElement[Any]
) -> list[Row[Any]]:
    """Columns of the runs that match, in order.

    Runs without the value that is sorted by first come last: where the others fill the page, these
    need not be looked at.
    """
    if query.limit is not None and query.order_by and query.order_by[0].field.group:
        rows = connection.execute(statement(query, *columns, only_known=True)).all()
        if len(rows) == query.limit:
            return list(rows)
    return list(connection.execute(statement(query, *columns)).all())


def statement(
    query: RunQuery, *columns: ColumnElement[Any], only_known: bool = False
) -> Select[Any]:
    """A statement that gives columns of the runs that match, in order.

    Args:
        columns: narrow ones: a row with all its texts is too wide to be sorted.
        only_known: leave out runs without a number, or text, under the name that is sorted by
            first.
    """
    statement = select(*columns)
    for number, order in enumerate(query.order_by):
        statement = sorted_by(statement, order, only_known=only_known and number == 0)
    newest = (runs.c.created, runs.c.key)
    statement = statement.order_by(*(c if query.oldest_first else c.desc() for c in newest))
    if query.filter is not None:
        statement = statement.where(condition(query.filter))
    if query.experiment is not None:
        experiment = select(experiments.c.key).where(experiments.c.name == query.experiment)
        statement = statement.where(runs.c.experiment_key == experiment.scalar_subquery())
    if query.number is not None:
        statement = statement.where(runs.c.number == query.number)
    if query.status is not None:
        statement = statement.where(runs.c.status.in_([status.value for status in query.status]))
    if query.type is not None:
        types = (query.type,) if isinstance(query.type, str) else query.type
        statement = statement.where(runs.c.type.in_(types))
    if query.target is not None:
        statement = statement.where(runs.c.target == query.target)
    if query.parent is not None:
        statement = statement.where(runs.c.parent == query.parent)
    elif not query.include_children:
        statement = statement.where(runs.c.parent.is_(None))
    for name, value in query.tags.items():
        match = and_(tags.c.run_key == runs.c.key, tags.c.name == name, tags.c.removed.is_(False))
        if value is not None:
            match = and_(match, tags.c.value == value)
        statement = statement.where(exists().where(match))
    for name, value in query.properties.items():
        statement = statement.where(
            exists().where(
                properties.c.run_key == runs.c.key,
                properties.c.name == name,
                properties.c.value == value,
            )
        )
    if query.limit is not None:
        statement = statement.limit(query.limit)
    if query.offset:
        statement = statement.offset(query.offset)
    return statement
