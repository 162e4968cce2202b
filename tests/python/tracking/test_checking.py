"""Workspaces that are damaged in every way we know, checked and repaired."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from plugins.waiting import wait_until
from plugins.workspaces import agent_pid, stop_agent
from tandemlab import Run, ScriptRunConfig, Workspace
from tandemlab.domain import FileRecord, InvalidState, RunQuery, StorageError, TandemlabError
from tandemlab.domain.findings import Finding
from tandemlab.store.identity import read_identity
from tandemlab.store.upkeep.rebuild import free_numbers
from tandemlab.tracking.agent import take_lock

_LOGGER = """
import sys
from tandemlab import Workspace
run = Workspace(sys.argv[1]).get_run(sys.argv[2])
for step in range(int(sys.argv[3])):
    run.log("loss", step / 8, step=step)
    print(step, flush=True)
"""
PAGE = 4096


def log_elsewhere(run: Run, count: int) -> Path:
    """Have a process of its own log a series, and end; its spool file."""
    before = set((run.directory / "spool").glob("*.jsonl"))
    subprocess.run(
        [sys.executable, "-c", _LOGGER, str(run.workspace.path), run.id, str(count)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (path,) = set((run.directory / "spool").glob("*.jsonl")) - before
    return path


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path) -> Run:
    """A run that has ended, with some of everything; others beside it."""
    experiment = workspace.experiment("demo")
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("print(1)")
    with experiment.start_logging() as first:
        first.log("auc", 0.5)
    with experiment.start_logging(snapshot_directory=source, tags={"data": "2002"}) as run:
        for step in range(200):
            run.log("loss", step / 8, step=step)
        run.log_row("folds", fold=1, auc=0.75)
        run.tag("best", "yes")
        run.add_properties({"source": "nass"})
        run.upload_file("notes/train.py", source / "train.py")
        with run.child_run("fold") as child:
            child.log("auc", 0.25)
    experiment.archive()
    workspace.experiment("other").start_logging().fail("no data")
    register(workspace, run)
    state_of(workspace)
    return run


def register(workspace: Workspace, run: Run) -> None:
    """Several versions of an asset: used by a run, archived, with aliases, deleted."""
    assets = workspace.assets
    made = [assets.register("model", "churn", {"n": n}, run_id=run.id) for n in range(4)]
    assets.add_usage(run.id, made[0], "input", "start")
    assets.change(made[0], archived=True, tags={"a": "b"}, aliases=["best"])
    assets.change(made[1], description="good", aliases=["best", "last"])
    assets.delete(made[3])


def state_of(workspace: Workspace) -> dict[str, Any]:
    """All that users can ask of all runs, and of assets."""
    runs = workspace.find_runs(RunQuery(include_children=True))
    return {
        "assets": workspace.assets.list(archived=True, all_versions=True),
        "usages": workspace.assets.usages(),
        "archived": [found.name for found in workspace.store.list_experiments() if found.archived],
        **{run.id: (run.record, run.metrics, workspace.store.list_files(run.id)) for run in runs},
    }


def codes(findings: list[Finding]) -> list[str]:
    return sorted(finding.code for finding in findings)


def repaired(workspace: Workspace, *expected: str) -> list[Finding]:
    """Check, see the same found and repaired, and nothing after that but notes."""
    found = workspace.check()
    assert codes(found) == sorted(expected)
    done = workspace.check(repair=True)
    assert all(finding.repaired or finding.is_note for finding in done), done
    assert all(finding.is_note for finding in workspace.check(deep=True))
    return found


def test_a_workspace_that_was_used_as_it_should_is_whole(run: Run) -> None:
    assert run.workspace.check(deep=True) == []
    assert run.workspace.check(repair=True, deep=True) == []


def test_a_new_workspace_is_whole(workspace: Workspace) -> None:
    assert workspace.check(repair=True) == []


def test_a_check_alone_changes_nothing(run: Run) -> None:
    workspace = run.workspace
    (workspace.path / "live" / "gone").touch()
    (run.directory / "run.json").unlink()
    log_elsewhere(run, 3)
    workspace.folder.forget_store()
    before = {path: path.stat().st_mtime_ns for path in workspace.path.rglob("*") if path.is_file()}
    workspace.check()
    workspace.folder.forget_store()
    after = {path: path.stat().st_mtime_ns for path in workspace.path.rglob("*") if path.is_file()}
    after.pop(workspace.folder.agent / "lock")  # it is held for a moment
    assert after == before


# The store


def flip_page(path: Path, number: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(number * PAGE)
        start = stream.read(64)
        stream.seek(number * PAGE)
        stream.write(bytes(byte ^ 0xFF for byte in start))


def flip_last_page(path: Path) -> None:
    flip_page(path, path.stat().st_size // PAGE - 1)


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE)


def overwrite(path: Path) -> None:
    path.write_bytes(random.randbytes(50_000))


full = pytest.mark.full


@pytest.mark.parametrize(
    "damage",
    [
        flip_last_page,
        pytest.param(cut_in_half, marks=full),
    ],
)
def test_a_damaged_store_is_built_anew(run: Run, damage: Callable[[Path], None]) -> None:
    workspace = run.workspace
    before = state_of(workspace)
    workspace.folder.forget_store()
    store = workspace.path / "store.db"
    damage(store)
    bytes_then = store.read_bytes()
    repaired(workspace, "store_damaged")
    after = state_of(workspace)
    assert (workspace.path / "store.db.damaged").read_bytes() == bytes_then
    assert workspace.assets.register("model", "churn", {"n": 5}).version == 5  # 4 was deleted
    if damage is not flip_last_page:  # that an experiment was archived only the store knows
        before.pop("archived"), after.pop("archived")
    assert after == before


@full
def test_damage_in_any_page_is_repaired(run: Run, tmp_path: Path) -> None:
    before = state_of(run.workspace)
    before.pop("archived")
    run.workspace.folder.forget_store()
    pages = (run.workspace.path / "store.db").stat().st_size // PAGE
    for page in random.sample(range(1, pages), 12):
        copy = Workspace(shutil.copytree(run.workspace.path, tmp_path / f"page_{page}"))
        flip_page(copy.path / "store.db", page)
        assert [finding.repaired for finding in copy.check(repair=True)] == [True], page
        after = state_of(copy)
        after.pop("archived")
        assert after == before, page
        copy.store.close()


@pytest.mark.parametrize(
    "damage",
    [
        overwrite,
        pytest.param(Path.unlink, marks=full),
        pytest.param(lambda path: os.truncate(path, 0), marks=full),
    ],
)
def test_a_store_of_which_nothing_is_left_is_built_from_the_spools(
    run: Run, damage: Callable[[Path], None]
) -> None:
    workspace = run.workspace
    before = state_of(workspace)
    workspace.folder.forget_store()
    damage(workspace.path / "store.db")
    done = workspace.check(repair=True)
    assert [finding.repaired for finding in done] == [True]
    after = state_of(workspace)
    assert before.pop("archived") == ["demo"] and after.pop("archived") == []  # only the store knew
    assert after == before


def test_the_log_of_a_store_that_is_gone_is_not_read_into_the_new_one(run: Run) -> None:
    workspace = run.workspace
    before = state_of(workspace)
    before.pop("archived")
    log = workspace.path / "store.db-wal"
    left = log.read_bytes()
    assert left
    workspace.folder.forget_store()
    (workspace.path / "store.db").unlink()
    log.write_bytes(left)  # as somebody leaves it who is killed
    repaired(workspace, "store_missing")
    after = state_of(workspace)
    after.pop("archived")
    assert after == before


def test_events_that_the_damaged_store_had_not_taken_in_are_there_once(run: Run) -> None:
    workspace = run.workspace
    log_elsewhere(run, 50)
    workspace.folder.forget_store()
    flip_last_page(workspace.path / "store.db")
    repaired(workspace, "store_damaged")
    assert [v for v, s in steps_of(run)] == [s / 8 for s in range(200)] + [s / 8 for s in range(50)]


def steps_of(run: Run) -> list[tuple[Any, int | None]]:
    loss = run.metrics["loss"]
    return list(zip(loss.values, loss.steps, strict=True))


_REPAIRER = """
import sys
from tandemlab import Workspace
workspace = Workspace(sys.argv[1])
print("ready", flush=True)
workspace.check(repair=True)
"""


@full
def test_a_repair_that_is_killed_may_be_repeated(run: Run) -> None:
    workspace = run.workspace
    before = state_of(workspace)
    workspace.folder.forget_store()
    flip_last_page(workspace.path / "store.db")
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _REPAIRER, str(workspace.path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0, 0.4))  # a random moment of the repair
        process.send_signal(signal.SIGKILL)
        process.communicate()
    workspace.check(repair=True)
    shutil.rmtree(workspace.path / "store.new", ignore_errors=True)
    assert workspace.check(deep=True) == []
    assert state_of(workspace) == before


def test_a_store_that_cannot_be_read_for_lack_of_rights_is_not_taken_for_damaged(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = run.workspace
    workspace.folder.forget_store()
    path = workspace.path / "store.db"
    path.rename(path.with_suffix(".elsewhere"))
    path.mkdir()
    with pytest.raises(StorageError):
        workspace.check(repair=True)
    assert not (workspace.path / "store.db.damaged").exists()
    path.rmdir()
    path.with_suffix(".elsewhere").rename(path)


def test_lost_numbers_are_found_by_the_order_of_creation(workspace: Workspace) -> None:
    experiment = workspace.experiment("demo")
    runs = [experiment.create_run(type="interactive").record for _ in range(5)]
    others = [read_identity(workspace.folder.run_directory(runs[at].id)) for at in (1, 4)]
    assert all(others)
    known = [runs[0], runs[2], runs[3]]
    assert free_numbers(known, [run for run in others if run]) == {runs[1].id: 2, runs[4].id: 5}
    late = dataclasses.replace(runs[0], number=2)  # adopted after the second
    assert free_numbers([late], [run for run in others if run])[runs[1].id] == 3


# Runs


def test_a_run_that_the_store_does_not_know_is_adopted(run: Run) -> None:
    workspace = run.workspace
    before = state_of(workspace)
    with closing(sqlite3.connect(workspace.path / "store.db")) as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("DELETE FROM runs WHERE id = ?", [run.id])
        database.commit()
    repaired(workspace, "run_unknown")
    after = state_of(workspace)
    assert after[run.id][1:] == before[run.id][1:]
    ours, theirs = after[run.id][0], before[run.id][0]
    assert (ours.status, ours.tags, ours.snapshot) == (theirs.status, theirs.tags, theirs.snapshot)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"id": "another"}', b"\xff"])
def test_a_damaged_run_json_is_written_anew(run: Run, content: bytes | None) -> None:
    path = run.directory / "run.json"
    before = json.loads(path.read_text())
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    repaired(run.workspace, "run_json_missing" if content is None else "run_json_damaged")
    after = json.loads(path.read_text())
    assert {**after, "tags": None, "properties": None} == {
        **before, "tags": None, "properties": None,
    }  # fmt: skip
    if content is not None:
        assert path.with_name("run.json.damaged").read_bytes() == content


def test_a_run_whose_directory_is_gone_stays_open(run: Run) -> None:
    shutil.rmtree(run.directory)
    (finding,) = [f for f in run.workspace.check(repair=True) if f.code == "run_directory_missing"]
    assert finding.is_open and finding.where == f"runs/{run.id}"
    assert steps_of(Run(run.workspace, run.id))[:2] == [(0.0, 0), (0.125, 1)]


def test_a_directory_of_nobody_is_reported_and_an_old_empty_one_removed(run: Run) -> None:
    workspace = run.workspace
    odd, empty, young = (workspace.path / "runs" / name for name in ("odd", "empty", "young"))
    for directory in (odd, empty, young):
        directory.mkdir()
    (odd / "spool").mkdir()
    os.utime(empty, (0, 0))
    done = {finding.code: finding for finding in workspace.check(repair=True)}
    assert set(done) == {"run_unreadable", "run_empty"}
    assert done["run_unreadable"].is_open and done["run_empty"].repaired
    assert odd.exists() and young.exists() and not empty.exists()


# Spools


def replace_line(path: Path, number: int, text: bytes) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number - 1] = text
    path.write_bytes(b"".join(lines))


def break_line(path: Path) -> set[int]:
    line = path.read_bytes().splitlines(keepends=True)[4]
    replace_line(path, 5, line[:10] + b"\x00\xff" + line[12:])
    return {4}


def join_lines(path: Path) -> set[int]:
    line = path.read_bytes().splitlines()[4]
    replace_line(path, 5, line + b"x")
    return {4, 5}


def split_line(path: Path) -> set[int]:
    line = path.read_bytes().splitlines(keepends=True)[4]
    replace_line(path, 5, line[:20] + b"\n" + line[21:])
    return {4}


def change_seq(path: Path) -> set[int]:
    line = path.read_bytes().splitlines(keepends=True)[4]
    replace_line(path, 5, line.replace(b'"seq":5', b'"seq":9'))
    return {4}


def remove_lines(path: Path) -> set[int]:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4] + lines[6:]))
    return {4, 5}


def carriage_returns(path: Path) -> set[int]:
    line = path.read_bytes().splitlines(keepends=True)[4]
    replace_line(path, 5, line[:10] + b"\r" + line[11:])
    return {4}


@pytest.mark.parametrize(
    "damage", [break_line, join_lines, split_line, change_seq, remove_lines, carriage_returns]
)
@pytest.mark.parametrize("taken_in", [0, pytest.param(3, marks=full)])
def test_what_can_be_read_of_a_damaged_spool_is_taken_in(
    workspace: Workspace, damage: Callable[[Path], set[int]], taken_in: int
) -> None:
    run = workspace.experiment("demo").start_logging()
    run.complete()
    path = log_elsewhere(run, 20)
    whole = path.read_bytes()
    if taken_in:
        lines = whole.splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:taken_in]))
        assert len(steps_of(run)) == taken_in
        path.write_bytes(whole)
    lost = damage(path)
    damaged = path.read_bytes()
    if damage is not change_seq:  # which nobody may notice
        with pytest.raises(StorageError):
            run.get_metrics()
    found = [f for f in workspace.check() if f.code.startswith("spool_")]
    start = sum(len(line) for line in whole.splitlines(keepends=True)[:4])
    assert found[0].where == f"runs/{run.id}/spool/{path.name}:5 (byte {start})"
    assert all(finding.repaired for finding in workspace.check(repair=True))
    assert steps_of(run) == [(step / 8, step) for step in range(20) if step not in lost]
    assert path.with_name(f"{path.name}.damaged").read_bytes() == damaged
    assert workspace.check() == []


def test_white_space_for_a_line_end_is_no_damage(run: Run) -> None:
    path = log_elsewhere(run, 9)
    replace_line(path, 5, path.read_bytes().splitlines()[4] + b" ")
    assert run.workspace.check(repair=True) == []
    assert [step for _, step in steps_of(run)][200:] == list(range(9))


def test_damage_in_what_was_taken_in_loses_nothing(run: Run) -> None:
    path = log_elsewhere(run, 20)
    before = steps_of(run)
    break_line(path)
    (finding,) = run.workspace.check()
    assert "had taken in" in finding.problem
    repaired(run.workspace, "spool_line_damaged")
    assert steps_of(run) == before


def test_a_spool_whose_writer_lives_is_left_alone(workspace: Workspace) -> None:
    run = workspace.experiment("demo").start_logging()
    for step in range(9):
        run.log("loss", 1.0, step=step)
    (path,) = (run.directory / "spool").glob("*.jsonl")
    break_line(path)
    (finding,) = workspace.check(repair=True)
    assert finding.is_open and "lives" in finding.repair
    assert not path.with_name(f"{path.name}.damaged").exists()


def test_a_torn_last_line_is_no_damage(run: Run) -> None:
    path = log_elsewhere(run, 3)
    with path.open("ab") as stream:
        stream.write(b'{"seq":4,"time":17')
    assert run.workspace.check(repair=True) == []


def test_a_spool_that_was_cut_off_behind_what_was_taken_in(run: Run) -> None:
    path = log_elsewhere(run, 20)
    before = steps_of(run)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:12]) + lines[12][:9])
    repaired(run.workspace, "spool_short", "spool_position")
    assert steps_of(run) == before


def test_an_offset_that_does_not_fit_is_corrected(run: Run) -> None:
    log_elsewhere(run, 20)
    before = steps_of(run)
    with closing(sqlite3.connect(run.workspace.path / "store.db")) as database:
        database.execute("UPDATE writers SET position = position - 7 WHERE last_seq = 20")
        database.commit()
    repaired(run.workspace, "spool_position")
    assert steps_of(run) == before


def test_a_logger_that_is_killed_leaves_a_whole_workspace(run: Run) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _LOGGER, str(run.workspace.path), run.id, "1000000"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while process.stdout.readline() != "300\n":
        pass
    run.get_metrics()  # takes in what is there, in the middle of it
    process.send_signal(signal.SIGKILL)
    said = int(["300", *process.communicate()[0].split()][-1])
    assert run.workspace.check(repair=True) == []
    steps = [step for _, step in steps_of(run)][200:]
    assert steps == list(range(len(steps))) and len(steps) >= said + 1


# Marks, leftovers and the agent


def test_a_mark_of_a_run_that_is_gone_is_removed(run: Run) -> None:
    (run.workspace.path / "live" / "gone_01").touch()
    repaired(run.workspace, "live_stale")
    assert not (run.workspace.path / "live" / "gone_01").exists()


def test_news_without_a_mark_are_taken_in(run: Run) -> None:
    log_elsewhere(run, 5)
    (run.workspace.path / "live" / run.id).unlink()
    repaired(run.workspace, "live_missing")
    assert run.workspace.runs_table("demo")["metrics.loss"][1] == 4 / 8


def test_old_temporary_files_are_removed(run: Run) -> None:
    path = run.workspace.path
    old = [
        path / "tmp" / "0a1b",
        path / ".workspace.json.12.tmp",
        run.directory / ".run.json.1.tmp",
    ]
    young = path / "tmp" / "2c3d"
    for file in (*old, young):
        file.write_text("half")
    for file in old:
        os.utime(file, (0, 0))
    repaired(run.workspace, *["temporary"] * 3)
    assert not any(file.exists() for file in old) and young.exists()


def test_the_name_of_a_killed_agent_is_removed(run: Run) -> None:
    lock = run.workspace.folder.agent / "lock"
    lock.write_text('{"host": "here", "pid": 1, "started": "0"}\n')
    repaired(run.workspace, "agent_lock")
    assert lock.read_text() == ""


# Contents


def blob_of(run: Run, name: str) -> tuple[Path, Path]:
    (file,) = [f for f in run.workspace.store.list_files(run.id) if f.name == name]
    return run.workspace.folder.blobs.path(file.digest), run.directory / "files" / name


def overwrite_read_only(path: Path, text: str) -> None:
    path.chmod(0o644)
    path.write_text(text)
    path.chmod(0o444)


@pytest.fixture
def uploaded(run: Run, tmp_path: Path) -> Run:
    """A run with a file that no snapshot holds as well."""
    (tmp_path / "model.txt").write_text("model")
    run.upload_file("model.txt", tmp_path / "model.txt")
    run.get_file_names()
    return run


def test_a_missing_content_is_put_back_from_the_file(uploaded: Run) -> None:
    blob, path = blob_of(uploaded, "model.txt")
    blob.unlink()
    repaired(uploaded.workspace, "blob_missing")
    assert blob.samefile(path)


def test_a_missing_file_is_linked_again(uploaded: Run) -> None:
    blob, path = blob_of(uploaded, "model.txt")
    path.unlink()
    repaired(uploaded.workspace, "file_missing")
    assert blob.samefile(path)


def test_a_copy_is_linked(uploaded: Run) -> None:
    blob, path = blob_of(uploaded, "model.txt")
    path.unlink()
    path.write_text("model")
    repaired(uploaded.workspace, "file_unlinked")
    assert blob.samefile(path)


def test_a_changed_file_is_kept_beside_its_content(uploaded: Run) -> None:
    blob, path = blob_of(uploaded, "model.txt")
    path.unlink()
    path.write_text("changed")
    repaired(uploaded.workspace, "file_changed")
    assert path.read_text() == "model" and blob.samefile(path)
    assert path.with_name("model.txt.damaged").read_text() == "changed"


def test_only_a_deep_check_reads_contents(uploaded: Run) -> None:
    blob, _ = blob_of(uploaded, "model.txt")
    overwrite_read_only(blob, "m0del")
    assert uploaded.workspace.check() == []
    (finding,) = uploaded.workspace.check(repair=True, deep=True)
    assert (finding.code, finding.is_open) == ("blob_damaged", True)


def test_a_damaged_content_is_replaced_by_a_whole_copy(uploaded: Run) -> None:
    blob, path = blob_of(uploaded, "model.txt")
    path.unlink()
    path.write_text("model")
    overwrite_read_only(blob, "m0del")
    done = uploaded.workspace.check(repair=True, deep=True)
    assert codes(done) == ["blob_damaged"] and done[0].repaired
    assert blob.read_text() == "model"
    assert uploaded.workspace.check(deep=True) == []


def test_what_is_lost_stays_open_and_says_so(uploaded: Run) -> None:
    blob, path = blob_of(uploaded, "model.txt")
    blob.unlink()
    path.unlink()
    (finding,) = uploaded.workspace.check(repair=True)
    assert finding.is_open and not finding.can_repair
    assert "model.txt" in finding.problem and "backup" in finding.repair


def test_a_snapshot_without_its_contents_is_found(run: Run) -> None:
    folder, snapshot = run.workspace.folder, run.record.snapshot
    assert snapshot is not None
    manifest = folder.blobs.path(snapshot)
    content = json.loads(manifest.read_bytes())[0]["digest"]
    overwrite_read_only(folder.blobs.path(content), "print(2)")
    assert "blob_damaged" in codes(run.workspace.check(deep=True))
    manifest.unlink()
    assert "snapshot_missing" in codes(run.workspace.check())


def test_contents_of_nobody_are_noted_when_they_are_old(run: Run) -> None:
    for text in ("one", "four"):
        digest = run.workspace.folder.blobs.put_bytes(text.encode())
        os.utime(run.workspace.folder.blobs.path(digest), (0, 0))
    run.workspace.folder.blobs.put_bytes(b"young")
    (finding,) = run.workspace.check(repair=True)
    assert finding.is_note and "2 contents of 7 bytes" in finding.problem


# Assets


def asset_file(workspace: Workspace, version: int) -> Path:
    return workspace.path / "registry" / "model" / "churn" / f"{version}.json"


def execute(workspace: Workspace, statement: str) -> None:
    """Change the store from outside."""
    workspace.folder.forget_store()
    with closing(sqlite3.connect(workspace.path / "store.db")) as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute(statement)
        database.commit()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda lab: asset_file(lab, 1).unlink(), "asset_json_missing"),
        (lambda lab: asset_file(lab, 1).write_text("{"), "asset_json_damaged"),
        (lambda lab: shutil.copy(asset_file(lab, 1), asset_file(lab, 2)), "asset_json_damaged"),
        (
            lambda lab: asset_file(lab, 1).write_text(
                asset_file(lab, 1).read_text().replace('"n": 0', '"n": 7')
            ),
            "asset_json_damaged",
        ),
        (lambda lab: execute(lab, "DELETE FROM assets WHERE version = 1"), "asset_unknown"),
        (
            lambda lab: execute(
                lab, "UPDATE assets SET updated = 1, tags = '{}' WHERE version = 1"
            ),
            "asset_outdated",
        ),
        (lambda lab: execute(lab, "DELETE FROM asset_usages"), "usages_differ"),
        (lambda lab: next(lab.path.glob("runs/*/usages.jsonl")).unlink(), "usages_differ"),
    ],
)
def test_what_only_the_store_or_only_a_file_knows_of_assets_both_know_again(
    run: Run, damage: Callable[[Workspace], object], code: str
) -> None:
    before = state_of(run.workspace)
    damage(run.workspace)
    repaired(run.workspace, code)
    assert state_of(run.workspace) == before


def test_the_last_change_of_an_asset_holds(run: Run) -> None:
    workspace = run.workspace
    old = asset_file(workspace, 3).read_bytes()
    changed = workspace.assets.change(workspace.assets.get("model", "churn", 3), description="new")
    asset_file(workspace, 3).write_bytes(old)  # as if it had been killed between the two
    repaired(workspace, "asset_json_outdated")
    workspace.folder.forget_store()
    overwrite(workspace.path / "store.db")
    workspace.check(repair=True)
    assert workspace.assets.get("model", "churn", 3) == changed


def test_an_asset_that_was_deleted_does_not_come_back(run: Run) -> None:
    workspace = run.workspace
    before = state_of(workspace)
    deleted = json.loads(asset_file(workspace, 4).read_text())
    assert set(deleted) == {"format", "kind", "name", "version", "deleted"}
    made = workspace.assets.register("model", "churn", {"n": 9})
    workspace.folder.registry.files.bury(made)  # and killed before the store heard of it
    repaired(workspace, "asset_undeleted")
    assert state_of(workspace) == before
    assert workspace.assets.register("model", "churn", {"n": 9}).version == made.version + 1


def test_a_version_that_the_store_has_lost_is_not_given_to_another(run: Run) -> None:
    """A power cut may take the last transactions of the store; the files are on the disk."""
    workspace = run.workspace
    lost = workspace.assets.register("model", "churn", {"n": 9}, aliases=["best"])
    execute(workspace, "DELETE FROM assets WHERE version = 5")
    execute(workspace, "UPDATE asset_names SET last_version = 4")
    assert workspace.assets.register("model", "churn", {"n": 10}).version == 6
    assert workspace.assets.get("model", "churn", "best") == lost
    assert workspace.check() == []


def _register_for_ever(path: Path) -> None:
    assets = Workspace(path).assets
    for number in range(1_000_000):
        made = assets.register("model", "net", {"n": number}, aliases=["newest"])
        if number % 3 == 0:
            assets.change(made, tags={"n": str(number)})
        elif number % 5 == 0:
            assets.delete(made)


@full
def test_registrations_that_are_killed_leave_what_can_be_repaired(workspace: Workspace) -> None:
    chance, fork = random.Random(random.random()), multiprocessing.get_context("fork")
    workspace.folder.forget_store()
    for _ in range(5):
        process = fork.Process(target=_register_for_ever, args=(workspace.path,))
        process.start()
        time.sleep(chance.uniform(0.1, 1))
        process.kill()
        process.join()
        assert all(finding.repaired for finding in workspace.check(repair=True))
        assert workspace.check() == []
        before = workspace.assets.list(all_versions=True)
        newest = max(each.version for each in before)
        made = workspace.assets.register("model", "net", {"killed": newest})
        assert made.version > newest
        workspace.folder.forget_store()
    (workspace.path / "store.db").unlink()
    workspace.check(repair=True)
    assert workspace.assets.list(all_versions=True) == [made, *before]


def test_contents_of_assets_are_looked_after(run: Run) -> None:
    workspace = run.workspace
    digest = workspace.place.blobs.put_bytes(b"weights")
    workspace.assets.register("model", "net", {}, files=[FileRecord("a.bin", digest, 7)])
    blob = workspace.folder.blobs.path(digest)
    os.utime(blob, (0, 0))
    assert workspace.check(deep=True) == []
    workspace.folder.forget_store()
    overwrite(workspace.path / "store.db")
    workspace.check(repair=True)
    assert workspace.check(deep=True) == []
    overwrite_read_only(blob, "weighed")
    (finding,) = workspace.check(deep=True)
    assert finding.code == "blob_damaged" and "a.bin of the model net:1" in finding.problem
    blob.unlink()
    assert codes(workspace.check(repair=True)) == ["blob_missing"]


# Jobs


@pytest.fixture
def job(workspace: Workspace, tmp_path: Path) -> Iterator[Callable[[str], Run]]:
    source = tmp_path / "jobs"
    source.mkdir()

    def submit(code: str) -> Run:
        (source / "job.py").write_text(code)
        return workspace.experiment("jobs").submit(ScriptRunConfig(source, "job.py"))

    yield submit


@full
@pytest.mark.parametrize("damage", [flip_last_page, overwrite])
def test_submitted_runs_survive_the_loss_of_the_store(
    workspace: Workspace, job: Callable[[str], Run], damage: Callable[[Path], None]
) -> None:
    code = (
        "from tandemlab import Run\nrun = Run.get_context()\nrun.log('auc', 0.5)\n"
        "open('outputs/model.txt', 'w').write('model')\n"
    )
    good, bad = job(code), job(code + "raise SystemExit(3)")
    for run in (good, bad):
        run.wait_for_completion(raise_on_error=False, timeout_seconds=60)
    before = state_of(workspace)
    wait_for_no_agent(workspace)
    workspace.folder.forget_store()
    damage(workspace.path / "store.db")
    assert workspace.check(repair=True)[0].repaired
    for run in (good, bad):
        run.wait_for_completion(raise_on_error=False, timeout_seconds=60)
    after = state_of(workspace)
    for run in (good, bad):
        ours, theirs = after[run.id], before[run.id]
        assert ours[1:] == theirs[1:]
        for field in ("status", "exit_code", "error", "number", "definition", "snapshot"):
            assert getattr(ours[0], field) == getattr(theirs[0], field), field
    wait_for_no_agent(workspace)
    assert workspace.check(deep=True) == []


@full
def test_a_store_is_not_built_anew_while_an_agent_works(
    workspace: Workspace, job: Callable[[str], Run], tmp_path: Path
) -> None:
    go = tmp_path / "go"
    run = job(f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)")
    wait_until(lambda: run.get_status() == "Running")
    before = (workspace.path / "store.db").stat().st_ino
    # A copy of a damaged store beside the agent's: the agent's own connection still works.
    workspace.folder.forget_store()
    (workspace.path / "live" / "gone").touch()
    found = workspace.check(repair=True)
    assert codes(found) == ["live_stale"]  # what disturbs nobody is repaired
    assert (workspace.path / "store.db").stat().st_ino == before
    go.touch()
    run.wait_for_completion(timeout_seconds=60)


@full
def test_runs_of_a_killed_agent_get_a_new_one(
    workspace: Workspace, job: Callable[[str], Run], tmp_path: Path
) -> None:
    go = tmp_path / "go"
    run = job(f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)")
    wait_until(lambda: run.get_status() == "Running")
    pid = agent_pid(workspace)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_free(workspace))  # its threads end one after another
    assert codes(workspace.check(repair=True)) == ["agent_lock", "runs_unattended"]
    go.touch()
    wait_until(lambda: workspace.store.get_run(run.id).status.is_terminal)  # type: ignore[union-attr]
    assert run.get_status() == "Completed"


def is_free(workspace: Workspace) -> bool:
    """Whether no agent holds the workspace."""
    lock = take_lock(workspace.folder)
    if lock is not None:
        os.close(lock)
    return lock is not None


def wait_for_no_agent(workspace: Workspace) -> None:
    """Wait until the lock is free; an agent that comes or goes has it without its name."""

    def is_free() -> bool:
        stop_agent(workspace)
        lock = take_lock(workspace.folder)
        if lock is not None:
            os.close(lock)
        return lock is not None

    wait_until(is_free)


def test_a_workspace_that_may_only_be_read_is_checked_and_not_repaired(run: Run) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may write anywhere")
    run.workspace.path.chmod(0o500)
    try:
        with pytest.raises(InvalidState, match="read-only"):
            run.workspace.check(repair=True)
    finally:
        run.workspace.path.chmod(0o700)


def test_findings_have_no_surprises(run: Run) -> None:
    with pytest.raises(TandemlabError):
        Workspace(run.workspace.path / "runs").check()
