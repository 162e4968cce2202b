"""Nothing that was logged is lost or comes twice, whatever happens to network and server."""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import pytest

from plugins.postgresql import Server as PostgreSQL
from plugins.servers import Server, behind
from plugins.waiting import wait_until
from python.server.flapping import FlappingProxy
from tandemlab import Run, Workspace
from tandemlab.domain import StorageError, TandemlabError, Unavailable
from tandemlab.store import spool
from tandemlab.store.http import RemoteWorkspace
from tandemlab.store.http.sync import copy_runs, places, send
from tandemlab.store.spool import live_runs

SEED = random.randrange(10**6)


def place_of(workspace: Workspace) -> RemoteWorkspace:
    assert isinstance(workspace.place, RemoteWorkspace)
    return workspace.place


@pytest.mark.parametrize("seed", [SEED])
def test_a_flapping_network_loses_and_doubles_nothing(
    shared_server: Server, remote: Workspace, tmp_path: Path, seed: int
) -> None:
    proxy = FlappingProxy(shared_server.port, seed)
    flapping = Workspace(f"http://127.0.0.1:{proxy.port}/{remote.name}")
    run = flapping.experiment("demo").create_run(type="interactive")
    for step in range(300):
        run.log("x", step / 8, step=step)
        if step % 10 == 0:
            flapping.place.catch_up(run.id)
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(str(number))
        run.upload_file(f"out/{number}.txt", tmp_path / f"{number}.txt")
    run.complete()
    wait_until(lambda: remote.get_run(run.id).get_status() == "Completed")
    proxy.close()
    folder = behind(remote, shared_server)
    assert folder.check(deep=True) == []
    found = folder.get_run(run.id)
    assert found.get_metrics() == {"x": [step / 8 for step in range(300)]}
    assert found.get_file_names() == [f"out/{number}.txt" for number in range(5)]
    assert proxy.seen["lost answer"] and proxy.seen["lost request"] and proxy.seen["twice"]


def log_and_send(remote: Workspace, name: str, ended: threading.Event) -> tuple[str, int]:
    """A run that logs until `ended`, and is sent as far as that goes; its id, and its steps."""
    run = remote.experiment("demo").create_run(type="interactive", display_name=name)
    step = 0
    while step < 20 or not ended.is_set():
        run.log("x", step, step=step)
        step += 1
        if step % 5 == 0:
            with suppress(TandemlabError):  # whoever is away has not taken it in
                remote.place.catch_up(run.id)
    run.complete()
    return run.id, step


@contextmanager
def load(url: str, ended: threading.Event) -> Iterator[list[tuple[str, int]]]:
    """Three clients that log meanwhile; at the end, their runs with the number of steps."""
    found: list[tuple[str, int]] = []
    with ThreadPoolExecutor() as threads:
        clients = [Workspace(url) for _ in range(3)]
        logging = [
            threads.submit(log_and_send, client, f"run{number}", ended)
            for number, client in enumerate(clients)
        ]
        try:
            yield found
        finally:
            ended.set()
        found += [each.result() for each in logging]
    for client in clients:
        client.store.close()


def everything_is_there(folder: Workspace, runs: Sequence[tuple[str, int]]) -> None:
    """All that was logged is in the store once, in order, and the workspace is whole."""
    for run_id, steps in runs:
        run = folder.get_run(run_id)
        wait_until(lambda run=run: run.get_status() == "Completed")
        assert run.get_metrics() == {"x": list(range(steps))}
        assert run.metrics["x"].steps == list(range(steps))
    assert folder.check(deep=True) == []


@pytest.mark.full
def test_a_server_that_is_killed_and_comes_back_has_everything_once(
    server: Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "60")
    with load(f"{server.url}/{workspace.name}", threading.Event()) as runs:
        for _ in range(3):
            time.sleep(random.random() / 4)
            server.kill()
            server.start()
    everything_is_there(workspace, runs)


