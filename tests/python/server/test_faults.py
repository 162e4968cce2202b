"""Nothing that was logged is lost or comes twice, whatever happens to network and server."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from plugins.servers import Server, behind
from plugins.waiting import wait_until
from python.server.flapping import FlappingProxy
from tandemlab import Run, Workspace
from tandemlab.domain import Unavailable
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
    found = behind(remote, shared_server).get_run(run.id)
    assert found.get_metrics() == {"x": [step / 8 for step in range(300)]}
    assert found.get_file_names() == [f"out/{number}.txt" for number in range(5)]
    assert proxy.seen["lost answer"] and proxy.seen["lost request"] and proxy.seen["twice"]


@pytest.mark.full
def test_a_server_that_is_killed_and_comes_back_has_everything_once(
    server: Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "60")
    remote = Workspace(f"{server.url}/{workspace.name}")
    run = remote.experiment("demo").create_run(type="interactive")
    ended = threading.Event()

    def disturb() -> None:
        for _ in range(3):
            time.sleep(random.random() / 4)
            server.kill()
            server.start()
        ended.set()

    thread = threading.Thread(target=disturb)
    thread.start()
    step = 0
    while not ended.is_set():
        run.log("x", step, step=step)
        step += 1
        if step % 5 == 0:
            remote.place.catch_up(run.id)
    thread.join()
    run.complete()
    assert workspace.get_run(run.id).get_metrics() == {"x": list(range(step))}
    assert workspace.get_run(run.id).get_status() == "Completed"


WRITE = """
import sys
from tandemlab import Workspace
with Workspace(sys.argv[1]).experiment("many").start_logging(tags={"n": sys.argv[2]}) as run:
    for step in range(2000):
        run.log("x", step + int(sys.argv[2]) / 8, step=step)
"""


@pytest.mark.full
def test_eight_processes_log_at_once(remote: Workspace, shared_server: Server) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITE, remote.address, str(number)])
        for number in range(8)
    ]
    assert [process.wait(100) for process in processes] == [0] * 8
    folder = behind(remote, shared_server)
    runs = folder.experiment("many").get_runs()
    assert sorted(run.tags["n"] or "" for run in runs) == list("01234567")
    assert sorted(run.number for run in runs) == [*range(1, 9)]
    for run in runs:
        number = int(run.tags["n"] or 0)
        assert run.get_metrics() == {"x": [step + number / 8 for step in range(2000)]}


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
    script = WRITE.replace("2000", "20")
    subprocess.run([sys.executable, "-c", script, remote.address, "1"], check=True)
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
