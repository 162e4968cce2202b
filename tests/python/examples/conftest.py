"""A checkout as its users have it, in a folder of its own, with the packages of this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.workspaces import stop_agent
from tandemlab import Workspace


class Checkout:
    """A copy of the example beside links to the environments that `tools/bootstrap` has made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.example = root / "examples" / "accidents"
        self.python = str(root / ".venv" / "bin" / "python")

    def run(
        self, *command: str | Path, cwd: Path | None = None, status: int = 0, **variables: str
    ) -> str:
        """What a command prints, output and error together; it must end with `status`."""
        done = subprocess.run(
            command,
            cwd=cwd or self.root,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.root / "lab")


@pytest.fixture
def checkout(
    tmp_path: Path,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Checkout]:
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "2")
    source, root = pytestconfig.rootpath, tmp_path / "a checkout"
    ignore = shutil.ignore_patterns("accidents.csv", "lab", "outputs", ".tandemlab", "__pycache__")
    shutil.copytree(source / "examples", root / "examples", ignore=ignore)
    shutil.copy(source / ".Rprofile", root)
    (root / ".venv").symlink_to(sys.prefix)
    (root / ".rlib").symlink_to(source / ".rlib")
    yield Checkout(root)
    for marker in tmp_path.rglob("workspace.json"):
        stop_agent(Workspace(marker.parent))
