"""What tells of what has ended, in the workspace's agent, in a thread of its own.

An event is decided once for each notification, as the firings of schedules are and in the same
tables; it is told at least once, again and again until it has arrived or a day has passed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tandemlab.domain import RunRecord, TandemlabError, Unavailable
from tandemlab.domain.assets import Asset
from tandemlab.domain.notifications import (
    KIND,
    PREFIX,
    NotificationDefinition,
    firing_event,
    run_event,
)
from tandemlab.domain.schedules import RUN_OF, Firing, FiringState, NewFiring
from tandemlab.domain.times import from_micros, now, to_micros
from tandemlab.notifications.channels import tell
from tandemlab.pipelines.publishing import PUBLISHED
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.tracking import Workspace
from tandemlab.tracking.ended_runs import LATE, EndedRun, EndedRuns

_log = logging.getLogger("tandemlab.notifications")
_LEASE = timedelta(minutes=2)
_GIVE_UP = timedelta(days=1)
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 600.0
_LOOK = 1.0


class NotificationDriver:
    """Tells what the notifications of a workspace ask for.

    Args:
        poke: called when something is to be looked at; unused, since events come by looking.
        clock: what time it is; a test has its own.
    """

    def __init__(
        self,
        folder: WorkspaceFolder,
        poke: Callable[[], None] = lambda: None,
        *,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._folder = folder
        self._workspace = Workspace(folder.path)
        self._clock = clock
        self._owner = f"{socket.gethostname()}:{os.path.realpath(folder.path)}"
        self._ended = EndedRuns(folder)
        self._tries: dict[tuple[str, str], tuple[int, datetime]] = {}

    def recover(self) -> None:
        """Make ready; there is nothing to be done."""

    def advance(self) -> float | None:
        """Decide and tell what has ended; seconds until there may be more to tell, or None."""
        for asset in self._folder.store.list_assets(KIND, archived=True):
            if not asset.archived:
                self._decide(asset)
        self._ended.forget(self._clock())
        waiting = [
            each
            for each in self._folder.store.find_firings(states=[FiringState.DECIDED])
            if each.schedule.startswith(PREFIX)
        ]
        pending = [each for each in reversed(waiting) if not self._tell(each)]
        return _LOOK if pending else None

    def _decide(self, asset: Asset) -> None:
        definition = NotificationDefinition.from_dict(asset.definition)
        name, time, store = f"{PREFIX}{asset.name}", self._clock(), self._folder.store
        position = store.schedule_position(name)
        content = {} if position is None else position.content
        since = max(from_micros(content.get("cursor", 0)), asset.created)
        told = set(content.get("told", ()))
        found = self._events(definition, since)
        new = {slot: due for slot, due in found.items() if slot not in told}
        if not new and position is not None and time - since < 2 * LATE:
            return
        cursor = max(since, time - LATE)
        kept = [slot for slot, due in found.items() if due > cursor]
        firings = [NewFiring(name, slot, asset.version, due, slot) for slot, due in new.items()]
        moved = {"cursor": to_micros(cursor), "told": kept}
        store.decide_firings(name, position, moved, firings, time)

    def _events(self, definition: NotificationDefinition, since: datetime) -> dict[str, datetime]:
        """What has ended since, with when."""
        runs = [run for run in self._ended.since(since) if _is_meant(definition, run)]
        found = {f"run {run.id}": run.ended for run in runs}
        if definition.schedule is not None and "Failed" in definition.on:
            for firing in self._lost(definition.schedule, since):
                found[f"firing {firing.slot}"] = firing.decided
        return found

    def _lost(self, schedule: str, since: datetime) -> list[Firing]:
        """Times at which a schedule could not run."""
        states = [FiringState.FAILED, FiringState.MISSED]
        found = self._folder.store.find_firings(schedule, states, limit=100)
        return [each for each in found if each.decided > since]

    # Telling

    def _tell(self, firing: Firing) -> bool:
        """Tell an event, if it is time to; whether nothing more is to be done about it."""
        store, key, time = self._folder.store, (firing.schedule, firing.slot), self._clock()
        tries, due = self._tries.get(key, (0, time))
        if time < due or not store.claim_firing(firing, self._owner, time, _LEASE):
            return False
        try:
            told = self._told(firing)
        except Unavailable as problem:
            return self._later(firing, tries, problem)
        except TandemlabError as problem:
            told = problem.message
        self._tries.pop(key, None)
        state = FiringState.ENDED if told is None else FiringState.SKIPPED
        return store.settle_firing(firing, state, told)

    def _later(self, firing: Firing, tries: int, problem: Unavailable) -> bool:
        _log.warning("%s, %s: %s", firing.schedule, firing.slot, problem.message)
        time, key = self._clock(), (firing.schedule, firing.slot)
        if time - firing.decided > _GIVE_UP:
            self._tries.pop(key, None)
            return self._folder.store.settle_firing(firing, FiringState.FAILED, problem.message)
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tries)
        self._tries[key] = (tries + 1, time + timedelta(seconds=pause))
        self._folder.store.settle_firing(firing, FiringState.DECIDED, problem.message)
        return False

    def _told(self, firing: Firing) -> str | None:
        """Tell an event; None once it has arrived, or why there is nothing to tell."""
        name = firing.schedule.removeprefix(PREFIX)
        asset = self._folder.store.get_asset(KIND, name, firing.version)
        if asset is None:
            return "The notification was deleted."
        definition = NotificationDefinition.from_dict(asset.definition)
        event = self._event(definition, firing)
        if event is None:
            return "The run was deleted."
        vault = self._workspace.get_default_keyvault()
        tell(definition.channel, event, event_key(firing.schedule, firing.slot), vault.get_secret)
        return None

    def _event(self, definition: NotificationDefinition, firing: Firing) -> dict[str, Any] | None:
        kind, _, what = firing.slot.partition(" ")
        if kind == "run":
            record: RunRecord | None = self._folder.store.get_run(what)
            return None if record is None else run_event(self._workspace.name, record)
        found = self._folder.store.find_firings(definition.schedule, limit=1000)
        lost = next((each for each in found if each.slot == what), None)
        return None if lost is None else firing_event(self._workspace.name, lost)


def _is_meant(definition: NotificationDefinition, run: EndedRun) -> bool:
    """Whether a run that has ended is told of."""
    pipeline = run.properties.get(PUBLISHED, "").partition(":")[0]
    return (
        run.is_submitted
        and not run.is_child
        and run.status.value in definition.on
        and definition.experiment in (None, run.experiment)
        and definition.pipeline in (None, pipeline)
        and definition.schedule in (None, run.properties.get(RUN_OF))
    )


def event_key(schedule: str, slot: str) -> str:
    """A name for an event that is the same whenever it is told."""
    return hashlib.sha256(f"{schedule}\n{slot}".encode()).hexdigest()[:32]
