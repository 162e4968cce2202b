"""Contents at another place than the folder: sent once, read back whole, missed by nobody."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from plugins.s3 import S3
from plugins.servers import Server
from plugins.waiting import wait_until
from plugins.workspaces import stop_agent
from tandemlab import Run, ScriptRunConfig, Workspace
from tandemlab.domain import (
    AlreadyExists,
    FileRecord,
    InvalidInput,
    InvalidState,
    NotAllowed,
    NotFound,
    StorageError,
    TandemlabError,
    Unavailable,
)
from tandemlab.domain.assets import Asset
from tandemlab.store.artifacts import ArtifactBlobs, ArtifactPlace, check_address, multipart
from tandemlab.tracking import context

services = pytest.mark.services
pytestmark = pytest.mark.timeout(400)  # processes of their own, on a busy machine
DAY = 86_400.0
BOTH = ("folder", pytest.param("s3", marks=services))


@pytest.fixture
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where contents are kept: in S3, unless a test asks for a folder."""
    if getattr(request, "param", "s3") == "folder":
        return str(tmp_path / "elsewhere")
    return str(request.getfixturevalue("bucket"))


@pytest.fixture
def lab(artifacts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr(context, "_active", [])
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "1")
    monkeypatch.setenv("TANDEMLAB_GRACE_SECONDS", "1")
    lab = Workspace.create(tmp_path / "lab", artifacts=artifacts)
    yield lab
    stop_agent(lab)
    lab.store.close()


def blobs_of(lab: Workspace) -> ArtifactBlobs:
    blobs = lab.folder.blobs
    assert isinstance(blobs, ArtifactBlobs)
    return blobs


def there(lab: Workspace) -> dict[str, int]:
    """What is at the place: size by digest."""
    return {content.digest: content.size for content in blobs_of(lab).place.contents()}


def keep(lab: Workspace, *contents: bytes, source: Path | None = None) -> Run:
    """A run that has ended, with a file for each content, and a source if one is given."""
    with lab.experiment("demo").start_logging(snapshot_directory=source) as run:
        for number, content in enumerate(contents):
            path = lab.path.parent / f"upload-{os.getpid()}"
            path.write_bytes(content)
            run.upload_file(f"{number}.bin", path)
    run.get_file_names()
    return run


def register(lab: Workspace, content: bytes) -> Asset:
    """An asset with one file."""
    file = FileRecord("a.bin", lab.place.blobs.put_bytes(content), len(content))
    return lab.assets.register("model", "churn", {}, files=[file])


def hold_senders(lab: Workspace) -> int:
    """Keep processes of their own from sending: the test does."""
    from tandemlab.store.daemons import take_lock

    lock = take_lock(lab.path / "agent" / "sender.lock")
    assert lock is not None
    return lock


