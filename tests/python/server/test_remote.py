"""A workspace that is opened by URL behaves like a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plugins.servers import Server, behind
from tandemlab import Run, ScriptRunConfig, Workspace
from tandemlab.domain import (
    AlreadyExists,
    InvalidInput,
    InvalidState,
    NotFound,
    RunFailed,
    Unavailable,
)
from tandemlab.pipelines import CommandStep, Pipeline
from tandemlab.store.daemons import take_lock


@pytest.fixture
def folder(remote: Workspace, shared_server: Server) -> Workspace:
    """The folder behind the URL, as the server's own machine sees it."""
    return behind(remote, shared_server)


def submit(remote: Workspace, folder: Path, code: str) -> Run:
    source = folder / "source"
    source.mkdir()
    (source / "train.py").write_text(code)
    return remote.experiment("demo").submit(ScriptRunConfig(source, "train.py"))


def test_what_is_logged_by_url_is_in_the_folder(remote: Workspace, folder: Workspace) -> None:
    with remote.experiment("demo").start_logging() as run:
        run.log("loss", 0.5, step=1)
        run.log("loss", float("nan"))
        run.tag("k", "v")
    assert run.get_status() == "Completed"
    found = folder.get_run(run.id)
    assert found.tags == {"k": "v"}
    assert found.metrics["loss"].steps == [1, None]


def test_files_are_in_the_run_s_folder_at_the_server(
    remote: Workspace, folder: Workspace, tmp_path: Path
) -> None:
    run = remote.experiment("demo").create_run(type="interactive")
    (tmp_path / "a.txt").write_text("42")
    run.upload_file("model/a.txt", tmp_path / "a.txt")
    assert run.get_file_names() == ["model/a.txt"]
    assert (folder.get_run(run.id).directory / "files" / "model" / "a.txt").read_text() == "42"
    assert run.download_file("model/a.txt", tmp_path / "b.txt").read_text() == "42"


def test_a_script_runs_on_the_server_s_machine(remote: Workspace, tmp_path: Path) -> None:
    run = submit(
        remote,
        tmp_path,
        "from tandemlab import get_current_run\n"
        "get_current_run().log('x', 0.5)\n"
        "print('done')\n"
        "open('outputs/a.txt', 'w').write('42')\n",
    )
    run.wait_for_completion(timeout_seconds=60)
    assert run.get_metrics() == {"x": 0.5}
    assert run.read_log()[0] == "done\n"
    assert run.get_details_with_logs()["logFiles"] == {"user_logs/std_log.txt": "done\n"}
    environment = run.get_environment()
    assert environment is not None and environment["language"] == "python"
    assert run.download_file("outputs/a.txt", tmp_path / "a.txt").read_text() == "42"
    assert (run.restore_snapshot(tmp_path / "copy") / "train.py").exists()


def test_a_script_that_fails_says_why_and_one_is_canceled(
    remote: Workspace, tmp_path: Path
) -> None:
    run = submit(remote, tmp_path, "raise ValueError('no rows')")
    with pytest.raises(RunFailed, match="ValueError: no rows"):
        run.wait_for_completion(timeout_seconds=60)
    (tmp_path / "other").mkdir()
    sleeper = submit(remote, tmp_path / "other", "import time; time.sleep(60)")
    sleeper.cancel()
    sleeper.wait_for_completion(raise_on_error=False, timeout_seconds=60)
    assert sleeper.get_status() == "Canceled"


