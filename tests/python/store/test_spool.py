"""The spool: nothing logged is lost, nothing comes twice."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tandemlab import Workspace
from tandemlab.domain import InvalidInput, StorageError
from tandemlab.store import spool
from tandemlab.store.spool import SpoolWriter, read_events, spool_files


def lines(directory: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in spool_files(directory)
        for line in path.read_text().splitlines()
    ]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "lab" / "runs" / "a_01"
    made.mkdir(parents=True)
    return made


def test_an_event_is_a_line_in_the_documented_form(directory: Path) -> None:
    writer = SpoolWriter(directory)
    writer.log_scalar("loss", 3.0, step=2)
    writer.append("tag", "k", None, description="why")
    first, second = lines(directory)
    assert isinstance(first.pop("time"), int)
    assert first == {"seq": 1, "kind": "metric", "name": "loss", "value": 3.0, "step": 2}
    assert '"value":3.0' in spool_files(directory)[0].read_text()
    assert (second["seq"], second["value"], second["description"]) == (2, None, "why")


def test_a_run_with_an_open_spool_is_marked_live(directory: Path) -> None:
    SpoolWriter(directory).log_scalar("x", 1.0)
    assert (directory.parent.parent / "live" / "a_01").exists()


def test_a_torn_line_waits_for_its_end(directory: Path) -> None:
    path = directory / "spool" / "host-1-0.jsonl"
    path.parent.mkdir()
    whole = b'{"seq":1,"time":1,"kind":"metric","name":"x","value":1.5}\n'
    path.write_bytes(whole + whole[:20])
    ((events, end),) = read_events(path, 0)
    assert (len(events), end) == (1, len(whole))
    path.write_bytes(whole + whole.replace(b'"seq":1', b'"seq":2'))
    ((events, _),) = read_events(path, end)
    assert [event.seq for event in events] == [2]


def test_a_damaged_line_is_named_with_its_place(directory: Path) -> None:
    path = directory / "spool" / "host-1-0.jsonl"
    path.parent.mkdir()
    path.write_bytes(b'{"seq":1,"time":1,"kind":"metric"\xff}\n')
    with pytest.raises(StorageError, match="damaged behind byte 0"):
        list(read_events(path, 0))


def test_small_batches_read_the_same_as_large_ones(directory: Path) -> None:
    writer = SpoolWriter(directory)
    for number in range(500):
        writer.log_scalar("x" * (number % 40 + 1), number)
    (path,) = spool_files(directory)
    small = [event for events, _ in read_events(path, 0, limit=100) for event in events]
    ((large, _),) = read_events(path, 0)
    assert small == large and len(large) == 500


def test_threads_share_a_writer_without_gaps(directory: Path) -> None:
    writer = SpoolWriter(directory)

    def work() -> None:
        for _ in range(500):
            writer.log_scalar("x", 0.5)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line["seq"] for line in lines(directory)] == list(range(1, 4001))


def test_times_do_not_go_back_with_the_clock(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    jumps = iter([0, 5, -3600, 7])  # seconds
    clock = SimpleNamespace(time_ns=lambda: now + next(jumps) * 10**9)
    monkeypatch.setattr(spool, "time", clock)
    writer = SpoolWriter(directory)
    for number in range(4):
        writer.append("tag", "t", str(number))
    times = [line["time"] - now // 1000 for line in lines(directory)]
    assert times == [0, 5_000_000, 5_000_000, 7_000_000]


def test_a_forked_child_writes_a_file_of_its_own(directory: Path) -> None:
    writer = SpoolWriter(directory)
    writer.log_scalar("x", 1.0)
    child = os.fork()
    if child == 0:
        writer.log_scalar("x", 2.0)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writer.log_scalar("x", 3.0)
    found = sorted((line["seq"], line["value"]) for line in lines(directory))
    assert len(spool_files(directory)) == 2
    assert found == [(1, 1.0), (1, 2.0), (2, 3.0)]


def test_more_runs_than_open_files_can_be_logged_to(tmp_path: Path) -> None:
    directories = [tmp_path / "lab" / "runs" / f"a_{number}" for number in range(200)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 50, hard))
    try:
        writers = [SpoolWriter(directory) for directory in directories]
        for value in (1.0, 2.0):
            for writer in writers:
                writer.log_scalar("x", value)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for directory in directories:
        assert len(spool_files(directory)) == 1
        assert [(line["seq"], line["value"]) for line in lines(directory)] == [(1, 1.0), (2, 2.0)]


def test_text_that_is_not_unicode_is_refused_and_leaves_no_gap(directory: Path) -> None:
    writer = SpoolWriter(directory)
    with pytest.raises(InvalidInput, match="surrogates"):
        writer.append("tag", "k", "\ud800")
    writer.append("tag", "k", "fine")
    assert [line["seq"] for line in lines(directory)] == [1]


@pytest.mark.full
def test_a_full_disk_is_an_error_and_leaves_whole_lines_only(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False
        ).returncode
    ):
        pytest.skip("a small file system cannot be mounted here")
    try:
        directory = disk / "lab" / "runs" / "a_01"
        directory.mkdir(parents=True)
        writer = SpoolWriter(directory)
        with pytest.raises(StorageError, match="full"):
            for _ in range(10_000):
                writer.append("tag", "k", "x" * 300)
        written = lines(directory)
        assert [line["seq"] for line in written] == list(range(1, len(written) + 1))
        with pytest.raises(StorageError):
            writer.append("tag", "k", "x" * 5000)
        assert spool_files(directory)[0].read_bytes().endswith(b"\n")
        writer.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


LOGGER = """
import sys
from tandemlab import Run
run = Run.get_context()
for number in range(10_000):
    run.log("x", number)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.mark.full
@pytest.mark.parametrize("seed", random.sample(range(10**6), 5))
def test_killed_job_keeps_every_logged_point(workspace: Workspace, seed: int) -> None:
    print("seed", seed)
    run = workspace.experiment("kill").start_logging()
    environment = os.environ | {
        "TANDEMLAB_RUN_ID": run.id,
        "TANDEMLAB_RUN_DIR": str(run.directory),
        "TANDEMLAB_WORKSPACE": str(workspace.path),
        "TANDEMLAB_EXPERIMENT": "kill",
    }
    child = subprocess.Popen(
        [sys.executable, "-c", LOGGER], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    child.stdout.readline()
    generator = random.Random(seed)
    reader = threading.Thread(target=run.get_metrics)
    reader.start()
    time.sleep(generator.uniform(0, 0.15))
    child.send_signal(signal.SIGKILL)
    acknowledged = 1 + len(child.stdout.read().splitlines())
    child.wait()
    reader.join()
    values = run.get_metrics()["x"]
    values = values if isinstance(values, list) else [values]
    assert values == list(range(len(values)))
    assert len(values) >= acknowledged - 1  # the last printed line may be torn
