"""What decides and submits the firings of schedules, in the workspace's agent.

A firing is decided in one transaction of the store, with the id of its run; then it is submitted
under that id. Whoever is killed in between left a decided firing, which the next agent of that
folder submits, or after a while that of another folder: under the same id, so that it is one run.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from tandemlab.domain import (
    InvalidState,
    RunStatus,
    StorageError,
    TandemlabError,
    Unavailable,
)
from tandemlab.domain.assets import Asset
from tandemlab.domain.ids import new_run_id
from tandemlab.domain.recurrence import ScheduleRecurrence
from tandemlab.domain.schedules import (
    KIND,
    MANUAL,
    RUN_OF,
    AfterTrigger,
    DatasetTrigger,
    DataTrigger,
    Firing,
    FiringState,
    NewFiring,
    Overlap,
    ScheduleDefinition,
    SchedulePosition,
)
from tandemlab.domain.times import from_micros, now, to_micros
from tandemlab.pipelines.publishing import PUBLISHED
from tandemlab.schedules import actions
from tandemlab.schedules.positions import data_slot, first_position, is_whole
from tandemlab.schedules.watching import FolderWatch, Watched, list_data, watched_root
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.tracking import Workspace
from tandemlab.tracking.ended_runs import LATE, EndedRun, EndedRuns

_log = logging.getLogger("tandemlab.schedules")
LEASE = timedelta(minutes=2)
_MOST_SLEEP = 30.0
_LOOK = 1.0


class ScheduleDriver:
    """Decides and submits what schedules bring.

    Args:
        poke: called when something has to be looked at before it is due.
        clock: what time it is; a test has its own.
        owner: names the folder whose agent this is.
    """

    def __init__(
        self,
        folder: WorkspaceFolder,
        poke: Callable[[], None] = lambda: None,
        *,
        clock: Callable[[], datetime] = now,
        owner: str | None = None,
    ) -> None:
        self._folder = folder
        self._workspace = Workspace(folder.path)
        self._poke = poke
        self._clock = clock
        self._owner = owner or f"{socket.gethostname()}:{os.path.realpath(folder.path)}"
        self._ended = EndedRuns(folder)
        self._definitions: dict[str, tuple[int, ScheduleDefinition]] = {}
        self._watched: dict[tuple[str, int], Watched] = {}
        self._watches: dict[tuple[str, int], FolderWatch] = {}

    def recover(self) -> None:
        """Remove what this folder began of runs that another folder's agent has taken over."""
        for run_id in self._folder.store.lost_firings(self._owner):
            shutil.rmtree(self._folder.run_directory(run_id), ignore_errors=True)

    def advance(self) -> float | None:
        """Decide and submit what is due; seconds until there may be more, None for never."""
        known = self._folder.store.list_assets(KIND, archived=True)
        active = {each.name: each for each in known if not each.archived}
        pauses = [_MOST_SLEEP]
        for asset in active.values():
            try:
                pauses.append(self._decide(asset))
            except TandemlabError as problem:
                _log.error("schedule %s: %s", asset.name, problem)
                pauses.append(_MOST_SLEEP)
        self._ended.forget(self._clock())
        self._forget({(each.name, each.version) for each in active.values()})
        is_busy = self._work()
        if not active and not is_busy:
            return None
        return max(0.0, min([*pauses, _LOOK if is_busy else _MOST_SLEEP]))

    # Deciding

    def _definition(self, asset: Asset) -> ScheduleDefinition:
        kept = self._definitions.get(asset.name)
        if kept is None or kept[0] != asset.version:
            kept = (asset.version, ScheduleDefinition.from_dict(asset.definition))
            self._definitions[asset.name] = kept
        return kept[1]

    def _decide(self, asset: Asset) -> float:
        """Decide what a schedule has to fire; seconds until it may have more."""
        definition = self._definition(asset)
        position = self._folder.store.schedule_position(asset.name)
        if position is None or not is_whole(position, definition):
            content = first_position(self._workspace, asset, asset.created)
            self._folder.store.decide_firings(asset.name, position, content, [], self._clock())
            return 0.0
        if position.content.get("version", 0) > asset.version:
            return _MOST_SLEEP  # another agent knows a newer version already
        trigger = definition.trigger
        if isinstance(trigger, ScheduleRecurrence):
            return self._decide_times(asset, definition, position)
        if isinstance(trigger, DataTrigger):
            return self._decide_data(asset, definition, trigger, position)
        if isinstance(trigger, DatasetTrigger):
            return self._decide_version(asset, definition, trigger, position)
        return self._decide_after(asset, definition, trigger, position)

    def _decide_times(
        self, asset: Asset, definition: ScheduleDefinition, position: SchedulePosition
    ) -> float:
        time = self._clock()
        cursor = from_micros(position.content["cursor"])
        due = definition.due(cursor, time)
        if due.last is not None:
            new = [self._new(asset, definition, _text(each), each) for each in due.times]
            if due.missed is not None:
                missed = self._new(
                    asset,
                    definition,
                    _text(due.missed),
                    due.missed,
                    state=FiringState.MISSED,
                    reason=f"No agent was at work; the last of those missed since {_text(cursor)}.",
                )
                new.append(missed)
            content = {**position.content, "cursor": to_micros(due.last)}
            self._folder.store.decide_firings(asset.name, position, content, new, time)
            return 0.0
        following = definition.next_times(1, time)
        return (following[0] - time).total_seconds() if following else _MOST_SLEEP

    def _decide_data(
        self,
        asset: Asset,
        definition: ScheduleDefinition,
        trigger: DataTrigger,
        position: SchedulePosition,
    ) -> float:
        key = (asset.name, asset.version)
        watched = self._watched.setdefault(key, Watched())
        self._watch(key, trigger, watched)
        time = self._clock()
        found = watched.look(
            time,
            trigger,
            lambda: list_data(self._workspace, trigger),
            position.content["files"],
        )
        if found is not None:
            files, changed = found
            number = position.content.get("number", 0) + bool(changed)
            content = {**position.content, "files": files, "number": number}
            new = []
            if changed and definition.fires_at(time):
                data = {"files": changed}
                slot = data_slot(asset, number)
                new = [self._new(asset, definition, slot, time, data=data)]
            self._folder.store.decide_firings(asset.name, position, content, new, time)
        assert watched.due is not None
        return max(0.0, (watched.due - self._clock()).total_seconds())

    def _watch(self, key: tuple[str, int], trigger: DataTrigger, watched: Watched) -> None:
        if key in self._watches:
            return
        root = watched_root(self._workspace, trigger)

        def tell() -> None:
            watched.hint.set()
            self._poke()

        if root is not None:
            self._watches[key] = FolderWatch(root, tell)

    def _decide_version(
        self,
        asset: Asset,
        definition: ScheduleDefinition,
        trigger: DatasetTrigger,
        position: SchedulePosition,
    ) -> float:
        newest = self._folder.store.get_asset("dataset", trigger.dataset)
        known = position.content["dataset_version"]
        if newest is not None and newest.version > known:
            time = self._clock()
            content = {**position.content, "dataset_version": newest.version}
            data = {"version": newest.version}
            slot = f"{trigger.dataset}:{newest.version}"
            new = [self._new(asset, definition, slot, time, data=data)]
            self._folder.store.decide_firings(
                asset.name, position, content, new if definition.fires_at(time) else [], time
            )
        return _LOOK

    def _decide_after(
        self,
        asset: Asset,
        definition: ScheduleDefinition,
        trigger: AfterTrigger,
        position: SchedulePosition,
    ) -> float:
        since = from_micros(position.content["cursor"])
        time = self._clock()
        told = set(position.content.get("told", ()))
        seen = [each for each in self._ended.since(since) if _follows(trigger, each)]
        ended = [each for each in seen if each.id not in told]
        if ended or time - since > 2 * LATE:
            new = [
                self._new(asset, definition, f"run {each.id}", each.ended, data={"run": each.id})
                for each in ended
                if definition.fires_at(each.ended)
            ]
            # An agent whose clock is slow may tell of its runs later: the cursor stays behind.
            cursor = max(since, time - LATE)
            content = {
                **position.content,
                "cursor": to_micros(cursor),
                "told": [each.id for each in seen if each.ended > cursor],
            }
            self._folder.store.decide_firings(asset.name, position, content, new, time)
        return _LOOK

    def _new(
        self,
        asset: Asset,
        definition: ScheduleDefinition,
        slot: str,
        due: datetime,
        **options: Any,
    ) -> NewFiring:
        run_id = new_run_id(definition.experiment)
        return NewFiring(asset.name, slot, asset.version, due, run_id, **options)

    def _forget(self, keys: set[tuple[str, int]]) -> None:
        for key in self._watches.keys() - keys:
            self._watches.pop(key).close()
        for key in self._watched.keys() - keys:
            del self._watched[key]

    # Submitting

    def _work(self) -> bool:
        """Take note of runs that have ended, and submit what waits; whether anything is open."""
        states = [FiringState.DECIDED, FiringState.SUBMITTED]
        firings = [
            each
            for each in self._folder.store.find_firings(states=states)
            if "/" not in each.schedule  # those are of notifications
        ]
        running = self._still_running(
            [each for each in firings if each.state is FiringState.SUBMITTED]
        )
        waiting: dict[str, list[Firing]] = {}
        for each in reversed(firings):
            if each.state is FiringState.DECIDED:
                waiting.setdefault(each.schedule, []).append(each)
        for schedule, due in waiting.items():
            for firing in due:
                active = [each for each in running if each.schedule == schedule]
                if not self._begin(firing, active):
                    break
                running.append(firing)
        return bool(firings)

    def _still_running(self, firings: list[Firing]) -> list[Firing]:
        known = self._folder.store.known_runs([each.run_id for each in firings])
        found = []
        for each in firings:
            status = known.get(each.run_id)
            if status is not None and not status.is_terminal:
                found.append(each)
            else:
                said = "The run was deleted." if status is None else None
                self._folder.store.settle_firing(each, FiringState.ENDED, said)
        return found

    def _begin(self, firing: Firing, active: list[Firing]) -> bool:
        """Submit a firing, or pass it over; whether the next one may be looked at."""
        asset = self._folder.store.get_asset(KIND, firing.schedule, firing.version)
        if asset is None:
            self._settle(firing, FiringState.SKIPPED, "The schedule was deleted.")
            return True
        try:
            definition = ScheduleDefinition.from_dict(asset.definition)
        except TandemlabError as problem:
            self._settle(firing, FiringState.FAILED, problem.message)
            return True
        if active and not firing.slot.startswith(MANUAL):
            if definition.overlap is Overlap.SKIP:
                reason = f"The run {active[0].run_id} was still going on."
                self._settle(firing, FiringState.SKIPPED, reason)
                return True
            if definition.overlap is Overlap.QUEUE:
                return False
            for each in active:
                with suppress(InvalidState, TandemlabError):  # it has just ended
                    self._folder.store.move_run(each.run_id, RunStatus.CANCEL_REQUESTED)
        return self._submit(firing, definition)

    def _submit(self, firing: Firing, definition: ScheduleDefinition) -> bool:
        store = self._folder.store
        try:
            if not actions.are_contents_here(self._workspace, definition):
                return False  # the agent of the folder that has them will submit it
        except (Unavailable, StorageError) as problem:
            _log.error("schedule %s, %s: %s", firing.schedule, firing.slot, problem)
            return False
        except TandemlabError:
            pass  # it is told when it is submitted
        if not store.claim_firing(firing, self._owner, self._clock(), LEASE):
            return False  # another agent is at it
        try:
            if firing.run_id not in store.known_runs([firing.run_id]):
                # What an agent has left that was killed as it made the run.
                shutil.rmtree(self._folder.run_directory(firing.run_id), ignore_errors=True)
                actions.submit(self._workspace, definition, firing)
        except (Unavailable, StorageError) as problem:
            _log.error("schedule %s, %s: %s", firing.schedule, firing.slot, problem)
            return False  # it is tried again
        except TandemlabError as problem:
            self._settle(firing, FiringState.FAILED, problem.message, owner=self._owner)
            return True
        if not self._settle(firing, FiringState.SUBMITTED, None, owner=self._owner):
            # This took so long that another agent has taken it over.
            shutil.rmtree(self._folder.run_directory(firing.run_id), ignore_errors=True)
        _log.info("schedule %s, %s: run %s", firing.schedule, firing.slot, firing.run_id)
        return True

    def _settle(
        self, firing: Firing, state: FiringState, reason: str | None, owner: str | None = None
    ) -> bool:
        if state is not FiringState.SUBMITTED:
            _log.info("schedule %s, %s: %s %s", firing.schedule, firing.slot, state.value, reason)
        return self._folder.store.settle_firing(firing, state, reason, owner=owner)


def _follows(trigger: AfterTrigger, run: EndedRun) -> bool:
    """Whether a trigger fires after a run that has ended."""
    if trigger.on != "any" and run.status.value != trigger.on:
        return False
    if trigger.schedule is not None:
        return run.properties.get(RUN_OF) == trigger.schedule
    return run.properties.get(PUBLISHED, "").partition(":")[0] == trigger.pipeline


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
