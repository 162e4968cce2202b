"""What goes wrong while pipelines run: steps, disks, files that change, and several clients."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from plugins.waiting import wait_until
from tandemlab import Workspace
from tandemlab.domain import RunFailed, StorageError
from tandemlab.domain.reuse import Reason
from tandemlab.pipelines import CommandStep, Pipeline, PipelineRun
from tandemlab.store.snapshots import read_manifest, take_snapshot

pytestmark = pytest.mark.full

Submit = Callable[..., PipelineRun]


def submit_to(workspace: Workspace, *steps: Any) -> PipelineRun:
    return workspace.experiment("study").submit(Pipeline(steps))


@pytest.fixture
def submit(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Submit:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return lambda *steps: submit_to(workspace, *steps)


def test_a_step_that_writes_elsewhere_has_not_written_its_output(
    submit: Submit, tmp_path: Path
) -> None:
    beside = tmp_path / "beside"
    run = submit(CommandStep(f"echo 1 > '{beside}'", "astray", outputs={"n": "json"}))
    with pytest.raises(RunFailed, match="has not written its output 'n'"):
        run.wait_for_completion()
    assert beside.exists()


def test_a_step_that_changes_what_it_reads_is_noticed(submit: Submit) -> None:
    made = CommandStep("echo 1 > ${outputs.n}", "made", outputs={"n": "json"})
    spoil = CommandStep(
        "chmod u+w ${inputs.n}; echo 2 > ${inputs.n}", "spoil", inputs=[made.output()]
    )
    submit(spoil).wait_for_completion()
    again = submit(made)
    again.wait_for_completion()
    assert again.why("made").reason is Reason.DAMAGED
    assert again.get_output("made") == 1


def test_a_step_that_hangs_is_ended_and_tried_again(submit: Submit, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = f"[ -e '{mark}' ] || {{ touch '{mark}'; sleep 600; }}"
    run = submit(CommandStep(command, "hangs", max_run_duration_seconds=0.3, retries=1))
    run.wait_for_completion()
    first, _ = run.find_step_run("hangs")
    assert first.record.error is not None
    assert first.record.error.code == "time_limit"


def test_two_clients_that_resume_a_run_disturb_each_other_not(
    submit: Submit, workspace: Workspace, tmp_path: Path
) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    first = CommandStep(
        f"echo first >> '{log}'; echo 1 > ${{outputs.n}}", "first", outputs={"n": "json"}
    )
    second = CommandStep(
        f"[ -e '{gate}' ] && cat ${{inputs.n}} > ${{outputs.m}}",
        "second",
        inputs=[first.output()],
        outputs={"m": "json"},
    )
    run = submit(second)
    run.wait_for_completion(raise_on_error=False)
    gate.touch()
    clients = [PipelineRun.get(Workspace(workspace.address), run.id) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        resumed = list(pool.map(lambda client: client.resume(), clients))
    for each in resumed:
        each.wait_for_completion()
    assert [each.get_output("second") for each in resumed] == [1, 1]
    assert log.read_text() == "first\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_is_full_midway_fails_the_step_and_the_run_is_resumed(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    workspace = Workspace.create(small_disk / "lab")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4_000_000))
    full, log, gate = tmp_path / "full", tmp_path / "log", tmp_path / "gate"
    first = CommandStep(
        f"echo first >> '{log}'; echo 1 > ${{outputs.n}}", "first", outputs={"n": "json"}
    )
    second = CommandStep(
        f"[ -e '{gate}' ] || {{ cat /dev/zero > rest; touch '{full}'; exit 1; }}; "
        "cat ${inputs.n} > ${outputs.m}",
        "second",
        inputs=[first.output()],
        outputs={"m": "json"},
    )
    run = submit_to(workspace, second)
    wait_until(full.exists)
    ballast.unlink()
    with pytest.raises(RunFailed, match="second"):
        run.wait_for_completion(timeout_seconds=60)
    gate.touch()
    (failed,) = run.find_step_run("second")
    (failed.directory / "work" / "rest").unlink()
    again = run.resume()
    again.wait_for_completion(timeout_seconds=60)
    assert again.get_output("second") == 1
    assert log.read_text() == "first\n"
    workspace.store.close()


def test_a_snapshot_has_what_its_digests_say_whatever_changes_meanwhile(
    workspace: Workspace, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.py").write_text("x = 1\n")
    changing = source / "b.bin"
    changing.write_bytes(bytes(8_000_000))
    is_over = tmp_path / "over"
    loop = f"while [ ! -e '{is_over}' ]; do head -c 8000000 /dev/urandom > '{changing}'; done"
    writer = subprocess.Popen(["sh", "-c", loop])
    try:
        digest, _ = take_snapshot(source, workspace.place.blobs)
    finally:
        is_over.touch()
        writer.wait()
    for file in read_manifest(digest, workspace.place.blobs):
        kept = workspace.folder.blobs.find(file.digest)
        assert kept.stat().st_size == file.size
        assert workspace.folder.blobs.put_copy(kept)[0] == file.digest
    (source / "a.py").unlink()
    with pytest.raises(StorageError, match=r"a\.py"):
        take_snapshot(source, workspace.place.blobs, ["a.py", "b.bin"])
