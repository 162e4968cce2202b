"""A slot fires exactly once, with several agents at work and whoever is killed when.

The processes are real, and so are the databases; the clock is a file that the test moves on. Each
process kills itself by SIGKILL at a random place: before or after the decision, between decision
and submission, or in the middle of making the run.
"""

from __future__ import annotations

import os
import random
import signal
import traceback
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from plugins.waiting import wait_until
from tandemlab import ScriptRunConfig, Workspace
from tandemlab.domain import RunStatus
from tandemlab.domain.schedules import FiringState
from tandemlab.schedules import Schedule, ScheduleRecurrence, actions, driver
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.sql import SqlStore
from tandemlab.tracking import workspace as handles

START = datetime(2026, 3, 29, 0, 0, tzinfo=timezone.utc)  # the day on which Berlin's clock changes
STEPS = 8
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.services)


class Agent:
    """A process that looks after schedules, and kills itself at random.

    It is forked: starting Python as often as it dies would take most of the test.
    """

    def __init__(self, folder: Path, clock: Path, seed: int, risk: float) -> None:
        self.folder = folder
        self._status: int | None = None
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _work(folder, clock, random.Random(seed), risk)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)

    def wait(self, *, blocking: bool) -> int | None:
        """Its exit status, negative for a signal; None while it lives."""
        if self._status is None:
            pid, status = os.waitpid(self._pid, 0 if blocking else os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status


def _work(folder: Path, clock: Path, chance: random.Random, risk: float) -> None:
    def may_die() -> None:
        if chance.random() < risk:
            os.kill(os.getpid(), signal.SIGKILL)

    def risky(owner: Any, name: str) -> None:
        former = getattr(owner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            may_die()
            value = former(*arguments, **named)
            may_die()
            return value

        setattr(owner, name, call)

    lab = WorkspaceFolder(folder)
    for name in ("decide_firings", "claim_firing", "create_run", "settle_firing"):
        risky(SqlStore, name)
    risky(actions, "submit")
    work = driver.ScheduleDriver(lab, clock=lambda: datetime.fromisoformat(clock.read_text()))
    work.recover()
    while not (folder / "agent" / "end").exists():
        work.advance()
        sleep(0.005)


class Agents:
    """An agent for each folder, started again whenever it has killed itself."""

    def __init__(self, folders: list[Path], clock: Path, seed: int) -> None:
        self._clock, self._chance = clock, random.Random(seed)
        self._running = [self._start(folder, 0.15) for folder in folders]
        self.killed = 0

    def _start(self, folder: Path, risk: float) -> Agent:
        return Agent(folder, self._clock, self._chance.randrange(10**9), risk)

    def look_after(self, risk: float = 0.15) -> None:
        """Start those again that are gone."""
        for place, agent in enumerate(self._running):
            status = agent.wait(blocking=False)
            if status is not None:
                assert status == -signal.SIGKILL
                self.killed += 1
                self._running[place] = self._start(agent.folder, risk)

    def end(self) -> None:
        for agent in self._running:
            (agent.folder / "agent" / "end").touch()
        for agent in self._running:
            assert agent.wait(blocking=True) in (0, -signal.SIGKILL)


@pytest.fixture(params=["sqlite", POSTGRESQL])
def folders(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    """The folders of a workspace; those that share a database have an agent each."""
    monkeypatch.setattr(handles.Workspace, "attend", lambda self: None)
    if request.param == "sqlite":
        return [Workspace.create(tmp_path / "lab").path]
    address = str(request.getfixturevalue("database"))
    places = {"store": address, "artifacts": f"file://{tmp_path}/contents"}
    (tmp_path / "contents").mkdir()
    first = Workspace.create(tmp_path / "lab", **places)
    second = Workspace.create(tmp_path / "lab2", **places, exist_ok=True)
    return [first.path, second.path]


def move_on(clock: Path, moment: datetime) -> None:
    new = clock.with_suffix(".new")
    new.write_text(moment.isoformat())
    new.replace(clock)


@pytest.mark.full
def test_each_slot_becomes_one_run(folders: list[Path], tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    lab = Workspace(folders[0])
    source = tmp_path / "source"
    source.mkdir()
    clock = tmp_path / "clock"
    move_on(clock, START)
    recurrence = ScheduleRecurrence(
        cron="*/30 * * * *", time_zone="Europe/Berlin", start_time=START
    )
    config = ScriptRunConfig(source, command="true")
    for name, overlap in (("one", "queue"), ("two", "replace")):
        Schedule.create(lab, name, config, recurrence=recurrence, catch_up="all", overlap=overlap)
        known = lab.folder.store.schedule_position(name)
        cursor = {"cursor": int(START.timestamp() * 1e6), "version": 1}
        lab.folder.store.decide_firings(name, known, cursor, [], START)
    agents = Agents(folders, clock, seed)
    for step in range(1, STEPS + 1):
        agents.look_after()
        sleep(0.05)
        move_on(clock, START + timedelta(minutes=30 * step))
        _end_runs(lab)
    last = START + timedelta(minutes=30 * STEPS)

    def is_done() -> bool:
        nonlocal time
        agents.look_after(0.02)
        time = min(time + timedelta(seconds=10), last + timedelta(minutes=29))
        move_on(clock, time)
        _end_runs(lab)
        return all(len(_settled(lab, name)) == STEPS for name in ("one", "two"))

    time = last
    wait_until(is_done)
    agents.end()
    expected = {START + timedelta(minutes=30 * step) for step in range(1, STEPS + 1)}
    for name in ("one", "two"):
        firings = [each for each in lab.store.find_firings(name) if each.due <= last]
        assert {each.due for each in firings} == expected
        assert len({each.slot for each in firings}) == len(firings) == STEPS
        runs = lab.experiment(name).get_runs()
        slots = Counter(each.properties["schedule_slot"] for each in runs)
        assert {slot: count for slot, count in slots.items() if count > 1} == {}
        assert {each.slot for each in firings} == {
            slot for slot in slots if datetime.fromisoformat(slot.replace("Z", "+00:00")) <= last
        }
        owners = Counter(
            run.id
            for run in runs
            for folder in folders
            if Workspace(folder).folder.owns_run(run.id)
        )
        assert set(owners.values()) == {1}  # one agent alone would work on it
    assert agents.killed > 0


def _end_runs(lab: Workspace) -> None:
    """What agents do with queued runs, as far as schedules see it."""
    for name in ("one", "two"):
        for run in lab.experiment(name).get_runs(status=["Queued", "CancelRequested"]):
            lab.store.move_run(run.id, RunStatus.CANCELED)


def _settled(lab: Workspace, name: str) -> list[object]:
    states = [FiringState.ENDED, FiringState.SUBMITTED]
    return [*lab.store.find_firings(name, states)]
