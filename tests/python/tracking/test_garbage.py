"""Contents that no run needs go; what a run needs stays, whoever works at the same time."""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tandemlab import Run, Workspace
from tandemlab.domain import FileRecord, InvalidInput, InvalidState
from tandemlab.domain.assets import Asset
from tandemlab.store.blobs import BlobStore
from tandemlab.tracking import context

DAY = 86_400.0


def age(workspace: Workspace, seconds: float = 2 * DAY) -> None:
    """Have all contents be older than they are."""
    for blob in workspace.path.glob("blobs/*/*"):
        then = blob.stat().st_mtime - seconds
        os.utime(blob, (then, then))


def keep(workspace: Workspace, *texts: str, source: Path | None = None) -> Run:
    """A run that has ended, with a file for each text, and a source if one is given."""
    with workspace.experiment("demo").start_logging(snapshot_directory=source) as run:
        for number, text in enumerate(texts):
            path = workspace.path.parent / f"upload-{os.getpid()}"
            path.write_text(text)
            run.upload_file(f"{number}.txt", path)
    run.get_file_names()
    return run


def test_what_only_a_deleted_run_needed_goes(workspace: Workspace) -> None:
    kept, deleted = keep(workspace, "shared", "mine"), keep(workspace, "shared", "yours")
    deleted.delete()
    age(workspace)
    found = workspace.gc(dry_run=True)
    assert (found.contents, found.bytes, found.young, found.kept) == (1, 5, 0, 2)
    assert len(list(workspace.path.glob("blobs/*/*"))) == 3
    assert workspace.gc().contents == 1
    assert workspace.gc().contents == 0
    assert [kept.read_file(f"{n}.txt") for n in range(2)] == [b"shared", b"mine"]
    assert workspace.check(deep=True) == []


def test_young_contents_stay(workspace: Workspace) -> None:
    keep(workspace, "a").delete()
    age(workspace, 7200)
    assert workspace.gc().young == 1
    assert workspace.gc(older_than_seconds=3600).contents == 1


@pytest.mark.parametrize("seconds", [0, 3599, -1, float("nan")])
def test_less_than_an_hour_is_refused(workspace: Workspace, seconds: float) -> None:
    keep(workspace, "a").delete()
    with pytest.raises(InvalidInput, match="3600"):
        workspace.gc(seconds)


