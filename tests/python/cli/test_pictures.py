"""``tandemlab run plot`` and ``tandemlab experiment plot``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from python.cli.conftest import Answer
from tandemlab import Run

Call = Callable[..., Answer]


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.PDF", b"%PDF")]
)
def test_a_run_is_drawn_into_a_file_of_each_kind(
    logged: Run, call: Call, folder: Path, name: str, start: bytes
) -> None:
    answer = call("run", "plot", "demo/1", "--to", name, "-o", "json")
    assert answer.status == 0
    content = (folder / name).read_bytes()
    assert content.startswith(start)
    assert answer.json == {"path": name, "size": len(content), "panels": 3}


def test_metrics_and_details_can_be_chosen(logged: Run, call: Call) -> None:
    def panels(*options: str) -> int:
        return int(call("run", "plot", "demo/1", *options, "-o", "json").json["panels"])

    assert panels("-m", "loss", "--over", "time", "--to", "a.png") == 1
    assert panels("--details", "--to", "b.png") == 4
    assert call("run", "plot", "demo/1", "--details", "-m", "loss", "--to", "c.png").status == 2


def test_a_picture_that_is_there_is_replaced_only_if_asked(
    logged: Run, call: Call, folder: Path
) -> None:
    (folder / "a.png").write_text("mine")
    assert call("run", "plot", "demo/1", "--to", "a.png").status == 4
    assert (folder / "a.png").read_text() == "mine"
    assert call("run", "plot", "demo/1", "--to", "a.png", "--overwrite").status == 0


def test_what_cannot_be_drawn_leaves_no_file(logged: Run, call: Call, folder: Path) -> None:
    assert call("run", "plot", "demo/1", "-m", "nope", "--to", "a.png").status == 3
    assert call("run", "plot", "demo/1", "--to", "a.gif").status == 2
    assert call("experiment", "plot", "demo", "-m", "note", "--to", "a.png").status == 3
    assert call("experiment", "plot", "absent", "--to", "a.png").status == 3
    assert list(folder.glob("*a.*")) == []


def test_an_experiment_is_drawn(logged: Run, call: Call, folder: Path) -> None:
    answer = call("experiment", "plot", "demo", "-m", "accuracy", "--to", "a.svg", "-o", "json")
    assert answer.json["panels"] == 1 and (folder / "a.svg").exists()
