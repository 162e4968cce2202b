"""Statements about schedules: how far each is, and what became of each time that it was due.

That a slot is decided once, however many agents look, follows from two things in one transaction:
the position of the schedule changes only from the revision that was read, and a slot has one row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, case, delete, or_, select, update

from tandemlab.domain.schedules import Firing, FiringState, NewFiring, SchedulePosition
from tandemlab.domain.times import from_micros, to_micros
from tandemlab.store.sql.engine import upsert
from tandemlab.store.sql.schema import firings, runs, schedule_positions

_POSITION = schedule_positions.c


def position(connection: Connection, schedule: str) -> SchedulePosition | None:
    """How far a schedule is; None for one that nobody has looked at."""
    statement = select(_POSITION.revision, _POSITION.content).where(_POSITION.schedule == schedule)
    row = connection.execute(statement).one_or_none()
    return None if row is None else SchedulePosition(row.revision, json.loads(row.content))


def decide(
    connection: Connection,
    schedule: str,
    known: SchedulePosition | None,
    content: Mapping[str, Any],
    new: Sequence[NewFiring],
    time: datetime,
) -> list[Firing] | None:
    """Move a schedule on from a position that was read, and decide its firings.

    None if it is not at that position any more: another agent was first.
    """
    if not _move(connection, schedule, known, content):
        return None
    return add(connection, new, time)


def _move(
    connection: Connection,
    schedule: str,
    known: SchedulePosition | None,
    content: Mapping[str, Any],
) -> bool:
    text = json.dumps(dict(content))
    if known is None:
        statement = upsert(connection.dialect.name, schedule_positions).on_conflict_do_nothing()
        row = {"schedule": schedule, "revision": 1, "content": text}
        return bool(connection.execute(statement, row).rowcount)
    changed = connection.execute(
        update(schedule_positions)
        .where(_POSITION.schedule == schedule, _POSITION.revision == known.revision)
        .values(revision=known.revision + 1, content=text)
    )
    return bool(changed.rowcount)


def all_positions(connection: Connection) -> dict[str, Any]:
    """How far each schedule is, by name."""
    rows = connection.execute(select(_POSITION.schedule, _POSITION.content))
    return {row.schedule: json.loads(row.content) for row in rows}


def ended_since(connection: Connection, time: datetime) -> list[str]:
    """Ids of runs that have ended behind a time, the first one first."""
    statement = select(runs.c.id).where(runs.c.ended > to_micros(time)).order_by(runs.c.ended)
    return list(connection.execute(statement).scalars())


def add(connection: Connection, new: Sequence[NewFiring], time: datetime) -> list[Firing]:
    """Decide firings; those whose slot was decided before are left out."""
    found = []
    for each in new:
        statement = upsert(connection.dialect.name, firings).on_conflict_do_nothing(
            index_elements=["schedule", "slot"]
        )
        row = {**_row(each), "decided": to_micros(time)}
        if connection.execute(statement, row).rowcount:
            found.append(_of(connection, each.schedule, each.slot))
    return found


def restore(connection: Connection, firing: Firing) -> None:
    """Have a firing be as it was, but that no agent is at it."""
    statement = upsert(connection.dialect.name, firings).on_conflict_do_nothing()
    connection.execute(statement, {**_row(firing), "decided": to_micros(firing.decided)})


def _row(firing: NewFiring | Firing) -> dict[str, Any]:
    return {
        "schedule": firing.schedule,
        "slot": firing.slot,
        "version": firing.version,
        "due": to_micros(firing.due),
        "state": firing.state.value,
        "run_id": firing.run_id,
        "reason": firing.reason,
        "data": json.dumps(dict(firing.data)),
        "claims": 0,
    }


def _of(connection: Connection, schedule: str, slot: str) -> Firing:
    statement = select(firings).where(firings.c.schedule == schedule, firings.c.slot == slot)
    return _firing(connection.execute(statement).one())


def find(
    connection: Connection,
    schedule: str | None,
    states: Sequence[FiringState] | None,
    limit: int | None,
) -> list[Firing]:
    """Firings, those that were due last first."""
    statement = select(firings).order_by(firings.c.due.desc(), firings.c.key.desc())
    if schedule is not None:
        statement = statement.where(firings.c.schedule == schedule)
    if states is not None:
        statement = statement.where(firings.c.state.in_([each.value for each in states]))
    if limit is not None:
        statement = statement.limit(limit)
    return [_firing(row) for row in connection.execute(statement)]


def lost_to(connection: Connection, owner: str) -> list[str]:
    """Ids of the runs of firings that another agent than `owner`'s has taken over."""
    statement = select(firings.c.run_id).where(firings.c.claims > 1, firings.c.owner != owner)
    return list(connection.execute(statement).scalars())


def claim(
    connection: Connection, firing: Firing, owner: str, time: datetime, lease: timedelta
) -> bool:
    """Take up a decided firing, unless another agent has and may still be at it."""
    is_free = or_(
        firings.c.owner.is_(None),
        firings.c.owner == owner,
        firings.c.claimed < to_micros(time - lease),
    )
    is_other = and_(firings.c.owner.is_not(None), firings.c.owner != owner)
    taken = connection.execute(
        update(firings)
        .where(_this(firing), firings.c.state == FiringState.DECIDED.value, is_free)
        .values(
            owner=owner,
            claimed=to_micros(time),
            claims=_one_more_if(is_other),
        )
    )
    return bool(taken.rowcount)


def _one_more_if(condition: Any) -> Any:
    return case(
        (firings.c.owner.is_(None), 1), (condition, firings.c.claims + 1), else_=firings.c.claims
    )


def settle(
    connection: Connection,
    firing: Firing,
    state: FiringState,
    reason: str | None,
    owner: str | None,
) -> bool:
    """Have a firing be in another state; False if it is not as it was known any more."""
    condition = [_this(firing), firings.c.state == firing.state.value]
    if owner is not None:
        condition.append(firings.c.owner == owner)
    changed = connection.execute(
        update(firings).where(*condition).values(state=state.value, reason=reason)
    )
    return bool(changed.rowcount)


def forget(connection: Connection, schedule: str) -> None:
    """Forget how far a schedule is, and what it has still to do; what was, stays."""
    connection.execute(delete(schedule_positions).where(_POSITION.schedule == schedule))
    connection.execute(
        update(firings)
        .where(firings.c.schedule == schedule, firings.c.state == FiringState.DECIDED.value)
        .values(state=FiringState.SKIPPED.value, reason="The schedule was deleted.")
    )


def _this(firing: Firing) -> Any:
    return and_(firings.c.schedule == firing.schedule, firings.c.slot == firing.slot)


def _firing(row: Row[Any]) -> Firing:
    return Firing(
        schedule=row.schedule,
        slot=row.slot,
        version=row.version,
        due=from_micros(row.due),
        decided=from_micros(row.decided),
        state=FiringState(row.state),
        run_id=row.run_id,
        reason=row.reason,
        data=json.loads(row.data),
        owner=row.owner,
        claims=row.claims,
    )