def test_a_source_stays_with_all_its_files(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    run, other = keep(workspace, source=source), keep(workspace, source=source)
    other.delete()
    age(workspace)
    assert workspace.gc().kept == 3
    assert run.restore_snapshot(tmp_path / "restored").joinpath("data.csv").exists()
    run.delete()
    assert workspace.gc().contents == 3


def test_a_run_that_the_store_does_not_know_keeps_its_source(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    run = keep(workspace, source=source)
    age(workspace)
    workspace.store.delete_run(run.id)  # as if the store had been restored from a backup
    (workspace.path / "live" / run.id).unlink(missing_ok=True)
    assert workspace.gc().kept == 3
    assert workspace.check(repair=True)[0].code == "run_unknown"
    assert run.restore_snapshot(tmp_path / "restored").joinpath("train.py").exists()


def test_nothing_goes_while_the_needs_of_a_run_are_not_known(
    workspace: Workspace, source: Path
) -> None:
    run = keep(workspace, source=source)
    keep(workspace, "garbage").delete()
    age(workspace)
    assert run.record.snapshot is not None
    manifest = workspace.folder.blobs.path(run.record.snapshot)
    content = manifest.read_bytes()
    manifest.unlink()
    with pytest.raises(InvalidState, match=run.id):
        workspace.gc()
    assert len(list(workspace.path.glob("blobs/*/*"))) == 3
    manifest.write_bytes(content)
    assert workspace.gc().contents == 1


def test_a_content_that_is_found_there_is_young_again(workspace: Workspace) -> None:
    blobs = workspace.folder.blobs
    digest = blobs.put_bytes(b"a")
    age(workspace)
    assert blobs.put_bytes(b"a") == digest
    assert workspace.gc().young == 1


def test_a_content_that_is_put_while_it_is_removed_is_there_afterwards(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = workspace.folder.blobs
    digest = blobs.put_bytes(b"a")
    age(workspace)
    source = tmp_path / "a"
    source.write_bytes(b"a")
    putting = threading.Thread(target=blobs.put_copy, args=(source,))
    plain = Path.unlink

    def slow(path: Path, missing_ok: bool = False) -> None:
        if path == blobs.path(digest):
            putting.start()
            putting.join(0.2)
        plain(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", slow)
    assert workspace.gc().contents == 1
    putting.join()
    assert blobs.find(digest).read_bytes() == b"a"


def test_files_that_are_taken_in_at_the_same_time_are_links_to_one_content(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = workspace.folder.blobs
    paths = [workspace.path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(b"content")
    monkeypatch.setattr(BlobStore, "renew", lambda *_: False)  # as each saw it before the other
    for path in (*paths, paths[0]):
        digest, _ = blobs.adopt(path)
    blobs.put_copy(paths[0])
    assert all(path.samefile(blobs.path(digest)) for path in paths)
    assert list(workspace.folder.temporary.iterdir()) == []


def test_what_a_run_needs_is_looked_up_again_before_it_goes(
    workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run may be recorded between the first look and the removal."""
    keep(workspace, "file", source=source).delete()
    age(workspace)
    store = workspace.store
    plain = type(store).while_nothing_is_recorded  # type: ignore[attr-defined]

    def late(*arguments: Any) -> Any:
        monkeypatch.undo()
        keep(workspace, "file", source=source)
        age(workspace)  # not even their age protects them
        return plain(*arguments)

    monkeypatch.setattr(type(store), "while_nothing_is_recorded", late)
    assert workspace.gc().contents == 0
    assert workspace.check(deep=True) == []


def register(workspace: Workspace, text: str) -> Asset:
    """An asset with one file."""
    digest = workspace.place.blobs.put_bytes(text.encode())
    file = FileRecord("a.txt", digest, len(text))
    return workspace.assets.register("model", "churn", {}, files=[file])


def test_what_an_asset_needs_stays(workspace: Workspace) -> None:
    asset = register(workspace, "weights")
    archived = workspace.assets.change(register(workspace, "older"), archived=True)
    age(workspace)
    assert workspace.gc().kept == 2
    workspace.assets.delete(asset)
    assert workspace.gc().contents == 1
    workspace.assets.delete(archived)
    assert workspace.gc().contents == 1


def test_an_asset_that_the_store_does_not_know_keeps_its_contents(workspace: Workspace) -> None:
    asset = register(workspace, "weights")
    age(workspace)
    workspace.store.delete_asset("model", "churn", 1)  # as if it came from a backup
    assert workspace.gc().kept == 1
    (path,) = workspace.path.glob("registry/model/churn/*.json")
    content = path.read_bytes()
    path.write_text("{")
    with pytest.raises(InvalidState, match="churn:1"):
        workspace.gc()
    path.write_bytes(content)
    assert workspace.check(repair=True)[0].code == "asset_unknown"
    assert workspace.assets.get("model", "churn") == asset
    assert workspace.gc().kept == 1


def test_a_dry_run_is_possible_at_a_server(remote: Workspace) -> None:
    with remote.experiment("demo").start_logging() as run:
        run.log("x", 1)
    assert remote.gc(dry_run=True).contents == 0
    with pytest.raises(InvalidInput, match="3600"):
        remote.gc(1)


def test_what_an_asset_needs_is_looked_up_again_before_it_goes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(workspace, "weights").delete()
    age(workspace)
    plain = type(workspace.store).while_nothing_is_recorded  # type: ignore[attr-defined]

    def late(*arguments: Any) -> Any:
        monkeypatch.undo()
        register(workspace, "weights")
        age(workspace)
        return plain(*arguments)

    monkeypatch.setattr(type(workspace.store), "while_nothing_is_recorded", late)
    assert workspace.gc().contents == 0


# While others work

_POOL = [f"content {number}" for number in range(24)]


def _collect_for_ever(path: Path) -> None:
    while True:
        with suppress(InvalidState):
            Workspace(path).gc(3600)


def _use_again(path: Path, numbers: Sequence[int], sources: Sequence[Path]) -> None:
    """Make runs of contents that are old, and have been needed by nobody."""
    context._active.clear()
    workspace = Workspace(path)
    for source in sources:
        keep(workspace, *(_POOL[number] for number in numbers), source=source)


@pytest.mark.full
@pytest.mark.timeout(400)
def test_nothing_that_is_needed_goes_while_others_write_and_collectors_are_killed(
    workspace: Workspace, tmp_path: Path
) -> None:
    chance = random.Random(random.random())
    sources = []
    for number in range(2):
        sources.append(tmp_path / f"source{number}")
        sources[-1].mkdir()
        for name in range(5):
            (sources[-1] / f"{name}.py").write_text(f"print({number}, {name % 3})")
    fork = multiprocessing.get_context("fork")
    for _ in range(2):
        _use_again(workspace.path, range(len(_POOL)), sources)
        for run in workspace.get_runs():
            run.delete()
        age(workspace)
        workspace.folder.forget_store()
        collectors = [fork.Process(target=_collect_for_ever, args=(workspace.path,))]
        writers = [
            fork.Process(
                target=_use_again,
                args=(workspace.path, chance.sample(range(len(_POOL)), 12), sources),
            )
            for _ in range(3)
        ]
        for process in (*collectors, *writers):
            process.start()
        while any(writer.is_alive() for writer in writers):
            time.sleep(chance.uniform(0, 0.3))
            collectors[-1].kill()
            collectors.append(fork.Process(target=_collect_for_ever, args=(workspace.path,)))
            collectors[-1].start()
        collectors[-1].kill()
        for process in (*collectors, *writers):
            process.join()
        assert [writer.exitcode for writer in writers] == [0, 0, 0]
        assert len(workspace.get_runs()) == 6
        found = [finding for finding in workspace.check(deep=True) if not finding.is_note]
        # A collector that is killed as it takes in a file may leave one more name of it.
        assert [finding for finding in found if finding.code != "temporary"] == []
        for run in workspace.get_runs():
            run.restore_snapshot(tmp_path / run.id)
