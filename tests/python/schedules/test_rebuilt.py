"""Schedules and notifications go on in a store that was built anew: nothing is lost or repeated."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tandemlab import Dataset, Datastore, ScriptRunConfig, Workspace
from tandemlab.domain import RunStatus
from tandemlab.domain.ids import new_run_id
from tandemlab.domain.schedules import NewFiring
from tandemlab.notifications import Command, Notification
from tandemlab.notifications.driver import NotificationDriver
from tandemlab.pipelines import CommandStep, Pipeline
from tandemlab.schedules import FiringState, Schedule, ScheduleRecurrence
from tandemlab.schedules.driver import ScheduleDriver
from tandemlab.tracking import workspace as handles

pytestmark = pytest.mark.full
START = datetime(2026, 5, 1, 6, 0, tzinfo=timezone.utc)
HOURLY = ScheduleRecurrence(cron="0 * * * *", start_time=START)
Damage = Callable[[Path], None]


def damage_an_index(store: Path) -> None:
    """Damage that leaves all rows as they were."""
    with closing(sqlite3.connect(store)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'runs_by_status'"
        (page,) = connection.execute(query).fetchone()
    data = bytearray(store.read_bytes())
    data[(page - 1) * size : page * size] = bytes(size)
    store.write_bytes(bytes(data))


DAMAGES = pytest.mark.parametrize("damage", [Path.unlink, lambda store: os.truncate(store, 4096)])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(handles.Workspace, "attend", lambda self: None)


class Clock:
    """The driver of a workspace's schedules at times of the test."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.now = START
        self._driver = self._new()

    def _new(self) -> ScheduleDriver:
        return ScheduleDriver(self.workspace.folder, clock=lambda: self.now)

    def pass_hours(self, hours: int) -> None:
        """Let time go by, with an agent at work each minute; runs end at once."""
        for _ in range(hours * 4):
            self.now += timedelta(minutes=15)
            for _ in range(2):
                self._driver.advance()
                self._end_runs()

    def _end_runs(self) -> None:
        for name in self.workspace.experiments:
            for run in self.workspace.experiment(name).get_runs(status=["Queued", "Running"]):
                self.workspace.store.move_run(run.id, RunStatus.CANCELED, time=self.now)

    def lose_store(self, damage: Damage) -> None:
        """Damage the store, and have it built anew."""
        folder = self.workspace.folder
        folder.forget_store()
        self._driver._workspace.folder.forget_store()
        damage(folder.path / "store.db")
        assert all(each.repaired for each in self.workspace.check(repair=True))
        self._driver = self._new()


@pytest.fixture
def clock(workspace: Workspace) -> Clock:
    return Clock(workspace)


def hourly(clock: Clock) -> Schedule:
    """A schedule that is as if it had been made when the test's time begins."""
    made = Schedule.create(
        clock.workspace,
        "job",
        ScriptRunConfig(".", command="true"),
        recurrence=HOURLY,
        catch_up="all",
        overlap="queue",
    )
    store = clock.workspace.folder.store
    cursor = {"cursor": int(START.timestamp() * 1e6), "version": 1}
    store.decide_firings("job", store.schedule_position("job"), cursor, [], START)
    return made


def slots(schedule: Schedule) -> Counter[str]:
    """How many runs there are for each slot."""
    runs = schedule.workspace.experiment(schedule.name).get_runs()
    return Counter(run.properties["schedule_slot"] for run in runs)


def hours(*given: int) -> Counter[str]:
    return Counter(f"2026-05-01T{hour:02}:00:00Z" for hour in given)


@DAMAGES
def test_times_that_have_fired_do_not_fire_again(clock: Clock, damage: Damage) -> None:
    schedule = hourly(clock)
    clock.pass_hours(3)
    assert slots(schedule) == hours(7, 8, 9)
    clock.now += timedelta(hours=2)  # while nobody was at work
    clock.lose_store(damage)
    known = {each.slot: each.state for each in schedule.get_firings()}
    assert set(known) == set(hours(7, 8, 9))
    clock.pass_hours(1)
    assert slots(schedule) == hours(7, 8, 9, 10, 11, 12)
    assert {each.state for each in schedule.get_firings()} == {FiringState.ENDED}


