"""Runs: what they log, keep and say, in interactive, off-line and child form."""

from __future__ import annotations

import io
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest

from tandemlab import Run, Workspace, get_current_run
from tandemlab.domain import AlreadyExists, InvalidInput, InvalidState, NotFound

matplotlib.use("Agg")


@pytest.fixture(
    params=[
        "folder",
        pytest.param("postgresql", marks=pytest.mark.services),
        pytest.param("url", marks=pytest.mark.full),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    """A run is the same wherever its workspace is."""
    return str(request.param)


@pytest.fixture
def store_address(kind: str, request: pytest.FixtureRequest) -> str | None:
    return str(request.getfixturevalue("database")) if kind == "postgresql" else None


@pytest.fixture
def workspace(kind: str, workspace: Workspace, request: pytest.FixtureRequest) -> Workspace:
    return request.getfixturevalue("remote") if kind == "url" else workspace


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return workspace.experiment("demo").create_run(type="interactive")


def test_points_have_times_and_steps(run: Run) -> None:
    for step in range(3):
        run.log("loss", 1 / (step + 1), step=step)
    metric = run.metrics["loss"]
    assert [point.step for point in metric.points] == [0, 1, 2]
    assert metric.points[0].time <= metric.points[2].time
    assert metric.value == [1.0, 0.5, 1 / 3]


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), None, np.float32(2), "text", True, 7]
)
def test_every_scalar_is_accepted(run: Run, value: Any) -> None:
    run.log("x", value)
    found = run.get_metrics()["x"]
    plain = value.item() if isinstance(value, np.generic) else value
    assert found == plain or (math.isnan(found) and math.isnan(plain))
    assert type(found) is type(plain)


@pytest.mark.parametrize("value", [[1, 2], np.array([1, 2]), object(), {"a": 1}, 1j])
def test_what_is_no_scalar_is_refused_and_nothing_is_logged(run: Run, value: Any) -> None:
    with pytest.raises(InvalidInput):
        run.log("x", value)
    assert run.get_metrics() == {}


@pytest.mark.parametrize("step", ["a", 1.5, True, [1]])
def test_a_step_is_a_whole_number(run: Run, step: Any) -> None:
    with pytest.raises(InvalidInput):
        run.log("x", 1.0, step=step)


def test_lists_tables_and_frames_become_columns(run: Run) -> None:
    run.log_list("lr", np.array([0.5, 0.25]))
    run.log_table("dict", {"a": [1, 2], "b": ["x", None]})
    run.log_table(
        "frame", pd.DataFrame({"a": [1.5, math.nan], "when": pd.to_datetime(["2002"] * 2)})
    )
    metrics = run.get_metrics()
    assert metrics["lr"] == [0.5, 0.25]
    assert metrics["dict"] == {"a": [1, 2], "b": ["x", None]}
    assert metrics["frame"]["when"] == ["2002-01-01T00:00:00"] * 2
    with pytest.raises(InvalidInput, match="a: 2, b: 1"):
        run.log_table("bad", {"a": [1, 2], "b": [1]})
    with pytest.raises(InvalidInput, match="log_list takes several"):
        run.log_list("bad", "text")  # type: ignore[arg-type]


