"""Automated runs, with a real agent, a real job and real workers."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plugins.series import shops
from plugins.waiting import wait_until
from plugins.workspaces import stop_agent
from tandemlab import Run, RunStatus, Workspace
from tandemlab.automl import AutoMLConfig, AutoMLRun, ForecastingParameters
from tandemlab.domain import InvalidInput, InvalidState, NotFound, RunFailed

pytestmark = pytest.mark.full


def rows(count: int = 90) -> pd.DataFrame:
    """A class that depends on two of three columns, one of which is text."""
    source = np.random.default_rng(7)
    size = source.normal(size=count)
    colour = source.choice(["red", "green", "blue"], count)
    noise = source.normal(scale=0.4, size=count)
    kind = np.where(size + (colour == "red") + noise > 0.3, "good", "bad")
    return pd.DataFrame({"size": size, "colour": colour, "kind": kind})


CONFIG = AutoMLConfig(
    "classification",
    label_column_name="kind",
    iterations=2,
    allowed_models=["LightGBM", "Linear"],
    n_cross_validations=3,
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    os.environ["TANDEMLAB_IDLE_SECONDS"] = "20"
    lab = Workspace.create(tmp_path_factory.mktemp("automl") / "lab")
    yield lab
    stop_agent(lab)
    lab.store.close()
    del os.environ["TANDEMLAB_IDLE_SECONDS"]


@pytest.fixture(scope="module")
def done(lab: Workspace) -> AutoMLRun:
    """A run that has completed."""
    run = lab.experiment("study").submit(CONFIG.replace(training_data=rows()))
    run.wait_for_completion(timeout_seconds=100)
    return run


def test_run_ends_with_a_model_that_takes_raw_frames(done: AutoMLRun) -> None:
    best, model = done.get_output()

    assert done.type == "automl"
    assert best.parent == done
    predicted = model.predict(rows().drop(columns="kind"))
    assert (predicted == rows()["kind"]).mean() > 0.8


def test_trials_are_child_runs_with_metrics_parameters_and_charts(done: AutoMLRun) -> None:
    first = done.get_trial(0)

    assert first.status is RunStatus.COMPLETED
    assert first.params["algorithm"] == "Linear"
    assert first.params["C"] == 0.5
    assert 0 < first.get_metrics()["log_loss"] < 1
    assert first.get_metrics("confusion_matrix")["confusion_matrix"]["data"]["class_labels"] == [
        "bad",
        "good",
    ]
    assert {"accuracy_table", "calibration", "lift"} <= set(first.metrics)
    assert "Featurizer(Numeric, Categorical)" in first.properties["pipeline"]


def test_leaderboard_has_the_best_first(done: AutoMLRun) -> None:
    board = done.leaderboard()

    assert board["score"].is_monotonic_increasing
    assert {"LightGBM", "Linear", "VotingEnsemble"} <= set(board["algorithm"])
    assert board["run_id"][0] == done.get_output()[0].id


def test_run_tells_what_it_found_in_the_data(done: AutoMLRun) -> None:
    checks = {rail["check"]: rail["status"] for rail in done.get_guardrails()}
    purposes = {row["column"]: row["purpose"] for row in done.get_featurization_summary()}

    assert checks["missing values"] == "passed"
    assert purposes == {"size": "Numeric", "colour": "Categorical"}


def test_models_of_single_trials_are_kept(done: AutoMLRun) -> None:
    linear = next(row for row in done.leaderboard_rows() if row["algorithm"] == "Linear")
    run, model = done.get_output(iteration=linear["iteration"])

    assert run.id == linear["run_id"]
    assert [member.algorithm for member in model.members] == ["Linear"]
    registered = done.register_model("linear", iteration=linear["iteration"])
    assert [column.name for column in registered.signature.inputs.columns] == ["size", "colour"]
    with pytest.raises(NotFound):
        done.get_output(iteration=99)
    with pytest.raises(InvalidInput, match="not both"):
        done.get_output(0, "accuracy")


def test_another_metric_has_another_best(done: AutoMLRun) -> None:
    best, _ = done.get_output(metric="AUC_weighted")
    found = [row["metrics"]["AUC_weighted"] for row in done.leaderboard_rows()]

    assert best.get_metrics()["AUC_weighted"] == max(found)
    with pytest.raises(InvalidInput, match="no metric of classification"):
        done.get_output(metric="r2_score")


def test_card_says_what_the_model_relies_on(done: AutoMLRun) -> None:
    importance = done.summary["explanation"]["importance"]
    card = done.read_file("outputs/model_card.md").decode()

    assert set(importance) == {"size", "colour"}
    assert importance["size"] > 0
    assert "## What the model relies on" in card
    assert done.model_card().to_markdown() == card


def test_model_registers_with_what_it_takes(done: AutoMLRun) -> None:
    model = done.register_model("kinds")

    assert model.run_id == done.id
    assert [column.name for column in model.signature.inputs.columns] == ["size", "colour"]
    loaded = model.load(trusted=True)
    assert list(loaded.predict([{"size": 3.0, "colour": "red"}])) == ["good"]


def test_dataset_and_path_are_delivered_to_the_job(lab: Workspace, tmp_path: Path) -> None:
    rows().to_csv(tmp_path / "rows.csv", index=False)
    config = CONFIG.replace(
        training_data=tmp_path / "rows.csv", iterations=1, allowed_models=["Linear"]
    )
    run = lab.experiment("study").submit(config)
    run.wait_for_completion(timeout_seconds=100)

    assert run.leaderboard_rows()[0]["algorithm"] == "Linear"
    assert list(run.input_datasets) == ["training_data"]


def test_label_that_is_not_there_is_told_before_anything_is_made(lab: Workspace) -> None:
    before = len(lab.get_runs())
    config = CONFIG.replace(training_data=rows(), label_column_name="knid")

    with pytest.raises(InvalidInput, match="no column 'knid'") as caught:
        lab.experiment("study").submit(config)

    assert caught.value.hint == "Did you mean 'kind'?"
    assert len(lab.get_runs()) == before


def test_data_that_nothing_can_be_learned_from_fail_the_run(lab: Workspace) -> None:
    run = lab.experiment("study").submit(CONFIG.replace(training_data=rows().assign(kind="good")))

    with pytest.raises(RunFailed, match="'good' in all rows"):
        run.wait_for_completion(timeout_seconds=100)
    with pytest.raises(InvalidState, match="has no model"):
        run.get_output()


def test_canceled_run_keeps_the_best_so_far(lab: Workspace) -> None:
    config = CONFIG.replace(training_data=rows(), iterations=None, enable_early_stopping=False)
    run = lab.experiment("study").submit(config)
    wait_until(lambda: run.get_children(status=RunStatus.COMPLETED), seconds=60)
    run.cancel()
    run.wait_for_completion(raise_on_error=False, timeout_seconds=60)

    assert run.status is RunStatus.CANCELED
    best, model = run.get_output()
    assert best.status is RunStatus.COMPLETED
    assert len(model.predict(rows(5))) == 5


def test_killed_run_is_resumed_without_doing_trials_again(lab: Workspace) -> None:
    config = CONFIG.replace(training_data=rows(), iterations=12)
    run = lab.experiment("study").submit(config)
    wait_until(lambda: run.get_children(status=RunStatus.COMPLETED), seconds=60)
    pid = int((run.directory / "job" / "pid").read_text().split()[0])
    os.killpg(pid, signal.SIGKILL)
    run.wait_for_completion(raise_on_error=False, timeout_seconds=60)
    assert run.status is RunStatus.FAILED
    assert (run.directory / "work" / "scratch").is_dir()  # and nothing outside the run's folder
    trials = run.directory / "files" / "logs" / "trials"
    first = json.loads((trials / "0000" / "fold-0.json").read_text())

    resumed = run.resume()
    resumed.wait_for_completion(timeout_seconds=100)

    board = {row["iteration"]: row for row in resumed.leaderboard_rows()}
    assert resumed.properties["resumes"] == run.id
    assert not (resumed.directory / "work").exists()
    assert set(range(12)) <= set(board)
    before = [json.loads(path.read_text()) for path in (trials / "0000").glob("fold-*.json")]
    assert first in before
    assert board[0]["seconds"] == pytest.approx(sum(each["seconds"] for each in before), abs=1e-3)


def test_child_of_a_run_cannot_take_the_place_of_another(lab: Workspace) -> None:
    other = lab.experiment("study").create_run(type="interactive")
    parent = lab.experiment("study").create_run(type="interactive")
    with parent.report_child(run_id=other.id) as child:
        child.log("loss", 1)

    assert parent.get_children() == []
    assert Run(lab, other.id).get_metrics() == {}


def test_run_for_forecasting_forecasts_and_says_what_it_is(lab: Workspace, tmp_path: Path) -> None:
    sales = shops(2, 60)
    config = AutoMLConfig(
        "forecasting",
        training_data=sales,
        label_column_name="sold",
        iterations=3,
        blocked_models=["AutoTheta"],
        forecasting_parameters=ForecastingParameters(
            "day",
            forecast_horizon=5,
            time_series_id_column_names="shop",
            features_unknown_at_forecast_time="sale",
        ),
    )

    run = lab.experiment("sales").submit(config)
    run.wait_for_completion(timeout_seconds=100)

    forecast = run.forecast(horizon=3, quantiles=[0.1, 0.9])
    assert list(forecast) == ["shop", "day", "forecast", "q0.1", "q0.9"]
    assert forecast["shop"].tolist() == ["s0"] * 3 + ["s1"] * 3
    assert forecast["day"].min() == sales["day"].max() + pd.Timedelta(days=1)
    rolled = run.rolling_forecast(shops(2, 66).groupby("shop").tail(6), step=2)
    assert rolled.groupby("origin").size().tolist() == [10, 8, 4]
    assert {row["algorithm"] for row in run.leaderboard_rows()} >= {"SeasonalNaive", "LightGBM"}
    card = run.model_card(about={"limitations": "Only two shops."}).save(tmp_path / "card.html")
    assert "Only two shops." in card.read_text() and run.id in card.read_text()
    files = run.get_file_names()
    assert {"outputs/train.py", "outputs/model_card.md", "outputs/model_card.html"} <= set(files)
    assert run.export_code() == run.read_file("outputs/train.py").decode()
    model = run.register_model("sales")
    assert "day" in str(model.signature)


def test_run_for_classes_forecasts_nothing(done: AutoMLRun) -> None:
    with pytest.raises(InvalidState, match="is one for classification"):
        done.forecast()
