"""Questions about runs, as users ask them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tandemlab.domain import InvalidInput, RunQuery
from tandemlab.domain.filters import Order, parse_filter, parse_order


def run_query(
    filter: str | None = None,
    order_by: str | Sequence[str] | None = None,
    *,
    tags: str | Mapping[str, str | None] | None = None,
    properties: Mapping[str, str] | None = None,
    limit: int | None = None,
    offset: int = 0,
    **restrictions: Any,
) -> RunQuery:
    """The query for a filter, an order and further restrictions.

    Args:
        tags: a tag that must be there, or tags with their values (None: any value).
        restrictions: other fields of `RunQuery`.

    Raises:
        InvalidInput: a filter or an order that cannot be read, or a negative number.
    """
    for name, number in (("limit", limit), ("offset", offset)):
        if number is not None and number < 0:
            raise InvalidInput(f"{name} is a whole number from 0 on, not {number!r}.")
    return RunQuery(
        filter=None if filter is None else parse_filter(filter),
        order_by=_order(order_by),
        tags={tags: None} if isinstance(tags, str) else dict(tags or {}),
        properties=dict(properties or {}),
        limit=limit,
        offset=offset,
        **restrictions,
    )


def _order(order_by: str | Sequence[str] | None) -> tuple[Order, ...]:
    if order_by is None:
        return ()
    parts = [order_by] if isinstance(order_by, str) else order_by
    return tuple(order for part in parts for order in parse_order(part))