def test_figures_and_image_files_are_kept(run: Run, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.add_subplot().plot([1, 2])
    run.log_image("ROC curve", plot=figure)
    run.log_image("ROC curve", plot=figure)
    assert run.get_file_names() == ["images/ROC_curve.png", "images/ROC_curve_2.png"]
    assert run.get_metrics()["ROC curve"] == {"file": "images/ROC_curve_2.png"}
    content = run.get_metrics(populate=True)["ROC curve"]["content"]
    assert content.startswith(b"\x89PNG")
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(InvalidInput, match="not an image"):
        run.log_image("x", path=tmp_path / "a.png")
    with pytest.raises(InvalidInput, match="either"):
        run.log_image("x")
    with pytest.raises(InvalidInput, match="savefig"):
        run.log_image("x", plot=3)


def test_charts_are_checked(run: Run) -> None:
    matrix = np.array([[3, 1], [0, 2]])
    run.log_confusion_matrix("cm", {"class_labels": ["a", "b"], "matrix": matrix})
    assert run.get_metrics()["cm"]["data"]["matrix"] == [[3, 1], [0, 2]]
    with pytest.raises(InvalidInput, match="lacks matrix"):
        run.log_confusion_matrix("cm", {"class_labels": ["a"]})
    with pytest.raises(InvalidInput, match="not JSON"):
        run.log_residuals("r", "{")
    with pytest.raises(InvalidInput, match="is a residuals"):
        run.log_predictions("p", {"schema_type": "residuals", "data": {}})


def test_tags_properties_and_names(run: Run) -> None:
    run.set_tags({"a": "1", "b": None})
    run.remove_tags(["a"])
    run.add_properties({"p": "1"})
    run.add_properties({"p": "1"})
    with pytest.raises(AlreadyExists):
        run.add_properties({"q": "1", "p": "2"})
    run.display_name = "best so far"
    run.description = "about"
    assert (run.tags, run.properties) == ({"b": None}, {"p": "1"})
    assert (run.display_name, run.description) == ("best so far", "about")


def test_files_go_up_and_down(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.txt").write_text("a")
    (tmp_path / "in" / "deep" / "b.bin").write_bytes(b"\0\xff")
    run.upload_folder("model", tmp_path / "in")
    run.upload_file("stream.txt", io.BytesIO(b"s"))
    assert run.get_file_names() == ["model/a.txt", "model/deep/b.bin", "stream.txt"]
    paths = run.download_files("model/", tmp_path / "out", append_prefix=False)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "out/a.txt",
        "out/deep/b.bin",
    ]
    assert (tmp_path / "out" / "deep" / "b.bin").read_bytes() == b"\0\xff"
    with pytest.raises(NotFound, match=r"model/a\.txt"):
        run.download_file("nothing")
    with pytest.raises(InvalidInput, match="folder"):
        run.upload_file("x", tmp_path)
    with pytest.raises(InvalidInput, match="do not fit"):
        run.upload_files(["a"], [])


def test_equal_files_are_kept_once_and_cannot_be_changed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("same")
    run.upload_file("one", tmp_path / "a")
    run.upload_file("two", tmp_path / "a")
    run.get_file_names()
    one, two = (run.directory / "files" / name for name in ("one", "two"))
    assert one.samefile(two) and (one.stat().st_mode & 0o222) == 0
    (tmp_path / "a").write_text("changed")
    assert run.download_file("one", tmp_path / "b").read_text() == "same"


def test_an_interactive_run_completes_or_fails_with_its_block(workspace: Workspace) -> None:
    experiment = workspace.experiment("demo")
    with experiment.start_logging() as good:
        assert get_current_run() is good
        with good.child_run("fold") as child:
            assert get_current_run() is child
        assert get_current_run() is good
    with pytest.raises(ZeroDivisionError), experiment.start_logging() as bad:
        1 / 0  # noqa: B018
    assert (good.status.value, bad.status.value) == ("Completed", "Failed")
    assert bad.get_details()["error"] == {
        "message": "ZeroDivisionError: division by zero",
        "code": "exception",
    }
    assert child.parent == good and good.get_children() == [child]


def test_the_outputs_folder_of_an_interactive_run_is_kept(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "outputs").mkdir()
    with workspace.experiment("demo").start_logging(outputs=tmp_path / "outputs") as run:
        (tmp_path / "outputs" / "model.txt").write_text("42")
    assert run.get_file_names() == ["outputs/model.txt"]


def test_the_source_of_a_run_comes_back(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "source" / "deep").mkdir(parents=True)
    (tmp_path / "source" / "deep" / "train.py").write_text("pass")
    experiment = workspace.experiment("demo")
    with experiment.start_logging(snapshot_directory=tmp_path / "source") as run:
        assert run.get_snapshot_id() is not None
    copy = run.restore_snapshot(tmp_path / "copy")
    assert (copy / "deep" / "train.py").read_text() == "pass"
    with pytest.raises(AlreadyExists, match="not empty"):
        run.restore_snapshot(copy)
    with pytest.raises(NotFound, match="No source"):
        experiment.create_run(type="interactive").restore_snapshot(tmp_path / "other")


def test_children_in_bulk_and_recursive_metrics(run: Run) -> None:
    run.log("x", 0)
    children = run.create_children(tag_key="fold", tag_values=["1", "2"])
    for child in children:
        child.log("x", 1)
    grandchild = children[0].child_run()
    grandchild.log("x", 2)
    assert {item.id for item in run.get_children(recursive=True)} == {
        *(child.id for child in children),
        grandchild.id,
    }
    assert run.get_children(tags={"fold": "2"}) == [children[1]]
    assert run.get_metrics(recursive=True)[grandchild.id] == {"x": 2}
    assert len(run.create_children(3)) == 3
    with pytest.raises(InvalidInput):
        run.create_children(3, "fold", ["1"])


def test_a_run_with_children_is_not_deleted_and_one_without_is_gone(run: Run) -> None:
    child = run.child_run()
    run.complete()
    with pytest.raises(InvalidState, match="children"):
        run.delete()
    child.complete()
    child.delete()
    run.delete()
    assert not run.directory.exists()
    with pytest.raises(NotFound):
        run.workspace.get_run(run.id)


def test_runs_make_a_frame(workspace: Workspace) -> None:
    for number in range(3):
        with workspace.experiment("demo").start_logging(tags={"n": str(number)}) as run:
            run.log("x", number / 2)
    frame = workspace.runs_frame("demo")
    assert list(frame["metrics.x"]) == [1.0, 0.5, 0.0]
    assert list(frame["tags.n"]) == ["2", "1", "0"]
    assert str(frame["created"].dtype).endswith("UTC]")
    assert workspace.runs_frame("nothing").empty


OFFLINE = """
import warnings
from tandemlab import Run
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    run = Run.get_context()
    assert Run.get_context() is run
    run.log("x", 0.5, step=1)
assert len(caught) == 1 and "off-line" in str(caught[0].message), caught
run.tag("k", "v")
print(run.id, run.experiment.workspace.name, run.get_metrics())
raise SystemExit(0) if {good} else RuntimeError("no data")
"""


@pytest.mark.parametrize(("good", "status"), [(True, "Completed"), (False, "Failed")])
def test_without_a_run_everything_is_kept_locally(tmp_path: Path, good: bool, status: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", OFFLINE.format(good=good)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if "TANDEMLAB_RUN" not in name},
    )
    assert (result.returncode == 0) is good, result.stderr
    run_id, name, metrics = result.stdout.strip().split(" ", 2)
    assert (name, metrics) == ("offline", "{'x': 0.5}")
    run = Workspace.open(tmp_path / ".tandemlab" / "offline").get_run(run_id)
    assert (run.get_status(), run.type, run.tags) == (status, "offline", {"k": "v"})


def test_offline_runs_may_be_forbidden() -> None:
    with pytest.raises(InvalidState, match="not part of a run"):
        get_current_run(allow_offline=False)


def test_an_id_that_is_taken_is_refused_and_its_run_stays(run: Run) -> None:
    child = run.child_run(run_id="fold_1")
    child.log("x", 1)
    with pytest.raises(AlreadyExists, match="fold_1"):
        run.child_run(run_id="fold_1")
    with pytest.raises(InvalidInput):
        run.child_run(run_id="../fold_2")
    assert child.get_metrics() == {"x": 1}


def test_parameters_are_columns_of_both_libraries(workspace: Workspace) -> None:
    for depth, model in ((1, "glm"), (2.5, None)):
        with workspace.experiment("demo").start_logging() as run:
            run.log_params({"depth": depth, "model": model})
            run.log_param("mixed", "x" if model else 7)
    found = workspace.runs_frame("demo", order_by="params.depth")
    assert found["params.depth"].tolist() == [1, 2.5]
    polars = workspace.runs_frame("demo", order_by="params.depth", library="polars")
    assert polars["params.depth"].to_list() == [1, 2.5]
    assert polars["params.mixed"].to_list() == ["x", "7"]
    assert str(polars.schema["ended"]) == str(polars.schema["created"])
    assert len(workspace.experiment("demo").to_frame(filter="params.depth > 2")) == 1
    with pytest.raises(InvalidInput, match="no data frames of 'arrow'"):
        workspace.runs_frame(library="arrow")


def test_a_wrong_parameter_logs_none(run: Run) -> None:
    with pytest.raises(InvalidInput):
        run.log_params({"a": 1, "b": [1, 2]})
    assert run.get_params() == {}
