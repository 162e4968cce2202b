"""Schedules with a real agent: by time, on data, after others, and what they do with overlaps."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest

from plugins.servers import Server
from plugins.waiting import wait_until
from plugins.workspaces import agent_pid
from tandemlab import Datastore, ScriptRunConfig, Workspace
from tandemlab.compute.agent import Agent
from tandemlab.compute.settings import AgentSettings
from tandemlab.domain import AlreadyExists, InvalidInput, NotFound
from tandemlab.domain.times import now
from tandemlab.pipelines import CommandStep, Pipeline, PipelineParameter
from tandemlab.schedules import Firing, FiringState, Schedule, ScheduleRecurrence
from tandemlab.store.durable import write_file
from tandemlab.tracking.agent import take_lock

pytestmark = pytest.mark.full
NEVER = ScheduleRecurrence(cron="0 0 1 1 *")
UTC = timezone.utc


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)


def command(text: str = "true", **options: object) -> ScriptRunConfig:
    return ScriptRunConfig(".", command=text, **options)  # type: ignore[arg-type]


def soon(seconds: float = 2.0) -> ScheduleRecurrence:
    """Once, and then not for years."""
    due = now().replace(microsecond=0) + timedelta(seconds=seconds)
    return ScheduleRecurrence("Hour", 99_999, start_time=due)


def ended(schedule: Schedule, number: int = 1) -> list[Firing]:
    """Its firings, the first one first, once so many of them are settled."""

    def settled() -> list[Firing]:
        return [each for each in schedule.get_firings() if not each.state.is_open]

    wait_until(lambda: len(settled()) >= number)
    return [*reversed(schedule.get_firings())]


def test_a_schedule_that_is_made_while_an_agent_ends_is_looked_after(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = take_lock(workspace.folder)
    assert lock is not None
    rounds: list[int] = []

    def work(agent: Agent) -> None:
        rounds.append(len(Schedule.list(workspace)))
        if len(rounds) == 1:
            Schedule.create(workspace, "late", command(), recurrence=NEVER)  # sees a living agent
        else:
            agent._stop()

    monkeypatch.setattr(Agent, "_listen", lambda agent: None)
    monkeypatch.setattr(Agent, "_work", work)
    Agent(workspace.folder, AgentSettings.from_environment()).serve(lock)
    assert rounds == [0, 1]


def test_a_script_runs_by_time_with_the_source_that_it_had(workspace: Workspace) -> None:
    Path("say.py").write_text("print('as it was')\n")
    config = ScriptRunConfig(".", "say.py")
    schedule = Schedule.create(workspace, "say", config, "study", soon(), tags={"by": "clock"})
    Path("say.py").unlink()
    (firing,) = ended(schedule)
    (run,) = schedule.get_runs()
    assert (firing.state, firing.run_id) == (FiringState.ENDED, run.id)
    assert run.get_status() == "Completed", run.read_log()
    assert run.read_log()[0] == "as it was\n"
    assert (run.experiment.name, run.tags) == ("study", {"by": "clock"})
    assert run.properties["schedule"] == "say"
    assert run.record.definition["source_directory"] == str(Path().absolute())
    assert firing.slot == run.properties["schedule_slot"]


def test_a_pipeline_runs_with_the_time_it_was_due_and_another_after_it(
    workspace: Workspace,
) -> None:
    day = PipelineParameter("day", type="string")
    first = Pipeline([CommandStep(["echo", day], "say", source_directory=".")])
    first.publish(workspace, "first")
    Pipeline([CommandStep("true", "only")]).publish(workspace, "second")
    Pipeline([CommandStep("true", "only")]).publish(workspace, "first_of_all")
    following = Schedule.create(workspace, "follow", "second", after="first")
    last = Schedule.create(workspace, "last", command("echo last"), after=following)
    failing = Schedule.create(
        workspace, "on-failure", "second", after="first", after_status="Failed"
    )
    zone = "Pacific/Kiritimati"
    due = soon()
    recurrence = ScheduleRecurrence(due.frequency, due.interval, due.start_time, time_zone=zone)
    schedule = Schedule.create(
        workspace,
        "by-day",
        "first",
        recurrence=recurrence,
        pipeline_parameters={"day": "on ${slot.date}"},
    )
    ended(schedule)
    (run,) = schedule.get_runs()
    local = schedule.get_firings()[0].due.astimezone(recurrence.zone)
    assert run.find_step_run("say")[0].read_log()[0] == f"on {local.date()}\n"  # type: ignore[attr-defined]
    assert ended(following)[0].slot == f"run {run.id}"
    ended(last)
    assert [each.read_log()[0] for each in last.get_runs()] == ["last\n"]
    assert (failing.get_firings(), len(following.get_firings())) == ([], 1)


def test_new_files_fire_once_they_are_complete_and_are_handed_over(workspace: Workspace) -> None:
    data = PipelineParameter("data", type="string")
    from tandemlab.domain.jobs import Input

    shown = CommandStep("cat ${inputs.rows}/*", "show", inputs={"rows": Input(dataset=str(data))})
    Pipeline([shown], parameters=[data]).publish(workspace, "show")
    lake = Path("lake").absolute()
    (lake / "in").mkdir(parents=True)
    (lake / "in" / "old.csv").write_text("old\n")
    Datastore.register_folder(workspace, "lake", lake)
    schedule = Schedule.create(
        workspace,
        "rescore",
        "show",
        datastore="lake",
        path_on_datastore="in/*.csv",
        data_path_parameter_name="data",
        polling_interval=0.005,
        settle_seconds=0.5,
    )
    with (lake / "in" / "new.csv").open("w") as stream:
        for number in range(8):
            stream.write(f"{number}\n")
            stream.flush()
            assert schedule.get_firings() == []
    (lake / "in" / "other.txt").write_text("no table\n")
    (firing,) = ended(schedule)
    assert firing.data["files"] == ["in/new.csv"]
    (run,) = schedule.get_runs()
    log = run.find_step_run("show")[0].read_log()[0]  # type: ignore[attr-defined]
    assert log == "".join(f"{number}\n" for number in range(8))
    (lake / "in" / "old.csv").unlink()
    write_file(lake / "in" / "a.csv", b"a\n")
    write_file(lake / "in" / "new.csv", b"changed\n")
    assert ended(schedule, 2)[1].data["files"] == ["in/a.csv", "in/new.csv"]


def test_a_new_version_of_a_dataset_is_an_input_of_the_script(workspace: Workspace) -> None:
    from tandemlab import Dataset

    def register(text: str) -> None:
        Path("rows.txt").write_text(text)
        Dataset.File.from_files(Path("rows.txt").absolute()).register(
            workspace, "rows", create_new_version=True
        )

    register("first\n")
    config = command(
        "cat ${inputs.data}/*", inputs={"data": Dataset.get_by_name(workspace, "rows")}
    )
    schedule = Schedule.create(
        workspace, "on-rows", config, dataset="rows", data_path_parameter_name="data"
    )
    register("second\n")
    (firing,) = ended(schedule)
    assert firing.slot == "rows:2"
    assert schedule.get_runs()[0].read_log()[0] == "second\n"


@pytest.mark.parametrize("overlap", ["skip", "queue", "replace"])
def test_a_firing_while_the_run_before_goes_on(workspace: Workspace, overlap: str) -> None:
    waiting = "while [ ! -e go ]; do sleep 0.02; done".replace("go", str(Path("go").absolute()))
    schedule = Schedule.create(
        workspace, "slow", command(waiting), recurrence=NEVER, overlap=overlap
    )
    first = schedule.run_now()
    wait_until(lambda: first in workspace.store.known_runs([first]))
    wait_until(lambda: workspace.get_run(first).get_status() == "Running")
    later = now()
    for number in range(2):
        _decide(workspace, schedule, later + timedelta(seconds=number))
    if overlap != "queue":
        wait_until(lambda: len([e for e in schedule.get_firings() if e.state.is_open]) <= 1)
    Path("go").touch()
    states = [each.state.value for each in ended(schedule, 3)]
    statuses = [each.get_status() for each in reversed(schedule.get_runs())]
    if overlap == "skip":
        assert (states, statuses) == (["ended", "skipped", "skipped"], ["Completed"])
        assert f"run {first} was still going on" in str(schedule.get_firings()[0].reason)
    elif overlap == "queue":
        assert (states, statuses) == (["ended"] * 3, ["Completed"] * 3)
    else:
        assert states == ["ended"] * 3
        assert statuses[0] == "Canceled" and statuses[-1] == "Completed"


def _decide(workspace: Workspace, schedule: Schedule, due: datetime) -> None:
    """What its trigger would bring."""
    from tandemlab.domain.ids import new_run_id
    from tandemlab.domain.schedules import NewFiring

    new = NewFiring(schedule.name, due.isoformat(), 1, due, new_run_id("slow"))
    workspace.folder.store.add_firing(new, due)
    workspace.attend()


def test_a_schedule_is_paused_changed_and_deleted(workspace: Workspace) -> None:
    schedule = Schedule.create(
        workspace, "job", command(), recurrence=ScheduleRecurrence(cron="30 6 * * *")
    )
    assert [f"{each:%H:%M}" for each in schedule.next_times()] == ["06:30"] * 3
    with pytest.raises(AlreadyExists):
        Schedule.create(workspace, "job", command(), recurrence=NEVER)
    changed = schedule.update(recurrence=NEVER, overlap="queue", description="Daily.")
    assert (changed.asset.version, changed.definition.overlap.value) == (2, "queue")
    paused = changed.pause()
    assert (paused.status, paused.next_times()) == ("Paused", [])
    assert Schedule.list(workspace, active_only=True) == []
    assert Schedule.get(workspace, "job").resume().status == "Active"
    run = Schedule.get(workspace, "job").run_now()
    wait_until(lambda: workspace.store.known_runs([run]))
    ended(schedule)
    Schedule.get(workspace, "job").delete()
    with pytest.raises(NotFound):
        Schedule.get(workspace, "job")
    assert len(workspace.store.find_firings("job")) == 1
    again = Schedule.create(workspace, "job", command(), recurrence=NEVER)
    assert again.asset.version == 4 - 1


def test_a_pipeline_that_cannot_run_is_a_failed_firing_and_the_next_one_runs(
    workspace: Workspace,
) -> None:
    made = Pipeline([CommandStep("true", "only")]).publish(workspace, "p")
    schedule = Schedule.create(workspace, "job", "p", recurrence=NEVER)
    made = made.disable()
    schedule.run_now()
    (failed,) = ended(schedule)
    assert failed.state is FiringState.FAILED and "disabled" in str(failed.reason)
    made.enable()
    schedule.run_now()
    assert ended(schedule, 2)[1].state is FiringState.ENDED


def test_what_cannot_be_a_schedule_is_refused(workspace: Workspace) -> None:
    Pipeline([CommandStep("true", "only")]).publish(workspace, "p")
    folder = PipelineParameter("folder", os.path.abspath("."))
    Pipeline([CommandStep("true", "reads", inputs={"rows": folder})]).publish(workspace, "paths")
    on_data = {"datastore": "workspaceblobstore", "data_path_parameter_name": "folder"}
    cases: list[tuple[dict[str, object], str]] = [
        ({"config": "p"}, "0 of these are given"),
        ({"config": "p", "recurrence": NEVER, "after": "p"}, "2 of these are given"),
        ({"config": 3, "recurrence": NEVER}, "not a int"),
        ({"config": Pipeline([]), "recurrence": NEVER}, "not a Pipeline"),
        ({"config": "p", "recurrence": NEVER, "pipeline_parameters": {"n": 1}}, "no parameter 'n'"),
        ({"config": "p", "recurrence": NEVER, "overlap": "wait"}, "'wait' cannot be chosen"),
        ({"config": "p", "after": "p"}, "start itself again without end"),
        (
            {
                "config": command(),
                "datastore": "workspaceblobstore",
                "data_path_parameter_name": "x",
            },
            "no input 'x'",
        ),
        ({"config": "p", "recurrence": NEVER, "data_path_parameter_name": "x"}, "no parameter 'x'"),
        ({"config": "paths", **on_data}, "'folder' is a path of this machine, and not data"),
        ({"config": command("cat ${inputs.no}"), "recurrence": NEVER}, "inputs"),
    ]
    for options, words in cases:
        with pytest.raises(InvalidInput, match=words):
            Schedule.create(workspace, "job", **options)  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="'q'"):
        Schedule.create(workspace, "job", "q", recurrence=NEVER)
    with pytest.raises(InvalidInput):
        Schedule.create(workspace, "a:b", "p", recurrence=NEVER)
    one = Schedule.create(workspace, "one", command(), recurrence=NEVER)
    two = Schedule.create(workspace, "two", command(), after=one)
    with pytest.raises(InvalidInput, match="without end"):
        Schedule.create(workspace, "one", command(), after=two, exist_ok=True)
    assert [each.name for each in Schedule.list(workspace)] == ["one", "two"]


def test_a_killed_agent_s_successor_fires_what_is_due(workspace: Workspace) -> None:
    recurrence = soon(2)
    schedule = Schedule.create(
        workspace, "job", command(), recurrence=recurrence, catch_up="latest"
    )
    wait_until(lambda: agent_pid(workspace))
    pid = agent_pid(workspace)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: agent_pid(workspace) is None)
    due = recurrence.start_time
    assert isinstance(due, datetime)
    wait_until(lambda: now() > due)
    assert schedule.get_firings() == []
    workspace.attend()
    assert [each.state for each in ended(schedule)] == [FiringState.ENDED]


def test_a_schedule_at_a_server(remote: Workspace, shared_server: Server) -> None:
    schedule = Schedule.create(remote, "job", command("echo there"), recurrence=soon())
    ended(schedule)
    assert schedule.get_runs()[0].read_log()[0] == "there\n"
    base = f"{shared_server.url}/api/v1/workspaces/{remote.name}/schedules"
    assert httpx.post(f"{base}/job/pause", json={}).json()["status"] == "Paused"
    assert Schedule.get(remote, "job").resume().status == "Active"
    run = schedule.run_now()
    ended(schedule, 2)
    assert run in {each.id for each in schedule.get_runs()}
    (shown,) = httpx.get(base).json()
    assert (shown["action"]["kind"], shown["overlap"]) == ("script", "skip")
    bad = {"kind": "schedule", "name": "bad", "definition": {"trigger": {"kind": "moon"}}}
    assets = f"{shared_server.url}/api/v1/workspaces/{remote.name}/assets"
    assert httpx.post(assets, json=bad).status_code == 400
    schedule.delete()
    assert Schedule.list(remote) == []


def test_a_schedule_is_made_over_rest(workspace: Workspace, server: Server) -> None:
    Pipeline([CommandStep("true", "only")]).publish(workspace, "p")
    base = f"{server.url}/api/v1/workspaces/{workspace.name}/schedules"
    body = {"name": "daily", "pipeline": "p", "recurrence": {"cron": "30 6 * * *"}}
    made = httpx.post(base, json=body)
    assert (made.status_code, len(made.json()["next"])) == (201, 3), made.text
    assert httpx.post(base, json=body).json()["error"]["code"] == "already_exists"
    after = {"name": "then", "pipeline": "p:1", "after_schedule": "daily", "overlap": "queue"}
    assert httpx.post(base, json=after).json()["trigger"] == {
        **{"kind": "after", "schedule": "daily", "on": "Completed"}
    }
    for wrong, status in [
        ({"after": "p", "after_schedule": "daily", "recurrence": None}, 400),
        ({"recurrence": None}, 400),
        ({"recurrence": {"cron": "* *"}}, 400),
        ({"recurrence": {"moon": "full"}}, 400),
        ({"pipeline_parameters": {"n": 1}}, 400),
        ({"settle_seconds": -1}, 400),
        ({"pipeline": "q"}, 404),
        ({"recurrence": None, "after_schedule": "none"}, 404),
    ]:
        answer = httpx.post(base, json={**body, "name": "x", **wrong})
        assert (answer.status_code, "error" in answer.json()) == (status, True), wrong
    near = [({"recurrence": {"corn": "0 5 * * *"}}, "'cron'?"), ({"catchup": "all"}, "'catch_up'?")]
    for wrong, meant in near:
        answer = httpx.post(base, json={**body, "name": "other", **wrong})
        assert answer.json()["error"]["message"].endswith(f"did you mean {meant}")
    run = httpx.post(f"{base}/then/runs", json={}).json()["run_id"]
    wait_until(lambda: [e.run_id for e in Schedule.get(workspace, "then").get_firings()] == [run])
    assert httpx.delete(f"{base}/then").status_code == 204
    assert [each.name for each in Schedule.list(workspace)] == ["daily"]