@DAMAGES
def test_a_schedule_of_which_no_run_is_left_begins_anew(clock: Clock, damage: Damage) -> None:
    schedule = hourly(clock)
    clock.pass_hours(3)
    for run in clock.workspace.experiment("job").get_runs():
        run.delete()
    clock.lose_store(damage)
    clock.now = datetime.now(timezone.utc).replace(minute=50)
    clock.pass_hours(1)
    assert len(slots(schedule)) <= 1


def test_what_an_old_store_still_says_is_kept(clock: Clock) -> None:
    schedule = hourly(clock)
    clock.pass_hours(2)
    decided = NewFiring("job", "manual 1", 1, clock.now, new_run_id("job"))
    clock.workspace.folder.store.add_firing(decided, clock.now)
    for run in clock.workspace.experiment("job").get_runs():
        run.delete()
    before = schedule.get_firings()
    clock.lose_store(damage_an_index)
    assert [(e.slot, e.state) for e in schedule.get_firings()] == [
        (e.slot, e.state) for e in before
    ]
    clock.pass_hours(1)
    assert slots(schedule) == hours(9) + Counter(["manual 1"])


@DAMAGES
def test_data_and_versions_that_come_later_fire_and_earlier_ones_do_not(
    clock: Clock, damage: Damage, tmp_path: Path
) -> None:
    lake, rows = tmp_path / "lake", Path("rows.txt").absolute()
    lake.mkdir()

    def register(text: str) -> None:
        rows.write_text(text)
        Dataset.File.from_files(rows).register(clock.workspace, "rows", create_new_version=True)

    register("1\n")
    Datastore.register_folder(clock.workspace, "lake", lake)
    config = ScriptRunConfig(".", command="true")
    on_data = Schedule.create(clock.workspace, "data", config, datastore="lake", settle_seconds=0)
    on_rows = Schedule.create(clock.workspace, "rows", config, dataset="rows")
    (lake / "a").write_text("a")
    register("2\n")
    clock.pass_hours(1)
    clock.lose_store(damage)
    clock.pass_hours(1)
    assert (slots(on_data), slots(on_rows)) == (Counter(["data 1.1"]), Counter(["rows:2"]))
    (lake / "b").write_text("b")
    register("3\n")
    clock.pass_hours(1)
    assert slots(on_data) == Counter(["data 1.1", "data 1.2"])
    assert slots(on_rows) == Counter(["rows:2", "rows:3"])


@DAMAGES
def test_runs_that_were_followed_are_not_followed_again(clock: Clock, damage: Damage) -> None:
    lab = clock.workspace
    Pipeline([CommandStep("true", "only")]).publish(lab, "score")
    after = Schedule.create(
        lab, "follow", ScriptRunConfig(".", command="true"), after="score", after_status="any"
    )
    clock.now = datetime.now(timezone.utc)

    first = _scored(lab)
    clock.pass_hours(1)
    assert slots(after) == Counter([f"run {first}"])
    clock.lose_store(damage)
    clock.pass_hours(1)
    assert slots(after) == Counter([f"run {first}"])
    second = _scored(lab)
    clock.pass_hours(1)
    assert slots(after) == Counter([f"run {first}", f"run {second}"])


def _scored(lab: Workspace) -> str:
    from tandemlab.pipelines import PublishedPipeline

    return PublishedPipeline.get(lab, "score").submit(experiment_name="score").id


@DAMAGES
def test_what_was_told_is_not_told_again(
    workspace: Workspace, damage: Damage, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    clock = Clock(workspace)
    Notification.create(workspace, "bell", Command(f"echo >> '{told}'"), "Canceled")

    def cancel() -> None:
        run = workspace.experiment("demo").submit(ScriptRunConfig(".", command="true"))
        workspace.store.move_run(run.id, RunStatus.CANCELED)

    for _ in range(2):
        cancel()
    NotificationDriver(workspace.folder).advance()
    assert told.read_text() == "\n" * 2
    clock.lose_store(damage)
    NotificationDriver(workspace.folder).advance()
    assert told.read_text() == "\n" * 2
    cancel()
    NotificationDriver(workspace.folder).advance()
    assert told.read_text() == "\n" * 3
