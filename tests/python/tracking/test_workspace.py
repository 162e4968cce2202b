"""Workspaces: made whole or not at all, and found again."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tandemlab import Run, Workspace
from tandemlab.domain import (
    AlreadyExists,
    InvalidInput,
    InvalidState,
    NotFound,
    StorageError,
    VersionMismatch,
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TANDEMLAB_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def test_a_name_makes_a_folder_here_and_is_known(place: Path) -> None:
    made = Workspace.create("lab", friendly_name="The lab", tags={"team": "a"})
    assert made.path == place / "lab"
    assert Workspace.get("lab").id == made.id
    assert list(Workspace.list()) == [str(place / "lab")]
    details = made.get_details()
    assert (details["friendly_name"], details["tags"], details["runs"]) == (
        "The lab",
        {"team": "a"},
        0,
    )


def test_a_path_works_too(tmp_path: Path) -> None:
    assert Workspace.create(tmp_path / "deep" / "lab two").name == "lab two"


def test_creating_again_needs_permission() -> None:
    first = Workspace.create("lab")
    with pytest.raises(AlreadyExists, match="exist_ok"):
        Workspace.create("lab")
    assert Workspace.create("lab", exist_ok=True).id == first.id
    assert Workspace.ensure("lab").id == first.id


def test_a_folder_of_other_things_is_left_alone(place: Path) -> None:
    (place / "lab").mkdir()
    (place / "lab" / "thesis.txt").write_text("x")
    with pytest.raises(AlreadyExists, match="not a workspace"):
        Workspace.create("lab")
    assert os.listdir(place) == ["lab"]
    assert os.listdir(place / "lab") == ["thesis.txt"]


def test_an_empty_folder_becomes_one(place: Path) -> None:
    (place / "lab").mkdir()
    assert Workspace.create("lab").folder.exists


def test_what_an_interrupted_creation_left_is_completed(place: Path) -> None:
    for part in ("runs", "blobs", "store.new"):
        (place / "lab" / part).mkdir(parents=True)
    (place / "lab" / "store.new" / "store.db").write_text("half")
    lab = Workspace.create("lab")
    assert lab.experiment("a").name == "a"
    assert not (place / "lab" / "store.new").exists()


def test_the_working_directory_itself_may_become_one(place: Path) -> None:
    assert Workspace.create(".").name == "project"
    assert Path.cwd() == place


def test_names_that_are_none_are_refused_before_anything_is_made(place: Path) -> None:
    for name in ("", "a\nb", "x" * 300):
        with pytest.raises(InvalidInput):
            Workspace.create(place / name if name else "/")
    assert os.listdir(place) == []


def test_a_workspace_is_found_from_a_folder_inside_and_by_its_configuration(place: Path) -> None:
    lab = Workspace.create("lab")
    assert Workspace.from_config(lab.path / "runs").id == lab.id
    with pytest.raises(NotFound):
        Workspace.from_config(place)
    file = lab.write_config()
    assert json.loads(file.read_text()) == {"workspace_name": "lab", "workspace_path": "lab"}
    (place / "deep" / "er").mkdir(parents=True)
    assert Workspace.from_config(place / "deep" / "er").id == lab.id
    assert Workspace.from_config(file).id == lab.id


@pytest.mark.parametrize("find", [Workspace.open, Workspace.ensure, Workspace.get])
def test_a_folder_that_off_line_runs_in_r_have_made_becomes_a_workspace(
    place: Path, find: Callable[[str], Workspace]
) -> None:
    run = place / "offline" / "runs" / "offline_01"
    (run / "spool").mkdir(parents=True)
    (place / "offline" / "live").mkdir()
    (place / "offline" / "live" / "offline_01").touch()
    (run / "run.json").write_text(
        '{"format": 1, "id": "offline_01", "experiment": "offline", "created": 1763999999123456, '
        '"type": "offline", "display_name": "tried", "parent": null, "workspace": "."}'
    )
    assert find("offline").get_run("offline_01").display_name == "tried"


def test_a_configured_path_counts_where_several_workspaces_have_the_name(place: Path) -> None:
    Workspace.create(place / "other" / "lab")
    lab = Workspace.create(place / "lab")
    lab.write_config()
    assert Workspace.from_config().id == lab.id


def test_an_old_configuration_leads_to_the_workspace_of_that_name(place: Path) -> None:
    lab = Workspace.create(place.parent / "elsewhere" / "lab")
    (place / ".azureml").mkdir()
    (place / ".azureml" / "config.json").write_text(
        json.dumps({"subscription_id": "1", "resource_group": "g", "workspace_name": "lab"})
    )
    assert Workspace.from_config().id == lab.id


def test_other_programs_configurations_are_passed_over(place: Path) -> None:
    (place / "config.json").write_text('{"port": 80}')
    with pytest.raises(NotFound):
        Workspace.from_config()


def test_unknown_names_are_not_found_and_the_known_are_listed() -> None:
    Workspace.create("lab")
    with pytest.raises(NotFound, match="Known are: lab"):
        Workspace.get("other")


def test_two_of_a_name_must_be_told_apart(place: Path) -> None:
    Workspace.create(place / "a" / "lab")
    Workspace.create(place / "b" / "lab")
    with pytest.raises(InvalidInput, match="Several"):
        Workspace.get("lab")
    assert Workspace.create(place / "lab").id == Workspace.get("lab").id


def test_a_deleted_workspace_is_gone_and_forgotten(place: Path) -> None:
    lab = Workspace.create("lab")
    lab.experiment("a").start_logging().complete()
    lab.delete()
    assert os.listdir(place) == []
    assert Workspace.list() == {}


def test_a_workspace_with_active_jobs_is_not_deleted(workspace: Workspace) -> None:
    from tandemlab.domain import RunStatus

    workspace.experiment("a").create_run(type="script", status=RunStatus.RUNNING)
    with pytest.raises(InvalidState, match="active"):
        workspace.delete()


def test_a_workspace_of_a_newer_program_is_refused() -> None:
    lab = Workspace.create("lab")
    marker = json.loads(lab.folder.marker.read_text()) | {"format": 99}
    lab.folder.marker.write_text(json.dumps(marker))
    with pytest.raises(VersionMismatch):
        Workspace.open("lab").experiment("a")


def test_a_damaged_marker_is_named() -> None:
    lab = Workspace.create("lab")
    lab.folder.marker.write_text("{")
    with pytest.raises(StorageError, match=r"workspace\.json is damaged"):
        _ = Workspace("lab").name


def _ensure(path: Path) -> str:
    lab = Workspace.ensure(path)
    return f"{lab.id} {lab.experiment('same').name}"


def test_processes_that_make_the_same_thing_make_it_once(place: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.map(_ensure, [place / "lab"] * 6)
    assert len(set(found)) == 1
    assert os.listdir(place) == ["lab"]
    assert list(Workspace.get("lab").experiments) == ["same"]


@pytest.mark.full
def test_a_read_only_workspace_can_be_read_and_says_why_it_cannot_be_written(place: Path) -> None:
    lab = Workspace.create("lab")
    with lab.experiment("a").start_logging() as run:
        run.log("x", 0.5)
    lab.store.close()
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", lab.path, lab.path], check=False)
    if mounted.returncode:
        pytest.skip("a read-only mount cannot be made here")
    try:
        reader = Workspace(lab.path)
        assert reader.get_run(run.id).get_metrics() == {"x": 0.5}
        with pytest.raises(StorageError, match="read-only"):
            reader.experiment("b")
        with pytest.raises(StorageError, match="read-only"):
            reader.get_run(run.id).log("x", 1.0)
        reader.store.close()
    finally:
        subprocess.run(["umount", lab.path], check=True)


@pytest.mark.full
def test_a_full_disk_leaves_no_half_made_state(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        lab = Workspace.create(disk / "lab")
        experiment = lab.experiment("a")
        with pytest.raises(StorageError):
            for _ in range(1000):
                experiment.create_run(type="interactive")
        whole = experiment.get_runs()
        with pytest.raises(StorageError):
            Workspace.create(disk / "second")
        assert os.listdir(disk) == ["lab"]
        assert all((lab.folder.run_directory(run.id) / "run.json").exists() for run in whole)
        lab.store.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("run_id", ["demo_1", "../demo_1", "a\0b", "", "x" * 5000, "\udcff"])
def test_a_run_of_whatever_name_that_is_not_there_is_not_found(
    workspace: Workspace, run_id: str
) -> None:
    with pytest.raises(NotFound, match="No run"):
        workspace.get_run(run_id)
    with pytest.raises(NotFound, match="No run"):
        _ = Run(workspace, run_id).status
