"""Services for tests: a folder for scripts, and services that do not outlive their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tandemlab import Workspace
from tandemlab.services import LocalWebservice

SUM = """
import json, os

def init():
    global offset
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "offset.json")) as file:
        offset = json.load(file)
    print("ready to add")

def run(data):
    return {"sum": sum(json.loads(data)) + offset}
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Callable[..., Path]:
    """Writes an entry script; its path, in a folder of its own."""

    def write(code: str, name: str = "score.py") -> Path:
        path = tmp_path / "scoring" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
        return path

    return write


@pytest.fixture
def offset(tmp_path: Path) -> Path:
    """A model: what is added to every sum."""
    path = tmp_path / "offset.json"
    path.write_text("3")
    return path


@pytest.fixture
def services(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace whose services end with the test."""
    yield workspace
    for each in LocalWebservice.list(workspace):
        each.delete()
