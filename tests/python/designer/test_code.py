"""Components that run people's code, read datasets and find models by themselves, in real runs."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import pandas
import pytest

from tandemlab import Dataset, Workspace
from tandemlab.data import TabularDataset
from tandemlab.designer import ComponentStep, find_component
from tandemlab.designer.learning import Learner
from tandemlab.domain import InvalidInput, RunStatus
from tandemlab.pipelines import Pipeline, PipelineRun

SECONDS = 180
R_MAIN = """
azureml_main <- function(frame1, frame2) {
  plot(frame1$x)
  message("rows: ", nrow(frame1))
  frame1$town <- factor(frame1$town)
  list(data.frame(total = sum(frame1$x)), frame1[frame1$town == "a", ])
}
"""
PYTHON_MAIN = """
import matplotlib.pyplot as plots

def azureml_main(frame1=None, frame2=None):
    plots.plot(frame1["total"])
    print("total", frame1["total"][0])
    return frame1.assign(rows=len(frame2))
"""


def finished(pipeline: Pipeline, workspace: Workspace) -> PipelineRun:
    run = workspace.experiment("designer").submit(pipeline)
    run.wait_for_completion(raise_on_error=False, timeout_seconds=SECONDS)
    assert isinstance(run, PipelineRun)
    return run


def entered(text: str) -> ComponentStep:
    return ComponentStep("rows", "enter_data_manually", {"text": text})


@pytest.mark.full
@pytest.mark.timeout(600)
def test_code_in_r_and_python_hands_frames_on(workspace: Workspace, tmp_path: Path) -> None:
    pandas.DataFrame({"x": [1, 2, 4], "town": ["a", "b", "a"]}).to_csv(tmp_path / "x.csv")
    Dataset.Tabular.from_delimited_files(tmp_path / "x.csv").register(workspace, "towns")
    source = ComponentStep("source", "dataset", {"dataset": "towns"})
    in_r = ComponentStep(
        "in_r",
        "execute_r_script",
        {"code": R_MAIN, "packages": ["stats"]},
        inputs={"frame1": source.output()},
    )
    in_python = ComponentStep(
        "in_python",
        "execute_python_script",
        {"code": PYTHON_MAIN},
        inputs={"frame1": in_r.output("result1"), "frame2": in_r.output("result2")},
    )
    keep = ComponentStep(
        "keep",
        "export_data",
        {"register_as": "totals"},
        inputs={"data": in_python.output("result1")},
    )
    run = finished(Pipeline([keep]), workspace)
    assert run.status is RunStatus.COMPLETED, run.get_details()
    totals = Dataset.get_by_name(workspace, "totals")
    assert isinstance(totals, TabularDataset)
    assert totals.to_pandas_dataframe().to_dict("list") == {"total": [7], "rows": [2]}
    steps = {each.name: run.find_step_run(each.name)[0] for each in run.get_steps()}
    assert "rows: 3" in steps["in_r"].read_log()[0]
    assert "outputs/plot-01.png" in steps["in_r"].get_file_names()
    assert "total 7" in steps["in_python"].read_log()[0]
    assert any("figure_1" in name for name in steps["in_python"].get_file_names())
    again = finished(Pipeline([keep]), workspace)
    assert {each.name: each.reused for each in again.get_steps()} == dict.fromkeys(steps, True)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_code_that_fails_says_where(workspace: Workspace) -> None:
    data = entered("x\n1").output()
    r_code = "f <- function(x) {\n  stop('too few rows')\n}\nresult <- f(frame1)"
    parts = {
        "python": ("execute_python_script", "y = 1\nresult = frame1 / unknown"),
        "r": ("execute_r_script", r_code),
        "lacking": ("execute_r_script", "result <- frame1"),
        "number": ("execute_r_script", "result <- 3"),
    }
    steps = [
        ComponentStep(
            name,
            component,
            {"code": code, **({"packages": ["no.such.package"]} if name == "lacking" else {})},
            inputs={"frame1": data},
        )
        for name, (component, code) in parts.items()
    ]
    run = workspace.experiment("designer").submit(Pipeline(steps), continue_on_step_failure=True)
    run.wait_for_completion(raise_on_error=False, timeout_seconds=SECONDS)
    assert run.status is RunStatus.FAILED
    logs = {name: run.find_step_run(name)[0].read_log()[0] for name in parts}
    assert 'File "<script>", line 2' in logs["python"] and "'unknown'" in logs["python"]
    assert "too few rows" in logs["r"]
    assert "not installed: no.such.package" in logs["lacking"]
    assert "The code gives numeric, and no data frame" in logs["number"]


def test_what_code_gives_is_checked() -> None:
    rows = pandas.DataFrame({"x": [1]})
    script = find_component("execute_python_script")
    made = script(code="result = (frame1, frame2)").run(rows, rows)
    assert made["result2"].equals(rows)
    assert script(code="result = frame1").run(rows)["result2"].empty
    for code, said in (
        ("x = 1", "neither a function"),
        ("result = 1", "gives int"),
        ("result = (frame1,) * 3", "gives 3 values"),
    ):
        with pytest.raises(InvalidInput, match=said):
            script(code=code).run(rows)
    with pytest.raises(InvalidInput, match=r"this is no Python: .*line 2"):
        script(code="x = 1\nfor in y:")
    with pytest.raises(InvalidInput, match="no name of a package"):
        find_component("execute_r_script")(packages=['x"); system("ls'])


def test_a_class_of_python_is_trained_kept_and_scores() -> None:
    learner: Learner = find_component("create_python_model")().run()
    rows = pandas.DataFrame({"x": [1.0, 1.1, 5.0, 5.1] * 3, "y": ["a", "a", "b", "b"] * 3})
    model = find_component("train_model")(label="y").run(learner, rows)
    again = pickle.loads(pickle.dumps(model))
    scored = find_component("score_model")().run(again, rows)
    assert scored["scored_label"].tolist() == rows["y"].tolist()
    assert scored["scored_probability_b"].tolist() == [0.0, 0.0, 1.0, 1.0] * 3
    with pytest.raises(InvalidInput, match="no class AzureMLModel"):
        find_component("create_python_model")(code="class Model: pass")


@pytest.mark.full
@pytest.mark.timeout(600)
def test_the_best_model_is_found_and_scores() -> None:
    from sklearn.datasets import load_iris

    flowers = load_iris(as_frame=True).frame.rename(columns={"target": "kind"})
    flowers["kind"] = flowers["kind"].map({0: "setosa", 1: "versicolor", 2: "virginica"})
    made = find_component("automl")(label="kind", seconds=6).run(flowers)
    assert len(made["leaderboard"]) >= 1
    scored = find_component("score_model")().run(made["model"], flowers)
    report = find_component("evaluate_model")(label="kind").run(scored)
    assert report["blocks"][0]["values"]["accuracy"] > 0.9
    importance = find_component("permutation_feature_importance")(repeats=1)
    found = importance.run(made["model"], flowers)["importance"]
    assert set(found["column"]) == set(flowers.columns) - {"kind"}
    with pytest.raises(InvalidInput):
        find_component("automl")(label="kind").run(flowers.head(0))


@pytest.mark.full
@pytest.mark.timeout(600)
def test_series_are_forecast_with_what_is_known_ahead() -> None:
    months = pandas.date_range("2020-01-01", periods=60, freq="MS")
    rows = pandas.DataFrame({"month": months, "sales": [100 + 10 * (n % 12) for n in range(60)]})
    component = find_component("forecast")(label="sales", time="month", horizon=3, seconds=8)
    made = component.run(rows)
    assert list(made["forecast"].columns) == list(
        component.columns({"data": {name: "x" for name in rows}})["forecast"] or {}
    )
    truth = [100, 110, 120]
    assert all(
        math.isclose(a, b, rel_tol=0.1)
        for a, b in zip(made["forecast"]["forecast"], truth, strict=True)
    )
    with pytest.raises(InvalidInput, match="no column 'month'"):
        component.run(rows.drop(columns="month"))
