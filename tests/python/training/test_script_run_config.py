"""Configurations: checked before anything is changed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tandemlab import ScriptRunConfig, Workspace
from tandemlab.domain import InvalidInput
from tandemlab.store.snapshots import read_manifest, restore_snapshot, source_files, take_snapshot


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    (made / "train.py").write_text("pass")
    return made


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source_directory": "nowhere"}, "not a folder"),
        ({"script": "other.py"}, "not there"),
        ({"script": "."}, "a folder"),
        ({"script": "sub.py"}, "a folder"),
        ({"script": "../train.py"}, "not inside"),
        ({"script": "/etc/passwd"}, "not inside"),
        ({"script": "notes.txt"}, "neither a Python script"),
        ({"compute_target": "moon"}, "no compute target 'moon'"),
        ({"arguments": "--x 1"}, "not one text"),
        ({"arguments": [None]}, "missing"),
        ({"arguments": [object()]}, "object"),
        ({"arguments": ["a\0"]}, "NUL"),
        ({"environment_variables": {"a b": "1"}}, "environment variable"),
        ({"interpreter": "/no/python"}, "not on this machine"),
        ({"max_run_duration_seconds": 0}, "above 0"),
        ({"max_run_duration_seconds": "1h"}, "a number above 0, not '1h'"),
    ],
)
def test_what_cannot_run_is_refused_and_leaves_nothing(
    workspace: Workspace, source: Path, changes: dict[str, Any], words: str
) -> None:
    (source / "sub.py").mkdir()
    (source / "notes.txt").write_text("")
    config = ScriptRunConfig(source, "train.py").replace(**changes)
    experiment = workspace.experiment("a")
    with pytest.raises(InvalidInput, match=words):
        experiment.submit(config)
    assert workspace.runs_table()["run_id"] == []
    assert list((workspace.path / "runs").iterdir()) == []


def test_an_ignored_script_is_refused(workspace: Workspace, source: Path) -> None:
    (source / ".tandemignore").write_text("*.py\n")
    with pytest.raises(InvalidInput, match="ignore rule"):
        workspace.experiment("a").submit(ScriptRunConfig(source, "train.py"))


def test_what_is_no_configuration_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="A dict cannot be submitted"):
        workspace.experiment("a").submit({})  # type: ignore[arg-type]


def test_a_snapshot_leaves_out_what_is_ignored(source: Path) -> None:
    for name in ("a.csv", "keep.csv", "deep/b.csv", "deep/c.txt", ".git/x", "__pycache__/y.pyc"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(name)
    (source / ".amlignore").write_text("*.txt\n")
    (source / ".tandemignore").write_text("*.csv\n!keep.csv\n")
    (source / "lab").mkdir()
    (source / "lab" / "workspace.json").write_text("{}")
    (source / "link").symlink_to(source / "a.csv")
    (source / "loop").symlink_to(source)
    assert source_files(source) == [
        ".amlignore",
        ".tandemignore",
        "deep/c.txt",
        "keep.csv",
        "link",
        "train.py",
    ]


def test_a_snapshot_comes_back_as_it_was(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    (source / "deep").mkdir()
    (source / "deep" / "Größe 🚗.bin").write_bytes(bytes(range(256)))
    (source / "train.py").chmod(0o755)
    blobs = workspace.folder.blobs
    snapshot, files = take_snapshot(source, blobs)
    assert take_snapshot(source, blobs)[0] == snapshot
    restored = tmp_path / "restored"
    restored.mkdir()
    restore_snapshot(snapshot, restored, blobs)
    assert read_manifest(snapshot, blobs) == files
    assert (restored / "deep" / "Größe 🚗.bin").read_bytes() == bytes(range(256))
    assert (restored / "train.py").stat().st_mode & 0o111
    (restored / "train.py").write_text("changed")
    assert blobs.find(files[-1].digest).read_text() == "pass"


def test_a_large_snapshot_is_announced(
    workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "big.bin").write_bytes(bytes(5000))
    monkeypatch.setattr("tandemlab.training.script_run_config._MANY_BYTES", 1000)
    with pytest.warns(UserWarning, match=r"the largest are big\.bin"):
        workspace.experiment("a").submit(ScriptRunConfig(source, "train.py"))


@pytest.mark.full
def test_git_state_and_uncommitted_changes_are_recorded(workspace: Workspace, source: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(source), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "main")
    git("remote", "add", "origin", "https://ana:secret@example.org/lab.git")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    (source / "train.py").write_text("print(1)")
    run = workspace.experiment("a").submit(ScriptRunConfig(source, "train.py"))
    run.wait_for_completion(timeout_seconds=30)
    assert run.get_details()["context"]["git"] == {
        "commit": git("rev-parse", "HEAD"),
        "branch": "main",
        "remote": "https://example.org/lab.git",
        "dirty": True,
    }
    patch = run.directory / "files" / "source" / "uncommitted.diff"
    assert "+print(1)" in patch.read_text()