def in_a_child(action: Callable[[], object]) -> int:
    """Do something in a process of its own; how that ended."""
    child = multiprocessing.get_context("fork").Process(target=action)
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "s3://KEY:hunter2@bucket/lab",
        "s3://bucket/lab?key=A&secret=hunter2",
        "s3://bucket/lab?aws_secret_access_key=hunter2",
        "s3:///lab",
        "s3://",
        "s3://bucket/a/../b",
        "s3://bucket/a*",
        "s3://bucket/lab?colour=red",
        "ftp://host/lab",
        "",
        7,
    ],
)
def test_an_address_that_may_not_be_written_down_is_refused_and_not_shown(address: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_address(address)
    assert "hunter2" not in str(caught.value)


def test_a_path_is_an_address(tmp_path: Path) -> None:
    assert check_address(tmp_path / "a") == f"file://{tmp_path}/a"
    assert check_address(f"file://{tmp_path}/a/") == f"file://{tmp_path}/a"


# Sending and reading


@pytest.mark.parametrize("artifacts", BOTH, indirect=True)
def test_contents_go_there_by_themselves(lab: Workspace, source: Path, tmp_path: Path) -> None:
    run = keep(lab, b"first", b"second", source=source)
    wait_until(lambda: len(there(lab)) == 5 and not blobs_of(lab).waiting())
    assert {5, 6, 8, 4} < set(there(lab).values())
    assert lab.check(deep=True) == []
    assert run.restore_snapshot(tmp_path / "restored").joinpath("data.csv").read_text() == "x\n1\n"


@pytest.mark.parametrize("artifacts", BOTH, indirect=True)
def test_what_is_not_here_is_fetched_and_compared(lab: Workspace, tmp_path: Path) -> None:
    run = keep(lab, b"content")
    lab.sync()
    (file,) = lab.store.list_files(run.id)
    copy = blobs_of(lab).path(file.digest)
    copy.unlink()
    assert run.download_file("0.bin", tmp_path / "got").read_bytes() == b"content"
    copy.unlink()
    place = blobs_of(lab).place
    place._files.pipe_file(place._blob(file.digest), b"contemt")
    with pytest.raises(StorageError, match="damaged"):
        run.download_file("0.bin", tmp_path / "not")
    assert not copy.exists() and not (tmp_path / "not").exists()
    place.remove([file.digest])
    with pytest.raises(NotFound, match="missing"):
        run.download_file("0.bin", tmp_path / "not")


@pytest.mark.parametrize("artifacts", BOTH, indirect=True)
def test_damage_is_found_and_repaired(lab: Workspace, source: Path) -> None:
    run = keep(lab, b"content", b"other", source=source)
    lab.sync()
    place = blobs_of(lab).place
    first, second = lab.store.list_files(run.id)
    place._files.pipe_file(place._blob(first.digest), b"contemt")
    place.remove([second.digest, str(run.record.snapshot)])
    (run.directory / "files" / "1.bin").unlink()
    found = sorted(finding.code for finding in lab.check(deep=True))
    assert found == ["blob_damaged", "blob_missing", "blob_missing", "file_missing"]
    assert all(finding.repaired for finding in lab.check(repair=True, deep=True))
    assert lab.check(deep=True) == []
    assert (run.directory / "files" / "1.bin").read_bytes() == b"other"


@services
def test_the_same_content_is_sent_once(lab: Workspace, s3: S3) -> None:
    hold_senders(lab)
    keep(lab, b"same", b"same")
    lab.sync()
    s3.record()
    keep(lab, b"same", b"other")
    lab.sync()
    assert len([line for line in s3.requests("PUT") if "/blobs/" in line]) == 1


@services
def test_what_was_sent_of_many_files_is_not_sent_again(lab: Workspace, s3: S3) -> None:
    hold_senders(lab)
    keep(lab, *(b"%d" % number for number in range(20)))

    def killed_in_the_middle() -> None:
        plain, sent = ArtifactPlace.put, []

        def put(place: ArtifactPlace, path: Path, digest: str) -> None:
            plain(place, path, digest)
            sent.append(digest)
            if len(sent) == 8:
                os.kill(os.getpid(), signal.SIGKILL)

        ArtifactPlace.put = put  # type: ignore[method-assign]
        lab.sync()

    assert in_a_child(killed_in_the_middle) == -signal.SIGKILL
    present = len(there(lab))
    assert 8 <= present < 20
    s3.record()
    lab.sync()
    assert len([line for line in s3.requests("PUT") if "/blobs/" in line]) == 20 - present
    assert len(there(lab)) == 20
    assert lab.check(deep=True) == []


@services
def test_a_large_upload_goes_on_where_it_was_killed(
    lab: Workspace, s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(multipart, "PART", 5 << 20)
    hold_senders(lab)
    run = keep(lab, random.Random(7).randbytes(23 << 20))
    place = blobs_of(lab).place

    def killed_in_the_middle() -> None:
        files, sent = place._files, []
        plain = files.call_s3

        def call(method: str, **options: object) -> object:
            answer = plain(method, **options)
            if method == "upload_part":
                sent.append(answer)
                if len(sent) == 3:
                    os.kill(os.getpid(), signal.SIGKILL)
            return answer

        files.call_s3 = call
        lab.sync()

    assert in_a_child(killed_in_the_middle) == -signal.SIGKILL
    assert there(lab) == {}
    s3.record()
    lab.sync()
    assert len([line for line in s3.requests("PUT") if "partNumber" in line]) == 2
    assert list(there(lab).values()) == [23 << 20]
    bucket = place.address.root.partition("/")[0]
    assert list(multipart._uploads(place._files, bucket, "")) == []
    (file,) = lab.store.list_files(run.id)
    blobs_of(lab).path(file.digest).unlink()
    assert run.download_file("0.bin", tmp_path / "got").stat().st_size == 23 << 20


@services
def test_a_copy_that_is_damaged_here_is_not_sent(
    lab: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "PART", 5 << 20)
    hold_senders(lab)
    run = keep(lab, b"small", bytes(11 << 20))
    for file in lab.store.list_files(run.id):
        path = blobs_of(lab).path(file.digest)
        path.chmod(0o644)
        with path.open("r+b") as stream:
            stream.write(b"X")
    with pytest.raises(StorageError, match="damaged"):
        lab.sync()
    assert there(lab) == {}


@services
def test_the_keyvault_may_have_the_keys(lab: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_senders(lab)
    keep(lab, b"content")
    keys = {
        "artifacts-access-key-id": os.environ["AWS_ACCESS_KEY_ID"],
        "artifacts-secret-access-key": os.environ["AWS_SECRET_ACCESS_KEY"],
    }
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(NotAllowed, match="does not let you in"):
        lab.sync()
    lab.get_default_keyvault().set_secrets(keys)
    reopened = Workspace(lab.path)
    reopened.sync()
    assert len(there(reopened)) == 1
    for path in lab.path.rglob("*"):
        if path.is_file() and path.name != "secrets.json":
            assert b"not-a-secret" not in path.read_bytes()


@services
def test_a_submitted_script_leaves_its_files_there(lab: Workspace, source: Path) -> None:
    (source / "train.py").write_text(
        "from pathlib import Path\nPath('outputs/model.txt').write_text('fitted')\n"
    )
    run = lab.experiment("demo").submit(ScriptRunConfig(source, "train.py"))
    run.wait_for_completion(timeout_seconds=60)
    wait_until(lambda: not blobs_of(lab).waiting())
    digests = {file.digest for file in lab.store.list_files(run.id)}
    assert digests < there(lab).keys()
    assert lab.check(deep=True) == []


@services
def test_r_keeps_contents_there_too(bucket: str, tmp_path: Path) -> None:
    code = """
      library(tandemlab)
      words <- commandArgs(TRUE)
      lab <- create_workspace(words[1], artifacts = words[2])
      run <- start_logging_run(experiment(lab, "demo"))
      path <- tempfile()
      writeLines("content", path)
      upload_files_to_run("a.txt", path, run)
      complete_run(run)
      stopifnot(identical(get_run_file_names(run), "a.txt"))
      stopifnot(nrow(sync_workspace(lab)) == 0)
      unlink(list.files(file.path(lab$path, "blobs"), recursive = TRUE, full.names = TRUE))
      download_file_from_run("a.txt", paste0(path, ".copy"), run = run)
      stopifnot(identical(readLines(paste0(path, ".copy")), "content"))
      stopifnot(collect_garbage(lab, dry_run = TRUE)$kept == 1)
      stopifnot(identical(get_workspace_details(lab)$artifacts, words[2]))
    """
    done = subprocess.run(
        ["Rscript", "--no-init-file", "-e", code, tmp_path / "lab", check_address(bucket)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(there(Workspace(tmp_path / "lab"))) == 1


# Places that refuse


@services
@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda address: address.replace("/bucket-", "/no-bucket-"), StorageError, "no-bucket-"),
        (lambda address: "s3://bucket/lab?endpoint=http://127.0.0.1:9", Unavailable, "reached"),
        (lambda address: f"{address}&profile=nobody", StorageError, "nobody"),
    ],
)
def test_a_place_that_refuses_leaves_no_folder(
    bucket: str,
    tmp_path: Path,
    change: Callable[[str], str],
    error: type[TandemlabError],
    says: str,
) -> None:
    with pytest.raises(error, match=says):
        Workspace.create(tmp_path / "lab", artifacts=change(bucket))
    assert not (tmp_path / "lab").exists()


@services
def test_without_keys_nothing_is_made(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(NotAllowed, match="does not let you in") as caught:
        Workspace.create(tmp_path / "lab", artifacts=bucket)
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint
    assert not (tmp_path / "lab").exists()


@services
def test_a_place_that_is_not_ours_to_write_says_so(aws: None, tmp_path: Path) -> None:
    server = S3(tmp_path)
    server.start()
    try:
        bucket = server.new_bucket()
        lab = Workspace.create(tmp_path / "lab", artifacts=bucket)
        lock = hold_senders(lab)
        run = keep(lab, b"content")
        server.refuse_all()
        with pytest.raises(NotAllowed, match="does not let you in"):
            Workspace.create(tmp_path / "other", artifacts=bucket.replace("/lab", "/other"))
        assert not (tmp_path / "other").exists()
        with pytest.raises(NotAllowed, match="does not let you in"):
            lab.sync()
        assert run.read_file("0.bin") == b"content" and blobs_of(lab).waiting()
        os.close(lock)
        lab.store.close()
    finally:
        server.kill()


def test_a_folder_that_cannot_be_written_leaves_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        Workspace.create(tmp_path / "lab", artifacts=tmp_path / "file" / "below")
    assert not (tmp_path / "lab").exists()


@pytest.mark.parametrize("artifacts", BOTH, indirect=True)
def test_a_place_belongs_to_one_workspace(lab: Workspace, artifacts: str, tmp_path: Path) -> None:
    for exist_ok in (False, True):
        with pytest.raises(AlreadyExists, match="holds the contents"):
            Workspace.create(tmp_path / "other", artifacts=artifacts, exist_ok=exist_ok)
    assert not (tmp_path / "other").exists()
    assert Workspace.ensure(lab.path, artifacts=artifacts).name == "lab"
    assert lab.get_details()["artifacts"] == check_address(artifacts)
    with pytest.raises(AlreadyExists, match="keeps its contents"):
        Workspace.ensure(lab.path, artifacts=tmp_path / "third")


def test_a_workspace_that_cannot_be_made_gives_the_place_back(tmp_path: Path) -> None:
    nobody = f"postgresql://x@/x?host={tmp_path}"
    with pytest.raises(StorageError):
        Workspace.create(tmp_path / "lab", store=nobody, artifacts=tmp_path / "elsewhere")
    assert Workspace.create(tmp_path / "lab", artifacts=tmp_path / "elsewhere").id


@services
def test_logging_and_reading_go_on_while_the_place_is_away(
    aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "_active", [])
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "1")
    server = S3(tmp_path)
    server.start()
    try:
        lab = Workspace.create(tmp_path / "lab", artifacts=server.new_bucket())
        server.kill()
        run = keep(lab, b"content")
        assert run.get_status() == "Completed"
        assert run.read_file("0.bin") == b"content"
        with pytest.raises(Unavailable, match="cannot be reached"):
            lab.sync()
        with pytest.raises(Unavailable):
            lab.gc()
        assert [finding.code for finding in lab.check()] == ["artifacts_unreachable"]
        assert blobs_of(lab).waiting()
        server.start()
        place = blobs_of(lab).place
        server.files().mkdir(place.address.root.partition("/")[0])
        place.write_marker(lab.id, None)  # moto forgets all when it ends
        lab.sync()
        assert len(there(lab)) == 1
    finally:
        server.kill()


# Several machines, and a server


@services
def test_folders_that_share_a_database_share_the_place(
    bucket: str, database: str, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "_active", [])
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "1")
    here = Workspace.create(tmp_path / "a" / "lab", store=database, artifacts=bucket)
    with pytest.raises(AlreadyExists):
        Workspace.create(tmp_path / "b" / "lab", store=database, artifacts=bucket)
    away = Workspace.ensure(tmp_path / "b" / "lab", store=database, artifacts=bucket)
    lock = hold_senders(here)
    run = keep(here, b"content", source=source)
    model = register(here, b"weights")
    seen = away.get_run(run.id)
    with pytest.raises(NotFound, match="another machine"):
        seen.download_file("0.bin", tmp_path / "got")
    with pytest.raises(InvalidState, match="not known"):
        away.gc()
    here.sync()
    os.close(lock)
    assert seen.download_file("0.bin", tmp_path / "got").read_bytes() == b"content"
    assert seen.read_file("0.bin") == b"content"
    assert seen.restore_snapshot(tmp_path / "restored").joinpath("train.py").exists()
    assert away.assets.list() == [model]
    assert away.place.blobs.find(model.files[0].digest).read_bytes() == b"weights"
    assert register(away, b"weights") == model
    assert register(away, b"newer").version == 2
    away.sync()
    assert away.gc(dry_run=True).kept == 6
    assert away.check(deep=True) == [] == here.check(deep=True)
    here.store.close()
    away.store.close()


@services
def test_a_server_holds_the_place_for_its_clients(
    lab: Workspace, local_data: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(lab.path)
    try:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)  # the server has them, its clients need none
        remote = Workspace.open(f"{server.url}/lab")
        run = keep(remote, b"content", source=source)
        remote.sync()
        wait_until(lambda: not blobs_of(lab).waiting())
        (file,) = remote.store.list_files(run.id)
        blobs_of(lab).path(file.digest).unlink()
        other = Workspace.open(f"{server.url}/lab").get_run(run.id)
        for copy in remote.path.glob("blobs/*/*"):
            copy.unlink()
        assert other.download_file("0.bin", tmp_path / "got").read_bytes() == b"content"
        assert remote.gc(dry_run=True).kept == 4
        remote.store.close()
    finally:
        server.kill()


# Garbage


@services
def test_garbage_goes_from_there_when_it_is_old_by_the_clock_of_the_place(
    lab: Workspace, source: Path, s3: S3
) -> None:
    kept, deleted = keep(lab, b"shared", source=source), keep(lab, b"shared", b"garbage")
    register(lab, b"weights")
    lab.sync()
    deleted.delete()
    for blob in lab.path.glob("blobs/*/*"):
        os.utime(blob, (0, 0))
    young = lab.gc()
    assert (young.contents, young.young, young.kept) == (0, 1, 5)
    s3.move_clock(2 * DAY)
    found = lab.gc(dry_run=True)
    assert (found.contents, found.bytes, found.kept) == (1, 7, 5)
    assert len(there(lab)) == 6
    assert lab.gc().contents == 1
    assert len(there(lab)) == 5 == len(list(lab.path.glob("blobs/*/*")))
    assert kept.read_file("0.bin") == b"shared"
    assert lab.check(deep=True) == []


@services
def test_garbage_of_another_workspace_is_left_alone(lab: Workspace) -> None:
    keep(lab, b"content").delete()
    lab.sync()
    blobs_of(lab).place.write_marker("another", None)
    with pytest.raises(InvalidState, match="not known to hold"):
        lab.gc()
    assert len(there(lab)) == 1


@services
def test_uploads_that_nobody_goes_on_with_are_given_up(lab: Workspace, s3: S3) -> None:
    place = blobs_of(lab).place
    bucket, _, prefix = place.address.root.partition("/")
    key = f"{prefix}/blobs/ab/abc"
    place._files.call_s3("create_multipart_upload", Bucket=bucket, Key=key)
    s3.move_clock(3 * DAY)
    lab.gc()
    left = list(multipart._uploads(place._files, bucket, ""))
    assert left == []


@pytest.mark.parametrize("artifacts", ["folder"], indirect=True)
def test_a_copy_of_a_folder_removes_nothing_that_the_original_may_need(
    lab: Workspace, tmp_path: Path
) -> None:
    keep(lab, b"first")
    lab.sync()
    copy = Workspace(shutil.copytree(lab.path, tmp_path / "copy"))
    run = keep(lab, b"second")
    lab.sync()
    for collect in (copy.gc, lambda: copy.gc(dry_run=True)):
        with pytest.raises(InvalidState, match="is a copy of it"):
            collect()
    (finding,) = (found for found in copy.check(repair=True) if not found.is_note)
    assert finding.code == "artifacts_shared" and str(lab.path) in finding.problem
    assert lab.check() == [] and lab.gc(dry_run=True).kept == 2
    moved = Workspace(lab.path.rename(tmp_path / "moved"))
    assert moved.check() == [] and moved.gc().kept == 2
    assert len(there(moved)) == 2
    assert copy.gc(dry_run=True, take_over=True).kept == 1
    assert moved.gc(dry_run=True).kept == 2
    assert copy.gc(take_over=True).kept == 1  # as if the original had gone
    assert "artifacts_shared" not in {found.code for found in copy.check()}
    with pytest.raises(InvalidState, match=str(copy.path)):
        moved.gc()
    assert moved.get_run(run.id).get_file_names() == ["0.bin"]
    copy.store.close()
    moved.store.close()


_POOL = [b"content %d" % number for number in range(12)]


def _collect_for_ever(path: Path) -> None:
    while True:
        with suppress(InvalidState):
            Workspace(path).gc(3600)


def _use_again(path: Path, numbers: list[int], source: Path) -> None:
    context._active.clear()
    lab = Workspace(path)
    for number in numbers:
        keep(lab, _POOL[number], source=source)


@services
@pytest.mark.full
def test_nothing_that_is_needed_goes_while_others_write_and_collectors_are_killed(
    lab: Workspace, source: Path, s3: S3
) -> None:
    chance = random.Random(random.random())
    fork = multiprocessing.get_context("fork")
    path = lab.path
    in_a_child(lambda: _use_again(path, list(range(len(_POOL))), source))
    for run in lab.get_runs():
        run.delete()
    lab.sync()
    for blob in path.glob("blobs/*/*"):
        os.utime(blob, (0, 0))
    s3.move_clock(2 * DAY)  # all that is there is old, and needed by nobody
    lab.folder.forget_store()
    numbers = [chance.sample(range(len(_POOL)), 5) for _ in range(2)]
    writers = [fork.Process(target=_use_again, args=(path, some, source)) for some in numbers]
    collectors = [fork.Process(target=_collect_for_ever, args=(path,))]
    for process in (*collectors, *writers):
        process.start()
    while any(writer.is_alive() for writer in writers):
        time.sleep(chance.uniform(0, 0.5))
        collectors[-1].kill()
        collectors.append(fork.Process(target=_collect_for_ever, args=(path,)))
        collectors[-1].start()
    collectors[-1].kill()
    for process in (*collectors, *writers):
        process.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    lab.sync()
    needed = {file.digest for run in lab.get_runs() for file in lab.store.list_files(run.id)}
    assert needed <= there(lab).keys()
    assert all(finding.is_note for finding in lab.check(deep=True))
