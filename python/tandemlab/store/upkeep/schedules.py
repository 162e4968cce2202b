"""How far schedules and notifications are, in a store that is built anew.

The old store says it, as far as it can be read. Beyond that the runs say what has fired, which does
not fire again; what was due behind the last of these is as after any time without an agent. Where
nothing is known of a schedule any more it begins now, as notifications do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tandemlab.domain import RunQuery, RunRecord
from tandemlab.domain.filters import Comparison, Field
from tandemlab.domain.notifications import KIND as NOTIFICATION
from tandemlab.domain.notifications import PREFIX
from tandemlab.domain.schedules import KIND as SCHEDULE
from tandemlab.domain.schedules import MANUAL, RUN_OF, SLOT, Firing, FiringState
from tandemlab.domain.times import now, to_micros
from tandemlab.store.sql import SqlStore


def restore_schedules(
    store: SqlStore, positions: Mapping[str, Mapping[str, Any]], firings: Sequence[Firing]
) -> None:
    """Have schedules and notifications go on, in a store that has the runs and assets already.

    Args:
        positions: what the old store still says of how far each is, by schedule.
        firings: what it says of what they were due for, the last first.
    """
    known = {(each.schedule, each.slot) for each in firings}
    fired = [each for each in _fired(store) if (each.schedule, each.slot) not in known]
    every = sorted([*reversed(firings), *fired], key=lambda each: each.due)
    for each in every:
        store.restore_firing(each)
    last = {each.schedule: each.due for each in every if not each.slot.startswith(MANUAL)}
    names = [each.name for each in store.list_assets(SCHEDULE, archived=True)]
    names += [f"{PREFIX}{each.name}" for each in store.list_assets(NOTIFICATION, archived=True)]
    for name in names:
        cursor = {"cursor": to_micros(last.get(name, now()))}
        store.decide_firings(name, None, positions.get(name, cursor), [], now())


def _fired(store: SqlStore) -> Iterator[Firing]:
    """What schedules have fired, as the runs tell."""
    is_of_one = Comparison(Field("properties", RUN_OF), "exists", ())
    query = RunQuery(filter=is_of_one, include_children=True, oldest_first=True)
    for run in store.find_runs(query):
        if SLOT in run.properties:
            yield Firing(
                run.properties[RUN_OF],
                run.properties[SLOT],
                version=1,
                due=_due(run),
                decided=run.created,
                state=FiringState.SUBMITTED,  # the agent sees whether it has ended
                run_id=run.id,
            )


def _due(run: RunRecord) -> datetime:
    """When a run was due: the time that its slot is, or else when it was made."""
    try:
        return datetime.fromisoformat(run.properties[SLOT].replace("Z", "+00:00"))
    except ValueError:
        return run.created