@pytest.mark.services
def test_nothing_is_lost_when_the_server_and_its_database_are_killed(
    own_postgresql: PostgreSQL,
    tmp_path: Path,
    local_data: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "60")
    lab = Workspace.create(tmp_path / "lab", store=own_postgresql.new_database())
    server = Server(lab.path)
    try:
        with load(f"{server.url}/lab", threading.Event()) as runs:
            time.sleep(random.random() / 4)
            own_postgresql.stop(signal.SIGQUIT)  # at once, as if it were killed
            time.sleep(random.random() / 4)
            server.kill()
            own_postgresql.start()
            server.start()
            time.sleep(random.random() / 4)
            own_postgresql.kill_worker()
        everything_is_there(lab, runs)
    finally:
        server.kill()
        lab.store.close()


@pytest.mark.full
def test_a_server_whose_disk_is_full_takes_everything_in_later(
    server: Server, workspace: Workspace
) -> None:
    remote = Workspace(f"{server.url}/{workspace.name}")
    run = remote.experiment("demo").create_run(type="interactive")
    run.log("x", 0)
    remote.place.catch_up(run.id)
    assert server.running is not None
    pid = server.running.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1000, before[1]))  # as if the disk were full
    for step in range(1, 100):
        run.log("x", step)
    with pytest.raises(StorageError, match=r"full|I/O"):
        remote.place.catch_up(run.id)
    assert remote.store.get_metrics(run.id)["x"].values == [0]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    run.complete()
    assert workspace.get_run(run.id).get_metrics() == {"x": list(range(100))}
    assert workspace.check(deep=True) == []


def test_a_line_that_is_half_written_waits_for_its_end(
    remote: Workspace, shared_server: Server
) -> None:
    run = remote.experiment("demo").create_run(type="interactive")
    run.log("x", 1)
    lines = [
        json.dumps({"seq": seq, "time": seq, "kind": "metric", "name": "y", "value": seq}) + "\n"
        for seq in (1, 2)
    ]
    spool = run.directory / "spool" / "gone-1-00000000.jsonl"
    spool.write_text(lines[0] + lines[1][:20])
    folder = behind(remote, shared_server)
    remote.place.catch_up(run.id)
    assert folder.get_run(run.id).get_metrics() == {"x": 1, "y": 1}
    spool.write_text("".join(lines))
    run.complete()
    wait_until(lambda: folder.get_run(run.id).get_metrics() == {"x": 1, "y": [1, 2]})
    assert folder.check(deep=True) == []


WRITE = """
import sys
from tandemlab import Workspace
number = int(sys.argv[2])
with Workspace(sys.argv[1]).experiment("many").start_logging(tags={"n": sys.argv[2]}) as run:
    for step in range(int(sys.argv[3])):
        run.log("x", step + number / 8, step=step)
"""


@pytest.fixture(params=["folder", pytest.param("postgresql", marks=pytest.mark.services), "url"])
def places_of_many(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Workspace]:
    """Where processes log to, and the folder in which that arrives."""
    if request.param == "url":
        remote = request.getfixturevalue("remote")
        return remote.address, behind(remote, request.getfixturevalue("shared_server"))
    on_sqlite = request.param == "folder"
    database = None if on_sqlite else request.getfixturevalue("database")
    lab = Workspace.create(tmp_path / "many", store=database)
    return lab.address, lab


@pytest.mark.full
@pytest.mark.timeout(600)
def test_eight_processes_log_ten_thousand_points_each(
    places_of_many: tuple[str, Workspace],
) -> None:
    address, folder = places_of_many
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITE, address, str(number), "10000"])
        for number in range(8)
    ]
    assert [process.wait() for process in processes] == [0] * 8
    experiment = folder.experiment("many")
    wait_until(lambda: all(run.status.is_terminal for run in experiment.get_runs()), seconds=300)
    runs = experiment.get_runs()
    assert sorted(run.tags["n"] or "" for run in runs) == list("01234567")
    assert sorted(run.number for run in runs) == [*range(1, 9)]
    for run in runs:
        number = int(run.tags["n"] or 0)
        assert run.get_metrics() == {"x": [step + number / 8 for step in range(10_000)]}
        assert run.metrics["x"].steps == list(range(10_000))
    assert folder.check() == []
    folder.store.close()


