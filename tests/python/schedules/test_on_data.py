"""Schedules that fire on data: in a folder that is watched, in S3 and behind SFTP by looking.

What counts as complete is tried with a clock of the test and the driver itself, so that a slow
machine changes nothing; that data reach the run is tried with a real agent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from plugins.datastores import in_s3
from plugins.s3 import S3
from plugins.waiting import wait_until
from tandemlab import Datastore, ScriptRunConfig, Workspace
from tandemlab.domain.jobs import Input
from tandemlab.schedules import Firing, FiringState, Schedule
from tandemlab.schedules.driver import ScheduleDriver
from tandemlab.tracking import workspace as handles

pytestmark = pytest.mark.full
in_a_folder = pytest.mark.parametrize("datastore", ["folder"], indirect=True)
START = datetime(2026, 5, 1, 6, 0, tzinfo=timezone.utc)
POLLING = 20


class Looking:
    """A schedule's driver, which looks when the test says so.

    Each second of the test's clock it may look; it does when it is due.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.now = START
        self._driver = ScheduleDriver(workspace.folder, clock=lambda: self.now)

    def wait(self, seconds: int) -> None:
        """Let time go by."""
        for _ in range(seconds):
            self.now += timedelta(seconds=1)
            self._driver.advance()


@pytest.fixture
def looking(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Looking:
    monkeypatch.setattr(handles.Workspace, "attend", lambda self: None)
    return Looking(workspace)


@pytest.fixture
def put(datastore: Datastore, tmp_path: Path) -> Callable[[str, str], None]:
    """Writes a file into the datastore, or writes it anew."""

    def write(name: str, text: str) -> None:
        source = tmp_path / "content"
        source.write_text(text)
        datastore.files.write(name, source, lambda _: None)

    return write


def scheduled(workspace: Workspace, datastore: Datastore, path: str, **options: object) -> Schedule:
    """A script that prints the files that are new or changed."""
    inputs = {"new": Input(dataset="placeholder:1", mode="mount")}
    Path("source").mkdir(exist_ok=True)
    _register_placeholder(workspace)
    script = "cd ${inputs.new} && find . -type l -o -type f | sort | xargs tail -n +1"
    config = ScriptRunConfig("source", command=script, inputs=inputs)
    settings = {"polling_interval": POLLING / 60, "settle_seconds": 5.0, **options}
    return Schedule.create(
        workspace,
        "rescore",
        config,
        datastore=datastore,
        path_on_datastore=path,
        data_path_parameter_name="new",
        **settings,  # type: ignore[arg-type]
    )


def _register_placeholder(workspace: Workspace) -> None:
    from tandemlab import Dataset

    Path("nothing.txt").write_text("")
    Dataset.File.from_files(Path("nothing.txt").absolute()).register(workspace, "placeholder")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def files_of(firings: Sequence[Firing]) -> list[list[str]]:
    """The files of each firing, the first one first."""
    return [each.data["files"] for each in reversed(firings)]


def test_what_is_being_written_fires_once_when_nothing_changes_any_more(
    workspace: Workspace, datastore: Datastore, put: Callable[[str, str], None], looking: Looking
) -> None:
    put("in/old.csv", "old\n")
    schedule = scheduled(workspace, datastore, "in/*.csv")
    looking.wait(1)
    text = ""
    for number in range(10):  # for longer than between two looks, and never for five seconds
        text += f"{number}\n" * 100
        put("in/new.csv", text)
        if number == 8:
            put("in/last.csv", "whole\n")
            put("elsewhere.csv", "no\n")
        looking.wait(3)
        assert schedule.get_firings() == []
    looking.wait(POLLING + 6)
    assert files_of(schedule.get_firings()) == [["in/last.csv", "in/new.csv"]]
    looking.wait(3 * POLLING)
    assert len(schedule.get_firings()) == 1
    put("in/old.csv", "changed\n")
    looking.wait(2 * POLLING)
    assert files_of(schedule.get_firings())[1:] == [["in/old.csv"]]


@in_a_folder
def test_an_agent_that_takes_over_fires_what_came_meanwhile_and_nothing_again(
    workspace: Workspace, datastore: Datastore, put: Callable[[str, str], None], looking: Looking
) -> None:
    schedule = scheduled(workspace, datastore, "in")
    put("in/a.csv", "a\n")
    looking.wait(2 * POLLING)
    put("in/b.csv", "b\n")
    later = Looking(workspace)
    later.now = looking.now
    later.wait(3)
    assert files_of(schedule.get_firings()) == [["in/a.csv"]]
    for each in (later, looking):  # two agents, of which one is first
        each.now = later.now
        each.wait(2 * POLLING)
    assert files_of(schedule.get_firings()) == [["in/a.csv"], ["in/b.csv"]]


@in_a_folder
def test_data_outside_of_start_and_end_do_not_fire_later_either(
    workspace: Workspace, datastore: Datastore, put: Callable[[str, str], None], looking: Looking
) -> None:
    begins = START + timedelta(minutes=5)
    schedule = scheduled(workspace, datastore, "in", start=begins)
    put("in/a.csv", "a\n")
    looking.wait(50)
    looking.now = begins
    put("in/b.csv", "b\n")
    looking.wait(50)
    assert files_of(schedule.get_firings()) == [["in/b.csv"]]


@pytest.mark.services
def test_an_upload_in_parts_fires_when_its_last_part_is_there(
    workspace: Workspace, s3: S3, aws: None, looking: Looking
) -> None:
    datastore = in_s3(s3, workspace)
    schedule = scheduled(workspace, datastore, "in")
    admin, bucket, key = s3.files(), datastore.settings["bucket"], "in/large.csv"
    looking.wait(1)
    begun = admin.call_s3("create_multipart_upload", Bucket=bucket, Key=key)
    upload, tags = {"Bucket": bucket, "Key": key, "UploadId": begun["UploadId"]}, []
    for number, body in ((1, b"x" * (5 << 20)), (2, b"end\n")):
        sent = admin.call_s3("upload_part", PartNumber=number, Body=body, **upload)
        tags.append({"PartNumber": number, "ETag": sent["ETag"]})
        looking.wait(2 * POLLING)
        assert schedule.get_firings() == []
    admin.call_s3("complete_multipart_upload", MultipartUpload={"Parts": tags}, **upload)
    looking.wait(2 * POLLING)
    assert files_of(schedule.get_firings()) == [[key]]


@pytest.mark.services
def test_a_place_that_is_away_fires_once_it_is_back(
    workspace: Workspace, s3: S3, aws: None, looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "0")
    datastore = in_s3(s3, workspace)
    schedule = scheduled(workspace, datastore, "in")
    admin, bucket = s3.files(), datastore.settings["bucket"]
    looking.wait(1)
    keys = workspace.get_default_keyvault()
    known = keys.get_secret("datastore.place")
    keys.set_secret("datastore.place", "{}")
    admin.pipe_file(f"{bucket}/in/a.csv", b"a\n")
    admin.mv(f"{bucket}/in/a.csv", f"{bucket}/in/b.csv")
    looking.wait(POLLING)
    keys.set_secret("datastore.place", known)
    looking.wait(3 * POLLING)
    assert files_of(schedule.get_firings()) == [["in/b.csv"]]


@pytest.mark.services
def test_a_run_gets_what_is_new_in_s3(workspace: Workspace, s3: S3, aws: None) -> None:
    datastore = in_s3(s3, workspace)
    schedule = scheduled(
        workspace, datastore, "in/*.csv", polling_interval=0.005, settle_seconds=1.0
    )
    admin, bucket = s3.files(), datastore.settings["bucket"]
    for name in ("a", "b"):
        admin.pipe_file(f"{bucket}/in/{name}.csv", f"{name} is new\n".encode())
    wait_until(
        lambda: all(text in "".join(finished(schedule)) for text in ("a is new", "b is new"))
    )


def test_a_folder_of_this_machine_is_watched(workspace: Workspace, tmp_path: Path) -> None:
    pytest.importorskip("watchfiles")
    lake = tmp_path / "lake"
    lake.mkdir()
    (tmp_path / "outside.csv").write_text("moved\n")
    datastore = Datastore.register_folder(workspace, "lake", lake)
    schedule = scheduled(  # looks alone would come in a day
        workspace, datastore, "in/**/*.csv", polling_interval=1440.0, settle_seconds=0.5
    )
    wait_until(lambda: workspace.folder.store.schedule_position("rescore"))
    (lake / "in" / "2026").mkdir(parents=True)
    with (lake / "in" / "2026" / "rows.csv").open("w") as stream:
        for number in range(200):
            stream.write(f"{number}\n")
            stream.flush()
    last = finished(schedule)[-1]
    assert last.splitlines()[-1] == "199"
    (tmp_path / "outside.csv").rename(lake / "in" / "moved.csv")
    wait_until(lambda: "moved" in "".join(finished(schedule)))
    assert "in/moved.csv" in schedule.get_firings()[0].data["files"]


def finished(schedule: Schedule) -> list[str]:
    """What its runs have printed, the first one first, once there is one."""

    def ended() -> list[Firing]:
        return schedule.workspace.store.find_firings(schedule.name, [FiringState.ENDED])

    wait_until(ended)
    runs = [schedule.workspace.get_run(each.run_id) for each in reversed(ended())]
    assert [each.get_status() for each in runs] == ["Completed"] * len(runs), runs[0].read_log()
    return [each.read_log()[0] for each in runs]


@in_a_folder
def test_what_comes_while_it_is_paused_does_not_fire_and_what_comes_later_does(
    workspace: Workspace, datastore: Datastore, put: Callable[[str, str], None], looking: Looking
) -> None:
    schedule = scheduled(workspace, datastore, "in")
    put("in/a.csv", "a\n")
    looking.wait(2 * POLLING)
    paused = schedule.pause()
    put("in/b.csv", "b\n")
    looking.wait(2 * POLLING)
    paused.resume()
    looking.wait(2 * POLLING)
    put("in/c.csv", "c\n")
    looking.wait(2 * POLLING)
    assert files_of(schedule.get_firings()) == [["in/a.csv"], ["in/c.csv"]]
