"""What only PostgreSQL can do: refuse, be away, have users, and serve several machines."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plugins.postgresql import Server
from plugins.workspaces import stop_agent
from tandemlab import ScriptRunConfig, Workspace
from tandemlab.designer import Draft
from tandemlab.domain import (
    AlreadyExists,
    Conflict,
    Event,
    FileRecord,
    InvalidInput,
    NewRun,
    RunQuery,
    RunStatus,
    StorageError,
    TandemlabError,
)
from tandemlab.domain.times import now
from tandemlab.store.sql import SqlStore
from tandemlab.store.sql.postgresql import check_address

services = pytest.mark.services


@pytest.fixture
def store(database: str) -> SqlStore:
    SqlStore.create(database)
    store = SqlStore.open(database)
    store.create_run(NewRun("a_01", "a", "interactive", "calm_otter_12", now()))
    return store


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ana:hunter2@host/lab",
        "postgresql://ana@host/lab?password=hunter2",
        "postgresql://ana@host/lab?sslpassword=hunter2",
        "mysql://ana@host/lab",
        7,
    ],
)
def test_an_address_that_may_not_be_written_down_is_refused_and_not_shown(address: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_address(address)
    assert "hunter2" not in str(caught.value)


def test_an_address_stays_as_it_was_given() -> None:
    for address in (
        "postgresql://ana@db:5433/lab?sslmode=verify-full",
        "postgresql://?service=lab",
    ):
        assert check_address(address) == address


def test_a_refused_address_leaves_no_folder(tmp_path: Path) -> None:
    nobody = f"postgresql://x@/x?host={tmp_path}"
    with pytest.raises(TandemlabError):
        Workspace.create(tmp_path / "lab", store="postgresql://x:y@host/x")
    with pytest.raises(StorageError) as caught:
        Workspace.create(tmp_path / "lab", store=nobody)
    assert "server runs" in caught.value.hint
    assert not (tmp_path / "lab").exists()


@services
def test_a_workspace_works_on_it(database: str, tmp_path: Path) -> None:
    lab = Workspace.create(tmp_path / "lab", store=database)
    with lab.experiment("demo").start_logging(tags={"team": "a"}) as run:
        run.log("loss", 0.5)
        run.log_table("t", {"a": [1, 2]})
    again = Workspace(tmp_path / "lab")
    assert again.get_run(run.id).get_metrics() == {"loss": 0.5, "t": {"a": [1, 2]}}
    assert again.get_details()["store"] == database
    assert not (tmp_path / "lab" / "store.db").exists()
    assert again.runs_table()["tags.team"] == ["a"]


@services
def test_folders_that_share_a_database_share_its_assets(database: str, tmp_path: Path) -> None:
    here = Workspace.create(tmp_path / "a" / "lab", store=database)
    away = Workspace.ensure(tmp_path / "b" / "lab", store=database)
    for number, lab in enumerate((here, away, here)):
        content = b"weights %d" % number
        file = FileRecord("a.bin", lab.place.blobs.put_bytes(content), len(content))
        made = lab.assets.register("model", "churn", {"n": number}, files=[file])
        assert made.version == number + 1
    for lab in (here, away):
        for blob in lab.path.glob("blobs/*/*"):
            os.utime(blob, (0, 0))
        assert [asset.version for asset in lab.assets.list(all_versions=True)] == [3, 2, 1]
        assert lab.check(deep=True) == []
        assert lab.gc().contents == 0
    assert here.gc().kept == 2 and away.gc().kept == 1
    away.assets.delete(away.assets.get("model", "churn", 3))
    assert here.gc().contents == 1
    assert [(found.code, found.repaired) for found in here.check(repair=True)] == [
        ("asset_undeleted", True)
    ]
    assert here.check() == away.check() == []
    assert here.assets.register("model", "churn", {"n": 3}).version == 4
    for lab in (here, away):
        lab.store.close()


@services
def test_of_people_who_save_a_draft_at_once_in_several_folders_one_does(
    database: str, tmp_path: Path
) -> None:
    labs = [Workspace.ensure(tmp_path / name / "lab", store=database) for name in "abc"]
    Draft.create(labs[0], "towns")
    begun = [Draft.get(lab, "towns") for lab in labs for _ in range(2)]
    gate = threading.Barrier(len(begun))

    def save(number: int) -> int | Conflict:
        step = {"command": f"echo {number}"}
        gate.wait()
        try:
            return begun[number].save({"steps": {"say": step}}).version
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(len(begun)) as people:
        saved = list(people.map(save, range(len(begun))))
    conflicts = [each for each in saved if isinstance(each, Conflict)]
    assert len(conflicts) == len(begun) - 1
    assert all(each.details["version"] == 2 for each in conflicts)
    winner = next(number for number, each in enumerate(saved) if each == 2)
    for lab in labs:
        kept = Draft.get(lab, "towns")
        assert (kept.version, len(kept.versions())) == (2, 2)
        assert kept.pipeline.to_dict()["steps"]["say"]["command"] == f"echo {winner}"
        lab.store.close()


@services
def test_a_database_with_a_workspace_is_joined_only_when_asked(
    database: str, tmp_path: Path
) -> None:
    first = Workspace.create(tmp_path / "here", store=database)
    with first.experiment("demo").start_logging() as run:
        run.log("loss", 0.5)
    with pytest.raises(AlreadyExists, match="holds a workspace"):
        Workspace.create(tmp_path / "there", store=database)
    assert not (tmp_path / "there").exists()

    second = Workspace.ensure(tmp_path / "there", store=database)
    found = second.get_run(run.id)
    assert found.get_metrics() == {"loss": 0.5}
    found.tag("seen", "there")  # logged into this folder's own spool
    assert found.get_tags() == {"seen": "there"}
    assert first.get_run(run.id).get_tags() == {"seen": "there"}
    second.delete()
    assert first.get_run(run.id).get_metrics() == {"loss": 0.5}


@services
def test_a_workspace_does_not_change_its_store(database: str, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "lab")
    with pytest.raises(AlreadyExists, match="keeps its runs in its folder"):
        Workspace.ensure(tmp_path / "lab", store=database)


@services
def test_a_lost_connection_is_made_again(store: SqlStore, postgresql: Server) -> None:
    assert len(store.find_runs(RunQuery())) == 1
    with postgresql.connect() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'tandemlab'"
        )
    assert store.ingest("a_01", "w", [Event(1, 1, "metric", "x", 0.5)], end=9) == 1
    assert store.get_metrics("a_01")["x"].value == 0.5


@services
def test_a_server_that_is_killed_while_points_come_in_loses_and_doubles_none(
    own_postgresql: Server,
) -> None:
    place = own_postgresql.new_database()
    SqlStore.create(place)
    store = SqlStore.open(place)
    store.create_run(NewRun("a_01", "a", "interactive", "calm_otter_12", now()))
    events = [Event(seq, seq, "metric", "x", float(seq)) for seq in range(1, 4001)]
    started = threading.Event()

    def ingest() -> None:
        for end in range(100, 4001, 100):
            store.ingest("a_01", "w", events[end - 100 : end], end=end)
            if end == 1000:
                started.set()

    writer = threading.Thread(target=ingest)
    writer.start()
    assert started.wait(30)
    own_postgresql.stop(signal.SIGQUIT)
    own_postgresql.start()
    writer.join()
    assert store.get_metrics("a_01")["x"].value == [float(seq) for seq in range(1, 4001)]
    store.close()


@services
def test_a_store_is_opened_once_its_server_is_back(own_postgresql: Server) -> None:
    place = own_postgresql.new_database()
    SqlStore.create(place)
    own_postgresql.stop()
    back = threading.Timer(0.5, own_postgresql.start)
    back.start()
    store = SqlStore.open(place)
    back.join()
    assert store.list_experiments() == []
    store.close()


@services
def test_a_user_who_may_only_read_reads_and_is_told_so(
    database: str, postgresql: Server, tmp_path: Path
) -> None:
    lab = Workspace.create(tmp_path / "lab", store=database)
    with lab.experiment("demo").start_logging() as run:
        run.log("loss", 0.5)
    schema = database.rpartition("%3D")[2]
    with postgresql.connect() as admin:
        admin.execute("DROP ROLE IF EXISTS reader")
        admin.execute("CREATE ROLE reader LOGIN")
        admin.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader")
        admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader")
    reader = Workspace.ensure(tmp_path / "reader", store=database.replace("tester@", "reader@"))
    found = reader.get_run(run.id)
    assert found.get_metrics() == {"loss": 0.5}
    with pytest.raises(StorageError) as caught:
        reader.experiment("other")
    assert "only read" in caught.value.hint
    reader.store.close()
    with postgresql.connect() as admin:
        admin.execute("DROP OWNED BY reader")
        admin.execute("DROP ROLE reader")


@services
def test_an_agent_leaves_runs_of_other_folders_alone(database: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("import tandemlab as t; t.get_current_run().log('x', 1)")
    here = Workspace.create(tmp_path / "here", store=database)
    there = Workspace.ensure(tmp_path / "there", store=database)
    foreign = there.experiment("jobs").create_run(
        type="script", status=RunStatus.QUEUED, target="local"
    )
    run = here.experiment("jobs").submit(ScriptRunConfig(source, "train.py"))
    run.wait_for_completion(timeout_seconds=60)
    assert run.get_metrics() == {"x": 1}
    assert foreign.status is RunStatus.QUEUED
    stop_agent(here)


@services
def test_r_works_on_it(database: str, tmp_path: Path) -> None:
    code = """
    library(tandemlab)
    words <- commandArgs(TRUE)
    ws <- create_workspace(words[[1]], store = words[[2]])
    run <- start_logging_run(experiment(ws, "demo"))
    log_metric_to_run("loss", 0.5, run)
    complete_run(run)
    stopifnot(identical(get_run_metrics(run)$loss, 0.5))
    stopifnot(identical(get_workspace_details(ws)$store, words[[2]]))
    refused <- tryCatch(
      create_workspace(file.path(tempdir(), "x"), store = "postgresql://a:b@h/d"),
      tandemlab_error_invalid_input = function(problem) "refused"
    )
    stopifnot(refused == "refused")
    """
    command = ["Rscript", "--no-init-file", "-e", code, str(tmp_path / "lab"), database]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Workspace(tmp_path / "lab").runs_table()["metrics.loss"] == [0.5]


def _log(path: Path, number: int) -> None:
    lab = Workspace.ensure(path)
    with lab.experiment("many").start_logging() as run:
        for step in range(500):
            run.log("x", float(step), step=step)
        lab.folder.catch_up(run.id)


@services
def test_processes_in_several_folders_log_into_one_experiment(
    database: str, tmp_path: Path
) -> None:
    folders = [tmp_path / f"lab{number}" for number in range(2)]
    for folder in folders:
        Workspace.ensure(folder, store=database)
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_log, args=(folders[number % 2], number)) for number in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lab = Workspace(folders[0])
    runs = lab.experiment("many").get_runs()
    assert sorted(run.number for run in runs) == [1, 2, 3, 4]
    assert all(run.get_metrics()["x"] == [float(step) for step in range(500)] for run in runs)


@services
def test_a_forked_child_has_connections_of_its_own(store: SqlStore) -> None:
    assert store.get_run("a_01") is not None
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, str(len(store.find_runs(RunQuery()))).encode())
        finally:
            os._exit(0)
    assert os.read(reader, 1) == b"1"
    os.waitpid(pid, 0)
    assert store.get_run("a_01") is not None