@pytest.mark.parametrize("place", ["workspace", "remote"])
def test_a_clock_that_jumps_changes_neither_values_nor_their_order(
    place: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab: Workspace = request.getfixturevalue(place)
    jumps = cycle([0, 1, -3, 7200, -86_400, 5])  # seconds
    monkeypatch.setattr(
        spool, "time", SimpleNamespace(time_ns=lambda: time.time_ns() + next(jumps) * 10**9)
    )
    run = lab.experiment("demo").create_run(type="interactive")
    for step in range(50):
        run.log("x", step, step=step)
        run.tag("last", str(step))
        run.log_param("last", step)
    run.complete()
    monkeypatch.undo()
    assert (run.tags["last"], run.get_params()["last"]) == ("49", 49)
    folder = lab
    if lab.is_remote:
        folder = behind(lab, request.getfixturevalue("shared_server"))
    everything_is_there(folder, [(run.id, 50)])


KILLED = """
import os, signal, sys
from tandemlab import Workspace
run = Workspace(sys.argv[1]).experiment("demo").start_logging()
for step in range(500):
    run.log("x", step)
print(run.id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_had_logged_is_sent_without_it(
    remote: Workspace, shared_server: Server
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", KILLED, remote.address], capture_output=True, text=True, check=False
    )
    run = behind(remote, shared_server).get_run(result.stdout.strip())
    wait_until(lambda: run.get_metrics().get("x") == list(range(500)))


def test_a_run_without_its_server_is_sent_when_it_is_back(
    server: Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "0")
    remote = Workspace.open(f"{server.url}/{workspace.name}")
    server.stop()
    (tmp_path / "a.txt").write_text("42")
    with pytest.warns(UserWarning, match="begins without it"):
        run = remote.experiment("demo").start_logging(tags={"k": "v"})
    with run:
        run.log("x", 0.5)
        run.upload_file("a.txt", tmp_path / "a.txt")
    with pytest.raises(Unavailable, match="cannot be reached"):
        run.get_status()
    with pytest.raises(Unavailable):
        send(place_of(remote))
    assert [place.address for place in places()] == [remote.address]
    server.start()
    send(place_of(remote))
    send(place_of(remote))
    found = workspace.get_run(run.id)
    assert (found.get_status(), found.tags) == ("Completed", {"k": "v"})
    assert (found.get_metrics(), found.get_file_names()) == ({"x": 0.5}, ["a.txt"])


def test_what_the_server_has_wholly_leaves_this_machine(remote: Workspace) -> None:
    subprocess.run([sys.executable, "-c", WRITE, remote.address, "1", "20"], check=True)
    place = place_of(remote)
    wait_until(lambda: not live_runs(place.path) and not list((place.path / "runs").iterdir()))
    assert len(remote.experiment("many").get_runs()) == 1


def test_runs_of_a_folder_are_copied_once(
    remote: Workspace, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "train.py").write_text("pass")
    (tmp_path / "a.txt").write_text("42")
    experiment = workspace.experiment("demo")
    with experiment.start_logging(snapshot_directory=tmp_path / "source") as run:
        run.log("x", 0.5)
        run.log("x", 0.25)
        run.tag("k", "v")
        run.upload_file("a.txt", tmp_path / "a.txt")
        with run.child_run() as child:
            child.log("y", 1)
    for _ in range(2):
        copied = copy_runs(workspace.folder, place_of(remote))
        assert set(copied) == {run.id, child.id}
    found = remote.get_run(run.id)
    assert (found.get_status(), found.tags) == ("Completed", {"k": "v"})
    assert (found.get_metrics(), found.get_file_names()) == ({"x": [0.5, 0.25]}, ["a.txt"])
    assert [item.id for item in found.get_children()] == [child.id]
    assert (found.restore_snapshot(tmp_path / "copy") / "train.py").exists()


def test_a_run_that_was_deleted_at_the_server_does_not_come_back(
    remote: Workspace, shared_server: Server
) -> None:
    run: Run = remote.experiment("demo").create_run(type="interactive")
    run.log("x", 1)
    run.complete()
    behind(remote, shared_server).get_run(run.id).delete()
    run.log("x", 2)
    remote.place.catch_up_all()
    assert behind(remote, shared_server).experiment("demo").get_runs() == []