def test_what_the_server_does_not_have_is_refused_before_anything_is_made(
    remote: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text("pass")
    config = ScriptRunConfig(tmp_path, "train.py", compute_target="moon")
    with pytest.raises(InvalidInput, match="moon"):
        remote.experiment("demo").submit(config)
    assert remote.experiment("demo").get_runs() == []


def test_an_id_that_is_taken_is_refused(remote: Workspace, folder: Workspace) -> None:
    parent = folder.experiment("demo").create_run(type="interactive")
    parent.child_run(run_id="fold_1")
    with pytest.raises(AlreadyExists, match="fold_1"):
        remote.get_run(parent.id).child_run(run_id="fold_1")


def test_workspaces_are_made_found_and_deleted_by_url(
    shared_server: Server, local_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_CONFIG_DIR", str(tmp_path / "config"))
    url = f"{shared_server.url}/crash%20tests"
    with pytest.raises(NotFound):
        Workspace.open(url)
    made = Workspace.create(url, friendly_name="Crashes", tags={"team": "a"})
    assert (made.name, made.tags, made.address) == ("crash tests", {"team": "a"}, url)
    with pytest.raises(AlreadyExists):
        Workspace.create(url)
    assert Workspace.ensure(url).id == made.id
    assert Workspace.get("crash tests").address == url
    file = made.write_config(tmp_path)
    assert Workspace.from_config(file).id == made.id
    made.delete()
    with pytest.raises(NotFound):
        Workspace.open(url)


@pytest.mark.parametrize(
    "url",
    ["http://", "http://u:p@host/lab", "http://host/a/b", "http://host/lab?x=1", "http://h:x/l"],
)
def test_what_is_no_url_of_a_workspace_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        Workspace(url)


def test_runs_are_found_by_a_filter_and_keep_their_parameters(remote: Workspace) -> None:
    for depth in (1, 2, 3):
        with remote.experiment("search").start_logging() as run:
            run.log_params({"depth": depth, "limit": float("inf")})
            run.log("auc", depth / 10)
    found = remote.get_runs(
        "metrics.auc > 0.15 and not (params.depth is null)", order_by="params.depth"
    )
    assert [run.params for run in found] == [
        {"depth": depth, "limit": float("inf")} for depth in (2, 3)
    ]


def test_secrets_are_the_server_s(
    remote: Workspace, folder: Workspace, shared_server: Server, local_data: Path
) -> None:
    vault = remote.get_default_keyvault()
    vault.set_secrets({"db-password": "tiger-7f3a", "token": "ü"})
    run = remote.experiment("demo").create_run(type="interactive")
    assert run.get_secret("db-password") == "tiger-7f3a"
    assert repr(vault.get_secrets(["token", "absent"])) == "{'token': Secret('…'), 'absent': None}"
    assert folder.get_default_keyvault().get_secret("token") == "ü"
    with pytest.raises(NotFound):
        vault.delete_secrets(["token", "absent"])
    vault.delete_secret("token")
    assert vault.list_secrets() == ["db-password"]
    kept = [*local_data.rglob("*"), *(shared_server.root / ".tandemlab").rglob("*")]
    assert not [path for path in kept if path.is_file() and b"tiger-7f3a" in path.read_bytes()]
    assert not [path for path in kept if path.is_file() and b"db-password" in path.read_bytes()]


def test_a_workspace_is_checked_and_repaired_by_url(remote: Workspace, folder: Workspace) -> None:
    with remote.experiment("demo").start_logging() as run:
        run.log("x", 0.5)
    assert remote.check(deep=True) == []
    (folder.path / "live" / "gone").touch()
    assert [finding.code for finding in remote.check()] == ["live_stale"]
    assert [finding.repaired for finding in remote.check(repair=True)] == [True]
    assert remote.check() == folder.check() == []


def test_a_store_is_built_anew_when_no_server_has_it_open(
    server: Server, workspace: Workspace
) -> None:
    remote, folder = Workspace(f"{server.url}/lab"), Workspace(workspace.path)
    with remote.experiment("demo").start_logging() as run:
        run.log("x", 0.5)
    (folder.path / "store.db").write_bytes(b"x" * 50_000)
    for lab in (remote, folder):
        (finding,) = lab.check(repair=True)
        assert (finding.code, finding.repaired) == ("store_damaged", False)
        assert "server works" in finding.problem
    server.kill()
    assert [finding.repaired for finding in folder.check(repair=True)] == [True]
    server.start()
    assert remote.get_run(run.id).get_metrics() == {"x": 0.5}
    assert take_lock(folder.folder.server_lock) is None  # it has opened it again
    with remote.experiment("demo").start_logging() as run:
        run.log("x", 0.25)
    assert folder.get_run(run.id).get_metrics() == {"x": 0.25}
    assert remote.check() == []


def test_a_server_does_not_open_what_is_being_repaired(
    server: Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "0")
    lock = take_lock(workspace.folder.server_lock)
    assert lock is not None
    with pytest.raises(Unavailable, match="being repaired"):
        Workspace(f"{server.url}/lab").store.list_experiments()
    os.close(lock)
    assert Workspace(f"{server.url}/lab").store.list_experiments() == []


def test_a_workspace_with_a_job_is_not_deleted_by_url(remote: Workspace, tmp_path: Path) -> None:
    run = submit(remote, tmp_path, "import time; time.sleep(60)")
    with pytest.raises(InvalidState, match="active runs"):
        remote.delete()
    run.cancel()
    run.wait_for_completion(raise_on_error=False, timeout_seconds=60)
    remote.delete()
    assert not remote.place.exists


@pytest.mark.full
def test_a_pipeline_runs_on_the_server_s_machine(remote: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("echo 3 > $1")
    first = CommandStep(
        ["sh", "a.sh", "${outputs.n}"], "first", tmp_path, outputs={"n": "json", "all": "folder"}
    )
    second = CommandStep(
        'cp "${inputs.n}" "${outputs.copied}/n"',
        "second",
        outputs=["copied"],
        inputs=[first.output("n")],
    )
    run = remote.experiment("demo").submit(Pipeline([second]))
    with pytest.raises(RunFailed, match="has not written its output 'all'"):
        run.wait_for_completion()
    (tmp_path / "a.sh").write_text("echo 3 > $1; touch outputs/all/x")
    run = remote.experiment("demo").submit(Pipeline([second]))
    run.wait_for_completion()
    assert run.get_output("first", "n") == 3
    assert (run.get_output("second") / "n").read_text() == "3\n"
    assert run.resume().get_steps()[0].reused
