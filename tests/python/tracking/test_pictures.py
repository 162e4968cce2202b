"""Pictures of runs: what is drawn, not its pixels."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tandemlab import Run, Workspace
from tandemlab.domain import InvalidInput, NotFound
from tandemlab.tracking.panels import panels_of_run


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path) -> Run:
    experiment = workspace.experiment("demo")
    with experiment.start_logging(display_name="first try", tags={"data": "2002"}) as run:
        for epoch in range(1, 5):
            run.log("train/loss", 1 / epoch, step=epoch)
            run.log("val/loss", math.nan if epoch == 3 else 2 / epoch, step=epoch)
        run.log("auc", 0.875)
        run.log("method", "glm")
        run.log_table("folds", {"fold": [1, 2, 3], "f1": [0.5, 0.6, 0.7], "note": ["a", "b", "c"]})
        run.log_table("words", {"text": ["a", "b"]})
        matrix = {"class_labels": ["alive", "dead"], "matrix": [[50, 1], [2, 7]]}
        run.log_confusion_matrix("confusion", matrix)
        run.log_residuals("errors", {"bin_edges": [-1, 0, 1], "bin_counts": [3, 5]})
        bins = {"bin_counts": [4, 4], "bin_edges": [0, 0.5, 1], "bin_errors": [0.1, 0.2]}
        run.log_predictions("calibration", {**bins, "bin_averages": [0.2, 0.8]})
        tables = [[[9, 8, 0, 0], [6, 2, 6, 3], [0, 0, 8, 9]]]
        run.log_accuracy_table(
            "roc",
            {
                "probability_tables": tables,
                "percentile_tables": tables,
                "probability_thresholds": [0, 0.5, 1],
                "percentile_thresholds": [0, 0.5, 1],
                "class_labels": ["dead"],
            },
        )
        image = Figure(figsize=(2, 1))
        image.add_subplot().plot([1, 2])
        run.log_image("weights", plot=image)
    return run


def titles(picture: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in picture.axes]


def test_series_of_one_kind_share_a_panel_and_charts_have_their_own(run: Run) -> None:
    picture = run.plot()
    assert titles(picture) == [
        "loss", "folds", "confusion", "errors", "calibration", "roc", "weights",
    ]  # fmt: skip
    loss, folds, confusion, errors, calibration, roc, weights = picture.axes
    train, val = loss.get_lines()
    assert train.get_xydata().tolist() == [[1, 1], [2, 0.5], [3, 1 / 3], [4, 0.25]]
    assert math.isnan(val.get_ydata()[2]) and val.get_ydata()[3] == 0.5
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["train/loss", "val/loss"]
    assert (loss.get_xlabel(), folds.get_xlabel()) == ("step", "fold")
    assert folds.get_lines()[0].get_xydata().tolist() == [[1, 0.5], [2, 0.6], [3, 0.7]]
    assert [text.get_text() for text in confusion.texts] == ["50", "1", "2", "7"]
    assert [label.get_text() for label in confusion.get_yticklabels()] == ["alive", "dead"]
    bars = [patch for patch in errors.patches if isinstance(patch, Rectangle)]
    assert [(bar.get_x(), bar.get_height()) for bar in bars] == [(-1, 3), (0, 5)]
    assert calibration.get_lines()[1].get_xydata().tolist() == [[0.25, 0.2], [0.75, 0.8]]
    assert len(calibration.containers) == 1
    assert roc.get_lines()[1].get_xydata().tolist() == [[0, 0], [0.25, 2 / 3], [1, 1]]
    assert len(weights.get_images()) == 1


def test_details_show_the_facts_of_a_run_first(run: Run) -> None:
    picture = run.plot_details()
    assert titles(picture)[0] == "first try" and len(picture.axes) == 8
    facts = dict(line.split(maxsplit=1) for line in picture.axes[0].texts[0].get_text().split("\n"))
    assert (facts["status"], facts["data"], facts["auc"], facts["method"]) == (
        "Completed", "2002", "0.875", "glm",
    )  # fmt: skip


def test_text_with_a_dollar_sign_is_drawn_as_it_is(workspace: Workspace) -> None:
    with workspace.experiment("demo").start_logging() as run:
        run.log("cost $x^", "5 $ to 7 $_{")
        for name in ("$x^$/$a_$", "$y^$/$a_$"):
            run.log_list(name, [1.0, 2.0])
    run.plot().savefig(workspace.path / "tmp" / "picture.svg")
    run.plot_details().savefig(workspace.path / "tmp" / "details.svg")


def test_single_values_are_drawn_if_named_or_alone(run: Run, workspace: Workspace) -> None:
    assert [panel.texts for panel in panels_of_run(run, ["auc", "method"])] == [["0.875", "glm"]]
    with workspace.experiment("demo").start_logging() as other:
        other.log("auc", True)
    assert panels_of_run(other)[0].texts == ["True"]


def test_what_series_are_drawn_over_can_be_chosen(run: Run) -> None:
    assert panels_of_run(run, "val/loss", "index")[0].lines[0].x == [1, 2, 3, 4]
    (panel,) = panels_of_run(run, "val/loss", "time")
    assert panel.x_label == "seconds since the start"
    assert panel.lines[0].x == sorted(panel.lines[0].x)
    with pytest.raises(InvalidInput, match="moon"):
        run.plot(over="moon")


def test_steps_are_in_order_and_points_without_one_are_counted(workspace: Workspace) -> None:
    with workspace.experiment("demo").start_logging() as run:
        for step in (3, 1, 2):
            run.log("a", step / 10, step=step)
        run.log("b", 1.0, step=5)
        run.log("b", 2.0)
    a, b = panels_of_run(run)
    assert (a.lines[0].x, a.lines[0].y) == ([1, 2, 3], [0.1, 0.2, 0.3])
    assert (b.x_label, b.lines[0].x) == ("index", [1, 2])
    assert panels_of_run(run, "b", "step")[0].lines[0].x == [5]


def test_a_long_series_is_thinned_and_keeps_its_peaks(workspace: Workspace) -> None:
    values = [math.sin(at / 500) for at in range(50_000)]
    values[31_234] = 9.0
    with workspace.experiment("demo").start_logging() as run:
        run.log_list("wave", values)
    (line,) = panels_of_run(run)[0].lines
    assert len(line.x) <= 2000
    assert max(y for y in line.y if y is not None) == 9.0
    assert line.x == sorted(line.x)


def test_what_is_not_there_is_not_drawn(run: Run, workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="no metric 'nope'"):
        run.plot("nope")
    with workspace.experiment("demo").start_logging() as empty:
        pass
    with pytest.raises(NotFound, match="anything"):
        empty.plot()
    assert len(empty.plot_details().axes) == 1
    with pytest.raises(NotFound, match="nope"):
        workspace.experiment("demo").plot("nope")


def test_runs_are_compared_by_number_or_by_history(workspace: Workspace) -> None:
    experiment = workspace.experiment("demo")
    for auc in (0.7, 0.9, 0.8):
        with experiment.start_logging() as run:
            run.log("auc", auc)
            for step in range(3):
                run.log("loss", auc / (step + 1), step=step)
    with experiment.start_logging():
        pass  # a run that has logged nothing
    picture = experiment.plot()
    assert titles(picture) == ["auc", "loss"]
    assert picture.axes[0].get_lines()[0].get_xydata().tolist() == [[1, 0.7], [2, 0.9], [3, 0.8]]
    assert picture.axes[0].get_lines()[0].get_linestyle() == "None"
    histories = experiment.plot("loss", over="step").axes[0]
    assert [line.get_ydata()[0] for line in histories.get_lines()] == [0.7, 0.9, 0.8]
    assert len(experiment.plot("auc", limit=2).axes[0].get_lines()[0].get_xdata()) == 2


def test_a_notebook_shows_a_picture_without_pyplot(run: Run) -> None:
    content = run.plot("auc")._repr_png_()  # type: ignore[attr-defined]
    assert content.startswith(b"\x89PNG")
    code = (
        "import sys; from tandemlab import Run; import tandemlab.tracking.panels; "
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_without_matplotlib_the_error_names_the_extra(run: Run) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None; from tandemlab import Workspace\n"
        f"Workspace({str(run.workspace.path)!r}).get_run({run.id!r}).plot()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingDependency" in done.stderr and "tandemlab[plots]" in done.stderr


def test_a_long_series_is_drawn_without_losing_a_peak(workspace: Workspace) -> None:
    run = workspace.experiment("demo").create_run(type="interactive")
    values = [0.5] * 40_000
    values[12_345] = 9.0
    run.log_list("x", values)
    (panel,) = panels_of_run(run)
    (line,) = panel.lines
    assert len(line.x) <= 2000 and (line.x[0], line.x[-1]) == (1, 40_000)
    assert dict(zip(line.x, line.y, strict=True))[12_346] == 9.0
