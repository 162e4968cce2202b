from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tandemlab import Run, Workspace
from tandemlab.cli import main

PROGRAM = (sys.executable, "-m", "tandemlab.cli")


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


class Answer(NamedTuple):
    """What a call of the program came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result, read by a strict reader of JSON."""
        return json.loads(self.out, parse_constant=_refuse)

    @property
    def error(self) -> Any:
        """The error, as `-o json` writes it."""
        return json.loads(self.err)["error"]

    @property
    def lines(self) -> list[list[str]]:
        """The result's lines, cut at tabs."""
        return [line.split("\t") for line in self.out.splitlines()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no workspaces known from other tests."""
    monkeypatch.setenv("TANDEMLAB_CONFIG_DIR", str(tmp_path / "config"))
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def call(folder: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """The program, run in this process."""

    def run(*words: str | Path) -> Answer:
        capfd.readouterr()
        status = main([str(word) for word in words])
        return Answer(status, *capfd.readouterr())

    return run


@pytest.fixture
def program(folder: Path) -> Callable[..., Answer]:
    """The program, run in a process of its own."""

    def run(*words: str | Path, **variables: str) -> Answer:
        done = subprocess.run(
            [*PROGRAM, *words],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def lab(folder: Path, workspace: Workspace) -> Workspace:
    """A workspace that commands in the working directory use."""
    workspace.write_config(folder)
    return workspace


@pytest.fixture
def logged(lab: Workspace) -> Run:
    """A run that has ended, with some of everything: demo/1."""
    with lab.experiment("demo").start_logging(tags={"data": "2002", "best": None}) as run:
        for step, loss in enumerate([0.5, 0.25, float("nan")]):
            run.log("loss", loss, step=step)
        run.log("accuracy", 0.9)
        run.log("low", float("-inf"))
        run.log("note", "two\nlines\tand a tab")
        run.log("missing", None)
        run.log_row("folds", fold=1, auc=0.8)
        run.log_row("folds", fold=2, auc=None)
        matrix = {"class_labels": ["alive", "dead"], "matrix": [[5, 1], [2, 7]]}
        run.log_confusion_matrix("confusion", matrix)
        source = lab.path.parent / "model.txt"
        source.write_text("m" * 2000)
        run.upload_file("outputs/model.txt", source)
    return run


@pytest.fixture
def script(folder: Path) -> Callable[..., Path]:
    """Writes a Python script into a folder of its own."""

    def write(code: str, name: str = "train.py") -> Path:
        path = folder / "source" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
        return path

    return write
